#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""SIGKILL in the middle of the recovery that follows a SIGKILL, then a restart.

A point is CRASH/SECOND: killed before call CRASH, restarted and killed before call SECOND of
that restart. The crashes are spread over all scenarios, and over the calls that change something.
"""

import argparse
import sys

import common
import scenarios
from common import Outcome, Suite
from scenarios import Bench, Call, Scenario, World

CRASHES = 2  # of each scenario
SLOW_MOST = 20
CHANGING = frozenset(
    "pwrite64 renameat renameat2 linkat unlinkat fdatasync fsync sendto".split()
)


def _crashes(calls: list[Call]) -> list[Call]:
    """Representative moments: between changes, from the first third on."""
    changing = [call for call in calls if call.name in CHANGING]
    return common.evenly(changing[len(changing) // 5 :], CRASHES)


def points(bench: Bench, scenario: Scenario, _args: argparse.Namespace) -> list[str]:
    """Every call of the restart after each crash."""
    found = []
    for crash in _crashes(scenarios.baseline(scenario, bench)):
        world = bench.world(f"{scenario.name}:{crash}")
        try:
            scenarios.prepare(scenario, world)
            if not world.kill_at(crash.name, crash.k):
                continue
            if world.consumer:
                world.consume()
            world.sandbox.clear_faults()
            calls = scenarios.without_idle(world.trace())
        finally:
            world.remove()
        found += [f"{crash}/{call}" for call in calls]
    return common.evenly(found, SLOW_MOST if scenario.slow else 0)


def attempt(world: World, _scenario: Scenario, point: str) -> Outcome:
    """Killed, restarted, killed, restarted."""
    outcome = Outcome()
    for crash in point.split("/"):
        name, k = crash.split(":")
        outcome.reached = world.kill_at(name, int(k)) and outcome.reached
        outcome.verdict.add(world.check(settled=False))
        if world.consumer:
            world.consume()
        world.sandbox.clear_faults()
    return common.finish(world, outcome)


if __name__ == "__main__":
    SUITE = Suite("rekill", points, attempt, quick=100, whole=3000, needs=common.has_strace)
    sys.exit(common.main(SUITE))
