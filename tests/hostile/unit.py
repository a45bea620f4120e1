# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The unit file under a real systemd, with all its locks on and everything at work.

A container is booted from a throw-away overlay of this machine (systemd-nspawn, its own mounts,
processes and network; nothing of it is left). unit_inside.py installs the unit there, works with
it and writes down what each step found; each step is a case here.
"""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from common import HERE, SOURCES, Case, Context, Options, Result, Skip, main, run_cases
from unit_steps import STEPS

EXPOSURE_MOST = 1.0
BOOT_LIMIT = 420.0

# Everything is mounted in a mount namespace of its own, on file systems in memory.
START = r"""
set -e
place=$1; sources=$2; build=$3
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs "$place/disk"
mkdir "$place/disk/upper" "$place/disk/work" "$place/disk/root"
mount -t overlay overlay \
	-o "lowerdir=/,upperdir=$place/disk/upper,workdir=$place/disk/work" "$place/disk/root"
cp -a "$place/files/." "$place/disk/root/"
exec systemd-nspawn --quiet --directory="$place/disk/root" --machine=meshdrop-hostile \
	--register=no --keep-unit --link-journal=no --private-network --boot --console=pipe \
	--system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
	--bind-ro="$sources:/mnt/sources" --bind-ro="$build:/mnt/build" \
	--bind="$place/result:/mnt/result" systemd.unit=hostile.service
"""

SERVICE = """[Unit]
Requires=basic.target
After=basic.target
[Service]
Type=oneshot
TimeoutStartSec=380
ExecStart=/usr/bin/python3 -B /mnt/sources/tests/hostile/unit_inside.py
ExecStopPost=/bin/systemctl --no-block exit
"""


def _need(*programs: str) -> None:
    if os.geteuid() != 0:
        raise Skip("only root can boot a container")
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def _unit_of(build: Path) -> str:
    return (build / "systemd" / "meshdropd.service").read_text(encoding="utf-8")


def _prepare(place: Path, build: Path) -> None:
    """The files that the container has and this machine has not."""
    units = place / "files" / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "hostile.service").write_text(SERVICE, encoding="utf-8")
    unit = _unit_of(build)
    (units / "meshdropd.service").write_text(unit, encoding="utf-8")
    (place / "files" / "etc" / "fstab").write_text("", encoding="utf-8")
    program = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert program, "the unit starts nothing"
    target = place / "files" / program[1].lstrip("/")
    target.parent.mkdir(parents=True)
    for name in ("meshdropd", "meshdrop", "meshdrop-sandbox"):
        shutil.copy(build / name, target.with_name(name))


class Boot:
    """One boot, and what its steps found."""

    def __init__(self, context: Context):
        _need("systemd-nspawn", "unshare", "systemctl")
        place = context.path
        for name in ("disk", "result"):
            (place / name).mkdir()
        build = context.options.builddir
        _prepare(place, build)
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh"]
        self.text = self._run([*command, str(place), str(SOURCES), str(build)])
        found = place / "result" / "steps.json"
        self.booted = (place / "result" / "begun").exists()
        self.steps: dict[str, str] = {}
        if found.exists():
            self.steps = json.loads(found.read_text(encoding="utf-8"))

    @staticmethod
    def _run(command: list[str]) -> str:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as boot:
            try:
                said, _ = boot.communicate(timeout=BOOT_LIMIT)
            except BaseException:
                # The container's init dies with systemd-nspawn.
                boot.send_signal(signal.SIGKILL)
                raise
        return said.decode("utf-8", "backslashreplace")

    def close(self) -> None:
        """Nothing runs any more."""


def _booted(context: Context) -> Boot:
    boot: Boot = context.shared("boot", Boot)
    if not boot.booted:
        raise Skip(f"systemd cannot be booted here: {boot.text[-500:]}")
    return boot


def _step(name: str) -> Case:
    def look(context: Context) -> None:
        found = _booted(context).steps.get(name, "it was never reached")
        assert found == "ok", found

    return Case(name, look, limit=BOOT_LIMIT + 30)


def _exposure(context: Context) -> None:
    """What systemd thinks of the unit file."""
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not installed")
    unit = context.options.builddir / "systemd" / "meshdropd.service"
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    level = re.search(r"exposure level for .*: ([0-9.]+)", done.stdout)
    assert level, done
    assert float(level[1]) <= EXPOSURE_MOST, done.stdout


def run(options: Options) -> Result:
    """The suite; one process, because one boot is enough."""
    cases = [Case("exposure-of-the-file", _exposure), *[_step(name) for name in STEPS]]
    return run_cases("unit", cases, dataclasses.replace(options, jobs=1))


assert (HERE / "unit_inside.py").exists()

if __name__ == "__main__":
    sys.exit(main(run))
