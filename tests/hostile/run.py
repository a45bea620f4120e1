#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""All suites of hostile input one after the other, and one table of what they found.

    python3 tests/hostile/run.py --builddir DIR [--quick] [--jobs N] [--only CASE] [SUITE...]

A suite is a module of this directory with `def run(options: Options) -> Result`, see common.py. The
last line counts cases as `N passed, N failed, N skipped`; the exit status is 1 when one failed.
"""

import argparse
import importlib
import re
import sys
import time
import traceback
from pathlib import Path

from common import HERE, Options, Result, add_options, options_of, report

SUITE = re.compile(r"^def run\(options: (?:common\.)?Options\)", re.MULTILINE)


def find_suites(place: Path) -> list[str]:
    """The names of the suites that there are."""
    return sorted(
        file.stem for file in place.glob("*.py") if SUITE.search(file.read_text(encoding="utf-8"))
    )


def run_suite(suite: str, options: Options) -> Result:
    """One suite; one that cannot go to its end has failed, and does not stop the others."""
    print(f"--- {suite}", flush=True)
    begin = time.monotonic()
    try:
        return importlib.import_module(suite).run(options)
    except Exception:  # pylint: disable=broad-exception-caught
        print(f"FAILED {suite}: it could not end\n{traceback.format_exc()}", flush=True)
        return Result(suite, failed=1, seconds=time.monotonic() - begin)


def main() -> int:
    """The program."""
    suites = find_suites(HERE)
    parser = argparse.ArgumentParser(prog="run.py")
    add_options(parser)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=" ".join(suites))
    args = parser.parse_args()
    unknown = [suite for suite in args.suites if suite not in suites]
    if unknown:
        parser.error(f"there is no suite {' '.join(unknown)}")
    options = options_of(args)
    results = [run_suite(suite, options) for suite in args.suites or suites]
    if options.only:
        results = [result for result in results if result.cases or result.failed]
    return report(results, args.json)


if __name__ == "__main__":
    sys.exit(main())
