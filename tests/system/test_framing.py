# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Answers that are not what they seem: truncated never looks complete, foreign never ours."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.faultserver import Connection, Head, usual
from harness.lab import Lab
from harness.payloads import gzip_bytes, text_bytes
from harness.site import Site

pytestmark = pytest.mark.core

ID = "20260101120000123456_ABCDEF"
BODY = text_bytes(3000)
PACKED = gzip_bytes(BODY)
MEX = [
    "mex-from: X26ABC1",
    "mex-to: X26ABC2",
    "mex-workflowid: TEST_WORKFLOW",
    "mex-messagetype: DATA",
    f"mex-messageid: {ID}",
]
WHOLE = [*MEX, "mex-chunk-range: 1:1"]
CHUNKED = b"%x\r\n%b\r\n" % (len(BODY), BODY)


def answer(headers: list[str], body: bytes, status: int = 200) -> bytes:
    """An answer as it goes over the wire; nothing is added."""
    head = "\r\n".join([f"HTTP/1.1 {status} OK", *headers, "Connection: close", "", ""])
    return head.encode("latin-1") + body


def length(body: bytes) -> str:
    """The header that says how long it is."""
    return f"Content-Length: {len(body)}"


GOOD = {
    "length": answer([*WHOLE, length(BODY)], BODY),
    "no-range": answer([*MEX, length(BODY)], BODY),
    "chunked": answer([*WHOLE, "Transfer-Encoding: chunked"], CHUNKED + b"0\r\n\r\n"),
    "gzip": answer([*WHOLE, "Content-Encoding: GZIP", length(PACKED)], PACKED),
    "same-length-twice": answer([*WHOLE, length(BODY), length(BODY)], BODY),
}

BAD = {
    "no-length": answer(WHOLE, BODY),
    "short": answer([*WHOLE, "Content-Length: 4000"], BODY),
    "empty-short": answer([*WHOLE, "Content-Length: 4000"], b""),
    "two-lengths": answer([*WHOLE, length(BODY), "Content-Length: 10"], BODY),
    "length-and-chunked": answer(
        [*WHOLE, length(BODY), "Transfer-Encoding: chunked"], CHUNKED + b"0\r\n\r\n"
    ),
    "chunked-cut": answer([*WHOLE, "Transfer-Encoding: chunked"], CHUNKED),
    "chunked-nonsense": answer([*WHOLE, "Transfer-Encoding: chunked"], b"xyz\r\n" + BODY),
    "gzip-cut": answer([*WHOLE, "Content-Encoding: gzip", length(PACKED[:-20])], PACKED[:-20]),
    "gzip-without-trailer": answer(
        [*WHOLE, "Content-Encoding: gzip", length(PACKED[:-8])], PACKED[:-8]
    ),
    "gzip-empty": answer([*WHOLE, "Content-Encoding: gzip", length(b"")], b""),
    "other-encoding": answer([*WHOLE, "Content-Encoding: br", length(BODY)], BODY),
    "two-encodings": answer([*WHOLE, "Content-Encoding: gzip, gzip", length(PACKED)], PACKED),
    "other-chunk": answer([*MEX, "mex-chunk-range: 2:2", length(BODY)], BODY),
    "two-ranges": answer([*WHOLE, "mex-chunk-range: 1:2", length(BODY)], BODY),
    "range-nonsense": answer([*MEX, "mex-chunk-range: one", length(BODY)], BODY),
    "login-page": answer(["Content-Type: text/html", length(BODY)], BODY),
    "header-flood": answer([*WHOLE, *["x: y"] * 20_000, length(BODY)], BODY),
    "huge-header": answer([*WHOLE, "x: " + "y" * 300_000, length(BODY)], BODY),
    "204": answer(WHOLE, b"", 204),
    "not-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
}


@dataclass
class Inbox:
    """A server with what a list says, and what a GET is answered."""

    listed: Any
    reply: bytes = b""
    acknowledged: list[str] = field(default_factory=list)

    def script(self, connection: Connection) -> None:
        """Serves one connection."""
        while head := connection.read_head():
            if not self._serve(connection, head):
                return

    def _serve(self, connection: Connection, head: Head) -> bool:
        if head.method == "PUT":
            self.acknowledged.append(head.path.split("/")[-3])
            self.listed = {"messages": [], "links": {}}
            connection.reply(200)
        elif head.method == "GET" and "/inbox/" in head.path:
            connection.raw(self.reply)
            return False
        elif head.method == "GET" and "/inbox" in head.path:
            connection.reply(200, self.listed)
        else:
            usual(connection, head)
        return True


def serve(lab: Lab, inbox: Inbox) -> Site:
    """X26ABC2 of a server with this inbox."""
    certificates = lab.sandbox()
    server = lab.fault_server(inbox.script, certificates)
    site = lab.site(certificates, "X26ABC2", url=server.url)
    site.fault_server = server
    return site


@pytest.mark.parametrize("kind", GOOD)
def test_complete(lab: Lab, kind: str) -> None:
    """Every honest way to say how long an answer is is understood."""
    inbox = Inbox({"messages": [ID], "links": {}}, GOOD[kind])
    site = serve(lab, inbox)
    site.run_ok()
    (message,) = site.received()
    assert message.dat.read_bytes() == BODY
    assert message.ctl.path.name == f"{ID}.ctl"
    assert inbox.acknowledged == [ID]


@pytest.mark.parametrize("kind", BAD)
def test_not_complete(lab: Lab, kind: str) -> None:
    """Whatever may be cut, mixed up or foreign is not delivered and not acknowledged."""
    inbox = Inbox({"messages": [ID], "links": {}}, BAD[kind])
    site = serve(lab, inbox)
    done = site.run_once()
    assert done.code in (0, 1), done
    assert site.names("IN") == []
    assert inbox.acknowledged == []
    inbox.reply = GOOD["length"]
    site.run_ok()
    assert [item.dat.read_bytes() for item in site.received()] == [BODY]
    assert inbox.acknowledged == [ID]
    assert site.names("TEMP") == []


@pytest.mark.parametrize(
    "wrong",
    ["../../escape", "..", ".", "", "a/b", "a b", "a\nb", "a\0b", "x" * 300, "\u00e9", 7, None],
    ids=repr,
)
def test_ids_that_are_none(lab: Lab, wrong: Any) -> None:
    """What cannot be an id is neither asked for nor made a file."""
    inbox = Inbox({"messages": [wrong], "links": {}}, GOOD["length"])
    site = serve(lab, inbox)
    before = sorted(path.name for path in site.path.iterdir())
    for _ in range(2):
        assert site.run_once().code in (0, 1)
    # A list that cannot be read is a poll that failed.
    assert {report.status.summary for report in site.reports()} <= {("RECEIVE", "ERROR", "15")}
    assert len(site.names("IN")) == len(site.reports())
    assert site.names("TEMP") == []
    assert sorted({*before, "state"}) == sorted(path.name for path in site.path.iterdir())
    assert [h.path for h in site.fault_server.requests() if "/inbox/" in h.path] == []


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example/messageexchange/X26ABC2/inbox?continue_from=x",
        "//other.example/messageexchange/X26ABC2/inbox",
        "/elsewhere",
        "@other.example/",
        "/messageexchange/X26ABC2/inbox\r\nX: y",
        7,
    ],
    ids=repr,
)
def test_next_page_elsewhere(lab: Lab, target: Any) -> None:
    """A next page that is not this service's is not followed; the token stays here."""
    inbox = Inbox({"messages": [], "links": {"next": target}})
    site = serve(lab, inbox)
    assert site.run_once().code in (0, 1)
    paths = {head.path.split("?")[0] for head in site.fault_server.requests()}
    assert paths <= {"/messageexchange/X26ABC2", "/messageexchange/X26ABC2/inbox"}
    assert all("x" not in head.headers for head in site.fault_server.requests())


def test_next_page_is_this_page(lab: Lab) -> None:
    """A list whose next page is itself does not keep the daemon busy for ever."""
    page = "/messageexchange/X26ABC2/inbox?continue_from=abc"
    inbox = Inbox({"messages": [], "links": {"next": page}})
    site = serve(lab, inbox)
    done = site.run_once()
    assert done.code in (0, 1), done
    assert len(site.fault_server.requests()) < 200


@pytest.mark.parametrize(
    "listed", ["text", 7, None, [], {}, {"messages": 7}, {"messages": {"a": 1}}], ids=repr
)
def test_lists_that_are_none(lab: Lab, listed: Any) -> None:
    """A list in no known form is trouble of that cycle only."""
    inbox = Inbox(listed)
    site = serve(lab, inbox)
    assert site.run_once().code in (0, 1)
    inbox.listed = {"messages": [ID], "links": {}}
    inbox.reply = GOOD["gzip"]
    site.run_ok()
    assert len(site.received()) == 1
