# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The kinds of network faults, and to which requests each can happen.

Left out are lies that no client can tell from the truth: a server that takes a message
and says that it refused it or never saw it; one that says 202 to a chunk it never saw;
one that gives a plain body and its length shorter than they are. They are named in LIES.
"""

import gzip
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proxy import (
    ACK,
    BASELINE,
    CHUNK,
    FINAL,
    FIRST,
    GET,
    GET_CHUNK,
    KINDS,
    LIST,
    NEXT,
    POSTS,
    SINGLE,
    TRACK_ID,
    TRACK_LOCAL,
    Exchange,
    Fault,
    Proxy,
    Reply,
    Wire,
    made,
)

JSON_KINDS = (LIST, NEXT, *POSTS, TRACK_ID, BASELINE, TRACK_LOCAL)
GETS = (GET, GET_CHUNK)
# A silence costs its point some seconds: libcurl's idea of speed looks back over five.
WAITED = (*POSTS, GET, ACK, TRACK_LOCAL)

STATUSES = (
    200, 201, 202, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409,
    410, 413, 417, 422, 423, 425, 429, 500, 501, 502, 503, 504, 520, 599,
)  # fmt: skip

# Statuses that mean "not done", from a server that did it: by the rules of HTTP the
# message may be sent again (SINGLE), or failed (both).
_NOT_DONE = (400, 401, 404, 405, 406, 409, 410, 413, 417, 422, 423, 425, 429)
LIES = {
    ("after", SINGLE): _NOT_DONE,
    ("after", FINAL): (404, 406, 410, 413, 417, 422),
    ("before", CHUNK): (202,),
    ("before", FINAL): (202,),
}


@dataclass(frozen=True)
class Kind:
    """A fault, and the requests it makes sense for."""

    fault: Fault
    group: str
    targets: tuple[str, ...]
    scenarios: tuple[str, ...] = ()  # Only these, unless empty.
    slow: bool = False  # Waits for a timeout of the daemon.
    may_fail: tuple[str, ...] = ()  # The pair may end in FAILED: it was refused for good.
    may_hold: tuple[str, ...] = ()  # Nothing tells what became of the message.
    why_held: str = ""


# --- how a connection ends

Ending = Callable[[Wire], None]
ENDINGS: dict[str, Ending] = {
    "reset": Wire.reset,
    "eof": Wire.end_bare,
    "bye": Wire.end_clean,
    "silence": Wire.silence,
}


def _ending(before: Callable[[Exchange], None], ending: Ending) -> Callable[[Exchange], bool]:
    def act(exchange: Exchange) -> bool:
        before(exchange)
        ending(exchange.wire)
        return False

    return act


# --- the door: nothing of a request is ever read


def _door_end(ending: Ending) -> Callable[[Proxy, socket.socket], None]:
    return lambda proxy, raw: ending(Wire(raw, proxy.closing))


def _door_hello(answer: bytes, ending: Ending) -> Callable[[Proxy, socket.socket], None]:
    """Reads the client's hello, and answers that."""

    def door(proxy: Proxy, raw: socket.socket) -> None:
        raw.recv(65536)
        raw.sendall(answer)
        ending(Wire(raw, proxy.closing))

    return door


def _door_handshake(ending: Ending) -> Callable[[Proxy, socket.socket], None]:
    """Ends when TLS is up."""

    def door(proxy: Proxy, raw: socket.socket) -> None:
        ending(Wire(proxy.tls.wrap_socket(raw, server_side=True), proxy.closing))

    return door


def _door_certificate(stem: str, ca: str = "") -> Callable[[Proxy, socket.socket], None]:
    """Serves with another certificate; the client should not even ask."""

    def door(proxy: Proxy, raw: socket.socket) -> None:
        odd = proxy.certificates / "odd"
        base = odd / stem if stem else proxy.certificates / "server"
        trusted = odd / ca if ca else None
        context = proxy.context(base.with_suffix(".pem"), base.with_suffix(".key"), trusted)
        wire = Wire(context.wrap_socket(raw, server_side=True), proxy.closing)
        wire.read_request()
        wire.reset()

    return door


def _door_old(proxy: Proxy, raw: socket.socket) -> None:
    context = proxy.context(proxy.certificates / "server.pem", proxy.certificates / "server.key")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.wrap_socket(raw, server_side=True).close()


def _doors() -> list[Kind]:
    half_hello = bytes.fromhex("160303007a020000760303") + bytes(20)
    alert = bytes.fromhex("15030300020228")
    doors = {
        "accept-reset": _door_end(Wire.reset),
        "accept-eof": _door_end(Wire.end_bare),
        "accept-silence": _door_end(Wire.silence),
        "hello-silence": _door_hello(b"", Wire.silence),
        "hello-eof": _door_hello(b"", Wire.end_bare),
        "hello-half-eof": _door_hello(half_hello, Wire.end_bare),
        "hello-half-silence": _door_hello(half_hello, Wire.silence),
        "hello-alert": _door_hello(alert, Wire.end_bare),
        "hello-plain": _door_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n", Wire.end_bare),
        "tls-bye": _door_handshake(Wire.end_clean),
        "tls-eof": _door_handshake(Wire.end_bare),
        "tls-reset": _door_handshake(Wire.reset),
        "tls-silence": _door_handshake(Wire.silence),
        "tls-old": _door_old,
        "tls-client-refused": _door_certificate("", "other-ca.pem"),
    }
    for name in ("wrong-ca", "expired", "not-yet", "wrong-host", "self-signed", "for-clients"):
        doors[f"tls-{name}"] = _door_certificate(name)
    kinds = [
        Kind(Fault(name, door=door), "door", KINDS, slow="silence" in name)
        for name, door in doors.items()
    ]
    kinds.append(Kind(Fault("refused", refuse=True), "door", KINDS))
    kinds.append(Kind(Fault("syn-drop", drop=True), "door", KINDS, slow=True))
    return kinds


# --- while the request comes


def _cut_at(where: str, length: int) -> int:
    return {"0": 0, "1": 1, "half": length // 2, "last-1": length - 1, "last": length}[where]


def _cut(where: str) -> Callable[[Exchange], None]:
    """The sandbox sees as much as we do, and a reset."""

    def before(exchange: Exchange) -> None:
        most = _cut_at(where, exchange.request.length)
        if most < exchange.request.length:
            exchange.forward_part(most)
        else:
            exchange.read()

    return before


def _nothing(exchange: Exchange) -> None:
    del exchange


def _read(exchange: Exchange) -> None:
    exchange.read()


def _forward(exchange: Exchange) -> None:
    exchange.forward()


def _continue(done: bool) -> Callable[[Exchange], None]:
    def before(exchange: Exchange) -> None:
        if done:
            exchange.forward()
        exchange.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    return before


def _endless(exchange: Exchange) -> None:
    exchange.forward()
    for _ in range(100_000):
        exchange.wire.send(b"HTTP/1.1 102 Processing\r\n\r\n")


def _early(reply: Reply) -> Callable[[Exchange], None]:
    """An answer before a byte of the body was read."""
    return lambda exchange: exchange.wire.send(reply.wire())


def _requests() -> list[Kind]:
    kinds = []
    for ending, end in ENDINGS.items():
        slow = ending == "silence"
        steps = {
            "head": _nothing,
            "read": _read,
            "done": _forward,
            "continue": _continue(False),
            "done-continue": _continue(True),
        }
        for step, before in steps.items():
            fault = Fault(f"{step}-{ending}", _ending(before, end))
            some = slow and step not in ("read", "done")
            kinds.append(Kind(fault, "request", WAITED if some else KINDS, slow=slow))
        for where in ("half", "last") if slow else ("0", "1", "half", "last-1", "last"):
            fault = Fault(f"cut-{where}-{ending}", _ending(_cut(where), end))
            kinds.append(Kind(fault, "cut", POSTS, slow=slow))
    kinds.append(Kind(Fault("endless-1xx", _ending(_endless, Wire.reset)), "request", KINDS))
    for status in (400, 413, 417, 429, 503):
        for ending in ("reset", "eof"):
            act = _ending(_early(made(status, b"<p>early</p>")), ENDINGS[ending])
            refused = POSTS if status in (413, 417) else ()
            fault = Fault(f"early-{status}-{ending}", act)
            kinds.append(Kind(fault, "early", POSTS, may_fail=refused))
    return kinds


# --- another status


def _mesh_error(code: str = "12") -> bytes:
    return json.dumps({"detail": [{"event": "SEND", "code": code, "msg": "No"}]}).encode()


def _instead(reply: Reply, after: bool) -> Callable[[Exchange], bool]:
    def act(exchange: Exchange) -> bool:
        if after:
            exchange.forward()
        else:
            exchange.read()
        exchange.wire.send(reply.wire())
        return True

    return act


def _status_reply(status: int, body: bytes, kind: str = "text/html") -> Reply:
    reply = made(status, b"" if status in (204, 304) else body, kind)
    if status in (204, 304):
        reply = Reply(status, [], b"")
    extra = {301: "Location", 302: "Location", 303: "Location", 307: "Location", 308: "Location"}
    if status in extra:
        reply = reply.changed(Location="https://127.0.0.1:1/elsewhere")
    if status in (429, 503):
        reply = reply.changed(Retry_After="1")
    return reply


def _statuses() -> list[Kind]:
    kinds = []
    for status in STATUSES:
        reply = _status_reply(status, b"<html><p>a gateway</p></html>")
        refused = POSTS if status in (413, 417, 422) else ()
        for when in ("before", "after"):
            lies = [kind for kind in KINDS if status in LIES.get((when, kind), ())]
            targets = tuple(kind for kind in KINDS if kind not in lies)
            fault = Fault(f"status-{status}-{when}", _instead(reply, when == "after"))
            held = (TRACK_LOCAL,) if status == 300 else ()
            kinds.append(Kind(fault, f"status-{when}", targets, may_fail=refused, may_hold=held))
    for status in (400, 401, 403, 409, 429, 500, 503):
        reply = _status_reply(status, _mesh_error(), "application/json")
        refused = POSTS if status in (400, 409) else ()
        fault = Fault(f"status-{status}-mesh", _instead(reply, False))
        kinds.append(Kind(fault, "status-before", KINDS, may_fail=refused))
    for status in (400, 403, 404, 502):
        fault = Fault(f"status-{status}-empty", _instead(_status_reply(status, b""), False))
        kinds.append(Kind(fault, "status-before", KINDS))
    for name, after in (("date", "Fri, 01 Jan 2100 00:00:00 GMT"), ("absurd", "9" * 30)):
        reply = made(429, b"slow down").changed(Retry_After=after)
        kinds.append(Kind(Fault(f"retry-after-{name}", _instead(reply, False)), "status-before",
                          KINDS))  # fmt: skip
    kinds.append(_several())
    return kinds


def _several() -> Kind:
    body = json.dumps({"errorEvent": "", "errorCode": "", "errorDescription": "several"}).encode()
    fault = Fault("status-300", _instead(made(300, body, "application/json"), False))
    return Kind(fault, "status-before", (TRACK_LOCAL,), may_hold=(TRACK_LOCAL,),
                why_held="tracking says that there are several of this LocalId")  # fmt: skip


# --- the answer, badly formed

Mangle = Callable[[Reply], bytes]


def _bent(mangle: Mangle, ending: Ending | None = None) -> Callable[[Exchange], bool]:
    """The work is done, the answer is bent."""

    def act(exchange: Exchange) -> bool:
        exchange.wire.send(mangle(exchange.forward()))
        if ending:
            ending(exchange.wire)
        return ending is None

    return act


def _with(*lines: str) -> Mangle:
    """Further header lines, as they are."""

    def mangle(reply: Reply) -> bytes:
        extra = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
        return reply.head()[:-2] + extra + b"\r\n" + reply.body

    return mangle


def _length(change: Callable[[int], str]) -> Mangle:
    def mangle(reply: Reply) -> bytes:
        return reply.changed(Content_Length=change(len(reply.body))).wire()

    return mangle


def _unframed(reply: Reply) -> list[tuple[str, str]]:
    return reply.without("content-length")


def _chunked(tail: Callable[[bytes], bytes]) -> Mangle:
    def mangle(reply: Reply) -> bytes:
        headers = [*_unframed(reply), ("Transfer-Encoding", "chunked")]
        return reply.head(headers) + tail(reply.body)

    return mangle


def _in_chunks(body: bytes) -> bytes:
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def _half(reply: Reply) -> bytes:
    return reply.head() + reply.body[: len(reply.body) // 2]


def _drip(exchange: Exchange) -> bool:
    """One byte at a time, but never slower than the daemon's patience."""
    data = exchange.forward().wire()
    for at in range(min(len(data), 600)):
        exchange.wire.send(data[at : at + 1])
    exchange.wire.send(data[600:])
    return True


def _forms() -> list[Kind]:
    end = ENDINGS
    bent = {
        "garbage-line": (lambda r: b"\x00\xffgarbage\r\n\r\n" + r.body, end["eof"]),
        "partial-line": (lambda r: b"HTTP/1.1 20", end["eof"]),
        "partial-line-reset": (lambda r: b"HTTP/1.1 20", end["reset"]),
        "partial-head": (lambda r: r.head()[: len(r.head()) // 2], end["bye"]),
        "no-end-of-head": (lambda r: r.head()[:-2], end["bye"]),
        "head-flood": (_with(*(f"X-Flood-{n}: x" for n in range(300))), None),
        "huge-header": (_with("X-Huge: " + "x" * 90_000), None),
        "nul-in-header": (_with("Mex-Subject: a\0b"), None),
        "nul-in-content-type": (_with("Content-Type: a\0b"), None),
        "obs-fold": (_with("Mex-Odd: a", "  b"), None),
        "no-colon": (_with("nonsense"), None),
        "bad-name": (_with("Bad Name: x"), None),
        "no-length": (lambda r: r.head(_unframed(r)) + r.body, end["bye"]),
        "no-length-cut": (lambda r: r.head(_unframed(r)) + r.body[:7], end["bye"]),
        "no-length-eof": (lambda r: r.head(_unframed(r)) + r.body[:7], end["eof"]),
        "long-length": (_length(lambda n: str(n + 10)), end["bye"]),
        "long-length-eof": (_length(lambda n: str(n + 10)), end["eof"]),
        "negative-length": (_length(lambda n: f"-{n}"), end["bye"]),
        "absurd-length": (_length(lambda n: "9" * 40), end["bye"]),
        "odd-length": (_length(lambda n: f"{n}x"), end["bye"]),
        "two-lengths": (_with("Content-Length: 3"), end["bye"]),
        "length-and-chunked": (_with("Transfer-Encoding: chunked"), end["bye"]),
        "unknown-transfer": (_with("Transfer-Encoding: odd"), end["bye"]),
        "chunked": (_chunked(lambda b: _in_chunks(b) + b"0\r\n\r\n"), None),
        "chunked-bad-size": (_chunked(lambda b: b"zz\r\n" + b + b"\r\n0\r\n\r\n"), end["bye"]),
        "chunked-cut": (_chunked(lambda b: _in_chunks(b)[:-3]), end["bye"]),
        "chunked-no-end": (_chunked(_in_chunks), end["bye"]),
        "chunked-no-end-reset": (_chunked(_in_chunks), end["reset"]),
        "half-body": (_half, end["bye"]),
        "half-body-eof": (_half, end["eof"]),
        "half-body-reset": (_half, end["reset"]),
        "head-only": (lambda r: r.head()[:-1], end["eof"]),
        "http-1.0": (lambda r: r.wire().replace(b"HTTP/1.1", b"HTTP/1.0", 1), end["bye"]),
        "http-2": (lambda r: r.wire().replace(b"HTTP/1.1", b"HTTP/2", 1), end["bye"]),
        "http-0.9": (lambda r: r.body + b"\n", end["bye"]),
        "status-word": (lambda r: r.wire().replace(b" ", b" abc", 1), end["bye"]),
        "status-99": (lambda r: b"HTTP/1.1 99 x\r\nContent-Length: 0\r\n\r\n", end["bye"]),
        "close-after": (_with("Connection: close"), end["bye"]),
        "close-after-reset": (lambda r: r.wire(), end["reset"]),
    }
    kinds = [
        Kind(Fault(name, _bent(mangle, ending)), "form", KINDS)
        for name, (mangle, ending) in bent.items()
    ]
    kinds.append(Kind(Fault("drip", _drip), "form", KINDS))
    stall = Fault("stall-in-body", _bent(_half, Wire.silence))
    kinds.append(Kind(stall, "form", (*WAITED, GET_CHUNK, LIST), slow=True))
    stall = Fault("stall-in-head", _bent(lambda r: r.head()[:20], Wire.silence))
    kinds.append(Kind(stall, "form", WAITED, slow=True))
    short = Fault("short-length", _bent(_length(lambda n: str(max(n - 3, 0))), Wire.end_clean))
    kinds.append(Kind(short, "form", JSON_KINDS))
    kinds.append(Kind(short, "form", (GET,), ("recv-gzip",)))
    return kinds


# --- the answer, well formed and wrong


def _body(change: Callable[[bytes], bytes]) -> Mangle:
    return lambda reply: reply.with_body(change(reply.body)).wire()


def _header(**values: str) -> Mangle:
    return lambda reply: reply.changed(**values).wire()


def _member(name: str, value: object) -> Callable[[bytes], bytes]:
    """Changes members of these names (v1 and v2 spell them differently)."""

    def change(body: bytes) -> bytes:
        try:
            known = json.loads(body)
        except ValueError:
            return body
        if isinstance(known, dict):
            known = {k: value if k.lower().replace("_", "") == name else v
                     for k, v in known.items()}  # fmt: skip
        return json.dumps(known).encode()

    return change


def _contents() -> list[Kind]:
    no_json = {
        "json-empty": b"{}",
        "json-nothing": b"",
        "json-null": b"null",
        "json-list": b"[]",
        "json-number": b"7",
        "json-words": b"<html>welcome to the hotel network</html>",
        "json-nul": b'{"message_id": "\\u0000"}',
        "json-bytes": b'{"message_id": "\xff\xfe"}',
        "json-deep": b"[" * 100_000,
        "json-huge": b'{"x": "' + b"x" * 5_000_000 + b'"}',
        "json-id-number": b'{"message_id": 7, "messageId": 7, "messages": 7}',
        "json-id-path": b'{"message_id": "../../x", "messageId": "../../x"}',
        "json-id-empty": b'{"message_id": "", "messageId": "", "messages": [""]}',
    }
    kinds = [
        Kind(Fault(name, _bent(lambda r, b=body: r.with_body(b).wire())), "content", JSON_KINDS)
        for name, body in no_json.items()
    ]
    for name, change in (
        ("json-cut", lambda b: b[: len(b) // 2]),
        ("json-twice", lambda b: b + b),
        ("json-same-key", lambda b: b[:-1].rstrip().rstrip(b"}") + b', "status": 1, "status": 2}'),
    ):
        kinds.append(Kind(Fault(name, _bent(_body(change))), "content", JSON_KINDS))
    kinds += _listings() + _downloads() + _trackings()
    unknown = _body(_member("messageid", "20260101000000000000_ABCDEF"))
    kinds.append(Kind(Fault("unknown-id", _bent(unknown)), "content", (FIRST,)))
    return kinds


def _listings() -> list[Kind]:
    odd = [7, None, "../../etc/passwd", "", "a/b", "x" * 300, {"a": 1}]
    lists = {
        "list-odd-ids": _body(_member("messages", odd)),
        "list-object": _body(_member("messages", {"a": 1})),
        "list-unknown": _body(_member("messages", ["20260101000000000000_ABCDEF"])),
        "list-bad-link": _body(_member("links", {"next": "https://evil.invalid/next"})),
        "list-odd-link": _body(_member("links", {"next": 7})),
        "list-up-link": _body(_member("links", {"next": "/../../other"})),
        "list-negative": _body(_member("approxinboxcount", -1)),
    }
    return [Kind(Fault(k, _bent(m)), "content", (LIST, NEXT)) for k, m in lists.items()]


def _bad_crc(body: bytes) -> bytes:
    return body[:-8] + bytes([body[-8] ^ 0x55]) + body[-7:]


def _downloads() -> list[Kind]:
    headers = {
        "other-message-id": _header(Mex_MessageID="20260101000000000000_ABCDEF"),
        "other-chunk": _header(Mex_Chunk_Range="7:9"),
        "range-beyond": _header(Mex_Chunk_Range="4:3"),
        "range-words": _header(Mex_Chunk_Range="one of three"),
        "range-huge": _header(Mex_Chunk_Range="1:99999999999999999999"),
        "range-negative": _header(Mex_Chunk_Range="-1:-1"),
        "more-chunks": _header(Mex_Chunk_Range="1:2"),
        "two-ranges": _with("Mex-Chunk-Range: 2:5"),
        "unknown-encoding": _header(Content_Encoding="br"),
        "two-encodings": _with("Content-Encoding: gzip", "Content-Encoding: gzip"),
    }
    kinds = [Kind(Fault(k, _bent(m)), "content", GETS) for k, m in headers.items()]
    plain = Fault("plain-as-gzip", _bent(_header(Content_Encoding="gzip")))
    kinds.append(Kind(plain, "content", GETS, ("recv-plain", "recv-chunks")))
    packed = {
        "gzip-cut": _body(lambda b: b[: len(b) // 2]),
        "gzip-no-trailer": _body(lambda b: b[:-8]),
        "gzip-last-byte": _body(lambda b: b[:-1]),
        "gzip-bad-crc": _body(_bad_crc),
        "gzip-garbage-after": _body(lambda b: b + b"garbage"),
        "gzip-half-member": _body(lambda b: b + gzip.compress(b"more", mtime=0)[:-4]),
        "gzip-nothing": _body(lambda b: b""),
        "gzip-not": _body(lambda b: b"\x1f\x8b" + b[:1] * 50),
    }
    kinds += [
        Kind(Fault(k, _bent(m)), "content", (GET,), ("recv-gzip",)) for k, m in packed.items()
    ]
    return kinds


def _trackings() -> list[Kind]:
    """A message is there, but not quite ours: nobody can know whether ours is too."""
    kinds = []
    for name, member, value in (
        ("track-file-name", "filename", "other.dat"),
        ("track-size", "filesize", 3),
        ("track-recipient", "recipient", "X26ABC9"),
        ("track-workflow", "workflowid", "OTHER"),
        ("track-no-name", "filename", ""),
    ):
        fault = Fault(name, _bent(_body(_member(member, value))))
        kinds.append(
            Kind(fault, "content", (TRACK_LOCAL,), ("resolve-present",), may_hold=(TRACK_LOCAL,),
                 why_held="tracking has a message of this LocalId that is not like ours")
        )  # fmt: skip
    return kinds


def catalogue() -> list[Kind]:
    """All of them; names are unique but for the same fault with other targets."""
    return [*_doors(), *_requests(), *_statuses(), *_forms(), *_contents()]


def odd_certificates(certificates: Path) -> Path:
    """Where the certificates are that the door faults use."""
    return certificates / "odd"
