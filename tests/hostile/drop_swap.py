# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Files that become something else between two system calls of the daemon.

pause.c stops the daemon before a call; then the file is taken away and something else is put in
its place. In OUT and in the folder of a route everybody may do that; in TEMP nobody should be able
to, but is here. With openat2, and without it: the kernel has none, or a filter of calls forbids it.
"""

import errno
import os
import re
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import Case, Context
from drop_world import ROUTE, World

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

ROUTE_POINTS = (
    "fstatat:1:victim.pdf",  # the scan
    "openat2:1:victim.pdf",  # the look before the claim
    "openat2:1:*.job",  # the record is made
    "fstatat:2:victim.pdf",  # is it still the same?
    "renameat2:1:victim.pdf",
)
KERNELS = {"openat2": 0, "openat": errno.ENOSYS, "eperm": errno.EPERM}
# What can be found again by its content, wherever it went.
DATA, CONTROL, SWAPPED = "MARK-DATA", "MARK-CONTROL", "MARK-SWAPPED"
PLACES = ("OUT", ROUTE, "SENT", "FAILED", "TEMP")

Swap = Callable[[World, Path], None]


def _secret(world: World, path: Path) -> Path:
    return world.outside / ("secret.ctl" if path.suffix == ".ctl" else "secret.dat")


def _link(world: World, path: Path) -> None:
    os.symlink(_secret(world, path), path)


def _hard_link(world: World, path: Path) -> None:
    os.link(_secret(world, path), path)
    world.accept_outside()


def _fifo(_world: World, path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o666)


def _folder(_world: World, path: Path) -> None:
    path.mkdir()


def _gone(_world: World, _path: Path) -> None:
    pass


def _other(world: World, path: Path) -> None:
    ctl = path.suffix == ".ctl"
    path.write_bytes(world.control(Subject=SWAPPED) if ctl else f"{SWAPPED}\n".encode())
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


def _world(context: Context, user: str, kernel: str) -> World:
    world = World(context, user)
    if KERNELS[kernel]:
        world.use_library({"HOSTILE_OPENAT2": str(KERNELS[kernel])})
    return world


def _point(kernel: str, point: str) -> str:
    return point if kernel == "openat2" else point.replace("openat2", "openat")


def _swapped(
    user: str, kernel: str, member: str, swap: str, point: str, in_temp: bool, context: Context
) -> None:
    """Swapped at the point; then the daemon goes on, and runs until it is settled."""
    world = _world(context, user, kernel)
    world.put("victim.dat", f"{DATA}\n".encode())
    world.put("victim.ctl", world.control(Subject=CONTROL))

    def meanwhile() -> None:
        path = _victims(world, member, in_temp)
        aside = world.theirs_beside(path, "original")
        path.rename(aside)
        SWAPS[swap](world, path)

    log = world.run_paused(_point(kernel, point), meanwhile).err
    world.drop_innocent()
    cleared = in_temp and swap == "folder" and _clear_away(world)
    log += world.run(settle=True).err
    world.check()
    left = [name for name in world.site.names("TEMP") if name.startswith("2")]
    assert left == [] and world.is_settled(), f"left in TEMP: {left}\n{log}"
    _check_once(world, DATA if member == "ctl" else CONTROL, log)
    # The last step of a job takes the claimed control file's name away, whatever has it.
    removed = cleared or in_temp and point.startswith("unlinkat") and swap != "folder"
    _check_swap(world, swap, log, removed)
    if not in_temp:
        _check_named(world, swap, log)


def _clear_away(world: World) -> bool:
    """A folder in our own folder may hold us up; then the log says so, until it is removed."""
    done = world.run()
    folders = [path for path in world.site.folder("TEMP").iterdir() if path.is_dir()]
    assert not folders or any(path.name in done.err for path in folders), done
    for path in folders:
        path.rmdir()
    return bool(folders)


def _routed(user: str, kernel: str, swap: str, point: str, context: Context) -> None:
    """The same in the folder of a route, where a file stands alone."""
    world = _world(context, user, kernel)
    path = world.put("victim.pdf", f"{DATA}\n".encode(), ROUTE)

    def meanwhile() -> None:
        path.rename(world.theirs_beside(path, "original"))
        SWAPS[swap](world, path)

    log = world.run_paused(_point(kernel, point), meanwhile).err
    world.drop_innocent()
    log += world.run(settle=True).err
    world.check()
    world.check_clean()
    _check_swap(world, swap, log, False)
    if swap != "folder":  # the manual says that those do not count
        _check_named(world, swap, log)


def _entries(world: World) -> list[tuple[str, Path, os.stat_result]]:
    return [(f"{place}/{path.name}", path, path.lstat())
            for place in PLACES for path in world.site.folder(place).iterdir()]


def _check_once(world: World, mark: str, log: str) -> None:
    """A file that was dropped is somewhere, and not twice."""
    found = [name for name, path, st in _entries(world)
             if stat.S_ISREG(st.st_mode) and mark.encode() in path.read_bytes()]
    assert len(found) == 1, f"{mark} is in {found}\n{log}"


ODD: dict[str, Callable[[os.stat_result], bool]] = {
    "symlink": lambda st: stat.S_ISLNK(st.st_mode),
    "hardlink": lambda st: stat.S_ISREG(st.st_mode) and st.st_nlink == 2,
    "fifo": lambda st: stat.S_ISFIFO(st.st_mode),
    "folder": lambda st: stat.S_ISDIR(st.st_mode),
}


def _check_swap(world: World, swap: str, log: str, removed: bool) -> None:
    """What was put in its place is somewhere as well, and is what it was."""
    if swap == "gone" or removed:
        return
    if swap == "other":
        _check_once(world, SWAPPED, log)
        return
    found = [name for name, _, st in _entries(world) if ODD[swap](st)]
    assert len(found) == 1 and "victim" in found[0], f"the {swap} is in {found}\n{log}"


def _check_named(world: World, swap: str, log: str) -> None:
    """What is no honest file is in FAILED, or a line says why it is left where it is."""
    if swap not in ODD:
        return
    failed = [name for name, _, st in _entries(world)
              if name.startswith("FAILED/") and ODD[swap](st)]
    said = re.search(r'^.* file="[^"]*victim\.[^"]*".* reason=".*$', log, re.MULTILINE)
    assert failed or said, f"nothing says what became of the {swap}\n{log}"


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


def _kernels(point_number: int, swap_number: int) -> list[str]:
    """With openat2 all; without it a third of each point, so that each swap has its turn."""
    return ["openat2"] + (["openat"] if (point_number + swap_number) % 3 == 0 else [])


def _pair_cases(user: str, place: str, member: str, points: tuple[str, ...]) -> list[Case]:
    found = []
    for number, point in enumerate(points):
        for at, swap in enumerate(SWAPS):
            for kernel in _kernels(number, at):
                name = f"{user}-{kernel}-swap-{place}-{member}-{swap}-{point.split(':*')[0]}"
                found.append(Case(
                    name, partial(_swapped, user, kernel, member, swap, point, place == "TEMP"),
                    (number + at) % 4 == (user == "user")))
    return found


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = [Case(f"{user}-swap-OUT", partial(_double, user))]
    for place, points in (("OUT", OUT_POINTS), ("TEMP", TEMP_POINTS)):
        for member, where in points.items():
            found += _pair_cases(user, place, member, where)
    for number, point in enumerate(ROUTE_POINTS):
        for at, swap in enumerate(SWAPS):
            for kernel in _kernels(number, at):
                name = f"{user}-{kernel}-swap-route-{swap}-{point.split(':*')[0]}"
                found.append(Case(name, partial(_routed, user, kernel, swap, point)))
    for swap in SWAPS:
        run = partial(_swapped, user, "eperm", "ctl", swap, "openat2:1:victim.ctl", False)
        found.append(Case(f"{user}-eperm-swap-OUT-ctl-{swap}", run))
    return found
