# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A hostile service and time, room, and the life of a daemon."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import server_downloads
import server_gzip
from common import Case, Context, Skip
from harness.faultserver import Connection, Head
from harness.payloads import gzip_bytes
from harness.waiting import wait_for
from server_downloads import neighbours
from server_rig import (
    ACK,
    AFTER,
    BAD,
    BEFORE,
    BOX,
    GET,
    HANDSHAKE,
    LIST,
    MEMORY_MOST,
    SEND,
    Bench,
    Handler,
    Ran,
    World,
    answer,
    as_json,
    asked_id,
    drip,
    flood,
    length,
    memory_of,
    mex,
    one_line,
    raw,
    whole,
)

SLOW = "the service is too slow"
NO_PROGRESS = "no progress in time"
OTHER = "X26ABC1"
TRIES = 10
PATIENT = "300s"  # so that it is not the daemon's patience that ends


def _silent(world: World, connection: Connection, head: Head) -> bool:
    connection.read_body(head)
    world.closing.wait()
    return False


_LONG = "Content-Length: 1000000"
DRIPS: dict[str, tuple[str, Handler, str]] = {
    "get-body": (GET, drip(answer([*mex(BAD), _LONG])), SLOW),
    "get-chunked": (GET, drip(answer([*mex(BAD), "Transfer-Encoding: chunked"]), b"1\r\nx\r\n"),
                    SLOW),
    "get-header": (GET, drip(b"HTTP/1.1 200 OK\r\nx: "), f"{NO_PROGRESS}|{SLOW}"),
    "get-silent": (GET, _silent, NO_PROGRESS),
    "list-body": (LIST, drip(answer([_LONG]), b" "), SLOW),
    "list-1xx": (LIST, drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), f"{NO_PROGRESS}|{SLOW}"),
    "list-silent": (LIST, _silent, NO_PROGRESS),
    "handshake-body": (HANDSHAKE, drip(answer([_LONG])), SLOW),
    "handshake-silent": (HANDSHAKE, _silent, NO_PROGRESS),
    "ack-body": (ACK, drip(answer([_LONG])), SLOW),
    "ack-silent": (ACK, _silent, NO_PROGRESS),
}


def _said(ran: Ran, kind: str) -> str:
    """What the daemon says of the request that dripped."""
    if kind == GET:
        return "\n".join(ran.lines("not-taken", BAD))
    return "\n".join(line for line in ran.err.splitlines() if " error " in line)


def _until_told(bench: Bench, kind: str, reason: str) -> Ran:
    """The run that ends for that reason, and in which honest messages had no trouble. Impatient as
    the daemon is here, a second in which this machine stands still is one without progress: such a
    run, which ends at once, proves nothing, and there is another one."""
    for _ in range(TRIES):
        ran = bench.run()
        assert ran.seconds < 75, f"{ran.seconds:.0f} s"
        honest = kind != GET or {BEFORE, AFTER} <= set(bench.world.acknowledged)
        if honest and re.search(reason, _said(ran, kind)):
            return ran
        assert NO_PROGRESS in ran.err, ran.err
    raise AssertionError(f"{TRIES} runs, and it was never '{reason}'")


def _dripping(kind: str, handler: Handler, reason: str) -> Any:
    """It ends in bounded time, is told, and what is honest arrives."""

    def run(context: Context) -> None:
        bench = Bench(context, stall="1s")
        bench.site.service["connect_timeout"] = "5s"  # the patience is the sum of both
        bench.site.write_conf()
        if kind == GET:
            neighbours(bench, lambda world: world.hostile(BAD, handler))
        else:
            neighbours(bench, lambda world: None)
            bench.world.on[kind] = handler
        ran = _until_told(bench, kind, reason)
        if kind == GET:
            bench.arrived(BEFORE, AFTER)
            bench.absent(BAD)
            one_line(ran, "not-taken", reason, BAD)
        bench.site.service["stall_timeout"] = "20s"
        bench.site.write_conf()
        bench.world.on.clear()
        bench.world.listed = [one for one in bench.world.listed if one != BAD]
        bench.run()
        bench.arrived(BEFORE, AFTER)

    return run


# --- room


class _SmallDisk:
    """The folders of a bench on a file system of their own."""

    def __init__(self, bench: Bench, size: str):
        if os.geteuid() != 0 or not shutil.which("mount"):
            raise Skip("needs root to mount a file system")
        self._place = bench.site.path / "mesh"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(self._place)],
            capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            raise Skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
        for name in bench.site.mailboxes:
            for folder in ("IN", "OUT", "SENT", "FAILED", "TEMP"):
                bench.site.folder(folder, name).mkdir(parents=True)

    def __enter__(self) -> "_SmallDisk":
        return self

    def __exit__(self, *_what: object) -> None:
        subprocess.run(["umount", "-l", str(self._place)], capture_output=True, check=False)

    def free(self) -> int:
        """Bytes."""
        facts = os.statvfs(self._place)
        return facts.f_bavail * facts.f_frsize


def _reserve(head: bytes, piece: bytes) -> Any:
    """An endless body takes what is above the reserve, for a while, and gives it back."""

    def run(context: Context) -> None:
        bench = Bench(context, reserve="16M")
        bench.disk_most = 64 << 20
        with _SmallDisk(bench, "40m") as disk:
            before = disk.free()
            neighbours(bench, lambda world: world.hostile(BAD, flood(head, piece)))
            ran = bench.run()
            bench.arrived(BEFORE, AFTER)
            bench.absent(BAD)
            one_line(ran, "not-taken", "below the reserve", BAD)
            assert before - disk.free() < 1 << 20, "the room was not given back"
            assert bench.site.names("TEMP") == []

    return run


def _full_disk(context: Context) -> None:
    """Nothing can be taken below the reserve: told, and all is well when there is room again."""
    bench = Bench(context, reserve="16M")
    bench.disk_most = 64 << 20
    with _SmallDisk(bench, "40m") as disk:
        ballast = bench.site.folder("IN") / ".ballast"
        ballast.write_bytes(bytes(30 << 20))
        neighbours(bench, lambda world: None)
        ran = bench.run()
        one_line(ran, "disk-trouble", "below the reserve")
        assert bench.world.count(GET) == 0
        ballast.unlink()
        assert disk.free() > 30 << 20
        bench.run()
        bench.arrived(BEFORE, AFTER)


_BOMB = gzip_bytes(bytes(3_900_000))  # a few kB on the wire
_HOLE = whole([], b"", 404)


def _first_of_two(second: bytes) -> Handler:
    """A good first chunk of two, and this for the other one."""

    def handler(_world: World, connection: Connection, head: Head) -> bool:
        lines = [*mex(asked_id(head), range_="1:2"), "Content-Encoding: gzip", length(_BOMB)]
        is_first = len(head.path.split("/")) <= 5
        connection.raw(answer(lines, _BOMB, "HTTP/1.1 206 X") if is_first else second)
        return False

    return handler


def _many(bench: Bench, handler: Handler, count: int = 12) -> list[str]:
    """Lists as many messages; together they are larger than the disk."""
    ids = [f"2026010112{number:06d}_BAD0BAD" for number in range(count)]
    for one in ids:
        bench.world.hostile(one, handler)
    return ids


def _halves(handler: Handler, is_left: bool) -> Any:
    """Messages whose first chunk is good and whose second one is not: what TEMP keeps of them is
    in nobody's way, neither of what is received nor of what is sent."""

    def run(context: Context) -> None:
        bench = Bench(context, reserve="16M", max_message="30M")
        bench.disk_most = 64 << 20
        with _SmallDisk(bench, "40m"):
            bench.world.honest(BEFORE, b"comes before")
            ids = _many(bench, handler)
            ran = bench.run()
            bench.arrived(BEFORE)
            assert len(ran.lines("not-taken")) == len(ids), ran.err[-3000:]
            assert bool(bench.site.names("TEMP")) == is_left, bench.site.names("TEMP")
            bench.world.honest(AFTER, bytes(20_000_000))  # fits if all else is given back
            bench.site.drop("pair", b"to be sent", Compress="N", LocalId="ours-1")
            ran = bench.run()
            bench.arrived(BEFORE, AFTER)
            bench.absent(*ids)
            assert not ran.lines("disk-trouble"), ran.err[-3000:]
            assert bench.world.count(SEND) == 1 and bench.site.names("OUT") == []
            bench.world.listed = []
            bench.run()
            bench.clean()

    return run


def _full_meanwhile(context: Context) -> None:
    """Others fill the disk while a large message is under way: it makes room for what is sent."""
    bench = Bench(context, reserve="16M", max_message="30M", scan_interval="1s")
    ballast = bench.site.folder("IN") / ".ballast"

    def handler(_world: World, connection: Connection, head: Head) -> bool:
        number = int((head.path.split("/") + ["1"])[5])
        if number == 2 and not ballast.exists():
            ballast.write_bytes(bytes(24 << 20))
            bench.site.drop("pair", b"to be sent", Compress="N", LocalId="ours-1")
        lines = mex(BAD, range_=f"{number}:9")
        body = b"small"  # too small for a look at the disk
        if number == 1:
            lines.append("Content-Encoding: gzip")
            body = _BOMB
        connection.raw(whole(lines, body, 206))
        return False

    with _SmallDisk(bench, "40m"):
        bench.world.hostile(BAD, handler)
        process = bench.site.start_daemon()
        wait_for(lambda: bench.world.count(SEND), "the pair")
        wait_for(lambda: bench.site.names("TEMP") == [], "the room")
        bench.site.stop_daemon()
        assert re.search(f"part-removed .*{BAD}.*room is short", process.text())
        bench.absent(BAD)


def _holds(bench: Bench, handler: Handler) -> Any:
    """A daemon that holds the first chunk of BAD and cannot get the second; tells what it holds."""
    bench.world.hostile(BAD, handler)
    records = bench.site.path / "state" / BOX / "inbound"

    def held() -> list[str]:
        return sorted([*bench.site.names("TEMP"), *(path.name for path in records.iterdir())])

    bench.site.start_daemon()
    wait_for(lambda: bench.world.count(GET) >= 2, "the second chunk")
    wait_for(lambda: held() == [f"{BAD}.msg", f"{BAD}.part"], "the first chunk")
    return held


def _not_taken(bench: Bench) -> int:
    status = json.loads((bench.site.path / "state" / "status.json").read_text(encoding="utf-8"))
    return int(status["mailboxes"][0]["not_taken"])


ODD_LISTS = (
    {"messages": [], "links": {"next": "https://other.example/x"}},
    {"messages": [AFTER] * 500},  # a full page, which may not be the last; there is no AFTER
)


def _no_more_listed(context: Context) -> None:
    """What a running daemon has begun is given back, and forgotten, when the service does not
    list it any more; a list that is not known to be whole proves nothing."""
    bench = Bench(context, poll_interval="1s", scan_interval="1s")
    held = _holds(bench, _first_of_two(_HOLE))
    before = held()
    wait_for(lambda: _not_taken(bench) == 1, "the status")

    for odd in ODD_LISTS:
        bench.world.on[LIST] = raw(as_json(odd))
        polls = bench.world.count(LIST)
        wait_for(lambda end=polls + 3: bench.world.count(LIST) >= end, "three lists")
        assert set(before) <= set(held()) and _not_taken(bench) == 1, odd
    bench.world.listed = []
    del bench.world.on[LIST]
    wait_for(lambda: held() == [] and _not_taken(bench) == 0, "the end of it")
    process = bench.site.process
    bench.site.stop_daemon()
    assert re.search(f"part-removed .*{BAD}.*lists the message no more", process.text())


def _outdated(context: Context) -> None:
    """Nor is it kept for longer than the service keeps a message, whatever it lists."""
    bench = Bench(context, poll_interval="1s", scan_interval="1s")
    held = _holds(bench, _first_of_two(_HOLE))
    record = bench.site.path / "state" / BOX / "inbound" / f"{BAD}.msg"
    days = 86400
    os.utime(record, (time.time() - 6 * days,) * 2)
    polls = bench.world.count(LIST)
    wait_for(lambda: bench.world.count(LIST) >= polls + 2, "two lists")
    assert held(), "that was too early"
    bench.world.replies[BAD] = raw(_HOLE)
    os.utime(record, (time.time() - 8 * days,) * 2)
    wait_for(lambda: held() == [], "the end of it")
    process = bench.site.process
    bench.site.stop_daemon()
    assert re.search(f"part-removed .*{BAD}.*older than the service keeps", process.text())


# --- the daemon


def _replies() -> list[tuple[raw, bytes | None]]:
    """All downloads of the tables that are bytes, and what they bring if they are good."""
    bad = [
        *(reply for reply, _reason in server_downloads.BAD_LENGTHS.values()),
        *(reply for reply, _reason in server_downloads.BAD_HEADERS.values()),
        *(reply for reply, _reason in server_gzip.BAD_BODIES.values()),
    ]
    good = [*server_downloads.GOOD_LENGTHS.values(), *server_gzip.GOOD_BODIES.values()]
    rest: list[tuple[raw, bytes | None]] = [(r, None) for r in bad if isinstance(r, raw)]
    found: list[tuple[raw, bytes | None]] = []
    for reply, body in good:
        if isinstance(reply, raw):
            found += [*rest[:6], (reply, body)]
            rest = rest[6:]
    assert not rest, len(rest)
    return found


def _rounds(context: Context) -> None:
    """A daemon that is told lies for many rounds stays up, small, and takes what is honest."""
    bench = Bench(context)
    bench.site.add_mailbox(OTHER)
    bench.world.others[OTHER] = []
    replies = _replies()
    good: list[str] = []
    bench.site.start_daemon()
    memory: list[int] = []
    rounds = 6
    for number in range(rounds):
        mine = [f"2026010112{number:04d}{n:06d}_BAD0BAD" for n in range(len(replies))]
        for one, (reply, body) in zip(mine, replies):
            if body is not None:
                bench.world.truth[one] = body
                good.append(one)
            bench.world.replies[one] = reply.about(one)
        honest = f"2026010112{number:04d}999999_HONEST"
        bench.world.truth[honest] = b"for the other mailbox"
        bench.world.replies[honest] = raw(answer([*mex(honest), "Content-Length: 21"],
                                                 b"for the other mailbox"))
        bench.world.others[OTHER] = [honest]
        bench.world.listed = mine
        process = bench.site.process
        wait_for(lambda: set(good) | {honest} <= set(bench.world.acknowledged)
                 or not process.running, f"round {number}", 100.0)
        assert process.running, process.text()[-4000:]
        memory.append(memory_of(process.pid))
    assert not bench.world.wrong, bench.world.wrong
    bench.site.stop_daemon()
    bench.check_places()
    if not bench.sanitized:
        assert memory[-1] <= MEMORY_MOST and memory[-1] - memory[1] < 8 << 20, memory


def _stops(handler: Handler, kind: str) -> Any:
    """SIGTERM ends a daemon that is held by the service."""

    def run(context: Context) -> None:
        bench = Bench(context, stall=PATIENT)
        bench.world.listed = [BAD]
        bench.world.replies[BAD] = handler
        if kind != GET:
            bench.world.on[kind] = handler
        process = bench.site.start_daemon()
        wait_for(lambda: bench.world.count(kind), f"the {kind}")
        if kind == GET:
            wait_for(lambda: bench.site.names("TEMP"), "the download")
        bench.site.stop_daemon()  # in time, or that fails
        assert "Sanitizer" not in process.text()
        bench.absent(BAD)
        bench.world.closing.set()

    return run


def _beside(handler: Handler, kind: str) -> Any:
    """One mailbox is held by the service; another one receives meanwhile."""

    def run(context: Context) -> None:
        bench = Bench(context, stall=PATIENT, connections="2")
        bench.site.add_mailbox(OTHER)
        bench.world.others[OTHER] = []
        bench.world.listed = [BAD]
        bench.world.replies[BAD] = handler
        if kind != GET:
            bench.world.on[kind] = handler
        bench.site.start_daemon()
        wait_for(lambda: bench.world.count(kind), f"the {kind}")
        bench.world.truth["HONEST1"] = b"honest"
        bench.world.replies["HONEST1"] = raw(answer([*mex("HONEST1"), "Content-Length: 6"],
                                                    b"honest"))
        bench.world.others[OTHER] = ["HONEST1"]
        wait_for(lambda: "HONEST1" in bench.world.acknowledged, "the honest message")
        assert not bench.world.wrong
        bench.site.kill_daemon()
        bench.world.closing.set()

    return run


def _parallel_floods(context: Context) -> None:
    """Four connections, each flooded at once: memory stays where it was."""
    names = [OTHER, *[f"X26ABC{n}" for n in range(3, 6)]]
    bench = Bench(context, connections="4", max_message="10M")
    for name in names:
        shutil.copyfile(bench.site.path / "X26ABC2.password",
                        bench.credentials_path / f"{name}.password")
        bench.site.add_mailbox(name)
    bench.world.on[LIST] = flood(answer(["Transfer-Encoding: chunked"]),
                                 b"10000\r\n" + b"[" * 65536 + b"\r\n")
    ran = bench.run()
    assert ran.code == 1 and bench.world.count(LIST) >= 4
    assert threading.active_count() < 200


def cases() -> list[Case]:
    """All of this file."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    for name, (kind, handler, reason) in DRIPS.items():
        yield Case(f"slow-{name}", _dripping(kind, handler, reason), name == "get-body", 400.0)
    endless = answer([*mex(BAD), "Transfer-Encoding: chunked"])
    yield Case("room-endless-chunked", _reserve(endless, b"10000\r\n" + bytes(65536) + b"\r\n"))
    huge = answer([*mex(BAD), "Content-Length: 9000000000000"])
    yield Case("room-huge-length", _reserve(huge, bytes(65536)), quick=False)
    yield Case("room-none", _full_disk)
    gzip = ["Content-Encoding: gzip", "mex-chunk-range: 2:2"]
    nonsense = whole([*mex(BAD, range_=None)[:4], *gzip], b"nonsense")  # names no message
    yield Case("room-halves-corrupt", _halves(_first_of_two(nonsense), False))
    yield Case("room-halves-hole", _halves(_first_of_two(_HOLE), True))
    yield Case("room-full-meanwhile", _full_meanwhile)
    yield Case("room-halves-unlisted", _no_more_listed)
    yield Case("room-halves-outdated", _outdated, quick=False)
    body = drip(answer([*mex(BAD), _LONG]))
    yield Case("stop-in-drip", _stops(body, GET))
    yield Case("stop-in-silence", _stops(_silent, LIST), quick=False)
    yield Case("stop-in-flood", _stops(flood(endless, b"1\r\nx\r\n" * 1000), GET), quick=False)
    yield Case("beside-drip", _beside(body, GET))
    yield Case("beside-silence", _beside(_silent, LIST), quick=False)
    yield Case("beside-handshake", _beside(drip(b"HTTP/1.1 200 OK\r\nx: "), HANDSHAKE), quick=False)
    yield Case("daemon-rounds", _rounds, False, 400.0)
    yield Case("parallel-floods", _parallel_floods, quick=False)
