# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A file system that keeps nothing that was not asked for, whatever real ones do.

Real file systems are kinder than the rules: a sync of one file often makes the names of others
durable, and so hides that their directory was not synced. Here a file has the content of its
last fdatasync or fsync, a directory the names of its last fsync, and the only kindness is that
a rename is never half there. A torn tree has not even that: when only the new directory of a
rename was synced a file has both names (btrfs does that), and a file that was not synced has
its length, but not its bytes. The calls come from a trace; then the tree on disk is turned into
what would have survived.
"""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

# What a trace must show.
CALLS = (
    "openat,openat2,open,creat,write,writev,pwrite64,pwritev,ftruncate,truncate,fallocate,fsync,"
    "fdatasync,sync,syncfs,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,mkdir,"
    "mkdirat,rmdir,link,linkat,symlink,symlinkat,sendfile,copy_file_range,mknodat"
)
_KNOWN = frozenset(CALLS.split(","))
_LINE = re.compile(r"\d+ +([a-z_0-9]+)\((.*)\) += (-?\d+|\?)(.*)")
_FD = r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?"
_TEXT = r'"((?:\\x[0-9a-f]{2})*)"(?!\.)'


class Unmodelled(Exception):
    """A call that the model does not know: the model must learn it."""


@dataclass(eq=False)
class File:
    """A file: as it is, and as it would be found."""

    live: bytes = b""
    safe: bytes = b""
    before: os.stat_result | None = None  # it was there before the run


@dataclass(eq=False)
class Folder:
    """A directory: its names as they are, and as they would be found."""

    live: dict[str, "File | Folder"] = field(default_factory=dict)
    safe: dict[str, "File | Folder"] = field(default_factory=dict)
    mode: int = 0o700


@dataclass(frozen=True, eq=False)
class _Rename:
    node: File | Folder
    source: Folder
    old: str
    target: Folder
    new: str


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _match(pattern: str, args: str) -> re.Match[str]:
    found = re.match(pattern, args)
    if not found:
        raise Unmodelled(args[:200])
    return found


class Model:
    """A tree, from before a run on."""

    def __init__(self, root: Path, torn: bool = False):
        self.root = root
        self.torn = torn
        self._seen: dict[int, File] = {}  # by inode
        self.top = self._scan(root)
        self._renames: list[_Rename] = []
        self._done: dict[int, Path] = {}  # where a file of the new tree is

    def _scan(self, path: Path) -> Folder:
        folder = Folder(mode=path.stat().st_mode & 0o7777)
        for entry in os.scandir(path):
            inner = Path(entry.path)
            node: File | Folder
            if entry.is_dir(follow_symlinks=False):
                node = self._scan(inner)
            else:
                data = inner.read_bytes()
                facts = entry.stat()
                node = self._seen.setdefault(facts.st_ino, File(data, data, facts))
            folder.live[entry.name] = node
        folder.safe = dict(folder.live)
        return folder

    # --- what the run did

    def replay(self, trace: Path) -> None:
        """Follows a trace (strace -f -y -xx, with all of CALLS)."""
        with trace.open(encoding="ascii", errors="backslashreplace") as lines:
            for line in lines:
                found = _LINE.match(line)
                if not found and ("<unfinished ...>" in line or " resumed>" in line):
                    raise Unmodelled(f"threads: {line[:200]}")
                if not found or found[3] == "?" or found[3].startswith("-"):
                    continue
                if found[1] not in _KNOWN or found[4].rstrip().endswith("(INJECTED)"):
                    continue
                self._call(found[1], found[2], found[3], found[4])

    def _call(self, name: str, args: str, result: str, more: str) -> None:
        if name in ("openat", "openat2"):
            self._open(args, f"{result}{more}")
        elif name in ("fsync", "fdatasync"):
            self._sync(args)
        elif name in ("renameat", "renameat2"):
            self._rename(args)
        elif name == "linkat":
            found = _match(rf"{_FD}, {_TEXT}, {_FD}, {_TEXT}", args)
            source = self._folder(_bytes(found[1]), _bytes(found[3]))
            target = self._folder(_bytes(found[4]), _bytes(found[6]))
            if not source or not target:
                raise Unmodelled(f"a link out of the tree: {args[:200]}")
            target[0].live[target[1]] = source[0].live[source[1]]
        elif name == "unlinkat":
            found = _match(rf"{_FD}, {_TEXT}", args)
            folder = self._folder(_bytes(found[1]), _bytes(found[3]))
            if folder:
                del folder[0].live[folder[1]]
        elif name == "mkdirat":
            found = _match(rf"{_FD}, {_TEXT}", args)
            folder = self._folder(_bytes(found[1]), _bytes(found[3]))
            if folder:
                folder[0].live[folder[1]] = Folder()
        elif name == "fallocate" and "FALLOC_FL_KEEP_SIZE" in args:
            pass
        else:
            self._write(name, args)

    def _write(self, name: str, args: str) -> None:
        found = re.match(_FD, args)
        node = self._find(_bytes(found[1])) if found and not found[2] else None
        if node is None:
            if name not in ("write", "writev", "pwrite64", "ftruncate", "fallocate"):
                raise Unmodelled(f"{name}({args[:200]}")
            return  # Elsewhere, or without a name.
        if name == "pwrite64" and isinstance(node, File):
            parts = _match(rf"{_FD}, {_TEXT}, (\d+), (\d+)$", args)
            data, at = _bytes(parts[3]), int(parts[5])
            live = node.live.ljust(at, b"\0")
            node.live = live[:at] + data + live[at + len(data) :]
        elif name == "ftruncate" and isinstance(node, File):
            size = int(_match(rf"{_FD}, (\d+)$", args)[3])
            node.live = node.live[:size].ljust(size, b"\0")
        else:
            raise Unmodelled(f"{name}({args[:200]}")

    def _open(self, args: str, result: str) -> None:
        if "O_CREAT" not in args and "O_TRUNC" not in args:
            return
        found = _match(r"\d+<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?", result)
        place = None if found[2] else self._folder(_bytes(found[1]), b"")
        if not place:
            return
        node = place[0].live.setdefault(place[1], File())
        if "O_TRUNC" in args and isinstance(node, File):
            node.live = b""

    def _rename(self, args: str) -> None:
        found = _match(rf"{_FD}, {_TEXT}, {_FD}, {_TEXT}", args)
        source = self._folder(_bytes(found[1]), _bytes(found[3]))
        target = self._folder(_bytes(found[4]), _bytes(found[6]))
        if not source and not target:
            return
        if not source or not target:
            raise Unmodelled(f"a rename out of the tree: {args[:200]}")
        node = source[0].live.pop(source[1])
        target[0].live[target[1]] = node
        self._renames.append(_Rename(node, source[0], source[1], target[0], target[1]))

    def _sync(self, args: str) -> None:
        found = _match(_FD, args)
        node = None if found[2] else self._find(_bytes(found[1]))
        if isinstance(node, File):
            node.safe = node.live
        elif node:
            self._sync_folder(node)

    def _sync_folder(self, folder: Folder) -> None:
        """Its names, and with them both ends of every rename it had a part in. What became of
        such a file before is then known too."""
        durable: list[_Rename] = []
        for op in reversed(self._renames):
            if folder in (op.source, op.target) or any(op.node is o.node for o in durable):
                durable.insert(0, op)
        for op in durable:
            op.target.safe[op.new] = op.node
            if self.torn and op.source is not folder and op.target is folder:
                continue  # The old name is still there.
            self._renames.remove(op)
            if op.source.safe.get(op.old) is op.node:
                del op.source.safe[op.old]
        folder.safe = dict(folder.live)

    # --- finding

    def _find(self, path: bytes) -> File | Folder | None:
        place = self._folder(path, b"")
        if place is None:
            return self.top if os.fsdecode(path) == str(self.root) else None
        found = place[0].live.get(place[1])
        if found is None:
            raise Unmodelled(f"no file {os.fsdecode(path)}")
        return found

    def _folder(self, start: bytes, name: bytes) -> tuple[Folder, str] | None:
        """The directory of a path, and the last name; None outside the tree."""
        path = os.path.normpath(os.path.join(os.fsdecode(start), os.fsdecode(name)))
        prefix = f"{self.root}/"
        if not path.startswith(prefix):
            return None
        *steps, last = path.removeprefix(prefix).split("/")
        folder: File | Folder = self.top
        for step in steps:
            if not isinstance(folder, Folder) or step not in folder.live:
                raise Unmodelled(f"no directory {path}")
            folder = folder.live[step]
        assert isinstance(folder, Folder)
        return folder, last

    # --- what is left

    def cut_power(self) -> None:
        """Turns the tree on disk into what would have survived."""
        aside = self.root.with_name(f"{self.root.name}.before")
        aside.mkdir()
        places: dict[int, Path] = {}
        self._set_aside(self.top, self.root, aside, places)
        self._build(self.top, self.root, places)
        shutil.rmtree(aside)

    def _set_aside(self, folder: Folder, path: Path, aside: Path, ret: dict[int, Path]) -> None:
        """Takes away what would not be found where it is, or not as it is. The others are not
        touched: each move would change their ctime. ret: where files from before the run are."""
        for name, node in folder.live.items():
            place = path / name
            stays = folder.safe.get(name) is node
            if isinstance(node, Folder) and stays:
                self._set_aside(node, place, aside, ret)
                continue
            if isinstance(node, Folder) or not stays or not node.before or id(node) in ret:
                place = place.rename(aside / f"{len(os.listdir(aside))}")
            if isinstance(node, Folder):
                self._places(node, place, ret)
            elif node.before:
                ret.setdefault(id(node), place)

    def _places(self, folder: Folder, path: Path, ret: dict[int, Path]) -> None:
        for name, node in folder.live.items():
            if isinstance(node, Folder):
                self._places(node, path / name, ret)
            elif node.before:
                ret.setdefault(id(node), path / name)

    def _build(self, folder: Folder, path: Path, places: dict[int, Path]) -> None:
        path.mkdir(mode=folder.mode, exist_ok=True)
        path.chmod(folder.mode)
        for name, node in folder.safe.items():
            if isinstance(node, Folder):
                self._build(node, path / name, places)
            elif id(node) in self._done:
                os.link(self._done[id(node)], path / name)
            else:
                self._restore(node, path / name, places.get(id(node)))
                self._done[id(node)] = path / name

    def _restore(self, node: File, path: Path, place: Path | None) -> None:
        """A file that was there before keeps its identity, unless it had been removed."""
        data = node.safe.ljust(len(node.live), b"\0") if self.torn else node.safe
        if place == path and data == path.read_bytes():
            return
        if place:
            place.rename(path)
        if not place or data != path.read_bytes():
            path.write_bytes(data)
        if not place:
            path.chmod(node.before.st_mode & 0o7777 if node.before else 0o600)
        if node.before:
            os.utime(path, ns=(node.before.st_atime_ns, node.before.st_mtime_ns))
