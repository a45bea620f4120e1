# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A disk that loses its power: an image, mounted, copied as it is, and the copy mounted.

What was written but not synced is in the page cache of the mounted file system and so not in
the image, as long as the kernel does not write it back by itself: Stillness sees to that, for
the whole machine, and gives the old setting back whatever happens to us.

Run as a program (by Stillness) this file waits for the end of its standard input.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WRITEBACK = Path("/proc/sys/vm/dirty_writeback_centisecs")
LOCK = Path("/run/meshdrop-writeback")
USUAL = "500"
MIB = 1 << 20


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        text = done.stderr.decode("utf-8", "backslashreplace").strip()
        raise OSError(f"{' '.join(command)}: {text}")


class FileSystem:
    """How to make and mount one kind of file system."""

    def __init__(self, name: str, size: int, make: list[str], options: str):
        self.name = name
        self.size = size
        self.make = make
        self.options = options

    def lacks(self) -> str:
        """Why it cannot be used here; "" when it can."""
        if os.geteuid() != 0:
            return "only root can mount"
        if not Path("/dev/loop-control").exists():
            return "there are no loop devices"
        for program in (self.make[0], "mount", "umount", "unshare"):
            if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
                return f"{program} is not installed"
        private = ["unshare", "-m", "--propagation", "private", "true"]
        if subprocess.run(private, capture_output=True, check=False).returncode != 0:
            return "mounts cannot be made private here"
        known = Path("/proc/filesystems").read_text(encoding="ascii").split()
        if self.name not in known:
            return f"this kernel does not know {self.name}"
        if not os.access(WRITEBACK, os.W_OK):
            return "when the kernel writes back cannot be set here"
        return "" if self._can_be_mounted() else "mounting is not permitted here"

    def _can_be_mounted(self) -> bool:
        """Tries it, where nobody else sees it."""
        with tempfile.TemporaryDirectory(prefix="meshdrop-mount-") as place:
            image = Path(place, "disk.img")
            with image.open("wb") as file:
                file.truncate(self.size)
            options = f"loop,{self.options}"
            mount = ["mount", "-t", self.name, "-o", options, str(image), place]
            private = ["unshare", "-m", "--propagation", "private", "--"]
            return all(
                subprocess.run(command, capture_output=True, check=False).returncode == 0
                for command in ([*self.make, str(image)], [*private, *mount])
            )


# Journals are committed by a sync only; the help that ext4 has for programs that forget one is
# switched off.
SYSTEMS = {
    system.name: system
    for system in (
        FileSystem(
            "ext4",
            24 * MIB,
            ["mkfs.ext4", "-q", "-F", "-b", "1024", "-J", "size=4"],
            "commit=300,noauto_da_alloc",
        ),
        FileSystem("xfs", 300 * MIB, ["mkfs.xfs", "-q", "-f"], "nouuid"),
        FileSystem(
            "btrfs", 48 * MIB, ["mkfs.btrfs", "-q", "-f", "--mixed"], "commit=300"
        ),
    )
}


class Disk:
    """One image and where it is mounted; made anew for every point."""

    def __init__(self, system: FileSystem, path: Path):
        self.system = system
        self.path = path
        self.mount_point = path / "mnt"
        self._image = path / "disk.img"
        self._after = path / "crash.img"
        self._empty = path / "empty.img"
        self._mounted = False
        self.mount_point.mkdir(parents=True)
        with self._empty.open("wb") as file:
            file.truncate(system.size)
        _run(*system.make, str(self._empty))

    def fresh(self) -> Path:
        """An empty file system; where it is mounted."""
        self.close()
        self._copy(self._empty, self._image)
        self._mount(self._image)
        return self.mount_point

    def sync(self) -> None:
        """All that is there now will survive."""
        fd = os.open(self.mount_point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(fd) < 0:
                raise OSError(ctypes.get_errno(), "syncfs")
        finally:
            os.close(fd)

    def cut_power(self) -> None:
        """In the place of what was mounted there is what its disk held."""
        self._copy(self._image, self._after)
        self.close()
        self._mount(self._after)

    def close(self) -> None:
        """Nothing is mounted any more."""
        if self._mounted:
            _run("umount", str(self.mount_point))
            self._mounted = False

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        target.unlink(missing_ok=True)
        _run("cp", "--sparse=always", str(source), str(target))

    def _mount(self, image: Path) -> None:
        options = f"loop,{self.system.options}"
        _run("mount", "-t", self.system.name, "-o", options, str(image), str(self.mount_point))
        self._mounted = True


class Stillness:
    """While it lasts the kernel writes nothing back by itself.

    Several may run at once: the lock file holds the setting that was there before the first, and
    whoever gets the lock for itself after the last restores it. Guards do that, which live on
    when we are killed."""

    def __init__(self) -> None:
        self._lock = -1
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Stillness":
        self._lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        if not os.pread(self._lock, 16, 0):
            now = WRITEBACK.read_text(encoding="ascii").strip()
            os.pwrite(self._lock, (now if now != "0" else USUAL).encode(), 0)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        WRITEBACK.write_text("0\n", encoding="ascii")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):  # It waits for others.
                self._guard.wait(2)


def _guard_setting() -> None:
    sys.stdin.buffer.read()
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Until the last of all that need the stillness is gone.
    fcntl.flock(lock, fcntl.LOCK_EX)
    before = os.pread(lock, 16, 0).decode("ascii")
    if before:
        WRITEBACK.write_text(f"{before}\n", encoding="ascii")
        LOCK.unlink(missing_ok=True)
        os.ftruncate(lock, 0)


if __name__ == "__main__":
    _guard_setting()
