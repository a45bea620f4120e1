# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Changes of folders and files, from each thread of the daemon: only where it has to.

Three folders: one that the settings do not name, that of the settings, which may be read, and one
below a root. The same calls must all succeed in a daemon with confine = no, and in the thread that
starts hooks, or the case proves nothing. What the folders hold afterwards is looked at, too: an
answer alone is no proof.
"""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from common import Case, Context
from confine_rig import (
    EACCES,
    HOOKS,
    MAIN,
    QUIET,
    WORKER,
    function,
    inject,
    make_site,
    need_debugger,
    need_landlock,
    threads,
)
from harness.site import Site

TRUNCATE_SINCE = 3
HELD = (-EACCES,)
# A move between folders: of two things that are missing, either may be said.
MOVED = (-EACCES, -errno.EXDEV)
OLD = b"what was there before\n"


@dataclass(frozen=True)
class Call:
    """What is called, and whether a root allows it."""

    what: str
    text: str
    in_root: bool
    refused: tuple[int, ...] = HELD


def _fill(place: Path) -> None:
    """What the calls work on."""
    place.mkdir(parents=True)
    for name in ("unlinked", "renamed", "replaced", "cut", "emptied", "linked", "moved", "new"):
        (place / name).write_bytes(OLD)
    (place / "removed").mkdir()


def _calls(place: Path, other: Path, version: int) -> list[Call]:
    """In one folder; other is allowed."""
    found = [
        Call("unlink", function("unlink", place / "unlinked"), True),
        Call("rmdir", function("rmdir", place / "removed"), True),
        Call("mkdir", function("mkdir", place / "made", 0o700), True),
        Call("rename", function("rename", place / "renamed", place / "renamed-2"), True),
        Call("replace", function("rename", place / "new", place / "replaced"), True),
        Call("link", function("link", place / "linked", place / "linked-2"), True),
        Call("move out", function("rename", place / "moved", other / "moved-here"), True, MOVED),
        Call("move in", function("rename", other / "moved", place / "moved-in"), True, MOVED),
        Call("link in", function("link", other / "linked", place / "linked-in"), True, MOVED),
        Call("link out", function("link", place / "linked", other / "linked-out"), True, MOVED),
        Call("create", function("creat64", place / "created", 0o600), True),
        Call("symlink", function("symlink", "/etc/passwd", place / "symlink"), False),
        Call("fifo", function("mknod", place / "fifo", stat.S_IFIFO | 0o600, 0), False),
        Call("device", function("mknod", place / "device", stat.S_IFCHR | 0o600, 0x103), False),
        Call("socket", function("mknod", place / "socket", stat.S_IFSOCK | 0o600, 0), False),
        Call("open and empty",
             function("open64", place / "emptied", os.O_WRONLY | os.O_TRUNC, 0), True),
    ]
    if version >= TRUNCATE_SINCE:
        found.append(Call("truncate", function("truncate64", place / "cut", 3), True))
    return found


def _look(place: Path) -> dict[str, bytes | int]:
    """All that is there."""
    return {
        path.name: path.read_bytes() if path.is_file() else stat.S_IFMT(path.lstat().st_mode)
        for path in place.iterdir()
    }


def _folders(context: Context, site: Site, thread: int) -> dict[str, Path]:
    """A set of them for each thread, all on one file system."""
    return {
        "elsewhere": context.path / "elsewhere" / str(thread),
        "settings": site.path / f"settings-{thread}",
        "root": site.folder("IN").parent / "archive" / str(thread),
    }


def _other(site: Site, thread: int, name: str) -> Path:
    return site.folder("IN").parent / "other" / f"{thread}-{name}"


def _start(context: Context, confine: bool) -> Site:
    """A daemon with all its threads: with hooks there is one that starts them."""
    site = make_site(context, confine="yes" if confine else "no", **QUIET)
    site.add_mailbox("X26ABC1", hooks={"on_report": {"command": ["/bin/true"]}})
    site.mailboxes.pop()
    process = site.start_daemon()
    process.wait_text("handshake")
    kinds = list(threads(process).values())
    # Where nothing is held, all but the main one look like that of the hooks.
    assert set(kinds) == ({MAIN, HOOKS, WORKER} if confine else {MAIN, HOOKS}), kinds
    assert not confine or kinds.count(HOOKS) == 1, kinds
    return site


def _changes(confine: bool, context: Context) -> None:
    """Each call, from each thread, in each folder."""
    version = need_landlock()
    need_debugger()
    site = _start(context, confine)
    todo: list[tuple[int, str, Call]] = []
    for thread in threads(site.process):
        for name, place in _folders(context, site, thread).items():
            other = _other(site, thread, name)
            _fill(place)
            _fill(other)
            todo += [(thread, name, call) for call in _calls(place, other, version)]
    before = {name: _look(place) for name, place in _folders(context, site, site.process.pid).items()}
    answers = inject(site.process, [(thread, call.text) for thread, _, call in todo])
    for (thread, name, call), answer in zip(todo, answers, strict=True):
        kind = threads(site.process)[thread]
        free = not confine or kind == HOOKS
        wanted = (0,) if free or (name == "root" and call.in_root) else call.refused
        assert answer in wanted, f"{call.what} in {name} by {kind}: {answer}, wanted {wanted}"
        context.count("calls")
    for thread, kind in threads(site.process).items():
        for name, place in _folders(context, site, thread).items():
            held = confine and kind != HOOKS and name != "root"
            assert (_look(place) == before[name]) == held, f"{name} by {kind}: {_look(place)}"
    site.drop("file", b"content", To_DTS="X26ABC2")
    site.wait_sent("file")
    site.stop_daemon()


def _confined(context: Context) -> None:
    """Only the roots, from every thread but that of the hooks."""
    _changes(True, context)


def _not_confined(context: Context) -> None:
    """Without it, everything: the calls are good ones."""
    _changes(False, context)


def cases() -> list[Case]:
    """All of this file."""
    return [
        Case("changes", _confined),
        Case("changes-not-confined", _not_confined, quick=False),
    ]
