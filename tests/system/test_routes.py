# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Files dropped into a route's folder: each becomes one message, or says why it does not."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab
from harness.payloads import digest
from harness.sandbox import Sandbox
from harness.secrecy import CANARY
from harness.site import WORKFLOW, Arrived, Site
from harness.waiting import stays_true, wait_for

pytestmark = pytest.mark.core

LETTERS = {"folder": "letters", "to": "X26ABC2", "workflow": WORKFLOW}


def route(**settings: Any) -> dict[str, Any]:
    """A route of the folder letters, unless told."""
    return LETTERS | settings


def make_sender(lab: Lab, sandbox: Sandbox, *routes: dict[str, Any], **daemon: str) -> Site:
    """A site whose only mailbox has routes; their folders are there."""
    site = lab.site(sandbox, **daemon)
    site.add_mailbox("X26ABC1", routes=list(routes))
    for name in {str(item["folder"]) for item in routes}:
        site.folder(name).mkdir()
    return site


def put(site: Site, name: str, content: bytes = b"content", folder: str = "letters") -> Path:
    """A file, dropped as a careful program does it: complete at once."""
    path = site.folder(folder) / name
    hidden = path.with_name(".being-written")
    hidden.write_bytes(content)
    hidden.rename(path)
    return path


def counts(site: Site) -> dict[str, int]:
    """What the daemon last said of its only mailbox."""
    text = (site.path / "state" / "status.json").read_text(encoding="utf-8")
    (found,) = json.loads(text)["mailboxes"]
    return found


def told_names(sandbox: Sandbox, items: list[Arrived]) -> list[str]:
    """The file names that the recipient was told."""
    return sorted(sandbox.message(item.ctl["DTSId"])["file_name"] for item in items)


def test_dropped_by_copy_and_by_move(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """cp and mv into the folder of a running daemon: both arrive, as they were."""
    site = make_sender(lab, sandbox, route(), processing_delay="4s")
    site.start_daemon()
    ready = site.path / "moved.pdf"
    ready.write_bytes(os.urandom(3000))
    moved = digest(ready)
    copied = site.folder("letters") / "copied.pdf"
    shutil.copyfile(ready, site.path / "other.pdf")
    (site.path / "other.pdf").write_bytes(os.urandom(2000))
    ready.rename(site.folder("letters") / "moved.pdf")
    shutil.copy(site.path / "other.pdf", copied)
    site.wait_sent("moved.pdf")
    site.wait_sent("copied.pdf")
    site.stop_daemon()
    receiver.run_ok()
    received = receiver.received()
    assert {item.sha256 for item in received} == {moved, digest(site.path / "other.pdf")}
    assert told_names(sandbox, received) == ["copied.pdf", "moved.pdf"]
    assert site.names("SENT") == [
        "copied.pdf.ctl", "copied.pdf.dat", "moved.pdf.ctl", "moved.pdf.dat",
    ]
    assert site.names("letters") == site.names("TEMP") == site.names("OUT") == []


def test_what_the_control_file_says(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """Templates, the COLLECT report, and From_DTS of the mailbox."""
    subject = f"{CANARY} {{filename}} at {{date}}"
    site = make_sender(
        lab, sandbox, route(subject=subject, local_id=f"{CANARY}-{{stem}}", compress=False)
    )
    put(site, "a & b.pdf")
    site.run_ok()
    sent = site.sent("a & b.pdf")
    assert sent["From_DTS"] == "X26ABC1"
    assert sent["To_DTS"] == "X26ABC2"
    assert sent["WorkflowId"] == WORKFLOW
    assert sent["LocalId"] == f"{CANARY}-a & b"
    assert sent["IsCompressed"] == "N"
    assert sent["AllowChunking"] == "Y"
    assert sent.status.summary == ("TRANSFER", "SUCCESS", "00")
    assert sent["Subject"] == f"{CANARY} a & b.pdf at {sent.status.time[:8]}"
    (collected,) = site.reports("COLLECT")
    assert collected["LocalId"] == sent["LocalId"]
    assert collected.path.name.startswith("a & b.pdf_COLLECT_")
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.ctl["Subject"] == sent["Subject"]


def test_two_routes_in_one_folder(lab: Lab, sandbox: Sandbox) -> None:
    """The first that fits takes the file; what fits none waits, and is counted."""
    sandbox.stop()
    sandbox.add_mailbox("X26ABC3")
    sandbox.start()
    site = make_sender(
        lab,
        sandbox,
        route(match="{to}_*.pdf", to="{to}", local_id="first"),
        route(match="*.pdf", folder="Letters", local_id="second"),
        route(match="*", folder="others", local_id="third"),
    )
    (site.folder("Letters")).rmdir()
    put(site, "X26ABC3_x.pdf")
    put(site, "-x.pdf", b"another")
    put(site, "x.doc", b"nobody's")
    put(site, "x.doc", b"this one is", "others")
    site.run_ok()
    assert site.sent("X26ABC3_x.pdf")["To_DTS"] == "X26ABC3"
    assert site.sent("X26ABC3_x.pdf")["LocalId"] == "first"
    assert site.sent("-x.pdf")["LocalId"] == "second"
    assert site.sent("x.doc")["LocalId"] == "third"
    assert site.names("letters") == ["x.doc"]
    assert counts(site)["waiting"] == 1
    assert counts(site)["settling"] == 0
    site.run_ok()
    assert (site.folder("letters") / "x.doc").read_bytes() == b"nobody's"


def test_names_that_no_header_carries(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """Told with '_' in their place; in the archive they have their own name."""
    site = make_sender(lab, sandbox, route(subject="{stem}", local_id="{filename}"))
    put(site, "caf\u00e9.pdf")
    latin = os.fsencode(site.folder("letters")) + b"/latin-\xe9.pdf"
    with open(latin, "wb") as file:
        file.write(b"other content")
    site.run_ok()
    receiver.run_ok()
    assert told_names(sandbox, receiver.received()) == ["caf__.pdf", "latin-_.pdf"]
    assert {item.ctl["Subject"] for item in receiver.received()} == {"caf__", "latin-_"}
    sent = os.listdir(os.fsencode(site.folder("SENT")))
    assert sorted(sent) == [
        "caf\u00e9.pdf.ctl".encode(),
        "caf\u00e9.pdf.dat".encode(),
        b"latin-\xe9.pdf.ctl",
        b"latin-\xe9.pdf.dat",
    ]


def test_name_as_recipient_is_never_changed(lab: Lab, sandbox: Sandbox) -> None:
    """A byte that a recipient cannot have is not dropped or replaced: FAILED."""
    site = make_sender(lab, sandbox, route(to="{stem}"))
    path = os.fsencode(site.folder("letters")) + b"/X26ABC2\xe9.pdf"
    with open(path, "wb") as file:
        file.write(b"content")
    site.run_once()
    (name,) = [n for n in os.listdir(os.fsencode(site.folder("FAILED"))) if n.endswith(b".ctl")]
    assert name == b"X26ABC2\xe9.pdf.ctl"
    (report,) = [ctl for ctl in site.reports() if ctl.status.status == "ERROR"]
    assert "To_DTS" in report.status.text
    assert sandbox.posts("X26ABC1") == []


@pytest.mark.parametrize("name", ["a" * 255, "a" * 251 + ".pdf", "\u20ac" * 85])
def test_longest_names(lab: Lab, sandbox: Sandbox, receiver: Site, name: str) -> None:
    """255 bytes: sent under the whole name, archived under as much of it as there is room for."""
    site = make_sender(lab, sandbox, route())
    put(site, name)
    site.run_ok()
    ctl, dat = site.names("SENT")
    assert ctl[:-4] == dat[:-4]
    assert (ctl[-4:], dat[-4:]) == (".ctl", ".dat")
    assert name.startswith(ctl[:-4]) and len(os.fsencode(ctl)) > 250
    receiver.run_ok()
    (told,) = told_names(sandbox, receiver.received())
    assert len(told) == 255
    assert len(site.reports("COLLECT")) == 1


@pytest.mark.parametrize(
    ("to", "name", "why"),
    [
        ("{stem}", "  .pdf", "empty"),
        ("{to}", "X" * 101 + "_x.pdf", "too long"),
    ],
)
def test_no_usable_recipient(
    lab: Lab, sandbox: Sandbox, to: str, name: str, why: str
) -> None:
    """SEND 08, in words that name the route and its pattern, but not the file."""
    match = "{to}_*.pdf" if to == "{to}" else "*.pdf"
    site = make_sender(lab, sandbox, route(match=match, to=to))
    put(site, name)
    site.run_once()
    failed = site.failed(name)
    assert failed.status.summary == ("SEND", "ERROR", "08")
    for words in ("letters", match, why):
        assert words in failed.status.text
    assert name not in failed.status.text
    assert (site.folder("FAILED") / f"{name}.dat").read_bytes() == b"content"
    assert sandbox.posts("X26ABC1") == []


def test_names_taken_in_sent(lab: Lab, sandbox: Sandbox) -> None:
    """Nothing in SENT is overwritten: the second one by a name gets its job's id."""
    site = make_sender(lab, sandbox, route())
    for content in (b"first", b"second"):
        put(site, "a.pdf", content)
        site.run_ok()
    first, second = [item for item in site.arrived("SENT") if item.dat]
    assert {first.dat.read_bytes(), second.dat.read_bytes()} == {b"first", b"second"}
    assert sum("~" in name for name in site.names("SENT")) == 2
    assert len(sandbox.posts("X26ABC1")) == 2


def test_large_file(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """More than one request takes: it goes in chunks, and its parts arrive as one."""
    site = make_sender(
        lab, sandbox, route(), chunk_size="100k", request_limit="100k"
    )
    path = put(site, "large.bin", os.urandom(450_000))
    sha256 = digest(path)
    site.run_ok()
    site.cycle(lambda: site.names("SENT"), "the file in SENT")
    receiver.cycle(receiver.received, "the message")
    assert [item.sha256 for item in receiver.received()] == [sha256]
    assert told_names(sandbox, receiver.received()) == ["large.bin"]
    assert len(sandbox.requests("POST", r"/outbox/\w+/\d+$")) == 4


def test_empty_file(lab: Lab, sandbox: Sandbox) -> None:
    """MESH carries no empty message: FAILED, without asking."""
    site = make_sender(lab, sandbox, route())
    put(site, "empty.pdf", b"")
    site.run_once()
    assert site.failed("empty.pdf").status.summary == ("COLLECT", "ERROR", "02")
    assert sandbox.posts("X26ABC1") == []


def test_refused_by_the_service(lab: Lab, sandbox: Sandbox) -> None:
    """A recipient that is none: FAILED as any pair, with the service's code."""
    site = make_sender(lab, sandbox, route(match="{to}.pdf", to="{to}"))
    put(site, "NOBODY99.pdf")
    site.run_once()
    failed = site.failed("NOBODY99.pdf")
    assert failed.status.summary == ("SEND", "ERROR", "12")
    assert site.names("FAILED") == ["NOBODY99.pdf.ctl", "NOBODY99.pdf.dat"]


def test_what_is_left_alone(lab: Lab, sandbox: Sandbox) -> None:
    """Folders, links, FIFOs, hidden files and those that are being written: never touched."""
    site = make_sender(lab, sandbox, route())
    folder = site.folder("letters")
    secret = site.path / "outside.pdf"
    secret.write_bytes(b"not for anybody")
    (folder / "inner").mkdir()
    (folder / "inner" / "b.pdf").write_bytes(b"content")
    (folder / "link.pdf").symlink_to(secret)
    (folder / "inner-link").symlink_to("inner")
    os.link(secret, folder / "second-name.pdf")
    os.mkfifo(folder / "fifo.pdf")
    for name in (".hidden.pdf", "a.pdf.part", "a.tmp", "a.pdf~", "~$a.docx", "a.crdownload"):
        (folder / name).write_bytes(b"content")
    before = sorted(os.listdir(folder))
    for _ in range(2):
        site.run_ok()
    assert sorted(os.listdir(folder)) == before
    assert (folder / "link.pdf").is_symlink()
    assert sandbox.posts("X26ABC1") == []
    assert site.names("SENT") == site.names("FAILED") == []


def test_file_replaced_while_it_settles(
    lab: Lab, sandbox: Sandbox, receiver: Site
) -> None:
    """Written on, and then replaced: what is sent, once, is the last of it."""
    site = make_sender(lab, sandbox, route(), processing_delay="8s")
    site.start_daemon()
    path = site.folder("letters") / "a.pdf"
    path.write_bytes(b"begun")
    wait_for(lambda: counts(site)["settling"] == 1, "a file that settles")
    with path.open("ab") as file:
        file.write(b", and going on")
    stays_true(lambda: site.names("SENT") == [], "it was sent while it settled", 0.5)
    put(site, "a.pdf", b"another, whole")
    site.wait_sent("a.pdf")
    site.stop_daemon()
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.dat and message.dat.read_bytes() == b"another, whole"
    assert len(sandbox.posts("X26ABC1")) == 1


def test_killed_between_claim_and_send(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """kill -9 after the claim, and the route is taken out: still sent once, as it was claimed."""
    site = make_sender(lab, sandbox, route(local_id=f"{CANARY}-{{stem}}"))
    sandbox.fault("GET", "/outbox/tracking", delay_ms=30_000)
    path = put(site, "a.pdf", os.urandom(2000))
    sha256 = digest(path)
    site.start_daemon()
    wait_for(lambda: any(n.endswith(".dat") for n in site.names("TEMP")), "the claim")
    site.kill_daemon()
    sandbox.clear_faults()
    assert site.names("letters") == []
    site.folder("letters").rmdir()
    site.mailboxes.clear()
    site.add_mailbox("X26ABC1")
    site.cycle(lambda: site.names("SENT"), "the file in SENT")
    assert site.sent("a.pdf")["LocalId"] == f"{CANARY}-a"
    receiver.run_ok()
    assert [item.sha256 for item in receiver.received()] == [sha256]
    assert told_names(sandbox, receiver.received()) == ["a.pdf"]
    assert len(sandbox.posts("X26ABC1")) == 1


def test_answer_lost(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """The answer to the only POST is lost: tracking names the file as we did, so it is adopted."""
    site = make_sender(lab, sandbox, route())
    sandbox.fault("POST", "/outbox", drop_reply=True)
    put(site, "caf\u00e9 1.pdf")
    site.cycle(lambda: site.names("SENT"), "the file in SENT")
    assert len(sandbox.posts("X26ABC1")) == 1
    receiver.run_ok()
    assert len(receiver.received()) == 1


def test_held_and_given_up(lab: Lab, sandbox: Sandbox) -> None:
    """The operator's commands know a route's file by its name."""
    site = make_sender(lab, sandbox, route())
    sandbox.fault("POST", "/outbox", status=503, count=3)
    put(site, "a.pdf")
    site.run_once()
    listed = site.tool("list", "--json")
    assert '"stem": "a.pdf"' in listed.out, listed
    assert site.tool("verify").code == 0
    assert site.tool("hold", "a.pdf").code == 0
    sandbox.clear_faults()
    site.run_once()
    assert site.names("SENT") == []
    assert site.tool("release", "a.pdf").code == 0
    site.cycle(lambda: site.names("SENT"), "the file in SENT")
    assert site.names("SENT") == ["a.pdf.ctl", "a.pdf.dat"]


def test_reload_adds_a_route(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """SIGHUP with a route more: its folder is made and watched."""
    site = lab.site(sandbox, "X26ABC1", scan_interval="1h")
    process = site.start_daemon()
    site.mailboxes.clear()
    site.add_mailbox("X26ABC1", routes=[route()])
    process.signal(signal.SIGHUP)
    process.wait_text(" reloaded ")
    assert site.folder("letters").is_dir()
    put(site, "a.pdf")
    site.wait_sent("a.pdf")
    site.mailboxes.clear()
    site.add_mailbox("X26ABC1")
    process.signal(signal.SIGHUP)
    wait_for(lambda: process.text().count(" reloaded ") == 2, "the second reload")
    put(site, "b.pdf")
    site.drop("pair", b"content")
    site.wait_sent("pair")
    site.stop_daemon()
    assert site.names("letters") == ["b.pdf"]
    receiver.run_ok()
    assert len(receiver.received()) == 2


def test_folder_that_cannot_be_one(lab: Lab, sandbox: Sandbox) -> None:
    """Something else has its name: said with the file and the folder, and a reload is refused."""
    site = lab.site(sandbox, "X26ABC1")
    process = site.start_daemon()
    site.folder("letters").write_bytes(b"I am a file")
    site.mailboxes.clear()
    site.add_mailbox("X26ABC1", routes=[route(folder="good"), route()])
    process.signal(signal.SIGHUP)
    process.wait_text(" reload-refused ")
    site.drop("pair", b"content")
    site.wait_sent("pair")
    site.stop_daemon()
    done = site.run_once()
    assert done.code != 0
    assert "X26ABC1.yaml" in done.err and f"{site.folder('letters')}" in done.err, done


def test_folder_replaced_while_it_runs(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """Put aside for a new one, or removed: files are taken from what has the name now."""
    site = make_sender(lab, sandbox, route(), scan_interval="100ms")
    process = site.start_daemon()
    put(site, "a.pdf")
    site.wait_sent("a.pdf")
    letters = site.folder("letters")
    letters.rename(letters.with_name("letters.old"))
    letters.mkdir(exist_ok=True)  # the daemon may have been faster
    put(site, "b.pdf")
    site.wait_sent("b.pdf")
    process.wait_text(f'folder-replaced mailbox=X26ABC1 folder="{letters}"')
    letters.rmdir()
    wait_for(letters.is_dir, "the folder, made again")
    put(site, "c.pdf")
    site.wait_sent("c.pdf")
    put(site, "d.pdf", folder="letters.old")
    site.stop_daemon()
    assert site.names("letters.old") == ["d.pdf"]
    receiver.run_ok()
    assert told_names(sandbox, receiver.received()) == ["a.pdf", "b.pdf", "c.pdf"]


def became_link(folder: Path, target: Path) -> bool:
    """False: the daemon was faster to make the folder again."""
    folder.rmdir()
    try:
        folder.symlink_to(target)
    except FileExistsError:
        return False
    return True


def test_folder_becomes_a_link_while_it_runs(lab: Lab, sandbox: Sandbox) -> None:
    """Nothing is taken through it, the log says why, OUT goes on, and so does it when mended."""
    site = make_sender(lab, sandbox, route(), scan_interval="100ms")
    process = site.start_daemon()
    letters = site.folder("letters")
    elsewhere = site.path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.pdf").write_bytes(b"of somebody else")
    wait_for(lambda: became_link(letters, elsewhere), "the link")
    process.wait_text(" folder-trouble ")
    site.drop("pair", b"content")
    site.wait_sent("pair")
    sandbox.forget_requests()
    wait_for(lambda: len(sandbox.requests("GET", r"/inbox(\?|$)")) > 2, "three polls more")
    assert " folder-well " not in process.text()
    letters.unlink()
    letters.mkdir(exist_ok=True)
    put(site, "a.pdf")
    site.wait_sent("a.pdf")
    process.wait_text(" folder-well ")
    site.stop_daemon()
    (trouble,) = [line for line in process.text().splitlines() if " folder-trouble " in line]
    assert f"'{letters}'" in trouble and "symbolic link" in trouble, trouble
    assert os.listdir(elsewhere) == ["secret.pdf"]


def test_file_we_may_not_read(lab: Lab, sandbox: Sandbox) -> None:
    """It stays where it is, and the others go."""
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    site = make_sender(lab, sandbox, route())
    put(site, "a.pdf").chmod(0)
    put(site, "b.pdf")
    site.run_once()
    assert site.names("letters") == ["a.pdf"]
    assert site.names("SENT") == ["b.pdf.ctl", "b.pdf.dat"]
