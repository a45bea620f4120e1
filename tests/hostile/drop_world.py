# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A small world for the suite "drop": a mailbox, somebody who means harm, and what nobody may touch.

The daemon runs as root or as an ordinary user; the other one is always an ordinary user. Beside
the mailbox lies a folder that neither may be led to: its files hold a text that must never reach
the service, and must be at the end what they were before.
"""

import contextlib
import ctypes
import errno
import gzip
import os
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common import HERE, Context, Skip, open_up
from harness.ctlfile import read_ctl, render
from harness.payloads import digest
from harness.printable import assert_printable
from harness.process import Process, Programs, Result
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Credentials, Site
from harness.waiting import wait_for

MAILBOX = "X26ABC1"
PEER = "X26ABC2"
ROUTE = "letters"
OURS = 64001  # the daemon, when it is an ordinary user
THEIRS = 64002  # who drops
SECRET = "TOPSECRET-4b1d"
ENDED = (0, 1)
LIMIT = 90.0  # seconds: only what hangs takes that long
SMALL_FILES = 2_000_000
LONG_AGO = 1_000_000_000
OPENAT2 = 437
# Two in each turn, before sending and before receiving: not before the third one.
LOOKS = 6
# Seconds after which a trouble that goes on is told again.
TOLD_AGAIN = 60.0
# What failed is tried again after about as long as it has failed, which takes a slow machine long.
AGAIN = 120.0
LIMIT_LONG = 400.0

Marks = dict[str, tuple[int, ...]]


class Rig:
    """What all cases of a process share: a sandbox, and the library of pause.c."""

    def __init__(self, context: Context):
        self.path = context.path
        (context.path / "logs").mkdir()
        self.sandbox = Sandbox(context.options.programs, context.path / "sandbox",
                               context.path / "logs")
        self.sandbox.start("--plain")
        self.library = self._compile()
        for name in ("meshdropd", "meshdrop"):
            shutil.copy(context.options.programs.path(name), context.path / name)

    def _compile(self) -> Path | None:
        """None where there is no compiler."""
        made = self.path / "pause.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            return None
        subprocess.run(
            [compiler, "-D_GNU_SOURCE", "-std=gnu17", "-O1", "-shared", "-fPIC", "-o", str(made),
             str(HERE / "pause.c"), "-ldl"],
            check=True, capture_output=True,
        )
        return made

    def close(self) -> None:
        """Ends the sandbox."""
        self.sandbox.close()


def _has_openat2() -> bool:
    """Whether the machine lets us have it: a filter may forbid it, too."""
    how = (ctypes.c_uint64 * 3)(os.O_RDONLY | os.O_CLOEXEC, 0, 0)
    fd: int = ctypes.CDLL(None).syscall(OPENAT2, -100, b".", how, ctypes.sizeof(how))
    if fd < 0:
        return False
    os.close(fd)
    return True


class World:
    """One site, its enemies and the tools of both."""

    def __init__(self, context: Context, user: str, openat2: bool = True, **daemon: str):
        if user == "root" and os.getuid() != 0:
            raise Skip("needs root, to run the daemon as root")
        self.rig: Rig = context.shared("rig", Rig)
        self.sandbox = self.rig.sandbox
        self.sandbox.admin("DELETE", "/reset")
        self.context = context
        self.path = context.path
        self.user = user
        self.env: dict[str, str] = {}
        if not openat2:
            self.use_library({"HOSTILE_OPENAT2": str(errno.ENOSYS)})
        self.settings = {"connections": "1", "reserve": "0"} | daemon
        self.site = self._make_site()
        context.at_end(self.site.close)
        self.out = self.site.folder("OUT")
        self.outside = self._make_outside()
        self._own()
        self._before = self._marks(self.outside)
        self.innocent: dict[str, str] = {}  # stem: SHA-256

    # --- made

    def _make_site(self) -> Site:
        (self.path / "logs").mkdir()
        self._write_wrappers()
        credentials = Credentials(self.rig.sandbox.path, self.sandbox.url)
        site = Site(Programs(self.path / "bin"), self.path / "site", self.path / "logs",
                    credentials, **self.settings)
        key = site.path / "shared.key"
        shutil.copyfile(self.rig.sandbox.path / "shared.key", key)
        key.chmod(0o600)
        site.service["shared_key_file"] = str(key)
        site.use_plain_http(self.sandbox.url)
        route = {"folder": ROUTE, "to": PEER, "workflow": WORKFLOW}
        site.add_mailbox(MAILBOX, routes=[route], reports={"collect": False})
        site.folder(ROUTE).mkdir()
        return site

    def _make_outside(self) -> Path:
        outside = self.path / "outside"
        outside.mkdir()
        (outside / "secret.dat").write_text(f"{SECRET} content\n", encoding="utf-8")
        secret = self.site.elements(LocalId=SECRET, Subject=SECRET)
        (outside / "secret.ctl").write_text(render(secret), encoding="utf-8")
        (outside / "folder").mkdir()
        (outside / "folder" / "inside.dat").write_text(SECRET, encoding="utf-8")
        for file in outside.rglob("*"):
            if file.is_file():
                file.chmod(0o600)
                os.utime(file, (LONG_AGO, LONG_AGO + 1))  # a read would show
        return outside

    def _own(self) -> None:
        """Who has what, and that everybody can pass."""
        for directory in (self.site.path, self.site.path / "mesh",
                          self.site.folder("OUT").parent):
            directory.chmod(0o755)
        for folder in ("IN", "OUT", "SENT", "FAILED", "TEMP", ROUTE):
            self.site.folder(folder).chmod(0o777)
        open_up(self.path)
        if os.getuid() == 0:
            open_up(self.rig.path)
            owner = OURS if self.user == "user" else 0
            for top in (self.site.path, self.outside):
                for path in (top, *top.rglob("*")):
                    os.chown(path, owner, owner, follow_symlinks=False)

    def _write_wrappers(self) -> None:
        """Programs as the harness wants them, which become the user first."""
        place = self.path / "bin"
        place.mkdir(exist_ok=True)
        become = ""
        if self.user == "user" and os.getuid() == 0:
            become = f"setpriv --reuid={OURS} --regid={OURS} --clear-groups "
        env = "".join(f"{name}='{value}' " for name, value in self.env.items())
        for name in ("meshdropd", "meshdrop"):
            script = place / name
            script.write_text(
                f"#!/bin/sh\nexec {become}/usr/bin/env {env}'{self.rig.path / name}' \"$@\"\n",
                encoding="utf-8",
            )
            script.chmod(0o755)

    def use_library(self, env: dict[str, str]) -> None:
        """pause.c in the programs from now on, with these settings; none: without it."""
        if env and not self.rig.library:
            raise Skip("needs a C compiler, to step between two system calls")
        kept = {name: value for name, value in self.env.items() if name == "HOSTILE_OPENAT2"}
        self.env = kept | env
        if self.env:
            self.env["LD_PRELOAD"] = str(self.rig.library)
            self.env["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=0"
        self._write_wrappers()

    # --- what the others do

    def theirs(self, path: Path) -> Path:
        """Given to the one who drops, unless the daemon has taken it already."""
        if os.getuid() == 0:
            with contextlib.suppress(FileNotFoundError):
                os.chown(path, THEIRS, THEIRS, follow_symlinks=False)
        return path

    def put(self, name: str | bytes, data: bytes, folder: str = "OUT") -> Path:
        """A file of theirs, which is there whole at once: a daemon may be looking."""
        path = self.site.folder(folder) / os.fsdecode(name)
        aside = self.theirs_beside(path, "whole")
        aside.write_bytes(data)
        return self.theirs(aside).rename(path)

    def theirs_beside(self, path: Path, name: str) -> Path:
        """A place for something else of theirs, out of the daemon's way."""
        aside = self.path / "aside"
        aside.mkdir(exist_ok=True)
        return aside / f"{name}{path.suffix}"

    def accept_outside(self) -> None:
        """What was done to the outside so far was done by ourselves."""
        self._before = self._marks(self.outside)

    def control(self, **elements: str | None) -> bytes:
        """A usual control file; not compressed, so that content can be found."""
        return render(self.site.elements(Compress="N", **elements)).encode()

    def pair(self, stem: str, data: bytes = b"their content\n") -> None:
        """A pair of theirs."""
        self.put(f"{stem}.dat", data)
        self.put(f"{stem}.ctl", self.control())

    def drop_innocent(self, stem: str = "innocent") -> None:
        """A pair that must go through, whatever else happens."""
        dropped = self.site.drop(stem, f"honest content of {stem}\n".encode(), Compress="N")
        self.theirs(dropped.dat)
        self.theirs(dropped.ctl)
        self.innocent[stem] = dropped.sha256

    def send_in(self, data: bytes = b"for us\n", chunks: int = 1) -> str:
        """A message waits in our inbox; its id."""
        api = self.sandbox.api(PEER)
        try:
            first = {"Mex_Chunk_Range": f"1:{chunks}"} if chunks > 1 else {}
            message = api.send(MAILBOX, WORKFLOW, data, **first)
            for number in range(2, chunks + 1):
                answer = api.request(
                    "POST", f"/messageexchange/{PEER}/outbox/{message}/{number}", data,
                    Mex_Chunk_Range=f"{number}:{chunks}", Content_Type="application/octet-stream",
                )
                assert answer.status == 202, answer
            return message
        finally:
            api.close()

    # --- running

    def run(self, settle: bool = False) -> Result:
        """meshdropd --once, within a time, ending by itself; settle: until nothing is left."""
        result = Result(0, "", "")
        for _ in range(6 if settle else 1):
            result = self._once()
            if not settle or self.is_settled():
                break
        return result

    def _once(self) -> Result:
        begin = time.monotonic()
        try:
            done = self.site.run_once(timeout=LIMIT)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"meshdropd --once still runs after {LIMIT:g} s") from late
        assert done.code in ENDED, f"after {time.monotonic() - begin:.1f} s: {done}"
        assert_printable(done.raw)
        return done

    def is_settled(self) -> bool:
        """No job is under way."""
        jobs = self.site.path / "state" / MAILBOX / "jobs"
        return not jobs.is_dir() or not any(jobs.iterdir())

    @contextlib.contextmanager
    def _pauses_at(self, where: str) -> Iterator[socket.socket]:
        """What runs meanwhile stops before the call `where`, and comes to this socket."""
        if where.startswith("openat2:") and not _has_openat2():
            raise Skip("this kernel, or a filter of its calls, does not know openat2")
        address = str(self.path / "pause.socket")
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
        os.chmod(address, 0o777)
        server.listen(1)
        server.settimeout(0.2)
        self.use_library({"HOSTILE_PAUSE": where, "HOSTILE_SOCKET": address})
        try:
            yield server
        finally:
            server.close()
            os.unlink(address)
            self.use_library({})

    @staticmethod
    def _paused(server: socket.socket, goes_on: Callable[[], bool]) -> socket.socket:
        """Until it has come there; it goes on when what is returned is closed."""
        while True:
            try:
                return server.accept()[0]
            except TimeoutError:
                assert goes_on(), "it ended before it came to the call"

    def run_paused(self, where: str, meanwhile: Callable[[], None]) -> Result:
        """--once, stopped before the call `where` while something is done; then let go."""
        found: list[Result] = []
        runner = threading.Thread(target=lambda: found.append(self._once()), daemon=True)
        with self._pauses_at(where) as server:
            runner.start()
            with self._paused(server, runner.is_alive):
                meanwhile()
            runner.join(LIMIT + 5)
        assert found, f"meshdropd did not end well, paused at {where}"
        return found[0]

    @contextlib.contextmanager
    def started_before_a_look(self) -> Iterator[Process]:
        """A daemon that has sent "first", and stops each time where it would look whether its
        folders are still there: of no turn that looked before is anything left to be done. It goes
        on at the end. There is one worker."""
        self.drop_innocent("first")
        with self._pauses_at(f"fstatat:{LOOKS}:{self.out.parent}") as server:
            process = self.site.start_daemon()
            with self._paused(server, lambda: process.running):
                self.site.wait_sent("first")
                yield process

    def calls(self) -> list[str]:
        """CALL NAME of each call of one run."""
        trace = self.path / "trace"
        trace.touch()
        trace.chmod(0o666)
        self.use_library({"HOSTILE_TRACE": str(trace)})
        self._once()
        self.use_library({})
        return trace.read_text(encoding="utf-8", errors="surrogateescape").splitlines()

    # --- checks

    def check(self) -> None:
        """What must hold after every attack."""
        self.check_outside()
        self.check_service()
        for stem, sha256 in self.innocent.items():
            self.check_sent(stem, sha256)

    def check_sent(self, stem: str, sha256: str) -> None:
        """A pair arrived at the service as it was dropped."""
        names = self.site.names("SENT")
        assert {f"{stem}.ctl", f"{stem}.dat"} <= set(names), f"{stem} is not in SENT: {names}"
        assert digest(self.site.folder("SENT") / f"{stem}.dat") == sha256, f"{stem} was changed"
        message = self.site.sent(stem)["DTSId"]
        assert self.sandbox.message(message)["status"] in ("accepted", "acknowledged")

    def received(self, message: str) -> list[Path]:
        """The data files in IN of a message, by what their control files say."""
        found = []
        for path in self.site.folder("IN").glob("*.ctl"):
            st = path.lstat()
            if not stat.S_ISREG(st.st_mode) or st.st_nlink != 1:
                continue
            if b"<DTSControl>" not in path.read_bytes():
                continue
            ctl = read_ctl(path)
            if not ctl.is_report and ctl["DTSId"] == message:
                found.append(path.with_suffix(".dat"))
        return found

    def check_outside(self) -> None:
        """Nothing outside was written, or read where a read can be seen."""
        after = self._marks(self.outside)
        assert after == self._before, f"outside was touched: {self._before} {after}"

    def _marks(self, top: Path) -> Marks:
        marks: Marks = {}
        for path in sorted((top, *top.rglob("*"))):
            st = path.lstat()
            facts = [st.st_ino, st.st_mode, st.st_uid, st.st_size, st.st_mtime_ns]
            if not stat.S_ISDIR(st.st_mode):
                facts.append(st.st_atime_ns)
            marks[str(path)] = tuple(facts)
        return marks

    def check_service(self) -> None:
        """The service has nothing of what lies outside, in no form."""
        messages = self.sandbox.path / "messages"
        for file in messages.rglob("*"):
            if not file.is_file() or file.stat().st_size > SMALL_FILES:
                continue
            data = file.read_bytes()
            with contextlib.suppress(OSError, EOFError):
                data += gzip.decompress(data)
            assert SECRET.encode() not in data, f"a secret was sent: {file.name}"
            assert b"root:" not in data, f"a file of the system was sent: {file.name}"

    def check_clean(self, *more: str) -> None:
        """TEMP is empty, no job is left."""
        assert self.is_settled(), "jobs are left"
        left = [name for name in self.site.names("TEMP") if name not in more]
        assert left == [], f"left in TEMP: {left}"


def lines(log: str, event: str) -> list[str]:
    """The lines of an event."""
    return [line for line in log.splitlines() if f" {event} " in f" {line} "]


def assert_named(result: Result, name: str, reason: str) -> None:
    """The log has exactly one line that names the offender, with the reason."""
    found = [line for line in lines(result.err, "left-alone") if f'file="{name}"' in line]
    assert len(found) == 1, f"{len(found)} lines name {name}:\n{result.err}"
    assert f'reason="{reason}"' in found[0], found[0]


class Rhythm:
    """How often something was done: what does not keep still does so only as often as that."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._begun = time.monotonic()

    def did(self, begun: float) -> None:
        """It was done once more, and begun at this time."""
        self._longest = self.longest()
        self._begun = begun

    def longest(self) -> float:
        """For how long nothing was done at most, seconds; never less than that."""
        return max(self._longest, time.monotonic() - self._begun)


@contextlib.contextmanager
def busy(work: Callable[[], None], rhythm: Rhythm) -> Iterator[None]:
    """Does something again and again meanwhile, as long as there is something to do it to."""
    end = threading.Event()

    def loop() -> None:
        with contextlib.suppress(FileNotFoundError):
            while not end.is_set():
                begun = time.monotonic()
                work()
                rhythm.did(begun)
                end.wait(0.002)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(10)


def wait_gone(path: Path) -> None:
    """Until a name is not there any more."""
    wait_for(lambda: not os.path.lexists(path), f"{path.name} to go", LIMIT)
