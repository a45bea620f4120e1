# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What network.py and server.py share: a bench for each worker, points, workers, figures."""

import argparse
import itertools
import json
import multiprocessing
import multiprocessing.queues
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

# After the lines above: the harness is found there, and nothing is written beside it.
# pylint: disable=wrong-import-position
from harness.process import Programs  # noqa: E402
from harness.sandbox import Sandbox  # noqa: E402
from harness.site import WORKFLOW, Credentials, Site  # noqa: E402
from invariants import (  # noqa: E402
    Case,
    Dropped,
    Verdict,
    check,
    hash_bytes,
    is_settled,
    read_lines,
    waits_until,
)
from network_certs import make_all  # noqa: E402
from proxy import Plan, Proxy, Seen  # noqa: E402

US = "X26ABC1"
THEM = "X26ABC2"
CYCLES = 12  # More than this without a fault, and it does not settle.
PATIENCE = 20  # A busy machine must not look like a silent server.
REQUESTS = 80  # More than this in one cycle is a storm.


@dataclass
class Found:
    """What became of one point."""

    point: str
    verdict: Verdict
    seconds: float = 0.0
    cycles: int = 0
    held_because: str = ""


class Bench:
    """A sandbox without TLS, a proxy before it, and one site at a time."""

    def __init__(self, programs: Programs, path: Path):
        self.programs = programs
        self.path = path
        self.path.mkdir()
        self.sandbox = Sandbox(programs, path / "sandbox", path).start("--plain")
        make_all(self.sandbox.path, self.sandbox.path / "odd")
        self.proxy = Proxy(self.sandbox.path, self.sandbox.port)
        self.site: Site
        self.case: Case
        self.traces: dict[str, list[str]] = {}
        self._numbers = itertools.count(1)
        self._home = path
        self.fresh()

    def fresh(self, settings: dict[str, str] | None = None, **mailbox: Any) -> None:
        """An empty server and a new site."""
        self.sandbox.admin("DELETE", "/reset")
        self.proxy.end()
        self.proxy.new_message()
        self.proxy.page = 0
        self.proxy.plain = False
        self.proxy.repeated.clear()
        self._home = self.path / f"{next(self._numbers)}"
        self._home.mkdir()
        daemon = {"connections": "1"} | (settings or {})
        credentials = Credentials(self.sandbox.path, self.proxy.url)
        self.site = Site(self.programs, self._home / "site", self._home, credentials, **daemon)
        self.be_patient(PATIENCE)
        self.site.add_mailbox(US, **mailbox)
        self.case = Case(
            US,
            self.site.path / "mesh" / US,
            self.site.path / "state" / US,
            self.sandbox.path / "messages",
            forbidden=[*self.site.secrets(), self.sandbox.shared_key],
        )

    @property
    def home(self) -> Path:
        """Where the files of the current point are."""
        return self._home

    def forget(self) -> None:
        """The current point left nothing to look at."""
        shutil.rmtree(self._home, ignore_errors=True)

    def be_patient(self, seconds: int) -> None:
        """How long the daemon waits for a silent server."""
        limits = {"connect_timeout": f"{seconds}s", "stall_timeout": f"{seconds}s"}
        self.site.service.update(limits)
        self.site.write_conf()

    # --- doing

    def drop(self, stem: str, data: bytes, **elements: str | None) -> Dropped:
        """A pair in OUT, known to the check."""
        pair = self.site.drop(stem, data, US, **elements)
        known = Dropped(stem, pair.sha256, pair.ctl.read_bytes(), pair.elements)
        self.case.dropped.append(known)
        return known

    def deliver(self, parts: Sequence[bytes], plain: bytes, **headers: str) -> str:
        """A message for us, in as many chunks as there are parts."""
        api = self.sandbox.api(THEM)
        box = f"/messageexchange/{THEM}/outbox"
        count = len(parts)
        common = {"Mex_To": US, "Mex_WorkflowID": WORKFLOW} | headers
        try:
            if count > 1:
                common["Mex_Chunk_Range"] = f"1:{count}"
            answer = api.request("POST", box, parts[0], **common)
            assert answer.status == 202, answer
            message = answer.json()["message_id"]
            for number in range(2, count + 1):
                common["Mex_Chunk_Range"] = f"{number}:{count}"
                path = f"{box}/{message}/{number}"
                answer = api.request("POST", path, parts[number - 1], **common)
                assert answer.status == 202, answer
        finally:
            api.close()
        self.case.incoming[message] = hash_bytes(plain)
        return message

    def run(self, plan: Plan | None = None) -> list[Seen]:
        """One cycle of the daemon; what it asked for."""
        self.proxy.begin(plan or Plan())
        done = self.site.run_once()
        self.case.outputs += [done.out, done.err]
        self.proxy.drain()
        return self.proxy.end()

    def states(self) -> dict[str, str]:
        """The jobs on record: id and state."""
        found = {}
        for path in sorted((self.case.state / "jobs").glob("*.job")):
            lines, _rest = read_lines(path)
            found[path.stem] = lines[-1].state if lines else ""
        return found

    def hurry(self) -> None:
        """Leaves for every job that waits what `meshdrop retry` leaves: do not wait."""
        for path in sorted((self.case.state / "jobs").glob("*.job")):
            lines, _rest = read_lines(path)
            if lines and waits_until(lines[-1]) > time.time():
                order = self.case.state / "orders" / f"{path.stem}.order"
                order.write_text("retry\n", encoding="ascii")

    def settle(self, found: Found) -> None:
        """Without any fault, until nothing is left to do."""
        while not is_settled(self.case) and found.cycles < CYCLES:
            self.hurry()
            seen = self.run()
            found.cycles += 1
            if len(seen) > REQUESTS:
                found.verdict.wrong(f"{len(seen)} requests in one cycle without a fault")
        if not is_settled(self.case):
            found.verdict.lose(f"I10: after {CYCLES} cycles without a fault it is not settled")

    def close(self) -> None:
        """Ends all processes and threads."""
        self.site.close()
        self.proxy.close()
        self.sandbox.kill()


# --- points and workers


@dataclass(frozen=True)
class Point:
    """One thing to try; the name is enough to find it again."""

    name: str
    run: Callable[[Bench, Found], None] = field(compare=False)
    slow: bool = False
    held_because: str = ""
    core: bool = False  # In every quick run.


def try_point(bench: Bench, point: Point) -> Found:
    """One point, from an empty server to the last check."""
    found = Found(point.name, Verdict())
    start = time.monotonic()
    try:
        point.run(bench, found)
    except Exception as problem:  # pylint: disable=broad-exception-caught
        found.verdict.wrong(f"the point broke: {type(problem).__name__}: {problem}")
    found.seconds = time.monotonic() - start
    if found.verdict.held:
        found.held_because = point.held_because
    if found.verdict.violations:
        found.verdict.violations.append(f"its files are in {bench.home}")
    else:
        bench.forget()
    return found


def last_checks(bench: Bench, found: Found) -> None:
    """Settles, then compares all with all."""
    found.verdict.add(check(bench.case, settled=False))
    bench.settle(found)
    found.verdict.add(check(bench.case, settled=True))
    for request in bench.proxy.repeated:
        found.verdict.wrong(f"a token was used twice: {request}")


def _worker(
    build: str,
    path: str,
    make: Callable[[], list[Point]],
    todo: "multiprocessing.queues.Queue[int]",
    done: "multiprocessing.queues.Queue[Found]",
) -> None:
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    points = make()
    bench = Bench(Programs(Path(build)), Path(path))
    try:
        while (number := todo.get()) >= 0 and not _told.is_set():
            done.put(try_point(bench, points[number]))
    finally:
        bench.close()


# Some places swallow the exception of a signal; then the next look at this tells.
_told = threading.Event()


def _leave(number: int, frame: object) -> NoReturn:
    del frame
    _told.set()
    raise SystemExit(128 + number)


def choose(points: list[Point], only: str, most: int) -> list[int]:
    """The numbers of the points to try: all, those named, or the core and some spread evenly."""
    if only:
        return [n for n, point in enumerate(points) if point.name.startswith(only)]
    if most <= 0 or most >= len(points):
        return list(range(len(points)))
    spread = {round(i * (len(points) - 1) / (most - 1)) for i in range(most)}
    return sorted(spread | {n for n, point in enumerate(points) if point.core})


def _arguments(suite: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"The fault suite {suite}.")
    parser.add_argument("--builddir", default=os.environ.get("MESHDROP_BUILDDIR", "_build"))
    parser.add_argument("--quick", action="store_true", help="a fixed, evenly spread part")
    parser.add_argument("--all", action="store_true", help="every point")
    parser.add_argument("--jobs", type=int, default=8, help="points tried at the same time")
    parser.add_argument("--seed", type=int, default=0, help="nothing here is random")
    parser.add_argument("--only", default="", help="points whose names begin with this")
    parser.add_argument("--list", action="store_true", help="print the names of all points")
    parser.add_argument("--json", default="", help="write the figures there")
    return parser.parse_args()


class _Tally:
    """The figures of a suite."""

    def __init__(self, suite: str):
        self.suite = suite
        self.total = Verdict()
        self.points = 0
        self.failed = 0
        self.held: dict[str, int] = {}
        self.start = time.monotonic()

    def add(self, found: Found) -> None:
        """Counts a point, and says what is wrong with it."""
        self.points += 1
        self.total.add(found.verdict)
        if found.held_because:
            self.held[found.held_because] = self.held.get(found.held_because, 0) + 1
        if found.verdict.violations:
            self.failed += 1
            print(f"FAIL {found.point}")
            for text in found.verdict.violations:
                print(f"    {text}")
            print(f"    again: python3 tests/faults/{self.suite}.py --only '{found.point}'")
            sys.stdout.flush()

    def figures(self) -> dict[str, Any]:
        """As they are printed."""
        return {
            "suite": self.suite,
            "points": self.points,
            "lost": self.total.lost,
            "duplicated": self.total.duplicated,
            "corrupt": self.total.corrupt,
            "held": self.total.held,
            "skipped": 0,
            "seconds": round(time.monotonic() - self.start),
            "failed": self.failed,
            "held_because": self.held,
        }

    def say(self) -> None:
        """The last lines."""
        for why, count in sorted(self.held.items()):
            print(f"held {count}: {why}")
        figures = self.figures()
        names = ("points", "lost", "duplicated", "corrupt", "held", "skipped", "seconds")
        print(f"{self.suite}: " + " ".join(f"{name}={figures[name]}" for name in names))


def _collect(
    tally: _Tally, count: int, done: "multiprocessing.queues.Queue[Found]", workers: list[Any]
) -> None:
    while tally.points < count:
        if _told.is_set():
            raise SystemExit(128 + signal.SIGTERM)
        try:
            tally.add(done.get(timeout=1.0))
        except queue.Empty:
            if not any(worker.is_alive() for worker in workers):
                tally.total.wrong("the workers ended before their work")
                tally.failed += 1
                return


def main(suite: str, make: Callable[[], list[Point]], quick: int, whole: int = 0) -> int:
    """Runs a suite; the exit status. whole: how many points without --all (0: all)."""
    arguments = _arguments(suite)
    points = make()
    if arguments.list:
        print("\n".join(point.name for point in points))
        return 0
    most = quick if arguments.quick else 0 if arguments.all else whole
    chosen = choose(points, arguments.only, most)
    # Those that wait go first: others work meanwhile.
    chosen.sort(key=lambda n: (not points[n].slow, n))
    home = Path(tempfile.mkdtemp(prefix=f"meshdrop-{suite}-"))
    signal.signal(signal.SIGTERM, _leave)
    tally = _Tally(suite)
    context = multiprocessing.get_context("fork")
    todo: "multiprocessing.queues.Queue[int]" = context.Queue()
    done: "multiprocessing.queues.Queue[Found]" = context.Queue()
    jobs = max(1, min(arguments.jobs, len(chosen)))
    for number in [*chosen, *[-1] * jobs]:
        todo.put(number)
    build = str(Path(arguments.builddir).resolve())
    workers = [
        context.Process(target=_worker, args=(build, str(home / f"w{n}"), make, todo, done))
        for n in range(jobs)
    ]
    try:
        for worker in workers:
            worker.start()
        _collect(tally, len(chosen), done, workers)
        for worker in workers:
            worker.join(30)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
                worker.join(10)
        if not tally.failed and tally.points == len(chosen):
            shutil.rmtree(home, ignore_errors=True)
    tally.say()
    if arguments.json:
        text = json.dumps(tally.figures(), indent=2) + "\n"
        Path(arguments.json).write_text(text, encoding="utf-8")
    return 1 if tally.failed or not tally.points else 0
