# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The daemon among others: signals, locks, the service manager, plain HTTP."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import stays_true, wait_for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_at_once_when_idle(sender: Site, number: int) -> None:
    """SIGTERM and SIGINT end an idle daemon with 0."""

    def seconds() -> float:
        process = sender.start_daemon()
        started = time.monotonic()
        process.signal(number)
        assert process.wait() == 0
        took = time.monotonic() - started
        assert sender.notify.count("STOPPING=1") == 1
        return took

    # Half of what it may take when it is not idle. A busy machine may hold up one of them.
    assert any(seconds() < 5.0 for _ in range(3))


def test_ends_during_an_upload(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """SIGTERM while an answer is awaited: ends with 0 in bounds, and one message comes of it."""
    sandbox.fault("POST", "/outbox", delay_ms=600_000)
    sender.service["stall_timeout"] = "10m"
    sender.write_conf()
    pair = sender.drop("file", os.urandom(1_000_000))
    process = sender.start_daemon()
    wait_for(lambda: sandbox.posts("X26ABC1"), "the POST")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    sandbox.clear_faults()
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    receiver.run_ok()
    assert [item.sha256 for item in receiver.received()] == [pair.sha256]


def test_second_sigterm(sender: Site, sandbox: Sandbox) -> None:
    """A second SIGTERM does not wait for what the first one lets finish."""
    sandbox.fault("POST", "/outbox", delay_ms=60_000)
    sender.drop("file", b"content")
    process = sender.start_daemon()
    wait_for(lambda: sandbox.posts("X26ABC1"), "the POST")
    process.signal(signal.SIGTERM)
    sender.notify.wait_line("STOPPING=1")
    process.signal(signal.SIGTERM)
    process.wait()
    assert "stopped-at-once" in process.text()
    sandbox.clear_faults()
    sender.cycle(lambda: sender.names("SENT"), "the pair in SENT")
    assert len(sandbox.inbox("X26ABC2")) == 1


def test_second_daemon(sender: Site) -> None:
    """A second daemon for the same mailbox ends with 75 and says why."""
    sender.start_daemon()
    done = sender.run_daemon("--once")
    assert done.code == 75, done
    assert "X26ABC1" in done.err
    assert sender.process.running
    sender.stop_daemon()
    assert sender.run_daemon("--once").code == 0


def test_second_daemon_with_another_state(lab: Lab, sandbox: Sandbox) -> None:
    """The lock is also beside the folders: another state directory does not get round it."""
    first = lab.site(sandbox, "X26ABC1")
    second = lab.site(sandbox).add_mailbox("X26ABC1", root=str(first.folder("IN").parent))
    first.start_daemon()
    done = second.run_daemon("--once")
    assert done.code == 75, done
    first.stop_daemon()


def test_ready_and_status(sender: Site) -> None:
    """The service manager hears READY=1 once, a STATUS, and no watchdog unless it asked."""
    sender.start_daemon()
    sender.drop("file", b"content")
    sender.wait_sent("file")
    wait_for(
        lambda: [line for line in sender.notify.lines() if line.startswith("STATUS=")], "STATUS="
    )
    sender.stop_daemon()
    assert sender.notify.count("READY=1") == 1
    assert sender.notify.count("WATCHDOG=1") == 0


@pytest.mark.big
def test_memory_does_not_grow_with_the_file(
    sender: Site, receiver: Site, big_random: Path
) -> None:
    """200 MB out and in, with daemons that never have more than 64 MB in memory."""
    pair = sender.drop("big", big_random, Compress="Y")
    peaks = []
    for site in (sender, receiver):
        process = site.start_daemon()
        if site is sender:
            site.wait_sent("big", timeout=300.0)
        else:
            (message,) = site.wait_received(timeout=300.0)
            assert message.sha256 == pair.sha256
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]))
        site.stop_daemon()
    assert max(peaks) < 64_000, peaks


def test_watchdog(sender: Site) -> None:
    """With WATCHDOG_USEC set the daemon pings again and again."""
    sender.start_daemon({"WATCHDOG_USEC": "1000000"})
    sender.notify.wait_line("WATCHDOG=1", 4)
    sender.stop_daemon()


def test_watchdog_of_another_process(sender: Site) -> None:
    """WATCHDOG_PID of another process: no pings."""
    sender.start_daemon({"WATCHDOG_USEC": "400000", "WATCHDOG_PID": "1"})
    stays_true(lambda: sender.notify.count("WATCHDOG=1") == 0, "it pinged", 1.5)
    sender.stop_daemon()


def test_plain_http(lab: Lab) -> None:
    """With only url, shared_key_file and a mailbox plain HTTP works, with a warning."""
    sandbox = lab.sandbox().start("--plain")
    site = lab.site(sandbox, "X26ABC1")
    site.use_plain_http(sandbox.url)
    pair = site.drop("file", b"content", To_DTS="X26ABC1")
    done = site.run_ok()
    assert any("http" in line and "warn" in line.lower() for line in done.err.splitlines()), done
    site.run_ok()
    assert [item.sha256 for item in site.received()] == [pair.sha256]


def test_several_daemons_for_several_mailboxes(sender: Site, receiver: Site) -> None:
    """Two daemons, each with its mailbox, side by side."""
    sender.start_daemon()
    receiver.start_daemon()
    pair = sender.drop("file", b"content")
    (message,) = receiver.wait_received()
    assert message.sha256 == pair.sha256
    sender.wait_sent("file")
    sender.stop_daemon()
    receiver.stop_daemon()


def test_handshake_once(sender: Site, sandbox: Sandbox) -> None:
    """One handshake at start, none with each poll."""
    sender.start_daemon()
    wait_for(lambda: len(sandbox.requests("GET", r"/inbox(\?|$)")) >= 3, "three polls")
    sender.stop_daemon()
    assert len(sandbox.requests("POST", r"/X26ABC1/?$")) == 1


def test_killed_at_any_moment(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """Killed again and again while pairs are dropped: each arrives exactly once."""
    pairs = []
    for number in range(12):
        pairs.append(sender.drop(f"file{number}", os.urandom(1000 * (number + 1))))
        posts = len(sandbox.posts("X26ABC1"))
        sender.start_daemon()
        wait_for(lambda seen=posts: len(sandbox.posts("X26ABC1")) > seen, "a POST")
        sender.kill_daemon()
    sender.start_daemon()
    for pair in pairs:
        sender.wait_sent(pair.stem)
    sender.stop_daemon()
    receiver.run_ok()
    assert sorted(item.sha256 for item in receiver.received()) == sorted(
        pair.sha256 for pair in pairs
    )
    assert sender.names("FAILED") == sender.names("TEMP") == []
