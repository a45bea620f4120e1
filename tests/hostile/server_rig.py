# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A service that lies as it is told, and the promises that hold whatever it says.

World is the service: what it lists, what it answers, and a witness: at each acknowledge it looks
into IN for the very bytes that it had given. Bench is one site that talks to it, and checks after
every run: no crash, memory and disk within bounds, nothing acknowledged that is not in IN, nothing
written elsewhere.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import Context
from harness.faultserver import JSON_TYPE, Connection, FaultServer, Head
from harness.printable import assert_printable
from harness.process import clean_environment
from harness.sandbox import Sandbox
from harness.site import FOLDERS, Site

BOX = "X26ABC2"
BASE = f"/messageexchange/{BOX}"

# Kinds of requests.
HANDSHAKE, LIST, GET, ACK, SEND, CHUNK, TRACK = (
    "handshake",
    "list",
    "get",
    "ack",
    "send",
    "chunk",
    "track",
)

# Anybody's memory at its highest, in bytes. Most runs need 12 to 13 MB, the dearest answer that is
# still read (a list of 4 MB) 49 MB. Sanitizers need more: there the limit is only a rough one.
MEMORY_MOST = 64 << 20
MEMORY_MOST_SANITIZED = 1 << 30
# What a run may use on disk beyond what is in IN: records, ledger, status.
DISK_MOST = 2 << 20
RUN_LIMIT = 90.0
# Our own reports: of a poll that failed, and of the pairs that were sent.
REPORT = re.compile(r"X26ABC\d\w*RECEIVE\w*\.ctl$|(pair|next)_[A-Z]*_\d{14}(~\w+)?\.ctl$")
LOOK_EVERY = 0.004

BAD = "20260101120000000002_BAD0BAD"
BEFORE = "20260101120000000001_GOOD01"
AFTER = "20260101120000000003_GOOD03"

# Answers whatever a case wants; True: the connection goes on.
Handler = Callable[["World", Connection, Head], bool]


def mex(message_id: str, *more: str, range_: str | None = "1:1") -> list[str]:
    """The headers of a usual download, then more."""
    usual = [
        "mex-from: X26ABC1",
        f"mex-to: {BOX}",
        "mex-workflowid: TEST_WORKFLOW",
        "mex-messagetype: DATA",
        f"mex-messageid: {message_id}",
    ]
    if range_ is not None:
        usual.append(f"mex-chunk-range: {range_}")
    return [*usual, *more]


def stem_of(message_id: str) -> str:
    """What its files are called in IN: never like an option."""
    return f"~{message_id}" if message_id.startswith("-") else message_id


def length(body: bytes) -> str:
    """The header that says how long it is."""
    return f"Content-Length: {len(body)}"


def answer(headers: Iterable[str], body: bytes = b"", first: str = "HTTP/1.1 200 OK") -> bytes:
    """An answer as it goes over the wire; nothing is added but the end of the connection."""
    return "\r\n".join([first, *headers, "Connection: close", "", ""]).encode("latin-1") + body


def whole(headers: Iterable[str], body: bytes = b"", status: int | str = 200) -> bytes:
    """An answer with its length."""
    return answer([*headers, length(body)], body, f"HTTP/1.1 {status} Because")


def as_json(value: Any, status: int = 200, *headers: str) -> bytes:
    """An answer of the API."""
    return whole([f"Content-Type: {JSON_TYPE}", *headers], json.dumps(value).encode(), status)


@dataclass(frozen=True)
class raw:  # pylint: disable=invalid-name
    """Always these bytes, then the end."""

    data: bytes

    def __call__(self, _world: "World", connection: Connection, head: Head) -> bool:
        connection.read_body(head)
        connection.raw(self.data)
        return False

    def about(self, message_id: str) -> "raw":
        """The same of another message."""
        return raw(self.data.replace(BAD.encode(), message_id.encode()))


def flood(head: bytes, piece: bytes) -> Handler:
    """Goes on until the other side has had enough, or the server is closed."""

    def handler(world: "World", connection: Connection, request: Head) -> bool:
        connection.read_body(request)
        connection.raw(head)
        while not world.closing.is_set():
            connection.raw(piece)
            world.flooded += len(piece)
        return False

    return handler


def drip(head: bytes, piece: bytes = b"x", pause: float = 0.2) -> Handler:
    """A little at a time, for ever."""

    def handler(world: "World", connection: Connection, request: Head) -> bool:
        connection.read_body(request)
        connection.raw(head)
        while not world.closing.wait(pause):
            connection.raw(piece)
        return False

    return handler


def kind_of(head: Head) -> str:
    """What is asked."""
    parts = head.path.partition("?")[0].split("/")[3:]
    if not parts or parts == [""]:
        return HANDSHAKE
    if parts[0] == "outbox":
        if "tracking" in parts:
            return TRACK
        return SEND if len(parts) == 1 else CHUNK
    if head.method == "PUT":
        return ACK
    return LIST if len(parts) == 1 else GET


def mailbox_of(head: Head) -> str:
    """Whose request it is."""
    return head.path.partition("?")[0].split("/")[2]


def asked_id(head: Head) -> str:
    """The message that a request is about."""
    return urllib.parse.unquote(head.path.partition("?")[0].split("/")[4])


@dataclass
class World:
    """What the service says, and what it saw."""

    inbox: Path  # of X26ABC2
    truth: dict[str, bytes] = field(default_factory=dict)  # what may be acknowledged
    reports: set[str] = field(default_factory=set)  # of these: what has no data
    listed: list[Any] = field(default_factory=list)
    others: dict[str, list[Any]] = field(default_factory=dict)  # of other mailboxes
    replies: dict[str, Handler] = field(default_factory=dict)  # to a GET, by id
    on: dict[str, Handler] = field(default_factory=dict)  # by kind
    consumed: set[str] = field(default_factory=set)  # gone from IN by right
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    asked: list[tuple[str, Head]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    flooded: int = 0
    _sent: int = 0

    def honest(self, message_id: str, body: bytes) -> None:
        """A message that is as it should be."""
        self.truth[message_id] = body
        self.listed.append(message_id)
        self.replies[message_id] = raw(whole(mex(message_id), body))

    def hostile(self, message_id: str, reply: Handler) -> None:
        """A message that must never be acknowledged."""
        self.listed.append(message_id)
        self.replies[message_id] = reply

    def report(self, message_id: str, *headers: str) -> None:
        """A report: a control file without data, whatever it says."""
        self.truth[message_id] = b""
        self.reports.add(message_id)
        self.listed.append(message_id)
        usual = [line.replace("DATA", "REPORT") for line in mex(message_id, range_="1:0")]
        self.replies[message_id] = raw(whole([*usual, *headers]))

    def count(self, kind: str) -> int:
        """How often something was asked."""
        return sum(found == kind for found, _head in self.asked)

    def script(self, connection: Connection) -> None:
        """Serves one connection."""
        while head := connection.read_head():
            kind = kind_of(head)
            self.asked.append((kind, head))
            if kind == ACK:
                self._witness(mailbox_of(head), asked_id(head))
            hostile = mailbox_of(head) not in self.others
            handler = self.on.get(kind, World.usual) if hostile else World.usual
            if not handler(self, connection, head):
                return

    def _witness(self, mailbox: str, message_id: str) -> None:
        """Only what is whole in IN may be acknowledged, and only what was meant to arrive."""
        self.acknowledged.append(message_id)
        expected = self.truth.get(message_id)
        place = self.inbox.parents[1] / mailbox / "IN"
        dat, ctl = (place / f"{stem_of(message_id)}{end}" for end in (".dat", ".ctl"))
        if expected is None:
            self.wrong.append(f"{message_id} was acknowledged")
        elif message_id in self.consumed:
            pass
        elif not ctl.is_file():
            self.wrong.append(f"{message_id} was acknowledged without its control file")
        elif message_id in self.reports:
            if dat.exists():
                self.wrong.append(f"{message_id} is a report and has data")
        elif not dat.is_file() or dat.read_bytes() != expected:
            self.wrong.append(f"{message_id} was acknowledged with other bytes than it has")

    def usual(self, connection: Connection, head: Head) -> bool:
        """What an honest service says."""
        kind = kind_of(head)
        connection.read_body(head)
        if kind == LIST:
            listed = self.others.get(mailbox_of(head), self.listed)
            connection.reply(200, {"messages": listed, "links": {}})
        elif kind == GET:
            reply = self.replies.get(asked_id(head))
            if reply:
                return reply(self, connection, head)
            connection.reply(404, {"detail": [{"event": "RECEIVE", "code": "20", "msg": "No"}]})
        elif kind == ACK:
            done = asked_id(head)
            self.listed = [one for one in self.listed if one != done]
            for name, listed in self.others.items():
                self.others[name] = [one for one in listed if one != done]
            connection.reply(200)
        elif kind == SEND:
            self._sent += 1
            connection.reply(202, {"message_id": f"2026010112000000{self._sent:04}_5E47"})
        elif kind == TRACK:
            absent = {"errorEvent": "", "errorCode": "", "errorDescription": "Not Found"}
            connection.reply(404, absent)
        else:
            connection.reply(202 if kind == CHUNK else 200)
        return True


@dataclass(frozen=True)
class Ran:
    """What a run of the daemon was like."""

    code: int
    err: str
    memory: int  # VmHWM, bytes
    disk: int  # most that was in use below the site
    seconds: float
    raw: bytes = b""  # err, with what is not UTF-8 in it

    def lines(self, event: str, *words: str) -> list[str]:
        """Log lines of an event that have all the words."""
        return [
            line
            for line in self.err.splitlines()
            if f" {event} " in line and all(word in line for word in words)
        ]


def memory_of(pid: int) -> int:
    """The most that a process has had, bytes."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) << 10 if found else 0


def _disk_of(path: Path) -> int:
    """Bytes in use below a directory; what vanishes meanwhile does not count."""
    total = 0
    for place, _folders, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass
    return total


def is_sanitized(program: str) -> bool:
    """Whether a program was built with AddressSanitizer."""
    return b"__asan_init" in Path(program).read_bytes()


class Bench:
    """A site of X26ABC2 (or more) and the world that it talks to."""

    def __init__(self, context: Context, stall: str = "20s", **daemon: str):
        self.context = context
        credentials: Sandbox = context.shared("sandbox", _Credentials).sandbox
        self.site: Site = context.lab.site(credentials, BOX, url="https://127.0.0.1:1", **daemon)
        self.credentials_path = credentials.path
        self.world = World(self.site.folder("IN"))
        context.at_end(self.close)
        self.server: FaultServer = context.lab.fault_server(self._script, credentials)
        self.site.service |= {"url": self.server.url, "stall_timeout": stall}
        self.site.write_conf()
        self.disk_most = DISK_MOST
        self._before = sorted(path.name for path in self.site.path.iterdir())
        self._program = context.options.programs.path("meshdropd")
        self.sanitized = is_sanitized(self._program)

    def _script(self, connection: Connection) -> None:
        self.world.script(connection)

    def close(self) -> None:
        """What floods and drips ends."""
        self.world.closing.set()

    # --- running

    def run(self, limit: float = RUN_LIMIT) -> Ran:
        """meshdropd --once; all that must hold after it is looked at."""
        ran = self._run(limit)
        self.context.count("runs")
        self.check(ran)
        return ran

    def run_ended(self, *command: str) -> int:
        """meshdropd --once as the end of this command, which may limit it; its status."""
        done = subprocess.run(
            [*command, self._program, "-c", str(self.site.conf), "--once"],
            env=clean_environment(), capture_output=True, timeout=RUN_LIMIT, check=False,
        )
        return done.returncode

    def _run(self, limit: float) -> Ran:
        log = self.site.path.parent / "logs" / f"{self.site.path.name}-once.log"
        memory = disk = 0
        begin = time.monotonic()
        with log.open("ab") as file:
            start = file.tell()
            with subprocess.Popen(
                [self._program, "-c", str(self.site.conf), "--once"],
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            ) as process:
                while process.poll() is None:
                    memory = max(memory, memory_of(process.pid))
                    disk = max(disk, _disk_of(self.site.path))
                    if time.monotonic() - begin > limit:
                        process.send_signal(signal.SIGABRT)
                        process.wait()
                        raise AssertionError(f"meshdropd --once does not end within {limit:g} s")
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(LOOK_EVERY)
        disk = max(disk, _disk_of(self.site.path))
        raw_log = log.read_bytes()[start:]
        text = raw_log.decode("utf-8", "backslashreplace")
        return Ran(process.returncode, text, memory, disk, time.monotonic() - begin, raw_log)

    def check(self, ran: Ran) -> None:
        """What holds whatever the service says."""
        assert ran.code in (0, 1), f"it ended with {ran.code}\n{ran.err[-3000:]}"
        for bad in ("Sanitizer", "runtime error"):
            assert bad not in ran.err, ran.err[-5000:]
        most = MEMORY_MOST_SANITIZED if self.sanitized else MEMORY_MOST
        assert ran.memory <= most, f"{ran.memory >> 10} kB of memory"
        honest = sum(len(body) + 65536 for body in self.world.truth.values())
        assert ran.disk <= self.disk_most + honest, f"{ran.disk >> 10} kB on disk"
        assert not self.world.wrong, self.world.wrong
        self.check_places()
        assert_printable(ran.raw, "the log")

    def check_places(self) -> None:
        """Nothing stands where nothing of ours belongs."""
        names = sorted(path.name for path in self.site.path.iterdir())
        secrets = [f"{mailbox}.password" for mailbox in self.site.mailboxes]
        assert names == sorted({*self._before, *secrets, "state"}), names
        mesh = sorted(path.name for path in (self.site.path / "mesh").iterdir())
        assert mesh == sorted(self.site.mailboxes), mesh
        root = self.site.folder("IN").parent
        assert sorted(path.name for path in root.iterdir()) == sorted(FOLDERS)
        names = [name for box in self.site.mailboxes for name in self.site.names("IN", box)]
        allowed = {f"{stem_of(one)}{end}" for one in self.world.truth for end in (".dat", ".ctl")}
        odd = {name for name in set(names) - allowed if not REPORT.match(name)}
        assert not odd, f"in IN, and nobody sent it: {sorted(odd)[:5]}"

    # --- looking

    def arrived(self, *ids: str) -> None:
        """These are in IN as they were sent, and the service knows it."""
        for one in ids:
            end = "ctl" if one in self.world.reports else "dat"
            path = self.site.folder("IN") / f"{stem_of(one)}.{end}"
            assert path.is_file(), f"{one} did not arrive\n{self.log()}"
            if one not in self.world.reports:
                assert path.read_bytes() == self.world.truth[one], f"{one} has other bytes"
            assert one in self.world.acknowledged, f"{one} was not acknowledged"

    def absent(self, *ids: str) -> None:
        """These neither arrived nor were acknowledged."""
        for one in ids:
            assert not [n for n in self.site.names("IN") if n.startswith(one)], one
            assert one not in self.world.acknowledged, one

    def said(self) -> str:
        """All that was said."""
        return "".join(path.read_text(encoding="utf-8") for path in self.site.logs())

    def log(self) -> str:
        """The end of it, to be shown."""
        return "\n".join(path.read_text(encoding="utf-8")[-3000:] for path in self.site.logs())

    def clean(self) -> None:
        """Nothing is left under way."""
        assert self.site.names("TEMP") == [], self.site.names("TEMP")


class _Credentials:
    """One sandbox's certificates and passwords for all cases of a process."""

    def __init__(self, context: Context):
        self.sandbox = context.lab.sandbox()
        self._context = context

    def close(self) -> None:
        """Ends what it used."""
        self._context.close()


def facts_of(line: str, event: str) -> list[str]:
    """The keys of a log line; whatever foreign text could do must be inside of its quotes."""
    facts = re.sub(r'"[^"]*"', '""', line.partition(f" {event} ")[2])
    for fact in facts.split(" "):
        assert re.fullmatch(r'\w+=(""|[^" ]*)', fact), f"'{fact}' is no fact: {line}"
    return [fact.partition("=")[0] for fact in facts.split(" ")]


def one_line(ran: Ran, event: str, reason: str, *words: str) -> str:
    """The refusal is one line that says what."""
    lines = ran.lines(event, *words)
    assert len(lines) == 1, f"{len(lines)} lines of {event} {words}\n{ran.err[-3000:]}"
    assert re.search(reason, lines[0]), f"it does not say '{reason}': {lines[0]}"
    return lines[0]
