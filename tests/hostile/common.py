# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the suites of this directory share.

A suite is a module here with `def run(options: Options) -> Result`; run.py finds it by that. It
makes a list of cases and gives it to run_cases:

    def _refused(context: Context) -> None:
        site = context.lab.site(context.lab.sandbox().start(), "X26ABC1")
        ...
        assert site.names("FAILED") == [...]

    def run(options: Options) -> Result:
        return run_cases("drop", [Case("ctl-symlink", _refused)], options)

    if __name__ == "__main__":
        sys.exit(main(run))

A case is a function that raises AssertionError (or anything else) when a promise is broken, and
Skip with the reason when this machine cannot do it. After every case all logs of its programs are
looked through: only UTF-8, nothing that a terminal would obey. Cases run in --jobs processes, each case in a
directory of its own, with a time limit; what it started is ended.
"""

import argparse
import contextlib
import ctypes
import fnmatch
import json
import multiprocessing
import os
import queue
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "system"))
sys.dont_write_bytecode = True

# After the lines above, which say where the harness is.
from harness.lab import Lab  # noqa: E402  pylint: disable=wrong-import-position
from harness.printable import (  # noqa: E402  pylint: disable=wrong-import-position
    assert_logs_printable,
)
from harness.process import Programs  # noqa: E402  pylint: disable=wrong-import-position

CASE_LIMIT = 120.0
WORKPLACE = "meshdrop-hostile-"
MEMORY_LEAST = 1 << 30
KEEP_MOST = 20
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CAP_SYS_PTRACE = 19


class Skip(Exception):
    """This machine cannot do the case; the text says what it lacks."""


@dataclass(frozen=True)
class Options:
    """What run.py was told."""

    builddir: Path
    quick: bool = False
    jobs: int = 2
    only: str = ""  # a name or a pattern of names

    @property
    def programs(self) -> Programs:
        """The programs under test."""
        return Programs(self.builddir)


@dataclass
class Result:
    """What a suite found."""

    suite: str
    cases: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)  # whatever else it counted
    slowest: list[tuple[float, str]] = field(default_factory=list)

    @property
    def word(self) -> str:
        """passed, failed or skipped; a suite without a case has failed."""
        if self.failed or self.cases == 0:
            return "failed"
        return "passed" if self.passed else "skipped"


class Context:
    """What a case works with."""

    def __init__(self, options: Options, path: Path, kept: dict[str, Any]):
        self.options = options
        self.path = path  # its own directory, which is removed
        self.figures: dict[str, int] = {}  # added up over the suite's cases
        self._kept = kept
        self._lab: Lab | None = None
        self._ends: list[Callable[[], None]] = []

    @property
    def lab(self) -> Lab:
        """Sandboxes, sites and fault servers; made when first asked for."""
        if not self._lab:
            place = self.path / "lab"
            place.mkdir()
            self._lab = Lab(self.options.programs, place)
        return self._lab

    def shared(self, key: str, make: Callable[["Context"], Any]) -> Any:
        """Something that all cases of this process use, made once and closed at its end.

        make gets a context of its own, whose directory lives as long as the process. What keeps it
        from being made keeps it from that for all cases, also a Skip.
        """
        if key not in self._kept:
            place = self.path.parent / f"shared-{key}"
            place.mkdir()
            self._kept[key] = RuntimeError(f"'{key}' could not be made in time")
            try:
                self._kept[key] = make(Context(self.options, place, self._kept))
            except Exception as problem:  # pylint: disable=broad-exception-caught
                self._kept[key] = problem
        if isinstance(self._kept[key], Exception):
            raise self._kept[key]
        return self._kept[key]

    def at_end(self, end: Callable[[], None]) -> None:
        """What ends something that the case started, should it not come to that itself."""
        self._ends.append(end)

    def count(self, name: str, number: int = 1) -> None:
        """Adds to a figure of the suite."""
        self.figures[name] = self.figures.get(name, 0) + number

    def close(self) -> None:
        """Ends all that runs, and looks through the logs for what no log may hold."""
        while self._ends:
            self._ends.pop()()
        if self._lab:
            self._lab.close()
        assert_logs_printable(self._logs())

    def _logs(self) -> list[Path]:
        """What all programs of the case said, of the lab's sites and of a suite's own."""
        places = (self.path / "logs", self.path / "lab" / "logs")
        return [log for place in places for log in sorted(place.glob("*.log"))]

    def tails(self) -> list[tuple[str, str]]:
        """The ends of the logs."""
        return self._lab.log_tails() if self._lab else []


@dataclass(frozen=True)
class Case:
    """One attack and what must come of it."""

    name: str
    run: Callable[[Context], None]
    quick: bool = True  # whether --quick has it
    limit: float = CASE_LIMIT  # seconds; a case that hangs has failed


@dataclass
class Said:
    """What became of a case."""

    name: str
    word: str  # passed, failed or skipped
    text: str = ""
    seconds: float = 0.0
    figures: dict[str, int] = field(default_factory=dict)


# --- what cases ask for


def open_up(path: Path) -> None:
    """Lets other users pass through the directories of a temporary path that the suite made; those
    above are the machine's and stay as they are."""
    made = True
    for directory in (path, *path.parents):
        st = directory.stat()
        if not st.st_mode & 0o001:
            if not made:
                raise Skip(f"other users cannot come to what lies below {directory}")
            if st.st_uid == os.getuid():
                directory.chmod(st.st_mode | 0o011)
        made = made and not directory.name.startswith(WORKPLACE)


def need_look_inside() -> None:
    """Root may look into the daemon, which is sealed, only with the right to trace any process;
    that is what many containers take away."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^CapEff:\s+([0-9a-f]+)$", status, re.MULTILINE)
    if not found or not int(found[1], 16) >> CAP_SYS_PTRACE & 1:
        raise Skip("needs the right to look into other processes (CAP_SYS_PTRACE)")


# --- one process


class TimeIsUp(BaseException):
    """Not an Exception, so that no case takes it for something it expected."""


def _alarm(_number: int, _frame: object) -> None:
    raise TimeIsUp()


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(1)


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    signal.signal(signal.SIGALRM, _alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _kept_root(suite: str) -> Path:
    return Path(tempfile.gettempdir()) / f"meshdrop-kept-hostile-{suite}"


def _keep(suite: str, case: str, context: Context, text: str) -> str:
    """Copies what a failed case left to where it can be looked at; says where."""
    root = _kept_root(suite)
    root.mkdir(exist_ok=True)
    place = root / "".join(c if c.isalnum() or c in "-+." else "_" for c in case)
    shutil.rmtree(place, ignore_errors=True)
    if len(list(root.iterdir())) >= KEEP_MOST:
        return "nothing kept: there is enough to look at already"
    place.mkdir()
    for name, tail in context.tails():
        (place / name).write_text(tail + "\n", encoding="utf-8")
    (place / "failure.txt").write_text(text + "\n", encoding="utf-8")
    listing = "".join(f"{path}\n" for path in sorted(context.path.rglob("*"))[:2000])
    (place / "files.txt").write_text(listing, encoding="utf-8", errors="backslashreplace")
    return f"kept in {place}"


def _attempt(case: Case, context: Context) -> Said:
    """The case and the closing of what it used, with one limit for both."""
    try:
        with _within(case.limit):
            try:
                case.run(context)
            finally:
                context.close()
    except Skip as reason:
        return Said(case.name, "skipped", str(reason))
    except TimeIsUp:
        return Said(case.name, "failed", f"not done after {case.limit:g} s: something hangs")
    except Exception as problem:  # pylint: disable=broad-exception-caught
        where = traceback.format_exc(limit=-3) if not isinstance(problem, AssertionError) else ""
        return Said(case.name, "failed", f"{type(problem).__name__}: {problem}\n{where}".strip())
    return Said(case.name, "passed")


def try_case(suite: str, case: Case, options: Options, place: Path, kept: dict[str, Any]) -> Said:
    """One case in a fresh directory; never raises."""
    context = Context(options, Path(tempfile.mkdtemp(prefix="case-", dir=place)), kept)
    begin = time.monotonic()
    said = _attempt(case, context)
    with contextlib.suppress(Exception):
        context.close()  # The limit may have ended it half way.
    if said.word == "failed":
        said.text += "\n" + _keep(suite, case.name, context, said.text)
    shutil.rmtree(context.path, ignore_errors=True)
    said.seconds = time.monotonic() - begin
    said.figures = context.figures
    return said


def _work(suite: str, cases: Sequence[Case], options: Options, place: Path, ends: Any) -> None:
    """A worker: tries the cases whose numbers it is given."""
    tasks, results = ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    place.mkdir()
    kept: dict[str, Any] = {}
    try:
        while True:
            number = tasks.get()
            if number is None:
                break
            results.put(try_case(suite, cases[number], options, place, kept))
    finally:
        for thing in reversed(list(kept.values())):
            with contextlib.suppress(Exception):
                thing.close()


# --- all of them


def _memory() -> Path | None:
    """A place in memory, if programs can be run there and there is room; containers have little."""
    place = Path("/dev/shm")
    if not place.is_dir() or not os.access(place, os.W_OK):
        return None
    facts = os.statvfs(place)
    free = facts.f_bavail * facts.f_frsize
    return None if facts.f_flag & os.ST_NOEXEC or free < MEMORY_LEAST else place


@contextlib.contextmanager
def workplace(suite: str) -> Iterator[Path]:
    """A directory, in memory where that is possible, which is removed at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"{WORKPLACE}{suite}-", dir=_memory()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def children() -> set[int]:
    """The processes that are ours to end, orphans of our workers among them."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return {int(pid) for pid in text.split()}


def _end_strays(before: set[int]) -> list[str]:
    """Ends what the cases left running; says what it was. They must leave nothing."""
    found = []
    for pid in children() - before:
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            name, _, facts = stat.rpartition(")")
            if facts.split()[0] != "Z":
                found.append(f"{name})")
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(pid, 0)
    return found


def _next_result(results: Any, workers: Sequence[Any]) -> Said:
    while True:
        with contextlib.suppress(queue.Empty):
            return results.get(timeout=5)
        if any(worker.exitcode not in (None, 0) for worker in workers):
            raise RuntimeError("a worker died; nothing more can be said")


def _all_said(suite: str, cases: Sequence[Case], options: Options, place: Path) -> Iterator[Said]:
    context = multiprocessing.get_context("fork")
    tasks: Any = context.SimpleQueue()
    results: Any = context.Queue()
    jobs = max(1, min(options.jobs, len(cases)))
    workers = [
        context.Process(
            target=_work,
            args=(suite, cases, options, place / f"worker{i}", (tasks, results)),
        )
        for i in range(jobs)
    ]
    for number in [*range(len(cases)), *[None] * jobs]:
        tasks.put(number)
    for worker in workers:
        worker.start()
    try:
        for _ in cases:
            yield _next_result(results, workers)
        for worker in workers:
            worker.join(30)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
            worker.join(30)


def _count(result: Result, said: Said) -> None:
    result.cases += 1
    result.slowest = sorted([*result.slowest, (round(said.seconds, 1), said.name)])[-3:]
    setattr(result, said.word, getattr(result, said.word) + 1)
    for name, number in said.figures.items():
        result.figures[name] = result.figures.get(name, 0) + number
    if said.word == "passed":
        return
    text = said.text.replace("\n", "\n    ")
    print(f"{said.word.upper()} {result.suite} {said.name}: {text}", flush=True)
    if said.word == "failed":
        print(f"    again: python3 tests/hostile/{result.suite}.py --builddir DIR "
              f"--only '{said.name}'", flush=True)


def chosen(cases: Sequence[Case], options: Options) -> list[Case]:
    """The cases that the options want."""
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), sorted({n for n in names if names.count(n) > 1})
    if options.only:
        return [case for case in cases if fnmatch.fnmatchcase(case.name, options.only)]
    return [case for case in cases if case.quick or not options.quick]


def run_cases(suite: str, cases: Sequence[Case], options: Options) -> Result:
    """Tries them all, says what failed and why, and counts."""
    result = Result(suite)
    todo = chosen(cases, options)
    begin = time.monotonic()
    shutil.rmtree(_kept_root(suite), ignore_errors=True)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = children()
    with workplace(suite) as place:
        for said in _all_said(suite, todo, options, place):
            _count(result, said)
    strays = _end_strays(before)
    if strays:
        print(f"FAILED {suite}: left running: {', '.join(strays)}", flush=True)
        result.failed += 1
    result.seconds = time.monotonic() - begin
    return result


# --- the command line


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that run.py and each suite have."""
    parser.add_argument("--builddir", required=True, type=Path, help="where the programs are")
    parser.add_argument("--quick", action="store_true", help="the part for ./bootstrap check")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", metavar="CASE", help="a name or a pattern")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")


def options_of(args: argparse.Namespace) -> Options:
    """From the command line."""
    signal.signal(signal.SIGTERM, _stop)
    return Options(args.builddir.resolve(), args.quick, args.jobs, args.only)


def report(results: Sequence[Result], file: Path | None) -> int:
    """The table, the figures and the last line; the exit status."""
    columns = ("cases", "passed", "failed", "skipped")
    print("\n| suite | " + " | ".join(columns) + " | seconds |\n|---|" + "--:|" * 5)
    for result in results:
        cells = [str(getattr(result, column)) for column in columns]
        print(f"| {result.suite} | " + " | ".join(cells) + f" | {result.seconds:.0f} |")
    for result in results:
        if result.slowest:
            slow = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in result.slowest[::-1])
            print(f"\nslowest of {result.suite}: {slow}")
        if result.figures:
            facts = " ".join(f"{name}={value}" for name, value in result.figures.items())
            print(f"\n{result.suite}: {facts}")
    if file:
        figures = [vars(result) for result in results]
        file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    passed, failed, skipped = (sum(getattr(r, c) for r in results) for c in columns[1:])
    failed += sum(result.word == "failed" and not result.failed for result in results)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not results else 0


def main(run: Callable[[Options], Result]) -> int:
    """A suite as a program of its own; the exit status."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    args = parser.parse_args()
    return report([run(options_of(args))], args.json)
