# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Settings: looked over as a whole, and loaded anew while running."""

import signal

from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import wait_for


def test_check_good(sender: Site, sandbox: Sandbox) -> None:
    """--check of good settings exits 0 and touches nothing."""
    sender.drop("file", b"content")
    done = sender.run_daemon("--check")
    assert done.code == 0, done
    assert sender.names("OUT") == ["file.ctl", "file.dat"]
    assert sandbox.requests("") == []
    assert not (sender.path / "state").exists()


def test_check_lists_everything(sender: Site) -> None:
    """--check of bad settings exits 78 and names each fault with file and line."""
    sender.add_mailbox("X26ABC2", surprise=1, max_messages="many")
    text = sender.conf.read_text(encoding="utf-8")
    text += "connections = 4000\nnonsense = 1\nchunk_size = 20 M\n"
    sender.conf.write_text(text, encoding="utf-8")
    done = sender.run_daemon("--check")
    assert done.code == 78, done
    lines = done.err.splitlines() + done.out.splitlines()
    for file, words in (
        ("meshdrop.conf:", "connections"),
        ("meshdrop.conf:", "nonsense"),
        ("meshdrop.conf:", "chunk_size"),
        ("X26ABC2.yaml:", "surprise"),
        ("X26ABC2.yaml:", "max_messages"),
    ):
        found = [line for line in lines if file in line and words in line]
        assert found, f"{file} {words} is not named:\n{done}"


def test_bad_settings_do_not_start(sender: Site) -> None:
    """The daemon refuses bad settings with 78 and touches no folder."""
    sender.daemon["poll_interval"] = "often"
    sender.write_conf()
    sender.drop("file", b"content")
    done = sender.run_once()
    assert done.code == 78, done
    assert "poll_interval" in done.err
    assert sender.names("OUT") == ["file.ctl", "file.dat"]


def test_missing_settings(sender: Site) -> None:
    """A settings file that is not there is named; exit 78."""
    sender.conf.unlink()
    done = sender.run_once()
    assert done.code == 78, done
    assert str(sender.conf) in done.err


def test_usage(sender: Site) -> None:
    """Unknown options are usage errors: 64."""
    assert sender.run_daemon("--nonsense").code == 64
    assert sender.tool("nonsense").code == 64
    assert sender.tool("track").code == 64


def test_reload_good(sender: Site, sandbox: Sandbox) -> None:
    """SIGHUP with a mailbox more: it is served, and the first one still is."""
    process = sender.start_daemon()
    sender.drop("one", b"one")
    sender.wait_sent("one")
    sender.add_mailbox("X26ABC2")
    process.signal(signal.SIGHUP)
    sender.wait_received(1, "X26ABC2")
    sender.drop("two", b"two")
    sender.wait_sent("two")
    sender.wait_received(2, "X26ABC2")
    assert process.running
    sender.stop_daemon()
    assert len(sandbox.posts("X26ABC1")) == 2


def test_reload_bad(sender: Site) -> None:
    """SIGHUP with bad settings: said, and the old set goes on."""
    process = sender.start_daemon()
    good = sender.conf.read_text(encoding="utf-8")
    sender.conf.write_text(good + "nonsense = 1\n", encoding="utf-8")
    process.signal(signal.SIGHUP)
    process.wait_text("nonsense")
    sender.drop("one", b"one")
    sender.wait_sent("one")
    sender.conf.write_text(good, encoding="utf-8")
    sender.add_mailbox("X26ABC2")
    process.signal(signal.SIGHUP)
    sender.wait_received(1, "X26ABC2")
    sender.stop_daemon()


def test_reload_without_a_mailbox(lab: Lab, sandbox: Sandbox) -> None:
    """SIGHUP with a mailbox less: its folders are left alone from then on."""
    site = lab.site(sandbox, "X26ABC1", "X26ABC2")
    process = site.start_daemon()
    (site.path / "mailboxes.d" / "X26ABC2.yaml").unlink()
    site.notify.wait_line("READY=1")
    process.signal(signal.SIGHUP)
    other = lab.site(sandbox).add_mailbox("X26ABC2", root=str(site.folder("IN", "X26ABC2").parent))
    wait_for(lambda: other.run_once().code == 0, "the lock to be free")
    site.drop("file", b"content", "X26ABC1")
    site.wait_sent("file", "X26ABC1")
    site.stop_daemon()
    assert site.received("X26ABC2") == []
