# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Our own certificate, key and authorities; and that nothing turns the verification off."""

import functools
import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path

from common import SOURCES, Case, Context, Skip
from cryptography.hazmat.primitives import serialization
from tls_certs import AUTHORITY, CLIENTS, RIGHT, chain, make, store
from tls_rig import MESSAGE, Rig

from harness.certs import make_authority, pem_of, write_private
from harness.faultserver import Connection, usual

OURS = RIGHT.but(cn="our client", ips=[], purpose=CLIENTS)
V12 = ssl.TLSVersion.TLSv1_2
V13 = ssl.TLSVersion.TLSv1_3


def _mutual(rig: Rig, version: ssl.TLSVersion) -> Rig:
    """A server that wants certificates of the sandbox's authority."""

    def change(tls: ssl.SSLContext) -> None:
        tls.maximum_version = version
        tls.load_verify_locations(rig.sandbox.path / "ca.pem")
        tls.verify_mode = ssl.CERT_REQUIRED

    return rig.serve_right(change=change)


def _present(rig: Rig, certificates: list) -> Rig:
    """Our certificate is this one."""
    stem = rig.path / "client"
    store(stem, certificates)
    return rig.use(certificate=f"{stem}.pem", private_key=f"{stem}.key")


# --- what the server does not like


def _good(version: ssl.TLSVersion, context: Context) -> None:
    rig = Rig(context)
    _present(_mutual(rig, version), chain(rig.root, OURS)).accepted()


def _foreign(version: ssl.TLSVersion, context: Context) -> None:
    rig = _mutual(Rig(context), version)
    _present(rig, chain(make_authority("another"), OURS)).refused("it does not know its CA", "url")


def _signed_by_itself(version: ssl.TLSVersion, context: Context) -> None:
    rig = _mutual(Rig(context), version)
    _present(rig, [make(None, OURS)]).refused("does not", "certificate")


def _expired(version: ssl.TLSVersion, context: Context) -> None:
    rig = Rig(context)
    _present(_mutual(rig, version), chain(rig.root, OURS.but(start=-9, end=-1)))
    done = rig.refused("the server says that our certificate has expired", "(certificate)")
    assert "error  certificate-expired setting=certificate" in done.err, done


def _early(version: ssl.TLSVersion, context: Context) -> None:
    rig = Rig(context)
    _present(_mutual(rig, version), chain(rig.root, OURS.but(start=1)))
    done = rig.refused("does not accept our certificate", "certificate", "private_key")
    assert "error  certificate-not-yet-valid setting=certificate" in done.err, done
    assert "is this machine's clock right?" in done.err, done


def _for_servers(version: ssl.TLSVersion, context: Context) -> None:
    rig = Rig(context)
    _present(_mutual(rig, version), chain(rig.root, RIGHT))
    rig.refused("does not accept our certificate", "certificate", "private_key")


def _weak(context: Context) -> None:
    """The library does not even take it into its hands."""
    rig = Rig(context)
    _present(rig.serve_right(), chain(rig.root, OURS.but(bits=1024)))
    rig.site.drop("letter", b"content")
    done = rig.run_with({})
    lines = [line for line in done.err.splitlines() if " service-trouble " in line]
    assert len(lines) == 1 and "cannot use certificate with private_key" in lines[0], done
    rig.untouched()


# --- files that are wrong: nothing begins


def _with_file(name: str, data: bytes, mode: int = 0o600) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        file = rig.path / "wrong"
        write_private(file, data)
        file.chmod(mode)
        rig.use(**{name: file})

    return change


def _own(rig: Rig, name: str) -> bytes:
    return (rig.sandbox.path / name).read_bytes()


def _other_key(rig: Rig) -> None:
    store(rig.path / "other", [make(None, RIGHT)])
    rig.use(private_key=rig.path / "other.key")


def _locked_key(rig: Rig) -> None:
    key = make(None, RIGHT).key
    data = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    _with_file("private_key", data)(rig)


def _open_key(mode: int) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        _with_file("private_key", _own(rig, "client.key"), mode)(rig)

    return change


def _stolen_key(rig: Rig) -> None:
    if os.geteuid() != 0:
        raise Skip("only root can give a file away")
    _open_key(0o600)(rig)
    os.chown(rig.path / "wrong", 65534, 65534)


def _cut_ca(rig: Rig) -> None:
    data = _own(rig, "ca.pem")
    _with_file("ca_file", data + data[: len(data) // 2])(rig)


def _cut_key(rig: Rig) -> None:
    _with_file("private_key", _own(rig, "client.key")[:-60])(rig)


def _swapped(rig: Rig) -> None:
    rig.use(certificate=rig.sandbox.path / "client.key")


def _fifo(name: str) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        os.mkfifo(rig.path / "fifo", 0o600)
        rig.use(**{name: rig.path / "fifo"})

    return change


def _setting(**service: str) -> Callable[[Rig], None]:
    return lambda rig: None if rig.use(**service) else None


JUNK = b"-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n"
WRONG: dict[str, tuple[Callable[[Rig], None], str, str]] = {
    "key-of-another": (_other_key, "does not belong to certificate", "private_key"),
    "key-with-passphrase": (_locked_key, "without a passphrase", "private_key"),
    "key-garbage": (_with_file("private_key", JUNK), "is not a PEM private key", "private_key"),
    "key-empty": (_with_file("private_key", b""), "is not a PEM private key", "private_key"),
    "key-cut": (_cut_key, "is not a PEM private key", "private_key"),
    "key-world-readable": (_open_key(0o644), "can be reached by other users", "private_key"),
    "key-world-writable": (_open_key(0o602), "can be reached by other users", "private_key"),
    "key-group-writable": (_open_key(0o620), "can be reached by other users", "private_key"),
    "key-of-another-user": (_stolen_key, "belongs to another user", "private_key"),
    "key-missing": (_setting(private_key="no.key"), "no.key", "private_key"),
    "key-fifo": (_fifo("private_key"), "not a regular file", "private_key"),
    "key-not-set": (_setting(private_key=""), "an https url needs it", "private_key"),
    "certificate-garbage": (_with_file("certificate", JUNK), "is not a PEM", "certificate"),
    "certificate-empty": (_with_file("certificate", b""), "is not a PEM", "certificate"),
    "certificate-is-key": (_swapped, "is not a PEM", "certificate"),
    "certificate-missing": (_setting(certificate="no.pem"), "no.pem", "certificate"),
    "certificate-not-set": (_setting(certificate=""), "an https url needs it", "certificate"),
    "ca-empty": (_with_file("ca_file", b""), "is not a list of PEM", "ca_file"),
    "ca-garbage": (_with_file("ca_file", JUNK), "is not a list of PEM", "ca_file"),
    "ca-cut": (_cut_ca, "is not a list of PEM", "ca_file"),
    "ca-fifo": (_fifo("ca_file"), "not a regular file", "ca_file"),
    "ca-directory": (_setting(ca_file="/etc/ssl"), "not a regular file", "ca_file"),
    "ca-null-device": (_setting(ca_file="/dev/null"), "not a regular file", "ca_file"),
    "ca-not-set": (_setting(ca_file=""), "an https url needs it", "ca_file"),
}


def _wrong(change: Callable[[Rig], None], said: str, setting: str, context: Context) -> None:
    rig = Rig(context).serve_right()
    change(rig)
    rig.not_started(said, setting)


def _one_each(connection: Connection) -> None:
    """One request a connection, so that the files are read for each."""
    head = connection.read_head()
    if head and head.is_send:
        connection.read_body(head)
        connection.reply(202, {"message_id": MESSAGE}, Connection="close")
    elif head:
        usual(connection, head)


def _key_changes(context: Context) -> None:
    """The key is replaced by another's under the running daemon, and comes back."""
    rig = Rig(context)
    _present(rig.serve_right(script=_one_each), chain(rig.root, OURS))
    key = rig.path / "client.key"
    right = key.read_bytes()
    daemon = rig.site.start_daemon()
    rig.site.drop("first", b"content")
    rig.site.wait_sent("first")
    store(rig.path / "other", [make(None, RIGHT)])
    write_private(key, (rig.path / "other.key").read_bytes())
    rig.site.drop("second", b"content")
    daemon.wait_text("cannot use certificate with private_key")
    assert not rig.site.names("FAILED"), rig.site.names("FAILED")
    write_private(key, right)
    rig.site.wait_sent("second", timeout=120)
    daemon.wait_text("service-well")
    assert len(rig.server.sends()) == 2, rig.server.sends()
    rig.site.stop_daemon()


# --- no switch


def _wrong_server(rig: Rig) -> Rig:
    """A server that only somebody who does not verify would talk to."""
    return rig.serve(chain(make_authority("another"), RIGHT))


def _environment(context: Context) -> None:
    """Nothing of the environment is believed, or obeyed."""
    rig = _wrong_server(Rig(context))
    other = make_authority("another")
    rig.serve([*chain(other, RIGHT), other])
    home = rig.path / "home"
    (home / "certs").mkdir(parents=True)
    write_private(home / "ca.pem", pem_of(other.certificate))
    (home / ".curlrc").write_text("insecure\n", encoding="ascii")
    env = {name: str(home / "ca.pem") for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "CAFILE")}
    env |= {"SSL_CERT_DIR": str(home / "certs"), "HOME": str(home), "CURL_HOME": str(home)}
    env |= {"CURL_INSECURE": "1", "GIT_SSL_NO_VERIFY": "1", "PYTHONHTTPSVERIFY": "0"}
    rig.refused("not in ca_file", "ca_file", env=env)


def _key_log(context: Context) -> None:
    """The keys of a conversation are not written for whoever sets a variable."""
    rig = Rig(context).serve_right()
    file = rig.path / "keys.log"
    rig.accepted(env={"SSLKEYLOGFILE": str(file)})
    assert not file.exists(), file.read_text(encoding="ascii")


SWITCH = re.compile(r"verif|insecure|trust|ignore|skip|check|cipher|tls|ssl|unsafe|weak", re.I)
INVENTED = ("verify", "verify_peer", "ssl_verify", "tls_verify", "insecure", "check_host",
            "skip_verification", "allow_insecure", "tls_min", "ciphers", "ssl_no_revoke")


def _keys(rig: Rig) -> list[tuple[str, str]]:
    """The keys of meshdrop.conf, from the schema itself: section and name."""
    program = rig.site.tool("config", "--keys")
    assert program.code == 0, program
    found = re.findall(r"^meshdrop\.conf +(service|daemon)\.(\w+)", program.out, re.M)
    assert ("service", "ca_file") in found and len(found) > 20, len(found)
    return found


def _schema(context: Context) -> None:
    """No key is named like a switch, and the sources set the verification in one place, to on."""
    rig = Rig(context).serve_right()
    named = [name for _section, name in _keys(rig) if SWITCH.search(name)]
    assert not named, named
    text = "".join(file.read_text(encoding="utf-8") for file in (SOURCES / "src").rglob("*.c")
                   if "sandbox" not in file.parts)
    assert re.findall(r"CURLOPT_SSL_VERIFY\w+, \w+", text) == [
        "CURLOPT_SSL_VERIFYPEER, 1L", "CURLOPT_SSL_VERIFYHOST, 2L"
    ]
    assert not re.findall(r"SSL_VERIFY_NONE|CURLOPT_SSL_CTX|CURLOPT_SSL_OPTIONS|CURLOPT_DOH", text)


def _try(rig: Rig, section: str, name: str, value: str) -> None:
    """With this value the settings are refused, or the server is; nobody talks to it."""
    rig.site.write_conf()
    lines = rig.site.conf.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith(f"{name} =")]
    lines.insert(lines.index(f"[{section}]") + 1, f"{name} = {value}")
    rig.site.conf.write_text("\n".join([*lines, ""]), encoding="utf-8")
    done = rig.run_with({})
    assert done.code in (1, 75, 78), f"{name} = {value}: {done}"
    assert not rig.server.requests(), f"{name} = {value}: {rig.server.requests()}"
    assert rig.site.names("OUT") == ["letter.ctl", "letter.dat"], f"{name} = {value}: {done}"


def _every_key(values: tuple[str, ...], context: Context) -> None:
    """Each key there is, with values that turn things off."""
    rig = _wrong_server(Rig(context)).use(connect_timeout="2s")
    rig.site.drop("letter", b"content")
    for section, name in _keys(rig):
        for value in values:
            _try(rig, section, name, value)
            context.count("settings_tried")


def _invented(context: Context) -> None:
    """Keys that other programs have are unknown here, and that is said."""
    rig = _wrong_server(Rig(context))
    rig.site.drop("letter", b"content")
    for name in INVENTED:
        for section in ("service", "daemon"):
            _try(rig, section, name, "no")
            done = rig.run_with({}, "--check")
            assert done.code == 78 and name in done.err, done
            context.count("settings_tried")


def _proxy_opens(context: Context) -> None:
    """A proxy that opens TLS with an authority of its own is found out, and named."""
    rig = _wrong_server(Rig(context))
    proxy = rig.lab.proxy(rig.server.port)
    rig.site.use_proxy(proxy.url)
    rig.refused("or the proxy opens TLS", "ca_file")


def _case(name: str, function: Callable[..., None], *arguments: object) -> Case:
    return Case(name, functools.partial(function, *arguments))


def _both(name: str, function: Callable[..., None]) -> list[Case]:
    return [_case(f"{name}-1.2", function, V12), _case(f"{name}-1.3", function, V13)]


CASES = [
    *_both("good-mutual", _good),
    *_both("our-ca-unknown", _foreign),
    *_both("ours-self-signed", _signed_by_itself),
    *_both("ours-expired", _expired),
    *_both("ours-not-yet-valid", _early),
    *_both("ours-for-servers", _for_servers),
    Case("ours-rsa-1024", _weak),
    *(_case(name, _wrong, *what) for name, what in WRONG.items()),
    Case("key-changes-while-running", _key_changes, limit=300.0),
    Case("environment-is-not-believed", _environment),
    Case("no-key-log", _key_log),
    Case("no-switch-in-schema", _schema),
    Case("no-switch-invented", _invented),
    _case("no-switch-off", _every_key, ("no", "off")),
    Case("no-switch-empty", functools.partial(_every_key, ("", "0", "none")), quick=False),
    Case("proxy-opens-tls", _proxy_opens),
]
