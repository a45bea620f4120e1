# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile bodies: gzip that is none, bombs, members, encodings that are not what they are called."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from common import Case, Context
from harness.faultserver import Connection, Head
from harness.payloads import gzip_bytes
from server_downloads import BODY, by_chunk, is_refused, is_taken, neighbours
from server_rig import (
    AFTER,
    BAD,
    BEFORE,
    Bench,
    Handler,
    World,
    answer,
    flood,
    mex,
    one_line,
    raw,
    whole,
)

PACKED = gzip_bytes(BODY)
HEADER = b"\x1f\x8b\x08\x00\0\0\0\0\0\xff"
NOT_INTACT = "not intact gzip"
INSIDE = "ends inside a gzip stream"
LARGE = "has more than 10000000 bytes"


def deflated(body: bytes) -> bytes:
    """Without any wrapper."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def trailer(body: bytes) -> bytes:
    """CRC and length."""
    return struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)


def flagged(flags: int, extra: bytes, body: bytes = BODY) -> bytes:
    """A member with optional fields."""
    return b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff" + extra + deflated(body) + trailer(body)


def zeros(count: int) -> bytes:
    """A gzip member of so many zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count & 0xFFFFF)), packer.flush()])


def packed(body: bytes, encoding: str = "gzip") -> Handler:
    """BAD, with this label on it."""
    return raw(whole(mex(BAD, f"Content-Encoding: {encoding}"), body))


def chunk(range_: str, body: bytes, encoding: str = "gzip") -> bytes:
    """A chunk with its status."""
    got, _, count = range_.partition(":")
    lines = mex(BAD, f"Content-Encoding: {encoding}", range_=range_)
    return whole(lines, body, 206 if got != count else 200)


_HALF = len(PACKED) // 2
BAD_BODIES: dict[str, tuple[Handler, str]] = {
    "plain": (packed(BODY), NOT_INTACT),
    "one-byte": (packed(b"\x1f"), INSIDE),
    "magic-only": (packed(b"\x1f\x8b"), INSIDE),
    "header-only": (packed(HEADER), INSIDE),
    "empty": (packed(b""), "is said to be gzip and is empty"),
    "cut": (packed(PACKED[:-20]), INSIDE),
    "no-trailer": (packed(PACKED[:-8]), INSIDE),
    "half-trailer": (packed(PACKED[:-4]), INSIDE),
    "one-short": (packed(PACKED[:-1]), INSIDE),
    "wrong-crc": (packed(PACKED[:-8] + bytes(4) + PACKED[-4:]), NOT_INTACT),
    "wrong-length": (packed(PACKED[:-4] + bytes(4)), NOT_INTACT),
    "length-plus-one": (packed(PACKED[:-4] + struct.pack("<I", len(BODY) + 1)), NOT_INTACT),
    "garbage-behind": (packed(PACKED + b"garbage"), NOT_INTACT),
    "zeros-behind": (packed(PACKED + bytes(512)), NOT_INTACT),
    "one-byte-behind": (packed(PACKED + b"\x1f"), INSIDE),
    "second-cut": (packed(PACKED + PACKED[:_HALF]), INSIDE),
    "second-broken": (packed(PACKED + PACKED[:-8] + bytes(8)), NOT_INTACT),
    "zlib": (packed(zlib.compress(BODY)), NOT_INTACT),
    "deflate": (packed(deflated(BODY)), NOT_INTACT),
    "method-7": (packed(b"\x1f\x8b\x07" + PACKED[3:]), NOT_INTACT),
    "reserved-flags": (packed(b"\x1f\x8b\x08\xe0" + PACKED[4:]), NOT_INTACT),
    "bad-block": (packed(HEADER + b"\x07" + bytes(40)), NOT_INTACT),
    "bad-distance": (packed(HEADER + b"\x4b\x04\x12\x00" + bytes(20)), NOT_INTACT),
    "bad-stored-length": (packed(HEADER + b"\x01\x05\x00\x00\x00hello" + bytes(8)), NOT_INTACT),
    "wrong-header-crc": (packed(flagged(2, b"\0\0")), NOT_INTACT),
    "bit-flipped": (packed(PACKED[:_HALF] + bytes([PACKED[_HALF] ^ 16]) + PACKED[_HALF + 1 :]),
                    NOT_INTACT),
    "encoding-brotli": (packed(BODY, "br"), "unknown Content-Encoding"),
    "encoding-zstd": (packed(BODY, "zstd"), "unknown Content-Encoding"),
    "encoding-deflate": (packed(zlib.compress(BODY), "deflate"), "unknown Content-Encoding"),
    "encoding-compress": (packed(BODY, "compress"), "unknown Content-Encoding"),
    "encoding-twice": (packed(gzip_bytes(PACKED), "gzip, gzip"), "unknown Content-Encoding"),
    "encoding-both": (packed(PACKED, "gzip, identity"), "unknown Content-Encoding"),
    "encoding-long": (packed(PACKED, "gzip" * 5000), "unknown Content-Encoding"),
    "encoding-quoted": (packed(PACKED, '"gzip"'), "unknown Content-Encoding"),
    "chunk-cut-then-plain": (by_chunk(chunk("1:2", PACKED[:_HALF]), chunk("2:2", BODY, "identity")),
                             "is not gzip, but the one before"),
    "chunk-cut-then-anew": (by_chunk(chunk("1:2", PACKED[:_HALF]), chunk("2:2", PACKED)),
                            NOT_INTACT),
    "chunk-last-cut": (by_chunk(chunk("1:2", PACKED), chunk("2:2", PACKED[:-3])), INSIDE),
    "chunk-first-only": (by_chunk(chunk("1:2", PACKED[:_HALF]), chunk("2:2", b"")), "empty|INSIDE"),
}
GOOD_BODIES: dict[str, tuple[Handler, bytes]] = {
    "label-case": (packed(PACKED, "GZip"), BODY),
    "x-gzip": (packed(PACKED, "x-gzip"), BODY),
    "identity": (packed(PACKED, "identity"), PACKED),
    "no-label": (raw(whole(mex(BAD), PACKED)), PACKED),
    "nested": (packed(gzip_bytes(PACKED)), PACKED),
    "members": (packed(PACKED + gzip_bytes(b"x") + PACKED), BODY + b"x" + BODY),
    "empty-members": (packed(gzip_bytes(b"") * 1000 + PACKED), BODY),
    "100000-members": (packed(gzip_bytes(b"x") * 100_000), b"x" * 100_000),
    "file-name": (packed(flagged(8, b"../../etc/passwd\0")), BODY),
    "long-file-name": (packed(flagged(8, b"x" * 1_000_000 + b"\0")), BODY),
    "long-comment": (packed(flagged(16, b"y" * 1_000_000 + b"\0")), BODY),
    "extra": (packed(flagged(4, b"\xff\xff" + bytes(65535))), BODY),
    "split-anywhere": (
        by_chunk(*[chunk(f"{k}:4", PACKED[(k - 1) * len(PACKED) // 4 : k * len(PACKED) // 4])
                   for k in range(1, 5)]),
        BODY,
    ),
    "chunks-of-members": (by_chunk(chunk("1:2", PACKED), chunk("2:2", BODY, "identity")),
                          BODY + BODY),
}


def _bomb(body: Callable[[], bytes], reason: str = LARGE) -> Any:
    """A case: what would be larger than max_message is refused, and costs no more than that."""

    def run(context: Context) -> None:
        bench = Bench(context, max_message="10M")
        bench.disk_most = 12 << 20
        neighbours(bench, lambda world: world.hostile(BAD, packed(body())))
        ran = bench.run()
        bench.arrived(BEFORE, AFTER)
        bench.absent(BAD)
        one_line(ran, "not-taken", reason, BAD)
        assert bench.site.names("TEMP") == []

    return run


def _endless(head: bytes, piece: bytes, reason: str) -> Any:
    """A case: a body without end does end, at max_message or a little behind it."""

    def run(context: Context) -> None:
        bench = Bench(context, max_message="10M")
        bench.disk_most = 12 << 20
        body = b"%x\r\n%b\r\n" % (len(piece), piece)
        neighbours(bench, lambda world: world.hostile(BAD, flood(head, body)))
        ran = bench.run()
        bench.arrived(BEFORE, AFTER)
        bench.absent(BAD)
        one_line(ran, "not-taken", reason, BAD)
        assert bench.site.names("TEMP") == []

    return run


def _bomb_in_chunks(context: Context) -> None:
    """The limit counts over all chunks."""
    bench = Bench(context, max_message="10M")
    bench.disk_most = 12 << 20
    member = zeros(4 << 20)

    def handler(_world: World, connection: Connection, head: Head) -> bool:
        parts = head.path.split("/")
        number = int(parts[5]) if len(parts) > 5 else 1
        connection.raw(chunk(f"{number}:100", member))
        return False

    neighbours(bench, lambda world: world.hostile(BAD, handler))
    ran = bench.run()
    bench.arrived(BEFORE, AFTER)
    bench.absent(BAD)
    one_line(ran, "not-taken", LARGE, BAD)


def cases() -> list[Case]:
    """All of this file."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    quick = ("wrong-crc", "wrong-length", "cut", "garbage-behind", "plain", "encoding-twice")
    for name, (reply, reason) in BAD_BODIES.items():
        yield Case(f"gzip-{name}", is_refused(reply, reason.replace("INSIDE", INSIDE)),
                   name in quick)
    for name, (reply, body) in GOOD_BODIES.items():
        yield Case(f"gzip-good-{name}", is_taken(reply, body), name == "100000-members")
    endless = answer([*mex(BAD), "Transfer-Encoding: chunked"])
    gzipped = answer([*mex(BAD, "Content-Encoding: gzip"), "Transfer-Encoding: chunked"])
    yield Case("bomb-1000-to-1", _bomb(lambda: zeros(1 << 28)))
    yield Case("bomb-one-over", _bomb(lambda: zeros(10_000_001)))
    yield Case("bomb-in-second-member", _bomb(lambda: PACKED + zeros(1 << 30)), quick=False)
    yield Case("bomb-in-chunks", _bomb_in_chunks)
    yield Case("endless-plain", _endless(endless, bytes(65536), LARGE))
    yield Case("endless-empty-members", _endless(gzipped, gzip_bytes(b"") * 3000, "does not end"))
    yield Case("endless-empty-blocks",
               _endless(gzipped + _first(HEADER), b"\0\0\0\xff\xff" * 10_000,
                        "does not end"))
    yield Case("endless-file-name",
               _endless(gzipped + _first(b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"), b"n" * 65536,
                        "does not end"))


def _first(data: bytes) -> bytes:
    """The first chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
