# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The sandbox, asked by a client that is not meshdrop: as strict as the real service."""

import http.client
import re
import ssl
import stat

import pytest

from harness.api import Answer, Api
from harness.ctlfile import MESSAGE_ID
from harness.lab import Lab
from harness.payloads import gzip_bytes, text_bytes
from harness.process import run
from harness.sandbox import Sandbox
from harness.site import WORKFLOW
from harness.waiting import wait_for

ONE = "/messageexchange/X26ABC1"
TWO = "/messageexchange/X26ABC2"


@pytest.fixture
def one(sandbox: Sandbox) -> Api:
    """A client for X26ABC1."""
    return sandbox.api("X26ABC1")


@pytest.fixture
def two(sandbox: Sandbox) -> Api:
    """A client for X26ABC2."""
    return sandbox.api("X26ABC2")


def error_of(answer: Answer) -> tuple[str, str]:
    """Event and code of a refusal in v2's form."""
    detail = answer.json()["detail"][0]
    return (detail["event"], detail["code"])


def test_init(lab: Lab) -> None:
    """--init makes what is promised, secrets readable by their owner only, in a new directory."""
    sandbox = lab.sandbox()
    names = {path.name for path in sandbox.path.iterdir()}
    assert {
        "ca.pem",
        "ca.key",
        "server.pem",
        "server.key",
        "client.pem",
        "client.key",
        "shared.key",
        "mailboxes.json",
        "X26ABC1.password",
        "X26ABC2.password",
        "meshdrop.conf",
        "mailboxes.d",
    } <= names
    for path in [*sandbox.path.glob("*.key"), *sandbox.path.glob("*.password")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    text = (sandbox.path / "meshdrop.conf").read_text(encoding="utf-8")
    assert re.search(r"^url = https://127\.0\.0\.1:8700$", text, re.MULTILINE)
    again = run([lab.programs.path("meshdrop-sandbox"), "--init", str(sandbox.path)], sandbox.log)
    assert again.code == 1
    assert str(sandbox.path) in again.err


def test_generated_settings_are_good(lab: Lab) -> None:
    """meshdropd takes the settings that --init wrote."""
    sandbox = lab.sandbox()
    daemon = [lab.programs.path("meshdropd"), "-c", str(sandbox.path / "meshdrop.conf")]
    done = run([*daemon, "--check"], lab.logs / "check.log")
    assert done.code == 0, done


def test_says_where_it_listens(lab: Lab) -> None:
    """One line on standard output when it is ready."""
    sandbox = lab.sandbox().start()
    assert f"meshdrop-sandbox: listening on {sandbox.url}\n" in sandbox.log.read_text("utf-8")


def test_port_in_use(lab: Lab, sandbox: Sandbox) -> None:
    """A port that is taken is said."""
    other = lab.sandbox()
    program = lab.programs.path("meshdrop-sandbox")
    done = run(
        [program, "--dir", str(other.path), "--port", str(sandbox.port)], other.log, timeout=30
    )
    assert done.code == 1, done
    assert str(sandbox.port) in done.err


def test_client_certificate_is_required(sandbox: Sandbox) -> None:
    """Without a client certificate the handshake fails."""
    context = ssl.create_default_context(cafile=str(sandbox.path / "ca.pem"))
    connection = http.client.HTTPSConnection(
        "127.0.0.1", sandbox.port, timeout=10, context=context
    )
    with pytest.raises(OSError):
        connection.request("GET", "/messageexchange/_ping")
        connection.getresponse()


def test_token_is_single_use(one: Api) -> None:
    """The same token a second time is 403."""
    token = one.token()
    assert one.request("GET", f"{ONE}/inbox", Authorization=token).status == 200
    assert one.request("GET", f"{ONE}/inbox", Authorization=token).status == 403


def test_token_of_another_mailbox(one: Api) -> None:
    """A token is good for its own mailbox only."""
    assert one.request("GET", f"{TWO}/inbox").status == 403


def test_wrong_password(sandbox: Sandbox) -> None:
    """A wrong password is 403."""
    api = sandbox.api("X26ABC1")
    api.password += "x"
    assert api.request("GET", f"{ONE}/inbox").status == 403


def test_send_list_get_acknowledge(one: Api, two: Api) -> None:
    """The life of a message: accepted, listed, taken, acknowledged, gone."""
    message_id = one.send("X26ABC2", WORKFLOW, b"content", Mex_LocalID="L1", Mex_Subject="S")
    assert MESSAGE_ID.fullmatch(message_id)
    assert two.inbox() == [message_id]
    got = two.request("GET", f"{TWO}/inbox/{message_id}")
    assert (got.status, got.body) == (200, b"content")
    assert got.headers["mex-from"] == "X26ABC1"
    assert got.headers["mex-localid"] == "L1"
    assert got.headers["mex-messagetype"] == "DATA"
    assert got.headers["content-length"] == "7"
    assert two.request("PUT", f"{TWO}/inbox/{message_id}/status/acknowledged").status == 200
    assert two.inbox() == []
    assert two.request("GET", f"{TWO}/inbox/{message_id}").status == 410
    assert one.request("GET", f"{ONE}/inbox/{message_id}").status == 403


def test_pages(one: Api, two: Api) -> None:
    """25 messages in pages of 10: next is relative, the last page has none."""
    ids = [one.send("X26ABC2", WORKFLOW, b"x") for _ in range(25)]
    path, pages, seen = f"{TWO}/inbox?max_results=10", 0, []
    while path:
        page = two.request("GET", path).json()
        assert page["approx_inbox_count"] == 25
        seen += page["messages"]
        path = page["links"].get("next", "")
        assert path == "" or path.startswith("/messageexchange/")
        pages += 1
    assert (pages, seen) == (3, ids)


def test_chunk_order(one: Api, two: Api) -> None:
    """Chunks must come in order; the message appears with the last one."""
    message_id = one.send("X26ABC2", WORKFLOW, b"1", Mex_Chunk_Range="1:3")
    assert two.inbox() == []

    def chunk(number: int, body: bytes) -> int:
        path = f"{ONE}/outbox/{message_id}/{number}"
        return one.request("POST", path, body, Mex_Chunk_Range=f"{number}:3").status

    assert chunk(3, b"3") >= 400
    assert chunk(2, b"two") == 202
    assert chunk(2, b"2") == 202
    assert two.inbox() == []
    assert chunk(3, b"3") == 202
    assert chunk(3, b"3") == 423
    assert two.inbox() == [message_id]
    got = [two.request("GET", f"{TWO}/inbox/{message_id}/{n}") for n in (1, 2, 3)]
    assert [answer.status for answer in got] == [206, 206, 200]
    assert b"".join(answer.body for answer in got) == b"123"
    assert [answer.headers["mex-chunk-range"] for answer in got] == ["1:3", "2:3", "3:3"]


def test_stored_gzip(one: Api, two: Api) -> None:
    """Who does not offer gzip gets plain bytes; who does gets what was stored."""
    text = text_bytes(5000)
    message_id = one.send("X26ABC2", WORKFLOW, gzip_bytes(text), Content_Encoding="gzip")
    plain = two.request("GET", f"{TWO}/inbox/{message_id}")
    assert plain.body == text
    assert "content-encoding" not in plain.headers
    packed = two.request("GET", f"{TWO}/inbox/{message_id}", Accept_Encoding="gzip")
    assert packed.body == gzip_bytes(text)
    assert packed.headers["content-encoding"] == "gzip"


def test_unregistered_recipient(one: Api) -> None:
    """417 SEND/12, and a REPORT about that message in the sender's inbox."""
    refused = one.request("POST", f"{ONE}/outbox", b"x", Mex_To="NOBODY", Mex_WorkflowID=WORKFLOW)
    assert refused.status == 417
    assert error_of(refused) == ("SEND", "12")
    (report_id,) = one.inbox()
    report = one.request("GET", f"{ONE}/inbox/{report_id}")
    assert report.headers["mex-messagetype"] == "REPORT"
    assert report.headers["mex-linkedmsgid"] == refused.json()["message_id"]
    assert (report.headers["mex-statuscode"], report.body) == ("12", b"")


def test_empty_body(one: Api) -> None:
    """A message without content is 417 COLLECT/02."""
    refused = one.request("POST", f"{ONE}/outbox", b"", Mex_To="X26ABC2", Mex_WorkflowID=WORKFLOW)
    assert (refused.status, error_of(refused)) == (417, ("COLLECT", "02"))


def test_tracking(one: Api) -> None:
    """By message id and by local id: one, several, none."""
    path = f"{ONE}/outbox/tracking"
    message_id = one.send("X26ABC2", WORKFLOW, b"x", Mex_LocalID="L1")
    found = one.request("GET", f"{path}?messageID={message_id}").json()
    assert (found["message_id"], found["status"]) == (message_id, "accepted")
    assert one.request("GET", f"{path}/L1").json()["messageId"] == message_id
    assert one.request("GET", f"{path}/L2").status == 404
    one.send("X26ABC2", WORKFLOW, b"x", Mex_LocalID="L1")
    assert one.request("GET", f"{path}/L1").status == 300


def test_kept_over_a_kill(sandbox: Sandbox) -> None:
    """What was answered with 202 is there after a SIGKILL; used tokens are still used."""
    api = sandbox.api("X26ABC1")
    token = api.token()
    assert api.request("GET", f"{ONE}/inbox", Authorization=token).status == 200
    whole = api.send("X26ABC2", WORKFLOW, b"content")
    half = api.send("X26ABC2", WORKFLOW, b"1", Mex_Chunk_Range="1:2")
    api.close()
    sandbox.kill()
    sandbox.start()
    api = sandbox.api("X26ABC1")
    assert api.request("GET", f"{ONE}/inbox", Authorization=token).status == 403
    assert sandbox.inbox("X26ABC2") == [whole]
    path = f"{ONE}/outbox/{half}/2"
    assert api.request("POST", path, b"2", Mex_Chunk_Range="2:2").status == 202
    assert sandbox.inbox("X26ABC2") == [whole, half]


def test_expiry(lab: Lab) -> None:
    """A message nobody takes is gone after its time, and its sender gets a report."""
    sandbox = lab.sandbox().start("--message-expiry", "1")
    one, two = sandbox.api("X26ABC1"), sandbox.api("X26ABC2")
    message_id = one.send("X26ABC2", WORKFLOW, b"x", Mex_LocalID="L1", Mex_Subject="S")
    (report_id,) = wait_for(one.inbox, "the report")
    report = one.request("GET", f"{ONE}/inbox/{report_id}")
    assert report.headers["mex-statuscode"] == "14"
    assert report.headers["mex-statusevent"] == "SEND"
    assert report.headers["mex-linkedmsgid"] == message_id
    assert report.headers["mex-subject"] == "NDR: S"
    assert two.inbox() == []
    assert two.request("GET", f"{TWO}/inbox/{message_id}").status == 410


def test_cut_upload(sandbox: Sandbox, two: Api) -> None:
    """A body that was cut short leaves no message."""
    api = sandbox.api("X26ABC1")
    connection = http.client.HTTPSConnection(
        "127.0.0.1", sandbox.port, timeout=10, context=api.tls
    )
    connection.putrequest("POST", f"{ONE}/outbox")
    for name, value in (
        ("Authorization", api.token()),
        ("Mex-To", "X26ABC2"),
        ("Mex-WorkflowID", WORKFLOW),
        ("Content-Length", "1000"),
    ):
        connection.putheader(name, value)
    connection.endheaders(b"x" * 500)
    wait_for(lambda: sandbox.posts("X26ABC1"), "the request")
    connection.close()
    assert two.inbox() == []


def test_faults(sandbox: Sandbox, one: Api) -> None:
    """Faults are used up in order, and a delay holds up nobody else."""
    sandbox.fault("GET", "/inbox", status=503, headers={"Retry-After": "3"})
    sandbox.fault("GET", "/inbox", delay_ms=600_000)
    assert sandbox.faults_left() == 2
    first = one.request("GET", f"{ONE}/inbox")
    assert (first.status, first.headers["retry-after"]) == (503, "3")
    slow = sandbox.api("X26ABC1")
    slow.ask("GET", f"{ONE}/inbox")
    wait_for(lambda: sandbox.faults_left() == 0, "the second fault to be used up")
    assert one.request("GET", f"{ONE}/inbox").status == 200
    slow.close()


def test_lookup(sandbox: Sandbox) -> None:
    """Who takes a workflow, without a token."""
    api = sandbox.api("")
    found = api.request("GET", f"/messageexchange/endpointlookup/X26/{WORKFLOW}").json()
    assert {box["mailbox_id"] for box in found["results"]} == {"X26ABC1", "X26ABC2"}
    assert api.request("GET", "/messageexchange/_ping").status == 200
