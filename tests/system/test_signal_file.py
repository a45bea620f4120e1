# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The signal file: stopping and reloading for those who may write a file, as before."""

import signal
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.process import runs
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import stays_true, wait_for


@pytest.fixture
def site(lab: Lab, sandbox: Sandbox) -> Site:
    """A site with a signal file set."""
    made = lab.site(sandbox, "X26ABC1")
    (made.path / "sig").mkdir()
    made.daemon["signal_file"] = str(order_of(made))
    made.write_conf()
    return made


def order_of(site: Site) -> Path:
    """Where orders are written."""
    return site.path / "sig" / "mexclient.sig"


@pytest.mark.parametrize("text", ["1", "1\n", " 1\r\n"], ids=["bare", "line", "windows"])
def test_stop(site: Site, text: str) -> None:
    """A 1 ends the daemon with 0, as SIGTERM does, and does not end the next one."""
    process = site.start_daemon()
    order_of(site).write_text(text, encoding="utf-8", newline="")
    assert process.wait() == 0
    site.notify.wait_line("STOPPING=1")
    assert site.notify.count("STOPPING=1") == 1
    assert order_of(site).read_bytes() == b""
    assert "order=stop" in process.text()
    site.start_daemon()
    site.drop("file", b"content")
    site.wait_sent("file")
    assert "signal-file-old" not in site.process.text()
    site.stop_daemon()


def test_renamed_in(site: Site) -> None:
    """Written beside it and renamed."""
    process = site.start_daemon()
    other = order_of(site).with_name("new")
    other.write_text("1", encoding="utf-8")
    other.rename(order_of(site))
    assert process.wait() == 0


def test_made_beforehand(site: Site) -> None:
    """An empty file that others may write to stays where it is, with its rights."""
    order_of(site).touch()
    order_of(site).chmod(0o666)
    inode = order_of(site).stat().st_ino
    process = site.start_daemon()
    with order_of(site).open("a", encoding="utf-8") as file:
        file.write("1\n")
    assert process.wait() == 0
    after = order_of(site).stat()
    assert (after.st_ino, after.st_mode & 0o777, after.st_size) == (inode, 0o666, 0)


def test_what_is_under_way_is_finished(site: Site, sandbox: Sandbox) -> None:
    """As with SIGTERM a step that is under way ends first."""
    sandbox.fault("POST", "/outbox", delay_ms=2_000)
    site.drop("file", b"content")
    process = site.start_daemon()
    wait_for(lambda: sandbox.posts("X26ABC1"), "the POST")
    order_of(site).write_text("1", encoding="utf-8")
    assert process.wait() == 0
    sandbox.clear_faults()
    site.cycle(lambda: site.names("SENT"), "the pair in SENT")
    assert len(sandbox.inbox("X26ABC2")) == 1


def test_reload(site: Site) -> None:
    """A 2 loads the settings anew, each time."""
    process = site.start_daemon()
    for count in (1, 2, 3):
        order_of(site).write_text("2\n", encoding="utf-8")
        wait_for(lambda seen=count: process.text().count(" reloaded ") >= seen, "the reload")
        wait_for(lambda: order_of(site).read_bytes() == b"", "an empty file")
    assert process.running
    assert process.text().count(" reloaded ") == 3
    site.stop_daemon()


def test_old_order(site: Site) -> None:
    """What was written while no daemon ran does not end the next one, and is said."""
    order_of(site).write_text("1\n", encoding="utf-8")
    process = site.start_daemon()
    stays_true(lambda: process.running, "it obeyed an old order", 2.0)
    assert process.text().count("signal-file-old") == 1
    assert order_of(site).read_bytes() == b""
    order_of(site).write_text("1\n", encoding="utf-8")
    assert process.wait() == 0


def test_no_order(site: Site) -> None:
    """Other content is said once and left; the daemon goes on."""
    process = site.start_daemon()
    order_of(site).write_text("please stop\n", encoding="utf-8")
    process.wait_text("signal-file-trouble")
    stays_true(lambda: process.running, "it ended", 2.5)
    assert process.text().count("signal-file-trouble") == 1
    assert order_of(site).read_text(encoding="utf-8") == "please stop\n"
    order_of(site).write_text("1\n", encoding="utf-8")
    assert process.wait() == 0


def test_links_are_not_followed(site: Site) -> None:
    """An order behind a link is none, and what the link points to is not touched."""
    target = site.path / "precious"
    target.write_text("1\n", encoding="utf-8")
    process = site.start_daemon()
    order_of(site).symlink_to(target)
    process.wait_text("signal-file-trouble")
    order_of(site).unlink()
    order_of(site).hardlink_to(target)
    wait_for(lambda: process.text().count("signal-file-trouble") == 2, "the second line")
    assert process.running
    assert target.read_text(encoding="utf-8") == "1\n"
    site.stop_daemon()


def test_without_inotify(site: Site) -> None:
    """A folder that is made anew, as a share that comes back, sends no hints: looked at anyway."""
    process = site.start_daemon()
    order_of(site).parent.rmdir()
    process.wait_text("signal-file-trouble")
    order_of(site).parent.mkdir()
    order_of(site).write_text("1\n", encoding="utf-8")
    assert process.wait() == 0


def test_once_does_not_look(site: Site) -> None:
    """With --once nothing is obeyed or taken away."""
    order_of(site).write_text("1\n", encoding="utf-8")
    site.drop("file", b"content")
    site.run_ok()
    assert site.sent("file")
    assert order_of(site).read_text(encoding="utf-8") == "1\n"


def test_check_speaks_of_it(site: Site) -> None:
    """The tool says what the folder's rights mean."""
    folder = order_of(site).parent
    folder.chmod(0o770)
    checked = site.tool("check", "--offline")
    assert checked.code == 0 and "who can write there can stop meshdropd" in checked.out, checked
    folder.chmod(0o777)
    checked = site.tool("check", "--offline")
    assert checked.code == 0 and "everybody on this machine" in checked.out, checked


def test_set_by_a_reload(site: Site) -> None:
    """The setting may come, move and go with SIGHUP."""
    first = order_of(site)
    second = first.with_name("second.sig")
    process = site.start_daemon()
    site.daemon["signal_file"] = str(second)
    site.write_conf()
    process.signal(signal.SIGHUP)
    site.notify.wait_line("READY=1", 2)
    first.write_text("1", encoding="utf-8")
    stays_true(lambda: process.running, "it obeyed the old file", 2.0)
    second.write_text("1", encoding="utf-8")
    assert process.wait() == 0
    assert first.read_text(encoding="utf-8") == "1"


SLOW_START = ("strace", "-D", "-o", "/dev/null", "-e", "trace=inotify_init1",
              "-e", "inject=inotify_init1:delay_enter=500000")


@pytest.mark.skipif(not runs(*SLOW_START, "true"), reason="strace is missing, or may not trace")
def test_ready_means_that_it_looks(site: Site) -> None:
    """After a reload an order that is given as soon as it says so is not taken for an old one."""
    process = site.start_daemon(wrap=SLOW_START)
    second = order_of(site).with_name("second.sig")
    site.daemon["signal_file"] = str(second)
    site.write_conf()
    process.signal(signal.SIGHUP)
    site.notify.wait_line("READY=1", 2)
    second.write_text("1", encoding="utf-8")
    assert process.wait() == 0
    assert "signal-file-old" not in process.text()
