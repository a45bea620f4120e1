#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A disk that is really full: a small tmpfs with folders and state, in steps.

A point is blocks:N or inodes:N: after the preparation the file system is shrunk until N blocks of
4 KiB, or N inodes, are free. The daemon runs, and runs again; then there is room, and everything
must settle.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import common
import scenarios
from common import Outcome, Suite
from scenarios import HANG, Bench, Scenario, World

BLOCK = 4096
STEPS = {"blocks": 24, "inodes": 16}
LARGE = "size=64m,nr_inodes=10000"
FULL_CYCLES = 2
NAMES = (
    "send-single",
    "send-chunks",
    "send-rejected",
    "send-two",
    "resolve-present",
    "resume-chunks",
    "recover-claim",
    "recover-opening",
    "recover-send",
    "receive-single",
    "receive-chunks",
    "receive-gzip",
    "receive-report",
    "recover-receive",
    "both-ways",
)


def needs() -> str:
    """Mounting needs root; recovery scenarios need strace."""
    if os.geteuid() != 0:
        return "only root may mount a tmpfs"
    if common.has_strace():
        return common.has_strace()
    allowed = common.may_mount("tmpfs", "meshdrop-full", LARGE)
    return "" if allowed else "mounting is not permitted here"


def points(_bench: Bench, _scenario: Scenario, _args: argparse.Namespace) -> list[str]:
    """From nothing free to more than is needed."""
    return [f"{kind}:{free}" for kind, most in STEPS.items() for free in range(most)]


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def place(bench: Bench, _point: str) -> dict[str, Any]:
    """The world's site is on a tmpfs of its own."""
    path = bench.path / "full"
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    if not os.path.ismount(path):
        _mount("-t", "tmpfs", "-o", LARGE, "meshdrop-full", str(path))
    return {"path": path / "world"}


def leave(bench: Bench) -> None:
    """Nothing stays mounted."""
    path = bench.path / "full"
    if os.path.ismount(path):
        subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)


def _shrink(path: Path, kind: str, free: int) -> None:
    now = os.statvfs(path)
    if kind == "blocks":
        used = now.f_blocks - now.f_bfree
        option = f"size={(used * now.f_frsize) + free * BLOCK}"
    else:
        option = f"nr_inodes={now.f_files - now.f_ffree + free}"
    _mount("-o", f"remount,{option}", str(path))


def attempt(world: World, _scenario: Scenario, point: str) -> Outcome:
    """Full, then not."""
    kind, free = point.split(":")
    disk = world.path.parent
    outcome = Outcome()
    _shrink(disk, kind, int(free))
    codes = []
    try:
        for _ in range(FULL_CYCLES):
            codes.append(world.run())
            outcome.verdict.add(world.check(settled=False))
    finally:
        _mount("-o", f"remount,{LARGE}", str(disk))
    if HANG in codes:
        outcome.verdict.wrong("I10: the daemon did not end by itself")
    outcome.what = f"exit={codes}"
    return common.finish(world, outcome)


if __name__ == "__main__":
    sys.exit(
        common.main(
            Suite(
                "fulldisk",
                points,
                attempt,
                quick=60,
                needs=needs,
                scenarios=[scenarios.BY_NAME[name] for name in NAMES],
                room=place,
                leave=leave,
                private=True,
            )
        )
    )
