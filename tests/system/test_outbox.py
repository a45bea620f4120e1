# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Sending when answers are lost or the service is in trouble: never lost, never twice."""

import json
import time

import pytest

from harness.sandbox import Sandbox
from harness.site import Pair, Site
from harness.waiting import wait_for

pytestmark = pytest.mark.core

BY_LOCAL_ID = r"/outbox/tracking/"


def assert_one_message(sender: Site, receiver: Site, pair: Pair) -> None:
    """Exactly one message came of the pair, and SENT names it."""
    receiver.run_once()
    (message,) = receiver.received()
    assert message.sha256 == pair.sha256
    assert sender.sent(pair.stem)["DTSId"] == message.ctl["DTSId"]
    assert sender.names("OUT") == sender.names("TEMP") == sender.names("FAILED") == []


def jobs(site: Site) -> list[dict[str, object]]:
    """What meshdrop list says."""
    done = site.tool("list", "--json")
    assert done.code == 0, done
    return json.loads(done.out)


@pytest.mark.parametrize("local_id", ["given", "blank"])
def test_answer_lost(sender: Site, receiver: Site, sandbox: Sandbox, local_id: str) -> None:
    """The answer to the only POST is lost: found by tracking, adopted, sent once."""
    sandbox.fault("POST", "/outbox", drop_reply=True)
    blank = {"LocalId": ""} if local_id == "blank" else {}
    pair = sender.drop("file", b"content", **blank)
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    assert len(sandbox.posts("X26ABC1")) == 1
    assert sandbox.requests("GET", BY_LOCAL_ID)
    assert_one_message(sender, receiver, pair)


def test_refused_before_it_was_taken(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """The POST never reached the service: sent again after two look-ups found nothing."""
    sandbox.fault("POST", "/outbox", refuse=True)
    pair = sender.drop("file", b"content")
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    served = sandbox.requests("", "/outbox")
    posts = [n for n, r in enumerate(served) if r.method == "POST"]
    assert len(posts) == 2
    between = served[posts[0] + 1 : posts[1]]
    assert [(r.method, r.status) for r in between if BY_LOCAL_ID in r.path][:2] == [
        ("GET", 404),
        ("GET", 404),
    ]
    assert_one_message(sender, receiver, pair)


def test_tracking_that_lags(lab, sandbox: Sandbox, receiver: Site) -> None:
    """Tracking knows a message only after a while: it is asked late enough, no second copy."""
    sender = lab.site(sandbox, "X26ABC1", resolve_after="3s", resolve_gap="3s")
    sandbox.settings(track_delay_s=2)
    sandbox.fault("POST", "/outbox", drop_reply=True)
    pair = sender.drop("file", b"content")
    sender.start_daemon()
    sender.wait_sent("file")
    sender.stop_daemon()
    assert len(sandbox.posts("X26ABC1")) == 1
    assert_one_message(sender, receiver, pair)


def test_killed_while_the_answer_is_awaited(
    sender: Site, receiver: Site, sandbox: Sandbox
) -> None:
    """kill -9 between the POST and its answer: the next life asks, and adopts."""
    sandbox.fault("POST", "/outbox", delay_ms=20_000)
    pair = sender.drop("file", b"content")
    sender.start_daemon()
    wait_for(lambda: sandbox.posts("X26ABC1"), "the POST")
    wait_for(lambda: sandbox.inbox("X26ABC2"), "the message to be accepted")
    sender.kill_daemon()
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    assert len(sandbox.posts("X26ABC1")) == 1
    assert_one_message(sender, receiver, pair)


@pytest.mark.parametrize("choice", ["hold", "resend", "fail"])
def test_nobody_can_say(lab, sandbox: Sandbox, receiver: Site, choice: str) -> None:
    """Without a local id a lost answer stays unknown: on_ambiguous decides."""
    sender = lab.site(sandbox).add_mailbox(
        "X26ABC1", local_id_when_empty="none", on_ambiguous=choice
    )
    sandbox.fault("POST", "/outbox", drop_reply=True)
    sender.drop("file", b"content", LocalId="")
    for _ in range(4):
        sender.run_once()
    posts = len(sandbox.posts("X26ABC1"))
    if choice == "hold":
        assert posts == 1
        assert [(job["state"], job["stem"]) for job in jobs(sender)] == [("HELD", "file")]
        assert sender.names("SENT") == sender.names("FAILED") == []
    elif choice == "fail":
        assert posts == 1
        assert sender.failed("file").status.status == "ERROR"
    else:
        assert posts == 2
        assert sender.names("SENT") == ["file.ctl", "file.dat"]


def test_local_id_used_twice(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """The message tracking knew before is not taken for the one whose answer was lost."""
    first = sender.drop("one", b"first content")
    sender.run_ok()
    first_id = sender.sent("one")["DTSId"]
    sandbox.fault("POST", "/outbox", refuse=True)
    sender.drop("two", b"other content", LocalId=first.elements["LocalId"])
    for _ in range(4):
        sender.run_once()
    names = sender.names("SENT")
    if "two.ctl" in names:
        assert sender.sent("two")["DTSId"] != first_id
        assert len(sandbox.inbox("X26ABC2")) == 2
    else:
        assert [job["state"] for job in jobs(sender)] == ["HELD"]
        assert len(sandbox.inbox("X26ABC2")) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors(sender: Site, receiver: Site, sandbox: Sandbox, status: int) -> None:
    """A 5xx that was not the service's own: looked up, sent again, one message."""
    body = "<html>bad gateway</html>"
    sandbox.fault("POST", "/outbox", status=status, body=body, content_type="text/html")
    pair = sender.drop("file", b"content")
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    assert_one_message(sender, receiver, pair)


def test_5xx_after_the_work(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """A gateway that loses only the answer: looked up, found, not sent again."""
    sandbox.fault("POST", "/outbox", status=502, after=True)
    pair = sender.drop("file", b"content")
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    assert len(sandbox.posts("X26ABC1")) == 1
    assert_one_message(sender, receiver, pair)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(sender: Site, receiver: Site, sandbox: Sandbox, status: int) -> None:
    """A service that says when to come back is not asked to take the message before."""
    sandbox.fault("POST", "/outbox", status=status, headers={"Retry-After": "8"})
    pair = sender.drop("file", b"content")
    before = time.monotonic()
    sender.start_daemon()
    wait_for(lambda: len(sandbox.posts("X26ABC1")) >= 2, "the second POST")
    assert time.monotonic() - before > 8.0
    sender.wait_sent("file")
    sender.stop_daemon()
    assert_one_message(sender, receiver, pair)


def test_one_that_waits_does_not_block(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """A message whose fate is being asked lets the others pass."""
    sender.daemon["resolve_after"] = "1h"
    sender.write_conf()
    sandbox.fault("POST", "/outbox", drop_reply=True)
    sender.drop("one", b"one")
    sender.run_once()
    sender.drop("two", b"two")
    sender.run_once()
    assert sender.names("SENT") == ["two.ctl", "two.dat"]
    assert len(jobs(sender)) == 1


def test_retries_used_up(lab, sandbox: Sandbox) -> None:
    """Answered attempts are counted: after server_retry the pair fails with TRANSFER 06."""
    sender = lab.site(sandbox).add_mailbox("X26ABC1", server_retry=1)
    sandbox.fault("POST", "/outbox", count=1000, status=429)
    sender.drop("file", b"content")
    sender.start_daemon()
    wait_for(lambda: "file.ctl" in sender.names("FAILED"), "FAILED/file.ctl", 90.0)
    sender.stop_daemon()
    assert sender.failed("file").status.summary == ("TRANSFER", "ERROR", "06")
    (report,) = sender.reports("TRANSFER")
    assert report.status.summary == ("TRANSFER", "ERROR", "06")
    assert len(sandbox.posts("X26ABC1")) == 2


def test_delay_report(lab, sandbox: Sandbox) -> None:
    """With reports.delay a message that has to wait is reported as TRANSFER 05."""
    reports = {"collect": False, "delay": True}
    sender = lab.site(sandbox).add_mailbox("X26ABC1", reports=reports)
    sandbox.fault("POST", "/outbox", count=1, status=429)
    sender.drop("file", b"content")
    sender.start_daemon()
    sender.wait_sent("file")
    sender.stop_daemon()
    summaries = {report.status.summary for report in sender.reports()}
    assert summaries == {("TRANSFER", "SUCCESS", "05")}
