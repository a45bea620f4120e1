#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Makes the keystores in this directory anew, with keytool and openssl.

They are for the unit tests of src/import, hold nothing real, and are committed
because few machines have a keytool. The password is "changeit" unless a name
says otherwise.
"""

import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = Path(__file__).resolve().parent
PASSWORD = "changeit"
FOREIGN = "pä$s£wörd\U0001f511"


def certificate(name, issuer=None, years=(2020, 2090), authority=False):
    """(certificate, key); issuer is such a pair, None for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(years[0], 1, 1))
        .not_valid_after(datetime.datetime(years[1], 1, 1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    return made, key


def write_pem(path, *pairs, key=False):
    """Certificates, or the key of the first."""
    if key:
        data = pairs[0][1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    else:
        data = b"".join(pair[0].public_bytes(serialization.Encoding.PEM) for pair in pairs)
    Path(path).write_bytes(data)


def run(*command, **environment):
    """A program that must work."""
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C.UTF-8"} | environment,
    )


def pkcs12(out, leaf, *others, password=PASSWORD, name="meshclient", options=()):
    """openssl pkcs12 -export."""
    write_pem("leaf.pem", leaf)
    write_pem("leaf.key", leaf, key=True)
    write_pem("others.pem", *others)
    more = ["-certfile", "others.pem"] if others else []
    run("openssl", "pkcs12", "-export", "-in", "leaf.pem", "-inkey", "leaf.key", "-name", name,
        *more, *options, "-out", out, "-passout", f"pass:{password}")


def keystore(out, leaf, chain=(), trusted=(), password=PASSWORD, kind="JKS", name="meshclient"):
    """keytool: a key with its chain, and trusted certificates."""
    if leaf:
        pkcs12("in.p12", leaf, *chain, name=name)
        run("keytool", "-importkeystore", "-srckeystore", "in.p12", "-srcstoretype", "PKCS12",
            "-srcstorepass", PASSWORD, "-destkeystore", out, "-deststoretype", kind,
            "-deststorepass:env", "PASS", "-destkeypass:env", "PASS", "-noprompt",
            "-srcalias", name, "-destalias", name, "-srckeypass", PASSWORD, PASS=password)
    for number, pair in enumerate(trusted):
        write_pem("ca.pem", pair)
        run("keytool", "-importcert", "-noprompt", "-alias", f"ca{number}", "-file", "ca.pem",
            "-keystore", out, "-storetype", kind, "-storepass:env", "PASS", PASS=password)


def make():
    """All of them."""
    root = certificate("Test Root", authority=True)
    middle = certificate("Test Intermediate", root, authority=True)
    leaf = certificate("client.example", middle)
    direct = certificate("client.example", root)
    other = certificate("other.example", root)
    ended = certificate("ended.example", root, (2010, 2012))
    old_root = certificate("Ended Root", years=(2000, 2010), authority=True)

    keystore("small.jks", direct, trusted=[root])
    keystore("chain.jks", leaf, [middle, root], [old_root])
    keystore("foreign.jks", direct, trusted=[root], password=FOREIGN)
    keystore("two.jks", direct, trusted=[root], name="second")
    keystore("two.jks", other, name="third")
    keystore("ended.jks", ended, trusted=[root])
    keystore("no-key.jks", None, trusted=[root])
    keystore("no-ca.jks", direct)
    keystore("ended-ca.jks", direct, trusted=[old_root])
    keystore("keypass.jks", direct, trusted=[root])
    run("keytool", "-keypasswd", "-alias", "meshclient", "-keystore", "keypass.jks",
        "-storepass", PASSWORD, "-keypass", PASSWORD, "-new", "another-one")
    keystore("store.jceks", direct, trusted=[root], kind="JCEKS")
    keystore("keytool.p12", direct, [root], [old_root], kind="PKCS12")
    pkcs12("openssl.p12", leaf, middle, root)
    pkcs12("foreign.p12", direct, root, password=FOREIGN)
    pkcs12("old.p12", direct, root, options=["-legacy"])
    pkcs12("sandbox.p12", direct, root, options=["-noiter", "-nomaciter"])
    pkcs12("no-mac.p12", direct, root, options=["-nomac"])
    pkcs12("no-ca.p12", direct)
    run("openssl", "pkcs12", "-export", "-nokeys", "-in", "ca.pem", "-out", "no-key.p12",
        "-passout", f"pass:{PASSWORD}")


def main():
    """Only what is whole comes into this directory."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make()
        for path in sorted(Path(folder).iterdir()):
            if path.suffix in (".jks", ".p12", ".jceks") and path.name != "in.p12":
                (HERE / path.name).write_bytes(path.read_bytes())
        os.chdir("/")


if __name__ == "__main__":
    sys.exit(main())
