# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A CONNECT proxy, with or without a log-in, that can be told to fail."""

import base64
import hashlib
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.waiting import tick

REALM = "proxy"
NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
KEPT = 1 << 20


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one CONNECT and its tunnel; nothing, unless told."""

    status: int = 0  # this instead of a tunnel
    silent: bool = False  # reads the CONNECT and says nothing
    cut_answer: bool = False  # ends in the middle of its answer
    slow: float = 0.0  # seconds between the bytes of its answer
    cut_up: int = 0  # ends the tunnel after so many bytes to the service
    cut_down: int = 0  # the same for bytes from it


@dataclass
class Seen:
    """One CONNECT, and what went through its tunnel to the service."""

    line: str
    headers: dict[str, str]
    text: str
    status: int = 0
    up: bytes = field(default=b"", repr=False)


class _End(Exception):
    """This connection is over."""


def _head(stream: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(1)
        if not more:
            raise _End
        data += more
    return data.decode("latin-1")


def _parse(text: str) -> Seen:
    line, *rest = text.strip().split("\r\n")
    pairs = [one.split(":", 1) for one in rest]
    return Seen(line, {name.strip().lower(): value.strip() for name, value in pairs}, text)


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


class ConnectProxy:
    """Listens on a free port and connects all who ask to one service, whatever they call it."""

    def __init__(self, service_port: int, user: str = "", password: str = "", way: str = "Basic"):
        self.service_port = service_port
        self.user = user
        self.password = password
        self.way = way
        # Decides by the number of the CONNECT that was let in, from 1.
        self.fault: Callable[[int], Fault] = lambda number: Fault()
        self.seen: list[Seen] = []
        self.tunnels = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """Its address, as in meshdrop.conf."""
        return f"http://127.0.0.1:{self.port}"

    def always(self, **fault: Any) -> None:
        """Every CONNECT from now on."""
        made = Fault(**fault)
        self.fault = lambda number: made

    # --- connections

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                stream, _address = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(stream,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _keep(self, stream: socket.socket) -> None:
        stream.settimeout(30)
        with self._lock:
            self._open.add(stream)

    def _drop(self, stream: socket.socket) -> None:
        with self._lock:
            self._open.discard(stream)
        stream.close()

    def _serve(self, stream: socket.socket) -> None:
        self._keep(stream)
        try:
            while True:
                seen = _parse(_head(stream))
                with self._lock:
                    self.seen.append(seen)
                self._connect(stream, seen)
        except (OSError, _End):
            pass  # The client went away, or was made to.
        finally:
            self._drop(stream)

    def _connect(self, stream: socket.socket, seen: Seen) -> None:
        if not seen.line.startswith("CONNECT "):
            self._answer(stream, seen, 400)
            raise _End
        if not self._may_enter(seen):
            self._answer(stream, seen, 407)
            return
        with self._lock:
            self.tunnels += 1
            fault = self.fault(self.tunnels)
        if fault.status:
            self._answer(stream, seen, fault.status)
            return
        if fault.silent:
            self._wait_for_end(stream)
        self._tunnel(stream, seen, fault)

    def _wait_for_end(self, stream: socket.socket) -> None:
        while not self._closing.is_set():
            ready, _, _ = select.select([stream], [], [], 0.05)
            if ready and not stream.recv(4096):
                break
        raise _End

    # --- who may enter

    def _may_enter(self, seen: Seen) -> bool:
        if not self.user:
            return True
        way, _, rest = seen.headers.get("proxy-authorization", "").partition(" ")
        if way != self.way:
            return False
        if way == "Basic":
            given = base64.b64decode(rest).decode()
            return given == f"{self.user}:{self.password}"
        return self._digest_fits(seen, rest)

    def _digest_fits(self, seen: Seen, rest: str) -> bool:
        pairs = [one.strip().split("=", 1) for one in rest.split(",")]
        given = {name: value.strip('"') for name, value in pairs}
        target = seen.line.split(" ")[1]
        wanted = _md5(
            _md5(self.user, REALM, self.password),
            NONCE,
            given.get("nc", ""),
            given.get("cnonce", ""),
            "auth",
            _md5("CONNECT", target),
        )
        return given.get("uri") == target and given.get("response") == wanted

    def _question(self) -> str:
        if self.way == "Digest":
            return f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth", algorithm=MD5'
        return f'{self.way} realm="{REALM}"'

    # --- answers and tunnels

    def _answer(self, stream: socket.socket, seen: Seen, status: int) -> None:
        seen.status = status
        lines = [f"HTTP/1.1 {status} Because", "Content-Length: 4"]
        if status == 407:
            # As the proxies of a Windows domain do; we have no ticket for the first.
            lines += ["Proxy-Authenticate: Negotiate", f"Proxy-Authenticate: {self._question()}"]
        stream.sendall("\r\n".join([*lines, "", "no\r\n"]).encode())

    def _let_in(self, stream: socket.socket, fault: Fault) -> None:
        answer = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"
        if fault.cut_answer:
            stream.sendall(answer[:30])
            raise _End
        if not fault.slow:
            stream.sendall(answer)
            return
        for byte in answer:
            stream.sendall(bytes([byte]))
            tick(fault.slow)

    def _tunnel(self, stream: socket.socket, seen: Seen, fault: Fault) -> None:
        service = socket.create_connection(("127.0.0.1", self.service_port))
        self._keep(service)
        try:
            self._let_in(stream, fault)
            seen.status = 200
            self._relay(stream, service, seen, fault)
        finally:
            self._drop(service)
        raise _End

    def _relay(
        self, stream: socket.socket, service: socket.socket, seen: Seen, fault: Fault
    ) -> None:
        up, down = fault.cut_up or 1 << 62, fault.cut_down or 1 << 62
        while up > 0 and down > 0:
            ready, _, _ = select.select([stream, service], [], [], 30)
            if stream in ready:
                data = stream.recv(min(65536, up))
                if not data:
                    return
                if len(seen.up) < KEPT:
                    seen.up += data
                up -= len(data)
                service.sendall(data)
            if service in ready:
                data = service.recv(min(65536, down))
                if not data:
                    return
                down -= len(data)
                stream.sendall(data)

    # --- the end

    def cut(self) -> None:
        """Ends all that is open; who comes next is served."""
        with self._lock:
            for stream in self._open:
                try:
                    stream.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # It was closed by the other side.

    def close(self) -> None:
        """Ends all connections and threads."""
        self._closing.set()
        self._acceptor.join()
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
