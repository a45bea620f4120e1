# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Through a CONNECT proxy: what it sees, what it may spoil, and what is said then."""

import os
import signal
import socket
from typing import Any

import pytest

from harness import certs
from harness.certs import write_private
from harness.faultserver import Connection, Script, on_send, usual
from harness.lab import Lab
from harness.process import Result
from harness.proxy import ConnectProxy, Fault
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import wait_for

USER = "meshdrop"
PASSWORD = "ZQCANARY the proxy's: password"
HOST = "mesh.invalid"  # No name server knows it: only the proxy can.
BIG = os.urandom(2_000_000)


@pytest.fixture
def far(lab: Lab) -> Sandbox:
    """A sandbox that nobody here can find by its name."""
    made = lab.sandbox()
    own = certs.load_authority(made.path / "ca.pem", made.path / "ca.key")
    certs.issue(own, HOST, HOST, True, made.path / "server", "127.0.0.1")
    return made


def site_behind(lab: Lab, far: Sandbox, proxy: ConnectProxy, mailbox: str, **login: str) -> Site:
    """A site whose only way out is the proxy."""
    site = lab.site(far, mailbox, url=f"https://{HOST}")
    return site.use_proxy(proxy.url, **login)


def set_patience(site: Site, timeout: str) -> None:
    """How long a tunnel, and TLS in it, may take from the next start on."""
    site.service["connect_timeout"] = timeout
    site.write_conf()


def assert_waits(site: Site, done: Result, *texts: str) -> None:
    """One cycle that could not reach the service: said, and the pair is where it was."""
    assert done.code == 1, done
    assert any(all(text in line for text in texts) for line in done.err.splitlines()), done
    assert site.names("OUT") == ["file.ctl", "file.dat"]
    for folder in ("SENT", "FAILED", "TEMP"):
        assert site.names(folder) == [], folder
    assert {item.ctl.status.event for item in site.arrived("IN")} <= {"RECEIVE"}


@pytest.mark.core
@pytest.mark.parametrize("way", ["", "Basic", "Digest"])
def test_there_and_back(lab: Lab, far: Sandbox, way: str) -> None:
    """Out and in through the proxy alone; each side sees only what it must."""
    far.start()
    login = {"user": USER, "password": PASSWORD} if way else {}
    proxy = lab.proxy(far.port, **(login | {"way": way} if way else {}))
    sender = site_behind(lab, far, proxy, "X26ABC1", **login)
    receiver = site_behind(lab, far, proxy, "X26ABC2", **login)
    sender.daemon["chunk_size"] = sender.daemon["request_limit"] = "500k"
    sender.write_conf()
    pairs = [sender.drop("big", BIG, Compress="N"), sender.drop("small", b"content")]
    sender.run_ok()
    receiver.run_ok()
    assert {item.sha256 for item in receiver.received()} == {pair.sha256 for pair in pairs}
    assert len(far.posts("X26ABC1")) == 2
    for seen in proxy.seen:
        assert seen.line == f"CONNECT {HOST}:443 HTTP/1.1"
        assert "NHSMESH" not in seen.text and "X26ABC" not in seen.text, seen.text
        for secret in [*sender.secrets(), *receiver.secrets()]:
            assert secret not in seen.text
        assert b"NHSMESH" not in seen.up and b"messageexchange" not in seen.up
    assert {seen.status for seen in proxy.seen} <= {200, 407}
    if way:
        assert any("proxy-authorization" in seen.headers for seen in proxy.seen)


def test_the_service_sees_no_log_in(lab: Lab) -> None:
    """Plain HTTP, where the service could see it: nothing of the proxy gets there."""
    box = lab.sandbox()
    server = lab.fault_server(on_send(lambda connection, head: False))
    proxy = lab.proxy(server.port, user=USER, password=PASSWORD)
    site = lab.site(box, "X26ABC1")
    site.use_plain_http("http://mesh.invalid:8080")
    site.use_proxy(proxy.url, USER, PASSWORD)
    site.drop("file", b"content")
    site.run_once()
    assert len(server.sends()) == 1
    for head in server.requests():
        assert not [name for name in head.headers if name.startswith("proxy")], head
        assert head.headers["authorization"].startswith("NHSMESH ")
        assert head.path.startswith("/messageexchange/")
    assert {seen.line for seen in proxy.seen} == {"CONNECT mesh.invalid:8080 HTTP/1.1"}


@pytest.mark.parametrize(
    "fault, text",
    [
        ({"status": 403}, "does not allow"),
        ({"status": 405}, "does not know CONNECT"),
        ({"status": 502}, "cannot reach the service"),
        ({"status": 504}, "cannot reach the service"),
        ({"cut_answer": True}, "ended the connection"),
        ({"silent": True}, "connect_timeout"),
    ],
    ids=["403", "405", "502", "504", "cut", "silent"],
)
def test_no_tunnel(lab: Lab, far: Sandbox, fault: dict[str, Any], text: str) -> None:
    """The pair stays in OUT as long as there is no tunnel, and goes out once there is."""
    far.start()
    proxy = lab.proxy(far.port)
    site = site_behind(lab, far, proxy, "X26ABC1")
    set_patience(site, "1s" if fault.get("silent") else "2m")
    site.drop("file", b"content")
    proxy.always(**fault)
    for _ in range(2):
        assert_waits(site, site.run_once(), f"127.0.0.1:{proxy.port}", f"{HOST}", text)
    assert far.requests() == []
    proxy.always()
    set_patience(site, "2m")
    site.run_ok()
    assert site.sent("file")
    assert len(far.inbox("X26ABC2")) == 1


def test_no_proxy_there(lab: Lab, far: Sandbox) -> None:
    """Nobody listens at the proxy's address, or nobody knows its name."""
    far.start()
    proxy = lab.proxy(far.port)
    site = site_behind(lab, far, proxy, "X26ABC1")
    site.drop("file", b"content")
    with socket.socket() as nobody:
        # Bound, so that it is nobody else's; and nobody listens.
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        site.use_proxy(f"http://127.0.0.1:{port}")
        assert_waits(site, site.run_once(), str(port), "cannot reach the proxy")
    # Where no name server answers it takes a while to find out.
    set_patience(site, "2m")
    site.use_proxy("http://proxy.invalid:3128")
    assert_waits(site, site.run_once(), "proxy.invalid:3128", "cannot be resolved")


@pytest.mark.parametrize("way", ["Basic", "Digest"])
def test_wrong_log_in(lab: Lab, far: Sandbox, way: str) -> None:
    """A wrong password costs nothing but time: no try is counted, and the setting is named."""
    far.start()
    proxy = lab.proxy(far.port, user=USER, password=PASSWORD, way=way)
    site = lab.site(far, url=f"https://{HOST}")
    site.add_mailbox("X26ABC1", server_retry=0)
    site.use_proxy(proxy.url)
    site.drop("file", b"content")
    assert_waits(site, site.run_once(), "set proxy_user and proxy_password_file")
    site.use_proxy(proxy.url, USER, "ZQCANARY wrong")
    for _ in range(3):
        assert_waits(site, site.run_once(), "does not accept user", "proxy_password_file")
    assert far.requests() == []
    site.use_proxy(proxy.url, USER, PASSWORD)
    site.run_ok()
    assert site.sent("file")


def closing(connection: Connection) -> None:
    """A service that ends the connection after each answer, so that each needs a tunnel.

    It says so: who was not told may use the connection once more, and be in doubt.
    """
    if not (head := connection.read_head()):
        return
    if head.is_send:
        connection.read_body(head)
        connection.reply(202, {"message_id": "20261122000000000000_ABCDEF"}, Connection="close")
    else:
        usual(connection, head, Connection="close")


@pytest.mark.parametrize(
    "fault",
    [Fault(status=407), Fault(status=502), Fault(cut_answer=True), Fault(silent=True)],
    ids=["407", "502", "cut", "silent"],
)
def test_no_tunnel_for_the_post(lab: Lab, far: Sandbox, fault: Fault) -> None:
    """The handshake got through and the POST's tunnel fails: no doubt, and no try is counted."""
    server = lab.fault_server(closing, far)
    proxy = lab.proxy(server.port)
    site = lab.site(far, url=f"https://{HOST}", connections="1")
    site.add_mailbox("X26ABC1", server_retry=0)
    set_patience(site, "10s" if fault.silent else "2m")
    site.use_proxy(proxy.url)
    # With a LocalId of the sender's tracking would be asked first, and fail.
    site.drop("file", b"content", LocalId=None)
    proxy.fault = lambda number: fault if number > 1 else Fault()
    assert site.run_once().code in (0, 1)
    assert proxy.tunnels > 1
    assert server.sends() == []
    listed = site.tool("list", "--json").out
    assert "DEFERRED" in listed and "UNKNOWN" not in listed, listed
    proxy.always()
    site.start_daemon()
    site.wait_sent("file")
    site.stop_daemon()
    assert len(server.sends()) == 1


def dying(proxy: list[ConnectProxy], kept: bool) -> Script:
    """The tunnel dies when the whole POST is there, and nothing was answered yet."""

    def script(connection: Connection) -> None:
        while head := connection.read_head():
            if head.is_send:
                connection.read_body(head)
                proxy[0].cut()
                return
            if not kept:
                usual(connection, head, Connection="close")
                return
            usual(connection, head)

    return script


@pytest.mark.core
@pytest.mark.parametrize("payload", [b"x", BIG], ids=["1-byte", "2-MB"])
@pytest.mark.parametrize("kept", [True, False], ids=["used-tunnel", "new-tunnel"])
def test_one_post(lab: Lab, far: Sandbox, payload: bytes, kept: bool) -> None:
    """A tunnel that dies after the request: one POST, and its outcome is asked for."""
    box: list[ConnectProxy] = []
    server = lab.fault_server(dying(box, kept), far)
    proxy = lab.proxy(server.port, user=USER, password=PASSWORD)
    box.append(proxy)
    site = lab.site(far, "X26ABC1", url=f"https://{HOST}", resolve_gap="1h")
    site.use_proxy(proxy.url, USER, PASSWORD)
    site.drop("file", payload, Compress="N")
    for _ in range(3):
        site.run_once()
    (post,) = server.sends()
    assert post.body == len(payload)
    assert site.names("SENT") == site.names("FAILED") == []
    assert "UNKNOWN" in site.tool("list", "--json").out


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_up": 300},
        {"cut_up": 5_000},
        {"cut_up": 600_000},
        {"cut_down": 300},
        {"cut_down": 3_000},
        {"cut_down": 9_000},
        {"cut_down": 600_000},
    ],
    ids=lambda fault: "-".join(f"{name}-{size}" for name, size in fault.items()),
)
def test_cut_tunnels(lab: Lab, far: Sandbox, fault: dict[str, int]) -> None:
    """Tunnels that end somewhere: in the end one whole message there, and no second one."""
    far.start()
    proxy = lab.proxy(far.port)
    sender = site_behind(lab, far, proxy, "X26ABC1")
    receiver = site_behind(lab, far, proxy, "X26ABC2")
    pair = sender.drop("file", BIG, Compress="N")
    proxy.fault = lambda number: Fault(**fault) if number <= 4 else Fault()
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT", 60)
    proxy.tunnels = 0
    receiver.cycle(receiver.received, "the message in IN", 60)
    receiver.run_ok()
    assert [item.sha256 for item in receiver.received()] == [pair.sha256]


def test_slow_proxy(lab: Lab, far: Sandbox) -> None:
    """A proxy that takes its time, byte by byte, is waited for."""
    far.start()
    proxy = lab.proxy(far.port)
    proxy.always(slow=0.005)
    site = site_behind(lab, far, proxy, "X26ABC1")
    set_patience(site, "2m")
    site.drop("file", b"content")
    site.run_ok()
    assert site.sent("file")


def test_stops_while_the_proxy_is_silent(lab: Lab, far: Sandbox) -> None:
    """SIGTERM does not wait for connect_timeout."""
    proxy = lab.proxy(1)
    proxy.always(silent=True)
    site = site_behind(lab, far, proxy, "X26ABC1")
    set_patience(site, "10m")
    process = site.start_daemon()
    wait_for(lambda: proxy.tunnels, "a CONNECT")
    process.signal(signal.SIGTERM)
    assert process.wait(120.0) == 0


def test_reload_with_the_right_password(lab: Lab, far: Sandbox) -> None:
    """A running daemon takes a new password with SIGHUP."""
    far.start()
    proxy = lab.proxy(far.port, user=USER, password=PASSWORD)
    site = site_behind(lab, far, proxy, "X26ABC1", user=USER, password="wrong")
    site.drop("file", b"content")
    site.start_daemon()
    site.process.wait_text("proxy_password_file")
    write_private(site.path / "proxy.password", PASSWORD.encode())
    site.process.signal(signal.SIGHUP)
    site.wait_sent("file")
    site.stop_daemon()


def test_environment_has_no_say(lab: Lab, sandbox: Sandbox) -> None:
    """Proxy variables are not used: neither to go through one nor to go round one."""
    away = {name: "http://127.0.0.1:1" for name in ("http_proxy", "https_proxy", "ALL_PROXY")}
    site = lab.site(sandbox, "X26ABC1")
    site.drop("one", b"one")
    site.start_daemon(away)
    site.wait_sent("one")
    site.stop_daemon()
    proxy = lab.proxy(sandbox.port)
    site.use_proxy(proxy.url)
    site.drop("two", b"two")
    site.start_daemon({"no_proxy": "*", "NO_PROXY": "127.0.0.1"})
    site.wait_sent("two")
    site.stop_daemon()
    assert proxy.tunnels > 0


def test_check_speaks_of_it(lab: Lab, far: Sandbox) -> None:
    """Both checks name the proxy, and the tool's finds out that it does not let us in."""
    far.start()
    proxy = lab.proxy(far.port, user=USER, password=PASSWORD)
    site = site_behind(lab, far, proxy, "X26ABC1", user=USER, password=PASSWORD)
    checked = site.run_daemon("--check")
    assert checked.code == 0 and proxy.url in checked.out, checked
    checked = site.tool("check")
    assert checked.code == 0 and f"all goes through {proxy.url}" in checked.out, checked
    site.use_proxy(proxy.url, USER, "wrong")
    checked = site.tool("check")
    assert checked.code == 1 and "proxy_password_file" in checked.out + checked.err, checked
    assert site.tool("inbox").code != 0
