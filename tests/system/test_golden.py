# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Every form of control file, byte for byte: what goes in, and what SENT, FAILED and IN have."""

from pathlib import Path

import pytest

from harness import certs
from harness.ctlfile import ControlFile
from harness.golden import assert_form
from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Site
from harness.waiting import wait_for

DATA = Path(__file__).resolve().parents[1] / "data" / "ctl"
STALE = "20250101000000000000_ABCDEF"

# Where a file has names of its own for the two mailboxes.
NAMES = {
    "{sender}": "X26ABC1",
    "{recipient}": "X26ABC2",
    "__RECIPIENT__": "X26ABC2",
    "ward5HT1": "x26ABC1",
    "ward6HT1": "x26abc2",
    "oldSITE1": "x26ABC1",
    "newsite2": "x26abc2",
    "${in.To_ESMTP}": "x26abc1@dts.nhs.uk",
    "${in.From_ESMTP}": "x26abc2@dts.nhs.uk",
    "${in.To_DTS}": "X26ABC1",
    "${in.From_DTS}": "X26ABC2",
    "${in.LocalId}": "request-12",
    "${in.DTSId}": STALE,
}

# Files that applications put into OUT; also some that they took from elsewhere and put there.
GOOD = (
    "out-address-type-all",
    "out-crlf-declaration",
    "out-leading-blank-line-upper-data",
    "out-tabs-no-final-newline",
    "out-template-trailing-blanks",
    "out-unknown-elements",
    "out-with-statusrecord",
    "in-dts-era-attributes",
    "sent",
    "sent-blank-in-end-tag",
    "sent-crlf-mixed-indent",
)


def text_of(shape: str) -> str:
    """A control file for OUT, in its own form, between our two mailboxes."""
    text = (DATA / f"{shape}.ctl").read_bytes().decode("utf-8")
    for name, mailbox in NAMES.items():
        text = text.replace(name, mailbox)
    return text


def drop(site: Site, text: str, payload: bytes | None = b"content\n") -> None:
    """A pair with exactly these bytes."""
    out = site.folder("OUT")
    if payload is not None:
        (out / "file.dat").write_bytes(payload)
    (out / "file.ctl").write_bytes(text.encode("utf-8"))


def only(reports: list[ControlFile], event: str, status: str) -> ControlFile:
    """The one report of a kind."""
    (found,) = [r for r in reports if (r.status.event, r.status.status) == (event, status)]
    return found


# --- OUT to SENT


@pytest.mark.parametrize("shape", GOOD)
def test_sent(sender: Site, receiver: Site, shape: str) -> None:
    """Each form of OUT becomes the one form of SENT; COLLECT echoes it; the receiver's is whole."""
    drop(sender, text_of(shape))
    sender.run_ok()
    receiver.run_ok()
    assert_form(sender.sent("file"), f"{shape}.sent.ctl")
    assert_form(only(sender.reports(), "COLLECT", "SUCCESS"), f"{shape}.collect.ctl")
    (message,) = receiver.received()
    assert message.ctl["DTSId"] == sender.sent("file")["DTSId"]
    assert_form(message.ctl, f"{shape}.received.ctl")


@pytest.mark.parametrize("version", ["1", "2", "3.0", "", "draft"])
def test_versions(sender: Site, receiver: Site, version: str) -> None:
    """Senders number their files in Version as they like: it is echoed, never judged."""
    sender.drop("file", b"content", Version=version)
    sender.run_ok()
    receiver.run_ok()
    assert sender.sent("file")["Version"] == version
    assert receiver.received()[0].ctl["Version"] == "1.0"


@pytest.mark.parametrize("kind", ["SMTP", "smtp", "All", ""])
def test_address_types(sender: Site, receiver: Site, kind: str) -> None:
    """Whatever the AddressType, a message with To_DTS goes to that mailbox."""
    sender.drop("file", b"content", AddressType=kind, To_ESMTP="x26abc2@dts.nhs.uk")
    sender.run_ok()
    receiver.run_ok()
    assert sender.sent("file")["AddressType"] == kind
    assert len(receiver.received()) == 1


# --- OUT to FAILED


BAD = {
    "minimal": (text_of("out-minimal"), ("TRANSFER", "06")),
    "autorouting": (text_of("out-autorouting"), ("SEND", "12")),
    "other-sender": (text_of("sent").replace(">X26ABC1<", ">X26ABC2<"), ("SEND", "07")),
    "no-recipient": (text_of("sent").replace(">X26ABC2<", "><"), ("SEND", "08")),
    "address-type": (text_of("sent").replace(">DTS<", ">POST<"), ("SEND", "10")),
    "message-type": (text_of("sent").replace(">Data<", ">Report<"), ("SEND", "11")),
    "unknown-recipient": (text_of("sent").replace("X26ABC2", "X26NONE"), ("SEND", "12")),
    "not-xml": ("<DTSControl>\n  <Version>1.0</Vers", ("COLLECT", "01")),
}


@pytest.mark.parametrize("case", BAD)
def test_failed(lab: Lab, sandbox: Sandbox, case: str) -> None:
    """What cannot be sent: FAILED and the report in IN say why, in the same form."""
    text, (event, code) = BAD[case]
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"collect": False})
    drop(site, text)
    # A control file that cannot be read is given time to be finished.
    site.cycle(lambda: site.names("FAILED"), "the pair in FAILED")
    failed = site.failed("file")
    assert failed.status.summary == (event, "ERROR", code)
    assert_form(failed, f"{case}.failed.ctl")
    report = site.read("IN", f"file_{event}_{failed.status.time}.ctl")
    assert_form(report, f"{case}.report.ctl")
    assert report.status == failed.status


def test_data_missing(lab: Lab, sandbox: Sandbox) -> None:
    """A .ctl alone: COLLECT 02."""
    site = lab.site(sandbox, "X26ABC1")
    drop(site, text_of("sent"), None)
    site.start_daemon()
    wait_for((site.folder("FAILED") / "file.ctl").exists, "FAILED/file.ctl")
    site.stop_daemon()
    assert_form(site.failed("file"), "data-missing.failed.ctl")
    (report,) = site.reports()
    assert_form(report, "data-missing.report.ctl")


# --- IN


def test_received_with_all_values(sender: Site, receiver: Site) -> None:
    """Every value that the service can carry is in the receiver's file."""
    sender.drop(
        "file",
        b"content",
        Encrypted="Y",
        Compress="N",
        PartnerId="partner-1",
        ProcessId="process-2",
        DataChecksum="md5:0a1b",
    )
    sender.run_ok()
    receiver.run_ok()
    assert_form(receiver.received()[0].ctl, "all-values.received.ctl")


def test_not_collected(sender: Site, sandbox: Sandbox) -> None:
    """A message that nobody collects: the service's report, with the sender's LocalId."""
    drop(sender, text_of("sent"))
    sender.run_ok()
    sent = sender.sent("file")
    sandbox.settings(message_expiry_s=0)
    sender.cycle(lambda: sender.reports("SEND"), "the report", 5)
    (report,) = sender.reports("SEND")
    assert report["PartnerId"] == sent["DTSId"]
    assert report.path.name == f"{report['DTSId']}.ctl"
    assert_form(report, "not-collected.ctl")


def test_report_that_says_little(receiver: Site, sandbox: Sandbox) -> None:
    """A report of the service without what it need not have."""
    body = {
        "mailbox_id": "X26ABC2",
        "code": "14",
        "description": "Message could not be delivered as mailbox is deactivated",
        "workflow_id": WORKFLOW,
    }
    sandbox.admin("POST", "/report", body)
    receiver.run_ok()
    (report,) = receiver.reports()
    assert_form(report, "report-bare.ctl")


# --- reports of our own


def test_transfer_report(lab: Lab, sandbox: Sandbox) -> None:
    """TRANSFER 00."""
    reports = {"collect": False, "transfer": True}
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports=reports)
    drop(site, text_of("sent"))
    site.run_ok()
    assert_form(only(site.reports(), "TRANSFER", "SUCCESS"), "transfer-00.ctl")


def test_delay_then_failure(lab: Lab, sandbox: Sandbox) -> None:
    """TRANSFER 05 for each delay, then 06 when the retries are used up."""
    reports = {"collect": False, "delay": True}
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports=reports, server_retry=0)
    sandbox.fault("POST", "/outbox", status=429, count=100)
    drop(site, text_of("sent"))
    site.start_daemon()
    wait_for((site.folder("FAILED") / "file.ctl").exists, "FAILED/file.ctl")
    wait_for(lambda: len(site.reports()) >= 2, "both reports")
    site.stop_daemon()
    assert_form(only(site.reports(), "TRANSFER", "SUCCESS"), "transfer-05.ctl")
    assert_form(only(site.reports(), "TRANSFER", "ERROR"), "transfer-06.ctl")
    assert_form(site.failed("file"), "retries.failed.ctl")
    assert len(sandbox.posts("X26ABC1")) == 1


def test_barred_report(lab: Lab, sandbox: Sandbox) -> None:
    """TRANSFER 04, with the LocalId that the message goes by."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"collect": False})
    sandbox.fault("POST", "/outbox", status=401)
    drop(site, text_of("sent"))
    site.run_once()
    assert_form(only(site.reports(), "TRANSFER", "ERROR"), "transfer-04.ctl")


def test_poll_reports(lab: Lab, sandbox: Sandbox) -> None:
    """RECEIVE 00, 15, 16 and 17."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"poll": True})
    site.run_ok()
    sandbox.fault("GET", "/inbox", status=500)
    site.run_once()
    good = site.service["ca_file"]
    other = site.path / "other-ca.pem"
    certs.write_private(other, certs.pem_of(certs.make_authority("other").certificate))
    site.service["ca_file"] = str(other)
    site.write_conf()
    site.run_once()
    site.service["ca_file"] = good
    site.write_conf()
    certs.write_private(site.path / "X26ABC1.password", b"not the password")
    site.run_once()
    by_code = {report.status.code: report for report in site.reports("RECEIVE")}
    assert sorted(by_code) == ["00", "15", "16", "17"]
    for code, report in by_code.items():
        assert_form(report, f"receive-{code}.ctl")


def test_data_alone(lab: Lab, sandbox: Sandbox) -> None:
    """COLLECT 01 about a .dat without .ctl."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"orphan": "500ms"})
    (site.folder("OUT") / "file.dat").write_bytes(b"content")
    site.start_daemon()
    wait_for(site.reports, "COLLECT 01")
    site.stop_daemon()
    (report,) = site.reports()
    assert_form(report, "collect-01.ctl")
