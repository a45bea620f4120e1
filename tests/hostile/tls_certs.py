# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Certificates of every kind, right ones and wrong ones."""

import datetime
import ipaddress
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import common
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.certs import Authority, load_authority, pem_of, write_private

HOST = "127.0.0.1"
SERVERS = ExtendedKeyUsageOID.SERVER_AUTH
CLIENTS = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Wish:
    """What a certificate shall be like; as it stands, a right one for a server."""

    cn: str = HOST
    name: x509.Name | None = None  # in place of cn
    dns: Sequence[str] = ()
    ips: Sequence[str] = (HOST,)
    start: float = -1  # days from now
    end: float = 100
    ca: bool | None = False  # None: it does not say
    path_length: int | None = None
    bits: int = 0  # of RSA; 0: an elliptic curve
    hash: Any = hashes.SHA256()
    purpose: Any = SERVERS
    sign_only: bool | None = None  # the key's usage: signing certificates, everything else; none
    constraint: str = ""  # the only names below it
    ballast: int = 0  # bytes of an extension that nobody knows
    critical: bool = False
    staple: bool = False

    def but(self, **changes: Any) -> "Wish":
        """The same with changes."""
        return replace(self, **changes)


RIGHT = Wish()
AUTHORITY = Wish(cn="TEST CA", ips=(), ca=True, purpose=None)


def _new_key(bits: int) -> Any:
    if bits:
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return ec.generate_private_key(ec.SECP256R1())


def _usage(sign_only: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    rest = {"key_agreement": False, "crl_sign": False, "encipher_only": False}
    everyday = {name: not sign_only for name in names}
    return x509.KeyUsage(**everyday, **rest, key_cert_sign=sign_only, decipher_only=False)


def _extensions(wish: Wish) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in wish.dns]
    names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in wish.ips]
    if wish.ca is not None:
        found.append((x509.BasicConstraints(wish.ca, wish.path_length), True))
    if wish.purpose:
        found.append((x509.ExtendedKeyUsage([wish.purpose]), False))
    if names:
        found.append((x509.SubjectAlternativeName(names), False))
    if wish.sign_only is not None:
        found.append((_usage(wish.sign_only), True))
    if wish.constraint:
        found.append((x509.NameConstraints([x509.DNSName(wish.constraint)], None), True))
    if wish.ballast:
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
        found.append((x509.UnrecognizedExtension(oid, b"\x04" * wish.ballast), wish.critical))
    if wish.staple:
        found.append((x509.TLSFeature([x509.TLSFeatureType.status_request]), False))
    return found


def make(signer: Authority | None, wish: Wish) -> Authority:
    """One certificate and its key; without a signer it signs itself."""
    key = _new_key(wish.bits)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    common_name = [x509.NameAttribute(NameOID.COMMON_NAME, wish.cn)] if wish.cn else []
    name = wish.name or x509.Name(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer.certificate.subject if signer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=wish.start))
        .not_valid_after(now + datetime.timedelta(days=wish.end))
    )
    for extension, critical in _extensions(wish):
        builder = builder.add_extension(extension, critical=critical)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It advises against MD5 and SHA-1, and is right.
            return Authority(builder.sign(signer.key if signer else key, wish.hash), key)
    except Exception as reason:  # The library's exceptions differ from version to version.
        raise common.Skip(f"this cryptography does not make it: {reason}") from reason


def chain(root: Authority, *wishes: Wish) -> list[Authority]:
    """Each signed by the one before, the first by root; the last one comes first."""
    made: list[Authority] = []
    for wish in wishes:
        made.insert(0, make(made[0] if made else root, wish))
    return made


def store(stem: Path, certificates: Sequence[Authority]) -> Path:
    """stem.pem with all of them, and stem.key with the key of the first."""
    write_private(stem.with_suffix(".pem"), b"".join(pem_of(one.certificate) for one in certificates))
    private = certificates[0].key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(stem.with_suffix(".key"), private)
    return stem.with_suffix(".pem")


def authority_of(sandbox: Path) -> Authority:
    """Whom the sandbox's settings trust."""
    return load_authority(sandbox / "ca.pem", sandbox / "ca.key")


def server_context(stem: Path, ciphers: str = "") -> ssl.SSLContext:
    """A server's side, with stem.pem and stem.key; it takes what it is told to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    context.load_cert_chain(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    return context
