# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Waiting for something that another process does: always bounded, never a fixed pause."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.02
# Pauses between tries grow to 40 s, and the machine may be slow.
LONG = 120.0


class TimedOut(AssertionError):
    """What was waited for did not happen."""


def tick(seconds: float = INTERVAL) -> None:
    """Lets others run for a moment, between two looks."""
    threading.Event().wait(seconds)


def wait_for(predicate: Callable[[], T], what: str, timeout: float = LONG) -> T:
    """The first true result of predicate; TimedOut says what was missing.

    The last look begins after the end: whoever was held up himself looks once more.
    """
    end = time.monotonic() + timeout
    while True:
        is_last = time.monotonic() > end
        result = predicate()
        if result:
            return result
        if is_last:
            raise TimedOut(f"after {timeout:g} s still waiting for {what}")
        tick()


def stays_true(predicate: Callable[[], bool], what: str, seconds: float) -> None:
    """For what must not happen within a stated time: looks again and again.

    A look that ends after that time says nothing.
    """
    end = time.monotonic() + seconds
    while True:
        is_so = predicate()
        if time.monotonic() > end:
            return
        assert is_so, what
        tick()
