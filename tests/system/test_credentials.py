# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Wrong secrets and certificates: one clear line, and nothing moves."""

import socket
import ssl
from pathlib import Path

import pytest

from harness import certs
from harness.faultserver import hang_up
from harness.lab import Lab
from harness.process import Result
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import tick, wait_for


def assert_nothing_moved(site: Site, sandbox: Sandbox, code: str = "") -> None:
    """The pair waits where it was dropped; IN has one RECEIVE report of the code, or nothing."""
    assert site.names("OUT") == ["file.ctl", "file.dat"]
    for folder in ("SENT", "FAILED", "TEMP"):
        assert site.names(folder) == [], folder
    wanted = [("RECEIVE", "ERROR", code)] if code else []
    assert [report.status.summary for report in site.reports()] == wanted
    assert len(site.names("IN")) == len(wanted)
    assert sandbox.requests("POST", "/outbox") == []
    assert sandbox.requests("GET", "/inbox/") == []


def lines_with(done: Result, *texts: str) -> list[str]:
    """The lines said that have all the texts."""
    return [line for line in done.err.splitlines() if all(text in line for text in texts)]


def other_secret(path: Path) -> None:
    """Another secret of the same length."""
    certs.write_private(path, path.read_bytes()[::-1])


def test_wrong_password(sender: Site, sandbox: Sandbox) -> None:
    """A wrong password is said once, naming password_file and its file."""
    other_secret(sender.path / "X26ABC1.password")
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code == 1, done
    (line,) = lines_with(done, "password_file")
    assert "X26ABC1" in line
    assert_nothing_moved(sender, sandbox, "17")


def test_wrong_shared_key(sender: Site, sandbox: Sandbox) -> None:
    """A wrong shared key is said once, naming shared_key_file."""
    key = sender.path / "shared.key"
    certs.write_private(key, b"not the shared key")
    sender.service["shared_key_file"] = str(key)
    sender.write_conf()
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code == 1, done
    assert len(lines_with(done, "shared_key_file")) == 1, done
    assert_nothing_moved(sender, sandbox, "17")


def test_unknown_mailbox(lab: Lab, sandbox: Sandbox) -> None:
    """A mailbox the service does not know is said, naming the setting."""
    site = lab.site(sandbox)
    (sandbox.path / "X26NONE.password").write_text("whatever it may be", encoding="utf-8")
    site.add_mailbox("X26NONE")
    site.drop("file", b"content", From_DTS="X26NONE")
    done = site.run_once()
    assert done.code == 1, done
    assert lines_with(done, "mailbox", "X26NONE.yaml"), done
    assert_nothing_moved(site, sandbox, "17")


def test_wrong_authority(sender: Site, sandbox: Sandbox) -> None:
    """A server that another authority signed is not trusted; ca_file is named."""
    other = sender.path / "other-ca.pem"
    certs.write_private(other, certs.pem_of(certs.make_authority("other").certificate))
    sender.service["ca_file"] = str(other)
    sender.write_conf()
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code == 1, done
    assert lines_with(done, "ca_file"), done
    assert sandbox.requests("") == []
    assert_nothing_moved(sender, sandbox, "16")


def test_refusal_outlives_the_request(sandbox: Sandbox, tmp_path: Path) -> None:
    """A client of TLS 1.3 that speaks before it reads is not reset: it can read the refusal."""
    authority = certs.make_authority("other")
    certs.issue(authority, "client", "client", False, tmp_path / "foreign")
    context = ssl.create_default_context(cafile=str(sandbox.path / "ca.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tmp_path / "foreign.pem", tmp_path / "foreign.key")
    with socket.create_connection(("127.0.0.1", sandbox.port)) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
            wait_for(lambda: "client-refused" in sandbox.log.read_text(), "the refusal")
            for _ in range(20):
                stream.sendall(b"GET / HTTP/1.1\r\n")
                tick()
            with pytest.raises(ssl.SSLError, match="(?i)unknown ca"):
                stream.recv(1)


def test_foreign_client_certificate(sender: Site, sandbox: Sandbox) -> None:
    """A client certificate the server does not accept: certificate is named."""
    authority = certs.make_authority("other")
    certs.issue(authority, "client", "client", False, sender.path / "foreign")
    sender.service["certificate"] = str(sender.path / "foreign.pem")
    sender.service["private_key"] = str(sender.path / "foreign.key")
    sender.write_conf()
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code == 1, done
    assert lines_with(done, "certificate"), done
    assert sandbox.requests("") == []
    assert_nothing_moved(sender, sandbox, "16")


def test_refused_without_a_word(lab: Lab, sandbox: Sandbox) -> None:
    """A service that only hangs up may mean the certificate: said as a guess, for the first."""
    server = lab.fault_server(hang_up, sandbox)
    site = lab.site(sandbox, "X26ABC1", url=server.url)
    site.drop("file", b"content")
    done = site.run_once()
    assert done.code == 1, done
    assert len(lines_with(done, "may refuse our certificate (certificate, url)")) == 1, done
    assert_nothing_moved(site, sandbox, "15")


def test_key_of_another_certificate(sender: Site, sandbox: Sandbox) -> None:
    """A private key that does not belong to the certificate is said, naming private_key."""
    authority = certs.make_authority("other")
    certs.issue(authority, "client", "client", False, sender.path / "foreign")
    sender.service["private_key"] = str(sender.path / "foreign.key")
    sender.write_conf()
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code in (1, 78), done
    assert lines_with(done, "private_key"), done
    assert_nothing_moved(sender, sandbox)


def test_wrong_host(lab: Lab) -> None:
    """A certificate for another host is refused, and the url is named."""
    sandbox = lab.sandbox()
    own = certs.load_authority(sandbox.path / "ca.pem", sandbox.path / "ca.key")
    certs.issue(own, "elsewhere", "elsewhere.example", True, sandbox.path / "server")
    sandbox.start()
    site = lab.site(sandbox, "X26ABC1")
    site.drop("file", b"content")
    done = site.run_once()
    assert done.code == 1, done
    assert lines_with(done, "url"), done
    assert site.names("OUT") == ["file.ctl", "file.dat"]
    assert site.names("TEMP") == []


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o604])
def test_secret_others_can_read(sender: Site, sandbox: Sandbox, mode: int) -> None:
    """A password file that others can read is refused, naming it."""
    (sender.path / "X26ABC1.password").chmod(mode)
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code == 78, done
    assert lines_with(done, "X26ABC1.password"), done
    assert_nothing_moved(sender, sandbox)


def test_right_again(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """After the right password is back what waited goes out; no retries were used up."""
    secret = sender.path / "X26ABC1.password"
    good = secret.read_bytes()
    other_secret(secret)
    pair = sender.drop("file", b"content")
    for _ in range(5):
        assert sender.run_once().code == 1
    certs.write_private(secret, good)
    sender.run_ok()
    receiver.run_ok()
    assert [item.sha256 for item in receiver.received()] == [pair.sha256]
