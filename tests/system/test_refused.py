# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Pairs that cannot be sent: FAILED with the reason, and a Report in IN."""

import os

import pytest

from harness.ctlfile import render
from harness.golden import assert_stamp
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import wait_for

pytestmark = pytest.mark.core


def assert_failed(site: Site, stem: str, summary: tuple[str, str, str]) -> str:
    """The pair is in FAILED and reported, both with the same status; returns its text."""
    failed = site.failed(stem)
    assert failed.status.summary == summary
    assert_stamp(failed.status.time)
    reports = [ctl for ctl in site.reports() if ctl.status.status == "ERROR"]
    assert [ctl.status.summary for ctl in reports] == [summary]
    assert reports[0].status.text == failed.status.text
    assert site.names("OUT") == site.names("TEMP") == site.names("SENT") == []
    return failed.status.text


def test_unregistered_recipient(lab, sandbox: Sandbox) -> None:
    """SEND 12 in FAILED and in a Report; the service's own REPORT is taken and acknowledged."""
    site = lab.site(sandbox, "X26ABC1")
    lab.forbidden.append("ZQNOBODY1")
    pair = site.drop("file", b"content", To_DTS="ZQNOBODY1")
    site.run_once()
    site.run_once()
    failed = site.failed("file")
    assert failed.status.summary == ("SEND", "ERROR", "12")
    assert failed["LocalId"] == pair.elements["LocalId"]
    assert (site.folder("FAILED") / "file.dat").read_bytes() == b"content"
    reports = [ctl for ctl in site.reports() if ctl.status.status == "ERROR"]
    assert {ctl.status.summary for ctl in reports} == {("SEND", "ERROR", "12")}
    assert all(ctl["LocalId"] == pair.elements["LocalId"] for ctl in reports)
    assert sandbox.requests("PUT", "acknowledged")
    assert sandbox.inbox("X26ABC1") == []
    assert len(sandbox.posts("X26ABC1")) == 1


def test_workflow_not_allowed(lab) -> None:
    """A workflow the recipient does not take is SEND 17."""
    sandbox = lab.sandbox()
    sandbox.set_workflows("X26ABC2", ["OTHER_*"])
    site = lab.site(sandbox.start(), "X26ABC1")
    site.drop("file", b"content")
    site.run_once()
    assert site.failed("file").status.summary == ("SEND", "ERROR", "17")


def test_unknown_code(sender: Site, sandbox: Sandbox) -> None:
    """A refusal with a code nobody knows is passed on as it came."""
    body = '{"detail":[{"event":"SEND","code":"X-99","msg":"no such thing"}]}'
    sandbox.fault("POST", "/outbox", status=417, body=body)
    pair = sender.drop("file", b"content")
    sender.run_once()
    text = assert_failed(sender, "file", ("SEND", "ERROR", "X-99"))
    assert "no such thing" in text
    assert sender.failed("file")["Subject"] == pair.elements["Subject"]


def test_empty_payload(sender: Site, sandbox: Sandbox) -> None:
    """An empty data file cannot be sent: COLLECT 02, without asking the service."""
    sender.drop("file", b"")
    sender.run_once()
    assert_failed(sender, "file", ("COLLECT", "ERROR", "02"))
    assert sandbox.requests("POST", "/outbox") == []
    assert sender.names("FAILED") == ["file.ctl", "file.dat"]


def test_from_of_another_mailbox(sender: Site, sandbox: Sandbox) -> None:
    """From_DTS of another mailbox is SEND 07, without asking the service."""
    sender.drop("file", b"content", From_DTS="X26ABC2")
    sender.run_once()
    assert_failed(sender, "file", ("SEND", "ERROR", "07"))
    assert sandbox.requests("POST", "/outbox") == []


def test_from_in_other_case(sender: Site, receiver: Site) -> None:
    """From_DTS is compared without case, and may be left out."""
    sender.drop("one", b"1", From_DTS="x26abc1")
    sender.drop("two", b"2", From_DTS=None)
    sender.run_ok()
    assert sender.names("SENT") == ["one.ctl", "one.dat", "two.ctl", "two.dat"]
    receiver.run_ok()
    assert len(receiver.received()) == 2


UNREADABLE = {
    "empty": "",
    "not-xml": "To_DTS=X26ABC2\n",
    "cut": "<DTSControl><To_DTS>X26ABC2</To_DTS>",
    "other-root": "<Control><To_DTS>X26ABC2</To_DTS></Control>",
    "twice": render({"To_DTS": "X26ABC2"}).replace("</DTS", "<To_DTS>X26ABC1</To_DTS></DTS"),
    "doctype": '<!DOCTYPE DTSControl [<!ENTITY a "b">]>' + render({"To_DTS": "X26ABC2"}),
    "too-long": render({"To_DTS": "X26ABC2", "Subject": "s" * 70_000}),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_control_file(sender: Site, sandbox: Sandbox, kind: str) -> None:
    """A control file that cannot be read goes to FAILED, rewritten with the reason."""
    sender.drop("file", b"content", text=UNREADABLE[kind])
    # It might still be being written: one that was kept waiting leaves it for the next run.
    sender.cycle(lambda: sender.names("FAILED"), "the pair in FAILED")
    failed = sender.failed("file")
    assert failed.status.status == "ERROR"
    assert failed.status.text
    for element in ("From_DTS", "To_DTS", "Subject", "LocalId", "WorkflowId", "MessageType"):
        assert failed.has(element)
    (report,) = sender.reports()
    assert report.status.status == "ERROR"
    assert report.status.text == failed.status.text
    assert (sender.folder("FAILED") / "file.dat").read_bytes() == b"content"
    assert sandbox.requests("POST", "/outbox") == []


def test_unreadable_with_a_slow_service(sender: Site, sandbox: Sandbox) -> None:
    """How long the service takes to shake hands is not taken from the control file's time."""
    sandbox.fault("POST", "/messageexchange/X26ABC1", delay_ms=6_000)
    sender.drop("file", b"content", text=UNREADABLE["cut"])
    sender.run_once()
    assert sender.failed("file").status.status == "ERROR"


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"To_DTS": None}, "To_DTS"),
        ({"To_DTS": ""}, "To_DTS"),
        ({"WorkflowId": None}, "WorkflowId"),
        ({"MessageType": "Report"}, "MessageType"),
        ({"Compress": "perhaps"}, "Compress"),
        ({"AllowChunking": "7"}, "AllowChunking"),
        ({"AddressType": "POST"}, "AddressType"),
        ({"Subject": "tab\there"}, "Subject"),
        ({"Subject": "ZQCANARY \u00e9"}, "Subject"),
        ({"Subject": "ZQCANARY" + "s" * 500}, "Subject"),
        ({"LocalId": "ZQCANARY\u20ac"}, "LocalId"),
        ({"LocalId": "ZQCANARY" + "l" * 300}, "LocalId"),
        ({"To_DTS": "https://example.org/ZQCANARY"}, "To_DTS"),
    ],
)
def test_wrong_control_file(
    sender: Site, sandbox: Sandbox, elements: dict[str, str | None], named: str
) -> None:
    """What the service could not take fails here, naming the element and not its value."""
    sender.drop("file", b"content", **elements)
    sender.run_once()
    failed = sender.failed("file")
    assert failed.status.status == "ERROR"
    assert named in failed.status.text
    assert "ZQCANARY" not in failed.status.text
    assert [ctl.status.summary for ctl in sender.reports() if ctl.status.status == "ERROR"] == [
        failed.status.summary
    ]
    assert sandbox.requests("POST", "/outbox") == []


def test_data_without_control_file(sender: Site, sandbox: Sandbox) -> None:
    """A .dat without .ctl is left alone; so are other files and folders."""
    out = sender.folder("OUT")
    (out / "alone.dat").write_bytes(b"content")
    (out / "notes.txt").write_bytes(b"notes")
    (out / ".hidden.ctl").write_bytes(b"<DTSControl/>")
    (out / "folder").mkdir()
    before = sorted(os.listdir(out))
    sender.run_ok()
    sender.run_ok()
    assert sorted(os.listdir(out)) == before
    assert sender.names("IN") == sender.names("FAILED") == []
    assert sandbox.requests("POST", "/outbox") == []


def test_control_file_without_data(lab, sandbox: Sandbox) -> None:
    """A .ctl whose data never comes fails with COLLECT 02."""
    site = lab.site(sandbox, "X26ABC1", processing_delay="100ms", poll_interval="1s")
    site.drop("file", None)
    site.start_daemon()
    wait_for((site.folder("FAILED") / "file.ctl").exists, "FAILED/file.ctl")
    site.stop_daemon()
    assert_failed(site, "file", ("COLLECT", "ERROR", "02"))
    assert sandbox.requests("POST", "/outbox") == []


def test_name_taken_in_failed(sender: Site) -> None:
    """A second pair of the same name never overwrites the first one in FAILED."""
    for content in (b"first", b"second"):
        sender.drop("file", content, From_DTS="X26ABC2")
        sender.run_once()
    kept = sorted(path.read_bytes() for path in sender.folder("FAILED").glob("*.dat"))
    assert kept == [b"first", b"second"]
    assert len(list(sender.folder("FAILED").glob("*.ctl"))) == 2


def test_name_taken_in_sent(sender: Site, receiver: Site) -> None:
    """A second pair of the same name never overwrites the first one in SENT."""
    for content in (b"first", b"second"):
        sender.drop("file", content)
        sender.run_ok()
    receiver.run_ok()
    kept = sorted(path.read_bytes() for path in sender.folder("SENT").glob("*.dat"))
    assert kept == [b"first", b"second"]
    ids = {item.ctl["DTSId"] for item in sender.arrived("SENT")}
    assert ids == {item.ctl["DTSId"] for item in receiver.received()}


def test_one_bad_pair_does_not_block(sender: Site, receiver: Site) -> None:
    """Bad pairs before and after a good one do not hold it up."""
    sender.drop("a-bad", b"", Compress="Y")
    good = sender.drop("b-good", b"content")
    sender.drop("c-bad", b"x", text="<nonsense")
    sender.cycle(lambda: len(sender.arrived("FAILED")) == 2, "both bad ones in FAILED")
    receiver.run_ok()
    assert sender.names("SENT") == ["b-good.ctl", "b-good.dat"]
    assert [item.sha256 for item in receiver.received()] == [good.sha256]


@pytest.mark.parametrize("what", ["symlink", "hardlink", "fifo"])
def test_unsafe_data_file(sender: Site, receiver: Site, sandbox: Sandbox, what: str) -> None:
    """A data file that may be somebody else's is never read and never sent."""
    secret = sender.path / "secret"
    secret.write_bytes(b"somebody else's")
    dat = sender.folder("OUT") / "file.dat"
    if what == "symlink":
        dat.symlink_to(secret)
    elif what == "hardlink":
        os.link(secret, dat)
    else:
        os.mkfifo(dat)
    sender.drop("file", None)
    good = sender.drop("good", b"good")
    sender.run_once()
    receiver.run_ok()
    assert [item.sha256 for item in receiver.received()] == [good.sha256]
    assert secret.read_bytes() == b"somebody else's"
    assert len(sandbox.posts("X26ABC1")) == 1
