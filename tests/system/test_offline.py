# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The service is away: nothing moves, it is said once, and all goes on by itself."""

from harness.faultserver import hang_up
from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import wait_for


def port_of(sandbox: Sandbox) -> int:
    """A port where nobody listens, kept for the sandbox."""
    sandbox.start()
    sandbox.stop()
    return sandbox.port


def claimed(site: Site) -> list[str]:
    """What TEMP holds of pairs; a report may be on its way into IN at any time."""
    return [name for name in site.names("TEMP") if not name.endswith(".report")]


def test_nobody_listens(lab: Lab) -> None:
    """Each cycle fails, names host and port, and leaves the pair in OUT."""
    sandbox = lab.sandbox()
    port = port_of(sandbox)
    site = lab.site(sandbox, "X26ABC1", url=f"https://127.0.0.1:{port}")
    site.drop("file", b"content")
    for _ in range(3):
        done = site.run_once()
        assert done.code == 1, done
        said = [line for line in done.err.splitlines() if f"127.0.0.1:{port}" in line]
        assert len(said) == 1, done
    assert site.names("OUT") == ["file.ctl", "file.dat"]
    for folder in ("SENT", "FAILED", "TEMP"):
        assert site.names(folder) == [], folder
    told = [report.status.summary for report in site.reports()]
    assert told == [("RECEIVE", "ERROR", "15")] * 3, "one of each cycle"


def test_away_and_back(lab: Lab) -> None:
    """Tried again and again, said rarely, no retries used up; sent when it is back."""
    sandbox = lab.sandbox()
    port = port_of(sandbox)
    server = lab.fault_server(hang_up, port=port)
    site = lab.site(sandbox, url=f"https://127.0.0.1:{server.port}")
    site.add_mailbox("X26ABC1", server_retry=1)
    pair = site.drop("file", b"content")
    site.start_daemon()
    wait_for(lambda: server.connections >= 3, "three tries", 90.0)
    assert site.names("OUT") == ["file.ctl", "file.dat"]
    assert site.names("FAILED") == site.names("SENT") == claimed(site) == []

    def said() -> list[str]:
        return [line for line in site.process.text().splitlines() if f":{port}" in line]

    assert 1 <= len(said()) <= 2, said()
    # It follows its line.
    wait_for(lambda: len(site.reports("RECEIVE")) == len(said()), "one report for each line", 30.0)
    server.close()
    sandbox.start(port=port)
    site.wait_sent("file", timeout=120.0)
    site.stop_daemon()
    receiver = lab.site(sandbox, "X26ABC2")
    receiver.run_ok()
    assert [item.sha256 for item in receiver.received()] == [pair.sha256]


def test_goes_away(lab: Lab, sender: Site, sandbox: Sandbox) -> None:
    """A service that goes away in mid-life: what is dropped then stays in OUT until it is back."""
    sender.drop("one", b"one")
    sender.start_daemon()
    sender.wait_sent("one")
    port = sandbox.port
    sandbox.kill()
    wait_for(lambda: "service-trouble" in sender.process.text(), "the trouble", 30.0)
    server = lab.fault_server(hang_up, port=port)
    sender.drop("two", b"two")
    wait_for(lambda: server.connections >= 2, "two tries", 90.0)
    assert sender.names("OUT") == ["two.ctl", "two.dat"]
    assert claimed(sender) == []
    server.close()
    sandbox.start(port=port)
    sender.wait_sent("two", timeout=120.0)
    sender.stop_daemon()


def test_half_well(sender: Site, sandbox: Sandbox) -> None:
    """A service that shakes hands but lists nothing is unwell: said once, asked ever more rarely."""
    sandbox.fault("GET", "/inbox", count=1000, status=500)
    sender.start_daemon()
    wait_for(lambda: len(sandbox.requests("GET", r"/inbox")) >= 3, "three lists", 90.0)
    text = sender.process.text()
    assert text.count("service-trouble") == 1, text
    assert "service-well" not in text
    sandbox.admin("DELETE", "/fault")
    wait_for(lambda: "service-well" in sender.process.text(), "the end of it", 90.0)
    sender.stop_daemon()


def test_restart_of_the_service(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """A service that restarts in between loses nothing and gets nothing twice."""
    first = sender.drop("one", b"one")
    sender.start_daemon()
    sender.wait_sent("one")
    port = sandbox.port
    sandbox.kill()
    second = sender.drop("two", b"two")
    sandbox.start(port=port)
    sender.wait_sent("two")
    sender.stop_daemon()
    receiver.run_ok()
    assert {item.sha256 for item in receiver.received()} == {first.sha256, second.sha256}
    assert len(receiver.received()) == 2
