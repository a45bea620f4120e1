# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Stands between meshdropd and the sandbox, byte by byte.

It speaks TLS with the sandbox's own server certificate and passes every request on to
a sandbox without TLS. A rule says which request (the n-th of a kind) meets which
fault; a door fault meets the connection that would have carried it.
"""

import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# What the daemon asks for. A look-up by local id before the first POST of a message is
# the baseline; after it, the question of the resolver.
HANDSHAKE = "handshake"
LIST = "list"
NEXT = "next-page"
GET = "get"
GET_CHUNK = "get-chunk"
ACK = "ack"
SINGLE = "single"
FIRST = "first-of-n"
CHUNK = "chunk"
FINAL = "final-chunk"
TRACK_ID = "track-id"
BASELINE = "baseline"
TRACK_LOCAL = "track-local"
OTHER = "other"

POSTS = (SINGLE, FIRST, CHUNK, FINAL)
KINDS = (HANDSHAKE, LIST, NEXT, GET, GET_CHUNK, ACK, *POSTS, TRACK_ID, BASELINE, TRACK_LOCAL)

IDLE = 20.0  # No connection of a test lives longer without a byte.
STEP = 0.02


class Gone(Exception):
    """The client has left."""


@dataclass
class Request:
    """One request as it came; seen is how much of its body was read."""

    method: str
    path: str
    lines: list[str]
    kind: str = OTHER
    seen: bytes = b""

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        for line in self.lines:
            key, _colon, value = line.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return ""

    @property
    def length(self) -> int:
        """The announced length of the body."""
        return int(self.header("content-length") or "0")


@dataclass
class Reply:
    """A complete answer of the sandbox."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def without(self, *names: str) -> list[tuple[str, str]]:
        """The headers but some."""
        return [pair for pair in self.headers if pair[0].lower() not in names]

    def changed(self, **values: str) -> "Reply":
        """The same with other headers; underscores stand for hyphens."""
        names = {name.replace("_", "-"): value for name, value in values.items()}
        return Reply(self.status, self.without(*names) + list(names.items()), self.body)

    def with_body(self, body: bytes) -> "Reply":
        """The same with another body, well framed."""
        headers = [*self.without("content-length"), ("Content-Length", str(len(body)))]
        return Reply(self.status, headers, body)

    def head(self, headers: list[tuple[str, str]] | None = None) -> bytes:
        """Status line and headers, to the empty line."""
        chosen = self.headers if headers is None else headers
        lines = [f"HTTP/1.1 {self.status} Because", *(f"{k}: {v}" for k, v in chosen)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def wire(self) -> bytes:
        """All of it."""
        return self.head() + self.body


def made(status: int, body: bytes = b"", kind: str = "text/html") -> Reply:
    """An answer that the sandbox never gave."""
    headers = [("Content-Length", str(len(body)))]
    if body:
        headers.append(("Content-Type", kind))
    return Reply(status, headers, body)


@dataclass
class Wire:
    """The client's connection."""

    stream: socket.socket
    closing: threading.Event
    buffer: bytes = b""

    def _more(self) -> None:
        data = self.stream.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def read_request(self) -> Request:
        """The next request's head."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        text, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = text.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ", 2)
        return Request(method, path, lines)

    def read_body(self, request: Request, most: int | None = None) -> bytes:
        """The body, or its first bytes."""
        want = request.length if most is None else min(most, request.length)
        while len(request.seen) < want:
            if not self.buffer:
                self._more()
            take = want - len(request.seen)
            request.seen += self.buffer[:take]
            self.buffer = self.buffer[take:]
        return request.seen

    def send(self, data: bytes) -> None:
        """All of it."""
        self.stream.sendall(data)

    def reset(self) -> None:
        """RST."""
        linger = struct.pack("ii", 1, 0)
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.stream.close()

    def end_clean(self) -> None:
        """Says goodbye in TLS first."""
        if isinstance(self.stream, ssl.SSLSocket):
            self.stream.settimeout(0.2)
            try:
                self.stream.unwrap()
            except OSError:
                pass  # It does not wait for the other side's goodbye.
        self.stream.close()

    def end_bare(self) -> None:
        """FIN without any word in TLS. What was not read must not make it a RST."""
        self.stream.settimeout(0.0)
        try:
            while self.stream.recv(65536):
                pass
        except OSError:
            pass  # There is nothing more to read.
        self.stream.close()

    def silence(self) -> None:
        """Neither reads nor writes until the client leaves."""
        poll = select.poll()
        poll.register(self.stream.fileno(), select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        while not self.closing.is_set() and not poll.poll(STEP * 1000):
            pass
        self.stream.close()


@dataclass
class Exchange:
    """One request that meets a fault."""

    proxy: "Proxy"
    wire: Wire
    request: Request

    def read(self, most: int | None = None) -> bytes:
        """The body, or its first bytes."""
        return self.wire.read_body(self.request, most)

    def forward(self) -> Reply:
        """Lets the sandbox do the work; its answer is ours to bend."""
        self.read()
        return self.proxy.forward(self.request)

    def forward_part(self, most: int) -> None:
        """Lets the sandbox see the first bytes of the body, and then a reset."""
        self.read(most)
        self.proxy.forward_part(self.request)


@dataclass(frozen=True)
class Fault:
    """What goes wrong; act answers whether the connection goes on."""

    name: str
    act: Callable[[Exchange], bool] | None = None
    door: Callable[["Proxy", socket.socket], None] | None = None
    refuse: bool = False  # Nobody listens at all.
    drop: bool = False  # SYNs are lost.


@dataclass
class Rule:
    """The n-th request of a kind (from 1) meets a fault, and so do times - 1 after it."""

    kind: str
    nth: int
    fault: Fault
    times: int = 1


@dataclass
class Seen:
    """One request that came, and what became of it."""

    kind: str
    method: str
    path: str
    length: int
    connection: int
    fault: str = ""
    status: int = 0


@dataclass
class Plan:
    """What a run of the daemon will meet."""

    rules: list[Rule] = field(default_factory=list)
    door_after: int = -1  # Requests to be served before the door fault; -1: none.
    door: Fault | None = None


_KINDS = (
    ("POST", r"/messageexchange/[^/]+", HANDSHAKE),
    ("GET", r"/messageexchange/[^/]+/inbox\?.*continue_from=.*", NEXT),
    ("GET", r"/messageexchange/[^/]+/inbox(\?.*)?", LIST),
    ("GET", r"/messageexchange/[^/]+/inbox/[^/]+", GET),
    ("GET", r"/messageexchange/[^/]+/inbox/[^/]+/\d+", GET_CHUNK),
    ("PUT", r"/messageexchange/[^/]+/inbox/[^/]+/status/acknowledged", ACK),
    ("GET", r"/messageexchange/[^/]+/outbox/tracking\?messageID=.*", TRACK_ID),
    ("GET", r"/messageexchange/[^/]+/outbox/tracking/[^/]+", TRACK_LOCAL),
)


def _range(request: Request) -> tuple[int, int]:
    number, _colon, total = request.header("mex-chunk-range").partition(":")
    return int(number or "1"), int(total or "1")


class Proxy:
    """Listens on a port of its own; a thread serves each connection."""

    def __init__(self, certificates: Path, upstream: int):
        self._upstream = upstream
        self.certificates = certificates
        self.tls = self.context(certificates / "server.pem", certificates / "server.key")
        self._port = 0
        self._listener = self._listen()
        self._lock = threading.Lock()
        self._plan = Plan()
        self._counts: dict[str, int] = {}
        self._posted = False
        self._door_open = True
        self._fillers: list[socket.socket] = []
        self._seen: list[Seen] = []
        self._connections = 0
        self._tokens: set[str] = set()
        self.repeated: list[str] = []  # Requests whose Authorization had been seen before.
        self.plain = False  # Hides that the daemon takes gzip: the sandbox would use it.
        self.page = 0  # Makes the daemon's pages of the inbox this short, unless 0.
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def context(self, certificate: Path, key: Path, ca: Path | None = None) -> ssl.SSLContext:
        """A server's side of mutual TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca or self.certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """Its port."""
        return self._port

    def set_upstream(self, port: int) -> None:
        """The sandbox has moved."""
        self._upstream = port

    # --- plans

    def begin(self, plan: Plan) -> None:
        """From here on requests are counted anew, and meet this plan."""
        with self._lock:
            self._plan = plan
            self._counts = {}
            self._seen = []
        if plan.door and plan.door_after == 0:
            self._arm()

    def end(self) -> list[Seen]:
        """No faults any more; what was asked since begin."""
        with self._lock:
            self._plan = Plan()
            seen = self._seen
            self._seen = []
        self._reopen()
        return seen

    def drain(self) -> None:
        """Waits until all that a client that has ended asked for is done: a request that is passed
        on only in the next cycle would be one that the network kept for so long."""
        end = time.monotonic() + 2 * IDLE
        while self._threads and time.monotonic() < end:
            self.closing.wait(STEP)

    def new_message(self) -> None:
        """A look-up by local id is the baseline again."""
        self._posted = False

    def _arm(self) -> None:
        """The next connection meets the door fault."""
        fault = self._plan.door
        if fault and fault.refuse:
            with self._lock:
                self._door_open = False
                # Keeps the port, and refuses: a bound socket that does not listen.
                self._listener.shutdown(socket.SHUT_RDWR)
        elif fault and fault.drop:
            with self._lock:
                self._door_open = False
                self._listener.listen(0)
                self._fill()

    def _fill(self) -> None:
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self._port))
            self._fillers.append(filler)

    def _reopen(self) -> None:
        with self._lock:
            if self._door_open:
                return
            for filler in self._fillers:
                filler.close()
            self._fillers = []
            self._listener.listen(64)
            self._door_open = True

    # --- serving

    def _listen(self) -> socket.socket:
        """A port that was asked for by number stays ours while nobody listens on it."""
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._port = probe.getsockname()[1]
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", self._port))
            except OSError:
                listener.close()
                continue  # Somebody was faster.
            listener.listen(64)
            listener.setblocking(False)
            return listener

    def _accept(self) -> None:
        poll = select.poll()
        poll.register(self._listener.fileno(), select.POLLIN)
        while not self.closing.is_set():
            if not self._door_open or not poll.poll(STEP * 1000):
                self.closing.wait(0.0 if self._door_open else STEP)
                continue
            with self._lock:
                try:
                    raw, _address = self._listener.accept() if self._door_open else (None, None)
                except OSError:
                    continue  # It went away, or the door was shut under our hand.
                if raw is None:
                    continue
                self._connections += 1
                number = self._connections
                fault = self._take_door()
            thread = threading.Thread(target=self._run, args=(raw, number, fault), daemon=True)
            self._threads.add(thread)
            thread.start()

    def _take_door(self) -> Fault | None:
        plan = self._plan
        if not plan.door or not plan.door.door or len(self._seen) < plan.door_after:
            return None
        fault, plan.door = plan.door, None
        return fault

    def _run(self, raw: socket.socket, number: int, fault: Fault | None) -> None:
        raw.settimeout(IDLE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = raw
        try:
            if fault and fault.door:
                fault.door(self, raw)
                return
            stream = self.tls.wrap_socket(raw, server_side=True)
            with self._lock:
                self._open.add(stream)
            self._serve(Wire(stream, self.closing), number)
        except (OSError, Gone, ValueError):
            pass  # The client went away: what it asked for has been counted.
        finally:
            with self._lock:
                self._open.discard(stream)
                self._threads.discard(threading.current_thread())
            stream.close()

    def _serve(self, wire: Wire, number: int) -> None:
        while True:
            request = wire.read_request()
            fault, seen = self._note(request, number)
            exchange = Exchange(self, wire, request)
            if fault and fault.act:
                seen.fault = fault.name
                if not fault.act(exchange):
                    return
                continue
            reply = exchange.forward()
            seen.status = reply.status
            if self._last_before_door():
                wire.send(reply.changed(Connection="close").wire())
                wire.end_clean()
                return
            wire.send(reply.wire())

    def _last_before_door(self) -> bool:
        """Whether the door fault is next; then this connection must end."""
        plan = self._plan
        if not plan.door or len(self._seen) != plan.door_after:
            return False
        self._arm()
        return True

    def _note(self, request: Request, number: int) -> tuple[Fault | None, Seen]:
        with self._lock:
            request.kind = self._classify(request)
            count = self._counts.get(request.kind, 0) + 1
            self._counts[request.kind] = count
            seen = Seen(request.kind, request.method, request.path, request.length, number)
            self._seen.append(seen)
            token = request.header("authorization")
            if token in self._tokens:
                self.repeated.append(f"{request.method} {request.path}")
            self._tokens.add(token)
            for rule in self._plan.rules:
                if rule.kind == request.kind and rule.nth <= count < rule.nth + rule.times:
                    return rule.fault, seen
        return None, seen

    def _classify(self, request: Request) -> str:
        for method, pattern, kind in _KINDS:
            if request.method == method and re.fullmatch(pattern, request.path):
                if kind == TRACK_LOCAL and not self._posted:
                    return BASELINE
                return kind
        if request.method != "POST":
            return OTHER
        chunk, total = _range(request)
        if request.path.endswith("/outbox"):
            self._posted = True
            return FIRST if total > 1 else SINGLE
        return FINAL if chunk == total else CHUNK

    # --- to the sandbox

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._upstream), IDLE)

    def _head(self, request: Request) -> bytes:
        path = request.path
        if self.page:
            path = re.sub(r"max_results=\d+", f"max_results={self.page}", path)
        hidden = ("connection:", "accept-encoding:") if self.plain else ("connection:",)
        lines = [line for line in request.lines if not line.lower().startswith(hidden)]
        lines = [f"{request.method} {path} HTTP/1.1", *lines, "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def forward(self, request: Request) -> Reply:
        """One request, one complete answer."""
        with self._connect() as upstream:
            upstream.sendall(self._head(request) + request.seen)
            data = b""
            while part := upstream.recv(1 << 20):
                data += part
        head, _empty, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not first.startswith("HTTP/1.1 "):
            raise Gone
        pairs = [line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in lines]
        headers = [(k, v) for k, v in pairs if k.lower() != "connection"]
        return Reply(int(first.split()[1]), headers, body)

    def forward_part(self, request: Request) -> None:
        """Part of a request, then a reset."""
        upstream = self._connect()
        upstream.sendall(self._head(request) + request.seen)
        Wire(upstream, self.closing).reset()

    def close(self) -> None:
        """Ends all connections and threads."""
        self.closing.set()
        self._acceptor.join()
        with self._lock:
            self._listener.close()
            for filler in self._fillers:
                filler.close()
            for stream in self._open:
                try:
                    stream.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # It was closed by the other side.
            threads = list(self._threads)
        for thread in threads:
            thread.join(10)
