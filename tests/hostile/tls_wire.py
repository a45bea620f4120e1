# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What comes over the wire in place of a handshake, or in its middle."""

import contextlib
import functools
import os
import re
import shutil
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable

from common import Case, Context, Skip
from tls_certs import RIGHT, chain, store
from tls_rig import MESSAGE, TAKES, Rig

from harness.faultserver import Connection
from harness.process import clean_environment
from harness.waiting import wait_for

NOT_ALLOWED = "a cipher that we do not allow"
OLD = "no version of TLS in common with us: we take 1.2 or newer"
NO_TLS = "no TLS came from the server: is there another service, or plain http, at this port"
BROKEN_OFF = "ended the connection before TLS was agreed on"
NOT_OURS = "does not accept our certificate"


def _record(kind: int, data: bytes, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", kind, version, len(data)) + data


def _hello(version: int, cipher: int, compression: int = 0) -> bytes:
    """A ServerHello without extensions."""
    body = struct.pack(">H", version) + b"r" * 32 + struct.pack(">BHB", 0, cipher, compression)
    return _record(22, b"\x02" + struct.pack(">I", len(body))[1:] + body, min(version, 0x0303))


def _alert(number: int) -> bytes:
    return _record(21, bytes([2, number]))


# --- answers to the client's hello

ANSWERS: dict[str, tuple[bytes, str, str]] = {
    "ssl-3.0": (_hello(0x0300, 0x002F), OLD, "url"),
    "tls-1.0-hello": (_hello(0x0301, 0x002F), OLD, "url"),
    "tls-9-hello": (_hello(0x030A, 0x002F), OLD, "url"),
    "ssl-2.0": (b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00", "TLS", "url"),
    "null-md5-chosen": (_hello(0x0303, 0x0001), NOT_ALLOWED, "url"),
    "null-sha-chosen": (_hello(0x0303, 0x0002), NOT_ALLOWED, "url"),
    "export-chosen": (_hello(0x0303, 0x0003), NOT_ALLOWED, "url"),
    "rc4-chosen": (_hello(0x0303, 0x0005), NOT_ALLOWED, "url"),
    "des-chosen": (_hello(0x0303, 0x0009), NOT_ALLOWED, "url"),
    "3des-chosen": (_hello(0x0303, 0x000A), NOT_ALLOWED, "url"),
    "anonymous-chosen": (_hello(0x0303, 0x00A6), NOT_ALLOWED, "url"),
    "unknown-cipher-chosen": (_hello(0x0303, 0xFEFE), NOT_ALLOWED, "url"),
    "compression-chosen": (_hello(0x0303, 0xC02F, 1), "no TLS conversation", "url"),
    "without-rfc-5746": (_hello(0x0303, 0xC02F), "without the repair of 2010", "url"),
    "plain-http": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", NO_TLS, "url"),
    "mail-server": (b"220 mail.example ESMTP ready\r\n", NO_TLS, "url"),
    "ssh-server": (b"SSH-2.0-OpenSSH_9.2p1\r\n", NO_TLS, "url"),
    "zeros": (bytes(4096), "TLS", "url"),
    "endless-record": (b"\x16\x03\x03\xff\xff" + bytes(70_000), "TLS", "url"),
    "half-hello": (_hello(0x0303, 0xC02F)[:20], BROKEN_OFF, "url"),
    "data-first": (_record(23, b"HTTP/1.1 200 OK\r\n\r\n"), "TLS", "url"),
    "finished-first": (_record(22, b"\x14\x00\x00\x0c" + bytes(12)), "TLS", "url"),
    "alert-warning-flood": (_record(21, b"\x01\x5a") * 200, "TLS", "url"),
}

ALERTS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    40: ("handshake-failure", "no common way of encryption", ("certificate", "private_key")),
    42: ("bad-certificate", NOT_OURS, ("certificate", "private_key")),
    43: ("unsupported-certificate", NOT_OURS, ("certificate", "private_key")),
    44: ("certificate-revoked", "our certificate was revoked", ("(certificate)",)),
    45: ("certificate-expired", "our certificate has expired", ("(certificate)",)),
    46: ("certificate-unknown", NOT_OURS, ("certificate", "private_key")),
    48: ("unknown-ca", "it does not know its CA", ("(certificate, url)",)),
    49: ("access-denied", NOT_OURS, ("certificate", "private_key")),
    51: ("decrypt-error", "cannot check our signature", ("private_key",)),
    70: ("protocol-version", OLD, ("url",)),
    71: ("insufficient-security", "a cipher that we do not have", ("url",)),
    80: ("internal-error", "a trouble of its own with TLS", ("url",)),
    112: ("unrecognized-name", "does not know the host of url", ("url",)),
    116: ("certificate-required", "wants a client certificate", ("certificate",)),
    120: ("no-application-protocol", "does not speak HTTP/1.1", ("url",)),
}


def _answer(data: bytes, said: str, settings: tuple[str, ...], context: Context) -> None:
    def script(connection: Connection) -> None:
        got = connection.stream.recv(65536)
        assert got[:1] == b"\x16"
        connection.raw(data)
        with contextlib.suppress(OSError):
            connection.stream.recv(65536)

    def cut(connection: Connection) -> None:
        connection.stream.recv(65536)
        connection.raw(data)

    Rig(context).serve_raw(cut if said == BROKEN_OFF else script).refused(said, *settings)


# --- the connection ends


def _silence(connection: Connection) -> None:
    with contextlib.suppress(OSError):
        while connection.stream.recv(65536):
            pass


def _reset_in_hello(connection: Connection) -> None:
    connection.stream.recv(1)
    connection.reset()


def _reset_after_hello(connection: Connection) -> None:
    connection.stream.recv(65536)
    connection.reset()


def _end_after_hello(connection: Connection) -> None:
    connection.stream.recv(65536)


def _broken(script: Callable[[Connection], None], context: Context) -> None:
    Rig(context).serve_raw(script).refused(BROKEN_OFF, "url")


def _stalls(context: Context) -> None:
    rig = Rig(context).serve_raw(_silence).use(connect_timeout="1s")
    rig.refused("no progress in time", "connect_timeout")


def _tls_on_plain(context: Context) -> None:
    """The address says http, and the server speaks TLS."""
    rig = Rig(context).serve_right()
    rig.site.use_plain_http(f"http://127.0.0.1:{rig.server.port}")
    rig.refused("does the service want https", "url")


# --- what goes with a handshake


def _listens(rig: Rig, change: Callable[[ssl.SSLContext], None]) -> list[str | None]:
    """The protocols that were agreed on, one a connection."""
    found: list[str | None] = []

    def script(connection: Connection) -> None:
        assert isinstance(connection.stream, ssl.SSLSocket)
        found.append(connection.stream.selected_alpn_protocol())
        TAKES(connection)

    rig.serve_right(change=change, script=script)
    return found


def _alpn(context: Context) -> None:
    """We ask for HTTP/1.1 and nothing else, whatever a server would rather have."""
    rig = Rig(context)
    found = _listens(rig, lambda tls: tls.set_alpn_protocols(["h2", "http/1.1", "http/1.0"]))
    rig.accepted()
    assert found and set(found) == {"http/1.1"}, found


def _only_h2(context: Context) -> None:
    """A server that ignores what we asked for and begins with HTTP/2."""

    def script(connection: Connection) -> None:
        connection.raw(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 3)
        with contextlib.suppress(OSError):
            connection.stream.recv(65536)
            connection.stream.recv(65536)

    rig = Rig(context).serve_right(script=script)
    rig.refused("", "url")


def _sni(host: str, wanted: str | None, context: Context) -> None:
    """The name that we want is in the clear hello; an address is not a name."""
    rig = Rig(context)
    found: list[str | None] = []

    def change(tls: ssl.SSLContext) -> None:
        tls.sni_callback = lambda _stream, name, _tls: found.append(name)

    rig.serve(chain(rig.root, RIGHT.but(dns=[host])), change=change, host=host).accepted()
    assert found and set(found) == {wanted}, found


# --- renegotiation, which only openssl's own server begins


class _Openssl:
    """openssl s_server: one connection after the other, answered by us."""

    def __init__(self, rig: Rig):
        stem = rig.path / "server"
        store(stem, chain(rig.root, RIGHT))
        program = shutil.which("openssl")
        stdbuf = shutil.which("stdbuf")
        if not program or not stdbuf:
            raise Skip("there is no openssl or no stdbuf")
        command = [stdbuf, "-o0", program, "s_server", "-accept", "127.0.0.1:0", "-tls1_2"]
        command += ["-cert", f"{stem}.pem", "-key", f"{stem}.key"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(),
        )
        self.said = b""
        self.requests: list[bytes] = []
        self.renegotiated = 0
        self._done = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        found = wait_for(lambda: re.search(rb"ACCEPT .*:(\d+)", self.said), "the port")
        self.port = int(found.group(1))

    def _serve(self) -> None:
        assert self.process.stdout
        while data := os.read(self.process.stdout.fileno(), 65536):
            self.said += data
            self._look()

    def _look(self) -> None:
        """One request at a time; a body that was announced belongs to it."""
        rest = self.said[self._done :]
        head = re.search(rb"(?:GET|POST|PUT) /messageexchange/[^\r]*\r\n(?:[^\r]+\r\n)*\r\n", rest)
        if not head:
            return
        length = re.search(rb"(?i)content-length: (\d+)", head.group())
        if len(rest) - head.end() < (int(length.group(1)) if length else 0):
            return
        if b"SSL_do_handshake -> 1" not in rest[head.end() :]:
            if not rest.endswith(b"\0asked"):
                self._write(b"r\n")
                self.said += b"\0asked"
            return
        self.renegotiated += 1
        self.requests.append(head.group().split(b"\r\n")[0])
        self._done = len(self.said)
        self._write(self._reply(head.group()))

    @staticmethod
    def _reply(head: bytes) -> bytes:
        body = b'{"messages": [], "links": {}}' if head.startswith(b"GET") else b""
        status = 202 if b"/outbox " in head else 200
        body = b'{"message_id": "%b"}' % MESSAGE.encode() if status == 202 else body
        kind = b"Content-Type: application/vnd.mesh.v2+json\r\n"
        return b"HTTP/1.1 %d Ok\r\n%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
            status, kind, len(body), body
        )

    def _write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()
        self._thread.join(10)


def _renegotiation(context: Context) -> None:
    """A server that begins the handshake anew after each request gets it, and nothing twice."""
    rig = Rig(context)
    server = _Openssl(rig)
    try:
        rig.point(f"https://127.0.0.1:{server.port}")
        rig.site.drop("letter", b"content")
        done = rig.run_with({})
        assert done.code == 0, f"{done}\n{server.said[-2000:]!r}"
        assert rig.site.names("SENT") == ["letter.ctl", "letter.dat"], done
        sends = [request for request in server.requests if b"/outbox " in request]
        assert len(sends) == 1 and server.renegotiated == len(server.requests), server.requests
    finally:
        server.close()


def _case(name: str, function: Callable[..., None], *arguments: object) -> Case:
    return Case(name, functools.partial(function, *arguments))


CASES = [
    *(_case(name, _answer, data, said, (setting,))
      for name, (data, said, setting) in ANSWERS.items()),
    *(_case(f"alert-{name}", _answer, _alert(number), said, settings)
      for number, (name, said, settings) in ALERTS.items()),
    _case("reset-in-hello", _broken, _reset_in_hello),
    _case("reset-after-hello", _broken, _reset_after_hello),
    _case("end-after-hello", _broken, _end_after_hello),
    Case("silence", _stalls),
    Case("tls-on-plain-http", _tls_on_plain),
    Case("alpn-is-http-1.1", _alpn),
    Case("http-2-unasked", _only_h2),
    _case("good-sni", _sni, "mesh.spine.localhost", "mesh.spine.localhost"),
    _case("good-sni-address", _sni, "127.0.0.1", None),
    Case("good-renegotiation", _renegotiation),
]
