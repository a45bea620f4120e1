# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The server sees one POST a message, whatever becomes of connections and answers."""

import os

import pytest

from harness.faultserver import Connection, Head, on_send, usual
from harness.site import Site
from harness.waiting import stays_true, wait_for

pytestmark = pytest.mark.core

REFUSED = {
    "message_id": "20260101000000000000_ABCDEF",
    "detail": [{"event": "SEND", "code": "12", "msg": "Unregistered to address"}],
}
BIG = os.urandom(2_000_000)


def make_site(lab, server, sandbox) -> Site:
    """A site of the fault server that asks once about a lost answer, and not again soon."""
    return lab.site(sandbox, "X26ABC1", url=server.url, resolve_gap="1h")


def assert_one_post(site: Site, server, stem: str) -> None:
    """One POST left for the pair, and it is not forgotten."""
    assert len(server.sends()) == 1
    assert site.names("SENT") == site.names("FAILED") == []
    listed = site.tool("list", "--json")
    assert stem in listed.out, listed


@pytest.fixture
def certificates(lab):
    """A sandbox that is not started: only its files are wanted."""
    return lab.sandbox()


@pytest.mark.parametrize("payload", [b"x", BIG], ids=["1-byte", "2-MB"])
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_read_then_closed(lab, certificates, payload: bytes, ending: str) -> None:
    """A server that reads the whole POST and ends the connection sees it once."""

    def act(connection: Connection, head: Head) -> bool:
        connection.read_body(head)
        if ending == "reset":
            connection.reset()
        return False

    server = lab.fault_server(on_send(act), certificates)
    site = make_site(lab, server, certificates)
    site.drop("file", payload, Compress="N")
    for _ in range(3):
        site.run_once()
    assert server.sends()[0].body == len(payload)
    assert_one_post(site, server, "file")


def test_reused_connection_closed_on_the_post(lab, certificates) -> None:
    """A POST on a kept-alive connection that dies is not sent again behind our back."""
    served: dict[int, int] = {}

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            served[connection.number] = served.get(connection.number, 0) + 1
            if head.is_send:
                connection.read_body(head)
                return
            usual(connection, head)

    server = lab.fault_server(script, certificates)
    site = make_site(lab, server, certificates)
    for stem in ("one", "two", "three"):
        site.drop(stem, b"content")
    site.start_daemon()
    wait_for(lambda: len(server.sends()) >= 3, "three POSTs")
    stays_true(lambda: len(server.sends()) == 3, "a POST was sent again", 3.0)
    site.stop_daemon()
    assert max(served.values()) > 1, "no connection was ever kept: nothing was tried"
    lengths = {head.connection: head.body for head in server.sends()}
    assert len(lengths) == 3


def test_closed_before_the_body_was_read(lab, certificates) -> None:
    """A server that goes away in the middle of a body sees no second one before it is asked."""

    def act(connection: Connection, head: Head) -> bool:
        connection.reset()
        return False

    server = lab.fault_server(on_send(act), certificates)
    site = make_site(lab, server, certificates)
    site.drop("file", BIG, Compress="N")
    for _ in range(3):
        site.run_once()
    assert_one_post(site, server, "file")


@pytest.mark.parametrize("early", [False, True], ids=["after-the-body", "before-the-body"])
def test_417_for_a_big_body(lab, certificates, early: bool) -> None:
    """A refusal of a 2 MB body is final: one POST, no Expect, and the pair in FAILED."""

    def act(connection: Connection, head: Head) -> bool:
        if early:
            connection.reply(417, REFUSED)
        connection.read_body(head)
        if not early:
            connection.reply(417, REFUSED)
        return not early

    server = lab.fault_server(on_send(act), certificates)
    site = make_site(lab, server, certificates)
    site.drop("file", BIG, Compress="N")
    for _ in range(2):
        site.run_once()
    (post,) = server.sends()
    assert post.headers.get("expect", "") == ""
    assert site.failed("file").status.summary == ("SEND", "ERROR", "12")
    assert site.names("FAILED") == ["file.ctl", "file.dat"]


def test_401_kept_alive(lab, certificates) -> None:
    """A 401 leads to a new handshake, not to the same POST at once."""

    def act(connection: Connection, head: Head) -> bool:
        connection.read_body(head)
        connection.reply(401)
        return True

    server = lab.fault_server(on_send(act), certificates)
    site = make_site(lab, server, certificates)
    site.drop("file", b"content")
    site.run_once()
    assert len(server.sends()) == 1
    assert site.names("SENT") == site.names("FAILED") == []


@pytest.mark.parametrize("status", [200, 201, 204, 307])
def test_odd_answers(lab, certificates, status: int) -> None:
    """An answer that is neither a refusal nor a 202 with an id is no licence to send again."""

    def act(connection: Connection, head: Head) -> bool:
        connection.read_body(head)
        connection.reply(status, None, Location=f"https://127.0.0.1:{server.port}/elsewhere")
        return True

    server = lab.fault_server(on_send(act), certificates)
    site = make_site(lab, server, certificates)
    site.drop("file", b"content")
    for _ in range(3):
        site.run_once()
    assert_one_post(site, server, "file")
    assert not [head for head in server.requests() if "elsewhere" in head.path]


def test_each_request_has_its_own_token(lab, certificates) -> None:
    """No Authorization is ever used twice, and the required headers are there."""
    server = lab.fault_server(on_send(lambda connection, head: False), certificates)
    site = make_site(lab, server, certificates)
    site.drop("file", b"content")
    site.run_once()
    tokens = [head.headers["authorization"] for head in server.requests()]
    assert len(tokens) > 2
    assert len(set(tokens)) == len(tokens)
    assert all(token.startswith("NHSMESH X26ABC1:") for token in tokens)
    shake = server.requests()[0]
    assert {"mex-clientversion", "mex-osname", "mex-osversion"} <= shake.headers.keys()
    (post,) = server.sends()
    assert post.headers["accept"] == "application/vnd.mesh.v2+json"
    assert post.headers["mex-to"] == "X26ABC2"
    assert post.headers["mex-filename"] == "file.dat"
