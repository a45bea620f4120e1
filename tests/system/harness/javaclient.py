# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""An installation of the Java client as it is found on disk, made for a test."""

import hashlib
import os
import shutil
import struct
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

PASSWORD = "keystore-secret-4711"

# Elements outside and inside <Client>, as installers write them.
_COMMON = {
    "LogPath": "./log",
    "KeyStorePath": "./KEYSTORE/mesh.keystore",
    "KeyStorePassword": PASSWORD,
    "WorkPath": "./working",
    "ProxyPath": "./proxy",
    "SignalPath": "./sig",
    "PollPeriod": "30",
    "ServerRetry": "3",
    "MaxMessages": "100",
    "MaxConnections": "4",
    "AutoUpgrade": "N",
}
_CLIENT = {
    "CollectReport": "Y",
    "TransferReport": "N",
    "PollReport": "N",
    "SaveSent": "Y",
}


# --- keystores


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def _counted(data: bytes, form: str = ">I") -> bytes:
    return struct.pack(form, len(data)) + data


def _protect(key: bytes, password: str) -> bytes:
    """Sun's own protector: a stream of SHA-1."""
    secret = _utf16(password)
    salt = os.urandom(20)
    stream, block = b"", salt
    while len(stream) < len(key):
        block = hashlib.sha1(secret + block).digest()
        stream += block
    mixed = bytes(a ^ b for a, b in zip(key, stream))
    wrapped = salt + mixed + hashlib.sha1(secret + key).digest()
    algorithm = bytes.fromhex("300e060a2b060104012a021101010500")
    return _der(0x30, algorithm + _der(0x04, wrapped))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def _certificate_entry(path: Path, version: int) -> bytes:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    kind = _counted(b"X.509", ">H") if version > 1 else b""
    return kind + _counted(certificate.public_bytes(serialization.Encoding.DER))


def jks(stem: Path, trusted: list[Path], password: str = PASSWORD, version: int = 2) -> bytes:
    """stem.pem and stem.key, and certificates that are trusted, as JKS."""
    key = serialization.load_pem_private_key(stem.with_suffix(".key").read_bytes(), None)
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    when = struct.pack(">Q", 1_700_000_000_000)
    body = struct.pack(">III", 0xFEEDFEED, version, 1 + len(trusted))
    body += struct.pack(">I", 1) + _counted(b"meshclient", ">H") + when
    body += _counted(_protect(der, password)) + struct.pack(">I", 1)
    body += _certificate_entry(stem.with_suffix(".pem"), version)
    for number, path in enumerate(trusted):
        body += struct.pack(">I", 2) + _counted(f"ca{number}".encode(), ">H") + when
        body += _certificate_entry(path, version)
    return body + hashlib.sha1(_utf16(password) + b"Mighty Aphrodite" + body).digest()


def p12(stem: Path, trusted: list[Path], password: str = PASSWORD) -> bytes:
    """The same as PKCS#12."""
    key = serialization.load_pem_private_key(stem.with_suffix(".key").read_bytes(), None)
    own = x509.load_pem_x509_certificate(stem.with_suffix(".pem").read_bytes())
    others = [x509.load_pem_x509_certificate(path.read_bytes()) for path in trusted]
    encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"client_cert", key, own, others, encryption)


def keytool(stem: Path, trusted: list[Path], kind: str, out: Path) -> None:
    """The same by the real keytool."""
    middle = out.with_suffix(".in")
    middle.write_bytes(p12(stem, []))
    _run_keytool(
        *("-importkeystore", "-srckeystore", str(middle), "-srcstoretype", "PKCS12"),
        *("-srcstorepass", PASSWORD, "-destkeystore", str(out), "-deststoretype", kind),
        *("-deststorepass", PASSWORD, "-noprompt"),
    )
    middle.unlink()
    _trust(trusted, kind, out)


def keytool_rsa(name: str, trusted: list[Path], kind: str, out: Path) -> None:
    """A key that the real keytool makes, with a certificate that it signs itself."""
    _run_keytool(
        *("-genkeypair", "-alias", "meshclient", "-keyalg", "RSA", "-keysize", "2048"),
        *("-dname", name, "-keystore", str(out), "-storetype", kind),
        *("-storepass", PASSWORD, "-keypass", PASSWORD),
    )
    _trust(trusted, kind, out)


def _trust(trusted: list[Path], kind: str, out: Path) -> None:
    for number, path in enumerate(trusted):
        _run_keytool(
            *("-importcert", "-noprompt", "-alias", f"ca{number}", "-file", str(path)),
            *("-keystore", str(out), "-storetype", kind, "-storepass", PASSWORD),
        )


def _run_keytool(*arguments: str) -> None:
    done = subprocess.run(
        ["keytool", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- the installation


class JavaClient:
    """A folder with meshclient.cfg and what it names."""

    def __init__(self, path: Path, url: str):
        self.path = path
        self.cfg = path / "meshclient.cfg"
        self.common: dict[str, str | None] = {"PrimaryURL": url} | _COMMON
        self.clients: list[dict[str, str | None]] = []
        for name in ("KEYSTORE", "log", "working", "proxy", "sig"):
            (path / name).mkdir(parents=True)

    @property
    def keystore(self) -> Path:
        """Where the keystore is."""
        return self.path / "KEYSTORE" / "mesh.keystore"

    def add(self, mailbox: str, password: str, root: Path, **elements: str) -> "JavaClient":
        """One more <Client>; None leaves an element out."""
        self.clients.append(
            {
                "ClientIdentity": mailbox,
                "ClientAuthentication": password,
                "InterfaceRoot": str(root),
            }
            | _CLIENT
            | elements
        )
        return self

    def text(self) -> str:
        """meshclient.cfg in the usual order."""
        lines = ['<?xml version="1.0"?>', "<MESHConfig>", *_elements(self.common, "    ")]
        for client in self.clients:
            lines += ["    <Client>", *_elements(client, "        "), "    </Client>"]
        return "\n".join([*lines, "</MESHConfig>", ""])

    def write(self, text: str = "") -> Path:
        """Writes meshclient.cfg."""
        self.cfg.write_text(text or self.text(), encoding="utf-8")
        return self.cfg

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """All files, to see that none was touched."""
        return tree(self.path)

    def remove(self) -> None:
        """Nothing of it is left."""
        shutil.rmtree(self.path)


def _elements(values: dict[str, str | None], indent: str) -> list[str]:
    return [
        f"{indent}<{name}>{escape(value)}</{name}>"
        for name, value in values.items()
        if value is not None
    ]


def tree(path: Path) -> dict[str, tuple[int, bytes]]:
    """What lies below a folder: when it was changed, and its content."""
    found = {}
    for item in sorted(path.rglob("*")):
        content = item.read_bytes() if item.is_file() else b""
        found[str(item.relative_to(path))] = (item.stat().st_mtime_ns, content)
    return found
