# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The service manager's end of the notification protocol."""

import select
import socket
import tempfile
import threading
from pathlib import Path

from harness.waiting import LONG, wait_for


class NotifySocket:
    """Collects the datagrams that a daemon sends to NOTIFY_SOCKET."""

    def __init__(self, abstract: bool = False) -> None:
        # Socket paths are short: not below pytest's long directory names.
        self._dir = tempfile.TemporaryDirectory(prefix="mdn")
        self.path = str(Path(self._dir.name) / "s")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if abstract:  # a name, and no file
            self._socket.bind(f"\0{self.path}")
            self.path = f"@{self.path}"
        else:
            self._socket.bind(self.path)
            Path(self._dir.name).chmod(0o711)  # the daemon may be another user
            Path(self.path).chmod(0o777)
        self._socket.setblocking(False)
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        # Nobody who sends may wait for somebody who looks.
        while not self._closing.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                self.lines()

    def lines(self) -> list[str]:
        """All assignments so far, in order; what was sent before the call is among them."""
        with self._lock:
            while True:
                try:
                    data = self._socket.recv(8192)
                except BlockingIOError:
                    return list(self._lines)
                self._lines += data.decode("utf-8", "backslashreplace").splitlines()

    def count(self, line: str) -> int:
        """How often a line came."""
        return self.lines().count(line)

    def wait_line(self, line: str, count: int = 1, timeout: float = LONG) -> None:
        """Waits until a line came count times."""
        wait_for(lambda: self.count(line) >= count, f"{count} x {line}", timeout)

    def close(self) -> None:
        """Ends the thread and removes the socket."""
        self._closing.set()
        self._thread.join()
        self._socket.close()
        self._dir.cleanup()
