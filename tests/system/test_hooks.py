# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hooks: an operator's program is told, and nothing it does touches a message."""

import json
import os
import re
import signal
import textwrap
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import WORKFLOW, Site
from harness.waiting import tick, wait_for

pytestmark = pytest.mark.core

USUAL = {"PATH", "LANG", "TZ", "MESHDROP_EVENT", "MESHDROP_MAILBOX", "MESHDROP_CTL"}

# Notes what it was given as a file of JSON, complete at once, then does what it is told.
RECORDER = """\
#!/usr/bin/python3
import json, os, signal, sys, time
folder, action = sys.argv[1], sys.argv[2]
environment = dict(os.environ)
environment.pop("LC_CTYPE", None)  # Python's own
ours = {}
for fd in os.listdir("/proc/self/fd"):
    try:
        ours[fd] = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        pass  # that of the listing
files = [environment.get("MESHDROP_CTL"), environment.get("MESHDROP_DAT")]
said = {
    "argv": sys.argv,
    "env": environment,
    "files": {name: open(name, "rb").read().decode() for name in files if name},
    "fds": ours,
    "cwd": os.getcwd(),
    "group": os.getpgrp() == os.getpid(),
    "pid": os.getpid(),
}
name = os.path.join(folder, "%d-%d" % (time.monotonic_ns(), os.getpid()))
with open(name + ".tmp", "w") as file:
    json.dump(said, file)
os.rename(name + ".tmp", name + ".json")
if action == "hang":
    signal.pause()
elif action == "wait":
    while not os.path.exists(os.path.join(folder, "go")):
        time.sleep(0.02)
elif action.startswith("exit"):
    sys.exit(int(action[4:]))
"""


class Recorder:
    """A program for hooks, and what its runs have noted."""

    def __init__(self, path: Path):
        self.path = path
        self.folder = path / "notes"
        self.folder.mkdir(parents=True)
        self.program = path / "recorder"
        self.program.write_text(textwrap.dedent(RECORDER), encoding="utf-8")
        self.program.chmod(0o755)

    def hook(self, action: str = "exit0", timeout: str = "10m") -> dict[str, object]:
        """The setting of one hook."""
        return {"command": [str(self.program), str(self.folder), action], "timeout": timeout}

    def notes(self) -> list[dict]:
        """In the order of their starts."""
        files = sorted(self.folder.glob("*.json"), key=lambda file: int(file.stem.split("-")[0]))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def wait(self, count: int) -> list[dict]:
        """Waits until at least so many have begun."""

        def enough() -> list[dict]:
            found = self.notes()
            return found if len(found) >= count else []

        return wait_for(enough, f"{count} runs of the hook")

    def go(self) -> None:
        """Lets those that wait end."""
        (self.folder / "go").touch()


@pytest.fixture
def recorder(lab: Lab) -> Recorder:
    """A program that notes what it was given."""
    return Recorder(lab.path / "recorder")


def send(sandbox: Sandbox, count: int = 1) -> list[str]:
    """Messages for X26ABC2."""
    api = sandbox.api("X26ABC1")
    try:
        return [api.send("X26ABC2", WORKFLOW, f"body {n}".encode()) for n in range(count)]
    finally:
        api.close()


def status_of(site: Site) -> dict:
    """The first mailbox in status.json."""
    text = (site.path / "state" / "status.json").read_text(encoding="utf-8")
    return json.loads(text)["mailboxes"][0]


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    """Children, zombies included."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text(encoding="utf-8")
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found.append(int(entry.name))
    return found


# --- what it is told


def test_on_receive(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """After a message is in IN the program gets its paths and ids, and nothing else."""
    (message_id,) = send(sandbox)
    hook = recorder.hook()
    hook["command"] += ["two words", "$(touch no)", ""]
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": hook})
    done = site.run_ok()
    (note,) = recorder.notes()
    inbox = site.folder("IN")
    assert note["argv"] == hook["command"]
    assert set(note["env"]) == USUAL | {
        "MESHDROP_DAT",
        "MESHDROP_MESSAGE_ID",
        "MESHDROP_WORKFLOW",
    }
    env = note["env"]
    assert env["MESHDROP_EVENT"] == "on_receive"
    assert env["MESHDROP_MAILBOX"] == "X26ABC2"
    assert env["MESHDROP_MESSAGE_ID"] == message_id
    assert env["MESHDROP_WORKFLOW"] == WORKFLOW
    assert env["MESHDROP_CTL"] == str(inbox / f"{message_id}.ctl")
    assert env["MESHDROP_DAT"] == str(inbox / f"{message_id}.dat")
    assert env["TZ"] == "Europe/London"
    assert env["LANG"] == "C.UTF-8"
    assert note["files"][env["MESHDROP_DAT"]] == "body 0"
    assert message_id in note["files"][env["MESHDROP_CTL"]]
    assert re.search(rf"hook mailbox=X26ABC2 event=on_receive message={message_id} ", done.err)


def test_nothing_is_inherited(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """No descriptor but the three, no secret, a process group of its own."""
    send(sandbox)
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook()})
    site.start_daemon({"SECRET_OF_THE_CALLER": "x"})
    (note,) = recorder.wait(1)
    fds = note["fds"]
    assert {fds.pop(fd) for fd in "012"} == {"/dev/null"}
    assert fds == {}
    assert note["cwd"] == "/"
    assert note["group"]
    assert "SECRET_OF_THE_CALLER" not in note["env"]
    assert "NOTIFY_SOCKET" not in note["env"]
    told = json.dumps(note)
    assert not [secret for secret in site.secrets() if secret in told]
    assert "Subject" not in json.dumps(note["env"])
    site.stop_daemon()


def test_on_report(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """A report of the service comes without data; our own reports are not told."""
    hooks = {"on_report": recorder.hook(), "on_receive": recorder.hook("exit9")}
    site = lab.site(sandbox).add_mailbox("X26ABC1", hooks=hooks)
    site.drop("file", b"content", To_DTS="X26NOBODY")
    site.cycle(recorder.notes, "a report of the service")
    assert site.reports("COLLECT")
    (note,) = recorder.notes()
    env = note["env"]
    assert env["MESHDROP_EVENT"] == "on_report"
    assert "MESHDROP_DAT" not in env
    assert Path(env["MESHDROP_CTL"]).name == env["MESHDROP_MESSAGE_ID"] + ".ctl"
    assert "<MessageType>Report</MessageType>" in note["files"][env["MESHDROP_CTL"]]


def test_on_failed(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """A pair that failed is told with its names in FAILED, whatever they are."""
    site = lab.site(sandbox, processing_delay="0s", poll_interval="1s")
    site.add_mailbox("X26ABC1", hooks={"on_failed": recorder.hook()})
    stem = 'a "b" $(c); d'
    site.drop(stem, b"content", extensions=(".DAT", ".Ctl"), From_DTS="X26ABC2")
    site.run_once()
    (note,) = recorder.notes()
    env = note["env"]
    assert set(env) == USUAL | {
        "MESHDROP_DAT",
        "MESHDROP_JOB",
        "MESHDROP_WORKFLOW",
        "MESHDROP_STATUS",
    }
    assert env["MESHDROP_EVENT"] == "on_failed"
    assert env["MESHDROP_STATUS"] == "SEND 07"
    assert env["MESHDROP_WORKFLOW"] == WORKFLOW
    assert env["MESHDROP_CTL"] == str(site.folder("FAILED") / f"{stem}.Ctl")
    assert env["MESHDROP_DAT"] == str(site.folder("FAILED") / f"{stem}.DAT")
    assert note["files"][env["MESHDROP_DAT"]] == "content"


def test_on_failed_without_data(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """MESHDROP_DAT is not set when there is no data file."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", hooks={"on_failed": recorder.hook()})
    site.drop("lonely", None)
    site.start_daemon()
    (note,) = recorder.wait(1)
    assert note["env"]["MESHDROP_STATUS"] == "COLLECT 02"
    assert "MESHDROP_DAT" not in note["env"]
    site.stop_daemon()


def test_sent_pairs_are_not_told(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """There is no event for what went well on its way out."""
    hooks = {event: recorder.hook() for event in ("on_receive", "on_report", "on_failed")}
    site = lab.site(sandbox).add_mailbox("X26ABC1", hooks=hooks)
    site.drop("file", b"content")
    site.run_ok()
    assert site.sent("file")
    assert recorder.notes() == []


def test_folder_as_it_is_spelled(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """The path has the folder's name as it is on disk."""
    send(sandbox)
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook()})
    site.folder("IN").rename(site.folder("In"))
    site.run_ok()
    (note,) = recorder.notes()
    assert Path(note["env"]["MESHDROP_DAT"]).parent == site.folder("In")


def test_delivery_elsewhere(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """A message that goes to a folder of its own is told with its path there."""
    (message_id,) = send(sandbox)
    deliver = [{"workflows": WORKFLOW, "folder": "Lab"}]
    hooks = {"on_receive": recorder.hook()}
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks=hooks, deliver=deliver)
    site.run_ok()
    (note,) = recorder.notes()
    assert note["env"]["MESHDROP_DAT"] == str(site.folder("Lab") / f"{message_id}.dat")
    assert note["files"][note["env"]["MESHDROP_DAT"]] == "body 0"


# --- nothing it does touches a message


@pytest.mark.parametrize("action", ["exit3", "wait"])
def test_messages_go_on(lab: Lab, sandbox: Sandbox, recorder: Recorder, action: str) -> None:
    """A hook that fails or hangs holds up no message, and shows in the status."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook(action)})
    site.start_daemon()
    send(sandbox, 5)
    site.wait_received(5)
    wait_for(lambda: sandbox.inbox("X26ABC2") == [], "all are acknowledged")
    recorder.wait(1)
    if action == "wait":
        wait_for(lambda: status_of(site)["hooks_waiting"] == 5, "they wait in the status")
        assert len(recorder.notes()) == 1
    else:
        wait_for(lambda: status_of(site)["hooks_failed"] == 5, "failures in the status")
        assert status_of(site)["hooks_run"] == 5
        assert site.process.text().count("hook-failed mailbox=X26ABC2 event=on_receive") == 5
        assert site.process.text().count(" exit=3") == 5
    assert status_of(site)["trouble"] == ""
    shown = site.tool("status")
    assert shown.code == 0
    assert re.search(r"X26ABC2 +hooks: [05] run, [05] of them failed, 0 not run", shown.out)
    assert json.loads(site.tool("status", "--json").out)["mailboxes"][0]["hooks_dropped"] == 0
    recorder.go()
    site.stop_daemon()


def test_order_and_parallel(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """Three at a time as the settings say, in the order of the messages."""
    hooks = {"on_receive": recorder.hook("wait"), "parallel": 3}
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks=hooks)
    ids = send(sandbox, 7)
    site.start_daemon()
    site.wait_received(7)
    recorder.wait(3)
    wait_for(lambda: status_of(site)["hooks_waiting"] == 7, "all wait or run")
    assert len(recorder.notes()) == 3
    recorder.go()
    notes = recorder.wait(7)
    first = {note["env"]["MESHDROP_MESSAGE_ID"] for note in notes[:3]}
    assert first == set(ids[:3])
    wait_for(lambda: status_of(site)["hooks_run"] == 7, "all ran")
    wait_for(lambda: children_of(site.process.pid) == [], "no zombie stays")
    site.stop_daemon()


def test_program_goes_missing(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """A program that was there when the settings were read and is gone by now."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook()})
    site.start_daemon()
    recorder.program.unlink()
    send(sandbox)
    site.wait_received(1)
    site.process.wait_text("hook-failed mailbox=X26ABC2")
    site.process.wait_text("No such file")
    wait_for(lambda: status_of(site)["hooks_failed"] == 1, "it counts as failed")
    site.stop_daemon()


# --- time


def test_once_waits(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """--once ends after the last hook, and well even if they failed."""
    send(sandbox, 4)
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook("exit1")})
    done = site.run_ok()
    assert len(recorder.notes()) == 4
    assert done.err.count("hook-failed") == 4
    assert status_of(site)["hooks_failed"] == 4


def test_time_limit(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """One that takes too long is ended with all of its group."""
    script = recorder.path / "script"
    noted = recorder.path / "pids"
    script.write_text(f"#!/bin/sh\nsleep 600 & echo $$ $! >{noted}\nwait\n", encoding="utf-8")
    script.chmod(0o755)
    hook = {"command": [str(script)], "timeout": "1s"}
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": hook})
    pids: list[str] = []
    for _ in range(5):
        send(sandbox)
        done = site.run_ok()
        seconds = re.search(r"hook-failed .* seconds=([\d.]+) reason=.*1\.000 seconds", done.err)
        assert float(seconds[1]) >= 6.0, done
        # On a busy machine its time may be over before it has begun.
        pids = noted.read_text(encoding="utf-8").split() if noted.exists() else []
        if pids:
            break
    assert len(pids) == 2
    wait_for(lambda: not any(is_alive(int(pid)) for pid in pids), "both are gone")


def test_stop_while_one_hangs(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """A stop waits for the grace time, then ends the hook; those that wait are said."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook("hang")})
    send(sandbox, 3)
    site.start_daemon()
    site.wait_received(3)
    (note,) = recorder.wait(1)
    wait_for(lambda: status_of(site)["hooks_waiting"] == 3, "two wait behind it")
    log = site.process
    site.stop_daemon()
    assert not is_alive(note["pid"])
    assert len(recorder.notes()) == 1
    assert "hooks-not-run mailbox=X26ABC2 count=2" in log.text()
    assert "told to stop" in log.text()
    assert status_of(site)["hooks_dropped"] == 2
    assert status_of(site)["hooks_failed"] == 1


def test_stop_lets_one_finish(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """One that ends within the grace time ends well."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook("wait")})
    send(sandbox)
    site.start_daemon()
    recorder.wait(1)
    process = site.process
    process.signal(signal.SIGTERM)
    process.wait_text("stopping")
    recorder.go()
    assert process.wait() == 0
    assert "hook mailbox=X26ABC2 event=on_receive" in process.text()
    assert "hook-failed" not in process.text()


def test_second_signal(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """The second SIGTERM waits for nobody, and leaves no hook behind."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook("hang")})
    send(sandbox)
    site.start_daemon()
    (note,) = recorder.wait(1)
    process = site.process
    process.signal(signal.SIGTERM)
    process.wait_text("stopping")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert "stopped-at-once" in process.text()
    wait_for(lambda: not is_alive(note["pid"]), "the hook is gone")
    site.kill_daemon()


def test_reload(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """What was queued runs as it was queued; what comes later runs as it is set then."""
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook("wait")})
    send(sandbox, 2)
    site.start_daemon()
    site.wait_received(2)
    recorder.wait(1)
    site.add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook("exit0")})
    site.process.signal(signal.SIGHUP)
    site.process.wait_text("reloaded")
    send(sandbox)
    site.wait_received(3)
    tick()
    assert len(recorder.notes()) == 1
    recorder.go()
    assert [note["argv"][2] for note in recorder.wait(3)] == ["wait", "wait", "exit0"]
    site.stop_daemon()


# --- settings


def test_program_is_checked(lab: Lab, sandbox: Sandbox, recorder: Recorder) -> None:
    """A program that is not there is an error of the settings, with file and line."""
    recorder.program.chmod(0o644)
    site = lab.site(sandbox).add_mailbox("X26ABC2", hooks={"on_receive": recorder.hook()})
    done = site.run_daemon("--check")
    assert done.code == 78
    assert str(recorder.program) in done.err
