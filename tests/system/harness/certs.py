# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Certificates that are wrong in one way each; the right ones come from the sandbox."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Somebody who signs certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: x509.Name, public: object) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )


def make_authority(name: str) -> Authority:
    """An authority of its own, trusted by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, _name(name), key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def load_authority(certificate: Path, key: Path) -> Authority:
    """The sandbox's own authority, to sign something odd with it."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
    return Authority(x509.load_pem_x509_certificate(certificate.read_bytes()), loaded)


def issue(
    authority: Authority, name: str, dns: str, server: bool, stem: Path, address: str = ""
) -> None:
    """Writes stem.pem and stem.key: a certificate for a host or for a client."""
    names: list[x509.GeneralName] = [x509.DNSName(dns)]
    if address:
        names.append(x509.IPAddress(ipaddress.ip_address(address)))
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    certificate = (
        _builder(name, authority.certificate.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    write_private(stem.with_suffix(".pem"), pem_of(certificate))
    write_private(
        stem.with_suffix(".key"),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def pem_of(certificate: x509.Certificate) -> bytes:
    """A certificate as it stands in a file."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def write_private(path: Path, data: bytes) -> None:
    """Writes a file that only its owner may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)
