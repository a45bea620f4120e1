# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Three habits of applications that read IN, each at work while hundreds of messages arrive.

The promise: a file has its name in IN only when it is complete; .dat comes before .ctl. Who goes
by the .ctl finds both, always. Who goes by the .dat can come between the two renames, which are
back to back: the .ctl is there a moment later.
"""

import ctypes
import os
import select
import struct
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.payloads import digest_bytes
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Site
from harness.waiting import tick, wait_for

COUNT = 300

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE = 0x2, 0x8, 0x80, 0x100
EVENT = struct.Struct("iIII")


class Taken:
    """What a consumer took, and what it found wrong."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.by_id: dict[str, str] = {}
        self.wrong: list[str] = []
        self.early: set[str] = set()  # met before the .ctl was there
        self.waits_s: list[float] = []  # that those had to wait for it
        self.ready = threading.Event()  # nothing that comes now is missed
        self.stop = threading.Event()

    def take(self, stem: str) -> None:
        """Reads a pair once, at once, and removes it, as a consumer does."""
        try:
            root = ET.parse(self.folder / f"{stem}.ctl").getroot()
            data = (self.folder / f"{stem}.dat").read_bytes()
        except (OSError, ET.ParseError) as problem:
            self.wrong.append(f"{stem}: {problem}")
            return
        for name in ("From_DTS", "To_DTS", "Subject", "WorkflowId", "MessageType", "LocalId"):
            if root.find(name) is None:
                self.wrong.append(f"{stem}.ctl has no {name}")
        if root.findtext("DTSId") != stem or stem in self.by_id:
            self.wrong.append(f"{stem} is another one, or came twice")
        self.by_id[stem] = digest_bytes(data)
        (self.folder / f"{stem}.dat").unlink()
        (self.folder / f"{stem}.ctl").unlink()


@contextmanager
def at_work(habit: Callable[[Taken], None], folder: Path) -> Iterator[Taken]:
    """A consumer in a thread of its own; what it stumbles over counts as wrong."""
    taken = Taken(folder)

    def run() -> None:
        try:
            habit(taken)
        except Exception as problem:  # pylint: disable=broad-exception-caught
            taken.wrong.append(repr(problem))
            taken.ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert taken.ready.wait(30.0)
        yield taken
    finally:
        taken.stop.set()
        thread.join(30.0)
        assert not thread.is_alive()


def arrive(receiver: Site, sandbox: Sandbox, habit: Callable[[Taken], None]) -> Taken:
    """Messages are sent and arrive while the consumer is at work; all of them are taken."""
    wanted: dict[str, str] = {}
    with at_work(habit, receiver.folder("IN")) as taken:
        receiver.start_daemon()
        api = sandbox.api("X26ABC1")
        try:
            for number in range(COUNT):
                body = os.urandom(1 + number * 97 % 60_000)
                wanted[api.send("X26ABC2", WORKFLOW, body)] = digest_bytes(body)
        finally:
            api.close()
        wait_for(lambda: len(taken.by_id) >= COUNT or taken.wrong, "all messages", 300.0)
        receiver.stop_daemon()
    assert taken.wrong == []
    assert taken.by_id == wanted
    assert receiver.names("IN") == []
    return taken


# --- the habits


def by_creation(taken: Taken) -> None:
    """Told by the system that a *.ctl is there, reads it once; a later change goes unseen."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_CLOEXEC)
    assert watch >= 0
    mask = IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE
    try:
        assert libc.inotify_add_watch(watch, bytes(taken.folder), mask) >= 0
        taken.ready.set()
        while not taken.stop.is_set():
            if select.select([watch], [], [], 0.05)[0]:
                see_events(taken, os.read(watch, 1 << 16))
    finally:
        os.close(watch)


def see_events(taken: Taken, data: bytes) -> None:
    """Takes each *.ctl that appeared; nothing may be written in IN itself."""
    at = 0
    while at < len(data):
        _, mask, _, length = EVENT.unpack_from(data, at)
        at += EVENT.size
        name = data[at : at + length].rstrip(b"\0").decode()
        at += length
        if mask & (IN_MODIFY | IN_CLOSE_WRITE):
            taken.wrong.append(f"{name} was written under its name")
        elif name.endswith(".ctl"):
            taken.take(name.removesuffix(".ctl"))


def by_control_file(taken: Taken) -> None:
    """Looks for *.ctl now and then, and waits for the .dat beside it."""
    taken.ready.set()
    while not taken.stop.is_set():
        for path in sorted(taken.folder.glob("*.ctl")):
            if not path.with_suffix(".dat").exists():
                taken.wrong.append(f"{path.name} was there before its data")
            taken.take(path.stem)
        tick(0.2)


def by_data_file(taken: Taken) -> None:
    """Looks for *.dat without a pause and opens the .ctl at once; what is missing is met again."""
    first_seen: dict[str, float] = {}
    taken.ready.set()
    while not taken.stop.is_set():
        names = [name for name in os.listdir(taken.folder) if name.endswith(".dat")]
        for stem in (name.removesuffix(".dat") for name in names):
            try:
                os.close(os.open(taken.folder / f"{stem}.ctl", os.O_RDONLY))
            except FileNotFoundError:
                taken.early.add(stem)
                first_seen.setdefault(stem, time.monotonic())
                continue
            if stem in first_seen:
                taken.waits_s.append(time.monotonic() - first_seen.pop(stem))
            taken.take(stem)


# --- the tests


@pytest.mark.parametrize("habit", [by_creation, by_control_file])
def test_goes_by_the_control_file(
    receiver: Site, sandbox: Sandbox, habit: Callable[[Taken], None]
) -> None:
    """Never a partial file, never a missing partner."""
    arrive(receiver, sandbox, habit)


def test_goes_by_the_data_file(receiver: Site, sandbox: Sandbox) -> None:
    """Never a partial file; a control file that is not there yet comes at once."""
    taken = arrive(receiver, sandbox, by_data_file)
    print(f"{len(taken.early)} of {COUNT} met between the renames,", end=" ")
    print(f"at most for {max(taken.waits_s, default=0) * 1000:.3f} ms")
    # A busy machine may stop either of us between the two, but not again and again.
    long = [wait for wait in taken.waits_s if wait >= 1.0]
    assert len(long) < COUNT / 10, "the two renames are not back to back"
