# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A hostile service and time, room, and the life of a daemon."""

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
from harness.waiting import wait_for
from server_downloads import neighbours
from server_rig import (
    ACK,
    AFTER,
    BAD,
    BEFORE,
    GET,
    HANDSHAKE,
    LIST,
    MEMORY_MOST,
    Bench,
    Handler,
    World,
    answer,
    drip,
    flood,
    memory_of,
    mex,
    one_line,
    raw,
)

SLOW = "the service is too slow"
NO_PROGRESS = "no progress in time"
OTHER = "X26ABC1"


def _silent(world: World, connection: Connection, head: Head) -> bool:
    connection.read_body(head)
    world.closing.wait(30)
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


def _dripping(kind: str, handler: Handler, reason: str) -> Any:
    """It ends in bounded time, is told, and what is honest arrives."""

    def run(context: Context) -> None:
        bench = Bench(context, stall="1s")
        bench.site.service["connect_timeout"] = "1s"
        bench.site.write_conf()
        if kind == GET:
            neighbours(bench, lambda world: world.hostile(BAD, handler))
        else:
            neighbours(bench, lambda world: None)
            bench.world.on[kind] = handler
        ran = bench.run()
        assert ran.seconds < 45, f"{ran.seconds:.0f} s"
        if kind == GET:
            bench.arrived(BEFORE, AFTER)
            bench.absent(BAD)
            one_line(ran, "not-taken", reason, BAD)
        else:
            assert re.search(f"error .*({reason})", ran.err), ran.err
        bench.world.on.clear()
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
        bench = Bench(context)
        bench.world.listed = [BAD]
        bench.world.replies[BAD] = handler
        if kind != GET:
            bench.world.on[kind] = handler
        process = bench.site.start_daemon()
        wait_for(lambda: bench.world.count(kind), f"the {kind}")
        if kind == GET:
            wait_for(lambda: bench.site.names("TEMP"), "the download")
        begin = time.monotonic()
        bench.site.stop_daemon()
        assert time.monotonic() - begin < 15, "it does not stop"
        assert "Sanitizer" not in process.text()
        bench.absent(BAD)
        bench.world.closing.set()

    return run


def _beside(handler: Handler, kind: str) -> Any:
    """One mailbox is held by the service; another one receives meanwhile."""

    def run(context: Context) -> None:
        bench = Bench(context, connections="2")
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
        wait_for(lambda: "HONEST1" in bench.world.acknowledged, "the honest message", 20.0)
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
        yield Case(f"slow-{name}", _dripping(kind, handler, reason), name == "get-body", 150.0)
    endless = answer([*mex(BAD), "Transfer-Encoding: chunked"])
    yield Case("room-endless-chunked", _reserve(endless, b"10000\r\n" + bytes(65536) + b"\r\n"))
    huge = answer([*mex(BAD), "Content-Length: 9000000000000"])
    yield Case("room-huge-length", _reserve(huge, bytes(65536)), quick=False)
    yield Case("room-none", _full_disk)
    body = drip(answer([*mex(BAD), _LONG]))
    yield Case("stop-in-drip", _stops(body, GET))
    yield Case("stop-in-silence", _stops(_silent, LIST), quick=False)
    yield Case("stop-in-flood", _stops(flood(endless, b"1\r\nx\r\n" * 1000), GET), quick=False)
    yield Case("beside-drip", _beside(body, GET))
    yield Case("beside-silence", _beside(_silent, LIST), quick=False)
    yield Case("beside-handshake", _beside(drip(b"HTTP/1.1 200 OK\r\nx: "), HANDSHAKE), quick=False)
    yield Case("daemon-rounds", _rounds, False, 400.0)
    yield Case("parallel-floods", _parallel_floods, quick=False)
