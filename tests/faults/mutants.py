#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Can the tests fail? One guard after the other is taken out of the sources (mutants_list.py),
the daemon built again, and the tests that should notice are run; every mutant must be caught.

It works on a copy of the tree, which it builds itself; --builddir only names the place that the
other suites use, whose configure options do not matter here.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import common
from mutants_list import ALL, Mutant

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
QUICK = 6
LIMIT = 600.0
PROGRAMS = ("meshdropd", "meshdrop", "meshdrop-sandbox")
# What a suite says of a broken promise; that a point could not be tried is none.
BROKEN = re.compile(r"^    (?:LOST|DUPLICATED|CORRUPT|WRONG I\d+:) .*", re.MULTILINE)
LEFT_OUT = (".git", "autom4te.cache", "__pycache__", "_build", "dist")


class Trouble(Exception):
    """The mutant could not be tried: that is not caught, and not passed."""


def _end(process: "subprocess.Popen[str]") -> None:
    """Ends a command and its children; they clean up."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    text: str


@dataclass
class Result:
    """What became of a mutant."""

    name: str
    by: str = ""  # the catcher; "" it got away
    why: str = ""
    skipped: bool = False


@dataclass
class Lab:
    """A copy of the tree and its build."""

    place: Path
    jobs: int
    sound: dict[str, str] = field(default_factory=dict)  # catcher: "" or why it is of no use

    @property
    def tree(self) -> Path:
        """The copy."""
        return self.place / "tree"

    @property
    def build(self) -> Path:
        """Where it is built."""
        return self.place / "build"

    def run(self, *command: str, until: re.Pattern[str] | None = None) -> Done:
        """Runs a command to its end, to the end of patience, or to the first line like until."""
        env = os.environ | {
            "MESHDROP_BUILDDIR": str(self.build),
            "MESHDROP_SRCDIR": str(self.tree),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        begin = time.monotonic()
        lines = []
        with subprocess.Popen(
            command,
            cwd=self.build,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        ) as process:
            alarm = threading.Timer(LIMIT, _end, [process])
            alarm.start()
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    if until and until.match(line):
                        _end(process)
            except BaseException:
                _end(process)
                raise
            finally:
                alarm.cancel()
        if time.monotonic() - begin > LIMIT:
            raise Trouble(f"{' '.join(command)} did not end")
        return Done(process.returncode, "".join(lines))

    def make(self, *targets: str) -> None:
        """Builds; it must work."""
        done = self.run("make", "-s", f"-j{self.jobs}", *targets)
        if done.code:
            raise Trouble("it cannot be built:\n" + done.text[-2000:])

    def prepare(self) -> None:
        """The copy, built."""
        shutil.copytree(ROOT, self.tree, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        self.build.mkdir()
        done = self.run(str(self.tree / "configure"), "-q", "CFLAGS=-O0 -g0")
        if done.code:
            raise SystemExit("configure failed:\n" + done.text[-2000:])
        self.make(*PROGRAMS)


# --- catchers


def usable(catcher: str) -> str:
    """Why a catcher cannot be used on this machine; "" when it can."""
    kind = catcher.partition(":")[0]
    if kind in ("strict", "torn", "kill"):
        return common.has_strace()
    if kind == "unit":
        found = subprocess.run(["pkg-config", "--exists", "cmocka"], check=False)
        return "" if found.returncode == 0 else "cmocka is not installed"
    found = subprocess.run(
        [sys.executable, "-c", "import pytest, cryptography"], capture_output=True, check=False
    )
    return "" if found.returncode == 0 else "pytest or cryptography is not installed"


def notice(lab: Lab, catcher: str) -> str:
    """Runs a catcher; what it noticed, "" for nothing."""
    kind, _, what = catcher.partition(":")
    if kind == "unit":
        program = f"tests/unit/{what}"
        lab.make(program)
        done = lab.run(str(lab.build / program))
        lines = [line for line in done.text.splitlines() if "FAILED" in line or "ERROR" in line]
        return (lines or [f"exit {done.code}"])[0].strip() if done.code else ""
    lab.make("meshdropd")
    if kind == "system":
        test = str(ROOT / "tests" / "system" / what)
        done = lab.run(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test)
        if done.code > 1:
            raise Trouble(f"pytest ended with {done.code}:\n{done.text[-2000:]}")
        lines = re.findall(r"^FAILED .*", done.text, re.MULTILINE)
        return (lines or ["failed"])[0][:160] if done.code else ""
    return _suite(lab, kind, what)


def _suite(lab: Lab, kind: str, scenario: str) -> str:
    name = "kill" if kind == "kill" else "powerloss"
    command = [sys.executable, str(HERE / f"{name}.py"), "--builddir", str(lab.build)]
    command += ["--jobs", str(lab.jobs), "--only", scenario]
    if name == "powerloss":
        command += ["--disks", kind]
    done = lab.run(*command, until=BROKEN)
    found = BROKEN.findall(done.text)
    if found:  # Then we ended it, however far it was with its own end.
        return str(found[0]).strip()[:160]
    if done.code:
        raise Trouble(f"{name} ended with {done.code}:\n{done.text[-2000:]}")
    return ""


def check_sound(lab: Lab, catcher: str) -> str:
    """Without a mutant a catcher must notice nothing; asked once. Why it is of no use, or ""."""
    if catcher not in lab.sound:
        said = notice(lab, catcher)
        lab.sound[catcher] = f"{catcher} notices something without a mutant: {said}" if said else ""
    return lab.sound[catcher]


# --- mutants


def _texts(tree: Path, mutant: Mutant) -> dict[Path, tuple[str, str]]:
    """For each file: as it is, and as it shall be."""
    texts: dict[Path, tuple[str, str]] = {}
    for name, old, new in mutant.edits:
        path = tree / name
        before, now = texts.get(path, ("", ""))
        if not before:
            before = now = path.read_text(encoding="utf-8")
        if now.count(old) != 1:
            raise Trouble(f"{name} has {now.count(old)} places like:\n{old}")
        texts[path] = (before, now.replace(old, new))
    return texts


def attempt(lab: Lab, mutant: Mutant) -> Result:
    """Builds a mutant and lets the tests look for it."""
    result = Result(mutant.name)
    lacks = {catcher: usable(catcher) for catcher in mutant.catchers}
    catchers = [catcher for catcher in mutant.catchers if not lacks[catcher]]
    if not catchers:
        return Result(mutant.name, skipped=True, why=", ".join(lacks.values()))
    try:
        texts = _texts(lab.tree, mutant)
        unsound = [text for text in (check_sound(lab, c) for c in catchers) if text]
        if unsound:
            raise Trouble("\n".join(unsound))
        try:
            for path, (_, now) in texts.items():
                path.write_text(now, encoding="utf-8")
            for catcher in catchers:
                said = notice(lab, catcher)
                if said:
                    return Result(mutant.name, catcher, said)
        finally:
            for path, (before, _) in texts.items():
                path.write_text(before, encoding="utf-8")
        result.why = "nobody noticed: " + ", ".join(catchers)
        result.skipped = len(catchers) < len(mutant.catchers)
        if result.skipped:
            result.why += "; not asked: " + ", ".join(filter(None, lacks.values()))
    except Trouble as problem:
        result.why = str(problem)
    return result


def say(result: Result) -> None:
    """One line of the table."""
    if result.skipped:
        print(f"SKIPPED {result.name}: {result.why}", flush=True)
    elif result.by:
        print(f"{result.name:40} caught by {result.by:28} {result.why}", flush=True)
    else:
        print(f"VIOLATION mutants {result.name} got away: {result.why}", flush=True)
        print(f"    again: python3 tests/faults/mutants.py --builddir DIR --only {result.name}")


def choose(args: argparse.Namespace) -> list[Mutant]:
    """What shall be tried."""
    if args.only:
        found = [mutant for mutant in ALL if mutant.name == args.only]
        if not found:
            raise SystemExit(f"there is no mutant {args.only}: {' '.join(m.name for m in ALL)}")
        return found
    return common.evenly(ALL, args.most or (QUICK if args.quick else 0))


def conclude(results: list[Result], args: argparse.Namespace, seconds: float) -> int:
    """The last lines; the exit status."""
    skipped = sum(result.skipped for result in results)
    points = len(results) - skipped
    caught = sum(bool(result.by) for result in results)
    print(f"caught {caught} of {points}")
    print(f"mutants: points={points} lost=0 duplicated=0 corrupt=0 held=0 "
          f"skipped={skipped} seconds={seconds:.0f}")
    if args.json:
        figures = {
            "suite": "mutants", "points": points, "caught": caught, "skipped": skipped,
            "lost": 0, "duplicated": 0, "corrupt": 0, "held": 0, "seconds": round(seconds),
            "mutants": {result.name: result.by for result in results},
        }
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if caught == points else 1


def main() -> int:
    """All of it."""
    args = common.options("mutants").parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin = time.monotonic()
    todo = choose(args)
    if not (ROOT / "configure").exists():
        print("SKIPPED mutants: there is no configure (./bootstrap makes it)")
        return conclude([Result(mutant.name, skipped=True) for mutant in todo], args, 0.0)
    results = []
    with common.workplace("mutants") as place:
        lab = Lab(place, args.jobs)
        lab.prepare()
        for mutant in todo:
            results.append(attempt(lab, mutant))
            say(results[-1])
    return conclude(results, args, time.monotonic() - begin)


if __name__ == "__main__":
    sys.exit(main())
