# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Retention: what is settled goes when a mailbox's settings say so, and nothing else does.

A file's ctime cannot be set, so these tests let it go by size; ages are in the unit tests.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import stays_true, wait_for

ALL = {"size": "1"}


def removed(site: Site) -> int:
    """What status.json says of the first mailbox."""
    text = (site.path / "state" / "status.json").read_text(encoding="utf-8")
    (mailbox,) = json.loads(text)["mailboxes"]
    return int(mailbox["removed"])


def retaining(lab: Lab, sandbox: Sandbox, mailbox: str = "X26ABC1", **keep: Any) -> Site:
    """A site whose mailbox removes what it may."""
    return lab.site(sandbox).add_mailbox(mailbox, retention=keep)


def set_retention(site: Site, mailbox: str, **keep: Any) -> None:
    """Gives a mailbox that was added before its retention."""
    site.mailboxes.remove(mailbox)
    site.add_mailbox(mailbox, retention=keep)


def is_taken(path: Path) -> bool:
    """Whether the file was read since it came."""
    found = path.stat()
    return found.st_atime_ns > found.st_ctime_ns


def take(*paths: Path) -> None:
    """Reads files as an application does; again, if the kernel's clock did not tick between."""
    if os.statvfs(paths[0].parent).f_flag & os.ST_NOATIME:
        pytest.skip("the temporary directory is mounted noatime")

    def read(path: Path) -> bool:
        path.read_bytes()
        return is_taken(path)

    for path in paths:
        wait_for(lambda path=path: read(path), f"{path.name} to count as read")


def put_foreign(folder: Path, outside: Path) -> list[str]:
    """Names that are not ours, and one that leads elsewhere."""
    (folder / "2026-10.zip").write_bytes(b"archive")
    (folder / "notes.txt").write_text("kept by hand", encoding="utf-8")
    (folder / ".hidden.dat").write_bytes(b"hidden")
    (folder / "folder.dat").mkdir()
    (folder / "link.dat").symlink_to(outside)
    (folder / "twice.dat").write_bytes(b"two names")
    (folder / "twice").hardlink_to(folder / "twice.dat")
    return ["2026-10.zip", "folder.dat", "link.dat", "notes.txt", "twice", "twice.dat"]


@pytest.mark.core
def test_sent_and_failed(lab: Lab, sandbox: Sandbox) -> None:
    """Pairs go from SENT and FAILED; foreign files and what links lead to stay."""
    site = retaining(lab, sandbox, sent=ALL, failed=ALL)
    outside = site.path / "outside"
    outside.write_bytes(b"not ours")
    kept = {name: put_foreign(site.folder(name), outside) for name in ("SENT", "FAILED")}
    for number in range(3):
        site.drop(f"good{number}", b"content")
    site.drop("bad", b"content", WorkflowId="")
    site.drop("unreadable", b"content", text="<DTSControl><Version>")
    log = site.run_ok().err
    assert len(sandbox.inbox("X26ABC2")) == 3
    for _ in range(10):
        log += site.run_ok().err  # one takes a moment longer to fail
        if site.names("OUT") == [] and site.names("FAILED") == kept["FAILED"]:
            break
    assert {name: site.names(name) for name in kept} == kept
    assert (site.folder("SENT") / ".hidden.dat").exists()
    assert outside.read_bytes() == b"not ours"
    assert site.names("OUT") == site.names("TEMP") == []
    assert "removed mailbox=X26ABC1 sent=3 failed=1 in=0" in log
    assert "removed mailbox=X26ABC1 sent=0 failed=1 in=0" in log
    assert removed(site) == 1
    assert site.tool("verify").code == 0


def test_off_by_default(sender: Site) -> None:
    """Without the setting nothing is removed."""
    sender.drop("good", b"content")
    sender.drop("bad", b"content", WorkflowId="")
    for _ in range(2):
        done = sender.run_ok()
        assert "removed" not in done.err
    assert sender.names("SENT") == ["good.ctl", "good.dat"]
    assert sender.names("FAILED") == ["bad.ctl", "bad.dat"]


def test_the_oldest_go_first(lab: Lab, sandbox: Sandbox) -> None:
    """No more than is needed to come down to the size."""
    site = lab.site(sandbox, "X26ABC1")
    for stem in ("c", "a", "b"):
        site.drop(stem, b"x" * 100_000)
        site.run_ok()
    set_retention(site, "X26ABC1", sent={"size": "250k"})
    site.run_ok()
    assert site.names("SENT") == ["a.ctl", "a.dat", "b.ctl", "b.dat"]
    set_retention(site, "X26ABC1", sent={"age": "1h"})
    site.run_ok()
    assert len(site.names("SENT")) == 4


def test_what_waits_for_an_operator(lab: Lab, sandbox: Sandbox) -> None:
    """A pair that is held keeps an archived one of its name; both go when it is settled."""
    site = lab.site(sandbox).add_mailbox(
        "X26ABC1", on_ambiguous="hold", local_id_when_empty="none", retention={"sent": ALL}
    )
    for name in ("file.dat", "file.ctl", "other.dat"):
        (site.folder("SENT") / name).write_bytes(b"of an earlier pair")
    sandbox.fault("POST", "/outbox", drop_reply=True)
    site.drop("file", b"content", LocalId="")
    site.cycle(lambda: '"HELD"' in site.tool("list", "--json").out, "HELD")
    site.run_once()
    assert site.names("SENT") == ["file.ctl", "file.dat"]
    assert len(site.names("TEMP")) == 2
    assert site.tool("resolve", "file", "--resend").code == 0
    site.cycle(lambda: not site.names("TEMP") and not site.names("SENT"), "all of it to go")


def test_in_only_what_was_taken(lab: Lab, sandbox: Sandbox, sender: Site) -> None:
    """A message or report stays until each of its files was read, whatever the setting says."""
    site = retaining(lab, sandbox, "X26ABC2", **{"in": {"size": "1"}})
    for number in range(3):
        sender.drop(f"file{number}", f"content {number}".encode())
    sender.run_ok()
    site.run_ok()
    site.run_ok()
    first, second, third = site.received()
    assert first.dat and second.dat and third.dat
    inbox = site.folder("IN")
    (inbox / "foreign.dat").write_bytes(b"somebody's")
    (inbox / "foreign.ctl").write_bytes(b"somebody's")
    take(first.dat, first.ctl.path, second.dat, inbox / "foreign.dat", inbox / "foreign.ctl")
    # the harness has read the other control files to list them
    for item in (second, third):
        os.utime(item.ctl.path)
    site.run_ok()
    left = site.names("IN")
    assert first.dat.name not in left and first.ctl.path.name not in left
    assert {second.dat.name, second.ctl.path.name} <= set(left)
    assert {third.dat.name, third.ctl.path.name} <= set(left)
    assert {"foreign.dat", "foreign.ctl"} <= set(left)
    take(second.ctl.path)
    site.run_ok()
    assert second.dat.name not in site.names("IN")
    assert third.dat.name in site.names("IN")
    assert site.tool("verify").code == 0


def test_a_second_name_goes_along(lab: Lab, sandbox: Sandbox, sender: Site) -> None:
    """Both names of the data go with the control file, but not while a third one is elsewhere."""
    rule = {"workflows": ["*"], "folder": "all", "second_name": True}
    site = lab.site(sandbox).add_mailbox(
        "X26ABC2", deliver=[rule], retention={"in": {"size": "1"}}
    )
    sender.drop("one", b"content of one")
    sender.drop("two", b"content of two")
    sender.run_ok()
    site.run_ok()
    names = site.names("all")
    assert len(names) == 6
    assert {"one.dat", "two.dat"} <= set(names)
    folder = site.folder("all")
    os.link(folder / "one.dat", site.path / "kept")
    take(*[folder / name for name in names])
    site.run_ok()
    left = site.names("all")
    assert len(left) == 3 and "one.dat" in left
    (site.path / "kept").unlink()
    take(*[folder / name for name in left])
    site.run_ok()
    assert site.names("all") == []


def test_reports_of_our_own(lab: Lab, sandbox: Sandbox) -> None:
    """They go from IN when they were read."""
    site = retaining(lab, sandbox, **{"in": {"size": "1"}})
    site.drop("good", b"content")
    site.run_ok()
    (report,) = site.names("IN")
    assert report.startswith("good_COLLECT_")
    site.run_ok()
    assert site.names("IN") == [report]
    take(site.folder("IN") / report)
    site.run_ok()
    assert site.names("IN") == []


def test_a_damaged_record_keeps_everything(lab: Lab, sandbox: Sandbox) -> None:
    """Nobody knows what it was about, so nothing of the mailbox is removed, and that is said."""
    site = lab.site(sandbox, "X26ABC1")
    site.drop("good", b"content")
    site.run_ok()
    record = site.path / "state" / "X26ABC1" / "jobs" / "20261122070000000-0123abcd.job"
    record.write_text("this is no record\nnor is this\n", encoding="utf-8")
    set_retention(site, "X26ABC1", sent=ALL)
    done = site.run_ok()
    assert site.names("SENT") == ["good.ctl", "good.dat"]
    assert "retention-trouble" in done.err and "meshdrop verify" in done.err
    record.unlink()
    site.run_ok()
    assert site.names("SENT") == []


def test_not_soon_after_a_start(lab: Lab, sandbox: Sandbox) -> None:
    """The daemon waits some minutes; then only does it begin."""
    site = retaining(lab, sandbox, sent=ALL)
    site.start_daemon()
    site.drop("good", b"content")
    site.wait_sent("good")
    stays_true(lambda: len(site.names("SENT")) == 2, "it was removed", 3.0)
    site.stop_daemon()
    site.run_ok()
    assert site.names("SENT") == []


@pytest.fixture(name="blind")
def without_atime(lab: Lab) -> Iterator[Path]:
    """A file system that notes no reading."""
    path = lab.path / "blind"
    path.mkdir()
    options = ["-t", "tmpfs", "-o", "noatime,size=16m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False).returncode != 0:
        pytest.skip("only root may mount")
    try:
        yield path
    finally:
        lab.close()
        subprocess.run(["umount", str(path)], check=True)


def test_noatime(lab: Lab, sandbox: Sandbox, blind: Path, sender: Site) -> None:
    """Where a reading leaves no trace IN is left alone, and that is said; SENT is not."""
    site = lab.site(sandbox)
    root = blind / "X26ABC2"
    site.add_mailbox("X26ABC2", root=str(root), retention={"sent": ALL, "in": {"size": "1"}})
    sender.drop("file", b"content")
    sender.run_ok()
    done = site.run_ok()
    assert done.err.count("retention-blind") == 1
    for path in (root / "IN").iterdir():
        path.read_bytes()
        os.utime(path, (path.stat().st_mtime + 3600, path.stat().st_mtime))
    (root / "SENT" / "old.dat").write_bytes(b"of an earlier pair")
    site.run_ok()
    assert len(list((root / "IN").iterdir())) == 2
    assert not list((root / "SENT").iterdir())
