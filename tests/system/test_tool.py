# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""meshdrop, the operator's tool."""

import json

from harness.ctlfile import MESSAGE_ID
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Site
from harness.waiting import wait_for


def mailbox_of(status: dict, mailbox: str) -> dict:
    """One mailbox's part of the status."""
    return next(item for item in status["mailboxes"] if item["id"] == mailbox)


def test_check(sender: Site, sandbox: Sandbox) -> None:
    """check talks to the service with each mailbox and says that all is well."""
    done = sender.tool("check")
    assert done.code == 0, done
    assert "X26ABC1" in done.out
    assert sandbox.requests("POST", r"/X26ABC1/?$")
    assert sandbox.requests("POST", "/outbox") == []


def test_check_finds_a_fault(sender: Site, sandbox: Sandbox) -> None:
    """check with a wrong password fails and names it."""
    secret = sender.path / "X26ABC1.password"
    secret.write_bytes(secret.read_bytes()[::-1])
    done = sender.tool("check")
    assert done.code == 1, done
    assert "password_file" in done.out + done.err


def test_status(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """status --json counts what was sent, received and failed."""
    sender.start_daemon()
    sender.drop("one", b"one", To_DTS="X26ABC1")
    sender.drop("two", b"two", From_DTS="X26ABC2")
    sender.wait_sent("one")
    sender.wait_received()

    def status() -> dict:
        done = sender.tool("status", "--json")
        assert done.code in (0, 1), done
        return mailbox_of(json.loads(done.out), "X26ABC1")

    wait_for(
        lambda: (status()["sent"], status()["received"], status()["failed"]) == (1, 1, 1),
        "one sent, one received, one failed",
    )
    found = status()
    assert found["last_poll"]
    assert found["held"] == 0
    assert "X26ABC1" in sender.tool("status").out
    sender.stop_daemon()


def test_status_file(sender: Site) -> None:
    """The daemon keeps status.json, whole at any moment; without a daemon it says so."""
    path = sender.path / "state" / "status.json"
    sender.start_daemon()
    status = wait_for(lambda: path.exists() and json.loads(path.read_text("utf-8")), "the file")
    assert status["pid"] == sender.process.pid
    assert [box["id"] for box in status["mailboxes"]] == ["X26ABC1"]
    for number in range(20):
        sender.drop(f"file{number}", b"content")

    def counted() -> bool:
        return json.loads(path.read_text("utf-8"))["mailboxes"][0]["sent"] == 20

    wait_for(counted, "20 sent in status.json")
    sender.stop_daemon()
    after = sender.tool("status")
    assert after.code == 1, after
    assert "not running" in after.out


def test_check_finds_folders_it_cannot_use(sender: Site) -> None:
    """check names a folder that is none."""
    out = sender.folder("OUT")
    out.rmdir()
    out.write_bytes(b"in the way")
    done = sender.tool("check")
    assert done.code == 1, done
    assert str(out) in done.out + done.err


def test_status_counts_held(sender: Site, sandbox: Sandbox) -> None:
    """A job that needs an operator shows in status and list."""
    sender.daemon["connections"] = "1"
    sender.write_conf()
    text = (sender.path / "mailboxes.d" / "X26ABC1.yaml").read_text(encoding="utf-8")
    (sender.path / "mailboxes.d" / "X26ABC1.yaml").write_text(
        text + "local_id_when_empty: none\n", encoding="utf-8"
    )
    sandbox.fault("POST", "/outbox", drop_reply=True)
    sender.drop("file", b"content", LocalId="")
    sender.start_daemon()

    def held() -> bool:
        done = sender.tool("list", "--json")
        return any(job["state"] == "HELD" for job in json.loads(done.out))

    wait_for(held, "the job to be held")

    def counted() -> bool:
        done = sender.tool("status", "--json")
        return mailbox_of(json.loads(done.out), "X26ABC1")["held"] == 1

    wait_for(counted, "held: 1 in status")
    sender.stop_daemon()


def test_list(sender: Site, sandbox: Sandbox) -> None:
    """list --json shows what is on its way, with its state and age."""
    empty = sender.tool("list", "--json")
    assert (empty.code, json.loads(empty.out)) == (0, []), empty
    sandbox.fault("POST", "/outbox", count=1000, status=429)
    pair = sender.drop("file", b"content")
    sender.run_once()
    done = sender.tool("list", "--json")
    (job,) = json.loads(done.out)
    assert job["mailbox"] == "X26ABC1"
    assert job["stem"] == "file"
    assert job["state"] == "DEFERRED"
    assert job["text"]
    assert 0 <= job["age_s"] < 600
    assert job["job"]
    plain = sender.tool("list")
    assert "file" in plain.out and "DEFERRED" in plain.out
    for private in (pair.elements["Subject"], pair.elements["LocalId"]):
        assert private not in done.out + plain.out


def test_send(sender: Site, receiver: Site) -> None:
    """send puts a pair into OUT; the next cycle sends it."""
    payload = sender.path / "letter.pdf"
    payload.write_bytes(b"%PDF content")
    done = sender.tool(
        "send",
        "-m",
        "X26ABC1",
        "--to",
        "X26ABC2",
        "--workflow",
        WORKFLOW,
        "--subject",
        "a subject",
        "--local-id",
        "L-1",
        str(payload),
    )
    assert done.code == 0, done
    assert len(sender.names("OUT")) == 2
    sender.run_ok()
    receiver.run_ok()
    (message,) = receiver.received()
    assert message.dat.read_bytes() == b"%PDF content"
    assert message.ctl["Subject"] == "a subject"
    assert message.ctl["LocalId"] == "L-1"
    assert message.ctl["WorkflowId"] == WORKFLOW
    assert payload.exists()


def test_send_uncompressed_in_chunks(lab, sandbox: Sandbox) -> None:
    """send --no-compress --allow-chunking says so in the control file."""
    site = lab.site(sandbox, "X26ABC1", chunk_size="100k", request_limit="120k")
    payload = site.path / "letter"
    payload.write_bytes(bytes(250_000))
    done = site.tool(
        "send",
        "-m",
        "X26ABC1",
        "--to",
        "X26ABC2",
        "--workflow",
        WORKFLOW,
        "--no-compress",
        "--allow-chunking",
        str(payload),
    )
    assert done.code == 0, done
    site.run_ok()
    posts = sandbox.requests("POST", "/outbox")
    assert [post.body_bytes for post in posts] == [100_000, 100_000, 50_000]


def test_send_refuses(sender: Site) -> None:
    """send of a file that is not there, or to nobody, fails and puts nothing into OUT."""
    missing = sender.tool(
        "send", "-m", "X26ABC1", "--to", "X26ABC2", "--workflow", WORKFLOW, "/nonexistent/x"
    )
    assert missing.code == 1, missing
    assert "/nonexistent/x" in missing.err
    assert sender.tool("send", "-m", "X26ABC1", str(sender.conf)).code == 64
    assert sender.names("OUT") == []


def test_track(sender: Site, receiver: Site) -> None:
    """track says where a message is: accepted, then acknowledged."""
    sender.drop("file", b"content")
    sender.run_ok()
    message_id = sender.sent("file")["DTSId"]
    assert MESSAGE_ID.fullmatch(message_id)
    before = sender.tool("track", "-m", "X26ABC1", message_id)
    assert before.code == 0, before
    assert "accepted" in before.out.lower()
    assert "X26ABC2" in before.out
    receiver.run_ok()
    after = sender.tool("track", "-m", "X26ABC1", message_id)
    assert "acknowledged" in after.out.lower()
    unknown = sender.tool("track", "-m", "X26ABC1", "20200101000000000000_ABCDEF")
    assert unknown.code == 1, unknown


def test_lookup(sender: Site) -> None:
    """lookup finds the mailboxes of an organisation that take a workflow."""
    done = sender.tool("lookup", "-m", "X26ABC1", "X26", WORKFLOW)
    assert done.code == 0, done
    assert "X26ABC2" in done.out
    nobody = sender.tool("lookup", "-m", "X26ABC1", "ZZZ", WORKFLOW)
    assert "X26ABC2" not in nobody.out


def test_inbox(sender: Site, receiver: Site, sandbox: Sandbox) -> None:
    """inbox lists what waits on the server and takes nothing."""
    sender.drop("file", b"content")
    sender.run_ok()
    message_id = sender.sent("file")["DTSId"]
    done = receiver.tool("inbox", "-m", "X26ABC2")
    assert done.code == 0, done
    assert message_id in done.out
    assert sandbox.inbox("X26ABC2") == [message_id]
    assert receiver.names("IN") == []


def test_config(sender: Site) -> None:
    """config shows all settings in force, without any secret."""
    done = sender.tool("config")
    assert done.code == 0, done
    assert "processing_delay" in done.out and "max_messages" in done.out
    assert not [secret for secret in sender.secrets() if secret in done.out]


def test_versions_and_help(sender: Site) -> None:
    """Both programs say their version and how they are used."""
    for result in (sender.tool("--version"), sender.run_daemon("--version")):
        assert result.code == 0, result
        assert "0." in result.out
    assert "send" in sender.tool("--help").out
    assert "--once" in sender.run_daemon("--help").out


def test_unknown_mailbox(sender: Site) -> None:
    """A mailbox that is not configured is named."""
    done = sender.tool("inbox", "-m", "X26NONE")
    assert done.code in (1, 64, 78), done
    assert "X26NONE" in done.err
