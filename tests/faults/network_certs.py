# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Server certificates for 127.0.0.1 that are wrong in one way each."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.certs import Authority, load_authority, make_authority, pem_of, write_private

DAY = datetime.timedelta(days=1)
NAMES = ("wrong-ca", "expired", "not-yet", "wrong-host", "self-signed", "for-clients")


def _issue(signer: Authority | None, stem: Path, host: str, start: int, server: bool) -> None:
    """stem.pem and stem.key; start is days from now, and it lasts for two."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    begin = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + start * DAY
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer.certificate.subject if signer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + 2 * DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .sign(signer.key if signer else key, hashes.SHA256())
    )
    write_private(stem.with_suffix(".pem"), pem_of(certificate))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(stem.with_suffix(".key"), private)


def make_all(certificates: Path, where: Path) -> None:
    """One stem for each of NAMES, and other-ca.pem, which did not sign our client's."""
    where.mkdir(exist_ok=True)
    ours = load_authority(certificates / "ca.pem", certificates / "ca.key")
    other = make_authority("another authority")
    write_private(where / "other-ca.pem", pem_of(other.certificate))
    _issue(other, where / "wrong-ca", "127.0.0.1", -1, True)
    _issue(ours, where / "expired", "127.0.0.1", -9, True)
    _issue(ours, where / "not-yet", "127.0.0.1", 7, True)
    _issue(ours, where / "wrong-host", "127.0.0.2", -1, True)
    _issue(None, where / "self-signed", "127.0.0.1", -1, True)
    _issue(ours, where / "for-clients", "127.0.0.1", -1, False)
