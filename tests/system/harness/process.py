# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Running the programs under test, each with its own log, each ended by its own pid."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.waiting import wait_for

RUN_TIMEOUT = 600.0
STOP_TIMEOUT = 60.0

# Nothing of the caller's environment may decide a test.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
         "TSAN_OPTIONS")


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of every program started here."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept.setdefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    return kept | (extra or {})


def runs(*command: str) -> bool:
    """Whether this machine has a program and lets us do that."""
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Programs:
    """Where the built programs are."""

    build: Path

    def path(self, name: str) -> str:
        """The file of a program, which must have been built."""
        found = self.build / name
        assert found.is_file(), f"{found} is missing: build it, or set MESHDROP_BUILDDIR"
        return str(found)


@dataclass(frozen=True)
class Result:
    """What a program that ended left behind."""

    code: int
    out: str
    err: str
    raw: bytes = b""  # both, with what is not UTF-8 in them

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


def run(
    command: list[str],
    log: Path,
    extra_env: dict[str, str] | None = None,
    timeout: float = RUN_TIMEOUT,
) -> Result:
    """Runs a program to its end; its standard error also goes to log."""
    done = subprocess.run(
        command,
        env=clean_environment(extra_env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    with log.open("ab") as file:
        file.write(done.stderr)
    out, err = (data.decode("utf-8", "backslashreplace") for data in (done.stdout, done.stderr))
    return Result(done.returncode, out, err, done.stdout + done.stderr)


class Process:
    """A program that goes on until it is told to stop."""

    def __init__(self, command: list[str], log: Path, extra_env: dict[str, str] | None = None):
        self.log = log
        with log.open("ab") as file:
            self._popen = subprocess.Popen(
                command,
                env=clean_environment(extra_env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def text(self) -> str:
        """All it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="backslashreplace")

    def signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.running:
            self._popen.send_signal(number)

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Waits for its end; returns the exit status."""
        return self._popen.wait(timeout)

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """SIGTERM, and the exit status; one that does not listen is killed and reported."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """As a power cut would do it."""
        if self.running:
            self._popen.kill()
        self._popen.wait()

    def wait_text(self, text: str, timeout: float = STOP_TIMEOUT) -> None:
        """Waits until its log has a text."""
        wait_for(lambda: text in self.text(), f"'{text}' in {self.log.name}", timeout)
