# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the programs of this directory share: options, processes, counting, the last line.

A suite gives a function that lists the points of a scenario (texts without blanks) and one that
tries a point. Points run in --jobs processes, each with its own sandbox, directory and ports.
"""

import argparse
import contextlib
import ctypes
import json
import multiprocessing
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# First: it says where the others are.
import scenarios
from harness.process import Programs
from invariants import Verdict
from scenarios import Bench, Scenario, World

KEEP_MOST = 20
ROOM = 512 << 20  # more than a suite needs; a container often has 64 MiB in memory
PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000


@dataclass
class Outcome:
    """What became of one point."""

    verdict: Verdict = field(default_factory=Verdict)
    reached: bool = True  # False: the fault did not happen (the run had fewer calls)
    cycles: int = 0
    what: str = ""  # e.g. the call that was hit


@dataclass
class Suite:
    """A kind of fault."""

    name: str
    points: Callable[[Bench, Scenario, argparse.Namespace], list[str]]
    attempt: Callable[[World, Scenario, str], Outcome]
    quick: int  # how many points --quick takes
    whole: int = 0  # how many without it, unless --all; 0: all
    needs: Callable[[], str] = lambda: ""  # "" or why nothing can be done here
    scenarios: Sequence[Scenario] = scenarios.ALL
    room: Callable[[Bench, str], dict[str, Any]] | None = None  # arguments for Bench.world
    leave: Callable[[Bench], None] = lambda bench: None  # at the end of each process
    skipped: int = 0  # parts that cannot be done here; the suite has named them
    private: bool = False  # mounts are seen by each process alone


@dataclass
class Tally:
    """All points together."""

    points: int = 0
    skipped: int = 0
    missed: int = 0
    lost: int = 0
    duplicated: int = 0
    corrupt: int = 0
    held: int = 0
    violations: int = 0
    most_cycles: int = 0
    by_scenario: dict[str, int] = field(default_factory=dict)


# --- options


def options(suite: str) -> argparse.ArgumentParser:
    """The options that every suite has."""
    parser = argparse.ArgumentParser(prog=f"{suite}.py")
    parser.add_argument("--builddir", required=True, type=Path, help="where the programs are")
    parser.add_argument("--quick", action="store_true", help="a fixed, evenly spread part")
    parser.add_argument("--all", action="store_true", help="every point, however long it takes")
    parser.add_argument("--tls", action="store_true", help="over TLS, not plain HTTP")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", default="1", help="of the payloads")
    parser.add_argument("--only", default="", metavar="SCENARIO[:POINT]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")
    parser.add_argument("--most", type=int, default=0, help="at most so many points, spread")
    return parser


def evenly(items: Sequence[Any], count: int) -> list[Any]:
    """count of the items, evenly spread; all when there are not more."""
    if count <= 0 or count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


# --- places


def _memory() -> Path | None:
    """A directory in memory with enough room, if there is one where programs can be run."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK | os.X_OK):
        return None
    now = os.statvfs(memory)
    if now.f_flag & os.ST_NOEXEC or now.f_bavail * now.f_frsize < ROOM:
        return None
    return memory


@contextlib.contextmanager
def workplace(suite: str) -> Iterator[Path]:
    """A directory, in memory where that is possible, which is removed at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"meshdrop-{suite}-", dir=_memory()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def keep(suite: str, world: World, label: str, texts: Sequence[str]) -> Path:
    """Copies what is left of a point to where it can be looked at."""
    root = Path(tempfile.gettempdir()) / f"meshdrop-kept-{suite}"
    root.mkdir(exist_ok=True)
    safe = "".join(c if c.isalnum() or c in "-+." else "_" for c in label)
    place = root / safe
    shutil.rmtree(place, ignore_errors=True)
    if len(list(root.iterdir())) >= KEEP_MOST:
        return Path("nothing: there is enough to look at already")
    with contextlib.suppress(OSError, shutil.Error):
        shutil.copytree(world.path, place / "site", symlinks=True)
        shutil.copytree(world.case.messages, place / "messages")
    (place / "output.txt").write_text("\n---\n".join(world.case.outputs), encoding="utf-8")
    (place / "violations.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return place


# --- one process


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(1)


def _die_with_parent() -> None:
    """A worker whose parent was killed ends too (and with it its sandbox)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _unshare_mounts() -> None:
    """What is mounted from here on is seen, and outlived, by nobody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)


def try_point(suite: Suite, bench: Bench, scenario: Scenario, point: str, seed: str) -> Outcome:
    """One point, from a fresh world to the check; never raises."""
    more = suite.room(bench, point) if suite.room else {}
    world = bench.world(f"{seed}:{scenario.name}:{point}", **more)
    try:
        scenarios.prepare(scenario, world)
        outcome = suite.attempt(world, scenario, point)
    except Exception as problem:  # pylint: disable=broad-exception-caught
        outcome = Outcome()
        outcome.verdict.wrong(f"the point could not be tried: {type(problem).__name__}: {problem}")
    if outcome.verdict.violations:
        label = f"{scenario.name}:{point}"
        place = keep(suite.name, world, label, outcome.verdict.violations)
        outcome.verdict.violations.append(f"kept in {place}")
    world.remove()
    return outcome


def finish(world: World, outcome: Outcome) -> Outcome:
    """After the fault: check, restart until settled, check."""
    verdict = outcome.verdict
    verdict.add(world.check(settled=False))
    if world.consumer:
        world.consume()
    outcome.cycles = world.settle()
    if outcome.cycles < 0:
        verdict.lose(f"I10: not settled after {scenarios.CYCLES} cycles")
    verdict.add(world.check(settled=True))
    _verify(world, verdict)
    return outcome


def _verify(world: World, verdict: Verdict) -> None:
    """What the operator's own check says (I8)."""
    if not world.bench.has_verify:
        return
    done = world.site.tool("verify")
    if done.code != 0 and verdict.held == 0:
        verdict.wrong(f"I8: meshdrop verify: {done.code} {done.out.strip()} {done.err.strip()}")


def _work(suite: Suite, args: argparse.Namespace, place: Path, tasks: Any, results: Any) -> None:
    """A worker: tries points until there are none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    _die_with_parent()
    if suite.private:
        _unshare_mounts()
    bench = Bench(Programs(args.builddir.resolve()), place, args.tls)
    try:
        while True:
            task = tasks.get()
            if task is None:
                break
            name, point = task
            scenario = scenarios.BY_NAME[name]
            results.put((name, point, try_point(suite, bench, scenario, point, args.seed)))
    finally:
        bench.close()
        suite.leave(bench)


# --- all of them


def _list_points(suite: Suite, args: argparse.Namespace, place: Path) -> list[tuple[str, str]]:
    """What is to be done."""
    wanted, _, exact = args.only.partition(":")
    if wanted and wanted not in scenarios.BY_NAME:
        raise SystemExit(f"there is no scenario {wanted}: {' '.join(scenarios.BY_NAME)}")
    if exact:
        return [(wanted, exact)]
    bench = Bench(Programs(args.builddir.resolve()), place, args.tls)
    try:
        tasks = []
        for scenario in suite.scenarios:
            if wanted in ("", scenario.name):
                found = suite.points(bench, scenario, args)
                tasks += [(scenario.name, point) for point in found]
    finally:
        bench.close()
    if not args.all and not wanted:
        tasks = evenly(tasks, suite.quick if args.quick else suite.whole)
    return evenly(tasks, args.most)


def _count(tally: Tally, suite: Suite, name: str, point: str, outcome: Outcome) -> None:
    verdict = outcome.verdict
    tally.points += outcome.reached
    tally.missed += not outcome.reached
    tally.lost += verdict.lost
    tally.duplicated += verdict.duplicated
    tally.corrupt += verdict.corrupt
    tally.held += verdict.held
    tally.most_cycles = max(tally.most_cycles, outcome.cycles)
    tally.by_scenario[name] = tally.by_scenario.get(name, 0) + outcome.reached
    if verdict.violations:
        tally.violations += 1
        print(f"VIOLATION {suite.name} scenario={name} point={point} {outcome.what}")
        for text in verdict.violations:
            print(f"    {text}")
        print(f"    again: python3 tests/faults/{suite.name}.py --builddir DIR "
              f"--only {name}:{point}", flush=True)


def _run_all(
    suite: Suite, args: argparse.Namespace, place: Path, todo: Sequence[tuple[str, str]]
) -> Tally:
    tally = Tally(skipped=suite.skipped)
    context = multiprocessing.get_context("fork")
    tasks: Any = context.SimpleQueue()
    results: Any = context.Queue()
    jobs = max(1, min(args.jobs, len(todo)))
    workers = [
        context.Process(
            target=_work, args=(suite, args, place / f"worker{i}", tasks, results), daemon=True
        )
        for i in range(jobs)
    ]
    for worker in workers:
        worker.start()
    try:
        ahead = iter(todo)
        for _ in range(jobs * 2):
            tasks.put(next(ahead, None))
        for done in range(len(todo)):
            name, point, outcome = _next_result(results, workers)
            _count(tally, suite, name, point, outcome)
            tasks.put(next(ahead, None))
            if (done + 1) % 1000 == 0:
                print(f"... {done + 1} of {len(todo)}", flush=True)
        for worker in workers:
            worker.join(30)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
                worker.join(10)
    return tally


def _next_result(results: Any, workers: Sequence[Any]) -> Any:
    """The next outcome; a worker that died ends the suite."""
    while True:
        with contextlib.suppress(queue.Empty):
            return results.get(timeout=5)
        if any(worker.exitcode not in (None, 0) for worker in workers):
            raise SystemExit("a worker died; nothing more can be said")


def _say(suite: Suite, tally: Tally, args: argparse.Namespace, seconds: float) -> int:
    for name, count in tally.by_scenario.items():
        print(f"    {name:24} {count}")
    if tally.missed:
        print(f"not reached (the run had fewer calls than the trace): {tally.missed}")
    print(f"seed {args.seed}, at most {tally.most_cycles} cycles until settled, "
          f"{tally.violations} points with violations")
    print(
        f"{suite.name}: points={tally.points} lost={tally.lost} duplicated={tally.duplicated} "
        f"corrupt={tally.corrupt} held={tally.held} skipped={tally.skipped} seconds={seconds:.0f}"
    )
    if args.json:
        figures = {"suite": suite.name, "seconds": round(seconds), "seed": args.seed}
        args.json.write_text(json.dumps(figures | vars(tally), indent=1) + "\n", encoding="utf-8")
    return 1 if tally.violations else 0


def has_strace() -> str:
    """Why strace cannot be used, "" when it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    if os.geteuid() != 0:
        return "only root may look into meshdropd, which is not dumpable"
    trial = [*scenarios.STRACE, "-e", "trace=execve", "true"]
    done = subprocess.run(trial, capture_output=True, check=False)
    return "" if done.returncode == 0 else "strace may not trace here"


def may_mount(kind: str, source: str, options: str) -> bool:
    """Tries it, where nobody else sees it."""
    private = ["unshare", "-m", "--propagation", "private", "--"]
    with tempfile.TemporaryDirectory(prefix="meshdrop-mount-") as place:
        trial = [*private, "mount", "-t", kind, "-o", options, source, place]
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def main(suite: Suite, parser: argparse.ArgumentParser | None = None) -> int:
    """The whole of a suite's program; the exit status."""
    args = (parser or options(suite.name)).parse_args()
    signal.signal(signal.SIGTERM, _stop)
    begin = time.monotonic()
    reason = suite.needs()
    if reason:
        print(f"SKIPPED {suite.name}: {reason}")
        return _say(suite, Tally(skipped=1), args, 0.0)
    with workplace(suite.name) as place:
        try:
            todo = _list_points(suite, args, place / "trace")
            print(f"{suite.name}: {len(todo)} points", flush=True)
            if not todo:
                raise SystemExit("nothing to do")
            tally = _run_all(suite, args, place, todo)
        except KeyboardInterrupt:
            print("stopped")
            return 1
    return _say(suite, tally, args, time.monotonic() - begin)
