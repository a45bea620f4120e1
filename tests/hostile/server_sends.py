# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile answers to a send, to tracking and to a look-up.

The pair is always in one place, whole; it is in SENT only with an id that can be one; and a message
in one request is posted once, unless the service itself said that it has none.
"""

import json
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common import Case, Context
from harness.faultserver import Connection, Head
from harness.payloads import text_bytes
from harness.printable import assert_printable
from server_rig import (
    BOX,
    CHUNK,
    SEND,
    TRACK,
    Bench,
    Handler,
    Ran,
    World,
    answer,
    as_json,
    drip,
    facts_of,
    flood,
    raw,
    whole,
)

PAYLOAD = text_bytes(5000)
ID = "20260101120000000009_5E47ED"


@dataclass
class Sender:
    """One pair of a site, and where it is."""

    bench: Bench
    runs: int = 0

    def drop(self) -> None:
        """One message in one request, whose LocalId the sender chose; its data does not shrink."""
        self.bench.site.drop("pair", PAYLOAD, Compress="N", LocalId="ours-1")

    def place(self) -> str:
        """The one folder that has the data, which is whole."""
        found = [
            (name, path)
            for name in ("OUT", "TEMP", "SENT", "FAILED")
            for path in self.bench.site.folder(name).iterdir()
            if path.suffix == ".dat"
        ]
        assert len(found) == 1, found
        assert found[0][1].read_bytes() == PAYLOAD
        return found[0][0]

    def go(self, cycles: int = 1) -> Ran:
        """Some runs."""
        for _ in range(cycles):
            ran = self.bench.run()
            self.runs += 1
        return ran

    def next_is_sent(self) -> None:
        """Whatever became of the pair, the one that comes after it goes out in the next run."""
        self.bench.world.on.clear()
        self.bench.site.drop("next", PAYLOAD, Compress="N", AllowChunking="Y", LocalId="ours-2")
        ran = self.go()
        assert "next.ctl" in self.bench.site.names("SENT"), ran.err[-3000:]

    @property
    def sends(self) -> int:
        """First POSTs."""
        return self.bench.world.count(SEND)

    def sent_id(self) -> str:
        """What SENT calls it."""
        return self.bench.site.sent("pair")["DTSId"] or ""


def _sender(context: Context, **daemon: str) -> Sender:
    sender = Sender(Bench(context, **daemon))
    sender.drop()
    return sender


# --- what a POST may be answered

NOT_IDS: dict[str, Any] = {
    "parent": "../../x",
    "slash": "a/b",
    "crlf": "a\r\nX-Evil: y",
    "escape": "a\x1b[2J",
    "10kB": "x" * 10_000,
    "empty": "",
    "blank": "a b",
    "number": 12345,
    "null": None,
    "array": [ID],
    "object": {"id": ID},
    "true": True,
    "unicode": "\u00e9",
    "percent": "%2e%2e",
}


def accepted(value: Any) -> bytes:
    """202 with this body."""
    return as_json(value, 202)


UNCLEAR: dict[str, Handler] = {
    **{f"id-{name}": raw(accepted({"message_id": value})) for name, value in NOT_IDS.items()},
    "no-id": raw(accepted({})),
    "other-key": raw(accepted({"id": ID})),
    "dup-keys": raw(whole([], b'{"message_id":"A","message_id":"B"}', 202)),
    "html-202": raw(whole(["Content-Type: text/html"], b"<html>", 202)),
    "html-200": raw(whole(["Content-Type: text/html"], b"<html>Log in", 200)),
    "json-200": raw(as_json({"message_id": ID}, 200)),
    "json-201": raw(as_json({"message_id": ID}, 201)),
    "204": raw(answer([], b"", "HTTP/1.1 204 No")),
    "206": raw(as_json({"message_id": ID}, 206)),
    "deep-202": raw(whole([], b"[" * 100_000, 202)),
    "cut-202": raw(whole([], b'{"message_id": "2026', 202)),
    "bom-202": raw(whole([], b'\xef\xbb\xbf{"message_id": "X"}', 202)),
    "short-202": raw(answer(["Content-Length: 500"], b'{"message_id": "X"}', "HTTP/1.1 202 A")),
    "endless-202": flood(
        answer(["Transfer-Encoding: chunked"], b"", "HTTP/1.1 202 A"),
        b"10000\r\n" + b" " * 65536 + b"\r\n",
    ),
    "header-flood": flood(b"HTTP/1.1 202 A\r\n", b"x: y\r\n" * 1000),
    "1xx-flood": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "trailer-flood": flood(
        answer(["Transfer-Encoding: chunked"], b"", "HTTP/1.1 202 A") + b"0\r\n",
        b"message_id: x\r\n" * 1000,
    ),
    "nothing": raw(b""),
    "half": raw(b"HTTP/1.1 20"),
    "http-0.9": raw(b'{"message_id": "X"}'),
    "http-2": raw(b"HTTP/2 202 A\r\nContent-Length: 0\r\n\r\n"),
    "two-lengths": raw(
        answer(["Content-Length: 5", "Content-Length: 50"], b"{}   ", "HTTP/1.1 202 A")
    ),
    "negative-length": raw(answer(["Content-Length: -5"], b"{}", "HTTP/1.1 202 A")),
    "301": raw(whole(["Location: /messageexchange/"], b"", 301)),
    "307": raw(whole(["Location: https://other.example/"], b"", 307)),
    "308": raw(whole(["Location: https://other.example/"], b"", 308)),
    "403": raw(whole([], b"<html>", 403)),
    "408": raw(whole([], b"", 408)),
    "500": raw(whole([], b"<html>", 500)),
    "502": raw(whole(["Retry-After: 0"], b"<html>", 502)),
    "599": raw(whole([], b"", 599)),
    "999": raw(whole([], b"", 999)),
}


def _unclear(reply: Handler) -> Any:
    """Perhaps it was taken: nothing is posted again before tracking has said twice that it knows
    nothing, and it is not SENT on such words."""

    def run(context: Context) -> None:
        sender = _sender(context, resolve_after="1h")
        sender.bench.world.on[SEND] = reply
        ran = sender.go(2)
        assert sender.sends == 1, sender.sends
        assert sender.place() == "TEMP", sender.place()
        assert not sender.bench.site.names("SENT")
        lines = [line for line in sender.bench.said().splitlines() if " unknown " in line]
        assert len(lines) == 1 and "reason=" in lines[0], ran.err

    return run


LATER = {  # refused by something on the way, or for now: nothing was taken
    "429-negative": (429, "Retry-After: -5"),
    "429-1e12": (429, "Retry-After: 1000000000000"),
    "429-digits": (429, "Retry-After: " + "9" * 40),
    "429-date": (429, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
    "429-past": (429, "Retry-After: Mon, 01 Jan 1990 00:00:00 GMT"),
    "429-words": (429, "Retry-After: tomorrow"),
    "425": (425, "Retry-After: 0x10"),
    "401": (401, "WWW-Authenticate: Negotiate"),
    "404-html": (404, "Content-Type: text/html"),
    "405-html": (405, "Allow: GET"),
    "400-html": (400, "Content-Type: text/html"),
    "407": (407, "Proxy-Authenticate: Basic"),
    "451": (451, "Link: <x>"),
}


def _later(status: int, header: str) -> Any:
    """It waits, at most a day and at least a little, and is sent when the service wants it."""

    def run(context: Context) -> None:
        sender = _sender(context)
        date = "Date: Sun, 22 Nov 2026 12:00:00 GMT"
        sender.bench.world.on[SEND] = raw(whole([header, date], b"<html>", status))
        begun = time.monotonic()
        ran = sender.go()
        assert sender.sends == 1, sender.sends
        assert sender.place() == "TEMP"
        lines = ran.lines("deferred")
        assert len(lines) == 1, ran.err
        seconds = re.search(r"seconds=(-?\d+)", lines[0])
        assert seconds and 1 <= int(seconds.group(1)) <= 86400, lines[0]
        sender.go()
        waited = time.monotonic() - begun >= int(seconds.group(1))
        assert sender.sends == 1 or waited, "it does not wait"

    return run


EVIL = "x\x1b[2J\r\nnotice sent mailbox=X \u202e]]></StatusRecord>\" do=\"rm\u0000"
REFUSED: dict[str, tuple[int, bytes]] = {
    "417-v1": (417, json.dumps({"errorEvent": EVIL, "errorCode": EVIL,
                                "errorDescription": EVIL.replace("\0", "")}).encode()
               .replace(b"\\u0000", b"")),
    "417-v2": (417, json.dumps({"detail": [{"event": "SEND", "code": "12" * 500,
                                            "msg": "m" * 100_000}]}).encode()),
    "417-validation": (417, json.dumps({"detail": [{"loc": ["x\n" * 900] * 900,
                                                    "msg": "y" * 9000}]}).encode()),
    "417-html": (417, b"<html>\x1b[31m" * 1000),
    "417-empty": (417, b""),
    "417-deep": (417, b"[" * 100_000),
    "417-id": (417, json.dumps({"message_id": "../../x", "internal_id": "a\nb",
                                "detail": [{"event": "SEND", "code": "1", "msg": "m"}]}).encode()),
    "413-html": (413, b"<html>"),
    "422-list": (422, b'{"detail": [7, null, "x"]}'),
    "400-mesh": (400, b'{"detail": [{"event": "SEND", "code": "06", "msg": "no"}]}'),
}


# Each as an event and as a code.
WORDS = {
    "slash": "A/B",
    "parent": "../x",
    "escape": "../../../escape",
    "quotes": 'S x="y"',
    "fact": "SEND job=1",
    "dot": ".",
    "percent": "S%2e",
    "16": "E" * 16,
    "32": "E" * 32,
    "64": "E" * 64,
    "3kB": "E" * 3000,
    "blank": "   ",
    "unicode": "S\u00e9\u202eX",
    "evil": EVIL[:-1],
}
END_FACTS = ["mailbox", "job", "file", "event", "code", "reason"]


def said_v1(word: str) -> bytes:
    """A refusal with a hostile event and code."""
    return as_json({"errorEvent": word, "errorCode": word, "errorDescription": word}, 417)


def said_v2(word: str) -> bytes:
    """The same as the API has it in version 2."""
    return as_json({"detail": [{"event": word, "code": word, "msg": word}]}, 417)


def ended_well(sender: Sender, ran: Ran) -> None:
    """The pair is in FAILED, told once, with what was said made harmless; the next one is sent."""
    site = sender.bench.site
    assert sender.place() == "FAILED", ran.err
    ctl = site.failed("pair")
    assert ctl.status.status == "ERROR" and ctl.status.text
    assert re.fullmatch(r"[A-Za-z0-9]{1,15}", ctl.status.event), ctl.status.event
    assert re.fullmatch(r"[A-Za-z0-9 ._-]{1,63}", ctl.status.code), ctl.status.code
    assert not any(ord(c) < 32 and c not in "\r\n\t" for c in ctl.text)
    names = [name for name in site.names("IN") if name.startswith("pair_")]
    assert all(re.fullmatch(r"pair_[A-Z]*_\d{14}\.ctl", name) for name in names), names
    assert len([name for name in names if "_COLLECT_" not in name]) == 1, names
    (line,) = ran.lines("failed")
    assert facts_of(line, "failed") == END_FACTS, line
    assert max(map(len, ran.err.splitlines())) < 4097
    sender.next_is_sent()
    assert site.names("TEMP") == [], site.names("TEMP")


def _refused(reply: bytes) -> Any:
    """FAILED, with what was said made harmless."""

    def run(context: Context) -> None:
        sender = _sender(context)
        sender.bench.world.on[SEND] = raw(reply)
        ran = sender.go()
        assert sender.sends == 1, sender.sends
        (line,) = ran.lines("rejected")
        assert facts_of(line, "rejected") == END_FACTS, line
        ended_well(sender, ran)
        ctl = sender.bench.site.failed("pair")
        assert ctl["DTSId"] in (None, ""), ctl["DTSId"]

    return run


def _chunk_refused(reply: bytes) -> Any:
    """The same of the second chunk of an upload."""

    def run(context: Context) -> None:
        sender = Sender(Bench(context, chunk_size="2k", request_limit="2k"))
        sender.bench.site.drop("pair", PAYLOAD, Compress="N", AllowChunking="Y", LocalId="ours-1")
        sender.bench.world.on[CHUNK] = raw(reply)
        ended_well(sender, sender.go())

    return run


def _old_record(context: Context) -> None:
    """What an earlier version took over into a record as it came does not stop the mailbox."""
    sender = _sender(context, resolve_after="1h")
    sender.bench.world.on[SEND] = raw(b"")
    sender.go()
    (record,) = (sender.bench.site.path / "state" / BOX / "jobs").glob("*.job")
    lines = record.read_bytes().rstrip(b"\0").splitlines()
    number, when = int(lines[-1].split()[0]) + 1, lines[-1].split()[1].decode()
    words = 'message_id=x%20reason="y" attempts=1 failures=0 event=../x code=a/b text=no'
    more = f"{number} {when} REJECTED {words}".encode()
    added = [*lines, more + b" #%08x" % zlib.crc32(more), b""]
    with record.open("r+b") as file:
        file.write(b"\n".join(added))
    ran = sender.go()
    ctl = sender.bench.site.failed("pair")
    assert (ctl.status.summary, ctl["DTSId"]) == (("SEND", "ERROR", "a/b"), ""), ctl.text
    (line,) = ran.lines("failed")
    assert facts_of(line, "failed") == END_FACTS, line
    sender.next_is_sent()


def _good_id(reply: bytes, expected: str) -> Any:
    def run(context: Context) -> None:
        sender = _sender(context)
        sender.bench.world.on[SEND] = raw(reply)
        sender.go()
        assert sender.place() == "SENT" and sender.sends == 1
        assert sender.sent_id() == expected

    return run


def _early(status: bytes, place: str) -> Any:
    """The answer comes before the body was read, and the connection ends."""

    def run(context: Context) -> None:
        sender = _sender(context, resolve_after="1h")

        def handler(_world: World, connection: Connection, _head: Head) -> bool:
            connection.raw(answer(["Content-Length: 0"], b"", f"HTTP/1.1 {status.decode()} X"))
            return False

        sender.bench.world.on[SEND] = handler
        sender.go(2)
        assert sender.sends == 1 and sender.place() == place, sender.place()

    return run


# --- chunks

CHUNKS: dict[str, Handler] = {
    "404": raw(whole([], b"<html>", 404)),
    "406": raw(whole([], b"", 406)),
    "410": raw(whole([], b"", 410)),
    "423": raw(whole([], b"", 423)),
    "200": raw(as_json({"message_id": ID})),
    "302": raw(whole(["Location: /"], b"", 302)),
    "500": raw(whole([], b"<html>", 500)),
    "429": raw(whole(["Retry-After: -1"], b"", 429)),
    "nothing": raw(b""),
    "flood": flood(b"HTTP/1.1 202 A\r\n", b"x: y\r\n" * 1000),
    "html-202-endless": flood(
        answer(["Transfer-Encoding: chunked"], b"", "HTTP/1.1 202 A"),
        b"10000\r\n" + b" " * 65536 + b"\r\n",
    ),
}


def _chunk(reply: Handler) -> Any:
    """Nothing is SENT before every chunk was taken; the service is not hammered."""

    def run(context: Context) -> None:
        sender = Sender(Bench(context, chunk_size="2k", request_limit="2k"))
        sender.bench.site.drop("pair", PAYLOAD, Compress="N", AllowChunking="Y", LocalId="ours-1")
        sender.bench.world.on[CHUNK] = reply
        sender.go(3)
        assert sender.place() == "TEMP", sender.place()
        assert not sender.bench.site.names("SENT")
        assert sender.sends <= 3 and sender.bench.world.count(CHUNK) <= 4
        assert "reason=" in sender.bench.said()

    return run


# --- tracking


NOW = "29991231235959"  # in an answer: when it is given, see believable


def believable(answer: bytes) -> bytes:
    """An answer of tracking about an upload of this moment: hours away, it is never believed."""
    return answer.replace(NOW.encode(), time.strftime("%Y%m%d%H%M%S", time.gmtime()).encode())


def track(**changes: Any) -> dict[str, Any]:
    """What would be believed, were it not for the changes; by way of believable."""
    return {
        "messageId": ID,
        "localId": "ours-1",
        "recipient": "X26ABC2",
        "workflowId": "TEST_WORKFLOW",
        "fileName": "pair.dat",
        "fileSize": len(PAYLOAD),
        "status": "Accepted",
        "uploadTimestamp": NOW,
    } | changes


TRACKS: dict[str, bytes] = {
    "other-recipient": as_json(track(recipient="X26EVIL")),
    "other-workflow": as_json(track(workflowId="OTHER")),
    "other-name": as_json(track(fileName="other.dat")),
    "other-size": as_json(track(fileSize=len(PAYLOAD) + 1)),
    "size-text": as_json(track(fileSize="a lot")),
    "size-negative": as_json(track(fileSize=-1)),
    "size-fraction": as_json(track(fileSize=5000.0)),
    "size-huge": as_json(track(fileSize=2**63 - 1)),
    "size-array": as_json(track(fileSize=[5000])),
    "no-size": as_json({k: v for k, v in track().items() if k != "fileSize"}),
    "no-time": as_json({k: v for k, v in track().items() if k != "uploadTimestamp"}),
    "old": as_json(track(uploadTimestamp="20200101000000")),
    "future": as_json(track(uploadTimestamp="29990101000000")),
    "time-words": as_json(track(uploadTimestamp="yesterday")),
    "time-number": as_json(track(uploadTimestamp=int(NOW))),
    "uploading": as_json(track(status="Uploading")),
    "id-parent": as_json(track(messageId="../../x")),
    "id-10kB": as_json(track(messageId="x" * 10_000)),
    "id-number": as_json(track(messageId=7)),
    "id-none": as_json(track(messageId=None)),
    "long-recipient": as_json(track(recipient="X26ABC2" * 5000)),
    "300": as_json({"detail": "several"}, 300),
    "several": as_json([track(), track()]),
    "html": whole(["Content-Type: text/html"], b"<html>", 200),
    "html-404": whole(["Content-Type: text/html"], b"<html>Not Found", 404),
    "empty-404": whole([], b"", 404),
    "gateway-404": as_json({"message": "no Route matched"}, 404),
    "deep": whole([], b"[" * 100_000),
    "million": whole([], b"{" + b",".join(b'"%x":{}' % n for n in range(200_000)) + b"}"),
    "dup": whole([], json.dumps(track()).encode()[:-1] + b',"messageId":"X"}'),
    "nan": whole([], json.dumps(track()).encode()[:-1] + b',"x":NaN}'),
    "500": whole([], b"", 500),
    "302": whole(["Location: /"], b"", 302),
    "1MB-header": whole(["x: " + "y" * (1 << 20)], json.dumps(track()).encode()),
    "short": answer(["Content-Length: 9000"], json.dumps(track()).encode()),
    "nothing": b"",
}


def _track(reply: bytes, lies: bool = True) -> Any:
    """Not enough to call it sent, and not enough to send it again; unless it is no lie."""

    def run(context: Context) -> None:
        sender = _sender(context)
        sender.bench.world.on[SEND] = raw(b"")
        baseline = as_json({"errorEvent": "", "errorCode": "", "errorDescription": "No"}, 404)

        def handler(world: World, connection: Connection, head: Head) -> bool:
            # What is asked before the POST is answered honestly.
            connection.raw(believable(reply) if world.count(SEND) else baseline)
            return False

        sender.bench.world.on[TRACK] = handler
        sender.go(4)
        assert sender.sends == 1, f"{sender.sends} times posted"
        if not lies:
            assert sender.place() == "SENT" and sender.sent_id() == ID, sender.bench.log()
            return
        assert sender.place() == "TEMP", sender.place()
        assert sender.bench.world.count(TRACK) >= 2, "tracking was not asked"
        assert not sender.bench.site.names("SENT") and not sender.bench.site.names("FAILED")

    return run


# --- look-ups and the tool

LOOKUPS: dict[str, tuple[bytes, int]] = {
    "control-bytes": (as_json({"results": [{"mailbox_id": "X\x1b[2J\nY", "mailbox_name": EVIL[:-1]}]}),
                      0),
    "none": (as_json({"results": []}), 1),
    "wrong-types": (as_json({"results": [7, None, {"mailbox_id": 3}, []]}), 1),
    "no-results": (as_json({}), 1),
    "results-text": (as_json({"results": "X26ABC2"}), 1),
    "1001": (as_json({"results": [{"mailbox_id": "X"}] * 1001}), 1),
    "html": (whole([], b"<html>"), 1),
    "deep": (whole([], b"[" * 100_000), 1),
    "huge-name": (as_json({"results": [{"mailbox_id": "M" * 100_000, "mailbox_name": "n" * 100_000}]}),
                  0),
    "302": (whole(["Location: /"], b"", 302), 1),
    "nothing": (b"", 1),
    "endless": (b"endless", 1),
}


def _lookup(reply: bytes, code: int) -> Any:
    """meshdrop lookup says what it was told, made harmless, or what is wrong."""

    def run(context: Context) -> None:
        bench = Bench(context)
        endless = flood(answer(["Transfer-Encoding: chunked"]), b"1000\r\n" + b" " * 4096 + b"\r\n")
        handler = endless if reply == b"endless" else raw(reply)
        bench.world.on = dict.fromkeys(("handshake", "list", "get", "track"), handler)
        done = bench.site.tool("lookup", "X26", "TEST_WORKFLOW")
        assert done.code in (0, 1) and (code == 0 or done.code == 1 or not done.out), done
        assert (done.code == 0) == (code == 0) or not done.out.strip(), done
        assert_printable(done.raw)
        assert "Sanitizer" not in done.err and len(done.raw) < 100_000

    return run


def _tool_list(context: Context) -> None:
    """meshdrop inbox shows no id that is none."""
    bench = Bench(context)
    bench.world.listed = ["GOOD", "../x", "a\x1b[2Jb", "a\x9b2Jb", "a\u202eb", 7]
    done = bench.site.tool("inbox")
    assert "GOOD" in done.out and "../x" not in done.out, done
    assert_printable(done.raw)


def _dripping_answer(context: Context) -> None:
    """A POST whose answer drips is given up, and is in doubt."""
    sender = Sender(Bench(context, stall="1s", resolve_after="1h"))
    sender.drop()
    sender.bench.world.on[SEND] = drip(answer(["Content-Length: 90000"], b"", "HTTP/1.1 202 A"))
    ran = sender.go()
    assert sender.sends == 1 and sender.place() == "TEMP"
    assert ran.seconds < 60, ran.seconds
    assert re.search("the service is too slow|no progress in time", ran.err), ran.err


def cases() -> list[Case]:
    """All of this file."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    quick = ("id-parent", "html-200", "endless-202", "1xx-flood", "307", "two-lengths")
    for name, reply in UNCLEAR.items():
        yield Case(f"send-{name}", _unclear(reply), name in quick)
    for name, (status, header) in LATER.items():
        yield Case(f"send-{name}", _later(status, header), name in ("429-1e12", "429-negative"))
    for name, (status, body) in REFUSED.items():
        reply = whole([], body, status)
        yield Case(f"send-{name}", _refused(reply), name in ("417-v1", "417-html"))
    for name, word in WORDS.items():
        yield Case(f"send-v1-{name}", _refused(said_v1(word)), name in ("parent", "quotes"))
        yield Case(f"send-v2-{name}", _refused(said_v2(word)), name == "fact")
        yield Case(f"upload-417-{name}", _chunk_refused(said_v1(word)), name == "slash")
    yield Case("send-old-record", _old_record)
    both = {"messageID": ID, "message_id": "../x"}
    yield Case("send-good-both-ids", _good_id(accepted(both), ID), quick=False)
    yield Case("send-good-v2", _good_id(accepted({"message_id": ID, "x": [1] * 9000}), ID), False)
    yield Case("send-early-202", _early(b"202", "TEMP"))
    yield Case("send-early-500", _early(b"500", "TEMP"), quick=False)
    yield Case("send-dripping-answer", _dripping_answer, quick=False)
    for name, reply in CHUNKS.items():
        yield Case(f"upload-{name}", _chunk(reply), name == "404")
    for name, reply in TRACKS.items():
        yield Case(f"track-{name}", _track(reply), name in ("other-size", "html-404", "id-parent"))
    yield Case("track-good", _track(as_json(track()), lies=False))
    for name, (reply, code) in LOOKUPS.items():
        yield Case(f"lookup-{name}", _lookup(reply, code), name == "control-bytes")
    yield Case("tool-inbox", _tool_list)
