# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Files that become something else between two system calls of the daemon.

pause.c stops the daemon before a call; then the file is taken away and something else is put in
its place. In OUT everybody may do that; in TEMP nobody should be able to, but is here.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import Case, Context
from drop_world import World

JOB = "2*-????????"
OUT_POINTS = {
    "ctl": (
        "fstatat:1:victim.ctl",  # the scan
        "openat2:1:victim.ctl",  # it is read before the claim
        "fstat:1:*/OUT/victim.ctl",
        "pread:1:*/OUT/victim.ctl",
        "fstat:2:*/OUT/victim.ctl",
        "openat2:1:*.job",  # the record is made
        "fstatat:2:victim.ctl",  # is it still the same?
        "fstatat:3:victim.ctl",
        "renameat2:1:victim.ctl",
    ),
    "dat": (
        "fstatat:1:victim.dat",
        "openat2:1:victim.ctl",
        "openat2:1:*.job",
        "renameat2:1:victim.ctl",
        "fstatat:2:victim.dat",
        "fstatat:3:victim.dat",
        "renameat2:1:victim.dat",
    ),
}
TEMP_POINTS = {
    "ctl": (
        f"fstatat:2:{JOB}.ctl",  # after the rename
        f"openat2:1:{JOB}.ctl",
        f"fstat:1:*/TEMP/{JOB}.ctl",
        f"openat2:2:{JOB}.ctl",  # for the archive
        f"unlinkat:1:{JOB}.ctl",
    ),
    "dat": (
        f"fstatat:2:{JOB}.dat",
        f"openat2:1:{JOB}.dat",
        f"fstat:1:*/TEMP/{JOB}.dat",
        f"pread:1:*/TEMP/{JOB}.dat",
        f"renameat2:1:{JOB}.dat",
    ),
}

Swap = Callable[[World, Path], None]


def _link(world: World, path: Path) -> None:
    os.symlink(world.outside / f"secret{path.suffix}", path)


def _hard_link(world: World, path: Path) -> None:
    os.link(world.outside / f"secret{path.suffix}", path)
    world.accept_outside()


def _fifo(_world: World, path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o666)


def _folder(_world: World, path: Path) -> None:
    path.mkdir()


def _gone(_world: World, _path: Path) -> None:
    pass


def _other(world: World, path: Path) -> None:
    path.write_bytes(world.control() if path.suffix == ".ctl" else b"another file\n")
    world.theirs(path)


SWAPS: dict[str, Swap] = {
    "symlink": _link,
    "hardlink": _hard_link,
    "fifo": _fifo,
    "folder": _folder,
    "gone": _gone,
    "other": _other,
}


def _victims(world: World, member: str, in_temp: bool) -> Path:
    """Where the member is at the moment."""
    if not in_temp:
        return world.out / f"victim.{member}"
    (found,) = [path for path in world.site.folder("TEMP").glob(f"2*.{member}")
                if not path.name.startswith(".")][:1]
    return found


def _swapped(
    user: str, openat2: bool, member: str, swap: str, point: str, in_temp: bool, context: Context
) -> None:
    """Swapped at the point; then the daemon goes on, and runs until it is settled."""
    world = World(context, user, openat2)
    world.pair("victim")

    def meanwhile() -> None:
        path = _victims(world, member, in_temp)
        aside = world.theirs_beside(path, "original")
        path.rename(aside)
        SWAPS[swap](world, path)

    result = world.run_paused(point if openat2 else point.replace("openat2", "openat"), meanwhile)
    world.drop_innocent()
    if in_temp and swap == "folder":
        _clear_away(world)
    last = world.run(settle=True)
    world.check()
    _check_told(world, member, result.err + last.err)


def _clear_away(world: World) -> None:
    """A folder in our own folder may hold us up; then the log says so, until it is removed."""
    done = world.run()
    folders = [path for path in world.site.folder("TEMP").iterdir() if path.is_dir()]
    assert not folders or any(path.name in done.err for path in folders), done
    for path in folders:
        path.rmdir()


def _check_told(world: World, member: str, log: str) -> None:
    """The victim is where a person finds it, or the log says what became of it."""
    left = [name for name in world.site.names("TEMP") if name.startswith("2")]
    assert left == [] and world.is_settled(), f"left in TEMP: {left}\n{log}"
    ended = {folder: world.site.names(folder) for folder in ("SENT", "FAILED")}
    told = any("victim.ctl" in names for names in ended.values())
    waiting = f"victim.{member}" in world.site.names("OUT")
    gone = not waiting and f"victim.{member}" not in sum(ended.values(), [])
    said = 'file="OUT/victim.' in log or 'file="victim.ctl"' in log
    assert told or said or waiting or gone, f"{ended} {world.site.names('OUT')}\n{log}"
    for folder in ("SENT", "FAILED", "OUT", "IN"):
        for path in world.site.folder(folder).glob("victim*"):
            assert path.is_symlink() or not path.is_file() or path.stat().st_nlink == 2 or (
                b"TOPSECRET" not in path.read_bytes()), f"{path} has the secret"


def _double(user: str, context: Context) -> None:
    """OUT itself is swapped for a link to a folder of others, in the middle of a scan."""
    world = World(context, user)
    world.pair("victim")
    elsewhere = world.path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "trap.ctl").write_bytes(world.control())
    (elsewhere / "trap.dat").write_bytes(b"trap\n")

    def meanwhile() -> None:
        world.out.rename(world.out.with_name("away"))
        os.symlink(elsewhere, world.out)

    world.run_paused("fstatat:1:victim.ctl", meanwhile)
    done = world.run()
    assert "OUT" in done.err and "symbolic link" in done.err, done
    assert sorted(os.listdir(elsewhere)) == ["trap.ctl", "trap.dat"]
    world.out.unlink()
    world.out.with_name("away").rename(world.out)
    world.drop_innocent()
    world.run(settle=True)
    world.check()
    world.check_clean()


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = [Case(f"{user}-swap-OUT", partial(_double, user))]
    for place, points in (("OUT", OUT_POINTS), ("TEMP", TEMP_POINTS)):
        for member, where in points.items():
            for point in where:
                for number, swap in enumerate(SWAPS):
                    name = f"{user}-swap-{place}-{member}-{swap}-{point.split(':*')[0]}"
                    quick = (where.index(point) + number) % 4 == (user == "user")
                    found.append(Case(
                        name, partial(_swapped, user, True, member, swap, point, place == "TEMP"),
                        quick))
    return found
