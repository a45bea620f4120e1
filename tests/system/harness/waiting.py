# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Waiting for something that another process does: always bounded, never a fixed pause."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.02
LONG = 60.0


class TimedOut(AssertionError):
    """What was waited for did not happen."""


def tick(seconds: float = INTERVAL) -> None:
    """Lets others run for a moment, between two looks."""
    threading.Event().wait(seconds)


def wait_for(predicate: Callable[[], T], what: str, timeout: float = LONG) -> T:
    """The first true result of predicate; TimedOut says what was missing."""
    end = time.monotonic() + timeout
    while True:
        result = predicate()
        if result:
            return result
        if time.monotonic() > end:
            raise TimedOut(f"after {timeout:g} s still waiting for {what}")
        tick()


def stays_true(predicate: Callable[[], bool], what: str, seconds: float) -> None:
    """For what must not happen: looks again and again, for a stated time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert predicate(), what
        tick()
