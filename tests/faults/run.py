# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""All fault suites one after the other, and one table of what they found.

    python3 tests/faults/run.py --builddir DIR [--quick | --all] [--jobs N] [SUITE...]

The exit status is 1 when a suite found a violation or could not end. The last line counts suites
as `N passed, N failed, N skipped`; a suite that this machine cannot do is skipped by name.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITES = ("kill", "rekill", "ioerror", "fulldisk", "powerloss", "network", "server", "mutants")
COLUMNS = ("points", "lost", "duplicated", "corrupt", "held", "skipped", "seconds")


@dataclass
class Row:
    """What one suite said."""

    suite: str
    status: int
    figures: dict[str, int]

    @property
    def result(self) -> str:
        """passed, failed or skipped."""
        if self.status != 0:
            return "failed"
        if self.figures.get("points", 0) == 0:
            return "skipped" if self.figures.get("skipped", 0) else "failed"
        return "passed"


def run_suite(suite: str, args: argparse.Namespace, figures: Path) -> Row:
    """Runs one suite; its output goes through."""
    command = [
        sys.executable, str(HERE / f"{suite}.py"),
        "--builddir", str(args.builddir), "--jobs", str(args.jobs), "--json", str(figures),
    ]
    if args.quick or args.all and suite != "mutants":
        command.append("--quick" if args.quick else "--all")
    print(f"--- {suite}", flush=True)
    status = subprocess.run(command, check=False).returncode
    said = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}
    return Row(suite, status, said)


def print_table(rows: list[Row]) -> None:
    """As it stands in doc/TESTING.md."""
    print("\n| suite | " + " | ".join(COLUMNS) + " | result |")
    print("|---|" + "--:|" * len(COLUMNS) + "---|")
    for row in rows:
        cells = [str(row.figures.get(column, 0)) for column in COLUMNS]
        print(f"| {row.suite} | " + " | ".join(cells) + f" | {row.result} |")


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="run.py")
    parser.add_argument("--builddir", required=True, type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all", action="store_true", help="every point of every suite: hours")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=" ".join(SUITES))
    args = parser.parse_args()
    unknown = [suite for suite in args.suites if suite not in SUITES]
    if unknown:
        parser.error(f"there is no suite {' '.join(unknown)}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="meshdrop-faults-") as place:
        for suite in args.suites or SUITES:
            rows.append(run_suite(suite, args, Path(place) / f"{suite}.json"))
    print_table(rows)
    count = {result: sum(row.result == result for row in rows)
             for result in ("passed", "failed", "skipped")}
    print(f"\n{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
