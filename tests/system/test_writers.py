# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Applications of three habits write into OUT at once: nothing is taken early, all is sent once."""

import datetime
import os
import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.ctlfile import render
from harness.lab import Lab
from harness.payloads import digest_bytes
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import tick, wait_for

# Longer than a writer is ever kept from going on by others.
DELAY_S = 5.0
WRITERS = 12
CLAIMED = re.compile(r'^(\S+) .* claimed .*file="([^"]+)\.ctl"', re.MULTILINE)

# A writer gives the time just before its last change: nobody may take the pair before that.
Writer = Callable[[Path, str, bytes, bytes, random.Random], float]


def in_pieces(path: Path, data: bytes, pause_s: float) -> float:
    """Writes with pauses that are longer than a scan and shorter than the delay."""
    size = len(data) // 4 + 1
    last = 0.0
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), size):
            if start:
                tick(pause_s)
            last = time.time()
            file.write(data[start : start + size])
    return last


def copy_then_ctl(out: Path, name: str, data: bytes, ctl: bytes, chance: random.Random) -> float:
    """Copies the data in place, then the control file."""
    in_pieces(out / f"{name}.dat", data, chance.uniform(0.02, 0.3))
    last = time.time()
    (out / f"{name}.ctl").write_bytes(ctl)
    return last


def ctl_slowly(out: Path, name: str, data: bytes, ctl: bytes, chance: random.Random) -> float:
    """Has the data at once, and writes the control file bit by bit."""
    (out / f"{name}.dat").write_bytes(data)
    return in_pieces(out / f"{name}.ctl", ctl, chance.uniform(0.15, 0.6))


def rename_in(out: Path, name: str, data: bytes, ctl: bytes, chance: random.Random) -> float:
    """Writes elsewhere, with times of long ago, and renames."""
    aside = out.parent / "aside"
    aside.mkdir(exist_ok=True)
    for kind, content in (("dat", data), ("ctl", ctl)):
        path = aside / f"{name}.{kind}"
        path.write_bytes(content)
        os.utime(path, (1e9, 1e9))
    (aside / f"{name}.dat").rename(out / f"{name}.dat")
    tick(chance.uniform(0.0, 0.3))
    last = time.time()
    (aside / f"{name}.ctl").rename(out / f"{name}.ctl")
    return last


HABITS: tuple[Writer, ...] = (copy_then_ctl, ctl_slowly, rename_in)


def write_one(site: Site, number: int) -> tuple[str, str, str, float]:
    """One pair, by one of the habits: its name, its LocalId, its hash, its last change."""
    chance = random.Random(number)
    name = f"pair{number:04d}"
    data = chance.randbytes(chance.randint(1, 20_000))
    ctl = render(site.elements(LocalId=f"local-{number}")).encode()
    last = HABITS[number % len(HABITS)](site.folder("OUT"), name, data, ctl, chance)
    return name, f"local-{number}", digest_bytes(data), last


def claims(site: Site) -> dict[str, float]:
    """When each pair was taken, by the log."""
    found = {}
    for stamp, name in CLAIMED.findall(site.process.text()):
        assert name not in found, f"{name} was taken twice"
        found[name] = datetime.datetime.fromisoformat(stamp).timestamp()
    return found


@pytest.mark.parametrize("count", [90, pytest.param(1000, marks=pytest.mark.big)])
def test_three_habits_at_once(lab: Lab, sandbox: Sandbox, count: int) -> None:
    """Each pair is taken a whole delay after its last change, sent once, and arrives as written."""
    site = lab.site(sandbox, "X26ABC1", processing_delay=f"{DELAY_S:g}s")
    receiver = lab.site(sandbox, "X26ABC2")
    site.start_daemon()
    receiver.start_daemon()
    with ThreadPoolExecutor(WRITERS) as pool:
        written = list(pool.map(lambda number: write_one(site, number), range(count)))
    wait_for(lambda: len(site.names("SENT")) == 2 * count, "all to be sent", 900.0)
    receiver.wait_received(count, timeout=900.0)

    taken = claims(site)
    early = [
        f"{name}: {taken[name] - last:.3f} s"
        for name, _, _, last in written
        if taken[name] - last < DELAY_S - 0.002  # the log has milliseconds
    ]
    assert early == []
    site.stop_daemon()
    receiver.stop_daemon()
    assert site.names("OUT") == site.names("FAILED") == site.names("TEMP") == []
    assert {item.ctl["LocalId"]: item.sha256 for item in receiver.received()} == {
        local_id: sha256 for _, local_id, sha256, _ in written
    }
    assert len(receiver.received()) == len(sandbox.posts("X26ABC1")) == count
    assert [report.status.summary for report in site.reports()] == [
        ("COLLECT", "SUCCESS", "00")
    ] * count
