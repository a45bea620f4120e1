# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The harness itself: what it would miss, no test could find."""

import http.client
import socket
import sys
from pathlib import Path

import pytest

from harness.api import Api
from harness.ctlfile import read_ctl, render
from harness.faultserver import Connection, FaultServer, Head, on_send
from harness.lab import Lab
from harness.notify import NotifySocket
from harness.printable import assert_logs_printable, unprintable
from harness.process import Process, run
from harness.waiting import TimedOut, stays_true, tick, wait_for


def close_after_reading(connection: Connection, head: Head) -> bool:
    """A send is read to its end and not answered."""
    connection.read_body(head)
    return False


@pytest.fixture
def server(lab: Lab) -> FaultServer:
    """A plain server that does not answer a send."""
    return lab.fault_server(on_send(close_after_reading))


def test_fault_server_counts(server: FaultServer) -> None:
    """Two sends are counted as two, with their sizes, on the connections they came by."""
    for size in (5, 300_000):
        api = Api("127.0.0.1", server.port, None)
        assert api.request("GET", "/messageexchange/X/inbox").status == 200
        with pytest.raises(http.client.RemoteDisconnected):
            api.request("POST", "/messageexchange/X/outbox", b"x" * size)
        api.close()
    assert [(head.connection, head.body) for head in server.sends()] == [(1, 5), (2, 300_000)]
    assert len(server.requests()) == 4


def test_wait_for_is_bounded() -> None:
    """Waiting for what never comes ends, and says what it was."""
    with pytest.raises(TimedOut, match="the moon"):
        wait_for(lambda: False, "the moon", 0.1)
    with pytest.raises(AssertionError, match="it rang"):
        stays_true(lambda: False, "it rang", 60.0)
    assert wait_for(lambda: [7], "a list") == [7]


def test_who_is_held_up_blames_nobody() -> None:
    """A look that took longer than the limit is not the last one, and says nothing of the time."""
    looks = iter([False, True])

    def slow_look() -> bool:
        tick(0.2)
        return next(looks, False)

    assert wait_for(slow_look, "the second look", 0.1)
    stays_true(slow_look, "it rang", 0.1)


def test_process_ends_by_its_pid(tmp_path: Path) -> None:
    """stop reports the exit status; kill leaves nothing."""
    script = (
        "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {15});"
        "print('up', flush=True); signal.sigwait({15}); sys.exit(3)"
    )
    process = Process([sys.executable, "-c", script], tmp_path / "log")
    process.wait_text("up")
    assert process.stop() == 3
    other = Process(["/bin/cat", "/dev/zero"], Path("/dev/null"))
    assert other.running
    other.kill()
    assert not other.running


def test_notify_socket() -> None:
    """Datagrams are split into lines and counted, at once."""
    notify = NotifySocket()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        for number in range(1, 100):
            client.sendto(b"STATUS=x\nREADY=1\n", notify.path)
            assert notify.count("READY=1") == notify.count("STATUS=x") == number
    notify.wait_line("READY=1", 99)
    notify.close()


def test_sandbox_keeps_its_port(lab: Lab) -> None:
    """While it is away nobody else gets its port, and who connects is refused."""
    sandbox = lab.sandbox().start()
    port = sandbox.port
    for end in (sandbox.stop, sandbox.kill):
        end()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 30.0)
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("127.0.0.1", port))
        assert sandbox.start(port=port).port == port


def test_control_files(tmp_path: Path) -> None:
    """What render writes, read_ctl reads; a missing element is a failure."""
    path = tmp_path / "x.ctl"
    path.write_text(render({"Subject": "a & <b>", "LocalId": None}), encoding="utf-8")
    ctl = read_ctl(path)
    assert ctl["Subject"] == "a & <b>"
    assert not ctl.has("LocalId")
    with pytest.raises(AssertionError, match="LocalId"):
        _ = ctl["LocalId"]


@pytest.mark.parametrize(
    ("data", "is_good"),
    [
        (b"", True),
        (b"one line\nand another\n", True),
        ("Größe €5 患者 \U0001f4a3".encode(), True),
        (b"escaped: \\x1b[2J \\x9b \\xff", True),
        (b"tab\there", False),
        (b"good\nreturn\r\n", False),
        (b"\x1b[2J", False),
        (b"\x00", False),
        (b"\x7f", False),
        ("c1 \x9b31m".encode(), False),
        ("next line \x85".encode(), False),
        ("separator \u2028".encode(), False),
        ("override \u202e".encode(), False),
        ("isolate \u2066".encode(), False),
        (b"latin \xe9", False),
        (b"c1 as a byte \x9b31m", False),
        (b"overlong \xc0\x9b", False),
        (b"surrogate \xed\xa0\x80", False),
        (b"cut \xe2\x80", False),
    ],
)
def test_printable(data: bytes, is_good: bool, tmp_path: Path) -> None:
    """What a terminal would obey is found, in bytes as in a log."""
    assert (unprintable(data, "it") == "") == is_good
    log = tmp_path / "a.log"
    log.write_bytes(data)
    if is_good:
        assert_logs_printable([log])
    else:
        with pytest.raises(AssertionError, match="a.log, line"):
            assert_logs_printable([log])


def test_run_keeps_the_bytes(tmp_path: Path) -> None:
    """What is not UTF-8 is in the log and the result as it was said."""
    said = r"import os; os.write(1, b'out \xff\n'); os.write(2, b'err \xfe\n')"
    done = run([sys.executable, "-c", said], tmp_path / "log")
    assert (done.out, done.err) == ("out \\xff\n", "err \\xfe\n")
    assert done.raw == b"out \xff\nerr \xfe\n"
    assert (tmp_path / "log").read_bytes() == b"err \xfe\n"
