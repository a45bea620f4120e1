#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""SIGKILL before every system call of the daemon's work, then a restart."""

import argparse
import sys

import common
import scenarios
from common import Outcome, Suite
from scenarios import Bench, Scenario, World

SLOW_MOST = 60


def points(bench: Bench, scenario: Scenario, _args: argparse.Namespace) -> list[str]:
    """Every call of the run."""
    found = [str(call) for call in scenarios.baseline(scenario, bench)]
    return common.evenly(found, SLOW_MOST if scenario.slow else 0)


def attempt(world: World, _scenario: Scenario, point: str) -> Outcome:
    """Killed there, restarted."""
    name, k = point.split(":")
    return common.finish(world, Outcome(reached=world.kill_at(name, int(k))))


if __name__ == "__main__":
    SUITE = Suite("kill", points, attempt, quick=240, whole=5000, needs=common.has_strace)
    sys.exit(common.main(SUITE))
