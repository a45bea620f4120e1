# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Receiving: pages, what goes wrong on the way, and acknowledging only what is safe."""

import os

import pytest

from harness.payloads import digest_bytes, gzip_bytes, text_bytes
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Site
from harness.waiting import wait_for

pytestmark = pytest.mark.core

ACKNOWLEDGED = r"/status/acknowledged$"


def send(sandbox: Sandbox, *bodies: bytes, **headers: str) -> list[str]:
    """Sends to X26ABC2 with a client that does as it is told."""
    api = sandbox.api("X26ABC1")
    try:
        return [api.send("X26ABC2", WORKFLOW, body, **headers) for body in bodies]
    finally:
        api.close()


def gets(sandbox: Sandbox, message_id: str) -> int:
    """How often a message was asked for."""
    return len(sandbox.requests("GET", rf"/inbox/{message_id}(/\d+)?$"))


def acks(sandbox: Sandbox, message_id: str) -> int:
    """How often a message was acknowledged."""
    return len(sandbox.requests("PUT", rf"/inbox/{message_id}{ACKNOWLEDGED}"))


def test_600_messages_in_two_pages(lab, sandbox: Sandbox) -> None:
    """600 messages are taken as pages of 500 and 100, each acknowledged once."""
    ids = send(sandbox, *(str(number).encode() for number in range(600)))
    site = lab.site(sandbox).add_mailbox("X26ABC2", max_messages=1000)
    sandbox.forget_requests()
    site.run_ok()
    assert sorted(item.ctl["DTSId"] for item in site.received()) == sorted(ids)
    contents = {item.dat.read_bytes() for item in site.received()}
    assert contents == {str(number).encode() for number in range(600)}
    served = sandbox.requests()
    lists = [
        n
        for n, request in enumerate(served)
        if "/inbox?" in request.path + "?" and "/inbox/" not in request.path
    ]
    assert len(lists) == 2
    assert all(
        "max_results" not in served[n].path or "max_results=500" in served[n].path for n in lists
    )
    between = [r for r in served[lists[0] : lists[1]] if r.method == "PUT"]
    assert len(between) == 500
    assert len(sandbox.requests("PUT", ACKNOWLEDGED)) == 600
    assert sandbox.inbox("X26ABC2") == []


def test_max_messages_bounds_a_turn_not_the_mailbox(lab, sandbox: Sandbox) -> None:
    """With max_messages: 10 all of 25 arrive in one --once."""
    send(sandbox, *(b"x" for _ in range(25)))
    site = lab.site(sandbox).add_mailbox("X26ABC2", max_messages=10)
    site.run_ok()
    assert len(site.received()) == 25


def test_truncated_download(receiver: Site, sandbox: Sandbox) -> None:
    """A download that is cut is not acknowledged, and arrives complete later."""
    payload = os.urandom(300_000)
    (message_id,) = send(sandbox, payload)
    sandbox.fault("GET", f"/inbox/{message_id}", count=1000, cut_after=100_000)
    receiver.start_daemon()
    wait_for(lambda: gets(sandbox, message_id) >= 2, "the second try")
    assert acks(sandbox, message_id) == 0
    assert receiver.names("IN") == []
    sandbox.clear_faults()
    (message,) = receiver.wait_received()
    wait_for(lambda: acks(sandbox, message_id), "the acknowledge")
    receiver.stop_daemon()
    assert message.sha256 == digest_bytes(payload)
    assert receiver.names("TEMP") == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"this is not gzip at all", id="not-gzip"),
        pytest.param(gzip_bytes(text_bytes(9000))[:-9], id="cut"),
        pytest.param(gzip_bytes(b"x" * 100)[:-8] + bytes(8), id="bad-crc"),
        pytest.param(gzip_bytes(b"good") + b"trailing", id="trailing"),
    ],
)
def test_corrupt_gzip(receiver: Site, sandbox: Sandbox, body: bytes) -> None:
    """A message that cannot be decoded is never acknowledged and blocks no other."""
    (bad,) = send(sandbox, body, Content_Encoding="gzip")
    (good,) = send(sandbox, b"good")
    receiver.run_once()
    receiver.run_once()
    assert receiver.names("IN") == [f"{good}.ctl", f"{good}.dat"]
    assert acks(sandbox, bad) == 0
    assert acks(sandbox, good) == 1
    assert sandbox.inbox("X26ABC2") == [bad]
    assert any(bad in log.read_text(encoding="utf-8") for log in receiver.logs())


def test_gzip_of_several_members(receiver: Site, sandbox: Sandbox) -> None:
    """One body of two gzip members is one message, peeled once."""
    inner = gzip_bytes(b"inner")
    send(sandbox, gzip_bytes(b"first ") + gzip_bytes(inner), Content_Encoding="gzip")
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.sha256 == digest_bytes(b"first " + inner)


def test_acknowledge_answer_lost(receiver: Site, sandbox: Sandbox) -> None:
    """The answer to an acknowledge is lost: no second copy."""
    (message_id,) = send(sandbox, b"content")
    sandbox.fault("PUT", "acknowledged", drop_reply=True)
    receiver.run_once()
    receiver.run_once()
    assert len(receiver.received()) == 1
    assert gets(sandbox, message_id) == 1
    assert sandbox.inbox("X26ABC2") == []


def test_acknowledge_lost(receiver: Site, sandbox: Sandbox) -> None:
    """A message that is listed again is only acknowledged, even if IN was emptied since."""
    (message_id,) = send(sandbox, b"content")
    sandbox.fault("PUT", "acknowledged", count=1000, refuse=True)
    receiver.run_once()
    (message,) = receiver.received()
    assert sandbox.inbox("X26ABC2") == [message_id]
    message.ctl.path.unlink()
    message.dat.unlink()
    receiver.run_once()
    sandbox.clear_faults()
    receiver.cycle(lambda: sandbox.inbox("X26ABC2") == [], "an empty inbox")
    assert receiver.names("IN") == []
    assert gets(sandbox, message_id) == 1


def test_gone_between_list_and_get(receiver: Site, sandbox: Sandbox) -> None:
    """A message that answers 410 is skipped; the others arrive."""
    gone, good = send(sandbox, b"gone", b"good")
    body = '{"detail":[{"event":"SEND","code":"x","msg":"Message no longer available"}]}'
    sandbox.fault("GET", f"/inbox/{gone}", count=1000, status=410, body=body)
    receiver.run_once()
    assert [item.ctl["DTSId"] for item in receiver.received()] == [good]


@pytest.mark.parametrize("status", [500, 502, 403, 404])
def test_one_bad_message_does_not_block(receiver: Site, sandbox: Sandbox, status: int) -> None:
    """A message that cannot be fetched stays listed; the others arrive."""
    bad, good = send(sandbox, b"bad", b"good")
    sandbox.fault("GET", f"/inbox/{bad}", count=1000, status=status, body="{}")
    receiver.start_daemon()
    (message,) = receiver.wait_received()
    assert message.ctl["DTSId"] == good
    assert acks(sandbox, bad) == 0
    receiver.stop_daemon()
    sandbox.clear_faults()
    receiver.cycle(lambda: len(receiver.received()) == 2, "the other message")
    assert sandbox.inbox("X26ABC2") == []


def test_expired_message_is_reported(lab, sandbox: Sandbox, sender: Site) -> None:
    """A message nobody collected comes back to its sender as a Report in IN."""
    pair = sender.drop("file", b"x")
    sender.run_ok()
    message_id = sender.sent("file")["DTSId"]
    sandbox.settings(message_expiry_s=1)
    sender.cycle(lambda: sender.reports("SEND"), "the non-delivery report", 200)
    (report,) = sender.reports("SEND")
    assert report.status.summary == ("SEND", "ERROR", "14")
    assert "not collected" in report.status.text
    assert report["LocalId"] == pair.elements["LocalId"]
    assert report["WorkflowId"] == WORKFLOW
    assert report["PartnerId"] == message_id
    assert report.path.name == f"{report['DTSId']}.ctl"
    assert not report.path.with_suffix(".dat").exists()
    assert sandbox.inbox("X26ABC1") == []


def test_name_taken_in_in(receiver: Site, sandbox: Sandbox) -> None:
    """A foreign file with the message's name in IN is never overwritten."""
    (message_id,) = send(sandbox, b"content")
    foreign = receiver.folder("IN") / f"{message_id}.dat"
    foreign.write_bytes(b"somebody else's")
    receiver.run_once()
    assert foreign.read_bytes() == b"somebody else's"
    assert acks(sandbox, message_id) == 0
    foreign.unlink()
    receiver.cycle(lambda: len(receiver.received()) == 1, "the message")
    assert receiver.received()[0].sha256 == digest_bytes(b"content")


def test_killed_before_the_acknowledge(receiver: Site, sandbox: Sandbox) -> None:
    """Killed between delivery and acknowledge: acknowledged later, delivered once."""
    (message_id,) = send(sandbox, b"content")
    sandbox.fault("PUT", "acknowledged", count=1000, refuse=True)
    receiver.start_daemon()
    wait_for(lambda: acks(sandbox, message_id), "the acknowledge")
    receiver.kill_daemon()
    sandbox.clear_faults()
    receiver.cycle(lambda: sandbox.inbox("X26ABC2") == [], "an empty inbox")
    assert len(receiver.received()) == 1
    assert gets(sandbox, message_id) == 1
