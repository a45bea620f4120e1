# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What keeps messages away is told in IN: RECEIVE 15 to 17, TRANSFER 03 and 04, COLLECT 01, 02."""

import json
import time

import pytest

from harness import certs
from harness.ctlfile import ControlFile
from harness.golden import assert_stamp
from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import stays_true, wait_for


def errors(site: Site, event: str) -> list[ControlFile]:
    """The reports of an event that are errors."""
    return [report for report in site.reports(event) if report.status.status == "ERROR"]


@pytest.fixture
def quiet(lab: Lab, sandbox: Sandbox) -> Site:
    """X26ABC1 without COLLECT reports, asking its inbox once an hour."""
    site = lab.site(sandbox, poll_interval="1h")
    return site.add_mailbox("X26ABC1", reports={"collect": False})


def start_quiet(site: Site) -> None:
    """Past its handshake and its first poll: what comes next is about a pair."""
    status = site.path / "state" / "status.json"
    site.start_daemon()
    site.drop("first", b"first")
    site.wait_sent("first")

    def polled() -> bool:
        """It has the answer, too: nothing is asked any more."""
        (mailbox,) = json.loads(status.read_text(encoding="utf-8"))["mailboxes"]
        return bool(mailbox["last_poll"])

    wait_for(polled, "the first poll")


def change_certificate(sandbox: Sandbox, dns: str) -> None:
    """The sandbox, at the same port, under another name."""
    port = sandbox.port
    sandbox.stop()
    own = certs.load_authority(sandbox.path / "ca.pem", sandbox.path / "ca.key")
    certs.issue(own, dns, dns, True, sandbox.path / "server")
    sandbox.start(port=port)


def keep_certificate(sandbox: Sandbox) -> dict[str, bytes]:
    """The sandbox's own, to be put back."""
    return {name: (sandbox.path / name).read_bytes() for name in ("server.pem", "server.key")}


# --- RECEIVE


def test_poll_fails(sender: Site, sandbox: Sandbox) -> None:
    """A service that lists nothing: RECEIVE 15 at once, then rarely; its end writes nothing."""
    sandbox.fault("GET", "/inbox", count=1000, status=500)
    started = time.monotonic()

    def reports() -> list[ControlFile]:
        """One, and one more for each whole minute that a slow machine has taken."""
        found = sender.reports()
        assert 1 <= len(found) <= 1 + (time.monotonic() - started) // 60
        return found

    sender.start_daemon()
    wait_for(lambda: len(sandbox.requests("GET", r"/inbox")) >= 3, "three lists", 120.0)
    report = reports()[0]
    assert report.status.summary == ("RECEIVE", "ERROR", "15")
    assert "log of meshdropd" in report.status.text
    assert_stamp(report.status.time)
    assert report["From_DTS"] == report["To_DTS"] == "X26ABC1"
    assert report.path.name == f"X26ABC1_RECEIVE_{report.status.time}.ctl"
    sandbox.clear_faults()
    wait_for(lambda: "service-well" in sender.process.text(), "the end of it", 120.0)
    sender.stop_daemon()
    assert len(reports()) == len(sender.names("IN"))


def test_disk_is_no_outage(lab: Lab, sandbox: Sandbox) -> None:
    """Our own lack of room is in the log, not in IN."""
    site = lab.site(sandbox, "X26ABC1", reserve="1000000G")
    site.drop("file", b"content")
    site.run_once()
    assert site.names("IN") == []
    assert site.names("OUT") == ["file.ctl", "file.dat"]


def test_poll_report_is_one_a_poll(lab: Lab, sandbox: Sandbox, sender: Site) -> None:
    """An inbox of several pages is one poll."""
    count = 501  # of which the service lists 500 at a time
    for number in range(count):
        sender.drop(f"file{number}", b"x")
    sender.cycle(lambda: sender.names("OUT") == [], "all sent")
    site = lab.site(sandbox, poll_interval="1h")
    site.add_mailbox("X26ABC2", reports={"poll": True}, max_messages=1000)
    site.run_ok()
    assert len(site.received()) == count
    assert len(sandbox.requests("GET", r"X26ABC2/inbox(\?.*)?$")) >= 2
    assert len(site.reports("RECEIVE")) == 1


# --- TRANSFER 03, 04


@pytest.mark.parametrize("local_id", ["given", ""])
def test_certificate_fails_a_message(quiet: Site, sandbox: Sandbox, local_id: str) -> None:
    """Under a wrong certificate a message waits: one TRANSFER 03; then it is sent, once."""
    start_quiet(quiet)
    kept = keep_certificate(sandbox)
    change_certificate(sandbox, "elsewhere.example")
    pair = quiet.drop("file", b"content", LocalId=local_id)
    wait_for(lambda: errors(quiet, "TRANSFER"), "TRANSFER 03")
    (report,) = errors(quiet, "TRANSFER")
    assert report.status.summary == ("TRANSFER", "ERROR", "03")
    assert "do not send it again" in report.status.text
    assert report["Subject"] == pair.elements["Subject"]
    assert report["LocalId"] == local_id or local_id == ""
    assert report.path.name == f"file_TRANSFER_{report.status.time}.ctl"
    wait_for(lambda: quiet.reports("RECEIVE"), "RECEIVE 16")
    assert quiet.reports("RECEIVE")[0].status.code == "16"
    port = sandbox.port
    sandbox.stop()
    for name, data in kept.items():
        (sandbox.path / name).write_bytes(data)
    sandbox.start(port=port)
    quiet.wait_sent("file", timeout=120.0)
    quiet.stop_daemon()
    assert len(errors(quiet, "TRANSFER")) == 1
    assert quiet.names("FAILED") == []
    assert len(sandbox.posts("X26ABC1")) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_fail_a_message(quiet: Site, sandbox: Sandbox, status: int) -> None:
    """A message whose own request is refused access waits: one TRANSFER 04; then it is sent."""
    start_quiet(quiet)
    sandbox.fault("POST", "/outbox", status=status, count=2)
    quiet.drop("file", b"content")
    wait_for(lambda: errors(quiet, "TRANSFER"), "TRANSFER 04")
    quiet.wait_sent("file", timeout=120.0)
    quiet.stop_daemon()
    (report,) = errors(quiet, "TRANSFER")
    assert report.status.summary == ("TRANSFER", "ERROR", "04")
    assert "do not send it again" in report.status.text
    assert sandbox.faults_left() == 0
    assert quiet.names("FAILED") == []


def test_away_is_no_barrier(quiet: Site, sandbox: Sandbox) -> None:
    """A request that dies on the way is neither of them."""
    start_quiet(quiet)
    sandbox.fault("POST", "/outbox", status=503, count=1)
    quiet.drop("file", b"content")
    quiet.wait_sent("file", timeout=120.0)
    quiet.stop_daemon()
    assert quiet.names("IN") == []


# --- COLLECT


def test_data_alone(lab: Lab, sandbox: Sandbox) -> None:
    """A .dat alone for longer than reports.orphan: COLLECT 01 once; the file stays; so does it."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"orphan": "1s"})
    site.start_daemon()
    dropped = time.monotonic()
    (site.folder("OUT") / "alone.dat").write_bytes(b"content")
    wait_for(lambda: site.reports("COLLECT"), "COLLECT 01")
    assert time.monotonic() - dropped > 0.9, "too early"
    stays_true(lambda: len(site.reports("COLLECT")) == 1, "it was said again", 2.5)
    (report,) = site.reports("COLLECT")
    assert report.status.summary == ("COLLECT", "ERROR", "01")
    assert report.status.text == ".ctl file is missing or inaccessible"
    assert report.path.name == f"alone_COLLECT_{report.status.time}.ctl"
    assert site.names("OUT") == ["alone.dat"]
    site.drop("alone", b"content")
    site.wait_sent("alone")
    site.stop_daemon()


def test_control_file_alone_has_its_time(lab: Lab, sandbox: Sandbox) -> None:
    """A .ctl alone waits for poll_interval, or processing_delay if that is longer."""
    for number, (delay, poll) in enumerate([("100ms", "2s"), ("2s", "1s")]):
        site = lab.site(sandbox, "X26ABC1", processing_delay=delay, poll_interval=poll)
        dropped = time.monotonic()
        site.drop(f"file{number}", None)
        site.start_daemon()
        wait_for((site.folder("FAILED") / f"file{number}.ctl").exists, "FAILED")
        assert time.monotonic() - dropped > 1.9, (delay, poll)
        site.stop_daemon()
        assert [ctl.status.summary for ctl in site.reports()] == [("COLLECT", "ERROR", "02")]
