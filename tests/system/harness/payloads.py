# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Files to send, and what is needed to say that two files are the same."""

import gzip
import hashlib
import os
from pathlib import Path

BLOCK = 1 << 20


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_bytes(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def random_file(path: Path, size: int) -> Path:
    """A file that does not compress."""
    with path.open("wb") as file:
        while size > 0:
            part = min(size, BLOCK)
            file.write(os.urandom(part))
            size -= part
    return path


def zero_file(path: Path, size: int) -> Path:
    """A file that compresses as well as any can; it takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def text_bytes(size: int) -> bytes:
    """Plain text with both kinds of line ends and characters of several bytes."""
    line = "NHS number, given name, \u00e9\u00f4\u20ac, result\r\nsecond line\n".encode()
    return (line * (size // len(line) + 1))[:size]


def gzip_bytes(data: bytes) -> bytes:
    """One gzip member, the same each time."""
    return gzip.compress(data, mtime=0)
