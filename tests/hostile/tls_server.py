# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Certificates of the server."""

import functools
import ssl
from collections.abc import Callable

from common import Case, Context, Skip
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dh
from tls_certs import (
    AUTHORITY,
    CLIENTS,
    RIGHT,
    Wish,
    chain,
    make,
    store,
)
from tls_rig import Rig

from harness.certs import Authority, make_authority, pem_of, write_private

NO_PATH = "does not lead to one in ca_file"
NAME = "is for another name (url, ca_file)"
SIGNER = "signed by a certificate that may not sign it"
WEAK_KEY = "is too weak"
WEAK_SIGNATURE = "a signature that is too weak"
DNS = "mesh.spine.localhost"
MIDDLE = AUTHORITY.but(cn="MIDDLE CA")


def _to_dns(rig: Rig, wish: Wish, host: str = DNS) -> Rig:
    """A server whose address is a name; libcurl knows that those below localhost are here."""
    return rig.serve(chain(rig.root, wish), host=host)


# --- one certificate, signed by the right authority

SINGLE: dict[str, tuple[Wish, str, str]] = {
    "expired": (RIGHT.but(start=-9, end=-1), "has expired", "ca_file"),
    "expired-a-minute-ago": (RIGHT.but(end=-0.0007), "has expired", "clock"),
    "not-yet-valid": (RIGHT.but(start=1), "is not valid yet", "clock"),
    "valid-in-an-hour": (RIGHT.but(start=0.04), "is not valid yet", "ca_file"),
    "other-address": (RIGHT.but(ips=["127.0.0.2"]), NAME, "url"),
    "right-cn-other-san": (RIGHT.but(ips=["127.0.0.2"], cn="127.0.0.1"), NAME, "url"),
    "right-cn-dns-san": (RIGHT.but(ips=[], dns=["mesh.example"]), NAME, "url"),
    "address-as-dns-name": (RIGHT.but(ips=[], dns=["127.0.0.1"], cn="x"), NAME, "url"),
    "wildcard-address": (RIGHT.but(ips=[], dns=["*.0.0.1"], cn="*.0.0.1"), NAME, "url"),
    "no-name-at-all": (RIGHT.but(ips=[], cn=""), NAME, "url"),
    "for-clients": (RIGHT.but(purpose=CLIENTS), "is not one for servers", "ca_file"),
    "key-for-signing-only": (RIGHT.but(sign_only=True), "is not one for servers", "ca_file"),
    "rsa-1024": (RIGHT.but(bits=1024), WEAK_KEY, "url"),
    "unknown-critical": (RIGHT.but(ballast=9, critical=True), "ca_file vouches for", "ca_file"),
    "huge": (RIGHT.but(ballast=120_000), "too many certificates", "url"),
}

NAMES: dict[str, tuple[Wish, str]] = {
    "no-san-other-cn": (RIGHT.but(ips=[], cn="mesh.example"), DNS),
    "cn-beside-other-san": (RIGHT.but(ips=[], dns=["mesh.example"], cn=DNS), DNS),
    "wildcard-all": (RIGHT.but(ips=[], dns=["*"]), DNS),
    "wildcard-top": (RIGHT.but(ips=[], dns=["*.localhost"]), "mesh.localhost"),
    "wildcard-two-labels": (RIGHT.but(ips=[], dns=["*.localhost"]), DNS),
    "wildcard-inside": (RIGHT.but(ips=[], dns=["mesh.*.localhost"]), DNS),
    "wildcard-twice": (RIGHT.but(ips=[], dns=["*.*.localhost"]), DNS),
    "wildcard-itself": (RIGHT.but(ips=[], dns=["*.spine.localhost"]), "spine.localhost"),
    "longer-name": (RIGHT.but(ips=[], dns=[DNS + ".example"]), DNS),
    "shorter-name": (RIGHT.but(ips=[], dns=["spine.localhost"]), DNS),
    "nul-in-name": (RIGHT.but(ips=[], dns=[DNS + "\0.evil.example"]), DNS),
}


def _single(wish: Wish, said: str, setting: str, context: Context) -> None:
    rig = Rig(context)
    rig.serve(chain(rig.root, wish)).refused(said, setting)


def _name(wish: Wish, host: str, context: Context) -> None:
    _to_dns(Rig(context), wish, host).refused(NAME, "url", "ca_file")


def _weak_hash(algorithm: hashes.HashAlgorithm, context: Context) -> None:
    """The authority signs with RSA: MD5 goes with nothing else."""
    rig = Rig(context)
    signer = make(None, AUTHORITY.but(bits=2048))
    rig.serve(chain(signer, RIGHT.but(hash=algorithm, bits=2048)))
    rig.use(ca_file=store(rig.path / "ca", [signer])).refused(WEAK_SIGNATURE, "ca_file")


# --- who signed it


def _wrong_ca(context: Context) -> None:
    Rig(context).serve(chain(make_authority("another"), RIGHT)).refused(NO_PATH, "ca_file")


def _wrong_ca_sent_along(context: Context) -> None:
    other = make_authority("another")
    Rig(context).serve([*chain(other, RIGHT), other]).refused("not in ca_file", "ca_file")


def _same_name_ca(context: Context) -> None:
    """Another key under the name of the right authority."""
    rig = Rig(context)
    fake = make(None, AUTHORITY.but(name=rig.root.certificate.subject))
    rig.serve([*chain(fake, RIGHT), fake]).refused("ca_file", "certificate")


def _self_signed(context: Context) -> None:
    Rig(context).serve([make(None, RIGHT)]).refused("signed by itself", "ca_file")


def _damaged_signature(context: Context) -> None:
    """The last byte of the certificate is another."""
    rig = Rig(context)
    right = make(rig.root, RIGHT.but(bits=2048))
    der = bytearray(right.certificate.public_bytes(serialization.Encoding.DER))
    der[-20] ^= 1
    rig.serve([Authority(x509.load_der_x509_certificate(bytes(der)), right.key)])
    rig.refused("is false: it is damaged or forged", "ca_file")


def _changed_name(context: Context) -> None:
    """The address in a certificate for another host was changed to ours."""
    rig = Rig(context)
    right = make(rig.root, RIGHT.but(ips=["127.9.8.7"], cn="x"))
    der = right.certificate.public_bytes(serialization.Encoding.DER)
    changed = der.replace(b"\x7f\x09\x08\x07", b"\x7f\x00\x00\x01")
    assert changed != der
    rig.serve([Authority(x509.load_der_x509_certificate(changed), right.key)])
    rig.refused("is false: it is damaged or forged", "ca_file")


# --- certificates between

BETWEEN: dict[str, tuple[list[Wish], str]] = {
    "middle-is-no-ca": ([RIGHT.but(cn="M"), RIGHT], SIGNER),
    "middle-does-not-say": ([MIDDLE.but(ca=None), RIGHT], SIGNER),
    "middle-may-not-sign": ([MIDDLE.but(sign_only=False), RIGHT], SIGNER),
    "path-too-long": ([MIDDLE.but(path_length=0), MIDDLE.but(cn="LOW CA"), RIGHT], SIGNER),
    "middle-expired": ([MIDDLE.but(start=-9, end=-1), RIGHT], "has expired"),
    "middle-not-yet-valid": ([MIDDLE.but(start=1), RIGHT], "is not valid yet"),
    "middle-rsa-1024": ([MIDDLE.but(bits=1024), RIGHT], WEAK_KEY),
    "middle-sha1": ([MIDDLE.but(hash=hashes.SHA1()), RIGHT], WEAK_SIGNATURE),
}


def _between(wishes: list[Wish], said: str, context: Context) -> None:
    rig = Rig(context)
    root = make(None, AUTHORITY)
    rig.serve(chain(root, *wishes)).use(ca_file=store(rig.path / "ca", [root]))
    rig.refused(said, "ca_file")


def _constrained(context: Context) -> None:
    rig = Rig(context)
    root = make(None, AUTHORITY.but(constraint="mesh.example"))
    rig.serve(chain(root, RIGHT.but(ips=[], dns=[DNS])), host=DNS)
    rig.use(ca_file=store(rig.path / "ca", [root])).refused("a name that its CA may not vouch for", "ca_file")


def _missing_middle(context: Context) -> None:
    rig = Rig(context)
    rig.serve(chain(rig.root, MIDDLE, RIGHT)[:1]).refused(NO_PATH, "ca_file")


def _chain_of_many(context: Context) -> None:
    rig = Rig(context)
    many = [MIDDLE.but(cn=f"CA {number}") for number in range(105)]
    rig.serve(chain(rig.root, *many, RIGHT)).refused("too many certificates", "url")


def _root_expired(context: Context) -> None:
    rig = Rig(context)
    root = make(None, AUTHORITY.but(start=-9, end=-0.5))
    rig.serve(chain(root, RIGHT)).use(ca_file=store(rig.path / "ca", [root]))
    done = rig.refused("has expired", "ca_file")
    assert "certificate-expired setting=ca_file" in done.err, done


# --- what is good


def _good(wish: Wish, host: str, context: Context) -> None:
    _to_dns(Rig(context), wish, host).accepted()


def _middle_sent(context: Context) -> None:
    rig = Rig(context)
    root = make(None, AUTHORITY)
    rig.serve(chain(root, MIDDLE, RIGHT))
    rig.use(ca_file=store(rig.path / "ca", [root])).accepted()


def _two_authorities(context: Context) -> None:
    """An ended one beside the right one in ca_file is in nobody's way."""
    rig = Rig(context).serve_right()
    old = make(None, AUTHORITY.but(cn="OLD CA", start=-9, end=-1))
    both = pem_of(old.certificate) + pem_of(rig.root.certificate)
    write_private(rig.path / "both.pem", both)
    done = rig.use(ca_file=rig.path / "both.pem").accepted()
    assert 'subject="CN=OLD CA"' in done.err, done


GOOD = {
    "good-address": (RIGHT, "127.0.0.1"),
    "good-name": (RIGHT.but(ips=[], dns=[DNS]), DNS),
    "good-name-other-case": (RIGHT.but(ips=[], dns=[DNS.upper()]), DNS),
    "good-wildcard": (RIGHT.but(ips=[], dns=["*.spine.localhost"]), DNS),
    "good-cn-without-san": (RIGHT.but(ips=[], cn=DNS), DNS),  # as the health network has it
    "good-rsa-2048": (RIGHT.but(bits=2048), "127.0.0.1"),
    "good-must-staple": (RIGHT.but(staple=True), "127.0.0.1"),  # revocation is not asked for
}


# --- versions and ciphers


def _only(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def change(tls: ssl.SSLContext) -> None:
        tls.minimum_version = version
        tls.maximum_version = version

    return change


def _old(version: ssl.TLSVersion, context: Context) -> None:
    rig = Rig(context).serve_right(change=_only(version))
    rig.refused("no version of TLS in common with us: we take 1.2 or newer", "url")


def _new(version: ssl.TLSVersion, context: Context) -> None:
    Rig(context).serve_right(change=_only(version)).accepted()


def _ciphers(ciphers: str, context: Context) -> None:
    rig = Rig(context)
    try:
        rig.serve(
            chain(rig.root, RIGHT.but(bits=2048)),
            ciphers=ciphers + ":@SECLEVEL=0",
            change=_only(ssl.TLSVersion.TLSv1_2),
        )
    except ssl.SSLError as reason:
        raise Skip(f"this OpenSSL does not have {ciphers}") from reason
    rig.refused("no common way of encryption", "url")


# RFC 2409, 6.2: 1024 bits.
OAKLEY_2 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)


def _weak_exchange(context: Context) -> None:
    rig = Rig(context)
    numbers = dh.DHParameterNumbers(OAKLEY_2, 2)
    file = rig.path / "dh.pem"
    file.write_bytes(
        numbers.parameters().parameter_bytes(
            serialization.Encoding.PEM, serialization.ParameterFormat.PKCS3
        )
    )

    def change(tls: ssl.SSLContext) -> None:
        _only(ssl.TLSVersion.TLSv1_2)(tls)
        tls.load_dh_params(str(file))

    rig.serve(chain(rig.root, RIGHT.but(bits=2048)), ciphers="DHE:@SECLEVEL=0", change=change)
    rig.refused("key exchange is too weak", "url")


def _openssl_cnf(context: Context, trial: str) -> None:
    """A configuration of OpenSSL that allows everything changes nothing."""
    rig = Rig(context)
    file = rig.path / "openssl.cnf"
    file.write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
        "MinProtocol = TLSv1\nCipherString = ALL:eNULL:@SECLEVEL=0\nVerifyMode = None\n",
        encoding="ascii",
    )
    env = {"OPENSSL_CONF": str(file)}
    if trial == "weak":
        rig.serve(chain(rig.root, RIGHT.but(bits=1024))).refused(WEAK_KEY, "url", env=env)
    elif trial == "old":
        rig.serve_right(change=_only(ssl.TLSVersion.TLSv1_1)).refused("1.2 or newer", "url", env=env)
    else:
        rig.serve(chain(make_authority("x"), RIGHT)).refused(NO_PATH, "ca_file", env=env)


def _case(name: str, function: Callable[..., None], *arguments: object) -> Case:
    return Case(name, functools.partial(function, *arguments))


CASES = [
    *(_case(name, _single, *what) for name, what in SINGLE.items()),
    *(_case(name, _name, *what) for name, what in NAMES.items()),
    *(_case(name, _between, *what) for name, what in BETWEEN.items()),
    *(_case(name, _good, *what) for name, what in GOOD.items()),
    _case("md5-signature", _weak_hash, hashes.MD5()),
    _case("sha1-signature", _weak_hash, hashes.SHA1()),
    Case("wrong-ca", _wrong_ca),
    Case("wrong-ca-sent-along", _wrong_ca_sent_along),
    Case("same-name-ca", _same_name_ca),
    Case("self-signed", _self_signed),
    Case("damaged-signature", _damaged_signature),
    Case("changed-name", _changed_name),
    Case("outside-name-constraint", _constrained),
    Case("missing-middle", _missing_middle),
    Case("chain-of-many", _chain_of_many),
    Case("root-expired", _root_expired),
    Case("good-middle-sent", _middle_sent),
    Case("good-beside-ended-ca", _two_authorities),
    _case("tls-1.0", _old, ssl.TLSVersion.TLSv1),
    _case("tls-1.1", _old, ssl.TLSVersion.TLSv1_1),
    _case("good-tls-1.2", _new, ssl.TLSVersion.TLSv1_2),
    _case("good-tls-1.3", _new, ssl.TLSVersion.TLSv1_3),
    _case("null-cipher", _ciphers, "eNULL"),
    _case("anonymous-cipher", _ciphers, "aNULL"),
    _case("psk-cipher", _ciphers, "PSK"),
    Case("dh-1024", _weak_exchange),
    *(
        Case(f"openssl-cnf-{trial}", functools.partial(_openssl_cnf, trial=trial))
        for trial in ("weak", "old", "unverified")
    ),
]
