# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The folders themselves: links, files and pipes in their place, taken away, made unusable; and
names of ours that somebody else took first."""

import contextlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import Case, Context, Skip
from drop_world import AGAIN, LIMIT_LONG, MAILBOX, OURS, PEER, ROUTE, World, lines
from harness.process import Process
from harness.site import FOLDERS
from harness.waiting import wait_for

ALL = (*FOLDERS, ROUTE)


# --- before the start


def _to_folder(world: World, path: Path) -> None:
    target = world.path / "elsewhere"
    target.mkdir()
    (target / "trap.dat").write_bytes(b"trap\n")
    (target / "trap.ctl").write_bytes(world.control())
    os.symlink(target, path)


def _to_root(_world: World, path: Path) -> None:
    os.symlink("/", path)


def _to_nowhere(_world: World, path: Path) -> None:
    os.symlink("nowhere", path)


def _to_itself(_world: World, path: Path) -> None:
    os.symlink(path.name, path)


def _to_other(world: World, path: Path) -> None:
    other = "SENT" if path.name == "IN" else "IN"
    os.symlink(world.site.folder(other), path)


def _file(_world: World, path: Path) -> None:
    path.write_bytes(b"file\n")


def _fifo(_world: World, path: Path) -> None:
    os.mkfifo(path)


PLACES: dict[str, tuple[Callable[[World, Path], None], str]] = {
    "symlink-folder": (_to_folder, "symbolic link"),
    "symlink-root": (_to_root, "symbolic link"),
    "symlink-nowhere": (_to_nowhere, "symbolic link"),
    "symlink-itself": (_to_itself, "symbolic link"),
    "symlink-other": (_to_other, "symbolic link"),
    "file": (_file, "not a directory"),
    "fifo": (_fifo, "not a directory"),
}


def _replaced_before(user: str, folder: str, kind: str, context: Context) -> None:
    """It does not start, says which folder and why, and touches nothing; mended, all goes."""
    world = World(context, user)
    plant, reason = PLACES[kind]
    world.drop_innocent()
    path = world.site.folder(folder)
    real = path.with_name("real")
    path.rename(real)
    plant(world, path)
    done = world.site.run_once(timeout=40)
    assert done.code != 0, done
    told = [line for line in done.err.splitlines() if f"/{folder}'" in line and reason in line]
    assert told, done
    elsewhere = world.path / "elsewhere"
    if elsewhere.is_dir():
        assert sorted(os.listdir(elsewhere)) == ["trap.ctl", "trap.dat"], os.listdir(elsewhere)
    path.unlink()
    real.rename(path)
    world.run()
    world.check()
    world.check_clean()


# --- while it runs


def _replaced_running(user: str, folder: str, how: str, context: Context) -> None:
    """A folder that is another one all at once: nothing more is put there or taken from there,
    the log says so, and when it is back all goes on."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    path = world.site.folder(folder)
    away = path.with_name("away")
    elsewhere = world.path / "elsewhere"
    with world.started_before_a_look() as process:
        path.rename(away)
        if how == "symlink":
            _to_folder(world, path)
        elif how == "new":
            path.mkdir()
            path.chmod(0o777)
        message = world.send_in()
    process.wait_text(f"/{folder}' was removed or replaced")
    if how == "symlink":
        assert sorted(os.listdir(elsewhere)) == ["trap.ctl", "trap.dat"], os.listdir(elsewhere)
        path.unlink()
    elif how == "new":
        assert os.listdir(path) == [], os.listdir(path)
        path.rmdir()
    assert world.sandbox.message(message)["status"] == "accepted", "acknowledged meanwhile"
    away.rename(path)
    world.drop_innocent("second")
    world.site.wait_sent("second", timeout=AGAIN)
    wait_for((world.site.folder("IN") / f"{message}.ctl").exists, "the message", AGAIN)
    world.site.stop_daemon()
    world.check()
    world.check_clean()


def _removed_running(user: str, folder: str, context: Context) -> None:
    """Removed for good: said; a restart makes it again, and nothing is lost."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    keep = world.path / "kept"
    with world.started_before_a_look() as process:
        shutil.copytree(world.site.folder(folder), keep)
        shutil.rmtree(world.site.folder(folder))
        message = world.send_in()
    process.wait_text(f"/{folder}' was removed or replaced")
    world.site.stop_daemon()
    assert world.sandbox.message(message)["status"] == "accepted", "acknowledged meanwhile"
    if user == "user":
        world.site.folder(folder).parent.chmod(0o777)
    world.run()
    for name in os.listdir(keep):
        if not name.startswith("."):
            shutil.copy2(keep / name, world.site.folder(folder) / name)
    assert f"{message}.ctl" in world.site.names("IN"), world.site.names("IN")
    world.check()


def _mode(user: str, folder: str, mode: int, context: Context) -> None:
    """Without the right to write or even to look: said, nothing lost, and well when it is back."""
    if user == "root":
        raise Skip("root may do it all the same")
    if folder == "OUT" and mode != 0 and os.getuid() != 0:
        raise Skip("needs root, to drop where the daemon may not write")
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    process = world.site.start_daemon()
    world.drop_innocent("first")
    world.site.wait_sent("first")
    path = world.site.folder(folder)
    path.chmod(mode)
    try:
        if folder == "OUT" and mode == 0:
            path.chmod(0o700)
            world.drop_innocent("second")
            path.chmod(mode)
        else:
            world.drop_innocent("second")
        if folder == "FAILED":
            world.put("bad.dat", b"their content\n")
            world.put("bad.ctl", world.control(To_DTS=None))
        message = world.send_in()
        process.wait_text("-trouble")
        assert folder in process.text() or "denied" in process.text().lower(), process.text()
    finally:
        path.chmod(0o777)
    world.site.wait_sent("second", timeout=AGAIN)
    wait_for((world.site.folder("IN") / f"{message}.ctl").exists, "the message", AGAIN)
    if folder == "FAILED":
        wait_for((path / "bad.ctl").exists, "bad in FAILED", AGAIN)
    world.site.stop_daemon()
    assert len(world.sandbox.posts(MAILBOX)) == 2
    world.check()


# --- folders from which not all may be taken


def _wait_said(process: Process, event: str) -> None:
    """Until this life of the daemon has said so; the log has those before it, too."""
    wait_for(lambda: lines(process.text().rpartition(" started ")[2], event), event)


def _sticky(user: str, folder: str, context: Context) -> None:
    """With the sticky bit we may read what others dropped, but not move it: it stays and is named,
    what we may move goes, also after a restart; and all goes when the bit is gone."""
    if os.getuid() != 0:
        raise Skip("needs root, to give the folder to somebody else")
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    path = world.site.folder(folder)
    if folder == "OUT":
        world.pair("avictim")
    else:
        world.put("avictim", b"their content\n", folder)
    world.theirs(path)
    path.chmod(0o1777)
    process = world.site.start_daemon()
    for stem in ("first", "second"):
        _wait_said(process, "pair-denied")
        assert "avictim" in lines(process.text(), "pair-denied")[0], process.text()
        world.drop_innocent(stem)
        for suffix in ("ctl", "dat"):
            with contextlib.suppress(FileNotFoundError):  # where it may be taken, it is soon gone
                os.chown(world.out / f"{stem}.{suffix}", OURS, OURS)
        message = world.send_in()
        world.site.wait_sent(stem)
        wait_for((world.site.folder("IN") / f"{message}.ctl").exists, "the message")
        world.site.stop_daemon()
        assert not lines(process.text(), "folder-trouble"), process.text()
        assert any(name.startswith("avictim") for name in os.listdir(path)), os.listdir(path)
        process = world.site.start_daemon()
    _wait_said(process, "pair-denied")
    path.chmod(0o777)
    world.site.wait_sent("avictim", timeout=AGAIN)
    process.wait_text(" pair-readable ")
    world.site.stop_daemon()
    assert len(world.sandbox.posts(MAILBOX)) == 3
    world.check()
    world.check_clean()


def _add_peer(world: World) -> None:
    """A second mailbox, with nothing wrong."""
    world.site.add_mailbox(PEER)
    for folder in FOLDERS:
        world.site.folder(folder, PEER).chmod(0o777)
    if os.getuid() == 0:
        for top in (world.site.path / "mesh" / PEER, world.site.path / "mailboxes.d",
                    world.site.path / f"{PEER}.password"):
            for path in (top, *top.rglob("*")):
                shutil.chown(path, OURS, OURS)


def _peer_goes(world: World) -> None:
    """It sends and receives, within a time."""
    world.site.drop("honest", b"honest content\n", PEER, Compress="N", To_DTS=PEER)
    wait_for((world.site.folder("SENT", PEER) / "honest.ctl").exists, "honest in SENT")
    message = world.site.sent("honest", PEER)["DTSId"]
    wait_for((world.site.folder("IN", PEER) / f"{message}.ctl").exists, "it in IN")


def _half_received(world: World, path: Path) -> None:
    """A message is in TEMP, complete, and cannot go on into IN."""
    message = world.send_in()
    world.run_paused(f"renameat2:1:{message}.part", lambda: path.chmod(0o555))
    assert f"{message}.part" in world.site.names("TEMP"), world.site.names("TEMP")


def _half_claimed(world: World, path: Path) -> None:
    """A control file is in TEMP, its data may not follow."""
    world.pair("victim")
    world.run_paused("renameat2:1:victim.dat", lambda: path.chmod(0o555))
    assert "victim.dat" in world.site.names("OUT"), world.site.names("OUT")


def _restart(user: str, folder: str, mode: int, before: Callable[[World, Path], None] | None,
             context: Context) -> None:
    """Without the right to a folder the daemon starts all the same; the other mailbox is served,
    log and status name the folder; when the right is back, what was left is taken up."""
    world = World(context, user, scan_interval="100ms", poll_interval="1s")
    _add_peer(world)
    path = world.site.folder(folder)
    if before:
        before(world, path)
    path.chmod(mode)
    try:
        process = world.site.start_daemon()
        _peer_goes(world)
        trouble = "folder-trouble" if folder == "OUT" and mode else "mailbox-trouble"
        process.wait_text(f" {trouble} ")
        (line, *_) = lines(process.text(), trouble)
        assert "denied" in line and (before or folder in line), line
        status = world.site.path / "state" / "status.json"
        wait_for(lambda: "denied" in status.read_text(encoding="utf-8"), "it in status.json")
        assert not world.sandbox.posts(MAILBOX), "sent meanwhile"
        world.site.stop_daemon()
        process = world.site.start_daemon()
        _wait_said(process, trouble)
    finally:
        path.chmod(0o777)
    message = world.send_in()
    world.drop_innocent()
    world.site.wait_sent("innocent", timeout=AGAIN)
    wait_for((world.site.folder("IN") / f"{message}.ctl").exists, "the message", AGAIN)
    if before is _half_claimed:
        world.site.wait_sent("victim", timeout=AGAIN)
    if trouble == "mailbox-trouble":
        process.wait_text(" mailbox-well ")
    world.site.stop_daemon()
    assert len(world.sandbox.posts(MAILBOX)) == 1 + (before is _half_claimed)
    received = [name for name in world.site.names("IN") if name.endswith(".ctl")]
    assert len(received) == 1 + (before is _half_received), received
    world.check()
    world.check_clean()


# --- names of ours that are taken


def _plant_link(world: World, path: Path) -> None:
    os.symlink(world.outside / "secret.dat", path)


def _plant_dangling(world: World, path: Path) -> None:
    os.symlink(world.outside / "not there", path)


def _plant_hard(world: World, path: Path) -> None:
    os.link(world.outside / "secret.dat", path)
    world.accept_outside()


def _plant_folder(_world: World, path: Path) -> None:
    path.mkdir()
    (path / "inner").write_bytes(b"inner")


def _plant_file(world: World, path: Path) -> None:
    path.write_bytes(b"somebody else's\n")
    world.theirs(path)


TAKEN: dict[str, Callable[[World, Path], None]] = {
    "symlink": _plant_link,
    "dangling": _plant_dangling,
    "hardlink": _plant_hard,
    "folder": _plant_folder,
    "fifo": _fifo,
    "file": _plant_file,
}


def _facts(path: Path) -> tuple[int, ...]:
    st = path.lstat()
    return (st.st_ino, st.st_mode, st.st_size, st.st_mtime_ns)


def _taken_archive(user: str, folder: str, member: str, kind: str, context: Context) -> None:
    """The name of the next file in SENT or FAILED is taken: it stays, ours gets another one."""
    world = World(context, user)
    path = world.site.folder(folder) / f"victim.{member}"
    TAKEN[kind](world, path)
    before = _facts(path)
    world.put("victim.dat", b"their content\n")
    world.put("victim.ctl", world.control(**({} if folder == "SENT" else {"To_DTS": None})))
    world.drop_innocent()
    done = world.run(settle=True)
    assert _facts(path) == before, "what was there was changed"
    found = [name for name in world.site.names(folder) if name.startswith("victim~")]
    assert sorted(name.rsplit(".")[-1] for name in found) == ["ctl", "dat"], f"{found} {done}"
    world.check()
    world.check_clean()


def _taken_incoming(user: str, where: str, kind: str, context: Context) -> None:
    """The name of a message that comes, in IN or TEMP, is taken: it comes whole, or is not
    acknowledged until the name is free; the others come."""
    world = World(context, user)
    message = world.send_in(b"for us, the first\n")
    other = world.send_in(b"for us, the second\n")
    folder, name = where.split("/")
    path = world.site.folder(folder) / name.replace("ID", message)
    TAKEN[kind](world, path)
    before = _facts(path)
    done = world.run()
    if folder == "IN" or kind != "folder":  # a folder in our own folder stops us
        assert f"{other}.ctl" in world.site.names("IN"), f"{world.site.names('IN')} {done}"
    kept = world.received(message)
    if world.sandbox.message(message)["status"] == "accepted":
        assert len(kept) <= (folder == "IN" or name == "ID.second"), kept
        assert message in done.err, done  # it is named
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        world.run()
        world.run()
        kept = world.received(message)
    elif folder == "IN":
        assert _facts(path) == before, "what was there was changed"
    assert len(kept) == 1, f"{world.site.names('IN')} {done}"
    assert kept[0].read_bytes() == b"for us, the first\n"
    for each in (message, other):
        assert world.sandbox.message(each)["status"] == "acknowledged"
    world.check()


def _taken_lock(user: str, kind: str, context: Context) -> None:
    """The lock in TEMP is something else: no start, with the reason, and nothing touched."""
    world = World(context, user)
    path = world.site.folder("TEMP") / ".meshdrop.lock"
    TAKEN[kind](world, path)
    before = _facts(path)
    world.drop_innocent()
    done = world.site.run_once(timeout=40)
    if kind != "file" or user == "user":
        assert done.code != 0 and ".meshdrop.lock" in done.err, done
        assert _facts(path) == before, "what was there was changed"
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        world.run()
    world.check()


def _leftover(user: str, name: str, kind: str, context: Context) -> None:
    """What looks like a leftover of ours in TEMP does not hold up a start, and is not followed."""
    world = World(context, user)
    path = world.site.folder("TEMP") / name
    TAKEN[kind](world, path)
    os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    world.accept_outside()
    world.drop_innocent()
    world.run()
    world.run()
    if kind == "folder":
        assert (path / "inner").exists() or not path.exists()
    world.check()


def _stranger(user: str, context: Context) -> None:
    """Another mailbox's folders are well while ours are not: it is not held up."""
    world = World(context, user, scan_interval="100ms")
    world.site.add_mailbox(PEER)
    peer = world.site.folder("OUT", PEER)
    for folder in FOLDERS:
        world.site.folder(folder, PEER).chmod(0o777)
    if os.getuid() == 0 and user == "user":
        for top in (world.site.path / "mesh" / PEER, world.site.path / "mailboxes.d",
                    world.site.path / f"{PEER}.password"):
            for path in (top, *top.rglob("*")):
                shutil.chown(path, 64001, 64001)
    process = world.site.start_daemon()
    world.out.rename(world.out.with_name("away"))
    os.symlink(peer, world.out)
    world.site.drop("honest", b"honest content\n", PEER, Compress="N", To_DTS=MAILBOX)
    world.site.wait_sent("honest", PEER)
    process.wait_text("/OUT' was removed or replaced")
    world.site.stop_daemon()
    posts = world.sandbox.posts(MAILBOX)
    assert not posts, f"the other mailbox's pair was taken: {posts}"
    assert not lines(process.text(), "held")
    world.check()


LEFTOVERS = ("20200101000000000-00000000.dat", "20200101000000000-00000000.ctl",
             "20200101000000000-00000000.new", "20200101000000000000_ABCDEF.part",
             ".20200101000000000-00000000.new.new")
INCOMING = ("IN/ID.dat", "IN/ID.ctl", "TEMP/ID.part", "TEMP/ID.ctl", "TEMP/ID.second",
            "TEMP/.ID.ctl.new")


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = [Case(f"{user}-folder-of-another", partial(_stranger, user))]

    def add(name: str, run: Callable[..., None], *arguments: object, quick: bool = True) -> None:
        found.append(Case(f"{user}-{name}", partial(run, user, *arguments), quick, LIMIT_LONG))

    for folder in ALL:
        for kind in PLACES:
            add(f"before-{folder}-{kind}", _replaced_before, folder, kind,
                quick=(len(kind) + len(folder)) % 3 == (user == "user"))
        for how in ("symlink", "new", "gone"):
            if folder != ROUTE:
                add(f"running-{folder}-{how}", _replaced_running, folder, how,
                    quick=how == "symlink")
        if folder != ROUTE:
            add(f"removed-{folder}", _removed_running, folder, quick=False)
    if user == "user":
        for folder in ("OUT", ROUTE):
            add(f"sticky-{'OUT' if folder == 'OUT' else 'route'}", _sticky, folder)
        add("mode-555-OUT-restart", _restart, "OUT", 0o555, None)
        add("mode-555-OUT-restart-half", _restart, "OUT", 0o555, _half_claimed)
        add("mode-000-OUT-restart", _restart, "OUT", 0, None)
        add("mode-000-SENT-restart", _restart, "SENT", 0, None)
        add("mode-555-IN-restart-half", _restart, "IN", 0o555, _half_received)
        for folder in FOLDERS:
            for mode in (0o555, 0):
                add(f"mode-{mode:03o}-{folder}", _mode, folder, mode, quick=False)
    for kind in TAKEN:
        for folder in ("SENT", "FAILED"):
            for member in ("ctl", "dat"):
                add(f"taken-{folder}-{member}-{kind}", _taken_archive, folder, member, kind,
                    quick=user == "root")
        for where in INCOMING:
            add(f"taken-{where.replace('/', '-')}-{kind}", _taken_incoming, where, kind,
                quick=user == "user")
        add(f"taken-lock-{kind}", _taken_lock, kind)
        for name in LEFTOVERS:
            add(f"leftover-{name}-{kind}", _leftover, name, kind, quick=False)
    return found
