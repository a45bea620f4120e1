# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Messages in several chunks, and being killed in the middle of one."""

import gzip
import os

import pytest

from harness.sandbox import Request, Sandbox
from harness.site import Site
from harness.waiting import wait_for

pytestmark = pytest.mark.core

CHUNK = 100_000
PAYLOAD = os.urandom(2 * CHUNK + 12_345)


@pytest.fixture
def small_chunks(lab, sandbox: Sandbox) -> Site:
    """X26ABC1, which cuts at 100 kB."""
    return lab.site(
        sandbox, "X26ABC1", chunk_size=str(CHUNK), request_limit="120k", poll_interval="1s"
    )


def chunk_posts(sandbox: Sandbox, number: int) -> list[Request]:
    """The POSTs of one chunk after the first."""
    return sandbox.requests("POST", rf"/outbox/[^/]+/{number}$")


def chunk_gets(sandbox: Sandbox, number: int) -> list[Request]:
    """The GETs of one chunk; the first may be asked for in two ways."""
    pattern = r"/inbox/[^/]+(/1)?$" if number == 1 else rf"/inbox/[^/]+/{number}$"
    return sandbox.requests("GET", pattern)


@pytest.mark.parametrize("compress", ["Y", "N"])
def test_three_chunks(small_chunks: Site, receiver: Site, sandbox: Sandbox, compress: str) -> None:
    """A message is cut into three, in order, and put together again."""
    pair = small_chunks.drop("big", PAYLOAD, Compress=compress)
    small_chunks.run_ok()
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.sha256 == pair.sha256
    sent = sandbox.requests("POST", "/outbox")
    message_id = message.ctl["DTSId"]
    assert [request.path.rsplit("/outbox", 1)[1] for request in sent] == [
        "",
        f"/{message_id}/2",
        f"/{message_id}/3",
    ]
    assert [len(chunk_gets(sandbox, number)) for number in (1, 2, 3)] == [1, 1, 1]


def test_chunks_in_both_directions(lab, sandbox: Sandbox) -> None:
    """Two mailboxes send each other three chunks at the same time."""
    site = lab.site(sandbox, "X26ABC1", "X26ABC2", chunk_size=str(CHUNK), request_limit="120k")
    other = PAYLOAD[::-1]
    there = site.drop("there", PAYLOAD, "X26ABC1", To_DTS="X26ABC2")
    back = site.drop("back", other, "X26ABC2", To_DTS="X26ABC1")
    site.start_daemon()
    (one,) = site.wait_received(1, "X26ABC1")
    (two,) = site.wait_received(1, "X26ABC2")
    site.stop_daemon()
    assert (one.sha256, two.sha256) == (back.sha256, there.sha256)
    assert len(sandbox.requests("POST", "/outbox/")) == 4


def test_each_chunk_is_its_own_gzip(small_chunks: Site, sandbox: Sandbox) -> None:
    """The plain data is cut first and each part compressed by itself, as the API wants it."""
    small_chunks.drop("big", PAYLOAD, Compress="Y")
    small_chunks.run_ok()
    message_id = small_chunks.sent("big")["DTSId"]
    stored = [sandbox.path / "messages" / f"{message_id}.{number}" for number in (1, 2, 3)]
    parts = [gzip.decompress(path.read_bytes()) for path in stored]
    assert [len(part) for part in parts] == [CHUNK, CHUNK, len(PAYLOAD) - 2 * CHUNK]
    assert b"".join(parts) == PAYLOAD


def test_too_big_without_chunking(small_chunks: Site, sandbox: Sandbox) -> None:
    """Without AllowChunking a file that does not fit fails, and nothing is sent."""
    small_chunks.drop("big", PAYLOAD, AllowChunking="N")
    small_chunks.run_once()
    assert small_chunks.names("FAILED") == ["big.ctl", "big.dat"]
    failed = small_chunks.failed("big")
    assert failed.status.status == "ERROR"
    assert "AllowChunking" in failed.status.text
    assert sandbox.requests("POST", "/outbox") == []


def test_one_request_when_it_fits_compressed(
    small_chunks: Site, receiver: Site, sandbox: Sandbox
) -> None:
    """What fits into one request once compressed is not cut."""
    pair = small_chunks.drop("zeros", bytes(4 * CHUNK), Compress="Y", AllowChunking="N")
    small_chunks.run_ok()
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.sha256 == pair.sha256
    assert len(sandbox.requests("POST", "/outbox")) == 1


@pytest.mark.parametrize("how", ["refuse", "delay_ms", "drop_reply"])
def test_killed_in_the_middle_of_an_upload(
    small_chunks: Site, receiver: Site, sandbox: Sandbox, how: str
) -> None:
    """After kill -9 the upload goes on with the chunk that was not answered."""
    what = {"delay_ms": 600_000} if how == "delay_ms" else {how: True}
    sandbox.fault("POST", "/outbox/", skip=1, count=1000, **what)
    # Else, if we are slow, a daemon that asks finds that the last chunk has arrived.
    sandbox.fault("GET", "/outbox/tracking?messageID", count=1000, refuse=True)
    pair = small_chunks.drop("big", PAYLOAD)
    small_chunks.start_daemon()
    wait_for(lambda: chunk_posts(sandbox, 3), "the third chunk's POST")
    small_chunks.kill_daemon()
    sandbox.clear_faults()
    assert small_chunks.names("SENT") == []
    small_chunks.start_daemon()
    sent = small_chunks.wait_sent("big")
    small_chunks.stop_daemon()
    assert len(sandbox.posts("X26ABC1")) == 1
    assert len(chunk_posts(sandbox, 2)) == 1
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.sha256 == pair.sha256
    assert message.ctl["DTSId"] == sent["DTSId"]


def test_killed_in_the_first_chunk(small_chunks: Site, receiver: Site, sandbox: Sandbox) -> None:
    """After kill -9 in the first of three chunks exactly one message arrives."""
    sandbox.fault("POST", "/outbox", drop_reply=True)
    pair = small_chunks.drop("big", PAYLOAD)
    small_chunks.start_daemon()
    wait_for(lambda: sandbox.posts("X26ABC1"), "the first chunk's POST")
    small_chunks.kill_daemon()
    small_chunks.start_daemon()
    small_chunks.wait_sent("big")
    small_chunks.stop_daemon()
    receiver.run_ok()
    assert [message.sha256 for message in receiver.received()] == [pair.sha256]


@pytest.mark.parametrize("compress", ["Y", "N"])
@pytest.mark.parametrize("how", ["refuse", "cut_after"])
def test_killed_in_the_middle_of_a_download(
    small_chunks: Site, receiver: Site, sandbox: Sandbox, how: str, compress: str
) -> None:
    """After kill -9 the download goes on; chunks that were on disk are not asked for again."""
    pair = small_chunks.drop("big", PAYLOAD, Compress=compress)
    small_chunks.run_ok()
    message_id = small_chunks.sent("big")["DTSId"]
    what = {"cut_after": 1000} if how == "cut_after" else {"refuse": True}
    sandbox.fault("GET", f"/inbox/{message_id}/3", count=1000, **what)
    receiver.start_daemon()
    wait_for(lambda: chunk_gets(sandbox, 3), "the third chunk's GET")
    receiver.kill_daemon()
    assert receiver.received() == []
    assert sandbox.requests("PUT", "acknowledged") == []
    sandbox.clear_faults()
    receiver.start_daemon()
    (message,) = receiver.wait_received()
    wait_for(lambda: sandbox.requests("PUT", "acknowledged"), "the acknowledge")
    receiver.stop_daemon()
    assert message.sha256 == pair.sha256
    assert [len(chunk_gets(sandbox, number)) for number in (1, 2)] == [1, 1]
    assert sandbox.inbox("X26ABC2") == []


def test_one_chunk_does_not_hold_up_the_inbox(lab, sandbox: Sandbox) -> None:
    """While a long upload goes on, the same mailbox's inbox is served between chunks."""
    count, size = 120, 5_000
    site = lab.site(sandbox, "X26ABC1", chunk_size=str(size), request_limit="6k")
    other = lab.site(sandbox, "X26ABC2")
    other.drop("small", b"small", To_DTS="X26ABC1")
    site.drop("big", os.urandom(count * size))
    # It ends long after all that is waited for here.
    sandbox.fault("POST", "/outbox/", count=1000, delay_ms=2000)
    site.start_daemon()
    wait_for(lambda: chunk_posts(sandbox, 3), "the upload to go on")
    other.run_ok()
    site.wait_received()
    assert site.names("SENT") == []
    sandbox.clear_faults()
    site.wait_sent("big")
    site.stop_daemon()
    assert len(chunk_posts(sandbox, count)) == 1
