# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Values in a control file that were meant for something else than their element.

One pair for each element, all with the same value, and an innocent one. What must become of each
is worked out here from the rules of the manual, apart from the program. A service that keeps the
heads of requests as they came looks that no header is there that nobody meant, and that no value
was changed on its way.
"""

import re
import urllib.parse
from dataclasses import dataclass
from functools import partial
from xml.sax.saxutils import escape

from common import Case, Context
from drop_world import MAILBOX, World
from harness.ctlfile import render
from harness.faultserver import Connection, FaultServer, Head, usual

DATA = b"content of a victim\n"
EVIL = "EVIL"
PLACE = "@@@"
BLANKS = " \t\r\n\v\f"
# The element, its header, the most characters, and whether a web address is refused.
HEADERS = {
    "To_DTS": ("Mex-To", 100, True),
    "WorkflowId": ("Mex-WorkflowID", 300, True),
    "Subject": ("Mex-Subject", 500, False),
    "LocalId": ("Mex-LocalID", 300, False),
    "PartnerId": ("Mex-PartnerID", 500, False),
    "ProcessId": ("Mex-ProcessID", 500, False),
    "DataChecksum": ("Mex-Content-Checksum", 100, True),
}
REQUIRED = ("To_DTS", "WorkflowId")
FLAGS = ("Compress", "Encrypted", "AllowChunking")
# The values that they may have; none of these is hostile.
WORDS = {
    "From_DTS": (MAILBOX.lower(),),
    "MessageType": ("data",),
    "AddressType": ("dts", "smtp", "all"),
    **dict.fromkeys(FLAGS, ("y", "n", "yes", "no", "true", "false", "1", "0")),
}
UNKNOWN = "Unknown"
# Of a StatusRecord that was there before, as in a file that failed and is tried again.
STATUS = ("DateTime", "Event", "Status", "StatusCode", "Description")
NOT_SAID = ("IsCompressed", "Version", "To_ESMTP", "From_ESMTP", "DTSId", UNKNOWN, *STATUS)
ELEMENTS = (*HEADERS, *WORDS, *NOT_SAID)
USUAL_HEADERS = {
    "host", "accept", "user-agent", "authorization", "content-length", "content-type",
    "content-encoding", "expect", "mex-from", "mex-to", "mex-workflowid", "mex-filename",
    "mex-localid", "mex-subject", "mex-partnerid", "mex-processid", "mex-content-checksum",
    "mex-content-encrypted", "mex-content-compressed", "mex-messagetype", "mex-version",
    "mex-chunk-range", "mex-clientversion", "mex-osname", "mex-osversion",
    "mex-osarchitecture",
}


@dataclass(frozen=True)
class Value:
    """What stands in the file, and what a reader of XML has then; None: it refuses the file."""

    text: bytes
    means: str | None
    named: bool = False  # a refusal by the reader names the element, too


def _plain(text: str) -> Value:
    """As it is, in the form that XML has for it; trimmed when it is read."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return Value(escape(text).encode(), lines.strip(BLANKS))


def _refused(text: str | bytes, named: bool = False) -> Value:
    return Value(text if isinstance(text, bytes) else text.encode(), None, named)


HEADER = f"Mex-{EVIL}: {EVIL}"
BREAKS = {
    "cr": _plain(f"a\r{HEADER}"),
    "lf": _plain(f"a\n{HEADER}"),
    "crlf": _plain(f"a\r\n{HEADER}"),
    "folded": _plain(f"a\r\n {HEADER}"),
    "body": _plain(f"a\r\n\r\nPOST /{EVIL} HTTP/1.1\r\n\r\n"),
    "cr-reference": Value(f"a&#13;{HEADER}".encode(), f"a\r{HEADER}"),
    "lf-reference": Value(f"a&#xA;{HEADER}".encode(), f"a\n{HEADER}"),
    "crlf-reference": Value(f"a&#13;&#10;{HEADER}".encode(), f"a\r\n{HEADER}"),
    "crlf-cdata": Value(f"<![CDATA[a\r\n{HEADER}]]>".encode(), f"a\n{HEADER}"),
    "crlf-percent": _plain(f"a%0d%0a{HEADER}"),
    "crlf-backslash": _plain(f"a\\r\\n{HEADER}"),
    "next-line": _plain(f"a\u0085{HEADER}"),
    "separator": _plain(f"a\u2028{HEADER}"),
}
CONTROLS = {
    "nul": _refused(f"a\0{EVIL}"),
    "nul-reference": _refused(f"a&#0;{EVIL}"),
    "nul-hex-reference": _refused(f"a&#x00;{EVIL}"),
    "entity": _refused(f"a&{EVIL};"),
    "bell": _refused(f"a\x07{EVIL}"),
    "escape": _refused(f"\x1b]0;{EVIL}\x07"),
    "escape-reference": _refused(f"&#27;[2J{EVIL}"),
    "control-reference": _refused(f"a&#1;{EVIL}"),
    "form-feed": _refused(f"a\f{EVIL}"),
    "delete": _plain(f"a\x7f{EVIL}"),
    "delete-reference": Value(f"a&#127;{EVIL}".encode(), f"a\x7f{EVIL}"),
    "c1": _plain(f"\x9b31m{EVIL}\x9c"),
    "c1-reference": Value(f"&#x9b;31m{EVIL}".encode(), f"\x9b31m{EVIL}"),
    "tab": _plain(f"a\t{EVIL}"),
}
CHARACTERS = {
    "not-utf8": _refused(b"caf\xe9 " + EVIL.encode()),
    "overlong": _refused(b"a\xc0\x8d\xc0\x8a" + EVIL.encode()),
    "surrogate": _refused(b"a\xed\xa0\x80" + EVIL.encode()),
    "beyond": _refused(b"a\xf4\x90\x80\x80" + EVIL.encode()),
    "cut": _refused(EVIL.encode() + b"\xe2\x80"),
    "not-a-character": _refused("a\ufffe" + EVIL),
    "override": _plain(f"\u202e{EVIL}\u202c"),
    "isolate": _plain(f"\u2067{EVIL}\u2069"),
    "mark": _plain(f"\ufeff{EVIL}"),
    "no-break": _plain(f"a\u00a0{EVIL}"),
    "euro": _plain(f"\u20ac {EVIL}"),
    "wide-line-feed": _plain(f"a\u560a\u560d{HEADER}"),
    "encoded-word": _plain("=?utf-8?Q?=0D=0AMex-To:_EVIL?="),
}
FORMS = {
    "url": _plain(f"https://{EVIL}.example/x"),
    "url-inside": _plain(f"see HTTP://{EVIL}.example/ there"),
    "url-ftp": _plain(f"ftp://{EVIL}.example/"),
    "double-quotes": _plain(f'" {EVIL}="'),
    "single-quotes": _plain(f"' OR '{EVIL}'='"),
    "shell": _plain(f"$(touch {EVIL})`{EVIL}`;|&<>"),
    "format": _plain(f"%s%n%99999d{EVIL}"),
    "path": _plain(f"../../../{EVIL}/.."),
    "query": _plain(f"a?b={EVIL}&c#d/e"),
    "header-like": _plain(f": {HEADER}, b;c=d"),
    "markup": _plain(f"</Subject><To_DTS>{EVIL}</To_DTS>"),
    "cdata-end": _plain(f"]]>{EVIL}"),
    "comment": Value(f"a<!-- {EVIL} -->b".encode(), "ab"),
    "instruction": Value(f"a<?{EVIL} x?>b".encode(), "ab"),
    "element": _refused(f"a<b>{EVIL}</b>", named=True),
    "twice": _refused(f"a</{PLACE}><{PLACE}>{EVIL}", named=True),
    "blanks-around": Value(f" \t\r\n a  {EVIL} \n\t ".encode(), f"a  {EVIL}"),
    "blanks-references": Value(f"&#13;&#10;a {EVIL}&#9;&#10;".encode(), f"a {EVIL}"),
    "only-blanks": Value(b" \r\n\t&#13;", ""),
    "empty": Value(b"", ""),
    "100": _plain(EVIL * 25),
    "101": _plain(EVIL * 25 + "x"),
    "300": _plain(EVIL * 75),
    "301": _plain(EVIL * 75 + "x"),
    "500": _plain(EVIL * 125),
    "501": _plain(EVIL * 125 + "x"),
    "4096": _plain(EVIL * 1024),
    "4097": _refused(EVIL * 1024 + "x", named=True),
    "30000": _refused(EVIL * 7500, named=True),
}
VALUES = BREAKS | CONTROLS | CHARACTERS | FORMS


# --- what must come of it


def _is_sent(element: str, given: Value) -> bool:
    """By the rules of the manual."""
    if element == UNKNOWN and given.named:
        return True  # it has no rules, beyond being XML
    value = given.means
    if value is None:
        return False
    if element in NOT_SAID:
        return True
    if element in WORDS:
        return value == "" or value.lower() in WORDS[element]
    _, most, no_url = HEADERS[element]
    if value == "":
        return element not in REQUIRED
    good = len(value) <= most and all(" " <= c <= "~" for c in value)
    if no_url:
        good = good and not re.search("https?://", value, re.IGNORECASE)
    if element == "DataChecksum":
        good = good and re.fullmatch("[A-Za-z0-9 :/-]+", value) is not None
    return good


# --- the service


class Service:
    """Takes everything, and keeps each head."""

    def __init__(self, context: Context):
        self.server = FaultServer(self._script)
        context.at_end(self.server.close)
        self._count = 0

    def _script(self, connection: Connection) -> None:
        while head := connection.read_head():
            if head.is_send:
                connection.read_body(head)
                self._count += 1
                connection.reply(202, {"message_id": f"{self._count:020}_C0FFEE"})
            else:
                usual(connection, head)

    def check_heads(self) -> None:
        """No header that nobody meant, none twice, nothing but printable ASCII."""
        for head in self.server.requests():
            assert re.fullmatch(rb"[ -~]+(?:\r\n[ -~]+)*", head.raw), head.raw
            first, *lines = head.raw.decode("ascii").split("\r\n")
            assert re.fullmatch(r"(GET|POST|PUT) /messageexchange/[\w/%.~?=&-]+ HTTP/1\.1", first)
            names = [line.partition(":")[0].lower() for line in lines]
            assert set(names) <= USUAL_HEADERS, set(names) - USUAL_HEADERS
            assert len(set(names)) == len(names), f"a header twice: {lines}"

    def posts(self) -> dict[str, Head]:
        """By the name of the file."""
        found = {head.headers["mex-filename"]: head for head in self.server.sends()}
        assert len(found) == len(self.server.sends()), "something was sent twice"
        return found


def _said(head: Head, header: str) -> str | None:
    """A header's value, to the byte."""
    for line in head.raw.decode("ascii").split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        if name == header:
            return value
    return None


# --- the case


def _drop(world: World, element: str, value: Value) -> None:
    world.put(f"{element}.dat", DATA)
    changes: dict[str, str | None] = {"Compress": "N"}
    if element not in STATUS:
        changes[element] = PLACE
    text = render(world.site.elements(**changes))
    if element in STATUS:
        record = f"<StatusRecord><{element}>{PLACE}</{element}></StatusRecord></DTSControl>"
        text = text.replace("</DTSControl>", record)
    found = value.text.replace(PLACE.encode(), element.encode())
    world.put(f"{element}.ctl", text.encode().replace(PLACE.encode(), found))


def _check_sent(world: World, element: str, value: str, head: Head | None) -> None:
    assert head, f"{element} was not sent: {world.site.names('FAILED')}"
    assert {f"{element}.ctl", f"{element}.dat"} <= set(world.site.names("SENT")), element
    if element not in HEADERS:
        assert EVIL.encode() not in head.raw, f"{element} is in the head: {head.raw!r}"
        if element in STATUS:
            assert EVIL not in world.site.sent(element).text, "an old status is still told"
        return
    header = HEADERS[element][0]
    if value == "":
        said = _said(head, header)
        assert element == "LocalId" or said is None, f"{header} says {said}"
        return
    assert _said(head, header) == value, f"{element} was changed: {head.raw!r}"
    assert world.site.sent(element)[element] == value, "the file in SENT has another value"


def _check_failed(world: World, element: str, value: Value, head: Head | None) -> None:
    """In FAILED whole, with a reason that names the element or the line, and shows nothing."""
    assert head is None, f"{element} was sent: {head}"
    names = world.site.names("FAILED")
    assert {f"{element}.ctl", f"{element}.dat"} <= set(names), f"{element} is not in {names}"
    assert (world.site.folder("FAILED") / f"{element}.dat").read_bytes() == DATA
    control = world.site.failed(element)
    said = control.status.text
    if value.means is None and not value.named:
        assert re.search(r"line \d+", said), f"{element}: {said}"
    else:
        assert element in said, f"{element} is not named: {said}"
    assert control.status.status == "ERROR" and EVIL not in said, said
    if value.means is not None and "\r" not in value.means:
        assert control[element].strip(BLANKS) == value.means, "the file in FAILED is another one"


def _check_request(world: World, service: Service, value: str) -> None:
    """The look-up by LocalId asks for this one, and no other."""
    paths = [urllib.parse.unquote(head.path) for head in service.server.requests()
             if "/tracking" in head.path and EVIL in head.path]
    assert all(value in path for path in paths), paths
    assert not any("/messageexchange/" not in path for path in paths), paths
    world.context.count("look_ups", len(paths))


def _case(user: str, value: Value, context: Context) -> None:
    world = World(context, user)
    service = Service(context)
    world.site.use_plain_http(service.server.url)
    for element in ELEMENTS:
        _drop(world, element, value)
    world.site.drop("innocent", b"honest content\n", Compress="N")
    for extension in (".dat", ".ctl"):
        world.theirs(world.out / f"innocent{extension}")
    done = world.run(settle=True)
    service.check_heads()
    posts = service.posts()
    assert {"innocent.ctl", "innocent.dat"} <= set(world.site.names("SENT")), done
    assert "innocent.dat" in posts
    for element in ELEMENTS:
        head = posts.get(f"{element}.dat")
        if _is_sent(element, value):
            _check_sent(world, element, value.means or "", head)
        else:
            _check_failed(world, element, value, head)
        context.count("controls")
    if value.means is not None:
        _check_request(world, service, value.means)
    assert EVIL.encode() not in done.raw, done
    assert world.site.names("OUT") == []
    world.check_outside()
    world.check_clean()


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    return [Case(f"{user}-value-{name}", partial(_case, user, value), user == "user")
            for name, value in VALUES.items()]
