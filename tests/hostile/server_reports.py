# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile reports of the service.

A report arrives in IN whatever it says. It settles a pair in doubt only if it says that it is an
error, and of a message that can only be the pair's; else the pair stays in doubt. No word of it
becomes a name, a fact of a log line or a message id that is none.
"""

import re
from collections.abc import Iterator
from typing import Any

from common import Case, Context
from harness.faultserver import Connection, Head
from server_rig import AFTER, BAD, BEFORE, SEND, TRACK, Bench, World, as_json, facts_of, raw, whole
from server_sends import EVIL, PAYLOAD, WORDS, Sender, believable, ended_well, track

LINK = "20261122120000000001_11AA22"
KNOWN = "20261101120000000001_0BEF0E"  # to tracking, before the pair was posted
LOCAL = "mex-localid: ours-1"
ERROR = "mex-statussuccess: ERROR"
STATUS = (ERROR, "mex-statusevent: SEND", "mex-statuscode: 14", "mex-statusdescription: No")
ABSENT = as_json({"errorEvent": "", "errorCode": "", "errorDescription": "No"}, 404)


def link(value: str) -> str:
    """The header that says which message it is about."""
    return f"mex-linkedmsgid: {value}"


def as_header(value: str) -> str:
    """What of it a header can carry."""
    return "".join(c for c in value if 32 <= ord(c) < 256 and ord(c) != 127)


def in_doubt(context: Context, baseline: bytes = ABSENT, local: str = "ours-1") -> Sender:
    """A pair whose POST was not answered, and tracking cannot be asked any more."""
    sender = Sender(Bench(context, resolve_after="1h"))
    sender.bench.site.drop("pair", PAYLOAD, Compress="N", LocalId=local)
    sender.bench.world.on = {SEND: raw(b""), TRACK: raw(believable(baseline))}
    sender.go()
    sender.bench.world.on[TRACK] = raw(whole([], b"", 500))
    assert sender.place() == "TEMP" and sender.sends == 1
    return sender


def look_at_lines(text: str) -> None:
    """No line about the pair has a fact that the report made."""
    for line in text.splitlines():
        event = line.split()[2]
        if event in ("resolved-by-report", "report", "failed"):
            facts = facts_of(line, event)
            assert len(set(facts)) == len(facts), line
            assert not {"do", "x", "forged"} & set(facts), line


def _ignored(headers: tuple[str, ...], local: str = "ours-1", baseline: bytes = ABSENT) -> Any:
    """It arrives, and the pair stays in doubt: it is not posted again, and not in FAILED."""

    def run(context: Context) -> None:
        sender = in_doubt(context, baseline, local)
        sender.bench.world.report(BAD, *headers)
        ran = sender.go()
        sender.bench.arrived(BAD)
        assert not ran.lines("resolved-by-report"), ran.err
        assert sender.place() == "TEMP" and sender.sends == 1, ran.err
        look_at_lines(ran.err)
        sender.next_is_sent()

    return run


def _settles(headers: tuple[str, ...], summary: tuple[str, str, str], linked: str = LINK) -> Any:
    """It arrives, and the pair is in FAILED with what it says."""

    def run(context: Context) -> None:
        sender = in_doubt(context)
        sender.bench.world.report(BAD, *headers)
        ran = sender.go()
        sender.bench.arrived(BAD)
        (line,) = ran.lines("resolved-by-report")
        assert facts_of(line, "resolved-by-report") == ["mailbox", "job", "message"], line
        ctl = sender.bench.site.failed("pair")
        assert ctl.status.summary == summary, ctl.text
        assert ctl["DTSId"] == linked, ctl.text
        look_at_lines(ran.err)
        ended_well(sender, ran)

    return run


def _arrives(headers: tuple[str, ...]) -> Any:
    """Whatever it says, it is in IN, between two messages that are as they should be."""

    def run(context: Context) -> None:
        bench = Bench(context)
        bench.world.honest(BEFORE, b"comes before")
        bench.world.report(BAD, *headers)
        bench.world.honest(AFTER, b"comes after")
        ran = bench.run()
        bench.arrived(BEFORE, BAD, AFTER)
        assert not ran.lines("not-taken"), ran.err
        assert bench.site.read("IN", f"{BAD}.ctl").is_report
        look_at_lines(ran.err)
        bench.clean()

    return run


def _held(context: Context) -> None:
    """A pair that is held is settled, too."""
    sender = Sender(Bench(context, resolve_after="0s"))
    sender.drop()
    sender.bench.world.on = {SEND: raw(b"")}
    several = as_json({"detail": "several"}, 300)

    def tell(world: World, connection: Connection, _head: Head) -> bool:
        connection.raw(several if world.count(SEND) else ABSENT)
        return False

    sender.bench.world.on[TRACK] = tell
    sender.go(2)
    assert " held " in sender.bench.said()
    sender.bench.world.report(BAD, LOCAL, link(LINK), *STATUS)
    ran = sender.go()
    assert ran.lines("resolved-by-report"), ran.err
    ended_well(sender, ran)


def _same_local_id(context: Context) -> None:
    """A message before had the same LocalId: nobody knows which of the two is meant."""
    sender = Sender(Bench(context, resolve_after="1h"))
    sender.bench.site.drop("next", PAYLOAD, Compress="N", LocalId="ours-1")
    sender.go()
    assert "next.ctl" in sender.bench.site.names("SENT")
    (sender.bench.site.folder("SENT") / "next.dat").unlink()
    sender.drop()
    sender.bench.world.on = {SEND: raw(b"")}
    sender.go()
    sender.bench.world.on[TRACK] = raw(whole([], b"", 500))
    sender.bench.world.report(BAD, LOCAL, link(LINK), *STATUS)
    ran = sender.go()
    sender.bench.arrived(BAD)
    assert not ran.lines("resolved-by-report"), ran.err
    assert sender.place() == "TEMP" and sender.sends == 2, ran.err


# --- the cases

BAD_LINKS = {
    "parent": "../../x",
    "slash": "a/b",
    "forge": 'x reason="all is well" do="rm -rf"',
    "blank": "a b",
    "5kB": "L" * 5000,
    "129": "L" * 129,
    "xml": "</DTSId><DTSId>x",
    "percent": "%2e%2e",
    "latin": "\xe9\x9b31m",
}

NO_ERRORS: dict[str, tuple[str, ...]] = {
    "no-status": (LOCAL, link(LINK)),
    "no-status-but-code": (LOCAL, link(LINK), *STATUS[1:]),
    "empty-status": (LOCAL, link(LINK), "mex-statussuccess: ", *STATUS[1:]),
    "success": (LOCAL, link(LINK), "mex-statussuccess: SUCCESS", *STATUS[1:]),
    "success-case": (LOCAL, link(LINK), "mex-statussuccess: Success"),
    "other-status": (LOCAL, link(LINK), "mex-statussuccess: perhaps", *STATUS[1:]),
    "nearly-error": (LOCAL, link(LINK), "mex-statussuccess: ERROR forged=1", *STATUS[1:]),
}

OTHERS: dict[str, tuple[str, ...]] = {
    "other-local": ("mex-localid: ours-2", link(LINK), *STATUS),
    "longer-local": ("mex-localid: ours-1x", link(LINK), *STATUS),
    "case-local": ("mex-localid: OURS-1", link(LINK), *STATUS),
    "no-local": (link(LINK), *STATUS),
    "empty-local": ("mex-localid: ", link(LINK), *STATUS),
}

ODD: dict[str, tuple[str, ...]] = {
    "bare": (),
    "all-evil": tuple(
        f"mex-{name}: {as_header(EVIL)}"
        for name in (
            "linkedmsgid", "statusevent", "statuscode", "statusdescription", "statussuccess",
            "statustimestamp", "localid", "subject", "filename",
        )
    ),
    "all-5kB": tuple(
        f"mex-{name}: {'x' * 5000}"
        for name in ("linkedmsgid", "statusevent", "statuscode", "statusdescription", "localid")
    ),
    "name-parent": ("mex-filename: ../../x", "mex-subject: ../../x", *STATUS),
    "time-words": ("mex-statustimestamp: yesterday", *STATUS),
}


def cases() -> list[Case]:
    """All of this file."""
    return list(_cases())


def _about_the_pair() -> Iterator[Case]:
    for name, value in BAD_LINKS.items():
        headers = (LOCAL, link(value), *STATUS)
        yield Case(f"report-link-{name}", _ignored(headers), name in ("parent", "forge"))
    for name, headers in NO_ERRORS.items():
        yield Case(f"report-{name}", _ignored(headers), name == "no-status")
    for name, headers in OTHERS.items():
        yield Case(f"report-{name}", _ignored(headers), name == "other-local")
    before = as_json(track(messageId=KNOWN))
    known = (LOCAL, link(KNOWN), *STATUS)
    yield Case("report-of-known", _ignored(known, baseline=before))
    yield Case("report-maybe-of-known", _ignored((LOCAL, *STATUS), baseline=before), quick=False)


def _cases() -> Iterator[Case]:
    yield from _about_the_pair()
    summary = ("SEND", "ERROR", "14")
    yield Case("report-settles", _settles((LOCAL, link(LINK), *STATUS), summary))
    yield Case("report-no-link", _settles((LOCAL, *STATUS), summary, ""))
    yield Case("report-empty-link", _settles((LOCAL, link(""), *STATUS), summary, ""), quick=False)
    yield Case("report-settles-held", _held, quick=False)
    yield Case("report-same-local-id", _same_local_id, quick=False)
    plain = ("SEND", "ERROR", "06")
    yield Case("report-only-error", _settles((LOCAL, link(LINK), ERROR), plain))
    for name, word in WORDS.items():
        said = as_header(word)
        headers = (LOCAL, link(LINK), ERROR, f"mex-statusevent: {said}", f"mex-statuscode: {said}",
                   f"mex-statusdescription: {said}")
        yield Case(f"report-word-{name}", _settles(headers, _summary(said)), name == "parent")
    for name, headers in {**ODD, **NO_ERRORS, **OTHERS}.items():
        yield Case(f"report-in-{name}", _arrives(headers), name in ("bare", "all-evil"))


def _summary(word: str) -> tuple[str, str, str]:
    """What becomes of a word in a header, which has no blanks at its ends."""
    said = word.strip(" ")
    event = said if re.fullmatch(r"[A-Za-z0-9]{1,15}", said) else "SEND"
    code = said if re.fullmatch(r"[A-Za-z0-9 ._-]{1,63}", said) else "06"
    return (event, "ERROR", code)
