#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The power goes before every call of the daemon's work; what was not synced is gone.

A point is DISK/CALL:K. DISK is a real file system in an image (ext4, xfs, btrfs), or "strict" or
"torn", which keep less than any of them (powerloss_model.py) and need no loop device. With
--no-sync every sync of the daemon is a lie: then the suite must find losses, or it could not find
any.
"""

import argparse
import contextlib
import io
import multiprocessing.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import common
import scenarios
from common import Outcome, Suite
from powerloss_disk import SYSTEMS, Disk, Stillness
from powerloss_model import CALLS, Model
from scenarios import Bench, Call, Scenario, World

MODELS = ("strict", "torn")
DISKS = ("ext4", *MODELS, "btrfs", "xfs")
# The second file systems are sampled; in every scenario, so that the sum is over a hundred.
SAMPLE = 8
QUICK = 300
WHOLE = 3000

# A cut before one of them finds another disk, or another server, than the one before.
CHANGES = frozenset(
    "write writev pwrite64 ftruncate fallocate fsync fdatasync rename renameat renameat2 unlink "
    "unlinkat mkdir mkdirat linkat connect sendto sendmsg recvfrom recvmsg shutdown".split()
)

_disks: dict[str, Disk] = {}


@dataclass
class _Settings:
    """What the options say; the workers inherit it."""

    disks: list[str] = field(default_factory=list)
    lies: bool = False
    planned: dict[str, int] = field(default_factory=dict)  # points of each disk


_settings = _Settings()


def _matters(call: Call) -> bool:
    if call.name in ("openat", "openat2"):
        return "O_CREAT" in call.text
    if call.name in ("write", "writev"):
        return not call.text.startswith(("1<", "2<"))  # not a line of the log
    return call.name in CHANGES


def points(bench: Bench, scenario: Scenario, args: argparse.Namespace) -> list[str]:
    """Every call that matters, on every disk."""
    calls = [call for call in scenarios.baseline(scenario, bench) if _matters(call)]
    # Behind the last call: the run ends, and then the power.
    texts = [str(call) for call in calls] + ["exit_group:1"]
    found = []
    for disk in _settings.disks:
        whole = disk in ("ext4", *MODELS) or args.only
        some = texts if whole else common.evenly(texts, SAMPLE)
        found += [f"{disk}/{text}" for text in some]
        _settings.planned[disk] = _settings.planned.get(disk, 0) + len(some)
    if scenario is scenarios.ALL[-1] and not args.only:
        counts = " ".join(f"{disk}={count}" for disk, count in _settings.planned.items())
        print(f"calls by disk: {counts}", flush=True)
    return found


def room(bench: Bench, point: str) -> dict[str, Any]:
    """Where the site shall be."""
    name = point.split("/")[0]
    if name in MODELS:
        return {}
    if name not in _disks:
        _disks[name] = Disk(SYSTEMS[name], bench.path / name)
        # The last one must go before the directory can.
        multiprocessing.util.Finalize(None, _disks[name].close, exitpriority=1)
    return {"path": _disks[name].fresh()}


def _injections(name: str, k: str) -> list[str]:
    """For strace. A sync that lies returns 0 and does nothing."""
    more = ["-e", f"inject={name}:signal=SIGKILL:when={k}"]
    if _settings.lies and name not in ("fsync", "fdatasync"):
        more = ["-e", "inject=fsync,fdatasync:retval=0", *more]
    return more


def attempt(world: World, _scenario: Scenario, point: str) -> Outcome:
    """Killed there and without power; then the power comes back."""
    disk, _, call = point.partition("/")
    name, k = call.split(":")
    if disk in MODELS:
        reached = _cut_model(world, name, k, disk == "torn")
    else:
        _disks[disk].sync()
        trace = f"trace={name},fsync,fdatasync"
        code = world.run(*scenarios.STRACE, "-e", trace, *_injections(name, k))
        _disks[disk].cut_power()
        reached = code in (-9, 137)
    return _finish(world, Outcome(reached=reached, what=disk))


def _finish(world: World, outcome: Outcome) -> Outcome:
    """As common.finish; but a file with two names is in the middle of a move, and counts for
    two only if the restart does not end that."""
    if not world.half_moved():
        return common.finish(world, outcome)
    if world.consumer:
        world.excuse_half_moved()
        world.consume()
    outcome.cycles = world.settle()
    if outcome.cycles < 0:
        outcome.verdict.lose(f"I10: not settled after {scenarios.CYCLES} cycles")
    outcome.verdict.add(world.check(settled=True))
    return outcome


def _cut_model(world: World, name: str, k: str, torn: bool) -> bool:
    model = Model(world.path, torn)
    trace = world.path.with_name(f"{world.path.name}.trace")
    strace = ["strace", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-o", str(trace)]
    code = world.run(*strace, "-e", f"trace={CALLS},{name}", *_injections(name, k))
    model.replay(trace)
    trace.unlink()
    model.cut_power()
    return code in (-9, 137)


# --- the program


def _parse() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = common.options("powerloss")
    parser.add_argument("--disks", default=",".join(DISKS), help="which, with commas")
    parser.add_argument("--no-sync", action="store_true", help="lie about every sync")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser, parser.parse_args()


def _usable(wanted: list[str]) -> tuple[list[str], int]:
    """The disks that can be had here; the others are named."""
    found = []
    for name in wanted:
        if name not in DISKS:
            raise SystemExit(f"there is no disk {name}: {' '.join(DISKS)}")
        reason = "" if name in MODELS else SYSTEMS[name].lacks()
        if reason:
            print(f"SKIPPED powerloss on {name}: {reason}", flush=True)
        else:
            found.append(name)
    return found, len(wanted) - len(found)


def _own_mounts() -> None:
    """Starts this program again where its mounts are seen by nobody else, and end with it."""
    command = ["unshare", "-m", "--propagation", "private", "--", sys.executable]
    os.execvp(command[0], [*command, *sys.argv, "--inside"])


def _sensitive(args: argparse.Namespace) -> int:
    """The same, with every sync a lie: it must find something on every disk."""
    blind = 0
    for disk in _settings.disks:
        command = [sys.executable, __file__, "--builddir", str(args.builddir)]
        command += ["--no-sync", "--disks", disk, "--jobs", str(args.jobs)]
        command += ["--only", "receive-single", "--most", "30"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = done.stdout.splitlines()[-1:] or [done.stderr[-200:]]
        finds = done.returncode == 1 and " lost=0 " not in last[0]
        blind += not finds
        verdict = "finds losses, as it must" if finds else "IS BLIND"
        print(f"with every sync a lie, powerloss on {disk} {verdict}: {last[0]}", flush=True)
    return blind


def _go(parser: argparse.ArgumentParser, args: argparse.Namespace, skipped: int) -> int:
    name = "powerloss-no-sync" if args.no_sync else "powerloss"
    suite = Suite(
        name, points, attempt, quick=QUICK, whole=WHOLE, needs=common.has_strace, room=room
    )
    suite.skipped = skipped
    status = common.main(suite, parser)
    if args.no_sync:
        shutil.rmtree(Path(tempfile.gettempdir()) / f"meshdrop-kept-{name}", ignore_errors=True)
    return status


def main() -> int:
    """All of it."""
    parser, args = _parse()
    _settings.lies = args.no_sync
    named = io.StringIO() if args.inside else sys.stdout
    with contextlib.redirect_stdout(named):
        _settings.disks, skipped = _usable(args.disks.split(","))
    real = not set(_settings.disks) <= set(MODELS)
    if real and not args.inside:
        _own_mounts()
    with Stillness() if real else contextlib.nullcontext():
        blind = 0 if args.no_sync or args.only or common.has_strace() else _sensitive(args)
        status = _go(parser, args, skipped)
    return 1 if blind else status


if __name__ == "__main__":
    sys.exit(main())
