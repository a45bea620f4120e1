# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""When a pair is taken: complete and steady, soon after, and only once."""

import os
import time

import pytest

from harness.ctlfile import render
from harness.lab import Lab
from harness.payloads import digest_bytes
from harness.sandbox import Sandbox
from harness.site import FOLDERS, Site
from harness.waiting import stays_true, tick, wait_for


DELAY = 1.0
# Whoever is himself held up for as long as the delay has proved nothing, and tries again.
TRIES = 20


@pytest.fixture
def patient(lab: Lab, sandbox: Sandbox) -> Site:
    """X26ABC1 with a processing delay of one second."""
    return lab.site(sandbox, "X26ABC1", processing_delay=f"{DELAY:g}s")


def write_slowly(site: Site, stem: str) -> str:
    """For three times the delay a pair's data file grows, and the pair must stay.

    The digest of what was written; nothing when the file was left alone for so long that the
    pair may be taken.
    """
    data = b""
    pair = [f"{stem}.ctl", f"{stem}.dat"]
    begun = last = time.monotonic()
    with (site.folder("OUT") / pair[1]).open("wb", buffering=0) as file:
        text = render(site.elements(LocalId=stem))
        (site.folder("OUT") / pair[0]).write_text(text, encoding="utf-8")
        while last - begun < 3 * DELAY:
            now = time.monotonic()
            data += os.urandom(1000)
            file.write(data[-1000:])
            found = site.names("OUT")
            if time.monotonic() - last >= DELAY:
                return ""
            assert found == pair
            last = now
            tick(0.1)
    return digest_bytes(data)


def test_slow_writing_is_not_taken_early(patient: Site, receiver: Site, sandbox: Sandbox) -> None:
    """A data file that still grows is not taken, even though its control file is there."""
    patient.start_daemon()
    for number in range(TRIES):
        written = write_slowly(patient, f"slow{number}")
        if written:
            break
        wait_for(lambda: patient.names("OUT") == [], "the pair to be taken")
    else:
        pytest.fail("this machine is too busy for the test")
    patient.wait_sent(f"slow{number}")
    patient.stop_daemon()
    receiver.run_ok()
    messages = [item for item in receiver.received() if item.ctl["LocalId"] == f"slow{number}"]
    assert [message.sha256 for message in messages] == [written]
    assert len(sandbox.posts("X26ABC1")) == number + 1, "each once"


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
    assert time.monotonic() - dropped >= DELAY, "old times of a file were believed"
    patient.wait_sent("a")
    patient.stop_daemon()
    receiver.run_ok()
    assert len(receiver.received()) == 1


def test_inotify(lab: Lab, sandbox: Sandbox) -> None:
    """With a scan an hour a dropped pair still leaves soon."""
    site = lab.site(sandbox, "X26ABC1", scan_interval="1h", poll_interval="1h")
    site.start_daemon()
    site.drop("file", b"content")
    site.wait_sent("file")
    site.drop("second", b"content")
    site.wait_sent("second")
    site.stop_daemon()


def test_inotify_with_a_delay(lab: Lab, sandbox: Sandbox) -> None:
    """The same when the pair has to settle first."""
    site = lab.site(
        sandbox, "X26ABC1", scan_interval="1h", poll_interval="1h", processing_delay="1s"
    )
    site.start_daemon()
    site.drop("file", b"content")
    site.wait_sent("file")
    site.stop_daemon()


def withdraw(site: Site) -> bool:
    """Drops a pair and takes it back; False when that took so long that it may be sent."""
    site.start_daemon()
    dropped = time.monotonic()
    pair = site.drop("file", b"content")
    for path in (pair.ctl, pair.dat):
        path.unlink(missing_ok=True)
    return time.monotonic() - dropped < DELAY


def test_withdrawn_in_time(lab: Lab, sandbox: Sandbox) -> None:
    """A pair that is taken back before its delay is over is not sent."""
    for _ in range(TRIES):
        sandbox.forget_requests()
        site = lab.site(sandbox, "X26ABC1", processing_delay=f"{DELAY:g}s")
        if withdraw(site):
            break
        site.stop_daemon()
    else:
        pytest.fail("this machine is too busy for the test")
    stays_true(lambda: not sandbox.posts("X26ABC1"), "it was sent", 2.5)
    site.stop_daemon()
    assert sandbox.posts("X26ABC1") == []
    for folder in FOLDERS:
        assert site.names(folder) == [], folder


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
