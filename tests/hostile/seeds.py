#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The fuzz targets without a fuzzer: every seed, and damaged copies of each.

A case is a target of tests/fuzz. It ends with a signal when one of its rules does not hold. The
copies are the same in every run: cut, bytes changed, parts doubled or taken from another seed.
"""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from common import SOURCES, Case, Context, Options, Result, Skip, main, run_cases

CORPUS = SOURCES / "tests" / "fuzz" / "corpus"
COPIES = 60
COPIES_QUICK = 5
AT_ONCE = 500


def _spoil(seed: bytes, other: bytes, dice: random.Random) -> bytes:
    """One damaged copy."""
    at = dice.randrange(len(seed) + 1)
    to = min(len(seed), at + dice.randrange(1, 40))
    kind = dice.randrange(5)
    if kind == 0:
        return seed[:at]
    if kind == 1:
        return seed[:at] + seed[to:]
    if kind == 2:
        return seed[:to] + seed[at:to] * dice.randrange(1, 5) + seed[to:]
    if kind == 3:
        start = dice.randrange(len(other) + 1)
        return seed[:at] + other[start:start + 60] + seed[to:]
    changed = bytearray(seed)
    for _ in range(min(len(seed), dice.randrange(1, 5))):
        changed[dice.randrange(len(seed))] = dice.choice((0, 0x0A, 0x25, 0x30, 0xFF,
                                                          dice.randrange(256)))
    return bytes(changed)


def _copies(seeds: list[Path], most: int, place: Path) -> list[Path]:
    """Files with damaged copies of all seeds."""
    dice = random.Random("meshdrop")
    contents = [seed.read_bytes() for seed in seeds]
    found = []
    for seed, content in zip(seeds, contents, strict=True):
        for i in range(most):
            file = place / f"{seed.name}.{i}"
            file.write_bytes(_spoil(content, dice.choice(contents), dice))
            found.append(file)
    return found


def _feed(program: Path, files: list[Path]) -> None:
    """Each file to the target, which says how it ended."""
    for start in range(0, len(files), AT_ONCE):
        some = files[start:start + AT_ONCE]
        done = subprocess.run([str(program), *map(str, some)], capture_output=True, check=False)
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert done.returncode == 0, f"{program.name}: status {done.returncode}: {said[-800:]}"
        assert f"{program.name}: {len(some)} inputs" in said or said.count("Executed") == len(some)


def _target(name: str) -> Callable[[Context], None]:
    def case(context: Context) -> None:
        program = context.options.builddir / "tests" / "fuzz" / f"fuzz_{name}"
        if not program.exists():
            raise Skip(f"{program} is not built: make check-hostile does that")
        seeds = sorted((CORPUS / name).iterdir())
        assert seeds
        most = COPIES_QUICK if context.options.quick else COPIES
        files = seeds + _copies(seeds, most, context.path)
        _feed(program, files)
        context.count("inputs", len(files))
    return case


def run(options: Options) -> Result:
    """The suite."""
    names = sorted(folder.name for folder in CORPUS.iterdir() if folder.is_dir())
    return run_cases("seeds", [Case(name, _target(name), limit=600.0) for name in names], options)


if __name__ == "__main__":
    sys.exit(main(run))
