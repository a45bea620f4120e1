# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Conversations that end before they should: what was cut off never looks complete."""

import functools
import socket
import ssl
from collections.abc import Callable

from common import Case, Context
from tls_certs import RIGHT, chain
from tls_rig import Rig

from harness.faultserver import Connection, Head, usual
from harness.payloads import gzip_bytes, text_bytes
from harness.waiting import wait_for

ID = "20260101120000123456_ABCDEF"
BODY = text_bytes(3000)
PACKED = gzip_bytes(BODY)
MEX = (
    "mex-from: X26ABC1",
    "mex-to: X26ABC2",
    "mex-workflowid: TEST_WORKFLOW",
    "mex-messagetype: DATA",
    f"mex-messageid: {ID}",
    "mex-chunk-range: 1:1",
)


def _wire(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *MEX, *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _length(body: bytes) -> str:
    return f"Content-Length: {len(body)}"


CHUNKED = b"%x\r\n%b\r\n" % (len(BODY), BODY)
CODED = "Transfer-Encoding: chunked"
WHOLE = {
    "length": _wire(BODY, _length(BODY)),
    "chunked": _wire(CHUNKED + b"0\r\n\r\n", CODED),
    "gzip": _wire(PACKED, _length(PACKED), "Content-Encoding: gzip"),
}
CUT = {
    "head": WHOLE["length"][:60],
    "before-body": _wire(b"", _length(BODY)),
    "half": _wire(BODY[: len(BODY) // 2], _length(BODY)),
    "last-byte": _wire(BODY[:-1], _length(BODY)),
    "no-length": _wire(BODY),
    "chunk": _wire(CHUNKED[: len(CHUNKED) // 2], CODED),
    "last-chunk": _wire(CHUNKED, CODED),
    "last-line": _wire(CHUNKED + b"0\r\n", CODED),
    "gzip-half": _wire(PACKED[:-30], _length(PACKED), "Content-Encoding: gzip"),
}


# --- how it ends


def _eof(connection: Connection) -> None:
    """FIN without close_notify: anybody on the way could have sent it."""
    connection.stream.close()


def _bye(connection: Connection) -> None:
    """close_notify, as the protocol has it."""
    assert isinstance(connection.stream, ssl.SSLSocket)
    connection.stream.unwrap()


def _reset(connection: Connection) -> None:
    connection.reset()
    connection.stream.close()


ENDINGS: dict[str, Callable[[Connection], None]] = {"eof": _eof, "bye": _bye, "reset": _reset}


def _inbox(data: bytes, ending: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """A service with one message, which it sends like that."""

    def reply(connection: Connection, head: Head) -> bool:
        if head.method == "GET" and head.path.endswith(f"/inbox/{ID}"):
            connection.raw(data)
            ending(connection)
            return False
        if head.method == "GET" and "/inbox" in head.path:
            connection.reply(200, {"messages": [ID], "links": {}, "approx_inbox_count": 1})
        else:
            usual(connection, head)
        return True

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if not reply(connection, head):
                return

    return script


def _acknowledged(rig: Rig) -> list[str]:
    return [head.path for head in rig.server.requests() if head.method == "PUT"]


def _received(data: bytes, ending: Callable[[Connection], None], context: Context) -> Rig:
    rig = Rig(context)
    tls = chain(rig.root, RIGHT)
    return rig.serve(tls, script=_inbox(data, ending))


def _cut(data: bytes, ending: Callable[[Connection], None], context: Context) -> None:
    """Nothing is published, nothing acknowledged, and it is said."""
    rig = _received(data, ending, context)
    done = rig.run_with({})
    assert not rig.site.received(), rig.site.names("IN")
    assert not _acknowledged(rig), _acknowledged(rig)
    said = [line for line in done.err.splitlines() if "-trouble " in line or " not-taken " in line]
    assert said, done


def _whole(data: bytes, ending: Callable[[Connection], None], context: Context) -> None:
    """A message that says itself where it ends needs no close_notify behind it."""
    rig = _received(data, ending, context)
    done = rig.run_with({})
    (arrived,) = rig.site.received()
    assert arrived.dat and arrived.dat.read_bytes() == BODY, done
    assert len(_acknowledged(rig)) == 1, rig.server.requests()


# --- the answer to a send

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n"


def _send(data: bytes, ending: Callable[[Connection], None], context: Context) -> None:
    """Half an answer is none: the message is not taken for sent, and not sent anew."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if head.is_send:
                connection.read_body(head)
                connection.raw(data)
                ending(connection)
                return
            usual(connection, head)

    rig = Rig(context)
    rig.serve(chain(rig.root, RIGHT), script=script)
    rig.site.daemon["resolve_after"] = "1h"
    rig.site.write_conf()
    rig.site.drop("letter", b"content")
    done = rig.run_with({})
    assert " unknown " in done.err, done
    assert not rig.site.names("SENT") + rig.site.names("FAILED") + rig.site.names("OUT"), done
    rig.run_with({})
    assert len(rig.server.sends()) == 1, rig.server.requests()


# --- our own end


def _we_say_goodbye(context: Context) -> None:
    """We end with close_notify, so that nobody can cut what we send and look like us."""
    ends: list[bool] = []

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            usual(connection, head)
        assert isinstance(connection.stream, ssl.SSLSocket)
        try:  # Not suppressed by the socket: an end without close_notify raises here.
            ends.append(connection.stream.recv(1) == b"")
        except (ssl.SSLEOFError, socket.timeout, ConnectionError):
            ends.append(False)

    rig = Rig(context)

    def change(tls: ssl.SSLContext) -> None:
        tls.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

    rig.serve(chain(rig.root, RIGHT), script=script, change=change)
    assert rig.run_with({}).code == 0
    # The server may be behind; to close it would take from it what it has yet to read.
    wait_for(lambda: 0 < rig.server.connections == len(ends), "the end of each connection")
    assert all(ends), ends


def _cases(kind: str, function: Callable[..., None], forms: dict[str, bytes]) -> list[Case]:
    return [
        Case(f"{kind}-{form}-{ending}", functools.partial(function, data, act))
        for form, data in forms.items()
        for ending, act in ENDINGS.items()
        if not (kind == "whole" and ending == "reset")  # A reset may overtake what came before.
    ]


CASES = [
    *_cases("cut", _cut, CUT),
    *_cases("whole", _whole, WHOLE),
    *_cases("answer", _send, {"empty": b"", "half": ANSWER[:12], "headers": ANSWER}),
    Case("we-say-goodbye", _we_say_goodbye),
]
