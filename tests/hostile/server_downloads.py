# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile answers to a download: ids, chunk ranges, lengths, headers.

Each stands between two honest messages, which must arrive. What is refused is neither in IN nor
acknowledged, is told in one line, and arrives once the service is honest about it.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from common import Case, Context, Skip
from harness.ctlfile import read_ctl
from harness.faultserver import Connection, Head
from harness.payloads import gzip_bytes, text_bytes
from server_rig import (
    AFTER,
    BAD,
    BEFORE,
    BOX,
    GET,
    SEND,
    TRACK,
    Bench,
    Handler,
    World,
    answer,
    as_json,
    flood,
    length,
    mex,
    one_line,
    raw,
    whole,
)

BODY = text_bytes(3000)
CHUNKED = b"%x\r\n%b\r\n" % (len(BODY), BODY)
END = b"0\r\n\r\n"
TE = "Transfer-Encoding: chunked"


def neighbours(bench: Bench, put: Callable[[World], None]) -> None:
    """An honest message, then whatever put lists, then an honest one."""
    bench.world.honest(BEFORE, b"comes before")
    put(bench.world)
    bench.world.honest(AFTER, b"comes after")


def is_refused(reply: Handler, reason: str, stall: str = "20s", **daemon: str) -> Any:
    """A case: this message is refused, told, put aside, and taken when it is honest."""

    def run(context: Context) -> None:
        bench = Bench(context, stall, **daemon)
        neighbours(bench, lambda world: world.hostile(BAD, reply))
        ran = bench.run()
        bench.arrived(BEFORE, AFTER)
        bench.absent(BAD)
        one_line(ran, "not-taken", reason, BAD)
        bench.world.truth[BAD] = BODY
        bench.world.replies[BAD] = raw(whole(mex(BAD), BODY))
        for _ in range(2):  # chunks of another division are thrown away first
            bench.run()
        bench.arrived(BAD)
        bench.clean()

    return run


def is_taken(reply: Handler, body: bytes = BODY, look: Any = None, **daemon: str) -> Any:
    """A case: this is odd, and honest enough."""

    def run(context: Context) -> None:
        bench = Bench(context, **daemon)
        neighbours(bench, lambda world: world.hostile(BAD, reply))
        bench.world.truth[BAD] = body
        ran = bench.run()
        bench.arrived(BEFORE, BAD, AFTER)
        bench.clean()
        assert not ran.lines("not-taken"), ran.err
        if look:
            look(bench)

    return run


def by_chunk(*replies: bytes) -> Handler:
    """Another answer for each chunk that is asked for; the last one for all that follow."""

    def handler(_world: World, connection: Connection, head: Head) -> bool:
        parts = head.path.split("/")
        number = int(parts[5]) if len(parts) > 5 else 1
        connection.raw(replies[min(number, len(replies)) - 1])
        return False

    return handler


def part(range_: str | None, body: bytes = BODY, status: int = 206, *more: str) -> bytes:
    """One chunk of BAD."""
    return whole(mex(BAD, *more, range_=range_), body, status)


# --- ids


NO_IDS: dict[str, Any] = {
    "parent": "../../escape",
    "dots": "..",
    "dot": ".",
    "empty": "",
    "slash": "a/b",
    "absolute": "/etc/passwd",
    "backslash": "..\\..\\x",
    "blank": "a b",
    "trailing-blank": "abc ",
    "lf": "a\nb",
    "crlf-header": "a\r\nX-Evil: y",
    "escape-code": "a\x1b[2Jb",
    "10kB": "x" * 10_000,
    "129": "x" * 129,
    "latin": "\u00e9",
    "fullwidth": "\uff21\uff22",
    "bidi": "a\u202eb",
    "emoji": "\U0001f4a3",
    "percent-2f": "..%2f..%2fx",
    "percent-00": "a%00b",
    "query": "a?b=c",
    "fragment": "a#b",
    "semicolon": "a;b",
    "command": "$(id)",
    "backticks": "`id`",
    "wildcard": "*",
    "tilde": "~root",
    "hidden": ".hidden",
    "extension": "a.ctl",
    "colon": "c:x",
    "integer": 7,
    "negative": -1,
    "fraction": 1.5,
    "true": True,
    "null": None,
    "array": ["x"],
    "object": {"id": "x"},
}
ODD_IDS = {
    "dash": "-rf",
    "option": "--help",
    "device": "CON",
    "128": "y" * 128,
    "underscore": "_",
    "digits": "0",
}


def _no_id(wrong: Any) -> Any:
    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: world.listed.append(wrong))
        ran = bench.run()
        bench.arrived(BEFORE, AFTER)
        one_line(ran, "odd-ids", "count=1 .*cannot be used as file names")
        asked = {head.path for kind, head in bench.world.asked if kind == GET}
        assert len(asked) == 2, asked
        bench.clean()

    return run


def _odd_id(odd: str) -> Any:
    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: world.honest(odd, BODY))
        bench.run()
        bench.arrived(BEFORE, odd, AFTER)
        assert not [name for name in bench.site.names("IN") if name.startswith("-")]
        bench.clean()

    return run


def _own_job_id(context: Context) -> None:
    """It would have the name of a claimed pair in TEMP."""
    bench = Bench(context)
    own = "20260101120000123-0123456789abcdef"
    bench.world.listed += [own[:18] + digits for digits in ("0123abcd", "0123456789abcdef")]
    neighbours(bench, lambda world: world.hostile("20260101120000123-0a1b2c3d", raw(b"")))
    bench.run()
    bench.arrived(BEFORE, AFTER)
    bench.clean()


def _same_id_often(context: Context) -> None:
    """Listed a thousand times: downloaded once."""
    bench = Bench(context)
    bench.world.honest(BAD, BODY)
    bench.world.listed = [BAD] * 1000
    bench.run()
    bench.arrived(BAD)
    assert bench.world.count(GET) == 1


def _case_twins(context: Context) -> None:
    """Two ids that differ in case are two messages."""
    bench = Bench(context)
    bench.world.honest("abc", b"small")
    bench.world.honest("ABC", b"large")
    bench.run()
    bench.arrived("abc", "ABC")


def _many_bad_then_good(context: Context) -> None:
    """Forty messages that cannot be decoded are not in the way of the one behind them."""
    bench = Bench(context)
    for number in range(40):
        bench.world.hostile(f"2026010112_BAD{number}", raw(whole(mex(BAD), BODY)))
    bench.world.honest(AFTER, b"comes after")
    ran = bench.run()
    bench.arrived(AFTER)
    assert len(ran.lines("not-taken")) == 40, ran.err[-2000:]
    bench.clean()


def ids() -> Iterator[Case]:
    """What a list may call a message."""
    for name, wrong in NO_IDS.items():
        yield Case(f"id-{name}", _no_id(wrong), quick=name in ("parent", "lf", "10kB", "integer"))
    for name, odd in ODD_IDS.items():
        yield Case(f"id-odd-{name}", _odd_id(odd), quick=name == "dash")
    yield Case("id-own-job-form", _own_job_id)
    yield Case("id-thousand-times", _same_id_often)
    yield Case("id-case-twins", _case_twins, quick=False)
    yield Case("bad-40-then-good", _many_bad_then_good)


# --- ranges

NOT_UNDERSTOOD = "chunk-range that cannot be understood"
RANGES = {
    "2:1": NOT_UNDERSTOOD,
    "0:1": NOT_UNDERSTOOD,
    "-1:2": NOT_UNDERSTOOD,
    "1:-2": NOT_UNDERSTOOD,
    "1:999999999": NOT_UNDERSTOOD,
    "1:100001": "100001 chunks",
    "one": NOT_UNDERSTOOD,
    ":": NOT_UNDERSTOOD,
    "1:": NOT_UNDERSTOOD,
    ":1": NOT_UNDERSTOOD,
    "1": NOT_UNDERSTOOD,
    "1:1:1": NOT_UNDERSTOOD,
    "0x1:0x1": NOT_UNDERSTOOD,
    "+1:+1": NOT_UNDERSTOOD,
    "1.0:1.0": NOT_UNDERSTOOD,
    "1e0:1e0": NOT_UNDERSTOOD,
    "{1:1": NOT_UNDERSTOOD,
    "1;1": NOT_UNDERSTOOD,
    "1:1, 1:1": NOT_UNDERSTOOD,
    "9" * 300 + ":" + "9" * 300: NOT_UNDERSTOOD,
    "18446744073709551617:18446744073709551617": NOT_UNDERSTOOD,
    "\u00b9:\u00b9": NOT_UNDERSTOOD,
    "2:2": "asked for chunk 1 .* sent 2 of 2",
    "1:2": "chunk 1 of 2 .* came with status 200",
}
GOOD_RANGES = ("1:1", " 1 : 1 ", "{1:1}", "0:0", "1:0", "01:01", "")

# What follows a good chunk "1:3".
SECOND_CHUNKS = {
    "n-grows": (part("2:4"), "says there are 4 chunks, chunk 1 said 3"),
    "n-shrinks": (part("2:2", status=200), "says there are 2 chunks, chunk 1 said 3"),
    "first-again": (part("1:3"), "asked for chunk 2 .* sent 1 of 3"),
    "skips": (part("3:3", status=200), "asked for chunk 2 .* sent 3 of 3"),
    "no-range": (part(None, status=200), "asked for chunk 2 .* sent 1 of 1"),
    "garbage": (part("zwei:3"), NOT_UNDERSTOOD),
    "status-200": (part("2:3", status=200), "came with status 200"),
    "other-id": (whole(mex(AFTER, range_="2:3"), BODY, 206), "sent another one"),
    "login-page": (whole(["Content-Type: text/html"], b"<html>"), "not come from MESH"),
    "404": (whole([], b"", 404), "answered HTTP 404"),
    "redirect": (whole(["Location: https://other.example/"], b"", 307), "answered HTTP 307"),
    "short": (answer([*mex(BAD, range_="2:3"), "Content-Length: 9000"], BODY), "status 200"),
    "cut": (
        answer([*mex(BAD, range_="2:3"), "Content-Length: 9000"], BODY, "HTTP/1.1 206 X"),
        "ended before",
    ),
    "no-length": (answer(mex(BAD, range_="2:3"), BODY, "HTTP/1.1 206 X"), "no Content-Length"),
    "brotli": (part("2:3", BODY, 206, "Content-Encoding: br"), "unknown Content-Encoding"),
}


def _empty_chunks(context: Context) -> None:
    """Five hundred chunks, all but one empty, are slow and nothing worse."""
    bench = Bench(context)
    count = 500

    def handler(_world: World, connection: Connection, head: Head) -> bool:
        parts = head.path.split("/")
        number = int(parts[5]) if len(parts) > 5 else 1
        body = BODY if number == 7 else b""
        lines = mex(BAD, length(body), range_=f"{number}:{count}")
        first = "HTTP/1.1 206 X" if number < count else "HTTP/1.1 200 OK"
        connection.raw("\r\n".join([first, *lines, "", ""]).encode() + body)
        return True

    neighbours(bench, lambda world: world.hostile(BAD, handler))
    bench.world.truth[BAD] = BODY
    bench.run()
    bench.arrived(BEFORE, BAD, AFTER)
    bench.clean()


def _always_more(context: Context) -> None:
    """A message that says of each chunk that one more follows ends at the second."""
    bench = Bench(context)

    def handler(_world: World, connection: Connection, head: Head) -> bool:
        parts = head.path.split("/")
        number = int(parts[5]) if len(parts) > 5 else 1
        connection.raw(part(f"{number}:{number + 1}", BODY))
        return False

    neighbours(bench, lambda world: world.hostile(BAD, handler))
    ran = bench.run()
    bench.arrived(BEFORE, AFTER)
    bench.absent(BAD)
    one_line(ran, "not-taken", "says there are 3 chunks, chunk 1 said 2", BAD)
    assert bench.world.count(GET) == 4


def _cut_and_taken_up(gzip: bool) -> Any:
    """max_message is for the message: each chunk is cut once, so that each run takes it up anew."""
    count = 6
    piece = text_bytes(300_000)
    body = gzip_bytes(piece) if gzip else piece
    more = ("Content-Encoding: gzip",) if gzip else ()

    def run(context: Context) -> None:
        bench = Bench(context, max_message="1M")
        seen: set[int] = set()

        def handler(_world: World, connection: Connection, head: Head) -> bool:
            parts = head.path.split("/")
            number = int(parts[5]) if len(parts) > 5 else 1
            again = number in seen or number == 1
            seen.add(number)
            lines = [*mex(BAD, *more, range_=f"{number}:{count}"), length(body)]
            status = "HTTP/1.1 206 X" if number < count else "HTTP/1.1 200 OK"
            connection.raw(answer(lines, body if again else body[:1000], status))
            return False

        neighbours(bench, lambda world: world.hostile(BAD, handler))
        told = ""
        for _ in range(count + 1):
            told += bench.run().err
        bench.arrived(BEFORE, AFTER)
        bench.absent(BAD)
        assert re.search(f"not-taken .*{BAD}.*has more than 1000000 bytes", told), told
        assert 4 in seen and 5 not in seen, seen

    return run


def ranges() -> Iterator[Case]:
    """What a chunk may say that it is."""
    for text, reason in RANGES.items():
        reply = raw(whole(mex(BAD, range_=text), BODY))
        quick = text in ("2:1", "-1:2", "1:999999999")
        yield Case(f"range-{ascii(text)[1:25]}", is_refused(reply, reason), quick)
    yield Case(
        "range-206-whole",
        is_refused(raw(whole(mex(BAD), BODY, 206)), "chunk 1 of 1 .* came with status 206"),
    )
    for text in GOOD_RANGES:
        reply = raw(whole(mex(BAD, range_=text), BODY))
        yield Case(f"range-good-{text!r}", is_taken(reply), text == "0:0")
    for name, (second, reason) in SECOND_CHUNKS.items():
        reply = by_chunk(part("1:3"), second)
        yield Case(f"chunk-{name}", is_refused(reply, reason), name in ("n-grows", "other-id"))
    yield Case("chunk-always-more", _always_more)
    yield Case("chunk-cut-over-limit", _cut_and_taken_up(False))
    yield Case("chunk-cut-over-limit-gzip", _cut_and_taken_up(True), quick=False)
    yield Case("chunk-500-empty", _empty_chunks, quick=False)


# --- lengths and framing

NOT_A_NUMBER = "Content-Length that is not a number|breaks the rules of HTTP"
SAYS_MORE = "the connection ended before the answer was complete"


def _said(*lines: str) -> Handler:
    """BODY with these lines about its length."""
    return raw(answer([*mex(BAD), *lines], BODY))


def _chunked(body: bytes) -> Handler:
    return raw(answer([*mex(BAD), TE], body))


BAD_LENGTHS: dict[str, tuple[Handler, str]] = {
    "long": (_said("Content-Length: 4000"), SAYS_MORE),
    "long-by-one": (_said(f"Content-Length: {len(BODY) + 1}"), SAYS_MORE),
    "huge": (_said("Content-Length: 9223372036854775807"), SAYS_MORE + "|more than"),
    "none": (_said(), "no Content-Length"),
    "two": (_said(length(BODY), "Content-Length: 10"), "two different Content-Length"),
    "two-far": (
        _said(length(BODY), "Content-Length: 9223372036854775807"),
        "two different Content-Length",
    ),
    "negative": (_said("Content-Length: -1"), NOT_A_NUMBER),
    "plus": (_said(f"Content-Length: +{len(BODY)}"), NOT_A_NUMBER),
    "hex": (_said("Content-Length: 0xbb8"), NOT_A_NUMBER),
    "list": (_said(f"Content-Length: {len(BODY)}, {len(BODY)}"), NOT_A_NUMBER),
    "fraction": (_said("Content-Length: 3000.0"), NOT_A_NUMBER),
    "exponent": (_said("Content-Length: 3e3"), NOT_A_NUMBER),
    "words": (_said("Content-Length: many"), NOT_A_NUMBER),
    "empty": (_said("Content-Length: "), NOT_A_NUMBER),
    "digits": (_said("Content-Length: " + "9" * 40), NOT_A_NUMBER),
    "and-chunked": (raw(answer([*mex(BAD), length(BODY), TE], CHUNKED + END)), "both"),
    "chunked-cut": (_chunked(CHUNKED), SAYS_MORE),
    "chunked-cut-inside": (_chunked(CHUNKED[:-900]), SAYS_MORE),
    "chunked-words": (_chunked(b"xyz\r\n" + BODY), SAYS_MORE),
    "chunked-negative": (_chunked(b"-1\r\n" + BODY + b"\r\n" + END), SAYS_MORE),
    "chunked-overflow": (_chunked(b"f" * 17 + b"\r\n" + BODY + b"\r\n" + END), SAYS_MORE),
    "chunked-huge": (_chunked(b"7fffffffffffffff\r\n" + BODY), SAYS_MORE + "|more than"),
    "chunked-size-too-small": (_chunked(b"10\r\n" + BODY + b"\r\n" + END), SAYS_MORE),
    "chunked-twice": (
        raw(answer([*mex(BAD), "Transfer-Encoding: chunked, chunked"], CHUNKED + END)),
        "Transfer-Encoding other",
    ),
    "chunked-lines-twice": (raw(answer([*mex(BAD), TE, TE], CHUNKED + END)), "Transfer-Encoding"),
    "te-gzip": (
        raw(answer([*mex(BAD), "Transfer-Encoding: gzip, chunked"], CHUNKED + END)),
        "Transfer-Encoding other",
    ),
    "te-identity": (
        raw(answer([*mex(BAD), "Transfer-Encoding: identity", length(BODY)], BODY)),
        "Transfer-Encoding other",
    ),
    "te-vtab": (
        raw(answer([*mex(BAD), "Transfer-Encoding: \x0bchunked"], CHUNKED + END)),
        "control bytes in the header transfer-encoding",
    ),
}
GOOD_LENGTHS: dict[str, tuple[Handler, bytes]] = {
    "same-twice": (_said(length(BODY), length(BODY)), BODY),
    "zeros": (_said(f"Content-Length: 0000{len(BODY)}"), BODY),
    "zero": (raw(whole(mex(BAD), b"")), b""),
    "chunked-case": (raw(answer([*mex(BAD), "TRANSFER-encoding: CHUNKED"], CHUNKED + END)), BODY),
    "chunked-extension": (
        _chunked(b"%x;name=value\r\n%b\r\n" % (len(BODY), BODY) + END),
        BODY,
    ),
    "chunked-trailer": (_chunked(CHUNKED + b"0\r\nmex-to: EVIL\r\n\r\n"), BODY),
    "more-than-said": (raw(answer([*mex(BAD), "Content-Length: 10"], BODY)), BODY[:10]),
    "http-1.0": (raw(answer([*mex(BAD), length(BODY)], BODY, "HTTP/1.0 200 OK")), BODY),
}


def lengths() -> Iterator[Case]:
    """How long an answer may say that it is."""
    quick = ("long", "none", "two", "negative", "and-chunked", "chunked-cut", "chunked-words")
    for name, (reply, reason) in BAD_LENGTHS.items():
        yield Case(f"length-{name}", is_refused(reply, reason), name in quick)
    for name, (reply, body) in GOOD_LENGTHS.items():
        yield Case(f"length-good-{name}", is_taken(reply, body), name == "same-twice")
    trailers = flood(answer([*mex(BAD), TE]) + CHUNKED + b"0\r\n", b"x: y\r\n" * 1000)
    yield Case("length-trailer-flood", is_refused(trailers, "more headers than we take"))


# --- headers

SPOILT = "control bytes in the header"


def _lines(*lines: str, base: list[str] | None = None) -> Handler:
    """A good answer with more header lines in the middle."""
    start = mex(BAD) if base is None else base
    return raw(answer([*start, *lines, length(BODY)], BODY))


def _head(data: bytes) -> Handler:
    """Bytes in the place of the first line, then a good answer."""
    return raw(data + answer([*mex(BAD), length(BODY)], BODY, "").lstrip(b"\r\n"))


BAD_HEADERS: dict[str, tuple[Handler, str]] = {
    "folded": (_lines("mex-subject: a", " b"), "folded or broken"),
    "folded-tab": (_lines("mex-subject: a", "\tmex-to: EVIL"), "folded or broken"),
    "blank-before-colon": (_lines("mex-subject : a"), "broken name"),
    "no-colon": (_lines("mex-subject"), "folded or broken|breaks the rules"),
    "empty-name": (_lines(": a"), "broken name|breaks the rules"),
    "nul-in-mex": (_lines("mex-subject: a\0b"), SPOILT + "|breaks the rules"),
    "control-in-mex": (_lines("mex-subject: a\x1b[2Jb"), SPOILT),
    "delete-in-mex": (_lines("mex-filename: a\x7fb"), SPOILT),
    "cr-in-mex": (_lines("mex-localid: a\rmex-to: EVIL"), SPOILT),
    "control-in-content": (_lines("content-encoding: \x01gzip"), SPOILT),
    "control-in-name": (_lines("mex-sub\x02ject: a"), "broken name"),
    "two-ids": (_lines(f"mex-messageid: {AFTER}"), "mex-messageid twice"),
    "two-ranges": (_lines("mex-chunk-range: 1:2"), "mex-chunk-range twice"),
    "two-types": (_lines("mex-messagetype: REPORT"), "mex-messagetype twice"),
    "two-froms": (_lines("MEX-FROM: EVIL"), "mex-from twice"),
    "two-file-names": (_lines("mex-filename: a", "mex-filename: b"), "mex-filename twice"),
    "two-encodings": (
        _lines("content-encoding: gzip", "content-encoding: gzip"),
        "content-encoding twice",
    ),
    "1MB": (_lines("x: " + "y" * (1 << 20)), "ended before|more headers"),
    "1MB-mex": (_lines("mex-subject: " + "y" * (1 << 20)), "ended before|more headers"),
    "60kB-of-lines": (_lines(*[f"x{n}: " + "y" * 1000 for n in range(70)]), "more headers"),
    "101-lines": (_lines(*[f"x{n}: y" for n in range(101)]), "more headers"),
    "100000-lines": (_lines(*["x: y"] * 100_000), "more headers"),
    "endless": (flood(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000), "more headers"),
    "endless-line": (flood(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 65536), "ended before"),
    "endless-1xx": (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "more headers"),
    "endless-103": (
        flood(b"", b"HTTP/1.1 103 Hints\r\nLink: <x>\r\n\r\n" * 100),
        "more headers",
    ),
    "other-id": (_lines(base=mex(AFTER)), "the service sent another one"),
    "no-mex": (_lines(base=["Content-Type: application/octet-stream"]), "not come from MESH"),
    "html": (raw(whole(["Content-Type: text/html"], b"<html>log in")), "not come from MESH"),
    "json-error-200": (
        raw(whole(["Content-Type: application/json"], b'{"errorCode":"20"}')),
        "not come from MESH",
    ),
    "status-204": (raw(whole(mex(BAD), b"", 204)), "answered HTTP 204"),
    "status-205": (raw(whole(mex(BAD), BODY, 205)), "answered HTTP 205"),
    "status-203": (raw(whole(mex(BAD), BODY, 203)), "answered HTTP 203"),
    "status-304": (raw(whole(mex(BAD), b"", 304)), "answered HTTP 304"),
    "status-999": (raw(whole(mex(BAD), BODY, 999)), "HTTP 999|breaks the rules"),
    "status-2000": (raw(whole(mex(BAD), BODY, 2000)), "status line|rules|ended|conversation"),
    "status-20": (raw(whole(mex(BAD), BODY, 20)), "status line|rules|ended|conversation"),
    "status-minus": (raw(whole(mex(BAD), BODY, -200)), "status line|rules|ended|conversation"),
    "status-words": (raw(whole(mex(BAD), BODY, "OK")), "status line|rules|ended|conversation"),
    "http-2": (_head(b"HTTP/2 200 OK\r\n"), "status line|conversation|rules"),
    "http-0.9": (raw(BODY), "status line|conversation|rules|ended"),
    "http-3.7": (_head(b"HTTP/3.7 200 OK\r\n"), "status line|conversation|rules"),
    "icy": (_head(b"ICY 200 OK\r\n"), "status line|conversation|rules|ended"),
    "ssh": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "status line|conversation|rules|ended"),
    "binary": (raw(bytes(range(256)) * 300), "status line|conversation|rules|ended"),
    "http-1.0-no-length": (raw(answer(mex(BAD), BODY, "HTTP/1.0 200 OK")), "no Content-Length"),
    "head-only": (raw(b"HTTP/1.1 200 OK\r\nmex-to: X26ABC2\r\n"), "ended before|no end of head"),
    "switching": (
        raw(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + BODY),
        "status line|conversation|rules|ended|101|end of",
    ),
}


def _ctl_is_sound(bench: Bench) -> None:
    """What the headers said is data in the control file, and can be read back."""
    ctl = read_ctl(bench.site.folder("IN") / f"{BAD}.ctl")
    assert ctl["DTSId"] == BAD
    text = ctl.path.read_text(encoding="utf-8")
    assert not any(ord(c) < 32 and c not in "\r\n\t" for c in text)


def _no_cookie(bench: Bench) -> None:
    """What a service wants remembered is forgotten."""
    for _kind, head in bench.world.asked:
        assert "cookie" not in head.headers, head.headers
    assert len({head.headers["authorization"] for _k, head in bench.world.asked}) == len(
        bench.world.asked
    ), "a token was used twice"


GOOD_HEADERS: dict[str, tuple[Handler, Any]] = {
    "control-elsewhere": (_lines("x-other: a\x1b[2Jb"), None),
    "same-twice": (_lines(f"mex-messageid: {BAD}", "mex-to: X26ABC2"), None),
    "no-id": (_lines(base=mex(BAD)[:4]), None),
    "id-case": (_lines(base=mex(BAD.lower())), None),
    "set-cookie": (_lines("Set-Cookie: session=evil; Domain=127.0.0.1; Max-Age=999"), _no_cookie),
    "hsts-alt-svc": (
        _lines("Strict-Transport-Security: max-age=9", 'Alt-Svc: h3="other.example:443"'),
        _no_cookie,
    ),
    "long-from": (_lines(base=["mex-from: " + "F" * 30_000, *mex(BAD)[1:]]), _ctl_is_sound),
    "xml-subject": (
        _lines("mex-subject: </Subject><DTSId>EVIL</DTSId><!DOCTYPE x ]]>&amp;"),
        _ctl_is_sound,
    ),
    "latin-1": (_lines("mex-subject: \u00e9\u00ff\u0080"), _ctl_is_sound),
    "path-name": (_lines("mex-filename: ../../../../tmp/evil.ctl"), _ctl_is_sound),
    "odd-times": (_lines("mex-statustimestamp: 99999999999999999", "date: never"), _ctl_is_sound),
    "lf-only": (
        raw("\n".join(["HTTP/1.1 200 OK", *mex(BAD), length(BODY), "", ""]).encode() + BODY),
        _ctl_is_sound,
    ),
    "no-reason": (raw(answer([*mex(BAD), length(BODY)], BODY, "HTTP/1.1 200")), None),
    "99-1xx": (
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + whole(mex(BAD), BODY)),
        None,
    ),
}


def _report_with_data(context: Context) -> None:
    """Data that is called a report is data all the same: it is kept before it is acknowledged."""
    bench = Bench(context)
    lines = [line.replace("DATA", "REPORT") for line in mex(BAD)]
    neighbours(bench, lambda world: world.hostile(BAD, raw(whole(lines, BODY))))
    bench.world.truth[BAD] = BODY
    bench.run()
    bench.arrived(BEFORE, BAD, AFTER)
    bench.clean()


def _repeat_last_line(record: Path, size: int) -> None:
    """The same state again and again, until the record is so long."""
    data = record.read_bytes().rstrip(b"\0")
    *_, last = data.splitlines()
    number, rest = last.rpartition(b" #")[0].split(b" ", 1)
    count = int(number)
    while len(data) < size:
        count += 1
        line = b"%d %b" % (count, rest)
        data += b"%b #%08x\n" % (line, crc32(line))
    record.write_bytes(data)


def _report_unwritten(context: Context) -> None:
    """A report proves what became of a message of ours, and that cannot be written down at first:
    the report is not acknowledged before it is."""
    if not shutil.which("prlimit"):
        raise Skip("needs prlimit")
    bench = Bench(context, resolve_after="1h")
    bench.site.drop("pair", BODY, Compress="N", LocalId="ours-1")
    bench.world.on[SEND] = raw(b"")
    bench.world.on[TRACK] = raw(as_json({"errorEvent": "", "errorCode": ""}, 404))
    bench.run()
    del bench.world.on[SEND]
    _repeat_last_line(next((bench.site.path / "state" / BOX / "jobs").iterdir()), 1 << 16)
    lines = [line.replace("DATA", "REPORT") for line in mex(BAD)]
    lines += ["mex-localid: ours-1", "mex-statussuccess: ERROR", "mex-statusevent: SEND",
              "mex-statuscode: 14", "mex-linkedmsgid: 20260101120000000009_5E47"]
    bench.world.hostile(BAD, raw(whole(lines)))
    bench.world.truth[BAD] = b""
    bench.world.consumed.add(BAD)  # there is no data to look for
    ended = bench.run_ended("prlimit", "--fsize=65536")
    assert ended == 1 and not bench.site.names("FAILED"), ended
    bench.absent(BAD)
    for _ in range(2):  # the report settles it, then it is moved
        ran = bench.run()
        assert BAD in bench.world.acknowledged, ran.err
    assert "pair.ctl" in bench.site.names("FAILED"), bench.log()
    assert bench.world.count(SEND) == 1
    bench.clean()


def headers() -> Iterator[Case]:
    """What stands above an answer."""
    quick = ("folded", "nul-in-mex", "two-ids", "1MB", "100000-lines", "endless-1xx", "other-id",
             "html", "http-0.9")
    for name, (reply, reason) in BAD_HEADERS.items():
        yield Case(f"header-{name}", is_refused(reply, reason), name in quick)
    for name, (reply, look) in GOOD_HEADERS.items():
        yield Case(f"header-good-{name}", is_taken(reply, BODY, look), name == "set-cookie")
    yield Case("report-with-data", _report_with_data)
    yield Case("report-unwritten", _report_unwritten)


def cases() -> list[Case]:
    """All of this file."""
    return [*ids(), *ranges(), *lengths(), *headers()]
