# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Received messages: folders by workflow, second names, and a filter of the inbox."""

import os
import signal
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.payloads import digest_bytes
from harness.sandbox import Sandbox
from harness.site import FOLDERS, Site
from harness.waiting import wait_for

pytestmark = pytest.mark.core

LAB = {"workflows": ["LAB_A", "LAB_B*"], "folder": "lab", "second_name": True}
DOCS = {"workflows": "TOC_DISCH_DMS", "folder": "documents"}


def send(sandbox: Sandbox, workflow: str, body: bytes = b"content", **headers: str) -> str:
    """A message for X26ABC2."""
    api = sandbox.api("X26ABC1")
    try:
        return api.send("X26ABC2", workflow, body, **headers)
    finally:
        api.close()


def site_with(lab: Lab, sandbox: Sandbox, *deliver: dict[str, object], **settings: object) -> Site:
    """A site of X26ABC2."""
    return lab.site(sandbox).add_mailbox("X26ABC2", deliver=list(deliver), **settings)


def pair(message: str) -> list[str]:
    """The names that a message has by its id."""
    return [f"{message}.ctl", f"{message}.dat"]


def seconds(site: Site, folder: str = "lab") -> list[str]:
    """The other names of a folder."""
    ids = {path.stem for path in site.folder(folder).glob("*.ctl")}
    return [name for name in site.names(folder) if name.rpartition(".")[0] not in ids]


def test_by_workflow(lab: Lab, sandbox: Sandbox) -> None:
    """Equal, beginning, and all else in IN; folders are made and nothing is left in TEMP."""
    site = site_with(lab, sandbox, LAB | {"second_name": False}, DOCS)
    there = [send(sandbox, name) for name in ("LAB_A", "LAB_B", "LAB_BLOOD")]
    document = send(sandbox, "TOC_DISCH_DMS")
    rest = [send(sandbox, name) for name in ("LAB_A2", "lab_a", "XLAB_A", "OTHER")]
    site.run_ok()
    assert site.names("lab") == sorted(name for message in there for name in pair(message))
    assert site.names("documents") == pair(document)
    assert site.names("IN") == sorted(name for message in rest for name in pair(message))
    assert site.names("TEMP") == []
    assert sandbox.inbox("X26ABC2") == []
    ctl = site.read("lab", f"{there[0]}.ctl")
    assert (ctl["DTSId"], ctl["WorkflowId"]) == (there[0], "LAB_A")


def test_folders_are_there_at_start(lab: Lab, sandbox: Sandbox) -> None:
    """They are made before the first message; one in another case of letters is used."""
    site = site_with(lab, sandbox, LAB, DOCS)
    site.folder("LAB").mkdir()
    site.run_ok()
    assert site.folder("documents").is_dir()
    assert not site.folder("lab").exists()
    message = send(sandbox, "LAB_A")
    site.run_ok()
    assert site.names("LAB") == pair(message)


@pytest.mark.parametrize("kind", ["link", "file"])
def test_folder_that_cannot_be_used(lab: Lab, sandbox: Sandbox, kind: str) -> None:
    """What is wrong with a folder shows at the start, with its name and its settings file."""
    site = site_with(lab, sandbox, LAB)
    if kind == "link":
        site.folder("lab").symlink_to(site.path)
    else:
        site.folder("lab").write_text("x", encoding="ascii")
    done = site.run_once()
    assert done.code != 0
    assert "X26ABC2.yaml" in done.err
    assert "/lab'" in done.err


def test_folder_lost_while_running(lab: Lab, sandbox: Sandbox) -> None:
    """A folder that turns bad holds up its own messages, not those for IN."""
    site = site_with(lab, sandbox, LAB)
    site.start_daemon()
    site.folder("lab").rmdir()
    site.folder("lab").symlink_to(site.path)
    bad = send(sandbox, "LAB_A")
    good = send(sandbox, "OTHER")
    site.wait_received()
    assert site.names("IN") == pair(good)
    wait_for(lambda: sandbox.inbox("X26ABC2") == [bad], "the acknowledge of the other")
    site.folder("lab").unlink()
    wait_for(lambda: sandbox.inbox("X26ABC2") == [], "the message that waited")
    assert site.names("lab") == pair(bad)
    site.stop_daemon()


def test_reports_stay_in_in(lab: Lab, sandbox: Sandbox) -> None:
    """A report of the service about a message of the workflow is for IN, and so are our own."""
    everything = {"workflows": ["*"], "folder": "all", "second_name": True}
    site = site_with(lab, sandbox, everything)
    body = {
        "mailbox_id": "X26ABC2",
        "code": "14",
        "description": "Message not collected by recipient after 5 days",
        "workflow_id": "LAB_A",
        "subject": "NDR",
        "local_id": "x",
        "file_name": "old.pdf",
        "linked_message_id": "20260101000000000000_ABCDEF",
    }
    report = sandbox.admin("POST", "/report", body)["message_id"]
    message = send(sandbox, "OTHER", Mex_FileName="a.pdf")
    site.drop("pair", b"content", To_DTS="X26ABC1")
    site.run_ok()
    assert f"{report}.ctl" in site.names("IN")
    assert len(site.reports("COLLECT")) == 1
    assert site.names("all") == sorted([*pair(message), "a.pdf"])


# --- second names


def test_second_name(lab: Lab, sandbox: Sandbox) -> None:
    """The sender's name is a link to the data; a name that is taken gets the id."""
    site = site_with(lab, sandbox, LAB)
    first = send(sandbox, "LAB_A", b"first", Mex_FileName="result.pdf")
    second = send(sandbox, "LAB_A", b"second", Mex_FileName="result.pdf")
    silent = send(sandbox, "LAB_A", b"third")
    site.run_ok()
    folder = site.folder("lab")
    assert seconds(site) == sorted(["result.pdf", f"result~{second}.pdf"])
    assert (folder / "result.pdf").samefile(folder / f"{first}.dat")
    assert (folder / f"result~{second}.pdf").read_bytes() == b"second"
    assert f"{silent}.dat" in site.names("lab")
    assert site.names("TEMP") == []
    site.run_ok()
    assert len(site.names("lab")) == 8


def test_second_name_only_where_asked(lab: Lab, sandbox: Sandbox) -> None:
    """Not in IN, and not where the entry does not say so."""
    site = site_with(lab, sandbox, DOCS)
    messages = [send(sandbox, name, Mex_FileName="a.pdf") for name in ("TOC_DISCH_DMS", "X")]
    site.run_ok()
    assert site.names("documents") == pair(messages[0])
    assert site.names("IN") == pair(messages[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "___.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        (".hidden", "_hidden"),
        ("-rf", "_rf"),
        ("x.ctl", "x.ctl_"),
        ("X.CTL", "X.CTL_"),
        ("20260101000000000000_ABCDEF.dat", "20260101000000000000_ABCDEF.dat_"),
        ("..", "__"),
        ("C:\\temp\\x.txt", "C__temp_x.txt"),
        ("n" * 296 + ".pdf", "n" * 196 + ".pdf"),
        ("résumé.pdf", "r_sum_.pdf"),  # one byte each: no UTF-8
    ],
)
def test_hostile_names(lab: Lab, sandbox: Sandbox, name: str, expected: str) -> None:
    """Whatever the sender calls it, it is one safe name in the folder, and nothing else changes."""
    site = site_with(lab, sandbox, LAB)
    message = send(sandbox, "LAB_A", Mex_FileName=name)
    before = set(site.path.rglob("*"))
    site.run_ok()
    assert site.names("lab") == sorted([*pair(message), expected])
    made = {path for path in set(site.path.rglob("*")) - before if path.is_file()}
    assert {path.parent.name for path in made} <= {"lab", "ledger", "state", "X26ABC2", "TEMP"}
    texts = [log.read_text(encoding="utf-8", errors="replace") for log in site.logs()]
    assert len(name) < 5 or not any(name in text for text in texts)


def test_large_message_has_one_copy(lab: Lab, sandbox: Sandbox) -> None:
    """The second name takes no room."""
    site = site_with(lab, sandbox, LAB)
    body = os.urandom(2_000_000)
    message = send(sandbox, "LAB_A", body, Mex_FileName="big.bin")
    site.run_ok()
    dat = site.folder("lab") / f"{message}.dat"
    assert dat.stat().st_nlink == 2
    assert digest_bytes((site.folder("lab") / "big.bin").read_bytes()) == digest_bytes(body)


# --- what was staged before


def test_reload_while_staged(lab: Lab, sandbox: Sandbox) -> None:
    """A message that waits goes where its record says, whatever the settings say since."""
    site = site_with(lab, sandbox, LAB)
    process = site.start_daemon()
    site.folder("lab").rmdir()
    site.folder("lab").write_text("in the way", encoding="ascii")
    message = send(sandbox, "LAB_A", Mex_FileName="a.pdf")
    record = site.path / "state" / "X26ABC2" / "inbound" / f"{message}.msg"
    wait_for(record.exists, "the record")
    site.mailboxes.clear()
    site.add_mailbox("X26ABC2", deliver=[LAB | {"folder": "other"}])
    process.signal(signal.SIGHUP)
    site.process.wait_text("reloaded")
    later = send(sandbox, "LAB_A", Mex_FileName="a.pdf")
    wait_for(lambda: pair(later)[0] in site.names("other"), "the later message")
    assert site.names("other") == sorted([*pair(later), "a.pdf"])
    site.folder("lab").unlink()
    wait_for(lambda: sandbox.inbox("X26ABC2") == [], "the earlier message")
    assert site.names("lab") == sorted([*pair(message), "a.pdf"])
    site.stop_daemon()


def test_start_with_a_staged_message(lab: Lab, sandbox: Sandbox) -> None:
    """A folder that only the record still names, and that is bad, does not hold up the start."""
    site = site_with(lab, sandbox, LAB)
    process = site.start_daemon()
    site.folder("lab").rmdir()
    site.folder("lab").symlink_to(site.path)
    message = send(sandbox, "LAB_A", Mex_FileName="a.pdf")
    # Before that its record may be there, but not say yet that it is staged.
    process.wait_text(f"not-taken mailbox=X26ABC2 message={message}")
    site.kill_daemon()
    site.mailboxes.clear()
    site.add_mailbox("X26ABC2")
    good = send(sandbox, "OTHER")
    done = site.run_once()
    assert "not-taken" in done.err
    assert site.names("IN") == pair(good)
    assert sandbox.inbox("X26ABC2") == [message]
    site.folder("lab").unlink()
    site.run_ok()
    assert site.names("lab") == sorted([*pair(message), "a.pdf"])
    assert sandbox.inbox("X26ABC2") == []


def test_reload_with_bad_folder(lab: Lab, sandbox: Sandbox) -> None:
    """A reload whose folder cannot be used is refused whole."""
    site = site_with(lab, sandbox, LAB)
    process = site.start_daemon()
    site.folder("other").symlink_to(site.path)
    site.mailboxes.clear()
    site.add_mailbox("X26ABC2", deliver=[LAB | {"folder": "other"}])
    process.signal(signal.SIGHUP)
    site.process.wait_text("reload-refused")
    message = send(sandbox, "LAB_A")
    wait_for(lambda: site.names("lab") == pair(message), "the message in the old folder")
    site.stop_daemon()


# --- the filter


def two_sites(lab: Lab, sandbox: Sandbox, *filters: str) -> list[Site]:
    """Daemons that share X26ABC2, each with its own folders and state."""
    return [
        lab.site(sandbox).add_mailbox("X26ABC2", workflow_filter=wanted) for wanted in filters
    ]


def test_two_daemons_share_a_mailbox(lab: Lab, sandbox: Sandbox) -> None:
    """WF* and !WF*: each receives its own, also over several pages; nothing is taken twice."""
    sites = two_sites(lab, sandbox, "LAB*", "!LAB*")
    mine = {send(sandbox, f"LAB_{number % 3}", b"lab") for number in range(30)}
    others = {send(sandbox, f"OTHER_{number % 3}", b"other") for number in range(30)}
    for site in sites:
        site.start_daemon()
    wait_for(lambda: sandbox.inbox("X26ABC2") == [], "an empty inbox")
    for site in sites:
        site.stop_daemon()
    for site, ids in zip(sites, (mine, others), strict=True):
        assert {item.ctl["DTSId"] for item in site.received()} == ids
    lists = sandbox.requests("GET", r"/X26ABC2/inbox\?")
    assert lists
    assert all("workflow_filter=" in request.path for request in lists)
    assert len(sandbox.requests("PUT", "/status/acknowledged$")) == 60


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("LAB_A", {"LAB_A"}),
        ("!LAB_A", {"LAB_B", "MY_LAB_A", "X"}),
        ("LAB*", {"LAB_A", "LAB_B"}),
        ("!LAB*", {"MY_LAB_A", "X"}),
        ("*LAB*", {"LAB_A", "LAB_B", "MY_LAB_A"}),
        ("!*LAB*", {"X"}),
    ],
)
def test_filter_forms(lab: Lab, sandbox: Sandbox, wanted: str, taken: set[str]) -> None:
    """Every form of the API, by the daemon and by the tool; what it hides stays."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", workflow_filter=wanted)
    ids = {name: send(sandbox, name) for name in ("LAB_A", "LAB_B", "MY_LAB_A", "X")}
    listed = site.tool("inbox")
    assert listed.code == 0, listed
    assert f"workflow_filter {wanted}" in listed.out
    assert {name for name, message in ids.items() if message in listed.out} == taken
    assert f'"workflow_filter": "{wanted}"' in site.tool("inbox", "--json").out
    done = site.run_ok()
    assert {item.ctl["WorkflowId"] for item in site.received()} == taken
    assert set(sandbox.inbox("X26ABC2")) == {ids[name] for name in set(ids) - taken}
    assert "workflow-filter" in done.err


def test_many_pages_with_a_filter(lab: Lab, sandbox: Sandbox) -> None:
    """The first page may hold nothing of ours: the next one is asked for, with the filter."""
    for number in range(505):
        send(sandbox, "OTHER", str(number).encode())
    message = send(sandbox, "LAB_A")
    site = lab.site(sandbox).add_mailbox("X26ABC2", workflow_filter="LAB*")
    site.run_ok()
    assert site.names("IN") == pair(message)
    assert len(sandbox.inbox("X26ABC2")) == 500


def test_filter_changes_at_reload(lab: Lab, sandbox: Sandbox) -> None:
    """After a reload the new filter counts, and it is said."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", workflow_filter="LAB*")
    process = site.start_daemon()
    other = send(sandbox, "OTHER")
    mine = send(sandbox, "LAB_A")
    wait_for(lambda: site.names("IN") == pair(mine), "the first message")
    site.mailboxes.clear()
    site.add_mailbox("X26ABC2", workflow_filter="!LAB*")
    process.signal(signal.SIGHUP)
    site.wait_received(2)
    assert set(site.names("IN")) == {*pair(mine), *pair(other)}
    wait_for(lambda: "!LAB*" in process.text(), "a word about the filter")
    site.stop_daemon()


def test_plain_folders_stay(lab: Lab, sandbox: Sandbox) -> None:
    """Without deliver there are the five folders and no other."""
    site = lab.site(sandbox, "X26ABC2")
    send(sandbox, "LAB_A", Mex_FileName="a.pdf")
    site.run_ok()
    root = Path(site.folder("IN")).parent
    assert sorted(path.name for path in root.iterdir()) == sorted(FOLDERS)
