# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What may be shown to a person: text that a terminal only shows, and does not obey."""

from pathlib import Path

# Characters that change the order of what is shown, or end a line.
ORDERING = frozenset(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def _is_bad(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or character in ORDERING


def unprintable(data: bytes, what: str) -> str:
    """The first line with bytes that are not UTF-8, control characters (C0, DEL, C1) or such that
    change the order of others; "" when there is none."""
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            bad = sorted({character for character in line.decode() if _is_bad(character)})
        except UnicodeDecodeError:
            return f"{what}, line {number}: not UTF-8: {line[:300]!r}"
        if bad:
            return f"{what}, line {number}: {ascii(bad)}: {line[:300]!r}"
    return ""


def assert_printable(data: bytes, what: str = "the output") -> None:
    """Fails with the first line that does harm."""
    found = unprintable(data, what)
    assert not found, found


def assert_logs_printable(logs: list[Path]) -> None:
    """The same for the logs of programs."""
    for log in logs:
        assert_printable(log.read_bytes(), log.name)
