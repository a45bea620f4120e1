# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A server that misbehaves byte by byte, and counts what it was asked."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

JSON_TYPE = "application/vnd.mesh.v2+json"


@dataclass
class Head:
    """The head of one request, and how much of its body was read."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: int = 0
    raw: bytes = b""  # as it came, without the empty line

    @property
    def length(self) -> int:
        """The announced length of the body."""
        return int(self.headers.get("content-length", "0"))

    @property
    def is_send(self) -> bool:
        """Whether it is the first POST of a message."""
        return self.method == "POST" and self.path.endswith("/outbox")


@dataclass
class Connection:
    """One accepted connection."""

    number: int
    stream: socket.socket
    requests: list[Head]
    lock: threading.Lock
    _buffer: bytes = field(default=b"")

    def _more(self) -> bool:
        data = self.stream.recv(65536)
        self._buffer += data
        return bool(data)

    def read_head(self) -> Head | None:
        """The next request's head; None when the client is gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        raw, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        head = Head(self.number, method, path, headers, raw=raw)
        with self.lock:
            self.requests.append(head)
        return head

    def read_body(self, head: Head) -> None:
        """Reads a body to its end and forgets it."""
        while head.body < head.length:
            if not self._buffer and not self._more():
                return
            head.body += len(self._buffer)
            self._buffer = b""

    def reply(self, status: int, body: Any = None, **headers: str) -> None:
        """A whole answer; body becomes JSON."""
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(data)}"]
        if data:
            lines.append(f"Content-Type: {JSON_TYPE}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.stream.sendall("\r\n".join([*lines, "", ""]).encode() + data)

    def raw(self, data: bytes) -> None:
        """Bytes as they are, whatever they mean."""
        self.stream.sendall(data)

    def reset(self) -> None:
        """Ends with RST instead of FIN."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# Serves one connection; it is closed when the script returns.
Script = Callable[[Connection], None]


def hang_up(connection: Connection) -> None:
    """A script: ends with RST after the client's first bytes. An RST before them
    can overtake the connection itself, which then looks refused."""
    connection.stream.recv(65536)
    connection.reset()


def usual(connection: Connection, head: Head, **headers: str) -> None:
    """What a service with an empty inbox answers to all but a send."""
    connection.read_body(head)
    if head.method == "GET" and "/inbox" in head.path:
        body: dict[str, Any] = {"messages": [], "links": {}, "approx_inbox_count": 0}
        connection.reply(200, body, **headers)
    elif head.method == "GET" and "/tracking" in head.path:
        body = {"errorEvent": "", "errorCode": "", "errorDescription": "Not Found"}
        connection.reply(404, body, **headers)
    else:
        connection.reply(200, **headers)


def on_send(act: Callable[[Connection, Head], bool]) -> Script:
    """A script: usual answers, but act for a send; it says whether to go on."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if head.is_send:
                if not act(connection, head):
                    return
            else:
                usual(connection, head)

    return script


class FaultServer:
    """Listens on a free port; each connection follows the script in a thread of its own."""

    def __init__(
        self, script: Script, certificates: Path | ssl.SSLContext | None = None, port: int = 0
    ):
        self._script = script
        self._tls = self._context(certificates) if isinstance(certificates, Path) else certificates
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._requests: list[Head] = []
        self.connections = 0
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @staticmethod
    def _context(certificates: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                stream, _address = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(
                target=self._serve, args=(stream, self.connections), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        raw.settimeout(30)
        stream = raw
        try:
            if self._tls:
                stream = self._shake_hands(self._tls, raw)
            with self._lock:
                self._open.add(stream)
            self._script(Connection(number, stream, self._requests, self._lock))
        except OSError:
            pass  # The client went away: what it asked for has been counted.
        finally:
            with self._lock:
                self._open.discard(stream)
            stream.close()

    @staticmethod
    def _shake_hands(tls: ssl.SSLContext, raw: socket.socket) -> ssl.SSLSocket:
        """A refusal is not followed by a reset, which could overtake it."""
        stream = tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        try:
            stream.do_handshake()
        except ssl.SSLError:
            socket.socket.shutdown(stream, socket.SHUT_WR)
            while socket.socket.recv(stream, 65536):
                pass
            stream.close()
            raise
        return stream

    def requests(self) -> list[Head]:
        """All requests so far."""
        with self._lock:
            return list(self._requests)

    def sends(self) -> list[Head]:
        """The first POSTs of messages so far."""
        return [head for head in self.requests() if head.is_send]

    def close(self) -> None:
        """Ends all connections and threads."""
        self._closing.set()
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            for stream in self._open:
                try:
                    stream.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # It was closed by the other side.
        for thread in self._threads:
            thread.join(10)
