# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Runs the fuzz targets one after the other, and says what each has done.

    python3 tests/fuzz/run.py --builddir DIR [--work DIR] [--seconds N] [TARGET...]
    python3 tests/fuzz/run.py --coverage DIR [--work DIR] [TARGET...]

The first needs a build with --enable-fuzzing. Each target runs until it has had N seconds (900) of
a processor, counted over all runs with the same work directory: there is what was found (corpus),
what libFuzzer said (log), inputs that end the process (crash), and the figures (figures.json). The
exit status is 1 when a target has ended badly.

The second needs a build with CC=clang, CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping'
and make check TESTS=; it gives the same inputs, and the seeds, to each target, and counts the lines
of the sources that they are about. With --lines FILE it shows the lines of one source that no input
has reached instead.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
SEEDS = HERE / "corpus"
SLICE_S = 300  # of the clock: how long one process of a target lives at most
SLOW_S = 25  # one input
GRACE_S = 120  # to end
MEMORY_MB = 2048

# What each target is about, below src/.
ABOUT = {
    "ctl": ("base/xml.c", "spool/ctl.c", "spool/ctl_read.c", "spool/ctl_write.c"),
    "gz": ("net/gz.c",),
    "head": ("net/http_reply.c",),
    "ini": ("conf/ini.c", "conf/schema.c", "conf/value.c"),
    "keystore": ("import/keystore.c", "import/jks.c", "import/p12.c", "import/identity.c"),
    "meshclient": ("import/cfg.c", "import/element.c", "import/proxyini.c", "import/translate.c",
                   "import/boxes.c"),
    "receive": ("agent/incoming.c", "agent/parts.c", "agent/place.c", "mesh/inbox.c",
                "spool/delivery.c", "spool/delivery_list.c", "spool/delivery_publish.c",
                "spool/second.c"),
    "record": ("spool/record.c", "spool/job.c", "spool/job_fields.c", "spool/ledger.c",
               "spool/ledger_ids.c", "spool/delivery.c"),
    "reply": ("mesh/reply.c", "base/json.c"),
    "send": ("agent/claim.c", "agent/outgoing.c", "agent/open.c", "agent/resolve.c",
             "agent/settle.c", "agent/withheld.c", "mesh/outcome.c", "mesh/send.c", "mesh/track.c"),
    "text": ("base/text.c", "base/template.c", "spool/second.c", "mesh/proto.c"),
    "yaml": ("conf/yaml.c", "conf/value.c", "conf/check_mailbox.c"),
}


@dataclass
class Figures:
    """Of one target, over all its runs."""

    runs: int = 0
    executions: int = 0
    seconds: float = 0.0  # of the processor
    edges: int = 0
    inputs: int = 0
    crashes: list[str] = field(default_factory=list)
    day: str = ""


def load(path: Path) -> dict[str, Figures]:
    """What earlier runs left."""
    if not path.exists():
        return {}
    said = json.loads(path.read_text(encoding="utf-8"))
    return {name: Figures(**figures) for name, figures in said.items()}


def save(path: Path, all_figures: dict[str, Figures]) -> None:
    """Whole or not at all."""
    new = path.with_suffix(".new")
    said = {name: asdict(figures) for name, figures in sorted(all_figures.items())}
    new.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    new.replace(path)


def number(pattern: str, log: str) -> int:
    """The last number that libFuzzer gave for something; 0: none."""
    found = re.findall(pattern, log)
    return int(found[-1]) if found else 0


def targets(folder: Path) -> list[str]:
    """Those that are built there."""
    return sorted(path.name.removeprefix("fuzz_") for path in folder.glob("fuzz_*")
                  if path.suffix == "" and os.access(path, os.X_OK))


# --- fuzzing


def wait_for(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, Any]:
    """Status and what it has used; one that does not end is ended, which shows in the status."""
    deadline = time.monotonic() + seconds
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            return status, used
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.2)


def run_slice(program: Path, work: Path, figures: Figures, clock_s: int) -> bool:
    """One process; true when it ended well."""
    name = program.name.removeprefix("fuzz_")
    found = work / "corpus" / name
    crash = work / "crash" / name
    logs = work / "log"
    for folder in (found, crash, logs):
        folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(program), str(found), str(SEEDS / name), f"-max_total_time={clock_s}",
        f"-artifact_prefix={crash}/", f"-timeout={SLOW_S}", f"-rss_limit_mb={MEMORY_MB}",
        "-print_final_stats=1", "-max_len=65536",
    ]
    words = HERE / "dict" / f"{name}.dict"
    if words.exists():
        command.append(f"-dict={words}")
    log = logs / f"{name}.{figures.runs}"
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    # One that crashes leaves its folders behind.
    with log.open("wb") as output, tempfile.TemporaryDirectory(dir=memory) as scratch:
        # Not subprocess.wait: only this tells what the process has used.
        process = subprocess.Popen(command, stdout=output, stderr=output,
                                   env={**os.environ, "TMPDIR": scratch})
        try:
            status, used = wait_for(process, clock_s + GRACE_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    said = log.read_text(encoding="utf-8", errors="replace")
    figures.runs += 1
    figures.executions += number(r"stat::number_of_executed_units: *(\d+)", said) or \
        number(r"#(\d+)\t", said)
    figures.seconds += used.ru_utime + used.ru_stime
    figures.edges = number(r" cov: (\d+)", said) or figures.edges
    figures.inputs = len(list(found.iterdir()))
    figures.crashes = sorted(path.name for path in crash.iterdir())
    figures.day = time.strftime("%Y-%m-%d", time.gmtime())
    return process.returncode == 0


def run_target(program: Path, args: argparse.Namespace, all_figures: dict[str, Figures]) -> bool:
    """Until it has had its seconds, or has ended badly."""
    name = program.name.removeprefix("fuzz_")
    figures = all_figures.setdefault(name, Figures())
    good = True
    while good and figures.seconds < args.seconds:
        left = int(args.seconds - figures.seconds) + 1
        good = run_slice(program, args.work, figures, min(left, SLICE_S))
        save(args.work / "figures.json", all_figures)
        print(f"{name}: {figures.executions} executions, {figures.seconds:.0f} s, "
              f"{figures.edges} edges, {len(figures.crashes)} crashes"
              f"{'' if good else ': ended badly, see ' + str(args.work / 'log')}", flush=True)
    return good


def fuzz(args: argparse.Namespace) -> int:
    """All targets that were named."""
    folder = args.builddir / "tests" / "fuzz"
    all_figures = load(args.work / "figures.json")
    bad = [name for name in wanted(args, folder)
           if not run_target(folder / f"fuzz_{name}", args, all_figures)]
    print("\n| target | executions | seconds | edges | inputs | crashes | day |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for name, one in sorted(all_figures.items()):
        print(f"| {name} | {one.executions} | {one.seconds:.0f} | {one.edges} | {one.inputs} "
              f"| {len(one.crashes)} | {one.day} |")
    return 1 if bad else 0


# --- coverage


def tool(name: str) -> str:
    """llvm-cov, or llvm-cov-14 where only that is there."""
    for candidate in (name, *(f"{name}-{version}" for version in range(25, 12, -1))):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"run.py: {name} is missing: apt-get install llvm")


def profile(program: Path, work: Path) -> Path:
    """Gives the target all that is known."""
    name = program.name.removeprefix("fuzz_")
    raw = work / f"{name}.profraw"
    folders = [str(path) for path in (SEEDS / name, work / "corpus" / name) if path.is_dir()]
    subprocess.run([str(program), *folders], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    return raw


def ask(what: str, programs: list[Path], merged: Path, sources: list[str],
        options: tuple[str, ...] = ()) -> str:
    """What llvm-cov says of the sources, over all programs."""
    objects = [f"-object={program}" for program in programs[1:]]
    command = [tool("llvm-cov"), what, *options, str(programs[0]), *objects,
               f"-instr-profile={merged}", *(str(TOP / "src" / source) for source in sources)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def show_lines(said: str) -> None:
    """Those that nothing has reached."""
    for line in said.splitlines():
        if re.match(r" *\d+\| *0\|", line):
            print(line)


def cover(args: argparse.Namespace) -> int:
    """One row for each source, over all targets that were named."""
    folder = args.coverage / "tests" / "fuzz"
    args.work.mkdir(parents=True, exist_ok=True)
    names = wanted(args, folder)
    programs = [folder / f"fuzz_{name}" for name in names]
    raws = [str(profile(program, args.work)) for program in programs]
    merged = args.work / "all.profdata"
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", *raws, "-o", str(merged)],
                   check=True)
    if args.lines:
        show_lines(ask("show", programs, merged, [args.lines]))
        return 0
    sources = sorted({source for name in names for source in ABOUT.get(name, ())})
    said = ask("export", programs, merged, sources, ("-summary-only",))
    files = {str(Path(one["filename"]).relative_to(TOP / "src")): one["summary"]["lines"]
             for one in json.loads(said)["data"][0]["files"]}
    print_rows("source", {source: [lines] for source, lines in files.items()})
    print_rows("target", {name: [files[source] for source in ABOUT.get(name, ())]
                          for name in names})
    return 0


def print_rows(head: str, rows: dict[str, list[dict[str, int]]]) -> None:
    """Each row counts the lines of some sources."""
    print(f"\n| {head} | lines | reached | % |\n|---|--:|--:|--:|")
    for name, parts in rows.items():
        count = sum(lines["count"] for lines in parts)
        covered = sum(lines["covered"] for lines in parts)
        print(f"| {name} | {count} | {covered} | {100 * covered / max(count, 1):.0f} |")


# ---


def wanted(args: argparse.Namespace, folder: Path) -> list[str]:
    """The targets to run; all that are built when none is named."""
    built = targets(folder)
    if not built:
        sys.exit(f"run.py: no targets in {folder}: configure with CC=clang --enable-fuzzing, make")
    missing = [name for name in args.targets if name not in built]
    if missing:
        sys.exit(f"run.py: not built: {' '.join(missing)}")
    return args.targets or built


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="run.py")
    parser.add_argument("--builddir", type=Path, help="built with --enable-fuzzing")
    parser.add_argument("--coverage", type=Path, metavar="DIR", help="built for llvm-cov")
    parser.add_argument("--work", type=Path, default=Path("fuzz.work"))
    parser.add_argument("--seconds", type=int, default=900, help="of the processor, a target")
    parser.add_argument("--lines", metavar="FILE", help="below src/: show what is not reached")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    args.work = args.work.resolve()
    if bool(args.builddir) == bool(args.coverage):
        parser.error("one of --builddir and --coverage")
    return fuzz(args) if args.builddir else cover(args)


if __name__ == "__main__":
    sys.exit(main())
