# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""When a pair is taken: complete and steady, soon after, and only once."""

import os
import time

import pytest

from harness.ctlfile import render
from harness.lab import Lab
from harness.payloads import digest
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import stays_true, tick, wait_for


@pytest.fixture
def patient(lab: Lab, sandbox: Sandbox) -> Site:
    """X26ABC1 with a processing delay of one second."""
    return lab.site(sandbox, "X26ABC1", processing_delay="1s")


def test_slow_writing_is_not_taken_early(patient: Site, receiver: Site, sandbox: Sandbox) -> None:
    """A data file that still grows is not taken, even though its control file is there."""
    out = patient.folder("OUT")
    (out / "slow.ctl").write_text(render(patient.elements()), encoding="utf-8")
    patient.start_daemon()
    with (out / "slow.dat").open("wb", buffering=0) as file:
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            file.write(os.urandom(1000))
            assert patient.names("OUT") == ["slow.ctl", "slow.dat"]
            tick(0.1)
        written = digest(out / "slow.dat")
    patient.wait_sent("slow")
    patient.stop_daemon()
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.sha256 == written
    assert len(sandbox.posts("X26ABC1")) == 1


def test_rename_into_out(patient: Site, receiver: Site) -> None:
    """A pair that was written elsewhere and renamed in waits for its delay, then leaves."""
    aside = patient.path / "aside"
    aside.mkdir()
    (aside / "a.dat").write_bytes(b"content")
    (aside / "a.ctl").write_text(render(patient.elements()), encoding="utf-8")
    long_ago = time.time() - 3600
    for name in ("a.dat", "a.ctl"):
        os.utime(aside / name, (long_ago, long_ago))
    patient.start_daemon()
    dropped = time.monotonic()
    for name in ("a.dat", "a.ctl"):
        (aside / name).rename(patient.folder("OUT") / name)
    wait_for(lambda: patient.names("OUT") == [], "the pair to be taken")
    assert time.monotonic() - dropped > 0.9, "old times of a file were believed"
    patient.wait_sent("a")
    patient.stop_daemon()
    receiver.run_ok()
    assert len(receiver.received()) == 1


def test_inotify(lab: Lab, sandbox: Sandbox) -> None:
    """With a scan an hour a dropped pair still leaves within seconds."""
    site = lab.site(sandbox, "X26ABC1", scan_interval="1h", poll_interval="1h")
    site.start_daemon()
    site.drop("file", b"content")
    site.wait_sent("file", timeout=10.0)
    site.drop("second", b"content")
    site.wait_sent("second", timeout=10.0)
    site.stop_daemon()


def test_inotify_with_a_delay(lab: Lab, sandbox: Sandbox) -> None:
    """The same when the pair has to settle first."""
    site = lab.site(
        sandbox, "X26ABC1", scan_interval="1h", poll_interval="1h", processing_delay="1s"
    )
    site.start_daemon()
    site.drop("file", b"content")
    site.wait_sent("file", timeout=15.0)
    site.stop_daemon()


def test_withdrawn_in_time(patient: Site, sandbox: Sandbox) -> None:
    """A pair that is taken back before its delay is over is not sent."""
    patient.start_daemon()
    pair = patient.drop("file", b"content")
    pair.ctl.unlink()
    pair.dat.unlink()
    stays_true(lambda: not sandbox.posts("X26ABC1"), "it was sent", 2.5)
    patient.stop_daemon()
    for folder in ("IN", "OUT", "SENT", "FAILED", "TEMP"):
        assert patient.names(folder) == [], folder


def test_many_pairs(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """A hundred pairs at once are all sent, each once."""
    pairs = [sender.drop(f"file{n:03d}", f"content {n}".encode()) for n in range(100)]
    sender.run_ok()
    receiver.run_ok()
    assert {item.sha256 for item in receiver.received()} == {pair.sha256 for pair in pairs}
    assert len(sandbox.posts("X26ABC1")) == len(receiver.received()) == 100


def test_received_files_are_complete_when_seen(sender: Site, receiver: Site) -> None:
    """Whoever sees the .ctl in IN finds the .dat beside it, whole."""
    sizes = {}
    for number in range(30):
        pair = sender.drop(f"file{number}", os.urandom(50_000))
        sizes[pair.elements["LocalId"]] = pair.sha256
    sender.run_ok()
    receiver.start_daemon()
    seen: set[str] = set()

    def look() -> bool:
        for item in receiver.received():
            assert item.sha256 == sizes[item.ctl["LocalId"]]
            seen.add(item.ctl["LocalId"])
        return len(seen) == len(sizes)

    wait_for(look, "all messages")
    receiver.stop_daemon()
