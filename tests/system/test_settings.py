# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Settings: looked over as a whole, and loaded anew while running."""

import json
import re
import signal
from pathlib import Path
from typing import Any

from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "etc"


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


def unconfined(site: Site) -> None:
    """Lets the daemon open what new settings may name."""
    site.daemon["confine"] = "no"
    site.write_conf()


def test_reload_good(sender: Site, sandbox: Sandbox) -> None:
    """SIGHUP with a mailbox more: it is served, and the first one still is."""
    unconfined(sender)
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
    unconfined(sender)
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


def beyond_java(site: Site) -> dict[str, Any]:
    """A mailbox's settings, with each that the Java client has no word for."""
    program = site.path / "it's a hook"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    routed = {"match": "{to}_*.pdf", "workflow": "TOC: #1", "subject": "{filename}, {{{date}}"}
    return {
        "reports": {"poll": True, "orphan": "90m"},
        "workflow_filter": "!*LAB*",
        "routes": [
            {"folder": "letters", **routed, "local_id": "it's {stem}", "compress": False},
            {"folder": "null", "to": "- X", "workflow": "yes", "encrypted": True},
        ],
        "deliver": [
            {"workflows": ["A, B", "*"], "folder": "a [b] #c", "second_name": True},
        ],
        "hooks": {
            "on_receive": {"command": [str(program), "-v", "", "'", "a: b", "~"]},
            "on_failed": {"command": [str(program)], "timeout": "1h"},
            "parallel": 16,
        },
        "retention": {"sent": {"age": "36h", "size": "1500M"}, "in": {"age": "7d", "size": "10G"}},
    }


def test_config_can_be_read_back(sender: Site, sandbox: Sandbox) -> None:
    """What config prints is a file that means the same, lists and all."""
    sender.service["proxy"] = "http://proxy.example"
    sender.daemon["signal_file"] = "order"
    sender.write_conf()
    sender.add_mailbox("X26ABC1", **beyond_java(sender))
    text = sender.tool("config").out
    before = json.loads(sender.tool("config", "--json").out)
    daemon, mailbox = re.split(r"^# (?=/.*X26ABC1\.yaml$)", text, maxsplit=1, flags=re.MULTILINE)
    sender.conf.write_text(daemon, encoding="utf-8")
    box = sender.path / "mailboxes.d" / "X26ABC1.yaml"
    box.write_text("# " + mailbox, encoding="utf-8")
    again = sender.tool("config")
    assert again.code == 0, again
    assert again.out == text
    assert json.loads(sender.tool("config", "--json").out) == before
    found = before["mailboxes"][0]
    asked = beyond_java(sender)
    for section in ("reports", "hooks", "retention"):
        for name, value in asked.pop(section).items():
            part = found[section][name]
            assert part == value or value.items() <= part.items(), (name, part)
    for name in ("routes", "deliver"):
        for item, value in zip(found[name], asked.pop(name), strict=True):
            assert value.items() <= item.items()
    assert found["routes"][0]["to"] == "{to}"
    assert asked == {"workflow_filter": found["workflow_filter"]}


def test_config_of_an_environment(sender: Site) -> None:
    """environment is the address; config shows both, and can be read back."""
    del sender.service["url"]
    sender.service["environment"] = "int"
    sender.write_conf()
    done = sender.tool("config")
    assert done.code == 0, done
    assert "\nenvironment = int\n" in done.out
    assert "url = https://msg.intspineservices.nhs.uk\n" in done.out
    sender.conf.write_text(done.out.split("\n\n#", maxsplit=1)[0], encoding="utf-8")
    assert sender.tool("config").out == done.out


def uncommented(name: str) -> str:
    """An example with all it shows in force; prose begins with '# ' and a word."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    return re.sub(r"^#(?=[a-z]|  )", "", text, flags=re.MULTILINE)


def test_examples(sender: Site) -> None:
    """The examples, with every line in force, are good settings."""
    (sender.path / "notify").write_text("#!/bin/sh\n", encoding="utf-8")
    (sender.path / "notify").chmod(0o755)
    text = uncommented("mailbox.yaml.example")
    text = text.replace("/usr/local/bin/notify", str(sender.path / "notify"))
    text = re.sub(r"^root:.*", f"root: {sender.path}/mesh/X26ABC1", text, flags=re.MULTILINE)
    (sender.path / "mailboxes.d" / "X26ABC1.yaml").write_text(text, encoding="utf-8")
    found = json.loads(sender.tool("config", "--json").out)["mailboxes"][0]
    assert found["routes"][0]["folder"] == "letters"
    assert found["hooks"]["on_report"]["command"] == [str(sender.path / "notify")]
    done = sender.run_daemon("--check")
    assert done.code == 0, done
    secret = sender.path / "proxy.password"
    secret.write_text("a password\n", encoding="utf-8")
    secret.chmod(0o600)
    text = uncommented("meshdrop.conf.example").replace("/srv/mesh/sig/", f"{sender.path}/")
    text = text.replace("\nenvironment = live\n", "\n")
    for name in ("shared_key_file", "ca_file", "certificate", "private_key"):
        text = re.sub(rf"(?m)^{name} = .*", f"{name} = {sender.service[name]}", text)
    sender.conf.write_text(text, encoding="utf-8")
    done = sender.run_daemon("--check")
    assert done.code == 0, done
    assert sender.tool("config").out.count(" is not set\n") == 1


def test_check_looks_at_all_folders(sender: Site) -> None:
    """check names folders of routes and deliver that are missing or cannot be used."""
    sender.add_mailbox("X26ABC1", **beyond_java(sender) | {"workflow_filter": "WF"})
    (sender.folder("LETTERS")).mkdir()
    (sender.folder("null")).write_bytes(b"in the way")
    done = sender.tool("check")
    assert done.code == 1, done
    lines = done.out.splitlines()
    assert not [line for line in lines if "letters" in line.lower()], done
    assert [line for line in lines if "/null'" in line and "FAIL" in line], done
    assert [line for line in lines if "/a [b] #c' is not there yet" in line], done
    sender.folder("null").unlink()
    sender.folder("null").mkdir()
    sender.folder("a [b] #c").mkdir()
    done = sender.tool("check")
    assert done.code == 0, done
    assert "and those of routes and deliver" in done.out


def test_reload_names_a_bad_item(sender: Site) -> None:
    """SIGHUP with a fault inside a list: named with its item, and the old set goes on."""
    process = sender.start_daemon()
    sender.add_mailbox("X26ABC1", routes=[{"folder": "IN", "to": "A", "workflow": "W"}])
    process.signal(signal.SIGHUP)
    process.wait_text("routes #1: folder must not be one of IN")
    sender.drop("one", b"one")
    sender.wait_sent("one")
    sender.stop_daemon()
