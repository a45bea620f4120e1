# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The root of a mailbox is another one all at once, while the daemon runs.

The folders that it holds open are then those of nobody: what it would put there is seen by nobody,
and what lies in the new ones was not meant for it. It says so, and waits.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import Case, Context
from drop_world import AGAIN, LIMIT_LONG, MAILBOX, ROUTE, TOLD_AGAIN, World, lines
from harness.process import Process
from harness.site import FOLDERS
from harness.waiting import wait_for

TRAP = ("OUT/trap.ctl", "OUT/trap.dat")


def _tree(world: World, path: Path) -> None:
    """Folders like those of a mailbox, and a pair that nobody may send."""
    for name in (*FOLDERS, ROUTE):
        folder = path / name
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    (path / "OUT" / "trap.dat").write_bytes(b"trap\n")
    (path / "OUT" / "trap.ctl").write_bytes(world.control())


def _symlink(world: World, root: Path) -> None:
    _tree(world, world.path / "elsewhere")
    os.symlink(world.path / "elsewhere", root)


def _new(world: World, root: Path) -> None:
    _tree(world, root)


def _gone(_world: World, _root: Path) -> None:
    pass


def _nowhere(_world: World, root: Path) -> None:
    os.symlink("nowhere", root)


def _file(_world: World, root: Path) -> None:
    root.write_bytes(b"file\n")


PLACES: dict[str, Callable[[World, Path], None]] = {
    "symlink": _symlink,
    "new": _new,
    "gone": _gone,
    "nowhere": _nowhere,
    "file": _file,
}


def _check_start(process: Process) -> None:
    """It is confined where the kernel can do that, and has no trouble."""
    said = lines(process.text(), "not-confined")
    assert not said or "Landlock" in said[0], said
    assert not lines(process.text(), "folder-trouble"), process.text()


def _wait(world: World, held: Path) -> str:
    """What waits for the path to lead to the folders again; the message among it."""
    (held / "OUT" / "waits.dat").write_bytes(b"waits\n")
    (held / "OUT" / "waits.ctl").write_bytes(world.control())
    (held / ROUTE / "waits.pdf").write_bytes(b"waits too\n")
    return world.send_in()


def _attacked(world: World, process: Process, root: Path, held: Path, message: str) -> None:
    """While the path leads elsewhere: both ways are closed, and nothing is touched. held: where
    the folders are now."""
    begun = time.monotonic()
    for event in ("folder-trouble", "receiving-trouble"):
        wait_for(lambda event=event: lines(process.text(), event), event)
        said = lines(process.text(), event)
        assert len(said) <= 1 + (time.monotonic() - begun) // TOLD_AGAIN, said
        assert all(f"'{root}' was removed or replaced" in line for line in said), said
    assert world.sandbox.message(message)["status"] == "accepted", "acknowledged meanwhile"
    assert len(world.sandbox.posts(MAILBOX)) == 1, "something was sent meanwhile"
    assert sorted(os.listdir(held / "IN")) == [], os.listdir(held / "IN")
    assert sorted(os.listdir(held / "OUT")) == ["waits.ctl", "waits.dat"]
    if root.is_dir():
        found = [str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()]
        assert tuple(sorted(found)) == TRAP, found


def _restored(world: World, process: Process, message: str) -> None:
    """The path leads to the folders again: all that waited goes."""
    world.drop_innocent("second")
    for stem in ("second", "waits", "waits.pdf"):
        world.site.wait_sent(stem, timeout=AGAIN)
    wait_for((world.site.folder("IN") / f"{message}.ctl").exists, "the message", AGAIN)
    for event in ("folder-well", "receiving-well"):
        process.wait_text(event)
    world.site.stop_daemon()
    world.check()
    world.check_clean()


def _replaced(user: str, how: str, context: Context) -> None:
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    root = world.out.parent
    away = root.with_name("away")
    with world.started_before_a_look() as process:
        _check_start(process)
        root.rename(away)
        PLACES[how](world, root)
        message = _wait(world, away)
    _attacked(world, process, root, away, message)
    if root.is_dir() and not root.is_symlink():
        root.rename(root.with_name("trap"))
    else:
        root.unlink(missing_ok=True)
    away.rename(root)
    _restored(world, process, message)


def _link(user: str, context: Context) -> None:
    """A root that is a link from the start is as good as any, until it leads elsewhere."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    root = world.out.parent
    real = root.with_name("real")
    root.rename(real)
    os.symlink("real", root)
    with world.started_before_a_look() as process:
        _check_start(process)
        root.unlink()
        _symlink(world, root)
        message = _wait(world, real)
    _attacked(world, process, root, real, message)
    root.unlink()
    os.symlink(real, root)
    _restored(world, process, message)


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = [Case(f"{user}-running-root-{how}", partial(_replaced, user, how), limit=LIMIT_LONG)
             for how in PLACES]
    found.append(Case(f"{user}-running-root-link", partial(_link, user), limit=LIMIT_LONG))
    return found
