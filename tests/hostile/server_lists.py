# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile lists of an inbox, links, redirects, statuses, and answers to an acknowledge."""

import json
from collections.abc import Iterator
from typing import Any

from common import Case, Context
from harness.faultserver import JSON_TYPE, Connection, Head
from harness.payloads import gzip_bytes
from server_downloads import is_refused, neighbours
from server_rig import (
    ACK,
    AFTER,
    BAD,
    BASE,
    BEFORE,
    GET,
    HANDSHAKE,
    LIST,
    Bench,
    Handler,
    World,
    answer,
    as_json,
    flood,
    one_line,
    raw,
    whole,
)


def listing(data: bytes, *headers: str) -> Handler:
    """Always this list."""
    return raw(whole([f"Content-Type: {JSON_TYPE}", *headers], data))


def _heals(bench: Bench) -> None:
    """As soon as the service is honest everything arrives."""
    bench.world.on.clear()
    bench.run()
    bench.arrived(BEFORE, AFTER)
    bench.clean()


def no_list(reply: Handler, reason: str) -> Any:
    """A case: this list is refused in one line, and the next one is as good as ever."""

    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: None)
        bench.world.on[LIST] = reply
        ran = bench.run()
        assert not bench.site.received() and not bench.world.acknowledged
        assert ran.code == 1, "a poll that failed is trouble"
        one_line(ran, "service-trouble", reason)
        _heals(bench)

    return run


def odd_list(data: bytes, *expected: str) -> Any:
    """A case: an odd list that is as good as one of the expected ids."""

    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: None)
        bench.world.on[LIST] = listing(data)
        bench.run()
        bench.arrived(*expected)
        assert len(bench.world.acknowledged) == len(expected)
        _heals(bench)

    return run


def _nest(levels: int, opens: str = "[", closes: str = "]") -> bytes:
    return (opens * levels + closes * levels).encode()


def _of_many(value: str, size: int = 4 << 20) -> bytes:
    """As many of a value as there is room for."""
    text = '{"messages": [' + ",".join([value] * ((size - 20) // (len(value) + 1))) + "]}"
    return text.encode()


GOOD = json.dumps({"messages": [BEFORE, AFTER], "links": {}}).encode()
NOT_JSON = "the list of the inbox: not JSON"
NO_MESSAGES = "the list of the inbox has no 'messages'"
MANY = "over 100000 values"
DEEP = "nested deeper than 16 levels"
TWICE = "a key is there twice"
NO_LISTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", NOT_JSON),
    "blank": (b"   \r\n", NOT_JSON),
    "html": (b"<html><body>Log in</body></html>", NOT_JSON),
    "text": (b'"text"', NOT_JSON),
    "number": (b"7", NOT_JSON),
    "null": (b"null", NOT_JSON),
    "array": (b"[]", NO_MESSAGES),
    "no-messages": (b"{}", NO_MESSAGES),
    "messages-number": (b'{"messages": 7}', NO_MESSAGES),
    "messages-null": (b'{"messages": null}', NO_MESSAGES),
    "messages-text": (b'{"messages": "ABC"}', NO_MESSAGES),
    "messages-object": (b'{"messages": {"a": 1}}', NO_MESSAGES),
    "cut": (GOOD[:-3], NOT_JSON),
    "cut-in-id": (GOOD[:30], NOT_JSON),
    "behind": (GOOD + b"x", NOT_JSON),
    "twice": (GOOD + GOOD, NOT_JSON),
    "bom": (b"\xef\xbb\xbf" + GOOD, NOT_JSON),
    "utf-16": (GOOD.decode().encode("utf-16"), NOT_JSON),
    "not-utf-8": (GOOD.replace(b"links", b"l\xff\xfenks"), NOT_JSON),
    "overlong": (GOOD.replace(b"links", b"l\xc0\xafks"), NOT_JSON),
    "nul-byte": (GOOD.replace(b"links", b"l\0nks"), NOT_JSON),
    "nul-in-id": (b'{"messages": ["a\\u0000b"]}', NOT_JSON),
    "half-surrogate": (b'{"messages": ["\\ud800"]}', NOT_JSON),
    "control-in-text": (GOOD.replace(b"links", b"l\x01nks"), NOT_JSON),
    "comment": (b"/* x */" + GOOD, NOT_JSON),
    "nan": (b'{"messages": [], "approx_inbox_count": NaN}', NOT_JSON),
    "infinity": (b'{"messages": [], "approx_inbox_count": -Infinity}', NOT_JSON),
    "exponent": (b'{"messages": [], "approx_inbox_count": 1e999}', NOT_JSON),
    "digits": (b'{"messages": [], "x": ' + b"9" * 400 + b"}", NOT_JSON),
    "hex": (b'{"messages": [], "x": 0x10}', NOT_JSON),
    "quotes": (b"{'messages': []}", NOT_JSON),
    "comma": (b'{"messages": [],}', NOT_JSON),
    "gzip": (gzip_bytes(GOOD), NOT_JSON),
    "dup-messages": (b'{"messages": ["A"], "messages": ["B"]}', TWICE),
    "dup-deep": (b'{"messages": [], "x": {"a": 1, "a": 2}}', TWICE),
    "dup-escaped": (b'{"messages": [], "\\u006dessages": ["B"]}', TWICE),
    "deep-17": (b'{"messages": ' + _nest(16) + b"}", DEEP),
    "deep-2000": (_nest(2000), DEEP),
    "deep-2000000": (_nest(2_000_000), DEEP),
    "deep-open": (b"[" * (4 << 20), DEEP),
    "deep-objects": (_nest(500_000, '{"a":', "}"), DEEP),
    "5001": (json.dumps({"messages": [f"M{n}" for n in range(5001)]}).encode(), "more than 5000"),
    "1000000-ids": (_of_many('"M"'), MANY),
    "million-objects": (_of_many("{}"), MANY),
    "million-arrays": (_of_many("[]"), MANY),
    "million-numbers": (_of_many("1"), MANY),
    "million-keys": (
        ("{" + ",".join(f'"{n:x}":0' for n in range(400_000)) + "}").encode(),
        MANY,
    ),
    "5MB": (b'{"messages": ["' + b"x" * (5 << 20) + b'"]}', "longer than 4194304 bytes"),
}
GOOD_LISTS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "count-text": (GOOD.replace(b"}}", b'}, "approx_inbox_count": "9"}'), (BEFORE, AFTER)),
    "count-negative": (GOOD.replace(b"}}", b'}, "approx_inbox_count": -9}'), (BEFORE, AFTER)),
    "links-number": (GOOD.replace(b"{}", b"7"), (BEFORE, AFTER)),
    "links-array": (GOOD.replace(b"{}", b"[1]"), (BEFORE, AFTER)),
    "unknown-keys": (b'{"x": [[[[[[[[1]]]]]]]], ' + GOOD[1:], (BEFORE, AFTER)),
    "deep-16": (b'{"x": ' + _nest(15) + b"," + GOOD[1:], (BEFORE, AFTER)),
    "one-string-of-4MB": (b'{"x": "' + b"y" * 4_000_000 + b'",' + GOOD[1:], (BEFORE, AFTER)),
    "brackets-in-text": (b'{"x": "' + b"[{," * 300_000 + b'",' + GOOD[1:], (BEFORE, AFTER)),
    "empty-id": (b'{"messages": []}', ()),
}


def _large_list(context: Context) -> None:
    """5,000 unknown ids, none of which can be had: asked for in vain, and no more."""
    bench = Bench(context)
    bench.world.listed = [f"20260101_{n:06d}" for n in range(5000)]
    neighbours(bench, lambda world: None)
    bench.world.listed = bench.world.listed[:4998] + bench.world.listed[-2:]
    ran = bench.run(limit=180.0)
    bench.arrived(BEFORE, AFTER)
    assert len(ran.lines("gone")) == 4998
    bench.clean()
    assert not list((bench.site.path / "state").rglob("*.msg"))


def lists() -> Iterator[Case]:
    """What calls itself a list."""
    quick = ("html", "cut", "deep-2000000", "million-objects", "1000000-ids", "nan", "dup-messages")
    for name, (data, reason) in NO_LISTS.items():
        yield Case(f"list-{name}", no_list(listing(data), reason), name in quick)
    for name, (data, expected) in GOOD_LISTS.items():
        yield Case(f"list-good-{name}", odd_list(data, *expected), quick=False)
    yield Case(
        "list-endless",
        no_list(flood(answer(["Transfer-Encoding: chunked"]), b"1000\r\n" + b"[" * 4096 + b"\r\n"),
                "longer than 4194304 bytes"),
    )
    yield Case("list-5000-strangers", _large_list, False, 200.0)


# --- links

PAGE = f"{BASE}/inbox"
ODD_LINKS: dict[str, Any] = {
    "https": f"https://other.example{PAGE}?continue_from=x",
    "http": f"http://127.0.0.1:1{PAGE}",
    "no-scheme": f"//other.example{PAGE}",
    "relative": "inbox?continue_from=x",
    "elsewhere": "/elsewhere",
    "user": "@other.example/messageexchange/",
    "file": "file:///etc/passwd",
    "crlf": f"{PAGE}\r\nX-Evil: y",
    "blank": f"{PAGE} HTTP/1.1",
    "nul-like": f"{PAGE}\u0000",
    "backslash": f"{PAGE}\\..\\x",
    "fragment": f"{PAGE}#x",
    "brackets": f"{PAGE}?[1-999999]{{a,b}}",
    "unicode": f"{PAGE}?\u2026",
    "1MB": f"{PAGE}?x=" + "y" * (1 << 20),
    "2049": f"{PAGE}?x=" + "y" * 2049,
    "empty": "",
    "number": 7,
    "array": [PAGE],
    "object": {"href": PAGE},
    "true": True,
}


def _odd_link(target: Any) -> Any:
    """What the list has is taken; the link is told and not followed."""

    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: None)

        def handler(world: World, connection: Connection, head: Head) -> bool:
            connection.read_body(head)
            connection.reply(200, {"messages": world.listed, "links": {"next": target}})
            return True

        bench.world.on[LIST] = handler
        ran = bench.run()
        bench.arrived(BEFORE, AFTER)
        one_line(ran, "odd-list", "link to a next page that cannot be used")
        paths = {head.path for kind, head in bench.world.asked if kind == LIST}
        assert paths == {f"{PAGE}?max_results=500"}, paths
        assert all("x-evil" not in head.headers for _kind, head in bench.world.asked)
        bench.clean()

    if isinstance(target, str) and "\0" in target:
        return no_list(as_list({"messages": [], "links": {"next": target}}), NOT_JSON)
    return run


def as_list(value: Any) -> Handler:
    """Always this list."""
    return raw(as_json(value))


def _pages(page: Any, most: int) -> Any:
    """A case: whatever page leads to, the number of requests is bounded, and honest ones arrive."""

    def run(context: Context) -> None:
        bench = Bench(context)
        bench.world.honest(BEFORE, b"on the first page")

        def handler(world: World, connection: Connection, head: Head) -> bool:
            connection.read_body(head)
            number = int(head.path.rpartition("=")[2]) if "from=" in head.path else 0
            value = page(number)
            if number == 0:
                value["messages"] = [*world.listed, *value["messages"]]
            connection.reply(200, value)
            return True

        bench.world.on[LIST] = handler
        ran = bench.run()
        bench.arrived(BEFORE)
        assert bench.world.count(LIST) <= most, bench.world.count(LIST)
        one_line(ran, "odd-list", "too many pages, or leads back")
        bench.clean()

    return run


def _link(number: int) -> dict[str, str]:
    return {"next": f"{PAGE}?continue_from={number}"}


def _bad_page(number: int) -> dict[str, Any]:
    """A page with a message that cannot be had, which leads to the other of two pages."""
    return {"messages": [f"X{number % 2}"], "links": _link(1 + number % 2)}


PAGES: dict[str, tuple[Any, int]] = {
    "itself": (lambda n: {"messages": [], "links": _link(1)}, 3),
    "two-in-turn": (lambda n: {"messages": [], "links": _link(1 + n % 2)}, 150),
    "two-with-messages": (_bad_page, 1100),
    "endless-empty": (lambda n: {"messages": [], "links": _link(n + 1)}, 150),
    "endless-odd-ids": (lambda n: {"messages": ["../x"], "links": _link(n + 1)}, 150),
}


def _next_page_fails(status: int) -> Any:
    """A page that cannot be had costs what is on it, for now."""

    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: None)

        def handler(world: World, connection: Connection, head: Head) -> bool:
            connection.read_body(head)
            if "continue" in head.path:
                connection.reply(status)
            else:
                page = {"messages": world.listed[:1], "links": _link(1)}
                connection.reply(200, page if world.listed else {"messages": []})
            return True

        bench.world.on[LIST] = handler
        bench.run()
        bench.arrived(BEFORE)
        bench.run()
        bench.arrived(BEFORE, AFTER)
        bench.clean()

    return run


def links() -> Iterator[Case]:
    """Where a list may lead."""
    for name, target in ODD_LINKS.items():
        yield Case(f"link-{name}", _odd_link(target), name in ("https", "crlf", "1MB", "number"))
    for name, (page, most) in PAGES.items():
        yield Case(f"pages-{name}", _pages(page, most), name == "two-in-turn")
    for status in (404, 410, 500):
        yield Case(f"next-page-{status}", _next_page_fails(status), quick=False)


# --- redirects


def _redirect(status: int, kind: str) -> Any:
    """Nobody else ever hears of us, and nothing is taken for done."""

    def run(context: Context) -> None:
        bench = Bench(context)
        heard: list[Head] = []

        def listen(connection: Connection) -> None:
            if head := connection.read_head():
                heard.append(head)

        other = context.lab.fault_server(listen)
        reply = raw(whole([f"Location: {other.url}/messageexchange/", "Retry-After: 0"], b"", status))
        if kind == GET:
            neighbours(bench, lambda world: world.hostile(BAD, reply))
        else:
            neighbours(bench, lambda world: None)
            bench.world.on[kind] = reply
        ran = bench.run()
        assert other.connections == 0 and not heard, "a redirect was followed"
        bench.absent(BAD)
        assert f"HTTP {status}" in ran.err, ran.err
        if kind == GET:
            bench.arrived(BEFORE, AFTER)
            one_line(ran, "not-taken", f"HTTP {status}", BAD)
            return
        bench.world.on.clear()
        bench.run()
        bench.arrived(BEFORE, AFTER)
        bench.clean()

    return run


def redirects() -> Iterator[Case]:
    """Somewhere else."""
    for status in (300, 301, 302, 303, 305, 307, 308):
        yield Case(f"redirect-get-{status}", _redirect(status, GET), status == 302)
    for kind in (HANDSHAKE, LIST, ACK):
        for status in (301, 302, 307, 308):
            yield Case(f"redirect-{kind}-{status}", _redirect(status, kind), status == 307)


# --- statuses, and what stands beside them

LONG = "1" + "0" * 12
SILLY = ("-5", "0", LONG, "9" * 30, "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "1.5", "0x10",
         "Mon, 01 Jan 1990 00:00:00 GMT", "")


def _status(kind: str, status: int, *headers: str, body: bytes = b"<html>") -> Any:
    """Told, not hammered, not believed for longer than we want; honest again, all arrives."""

    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: None)
        bench.world.on[kind] = raw(whole(headers, body, status))
        ran = bench.run()
        assert len(bench.world.asked) < 12, [found for found, _head in bench.world.asked]
        assert ran.code in (0, 1) and ran.err.count("reason=") >= 2, ran.err
        _heals(bench)
        assert bench.world.count(GET) <= 2 + 2 * (kind == GET), "downloaded again"

    return run


def statuses() -> Iterator[Case]:
    """Refusals that may be meant, or not."""
    for kind in (HANDSHAKE, LIST, ACK):
        for status in (400, 401, 403, 407, 429, 500, 503):
            run = _status(kind, status, "WWW-Authenticate: Basic", "Retry-After: 1")
            yield Case(f"status-{kind}-{status}", run, status in (403, 429))
    for number, wait in enumerate(SILLY):
        for kind in (LIST, HANDSHAKE):
            run = _status(kind, 429, f"Retry-After: {wait}")
            yield Case(f"retry-after-{kind}-{number}", run, quick=False)
    for status in (400, 401, 403, 407, 409, 418, 429, 451, 500, 501, 502, 503, 504, 599):
        reply = raw(whole(["Retry-After: " + LONG, "Proxy-Authenticate: NTLM"], b"<html>", status))
        reason = "refuses mailbox|answered HTTP" if status in (401, 403) else f"HTTP {status}"
        if status != 401:  # which speaks of the mailbox
            yield Case(f"status-get-{status}", is_refused(reply, reason), status == 403)


# --- answers to an acknowledge

ACKS: dict[str, tuple[Handler, bool]] = {  # and whether it is as good as done
    "html-200": (raw(whole(["Content-Type: text/html"], b"<html>Log in")), True),
    "other-id-200": (raw(as_json({"messageId": AFTER})), True),
    "204": (raw(answer([], b"", "HTTP/1.1 204 No Content")), True),
    "404-html": (raw(whole([], b"<html>", 404)), True),
    "410": (raw(whole([], b"", 410)), True),
    "202": (raw(whole([], b"", 202)), False),
    "201": (raw(whole([], b"", 201)), False),
    "206": (raw(whole([], b"", 206)), False),
    "409": (raw(whole([], b"", 409)), False),
    "nothing": (raw(b""), False),
    "garbage": (raw(b"\x16\x03\x01\x02\x00\r\n"), False),
    "half-a-line": (raw(b"HTTP/1.1 2"), False),
    "1MB-header": (raw(whole(["x: " + "y" * (1 << 20)])), False),
    "1xx": (flood(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100), False),
    "endless": (flood(answer(["Transfer-Encoding: chunked"]),
                      b"10000\r\n" + b"x" * 65536 + b"\r\n"), False),
    "short": (raw(answer(["Content-Length: 90"], b"x")), False),
    "negative": (raw(answer(["Content-Length: -90"], b"x")), False),
}


def _ack(reply: Handler, done: bool) -> Any:
    """Delivered once whatever it says; asked again until it is believed."""

    def run(context: Context) -> None:
        bench = Bench(context)
        neighbours(bench, lambda world: None)
        bench.world.on[ACK] = reply
        first = bench.run()
        path = bench.site.folder("IN") / f"{BEFORE}.dat"
        assert path.is_file(), first.err
        assert bench.world.count(ACK) >= 1
        assert done or "reason=" in first.err.replace('reason="done"', ""), first.err
        assert path.read_bytes() == bench.world.truth[BEFORE]
        path.unlink()
        path.with_suffix(".ctl").unlink()
        bench.world.consumed.add(BEFORE)
        bench.world.on.clear()
        ran = bench.run()
        bench.arrived(AFTER)
        assert not path.exists(), "delivered twice"
        gets = [head for kind, head in bench.world.asked if kind == GET and BEFORE in head.path]
        assert len(gets) == 1, "downloaded twice"
        assert BEFORE not in bench.world.listed, ran.err
        bench.clean()

    return run


def acks() -> Iterator[Case]:
    """What an acknowledge may be answered."""
    for name, (reply, done) in ACKS.items():
        yield Case(f"ack-{name}", _ack(reply, done), name in ("html-200", "nothing", "endless"))


def cases() -> list[Case]:
    """All of this file."""
    return [*lists(), *links(), *redirects(), *statuses(), *acks()]
