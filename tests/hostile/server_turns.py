# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A service that keeps a mailbox from one thing must not keep it from the others; and what it
says of an upload whose last answer was lost."""

import binascii
import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import Case, Context, Skip
from harness.faultserver import Connection, Head
from harness.payloads import text_bytes
from harness.waiting import stays_true, wait_for
from server_rig import (
    BEFORE,
    BOX,
    CHUNK,
    LIST,
    SEND,
    TRACK,
    Bench,
    Handler,
    World,
    as_json,
    raw,
    whole,
)
from server_sends import ID, believable, track

PAYLOAD = text_bytes(5000)


def _sent_ids(world: World) -> set[str]:
    """The LocalIds of all first POSTs."""
    return {head.headers.get("mex-localid", "") for kind, head in list(world.asked) if kind == SEND}


def _starved(send: Handler, track: Handler | None, local_id: str) -> Any:
    """No pair can be sent: the inbox is emptied meanwhile, and each pair has its turn."""

    def run(context: Context) -> None:
        bench = Bench(context, poll_interval="1s", scan_interval="1s", resolve_after="0s")
        for number in range(3):
            bench.site.drop(f"pair{number}", PAYLOAD, Compress="N",
                            LocalId=local_id and f"{local_id}-{number}")
        bench.world.honest(BEFORE, b"hello")
        bench.world.on[SEND] = send
        if track:
            bench.world.on[TRACK] = track
        bench.site.start_daemon()
        wait_for(lambda: BEFORE in bench.world.acknowledged, "what is in the inbox")
        wait_for(lambda: len(_sent_ids(bench.world)) >= 2, "another pair's turn")
        lists = bench.world.count(LIST)
        wait_for(lambda: bench.world.count(LIST) > lists + 2, "the polls to go on")
        bench.site.stop_daemon()
        assert not bench.world.wrong, bench.world.wrong
        assert " sending-trouble " in bench.said(), bench.log()

    return run


# --- the last chunk

OURS = "20260101120000000001_5E47"  # as World gives it
CONFIRMS: dict[str, tuple[dict[str, Any], str]] = {
    "accepted": ({}, "SENT"),
    "acknowledged": ({"status": "Acknowledged"}, "SENT"),
    "undeliverable": ({"status": "Undeliverable"}, "SENT"),
    "error": ({"status": "Error", "failureDiagnostic": "Invalid recipient"}, "FAILED"),
    "uploading": ({"status": "Uploading"}, "TEMP"),
    "other-word": ({"status": "On its way"}, "TEMP"),
    "no-status": ({"status": None}, "TEMP"),
    "other-id": ({"messageId": ID}, "TEMP"),
    "other-id-error": ({"messageId": ID, "status": "Error"}, "TEMP"),
    "no-id": ({"messageId": None}, "TEMP"),
}


def _confirm(changes: dict[str, Any], place: str) -> Any:
    """SENT or FAILED only on what is said of this very message; else the chunk is sent again."""

    def run(context: Context) -> None:
        bench = Bench(context, chunk_size="4k", request_limit="4k")
        bench.site.drop("pair", PAYLOAD, Compress="N", AllowChunking="Y", LocalId="ours-1")
        bench.world.on[CHUNK] = raw(b"")
        bench.world.on[TRACK] = raw(believable(as_json(track(messageId=OURS) | changes)))
        bench.site.start_daemon()
        if place == "TEMP":
            wait_for(lambda: bench.world.count(CHUNK) >= 2, "the chunk again")
        else:
            wait_for(lambda: "pair.ctl" in bench.site.names(place), place)
        bench.site.stop_daemon()
        for folder in ("SENT", "FAILED"):
            assert ("pair.dat" in bench.site.names(folder)) == (folder == place), folder
        asked = [kind for kind, _head in bench.world.asked if kind in (SEND, CHUNK, TRACK)]
        if place == "TEMP":  # and so on, until the daemon was stopped
            assert asked[:4] == [SEND, CHUNK, TRACK, CHUNK] and asked.count(SEND) == 1, asked
        else:
            assert asked == [SEND, CHUNK, TRACK], asked
        if place == "FAILED":
            ctl = bench.site.failed("pair")
            assert ctl.status.summary == ("SEND", "ERROR", "06")
            assert ctl.status.text == "Invalid recipient"
            assert ctl["DTSId"] == OURS

    return run


FATES: dict[str, tuple[bytes, bool]] = {
    "uploading": (as_json(track(messageId=OURS, status="Uploading")), False),
    "other-word": (as_json(track(messageId=OURS, status="On its way")), True),
    "other-id": (as_json(track()), True),
    "unknown": (as_json({"errorEvent": "", "errorCode": "", "errorDescription": "No"}, 404), True),
    "page": (whole(["Content-Type: text/html"], b"<html>blocked", 404), True),
}


def _changed_in_doubt(answer: bytes, held: bool) -> Any:
    """Our file changes while the fate of its last chunk is asked: FAILED, which lets somebody
    send it anew, only when the service says that it has not arrived."""

    def run(context: Context) -> None:
        bench = Bench(context, chunk_size="4k", request_limit="4k")
        bench.site.drop("pair", PAYLOAD, Compress="N", AllowChunking="Y", LocalId="ours-1")
        bench.world.on[CHUNK] = raw(b"")

        def change(_world: World, connection: Connection, _head: Head) -> bool:
            (data,) = bench.site.folder("TEMP").glob("*.dat")
            data.write_bytes(bytes(len(PAYLOAD)))
            connection.raw(believable(answer))
            return False

        bench.world.on[TRACK] = change
        bench.site.start_daemon()
        if held:
            wait_for(lambda: " held " in bench.said(), "the job to be held")
        else:
            wait_for(lambda: "pair.ctl" in bench.site.names("FAILED"), "FAILED")
        bench.site.stop_daemon()
        assert ("pair.dat" in bench.site.names("FAILED")) == (not held)
        assert bench.world.count(SEND) == 1 and bench.world.count(CHUNK) == 1

    return run


# --- an outcome that cannot be written


@contextlib.contextmanager
def _small_state(bench: Bench) -> Iterator[Path]:
    """The state folder of a bench on a file system of its own."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        raise Skip("needs root to mount a file system")
    state = bench.site.path / "state"
    state.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "none", str(state)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    try:
        yield state
    finally:
        subprocess.run(["umount", "-l", str(state)], capture_output=True, check=False)


def _fill(path: Path) -> None:
    """Takes all room that there is."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _no_room_for_outcomes(context: Context) -> None:
    """The state folder is full in the middle of an upload whose record has outgrown what was
    reserved for it: the daemon waits, says so rarely, and goes on when there is room."""
    bench = Bench(context, chunk_size="1k", request_limit="1k", poll_interval="1s",
                  scan_interval="1s", reserve="1k")
    with _small_state(bench) as state:
        bench.site.drop("pair", text_bytes(220_000), Compress="N", AllowChunking="Y")

        def chunk(world: World, connection: Connection, head: Head) -> bool:
            connection.read_body(head)
            if world.count(CHUNK) == 200:
                _fill(state / "filler")
            connection.reply(202)
            return True

        bench.world.on[CHUNK] = chunk
        daemon = bench.site.start_daemon()
        begun = time.monotonic()
        for event in ("sending-trouble", "status-not-written"):
            wait_for(lambda event=event: f" {event} " in daemon.text(), event)
        begin = _cpu_seconds(daemon.pid)
        stays_true(lambda: _cpu_seconds(daemon.pid) - begin < 0.6, "it is busy", 4.0)
        for event in ("sending-trouble", "status-not-written"):  # each again after a minute
            most = 1 + (time.monotonic() - begun) // 60
            assert daemon.text().count(f" {event} ") <= most, daemon.text()
        (state / "filler").unlink()
        wait_for(lambda: "pair.dat" in bench.site.names("SENT"), "SENT", 100.0)
        wait_for(lambda: " status-well" in daemon.text(), "the end of it")
        bench.site.stop_daemon()
        assert bench.world.count(SEND) == 1


# --- a record that is full


def _lengthen(record: Path) -> None:
    """What a service leaves behind that puts a message off for months."""
    data = record.read_bytes().rstrip(b"\0")
    lines = data.splitlines()
    when = lines[-1].split(b" ", 2)[1]
    claimed, deferred = (
        line.split(b" ", 2)[2].rpartition(b" #")[0] for line in (lines[0], lines[-1])
    )
    assert claimed.startswith(b"CLAIMED") and deferred.startswith(b"DEFERRED")
    number = len(lines)
    parts = [data]
    size = len(data)
    while size < 16 << 20:
        for words in (claimed, deferred):
            number += 1
            line = b"%d %s %s" % (number, when, words)
            parts.append(b"%s #%08x\n" % (line, binascii.crc32(line)))
            size += len(parts[-1])
    record.write_bytes(b"".join(parts))


def _full_record(context: Context) -> None:
    """The job is held and can be given up; the others and the inbox go on."""
    bench = Bench(context)
    bench.site.drop("pair", PAYLOAD, Compress="N", LocalId="ours-1")
    bench.world.on[SEND] = raw(whole([], b"", 429))
    bench.site.run_once()
    record = _record(bench)
    _lengthen(record)
    del bench.world.on[SEND]
    bench.world.honest(BEFORE, b"hello")
    bench.site.drop("later", PAYLOAD, Compress="N", LocalId="ours-2")
    held = f" held mailbox={BOX} job={record.stem} "
    bench.site.cycle(lambda: held in bench.said(), "HELD", most=300)
    bench.arrived(BEFORE)
    assert "later.dat" in bench.site.names("SENT"), bench.log()
    assert bench.world.count(SEND) == 2
    bench.site.run_ok()
    assert bench.said().count(held) == 1
    done = bench.site.tool("resolve", "pair", "--fail")
    assert done.code == 0, done
    bench.site.run_ok()
    assert "pair.dat" in bench.site.names("FAILED"), bench.log()
    bench.clean()
    assert not bench.world.wrong, bench.world.wrong
    assert not list(record.parent.iterdir())


# --- a clock that was wrong

DAY = 86400 * 10**9  # ns


def _record(bench: Bench) -> Path:
    """The only one."""
    (record,) = (bench.site.path / "state" / BOX / "jobs").iterdir()
    return record


def _not_before(bench: Bench) -> int:
    """How long the job waits from now, ns."""
    last = _record(bench).read_bytes().rstrip(b"\0").splitlines()[-1]
    found = re.search(rb" not_before=(\d+) ", last)
    assert found, last
    return int(found.group(1)) - time.time_ns()


def _put_off(bench: Bench, days: int) -> None:
    """What the last line would be if the clock had been so many days ahead."""
    record = _record(bench)
    lines = record.read_bytes().rstrip(b"\0").splitlines(keepends=True)

    def later(found: re.Match[bytes]) -> bytes:
        return b" not_before=%d " % (int(found.group(1)) + days * DAY)

    line, count = re.subn(rb" not_before=(\d+) ", later, lines[-1].rpartition(b" #")[0] + b" ")
    assert count == 1, lines[-1]
    line = line.rstrip(b" ")
    record.write_bytes(b"".join(lines[:-1]) + b"%s #%08x\n" % (line, binascii.crc32(line)))


def _clock_deferred(context: Context) -> None:
    """A message was put off while the clock was ahead: it goes once the clock is right."""
    bench = Bench(context)
    bench.site.drop("pair", PAYLOAD, Compress="N", LocalId="ours-1")
    bench.world.on[SEND] = raw(whole([], b"", 429))
    bench.run()
    del bench.world.on[SEND]
    _put_off(bench, 1)  # a long Retry-After
    bench.run()
    assert bench.world.count(SEND) == 1 and _not_before(bench) > 0.9 * DAY
    _put_off(bench, 20)
    bench.run()
    assert "pair.dat" in bench.site.names("SENT"), bench.log()
    assert bench.world.count(SEND) == 2


def _clock_unknown(context: Context) -> None:
    """One in doubt is asked for in time, but not before the two answers are apart."""
    bench = Bench(context, resolve_after="0s", resolve_gap="1h")
    bench.site.drop("pair", PAYLOAD, Compress="N", LocalId="")
    bench.world.on[SEND] = raw(b"")
    bench.run()
    del bench.world.on[SEND]
    bench.run()
    asked = bench.world.count(TRACK)
    assert asked == 1 and 0 < _not_before(bench) < DAY
    _put_off(bench, 20)
    bench.run()
    bench.run()
    assert bench.world.count(TRACK) == asked and bench.world.count(SEND) == 1
    assert 0 < _not_before(bench) <= 3600 * 10**9
    _put_off(bench, -1)
    bench.run()
    assert "pair.dat" in bench.site.names("SENT"), bench.log()
    assert bench.world.count(TRACK) == asked + 1 and bench.world.count(SEND) == 2


def cases() -> list[Case]:
    """All of this file."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    for status in (400, 404, 405):
        page = raw(whole(["Content-Type: text/html"], b"<html>blocked", status))
        yield Case(f"starve-{status}", _starved(page, None, "ours"), status == 400)
    away = raw(whole([], b"", 503))
    yield Case("starve-tracking", _starved(raw(b""), away, ""))
    for name, (changes, place) in CONFIRMS.items():
        yield Case(f"confirm-{name}", _confirm(changes, place), name in ("error", "other-id"))
    for name, (answer, held) in FATES.items():
        yield Case(f"changed-in-doubt-{name}", _changed_in_doubt(answer, held))
    yield Case("unwritten-outcome", _no_room_for_outcomes, limit=300.0)
    yield Case("full-record", _full_record, quick=False)
    yield Case("clock-deferred", _clock_deferred)
    yield Case("clock-unknown", _clock_unknown)
