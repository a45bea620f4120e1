# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile hands at the folders: what lies in OUT may be anything, and the folders may change.

Each attack is tried with the daemon as root and as an ordinary user, and those that open files
with and without openat2 in the kernel.
"""

import sys
import zlib
from dataclasses import replace
from pathlib import Path

import drop_control
import drop_crowd
import drop_files
import drop_folders
import drop_names
import drop_quiet
import drop_root
import drop_swap
from common import Case, Options, Result, main, run_cases

USERS = ("root", "user")
PARTS = (drop_files, drop_names, drop_control, drop_swap, drop_folders, drop_crowd, drop_quiet,
         drop_root)


# Of the quick ones, which are many of a kind, this part is enough for every day.
QUICK_OF_TEN = 4


def _is_quick(case: Case) -> bool:
    """Spread over all kinds, and always the same ones."""
    return case.quick and zlib.crc32(case.name.encode()) % 10 < QUICK_OF_TEN


def cases() -> list[Case]:
    """All of them."""
    found = [case for part in PARTS for user in USERS for case in part.cases(user)]
    return [replace(case, quick=_is_quick(case)) for case in found]


def protection() -> dict[str, str]:
    """What the kernel keeps off world-writable folders by itself; some attacks depend on it."""
    found = {}
    for name in ("symlinks", "hardlinks", "fifos", "regular"):
        file = Path(f"/proc/sys/fs/protected_{name}")
        value = file.read_text(encoding="ascii").strip() if file.exists() else "unknown"
        found[f"fs.protected_{name}"] = value
    return found


def run(options: Options) -> Result:
    """The suite."""
    result = run_cases("drop", cases(), options)
    result.figures |= protection()
    return result


if __name__ == "__main__":
    sys.exit(main(run))
