# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Very many of them: the honest pairs go through, in a time, and the log stays short."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import Case, Context
from drop_world import MAILBOX, ROUTE, World, lines

CROWD = 100_000
SMALL_CROWD = 5000
LOG_BYTES = 200_000


def _lone_data(world: World, number: int) -> None:
    fd = os.open(world.out / f"crowd{number}.dat", os.O_CREAT | os.O_WRONLY)
    os.close(fd)


def _links(world: World, number: int) -> None:
    os.symlink("/etc/passwd", world.out / f"crowd{number}.dat")


def _folders(world: World, number: int) -> None:
    os.mkdir(world.out / f"crowd{number}.ctl")


def _hidden(world: World, number: int) -> None:
    fd = os.open(world.out / f".crowd{number}.ctl", os.O_CREAT | os.O_WRONLY)
    os.close(fd)


def _control_names(world: World, number: int) -> None:
    fd = os.open(world.out / f"crowd\n{number}.ctl", os.O_CREAT | os.O_WRONLY)
    os.close(fd)


def _others(world: World, number: int) -> None:
    fd = os.open(world.out / f"crowd{number}.txt", os.O_CREAT | os.O_WRONLY)
    os.close(fd)


def _route_links(world: World, number: int) -> None:
    os.symlink("/etc/passwd", world.site.folder(ROUTE) / f"crowd{number}.dat")


KINDS: dict[str, tuple[Callable[[World, int], None], bool]] = {
    "lone-data": (_lone_data, False),
    "links": (_links, True),
    "folders": (_folders, True),
    "hidden": (_hidden, True),
    "control-names": (_control_names, True),
    "others": (_others, False),
    "route-links": (_route_links, True),
}


def _crowd(user: str, kind: str, count: int, context: Context) -> None:
    """A crowd that is not to be sent, and pairs that are."""
    world = World(context, user)
    make, odd = KINDS[kind]
    for number in range(count):
        make(world, number)
    for number in range(20):
        world.drop_innocent(f"innocent{number}")
    begin = time.monotonic()
    done = world.run()
    context.count("crowd_seconds", round(time.monotonic() - begin))
    assert done.code == 0, done.err[-2000:]
    assert len(done.err) < LOG_BYTES, f"{len(done.err)} bytes in the log"
    if odd:
        assert len(lines(done.err, "left-alone")) == 100
        (more,) = lines(done.err, "left-alone-more")
        assert f"all={count}" in more, more
    place = world.site.folder(ROUTE) if kind == "route-links" else world.out
    assert len(os.listdir(place)) == count, "some of them are gone"
    world.check()
    world.check_clean()


def _pairs(user: str, count: int, context: Context) -> None:
    """That many pairs: each is sent, once, and none is lost."""
    world = World(context, user)
    world.site.add_mailbox(MAILBOX, max_messages=1000, reports={"collect": False})
    world.site.mailboxes.pop()
    control = world.control(LocalId=None)
    for number in range(count):
        (world.out / f"pair{number}.dat").write_bytes(b"content %d" % number)
        (world.out / f"pair{number}.ctl").write_bytes(control)
    for _ in range(3):
        if not os.listdir(world.out) and world.is_settled():
            break
        done = world.site.run_once(timeout=560)
        assert done.code == 0, done.err[-2000:]
    sent = world.site.folder("SENT")
    assert len(os.listdir(sent)) == 2 * count, len(os.listdir(sent))
    for number in range(count):
        assert (sent / f"pair{number}.dat").read_bytes() == b"content %d" % number
    assert world.sandbox.mailbox("X26ABC2")["accepted"] == count, world.sandbox.mailbox("X26ABC2")
    world.check()


def _links_of_one(user: str, context: Context) -> None:
    """One file with very many names: all are named as what they are, none is sent."""
    world = World(context, user)
    first: Path = world.path / "first"
    first.write_bytes(b"their content\n")
    for number in range(5000):
        os.link(first, world.out / f"name{number}.dat")
        if number % 10 == 0:
            os.link(first, world.out / f"name{number}.ctl")
    world.drop_innocent()
    done = world.run()
    assert "all=5500" in done.err, done.err[-2000:]
    assert len(world.sandbox.posts(MAILBOX)) == 1
    world.check()


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = [Case(f"{user}-links-of-one", partial(_links_of_one, user), user == "user")]
    for kind in KINDS:
        found.append(Case(f"{user}-crowd-{SMALL_CROWD}-{kind}",
                          partial(_crowd, user, kind, SMALL_CROWD), user == "user"))
        found.append(Case(f"{user}-crowd-{CROWD}-{kind}",
                          partial(_crowd, user, kind, CROWD), False, 600.0))
    found.append(Case(f"{user}-pairs-500", partial(_pairs, user, 500), user == "user"))
    found.append(Case(f"{user}-pairs-10000", partial(_pairs, user, 10_000), False, 600.0))
    return found
