# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What no log may ever hold: secrets, values that identify a patient, findings of a sanitizer."""

from pathlib import Path

# Every Subject and LocalId of a test begins so; To_DTS where a test can choose it.
CANARY = "ZQCANARY"


def canary(kind: str, number: int) -> str:
    """A value that no program would write by itself."""
    return f"{CANARY}-{kind}-{number:04d}"


def leaks(text: str, forbidden: list[str]) -> list[str]:
    """The lines of text that hold a forbidden value, in any case of letters."""
    lower = [value.lower() for value in forbidden if value]
    return [line for line in text.splitlines() if any(value in line.lower() for value in lower)]


def assert_no_leaks(logs: list[Path], forbidden: list[str]) -> None:
    """Fails with the offending lines."""
    for log in logs:
        found = leaks(log.read_text(encoding="utf-8", errors="backslashreplace"), forbidden)
        assert not found, f"{log.name} holds what no log may hold:\n" + "\n".join(found[:5])


def assert_no_races(logs: list[Path]) -> None:
    """Fails with the first race that the thread sanitizer found, whatever became of the test."""
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="backslashreplace")
        found = text.partition("WARNING: ThreadSanitizer")
        assert not found[1], f"{log.name}: {''.join(found[1:])[:4000]}"
