# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the tool prints of a service's words: plain and as JSON, the terminal has nothing to obey.

Nothing is printed that is not UTF-8, a control character, C0 or C1, or one that changes the order
of others; no value makes a line of its own; and what does no harm is still there to be read. In
JSON the same holds for the values as a reader has them.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from common import Case, Context
from harness.printable import assert_printable
from harness.process import Result
from harness.waiting import wait_for
from server_rig import BOX, HANDSHAKE, SEND, TRACK, Bench, as_json, raw, whole
from server_sends import ID, track

MARK = "ZQMARK"  # what must be left to read
HOSTILE = {
    "c0": "".join(map(chr, range(1, 0x20))) + "\x7f",
    "c1": "\x9b31mred\x9d0;title\x9c\x90\x85" + "".join(map(chr, range(0x80, 0xA0))),
    "escape": "\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "lines": "\nfailure       none\r\nX26FORGED  forged\x0b\x0c\u0085\u2028\u2029forged",
    "bidi": "\u202egpj.exe\u202c\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c\u202a\u202b\u202d",
    "quotes": "\"',\"status\":\"x\"}\\\" $(touch owned) `x` %s%n%99999d <b>&amp;]]>",
    "long": "\x9b\u202e\"\n" + "n" * 5000,
}
# JSON that carries no text: nothing of it may be believed or shown.
BROKEN = {
    "nul": b"\\u0000",
    "not-utf8": b"\xff\xfe\x9b31m",
    "overlong": b"\xc0\x9b\xe0\x80\x9b",
    "surrogate": b"\\ud800\xed\xa0\x80",
    "cut": b"\xe2\x80",
    "raw-control": b"\x1b[2J\x07",
}
KNOWN = ("message_id", "status", "status_text", "failure", "recipient", "workflow", "local_id",
         "file_name", "file_size", "uploaded", "expires")


def _values(value: Any) -> Iterator[str]:
    """All texts of a JSON value, names of members among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in _values(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in _values(one))


def _look(done: Result, as_object: bool) -> None:
    """What holds of anything that is printed."""
    assert "Sanitizer" not in done.err and done.code in (0, 1), done
    assert_printable(done.raw)
    assert len(done.raw) < 100_000, f"{len(done.raw)} bytes"
    if as_object and done.out:
        for text in _values(json.loads(done.out)):
            assert_printable(text.encode("utf-8", "surrogateescape"), "a value")


def _both(bench: Bench, *command: str) -> Iterator[tuple[Result, bool]]:
    """The command, plain and as JSON; looked at."""
    for options in ((), ("--json",)):
        done = bench.site.tool(command[0], *options, *command[1:])
        _look(done, bool(options))
        bench.context.count("outputs")
        yield done, bool(options)


def _reply(body: dict[str, Any], broken: bytes | None, status: int = 200) -> Any:
    """An answer; what JSON cannot say is put into it behind each mark."""
    data = json.dumps(body).encode()
    if broken is not None:
        data = data.replace(MARK.encode(), MARK.encode() + broken)
    return raw(whole(["Content-Type: application/json"], data, status))


# --- the commands


def _track(bench: Bench, text: str, broken: bytes | None) -> None:
    """All that tracking tells."""
    keys = ("localId", "recipient", "workflowId", "fileName", "status", "uploadTimestamp",
            "statusDescription", "failureDiagnostic", "expiryTime", "fileSize")
    bench.world.on[TRACK] = _reply(track(**dict.fromkeys(keys, text)), broken)
    for done, as_object in _both(bench, "track", ID):
        assert (done.code == 0) == (broken is None), done
        assert (MARK in done.out) == (broken is None), done
        heads = [line[:14].rstrip() for line in done.out.splitlines()]
        assert as_object or set(heads) <= set(KNOWN), f"a forged line: {heads}"


def _track_error(bench: Bench, text: str, broken: bytes | None) -> None:
    """A refusal with words, in both forms of the API."""
    forms = ({"errorEvent": text, "errorCode": text, "errorDescription": text},
             {"detail": [{"event": text, "code": text, "msg": text}]},
             {"detail": [{"loc": ["header", text], "msg": text, "type": text}]})
    for form in forms:
        bench.world.on[TRACK] = _reply(form, broken, 400)
        for done, _ in _both(bench, "track", ID):
            assert done.code == 1 and not done.out and done.err, done
            assert len(done.err.splitlines()) == 1, f"a forged line: {done.err}"


def _lookup(bench: Bench, text: str, broken: bytes | None) -> None:
    """The names of others."""
    found = [{"mailbox_id": BOX, "mailbox_name": text}, {"mailbox_id": text, "mailbox_name": BOX}]
    reply = _reply({"results": found}, broken)
    bench.world.on = dict.fromkeys((HANDSHAKE, "list", "get", TRACK), reply)
    for command in (("lookup", "X26", "TEST_WORKFLOW"), ("lookup", "--workflow", "TEST_WORKFLOW")):
        for done, as_object in _both(bench, *command):
            assert (done.code == 0) == (broken is None), done
            assert (MARK in done.out) == (broken is None), done
            assert as_object or len(done.out.splitlines()) <= 3, f"a forged line: {done.out}"


def _inbox(bench: Bench, text: str, broken: bytes | None) -> None:
    """Ids that are none are counted, not shown."""
    reply = _reply({"messages": ["GOOD", text, text + "x"], "links": {"next": text}}, broken)
    bench.world.on["list"] = reply
    for done, _ in _both(bench, "inbox"):
        assert MARK not in done.out, done
        assert ("GOOD" in done.out) == (broken is None), done


def _list(bench: Bench, text: str, broken: bytes | None) -> None:
    """Why a pair waits, in the service's words; its name is hostile, too."""
    name = "".join(c for c in text if ord(c) >= 0x20 and c not in "/\x7f")[:60]
    bench.site.drop(f"{MARK}{name}", b"content", LocalId="ours-1")
    body = {"errorEvent": "SEND", "errorCode": "99", "errorDescription": text}
    bench.world.on[SEND] = _reply(body, broken, 503)
    bench.site.run_once()
    for done, as_object in _both(bench, "list"):
        assert done.code == 0 and f"{MARK}{MARK}" in done.out, done
        assert as_object or len(done.out.splitlines()) == 2, f"a forged line: {done.out}"
        _, said, reason = done.out.rpartition("SEND 99")
        assert bool(said) == (broken is None) and (MARK in reason or not said), done
    for done, _ in _both(bench, "status"):
        assert done.out, done


def _status(bench: Bench, text: str, broken: bytes | None) -> None:
    """A trouble, in the service's words, while the daemon runs."""
    body = {"errorEvent": text, "errorCode": text, "errorDescription": text}
    bench.world.on = dict.fromkeys((HANDSHAKE, "list"), _reply(body, broken, 403))
    bench.site.start_daemon()
    status = bench.site.path / "state" / "status.json"

    def troubled() -> bool:
        boxes = json.loads(status.read_text(encoding="utf-8"))["mailboxes"]
        return bool(boxes and boxes[0].get("trouble"))

    wait_for(lambda: status.exists() and troubled(), "a trouble in status.json")
    for done, as_object in _both(bench, "status"):
        said = [line for line in done.out.splitlines() if line.startswith(BOX)]
        assert as_object or len(said) == 2, done  # its counts and its trouble
        assert "X26FORGED  forged" not in said, done
    bench.site.stop_daemon()


Command = Callable[[Bench, str, bytes | None], None]
COMMANDS: dict[str, Command] = {
    "track": _track,
    "track-error": _track_error,
    "lookup": _lookup,
    "inbox": _inbox,
    "list": _list,
    "status": _status,
}


def _case(command: Command, text: str, broken: bytes | None, context: Context) -> None:
    bench = Bench(context)
    command(bench, MARK + text, broken)


def cases() -> list[Case]:
    """Each command with each content."""
    quick = ("c1", "bidi", "lines", "not-utf8")
    found = []
    for name, command in COMMANDS.items():
        for what, text in HOSTILE.items():
            run = partial(_case, command, text, None)
            found.append(Case(f"tool-{name}-{what}", run, what in quick))
        for what, data in BROKEN.items():
            run = partial(_case, command, "", data)
            found.append(Case(f"tool-{name}-{what}", run, what in quick))
    return found
