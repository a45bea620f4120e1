# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Files that are none, files of silly sizes, and files that do not keep still."""

import contextlib
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common import Case, Context, Skip
from drop_world import (
    AGAIN,
    LIMIT_LONG,
    MAILBOX,
    OURS,
    ROUTE,
    Rhythm,
    World,
    assert_named,
    busy,
    lines,
)
from harness.process import Process
from harness.waiting import wait_for

TERA = 1 << 40
DELAY = 1.0  # seconds for which a file must keep still
TRIES = 10
SHRINKS = 60_000
LINK = "is a symbolic link"
LINKS = "has more than one link"
ODD_MODE = {
    LINK: stat.S_ISLNK,
    LINKS: stat.S_ISREG,
    "is a FIFO": stat.S_ISFIFO,
    "is a socket": stat.S_ISSOCK,
    "is a directory": stat.S_ISDIR,
    "is a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
}


@dataclass(frozen=True)
class Kind:
    """Something that is not a file of one name, and what is said of it."""

    name: str
    plant: Callable[[World, Path], None]
    reason: str


def _link(target: str) -> Callable[[World, Path], None]:
    def plant(world: World, path: Path) -> None:
        where = target.format(outside=world.outside, site=world.site.path, name=path.name,
                              suffix=path.suffix, mailbox=MAILBOX)
        os.symlink(where, path)

    return plant


def _chain(world: World, path: Path) -> None:
    middle = world.theirs_beside(path, "middle")
    os.symlink(world.outside / f"secret{path.suffix}", middle)
    os.symlink(middle, path)


def _hard(source: str) -> Callable[[World, Path], None]:
    def plant(world: World, path: Path) -> None:
        where = source.format(outside=world.outside, site=world.site.path, suffix=path.suffix)
        os.link(where, path)

    return plant


def _twice(world: World, path: Path) -> None:
    second = world.theirs_beside(path, "second name")
    second.write_bytes(world.control() if path.suffix == ".ctl" else b"theirs")
    os.link(second, path)


def _fifo(_world: World, path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o666)


def _fifo_with_writer(_world: World, path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o666)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # a reader would find something
    os.write(fd, b"<DTSControl>")


def _socket(_world: World, path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)
    path.chmod(0o666)


def _device(kind: int, major: int, minor: int) -> Callable[[World, Path], None]:
    def plant(_world: World, path: Path) -> None:
        try:
            os.mknod(path, kind | 0o666, os.makedev(major, minor))
        except PermissionError as refused:
            raise Skip("needs the right to make device nodes") from refused

    return plant


def _folder(_world: World, path: Path) -> None:
    path.mkdir()


def _full_folder(world: World, path: Path) -> None:
    path.mkdir()
    (path / "inner.dat").write_bytes(b"inner")
    (path / "inner.ctl").write_bytes(world.control())


KINDS = (
    Kind("symlink-secret", _link("{outside}/secret{suffix}"), LINK),
    Kind("symlink-relative", _link("../../../../outside/secret{suffix}"), LINK),
    Kind("symlink-folder", _link("{outside}/folder"), LINK),
    Kind("symlink-nowhere", _link("nowhere at all"), LINK),
    Kind("symlink-itself", _link("{name}"), LINK),
    Kind("symlink-innocent", _link("innocent{suffix}"), LINK),
    Kind("symlink-zero", _link("/dev/zero"), LINK),
    Kind("symlink-passwd", _link("/etc/passwd"), LINK),
    Kind("symlink-environ", _link("/proc/self/environ"), LINK),
    Kind("symlink-fd", _link("/proc/self/fd/3"), LINK),
    Kind("symlink-state", _link("{site}/state/{mailbox}/lock"), LINK),
    Kind("symlink-key", _link("{site}/shared.key"), LINK),
    Kind("symlink-chain", _chain, LINK),
    Kind("hardlink-secret", _hard("{outside}/secret{suffix}"), LINKS),
    Kind("hardlink-key", _hard("{site}/shared.key"), LINKS),
    Kind("hardlink-own", _twice, LINKS),
    Kind("fifo", _fifo, "is a FIFO"),
    Kind("fifo-with-writer", _fifo_with_writer, "is a FIFO"),
    Kind("socket", _socket, "is a socket"),
    Kind("device-zero", _device(stat.S_IFCHR, 1, 5), "is a device"),
    Kind("device-full", _device(stat.S_IFCHR, 1, 7), "is a device"),
    Kind("device-tty", _device(stat.S_IFCHR, 5, 0), "is a device"),
    Kind("device-disk", _device(stat.S_IFBLK, 7, 0), "is a device"),
    Kind("folder", _folder, "is a directory"),
    Kind("folder-full", _full_folder, "is a directory"),
)


def _plant(world: World, kind: Kind, path: Path) -> None:
    kind.plant(world, path)
    if not kind.name.startswith("hardlink"):
        world.theirs(path)
        return
    # A second name is a write to the inode: who made it is the owner's business.
    world.accept_outside()


def _member(user: str, openat2: bool, member: str, kind: Kind, context: Context) -> None:
    """One member of a pair is not what it seems; its partner is."""
    world = World(context, user, openat2)
    world.drop_innocent()
    if member == "ctl":
        world.put("victim.dat", b"their content\n")
    else:
        world.put("victim.ctl", world.control())
    path = world.out / f"victim.{member}"
    _plant(world, kind, path)
    world.drop_innocent("later")
    done = world.run()
    assert done.code == 0, done
    assert_named(done, f"OUT/victim.{member}", kind.reason)
    assert ODD_MODE[kind.reason](path.lstat().st_mode), "it is not what it was"
    partner = "dat" if member == "ctl" else "ctl"
    assert (world.out / f"victim.{partner}").is_file(), "its partner was taken"
    world.check()
    world.check_clean()


def _routed(user: str, openat2: bool, kind: Kind, context: Context) -> None:
    """The same in the folder of a route, where each file stands alone."""
    world = World(context, user, openat2)
    world.put("honest.dat", b"honest content\n", ROUTE)
    path = world.site.folder(ROUTE) / "victim.dat"
    _plant(world, kind, path)
    done = world.run()
    assert done.code == 0, done
    if kind.reason != "is a directory":  # the manual says that those do not count
        assert_named(done, f"{ROUTE}/victim.dat", kind.reason)
    assert ODD_MODE[kind.reason](path.lstat().st_mode), "it is not what it was"
    assert "honest.dat.ctl" in world.site.names("SENT"), world.site.names("SENT")
    world.check()
    world.check_clean()


# --- sizes


def _failed(world: World, stem: str, text: str) -> None:
    """The pair ended in FAILED, and its control file says why."""
    status = world.site.failed(stem).status
    assert status.status == "ERROR", status
    assert text in status.text, status
    assert f"{stem}.dat" in world.site.names("FAILED"), world.site.names("FAILED")


def _size(user: str, size: dict[str, int], chunking: str, reason: str, context: Context) -> None:
    """A member of an unreasonable size, without content."""
    world = World(context, user)
    world.drop_innocent()
    world.put("victim.dat", b"their content\n")
    world.put("victim.ctl", world.control(AllowChunking=chunking))
    for member, length in size.items():
        os.truncate(world.out / f"victim.{member}", length)
    world.drop_innocent("later")
    world.run(settle=True)
    _failed(world, "victim", reason)
    world.check()
    world.check_clean()


SIZES = {
    "dat-empty": ({"dat": 0}, "Y", "empty"),
    "dat-1T-one-request": ({"dat": TERA}, "N", "too large"),
    "dat-1T-chunks": ({"dat": TERA}, "Y", "chunks"),
    "dat-8T": ({"dat": 8 * TERA}, "Y", "chunks"),
    "ctl-empty": ({"ctl": 0}, "Y", "control file"),
    "ctl-64K": ({"ctl": 65537}, "Y", "larger than"),
    "ctl-10G": ({"ctl": 10 * (1 << 30)}, "Y", "larger than"),
    "ctl-1T": ({"ctl": TERA}, "Y", "larger than"),
    "both-1T": ({"ctl": TERA, "dat": TERA}, "Y", "larger than"),
}


# --- files that do not keep still


def _inode(path: Path) -> int:
    """0: it is gone."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_ino
    return 0


def _disturbed(world: World, stem: str, control: bytes, data: bytes,
               disturb: Callable[[], None]) -> bool:
    """A pair that is written to all the time is not taken, and holds up nobody. False: it was,
    because this machine did not let us write for so long that it was at rest."""
    rhythm = Rhythm()
    names = [f"{stem}.dat", f"{stem}.ctl"]
    for name, content in zip(names, (data, control)):
        world.put(name, content)
    before = [_inode(world.out / name) for name in names]
    with busy(disturb, rhythm):
        world.drop_innocent(f"beside-{stem}")
        world.site.wait_sent(f"beside-{stem}")
        left = before == [_inode(world.out / name) for name in names] and all(before)
        still = rhythm.longest()
    assert left or still >= DELAY, f"taken too early: at rest for {still:.3f} s at most"
    return left


def _until_left(world: World, attempt: Callable[[str], bool]) -> str:
    """Tries it with a pair of its own each time; the pair that was left in peace."""
    world.site.start_daemon()
    for number in range(TRIES):
        if attempt(f"victim{number}"):
            return f"victim{number}"
        world.context.count("tries_more")
    raise Skip(f"{TRIES} times this machine stood still for {DELAY:g} s")


def _growing(user: str, member: str, context: Context) -> None:
    """A file that grows is not taken; it does not hold up the others; at rest it goes."""
    world = World(context, user, scan_interval="100ms", processing_delay=f"{DELAY:g}s")
    more = b"x" if member == "dat" else b" "

    def attempt(stem: str) -> bool:
        def grow() -> None:
            fd = os.open(world.out / f"{stem}.{member}", os.O_WRONLY | os.O_APPEND)
            try:
                os.write(fd, more)
            finally:
                os.close(fd)

        return _disturbed(world, stem, world.control(), b"their content\n", grow)

    stem = _until_left(world, attempt)
    whole = (world.out / f"{stem}.dat").read_bytes()
    world.site.wait_sent(stem)
    world.site.stop_daemon()
    assert (world.site.folder("SENT") / f"{stem}.dat").read_bytes() == whole
    world.check()
    world.check_clean()


def _shrinking(user: str, member: str, context: Context) -> None:
    """The same with one that gets shorter, down to nothing."""
    world = World(context, user, scan_interval="100ms", processing_delay=f"{DELAY:g}s")

    def attempt(stem: str) -> bool:
        path = world.out / f"{stem}.{member}"
        size = [SHRINKS]  # enough for minutes

        def shrink() -> None:
            size[0] -= 1
            os.truncate(path, size[0])

        control = world.control()
        control += b" " * (SHRINKS - len(control))
        return _disturbed(world, stem, control, b"y" * SHRINKS, shrink)

    stem = _until_left(world, attempt)
    os.truncate(world.out / f"{stem}.{member}", 0)
    wait_for(lambda: f"{stem}.ctl" in world.site.names("FAILED"), "it in FAILED")
    wait_for(lambda: world.site.names("TEMP") == [], "TEMP to be empty")
    world.site.stop_daemon()
    world.check()
    world.check_clean()


def _written_while_sent(user: str, how: str, context: Context) -> None:
    """With no delay at all: what is written to after the claim is not sent as a mixture."""
    world = World(context, user)
    old = b"old content\n" * 1000
    world.put("victim.dat", old)
    world.put("victim.ctl", world.control())
    world.drop_innocent()
    writer = (world.out / "victim.dat").open("r+b")

    def change() -> None:
        if how == "grow":
            writer.seek(0, os.SEEK_END)
        if how == "shrink":
            writer.truncate(100)
        else:
            writer.write(b"NEW CONTENT!")
        writer.flush()

    with writer:
        world.run_paused("pread:1:*/TEMP/2*.dat", change)
    world.run(settle=True)
    _failed(world, "victim", "became shorter" if how == "shrink" else "changed")
    for file in (world.sandbox.path / "messages").rglob("*"):
        if file.is_file():
            assert b"NEW CONTENT!" not in file.read_bytes(), "a mixture was sent"
    world.check()
    world.check_clean()


# --- rights


def _unreadable(user: str, mode: int, context: Context) -> None:
    """What we may not read stays, is named, and is sent once we may."""
    world = World(context, user)
    world.drop_innocent()
    world.pair("victim")
    (world.out / "victim.ctl").chmod(mode)
    done = world.run()
    if user == "user":
        assert "victim.ctl" in world.site.names("OUT")
        (line,) = lines(done.err, "pair-denied")
        assert "victim.ctl" in line, line
        (world.out / "victim.ctl").chmod(0o644)
        world.run()
    assert "victim.ctl" in world.site.names("SENT"), world.site.names("SENT")
    world.check()
    world.check_clean()


def _unreadable_data(user: str, context: Context) -> None:
    """The same for the data: nothing is lost."""
    world = World(context, user)
    world.drop_innocent()
    world.pair("victim")
    (world.out / "victim.dat").chmod(0)
    done = world.run()
    if user == "user":
        assert "victim.dat" in done.err or "victim.ctl" in done.err, done
        for folder in ("OUT", "TEMP", "FAILED"):
            for path in world.site.folder(folder).glob("*.dat"):
                path.chmod(0o644)
        world.run(settle=True)
    both = world.site.names("SENT") + world.site.names("FAILED")
    assert "victim.ctl" in both and "victim.dat" in both, both
    world.check()


# --- files that are kept from us


# For those who have nothing to do with it. Not short: what is kept from us stays so until they have
# arrived, and a machine may stand still.
SOON = 60.0
LEASER = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, lambda *_: None)
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as refused:
    sys.exit(print("refused:", refused.strerror, flush=True))
print("held", flush=True)
while True:
    time.sleep(0.02)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError:
        pass  # somebody is opening it: once more
"""


def _victim(world: World, member: str) -> Path:
    """A pair of theirs, or a file for a route, and the file of it that is to be kept from us."""
    if member == "route":
        return world.put("avictim", b"their content\n", ROUTE)
    world.pair("avictim")
    return world.out / f"avictim.{member}"


def _others_go(world: World, process: Process, event: str, name: str) -> None:
    """Both ways all goes on for the others, and the log names the offender with a reason."""
    message = world.send_in()
    world.drop_innocent("later")
    wait_for(lambda: (world.site.folder("SENT") / "later.ctl").exists(), "later in SENT", SOON)
    wait_for(lambda: (world.site.folder("IN") / f"{message}.ctl").exists(), "the message", SOON)
    wait_for(lambda: any(name in line for line in lines(process.text(), event)), "its line", SOON)
    (line, *_) = [line for line in lines(process.text(), event) if name in line]
    assert "denied" in line or "another program holds it" in line, line
    assert not lines(process.text(), "sending-trouble"), process.text()
    status = (world.site.path / "state" / "status.json")
    wait_for(lambda: name in status.read_text(encoding="utf-8"), "it in status.json", SOON)
    assert "avictim.ctl" not in world.site.names("SENT")


def _ends_well(world: World, process: Process, event: str) -> None:
    """What was kept from us is sent now that we have it, and the trouble is over."""
    world.site.wait_sent("avictim", timeout=AGAIN)
    process.wait_text(f" {event} ")
    world.site.stop_daemon()
    assert len(world.sandbox.posts(MAILBOX)) == 2, "one of them went twice"
    world.check()
    world.check_clean()


def _denied_older(user: str, member: str, context: Context) -> None:
    """What we may not read, and is older, does not hold up what we may."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    path = _victim(world, member)
    path.chmod(0)  # also if we are its owner
    process = world.site.start_daemon()
    process.wait_text(" pair-denied ")
    _others_go(world, process, "pair-denied", path.name)
    assert path.exists(), "it was claimed"
    path.chmod(0o644)
    _ends_well(world, process, "pair-readable")


def _denied_many(user: str, context: Context) -> None:
    """More of them than a turn takes, all older: each is named, and the others go."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    for number in range(150):
        world.pair(f"closed{number}")
        (world.out / f"closed{number}.dat").chmod(0)
    process = world.site.start_daemon()
    process.wait_text(" pair-denied ")
    world.drop_innocent("later")
    world.site.wait_sent("later", timeout=SOON)
    wait_for(lambda: len(lines(process.text(), "pair-denied")) >= 100, "their names", SOON)
    world.site.stop_daemon()
    named = {line.split("reason=")[1] for line in lines(process.text(), "pair-denied")}
    assert 100 <= len(named) <= 110, len(named)
    world.check()


def _fchmod(user: str, member: str, context: Context) -> None:
    """Taken away after the claim, through a descriptor: a job that waits alone."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    world.pair("avictim")
    fd = os.open(world.out / f"avictim.{member}", os.O_RDONLY)
    try:
        world.run_paused(f"openat2:1:2*-????????.{member}", lambda: os.fchmod(fd, 0))
        process = world.site.start_daemon()
        _others_go(world, process, "job-withheld", f"avictim.{member}")
        os.fchmod(fd, 0o644)
    finally:
        os.close(fd)
    _ends_well(world, process, "job-goes-on")


def _leased(user: str, member: str, context: Context) -> None:
    """A lease, renewed again and again, makes each open fail: the same as without the right."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    path = _victim(world, member)
    with subprocess.Popen([sys.executable, "-c", LEASER, str(path)], stdout=subprocess.PIPE,
                          start_new_session=True) as holder:
        try:
            assert holder.stdout
            said = holder.stdout.readline()
            if said.startswith(b"refused"):
                raise Skip(f"this file system has no leases: {said.decode().strip()}")
            assert said == b"held\n", said
            process = world.site.start_daemon()
            process.wait_text(" pair-denied ")
            _others_go(world, process, "pair-denied", path.name)
        finally:
            holder.kill()
    _ends_well(world, process, "pair-readable")


# --- a daemon's life


def _once_only(user: str, context: Context) -> None:
    """A daemon names each offender once, however often it looks, and counts them."""
    world = World(context, user, scan_interval="100ms")
    for number in range(30):
        os.symlink("/etc/passwd", world.out / f"link{number}.dat")
    os.mkfifo(world.out / "pipe.ctl")
    process = world.site.start_daemon()
    for number in range(5):
        world.drop_innocent(f"innocent{number}")
        world.site.wait_sent(f"innocent{number}")
    os.symlink("/etc/passwd", world.out / "new.dat")
    process.wait_text("OUT/new.dat")
    world.site.stop_daemon()
    status = (world.site.path / "state" / "status.json").read_text(encoding="utf-8")
    found = lines(process.text(), "left-alone")
    assert len(found) == 32, found
    assert len({line.split("file=")[1] for line in found}) == 32
    assert '"left_alone": 32' in status, status
    world.check()


def _flood(user: str, context: Context) -> None:
    """Somebody who goes on making offenders does not fill the log."""
    world = World(context, user, scan_interval="100ms")
    process = world.site.start_daemon()
    for number in range(2000):
        os.symlink("/etc/passwd", world.out / f"link{number}.dat")
        (world.out / f"link{number - 50}.dat").unlink(missing_ok=True)
    world.drop_innocent()
    world.site.wait_sent("innocent")
    for number in range(300):
        os.symlink("/etc/passwd", world.out / f"more{number}.dat")
    process.wait_text("left-alone-more")
    world.drop_innocent("later")
    world.site.wait_sent("later")
    world.site.stop_daemon()
    assert len(lines(process.text(), "left-alone")) == 100
    assert len(lines(process.text(), "left-alone-more")) == 1
    world.check()


def _mended(user: str, context: Context) -> None:
    """An offender that becomes an honest file is taken like one."""
    world = World(context, user, scan_interval="100ms", processing_delay=f"{DELAY:g}s")
    world.put("victim.ctl", world.control())
    second = world.path / "second.dat"
    second.write_bytes(b"their content\n")
    os.link(second, world.out / "victim.dat")
    process = world.site.start_daemon()
    process.wait_text("OUT/victim.dat")
    assert "more than one link" in process.text()
    second.unlink()
    world.site.wait_sent("victim")
    world.site.stop_daemon()
    world.check()


def _passing_link(user: str, context: Context) -> None:
    """A second link that is only there while a file is moved by links is no offence."""
    world = World(context, user, scan_interval="100ms", processing_delay=f"{DELAY:g}s")
    second = world.path / "second.dat"

    def attempt(stem: str) -> bool:
        world.put(f"{stem}.ctl", world.control())
        second.write_bytes(b"their content\n")
        rhythm = Rhythm()
        os.link(second, world.out / f"{stem}.dat")
        threading.Event().wait(0.2)  # a few looks
        second.unlink()
        there = rhythm.longest()
        world.site.wait_sent(stem)
        said = [line for line in lines(world.site.process.text(), "left-alone") if stem in line]
        assert not said or there >= DELAY, f"there for {there:.3f} s: {said}"
        return not said

    _until_left(world, attempt)
    world.site.stop_daemon()
    world.check()


def _of_another(user: str, context: Context) -> None:
    """A file that belongs to the daemon, of one link, is as good as any other."""
    world = World(context, user)
    world.pair("victim")
    if os.getuid() == 0:
        os.chown(world.out / "victim.dat", OURS, OURS)
    world.run()
    assert "victim.dat" in world.site.names("SENT")


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = []
    for openat2 in (True, False):
        kernel = "openat2" if openat2 else "openat"
        for kind in KINDS:
            quick = openat2 == (user == "user")
            for member in ("ctl", "dat"):
                found.append(Case(f"{user}-{kernel}-{member}-{kind.name}",
                                  partial(_member, user, openat2, member, kind), quick))
            found.append(Case(f"{user}-{kernel}-route-{kind.name}",
                              partial(_routed, user, openat2, kind), quick))
    for name, (size, chunking, reason) in SIZES.items():
        found.append(Case(f"{user}-{name}", partial(_size, user, size, chunking, reason)))
    for member in ("ctl", "dat"):
        found.append(Case(f"{user}-{member}-growing", partial(_growing, user, member)))
        found.append(Case(f"{user}-{member}-shrinking", partial(_shrinking, user, member)))
    for how in ("grow", "shrink", "overwrite"):
        found.append(Case(f"{user}-{how}-while-sent", partial(_written_while_sent, user, how)))
    for mode in (0, 0o200):
        found.append(Case(f"{user}-ctl-mode-{mode:03o}", partial(_unreadable, user, mode)))
    if user == "user":
        for member in ("ctl", "dat", "route"):
            for name, attack in {
                f"{member}-denied-older": _denied_older,
                f"fchmod-after-claim-{member}": _fchmod,
                f"lease-{member}": _leased,
            }.items():
                if member != "route" or attack != _fchmod:
                    found.append(Case(f"{user}-{name}", partial(attack, user, member),
                                      limit=LIMIT_LONG))
        found.append(Case(f"{user}-denied-many", partial(_denied_many, user)))
    for name, run in {
        "dat-mode-000": _unreadable_data,
        "named-once": _once_only,
        "flood": _flood,
        "mended": _mended,
        "passing-link": _passing_link,
        "of-another": _of_another,
    }.items():
        found.append(Case(f"{user}-{name}", partial(run, user)))
    return found
