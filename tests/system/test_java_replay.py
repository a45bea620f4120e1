# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What NHS's public tests of the Java client do, done with ours in its place.

Theirs start the client with a mailbox folder, drop and look, and ask the server as the other
side. The client runs all the while, with a processing delay of one second as theirs has.
"""

import os
import time
import uuid

import pytest

from harness.ctlfile import MESSAGE_ID, render
from harness.golden import assert_stamp
from harness.lab import Lab
from harness.payloads import digest_bytes, gzip_bytes, text_bytes
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Site
from harness.waiting import wait_for


@pytest.fixture
def client(lab: Lab, sandbox: Sandbox) -> Site:
    """X26ABC1, running."""
    site = lab.site(
        sandbox, "X26ABC1", processing_delay="1s", chunk_size="100k", request_limit="120k"
    )
    site.start_daemon()
    return site


def drop(site: Site, payload: bytes, mailbox: str = "", **elements: str | None) -> str:
    """Data first, then the control file, both in place; their names are a UUID."""
    name = uuid.uuid4().hex
    out = site.folder("OUT", mailbox)
    (out / f"{name}.dat").write_bytes(payload)
    values = site.elements(mailbox, **elements)
    (out / f"{name}.ctl").write_text(render(values), encoding="utf-8")
    return name


def fetch(sandbox: Sandbox, mailbox: str, message_id: str) -> bytes:
    """What the other side downloads, in one piece, decoded by itself."""
    api = sandbox.api(mailbox)
    try:
        answer = api.request("GET", f"/messageexchange/{mailbox}/inbox/{message_id}")
        assert answer.status == 200, answer
        return answer.body
    finally:
        api.close()


@pytest.mark.parametrize("compress", ["Y", "N"])
def test_client_sends(client: Site, sandbox: Sandbox, compress: str) -> None:
    """The peer is listed one message, under the DTSId that SENT has, with the same bytes."""
    payload = text_bytes(20_000)
    name = drop(client, payload, Compress=compress)
    sent = client.wait_sent(name)
    assert client.names("SENT") == [f"{name}.ctl", f"{name}.dat"]
    assert (client.folder("SENT") / f"{name}.dat").read_bytes() == payload
    assert client.names("OUT") == client.names("FAILED") == []
    assert sandbox.inbox("X26ABC2") == [sent["DTSId"]]
    body = fetch(sandbox, "X26ABC2", sent["DTSId"])
    assert digest_bytes(body) == digest_bytes(payload) or compress == "Y"
    assert sandbox.message(sent["DTSId"])["file_name"] == f"{name}.dat"
    assert sent["IsCompressed"] == compress
    assert sent.status.summary == ("TRANSFER", "SUCCESS", "00")
    assert_stamp(sent.status.time)
    client.stop_daemon()


def test_young_files_are_left_alone(client: Site, sandbox: Sandbox) -> None:
    """A pair younger than the delay is not touched; soon after it is gone."""
    dropped = time.monotonic()
    name = drop(client, b"content")
    wait_for(lambda: client.names("OUT") == [], "the pair to be taken")
    assert time.monotonic() - dropped >= 1.0, "it was taken early"
    client.wait_sent(name)
    assert len(sandbox.posts("X26ABC1")) == 1
    client.stop_daemon()


def test_client_receives(client: Site, sandbox: Sandbox) -> None:
    """The peer's message is IN/ID.dat and IN/ID.ctl, is acknowledged, and is what was sent."""
    api = sandbox.api("X26ABC2")
    payload = os.urandom(30_000)
    try:
        plain = api.send("X26ABC1", WORKFLOW, payload, Mex_LocalID="one", Mex_Subject="first")
        packed = api.send(
            "X26ABC1",
            WORKFLOW,
            gzip_bytes(payload),
            Content_Encoding="gzip",
            Mex_Content_Compressed="Y",
            Mex_FileName="other.dat",
        )
    finally:
        api.close()
    client.wait_received(2)
    wait_for(lambda: sandbox.inbox("X26ABC1") == [], "both to be acknowledged")
    assert client.names("IN") == sorted(
        f"{message_id}.{kind}" for message_id in (plain, packed) for kind in ("ctl", "dat")
    )
    for message in client.received():
        assert message.ctl["DTSId"] == message.ctl.path.stem
        assert MESSAGE_ID.fullmatch(message.ctl["DTSId"])
        assert message.sha256 == digest_bytes(payload)
        assert (message.ctl["From_DTS"], message.ctl["To_DTS"]) == ("X26ABC2", "X26ABC1")
    assert client.read("IN", f"{plain}.ctl")["LocalId"] == "one"
    client.stop_daemon()


@pytest.mark.parametrize("size", [1, 5_000, 350_000])
def test_client_to_client(lab: Lab, sandbox: Sandbox, size: int) -> None:
    """Both mailboxes in one client: each sends to the other, whole or in chunks."""
    site = lab.site(
        sandbox,
        "X26ABC1",
        "X26ABC2",
        processing_delay="1s",
        chunk_size="100k",
        request_limit="120k",
    )
    site.start_daemon()
    one, two = os.urandom(size), os.urandom(size)
    there = drop(site, one, "X26ABC1", To_DTS="X26ABC2")
    back = drop(site, two, "X26ABC2", To_DTS="X26ABC1")
    for sender, receiver, name, payload in (
        ("X26ABC1", "X26ABC2", there, one),
        ("X26ABC2", "X26ABC1", back, two),
    ):
        sent = site.wait_sent(name, sender)
        (message,) = site.wait_received(1, receiver)
        assert message.ctl.path.stem == message.ctl["DTSId"] == sent["DTSId"]
        assert message.ctl["LocalId"] == sent["LocalId"]
        assert message.sha256 == digest_bytes(payload)
    site.stop_daemon()


def test_undeliverable(client: Site, sandbox: Sandbox) -> None:
    """A message that cannot be delivered comes back as a report: a .ctl alone, by LocalId."""
    name = drop(client, b"content")
    sent = client.wait_sent(name)
    body = {
        "mailbox_id": "X26ABC1",
        "code": "14",
        "description": "Message not collected by recipient after 5 days",
        "workflow_id": sent["WorkflowId"],
        "subject": f"NDR: {sent['Subject']}",
        "local_id": sent["LocalId"],
        "file_name": f"{name}.dat",
        "linked_message_id": sent["DTSId"],
    }
    report_id = sandbox.admin("POST", "/report", body)["message_id"]
    wait_for(lambda: f"{report_id}.ctl" in client.names("IN"), "the report")
    report = client.read("IN", f"{report_id}.ctl")
    assert report.is_report
    assert report.status.summary == ("SEND", "ERROR", "14")
    assert (report["DTSId"], report["PartnerId"]) == (report_id, sent["DTSId"])
    assert report["LocalId"] == sent["LocalId"]
    assert report["To_DTS"] == "X26ABC1"
    assert f"{report_id}.dat" not in client.names("IN")
    wait_for(lambda: sandbox.inbox("X26ABC1") == [], "its acknowledge")
    client.stop_daemon()


def test_unknown_recipient(client: Site, sandbox: Sandbox) -> None:
    """Nobody has that mailbox: FAILED, and a report in IN, by LocalId."""
    name = drop(client, b"content", To_DTS="X26NONE")
    wait_for((client.folder("FAILED") / f"{name}.ctl").exists, "FAILED")
    failed = client.failed(name)
    assert failed.status.summary == ("SEND", "ERROR", "12")
    wait_for(lambda: client.reports("SEND"), "the report")
    assert {report["LocalId"] for report in client.reports("SEND")} == {failed["LocalId"]}
    assert client.names("SENT") == client.names("OUT") == []
    assert sandbox.inbox("X26ABC2") == []
    client.stop_daemon()
