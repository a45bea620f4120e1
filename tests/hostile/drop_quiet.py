# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Files that are written to while they are looked at; or while they are sent, by one who puts
their size and times back.

Of the latter only ctime knows. It is looked at from the moment an upload begins, also over a
restart; what was done before makes no mixture, and is no offence.
"""

import datetime
import os
import random
import re
import time
from functools import partial

from common import Case, Context
from drop_world import MAILBOX, PEER, World
from harness.waiting import tick, wait_for

CHUNK = 10_000
CHUNKS = 5
NEW = b"NEW CONTENT!"
JOB = "2*-????????"


class Quiet:
    """A pair, and a writer who had its data file open before it was claimed."""

    def __init__(self, world: World, size: int):
        self.world = world
        self.old = random.Random(size).randbytes(size)
        world.put("victim.dat", self.old)
        world.put("victim.ctl", world.control(AllowChunking="Y"))
        self.path = world.out / "victim.dat"
        self.fd = os.open(self.path, os.O_RDWR)
        world.context.at_end(lambda: os.close(self.fd))

    def overwrite(self) -> None:
        """The last bytes are others; size and times are as they were. Again until the clock
        behind ctime, which is a coarse one, has moved."""
        before = now = os.fstat(self.fd)
        while now.st_ctime_ns == before.st_ctime_ns:
            os.pwrite(self.fd, NEW, before.st_size - len(NEW))
            os.utime(self.fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            now = os.fstat(self.fd)
        assert (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)

    def check_refused(self) -> None:
        """It ended in FAILED with the reason, whole, and the service has no message of it."""
        status = self.world.site.failed("victim").status
        assert status.status == "ERROR" and "changed" in status.text, status
        kept = self.world.site.folder("FAILED") / "victim.dat"
        assert kept.read_bytes() == self.old[: -len(NEW)] + NEW, "it is not what was written"
        innocent = [self.world.site.sent(stem)["DTSId"] for stem in self.world.innocent]
        assert sorted(self.world.sandbox.inbox(PEER)) == sorted(innocent), "a mixture was sent"
        self.world.check()
        self.world.check_clean()


def _overwritten(user: str, size: int, point: str, context: Context) -> None:
    """Between two system calls of the upload."""
    world = World(context, user, chunk_size=f"{CHUNK}", request_limit=f"{CHUNK}")
    quiet = Quiet(world, size)
    world.run_paused(point, quiet.overwrite)
    world.drop_innocent()
    world.run(settle=True)
    quiet.check_refused()


def _overwritten_stopped(user: str, context: Context) -> None:
    """While the daemon is not there, between two chunks."""
    world = World(context, user, chunk_size=f"{CHUNK}", request_limit=f"{CHUNK}",
                  scan_interval="100ms")
    quiet = Quiet(world, CHUNK * CHUNKS)
    world.sandbox.fault("POST", "/outbox/", skip=1, count=1000, delay_ms=15_000)
    world.context.at_end(world.sandbox.clear_faults)
    world.site.start_daemon()
    wait_for(lambda: world.sandbox.requests("POST", r"/outbox/[^/]+/3$"), "the third chunk")
    world.site.kill_daemon()
    world.sandbox.clear_faults()
    quiet.overwrite()
    world.drop_innocent()
    world.site.start_daemon()
    world.site.wait_sent("innocent")
    wait_for(world.is_settled, "the victim's end")
    world.site.stop_daemon()
    assert len(world.sandbox.posts(MAILBOX)) == 2
    quiet.check_refused()


def _chmod_before(user: str, context: Context) -> None:
    """What is done to it between the claim and the upload is not the upload's business."""
    world = World(context, user, chunk_size=f"{CHUNK}", request_limit=f"{CHUNK}")
    quiet = Quiet(world, CHUNK * CHUNKS)
    world.run_paused(f"openat2:1:{JOB}.dat", lambda: os.fchmod(quiet.fd, 0o644))
    world.run(settle=True)
    assert _content(world, "victim") == quiet.old
    world.check()
    world.check_clean()


def _slow_look(user: str, context: Context) -> None:
    """While we look at a folder its files may change; the delay counts from the end of the look."""
    delay = 2.0
    world = World(context, user, processing_delay=f"{delay:g}s")
    world.pair("victim", b"half")
    changed = 0.0

    def rewrite() -> None:
        nonlocal changed
        tick(delay)
        (world.site.folder("OUT") / "victim.dat").write_bytes(b"the whole of it")
        changed = time.time()

    ran = world.run_paused("fstatat:1:victim.ctl", rewrite)
    stamp = re.search(r"^(\S+)Z \S+ +claimed .*victim", ran.err, re.MULTILINE)
    assert stamp, ran.err
    claimed = datetime.datetime.fromisoformat(f"{stamp[1]}+00:00").timestamp()
    assert claimed - changed >= delay - 0.05, f"claimed {claimed - changed:.3f} s after its change"


def _content(world: World, stem: str) -> bytes:
    """What the receiver gets."""
    message = world.site.sent(stem)["DTSId"]
    api = world.sandbox.api(PEER)
    try:
        parts = [api.request("GET", f"/messageexchange/{PEER}/inbox/{message}/{number}").body
                 for number in range(1, CHUNKS + 1)]
    finally:
        api.close()
    return b"".join(parts)


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    reads = {"": (CHUNK - 1, 1)}
    reads |= {f"-chunk-{number}": (CHUNK * CHUNKS, number) for number in range(2, CHUNKS + 1)}
    found = [
        Case(f"{user}-quiet-overwrite{name}",
             partial(_overwritten, user, size, f"pread:{number}:*/TEMP/{JOB}.dat"))
        for name, (size, number) in reads.items()
    ]
    found.append(Case(f"{user}-quiet-overwrite-stopped", partial(_overwritten_stopped, user)))
    found.append(Case(f"{user}-slow-look", partial(_slow_look, user)))
    found.append(Case(f"{user}-quiet-chmod-before", partial(_chmod_before, user)))
    return found
