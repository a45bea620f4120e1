#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Each call that touches the file system fails, once and from then on; then it works again.

A point is NAME:K:ERROR (once) or NAME:K+:ERROR (from then on). The daemon must end by itself in
time, and after a restart without the fault everything must settle.
"""

import argparse
import sys

import common
import scenarios
from common import Outcome, Suite
from scenarios import HANG, Bench, Scenario, World

CALLS = frozenset(
    "openat openat2 write pwrite64 pwritev read pread64 fsync fdatasync syncfs renameat "
    "renameat2 linkat unlinkat mkdirat ftruncate fallocate getdents64 newfstatat statx fstatfs "
    "statfs close fcntl flock fchmod fchmodat fchown copy_file_range lseek ioctl".split()
)
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EMFILE")
SLOW_MOST = 40


def points(bench: Bench, scenario: Scenario, _args: argparse.Namespace) -> list[str]:
    """Every call, and in turn the errors, both ways.

    Each call meets every error, half of them once, the other half from then on, and its
    neighbour the other way round.
    """
    found = []
    calls = [c for c in scenarios.baseline(scenario, bench) if c.name in CALLS]
    for i, call in enumerate(calls):
        for j, error in enumerate(ERRORS):
            mode = "" if (i + j) % 2 == 0 else "+"
            found.append(f"{call}{mode}:{error}")
    return common.evenly(found, SLOW_MOST if scenario.slow else 0)


def attempt(world: World, _scenario: Scenario, point: str) -> Outcome:
    """It fails there; then all is well again."""
    name, when, error = point.split(":")
    outcome = Outcome()
    code = world.fail_at(name, when, error)
    if code == HANG:
        outcome.verdict.wrong("I10: the daemon did not end by itself")
    elif code not in (0, 1, 75, 78):
        outcome.verdict.wrong(f"the daemon ended with {code}")
    outcome.what = f"exit={code}"
    return common.finish(world, outcome)


if __name__ == "__main__":
    SUITE = Suite("ioerror", points, attempt, quick=240, whole=4000, needs=common.has_strace)
    sys.exit(common.main(SUITE))
