# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What is dropped into one mailbox's OUT comes out of another's IN, byte for byte."""

from pathlib import Path

import pytest

from harness.ctlfile import MESSAGE_ID
from harness.golden import assert_form
from harness.payloads import digest_bytes, gzip_bytes, text_bytes
from harness.sandbox import Sandbox
from harness.site import Arrived, Pair, Site

pytestmark = pytest.mark.core

PAYLOADS = {
    "one-byte": b"\n",
    "zero-byte-inside": b"\0",
    "text": text_bytes(70_000),
    "gzip-in-gzip": gzip_bytes(gzip_bytes(text_bytes(50_000))),
    "two-gzip-members": gzip_bytes(b"one\n") + gzip_bytes(b"two\n"),
}


def deliver(sender: Site, receiver: Site, pair: Pair) -> Arrived:
    """Sends all, receives all; returns the one message."""
    sender.run_ok()
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.sha256 == pair.sha256
    assert sender.sent(pair.stem)["DTSId"] == message.ctl["DTSId"]
    return message


@pytest.mark.parametrize("compress", ["Y", "N"])
@pytest.mark.parametrize("kind", PAYLOADS)
def test_bytes_arrive_unchanged(
    sender: Site, receiver: Site, sandbox: Sandbox, kind: str, compress: str
) -> None:
    """Content of each kind arrives as it was, compressed on the way or not."""
    payload = PAYLOADS[kind]
    pair = sender.drop("file", payload, Compress=compress)
    message = deliver(sender, receiver, pair)
    assert message.sha256 == digest_bytes(payload)
    assert sender.sent("file")["IsCompressed"] == compress
    (post,) = sandbox.posts("X26ABC1")
    assert (post.body_bytes == len(payload)) == (compress == "N")
    assert sender.names("OUT") == sender.names("TEMP") == sender.names("FAILED") == []
    assert sandbox.inbox("X26ABC2") == []


def test_names_of_files(sender: Site, receiver: Site) -> None:
    """IN has the message id as name, SENT the sender's; data and control file go together."""
    message = deliver(sender, receiver, sender.drop("file", b"x"))
    message_id = message.ctl["DTSId"]
    assert MESSAGE_ID.fullmatch(message_id)
    assert receiver.names("IN") == [f"{message_id}.ctl", f"{message_id}.dat"]
    assert sender.names("SENT") == ["file.ctl", "file.dat"]
    assert (sender.folder("SENT") / "file.dat").read_bytes() == b"x"


def test_forms_of_control_files(sender: Site, receiver: Site) -> None:
    """SENT, IN and the COLLECT report have the forms that applications rely on."""
    stale = "20250101000000000000_ABCDEF"
    pair = sender.drop("file", text_bytes(5000), DTSId=stale)
    message = deliver(sender, receiver, pair)
    sent = sender.sent("file")
    (collected,) = sender.reports("COLLECT")
    for ctl in (sent, message.ctl, collected):
        assert ctl["Subject"] == pair.elements["Subject"]
        assert ctl["LocalId"] == pair.elements["LocalId"]
    assert MESSAGE_ID.fullmatch(sent["DTSId"])
    assert_form(sent, "sent.ctl")
    assert_form(message.ctl, "received.ctl")
    assert_form(collected, "collected.ctl")


def test_values_with_markup(sender: Site, receiver: Site) -> None:
    """Characters that XML must escape arrive as they were meant."""
    subject = "a < b & c > \"d\" 'e'"
    message = deliver(sender, receiver, sender.drop("file", b"x", Subject=subject))
    assert message.ctl["Subject"] == subject
    assert sender.sent("file")["Subject"] == subject


def test_header_values(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """What a control file can say about the content reaches the receiver."""
    pair = sender.drop("file.csv", b"x", Encrypted="Y", DataChecksum="md5:0a1b", PartnerId="P1")
    message = deliver(sender, receiver, pair)
    assert message.ctl["Encrypted"] == "Y"
    assert message.ctl["DataChecksum"] == "md5:0a1b"
    assert message.ctl["PartnerId"] == "P1"
    record = sandbox.message(message.ctl["DTSId"])
    assert "file.csv.dat" in record.values()


def test_blank_local_id_is_filled(sender: Site, receiver: Site) -> None:
    """Without a LocalId the daemon gives a unique one, visible on both sides."""
    sender.drop("one", b"1", LocalId="")
    sender.drop("two", b"2", LocalId=None)
    sender.run_ok()
    receiver.run_ok()
    sent = {sender.sent(stem)["LocalId"] for stem in ("one", "two")}
    assert len(sent) == 2 and "" not in sent
    assert {message.ctl["LocalId"] for message in receiver.received()} == sent


def test_blank_local_id_can_stay(lab, sandbox: Sandbox, receiver: Site) -> None:
    """With local_id_when_empty: none a message without LocalId keeps none."""
    sender = lab.site(sandbox).add_mailbox("X26ABC1", local_id_when_empty="none")
    message = deliver(sender, receiver, sender.drop("file", b"x", LocalId=""))
    assert message.ctl["LocalId"] == ""


def test_two_mailboxes_in_one_daemon(lab, sandbox: Sandbox) -> None:
    """One daemon serves two mailboxes that write to each other and to themselves."""
    site = lab.site(sandbox, "X26ABC1", "X26ABC2")
    pairs = {
        (start, to): site.drop(f"{start}-{to}", f"{start} {to}".encode(), start, To_DTS=to)
        for start in site.mailboxes
        for to in site.mailboxes
    }
    site.cycle(
        lambda: all(len(site.received(mailbox)) == 2 for mailbox in site.mailboxes),
        "two messages in each mailbox",
        5,
    )
    for (start, to), pair in pairs.items():
        sent = site.sent(pair.stem, start)
        message = site.read("IN", f"{sent['DTSId']}.ctl", to)
        assert (message["From_DTS"], message["To_DTS"]) == (start, to)
        assert {item.ctl["DTSId"]: item.sha256 for item in site.received(to)}[
            sent["DTSId"]
        ] == pair.sha256


@pytest.mark.parametrize(
    ("name", "extensions"),
    [
        ("name with  blanks", (".dat", ".ctl")),
        ("report.2026.11.csv", (".dat", ".ctl")),
        ("UPPER", (".DAT", ".CTL")),
        ("Mixed.Case", (".Dat", ".ctl")),
        ("-n", (".dat", ".ctl")),
        ("100% & more", (".dat", ".ctl")),
        ("p\u00e2t\u00e9", (".dat", ".ctl")),
    ],
)
def test_odd_names(sender: Site, receiver: Site, name: str, extensions: tuple[str, str]) -> None:
    """Names are free; a pair keeps its own in SENT."""
    pair = sender.drop(name, b"content", extensions=extensions)
    sender.run_ok()
    receiver.run_ok()
    assert sender.names("SENT") == sorted(name + extension for extension in extensions)
    assert sender.names("OUT") == []
    assert [item.sha256 for item in receiver.received()] == [pair.sha256]


def test_folders_of_other_case_and_foreign_ones(lab, sandbox: Sandbox) -> None:
    """Existing folders in lower case are used; foreign ones beside them are left alone."""
    site = lab.site(sandbox, "X26ABC1")
    root = site.folder("OUT").parent
    for folder in root.iterdir():
        folder.rename(root / folder.name.lower())
    (root / "done").mkdir()
    (root / "done" / "x.ctl").write_bytes(b"x")
    values = "".join(f"<{n}>{v}</{n}>" for n, v in site.elements(To_DTS="X26ABC1").items())
    (root / "out" / "file.dat").write_bytes(b"content")
    (root / "out" / "file.ctl").write_text(f"<DTSControl>{values}</DTSControl>", "utf-8")
    site.run_ok()
    site.run_ok()
    assert (root / "sent" / "file.ctl").exists()
    assert [path.read_bytes() for path in (root / "in").glob("*.dat")] == [b"content"]
    assert sorted(path.name for path in root.iterdir()) == [
        "done",
        "failed",
        "in",
        "out",
        "sent",
        "temp",
    ]


def test_missing_folders_are_made(lab, sandbox: Sandbox) -> None:
    """A root that does not exist yet is made, with its five folders."""
    site = lab.site(sandbox, "X26ABC1")
    root = site.folder("OUT").parent
    for folder in root.iterdir():
        folder.rmdir()
    root.rmdir()
    site.run_ok()
    assert sorted(path.name for path in root.iterdir()) == ["FAILED", "IN", "OUT", "SENT", "TEMP"]


@pytest.mark.big
@pytest.mark.parametrize("compress", ["Y", "N"])
@pytest.mark.parametrize("kind", ["random", "zeros"])
def test_big_files(
    request: pytest.FixtureRequest, sender: Site, receiver: Site, kind: str, compress: str
) -> None:
    """200 MB arrive unchanged, whether they compress or not."""
    payload: Path = request.getfixturevalue(f"big_{kind}")
    pair = sender.drop("big", payload, Compress=compress)
    deliver(sender, receiver, pair)
