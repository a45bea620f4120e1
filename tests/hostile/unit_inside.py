#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Inside the container of unit.py: installs the unit, works with it, writes what it found.

Runs as root, in a system that is thrown away afterwards.
"""

import contextlib
import ctypes
import json
import os
import pwd
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from unit_steps import STEPS

SOURCES = Path("/mnt/sources")
RESULT = Path("/mnt/result/steps.json")
SANDBOX = Path("/var/tmp/sandbox")
CONF = Path("/etc/meshdrop")
SECRET = CONF / "secret"
CREDENTIALS = "/run/credentials/meshdropd.service"
DROPS = Path("/srv/drops/X26ABC1")  # another user's, another group's
OTHER = Path("/srv/mesh/X26ABC2")
PORT = 8700
LIMIT = 60.0
CANARY = "ZQCANARY"

DROP_IN = f"""[Service]
LoadCredential=shared.key:{SECRET}/shared.key
LoadCredential=client.key:{SECRET}/client.key
LoadCredential=X26ABC1.password:{SECRET}/X26ABC1.password
LoadCredential=X26ABC2.password:{SECRET}/X26ABC2.password
SupplementaryGroups=drops
ReadWritePaths=/srv/drops
WatchdogSec=12
TimeoutAbortSec=5
RestartSec=1
"""

SETTINGS = f"""[service]
url = https://127.0.0.1:{PORT}
shared_key_file = {CREDENTIALS}/shared.key
ca_file = {CONF}/ca.pem
certificate = {CONF}/client.pem
private_key = {CREDENTIALS}/client.key
[daemon]
poll_interval = 1s
scan_interval = 100ms
processing_delay = 0s
reserve = 1M
"""

HOOK = """#!/bin/sh
umask 007
{
	id -un
	echo "$MESHDROP_EVENT $MESHDROP_MAILBOX"
	echo x > /etc/from-a-hook && echo wrote-etc
	echo x > /usr/from-a-hook && echo wrote-usr
	cat /etc/meshdrop/secret/shared.key && echo read-secret
	mkdir /var/lib/meshdrop/of-a-hook && rmdir /var/lib/meshdrop/of-a-hook && echo wrote-state
} > /srv/mesh/hook.log 2>/dev/null
"""


def wait_for(look: Callable[[], object], what: str, limit: float = LIMIT) -> None:
    """Looks again and again."""
    end = time.monotonic() + limit
    while not look():
        assert time.monotonic() < end, f"after {limit:g} s still waiting for {what}"
        threading.Event().wait(0.05)


def run(*command: str, good: bool = True) -> str:
    """What a command says; it must end well."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    text = done.stdout + done.stderr
    assert not good or done.returncode == 0, f"{' '.join(command)}: {text}\n{journal()[-2000:]}"
    return text


def journal() -> str:
    """What the daemon has logged."""
    command = ["journalctl", "--no-pager", "-o", "cat", "-u", "meshdropd"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def logged(text: str) -> None:
    """Waits until the journal has it: that is behind by a little, always."""
    wait_for(lambda: text in journal(), f"'{text}' in the journal")


def show(name: str) -> str:
    """A property of the service."""
    return run("systemctl", "show", "--value", "-p", name, "meshdropd").strip()


def pid() -> int:
    """The daemon's."""
    number = int(show("MainPID"))
    assert number > 0, journal()[-2000:]
    return number


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """A file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def has_landlock() -> bool:
    """Whether the kernel has one that is new enough."""
    version: int = ctypes.CDLL(None).syscall(444, None, 0, 1)
    return version >= 2


# --- the steps


def mailbox(name: str, root: Path, more: str = "") -> None:
    """A mailbox file."""
    text = f"mailbox: {name}\npassword_file: {CREDENTIALS}/{name}.password\nroot: {root}\n{more}"
    write(CONF / "mailboxes.d" / f"{name}.yaml", text)


def installed() -> None:
    """User, folders and settings as an administrator makes them; another user owns a root."""
    for kind, tool in (("sysusers.d", "systemd-sysusers"), ("tmpfiles.d", "systemd-tmpfiles")):
        target = Path("/usr/lib") / kind / "meshdrop.conf"
        shutil.copyfile(SOURCES / "systemd" / kind / "meshdrop.conf", target)
        run(tool, *(["--create"] if "tmpfiles" in tool else []), str(target))
    run("groupadd", "drops")
    run("useradd", "-M", "-g", "drops", "dropper")
    run("/usr/local/sbin/meshdrop-sandbox", "--init", str(SANDBOX))
    run("systemd-run", "--unit=sandbox", "/usr/local/sbin/meshdrop-sandbox", "--dir",
        str(SANDBOX), "--port", str(PORT), "--port-file", "/run/sandbox.port")
    SECRET.mkdir(mode=0o700)
    for name in ("shared.key", "client.key", "X26ABC1.password", "X26ABC2.password"):
        shutil.copyfile(SANDBOX / name, SECRET / name)
        (SECRET / name).chmod(0o600)
    for name in ("ca.pem", "client.pem"):
        shutil.copyfile(SANDBOX / name, CONF / name)
    write(CONF / "meshdrop.conf", SETTINGS)
    write(Path("/usr/local/bin/hook"), HOOK, 0o755)
    mailbox("X26ABC1", DROPS)
    mailbox("X26ABC2", OTHER, "hooks: {on_receive: {command: [/usr/local/bin/hook]}}\n")
    for folder in ("", "IN", "OUT", "SENT", "FAILED", "TEMP"):
        (DROPS / folder).mkdir(parents=True, exist_ok=True)
        shutil.chown(DROPS / folder, "dropper", "drops")
        (DROPS / folder).chmod(0o2770)
    OTHER.mkdir()
    shutil.chown(OTHER, "meshdrop", "meshdrop")
    write(Path("/etc/systemd/system/meshdropd.service.d/test.conf"), DROP_IN)
    run("systemctl", "daemon-reload")
    wait_for(Path("/run/sandbox.port").exists, "the sandbox")


def ready() -> None:
    """start returns when READY=1 has come, and not before."""
    run("systemctl", "start", "meshdropd")
    assert show("ActiveState") == "active", show("ActiveState")
    assert show("Type") == "notify"
    for name in ("X26ABC1", "X26ABC2"):
        logged(f" mailbox={name} ")


def status_text() -> None:
    """systemctl status shows what the daemon says of itself."""
    wait_for(lambda: "2 mailboxes" in show("StatusText"), "a text of status")


def credentials() -> None:
    """The secrets are root's alone, and came in as credentials."""
    user = pwd.getpwnam("meshdrop")
    assert os.stat(SECRET / "shared.key").st_uid == 0
    denied = run("runuser", "-u", "meshdrop", "--", "cat", str(SECRET / "shared.key"), good=False)
    assert "ermission denied" in denied, denied
    status = Path(f"/proc/{pid()}/status").read_text(encoding="utf-8")
    (uids,) = [line for line in status.splitlines() if line.startswith("Uid:")]
    assert uids.split()[1:] == [str(user.pw_uid)] * 4, uids
    logged("handshake mailbox=X26ABC1 result=ok")


def locks_are_on() -> None:
    """The locks of the unit are in force in the process."""
    status = Path(f"/proc/{pid()}/status").read_text(encoding="utf-8")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["NoNewPrivs"] == "1", facts
    assert facts["Seccomp"] == "2", facts
    assert int(facts["CapEff"], 16) == 0 and int(facts["CapBnd"], 16) == 0, facts
    for name in ("mnt", "user"):
        assert os.readlink(f"/proc/{pid()}/ns/{name}") != os.readlink(f"/proc/1/ns/{name}"), name


def exposure() -> None:
    """systemd's verdict on what is loaded."""
    text = run("systemd-analyze", "security", "--no-pager", "--threshold=10", "meshdropd")
    assert "exposure level" in text, text


def confined() -> None:
    """The system call filter lets Landlock through."""
    if has_landlock():
        logged("confined landlock=")


def nobody_looks_in() -> None:
    """Another process of the same user may read neither memory nor environment."""
    for name in ("environ", "maps", "mem"):
        path = f"/proc/{pid()}/{name}"
        assert os.stat(path).st_uid == 0, path
        text = run("runuser", "-u", "meshdrop", "--", "head", "-c1", path, good=False)
        assert "ermission denied" in text, f"{path}: {text}"


def drop(root: Path, user: str, name: str, to: str, sender: str) -> None:
    """A pair, dropped by a user."""
    ctl = (
        "<DTSControl><Version>1.0</Version><AddressType>DTS</AddressType>"
        "<MessageType>Data</MessageType><WorkflowId>TEST</WorkflowId>"
        f"<To_DTS>{to}</To_DTS><From_DTS>{sender}</From_DTS><Subject>{CANARY}</Subject>"
        f"<LocalId>{CANARY}-{name}</LocalId></DTSControl>"
    )
    # Without a delay for what is still written, files must be there whole.
    script = """umask 007; printf %s "$2" > "$1.dat"
        printf %s "$3" > "$1.tmp"; mv "$1.tmp" "$1.ctl\""""
    target = str(root / "OUT" / name)
    run("runuser", "-u", user, "--", "sh", "-c", script, "sh", target, f"data of {name}", ctl)


def sent(root: Path, name: str) -> None:
    """Waits until a pair is in SENT."""
    wait_for((root / "SENT" / f"{name}.ctl").exists, f"{root}/SENT/{name}.ctl")


def holds(root: Path, text: str) -> bool:
    """Whether a message of this content is in IN, with its control file, which comes last."""
    return any(
        file.with_suffix(".ctl").exists() and file.read_text(encoding="utf-8") == text
        for file in (root / "IN").glob("*.dat")
    )


def exchange(name: str) -> None:
    """One message from the other user's folders to ours."""
    drop(DROPS, "dropper", name, "X26ABC2", "X26ABC1")
    sent(DROPS, name)
    wait_for(lambda: holds(OTHER, f"data of {name}"), f"{name} in IN")


def sends_and_receives() -> None:
    """There and back."""
    exchange("there")
    drop(OTHER, "meshdrop", "back", "X26ABC1", "X26ABC2")
    sent(OTHER, "back")
    wait_for(lambda: holds(DROPS, "data of back"), "back in IN")


def other_group() -> None:
    """Who owns the folders can read what came, and take it away."""
    (message,) = (DROPS / "IN").glob("*.dat")
    assert message.stat().st_gid == DROPS.stat().st_gid, message.stat()
    text = run("runuser", "-u", "dropper", "--", "cat", str(message))
    assert text == "data of back", text
    run("runuser", "-u", "dropper", "--", "rm", str(message), str(message.with_suffix(".ctl")))
    run("runuser", "-u", "dropper", "--", "cat", str(DROPS / "SENT" / "there.ctl"))


def hook_log() -> list[str]:
    """What the hook wrote."""
    log = Path("/srv/mesh/hook.log")
    wait_for(lambda: log.exists() and len(log.read_text("utf-8").split()) >= 3, "the hook")
    logged("hook mailbox=X26ABC2")
    return log.read_text(encoding="utf-8").splitlines()


def hook_runs() -> None:
    """With the daemon's user and the facts it was promised."""
    assert hook_log()[:2] == ["meshdrop", "on_receive X26ABC2"], hook_log()
    assert "wrote-state" in hook_log(), hook_log()


def hook_is_held() -> None:
    """The unit's locks hold it, too."""
    assert not {"wrote-etc", "wrote-usr", "read-secret"} & set(hook_log()), hook_log()
    assert not Path("/etc/from-a-hook").exists()


def reload(line: str) -> None:
    """systemctl reload, and the line that must follow."""
    before = journal().count(line)
    run("systemctl", "reload", "meshdropd")
    wait_for(lambda: journal().count(line) > before, f"'{line}'")


def reload_good() -> None:
    """New settings, the same process."""
    old = pid()
    write(CONF / "meshdrop.conf", SETTINGS + "connections = 2\n")
    reload("reloaded mailboxes=2")
    wait_for(lambda: show("ActiveState") == "active", "active")
    assert pid() == old
    exchange("after-reload")


def reload_bad() -> None:
    """Bad settings change nothing."""
    old = pid()
    write(CONF / "meshdrop.conf", SETTINGS + "nonsense = 2\n")
    reload("reload-refused")
    write(CONF / "meshdrop.conf", SETTINGS)
    assert pid() == old and show("ActiveState") == "active"
    exchange("after-bad-reload")


def reload_outside() -> None:
    """A root elsewhere needs a restart, and the text says so."""
    if not has_landlock():
        return
    elsewhere = Path("/srv/elsewhere")
    elsewhere.mkdir()
    shutil.chown(elsewhere, "meshdrop", "meshdrop")
    shutil.copyfile(SECRET / "X26ABC2.password", CONF / "X26ABC3.password")
    shutil.chown(CONF / "X26ABC3.password", "meshdrop", "meshdrop")
    (CONF / "X26ABC3.password").chmod(0o600)
    file = CONF / "mailboxes.d" / "X26ABC3.yaml"
    write(file, f"mailbox: X26ABC3\npassword_file: ../X26ABC3.password\nroot: {elsewhere}\n")
    reload("needs a restart")
    file.unlink()
    exchange("after-outside")


def watchdog_fed() -> None:
    """Two watchdog times and more without a restart."""
    stamp = show("WatchdogTimestampMonotonic")
    wait_for(lambda: show("WatchdogTimestampMonotonic") != stamp, "a ping")
    assert show("NRestarts") == "0", journal()[-2000:]


def came_back(old: int, times: int) -> None:
    """A new process, counted as restart, that works."""
    # between the two there may be none: no call of pid(), which wants one
    before = ("0", str(old))
    wait_for(
        lambda: show("MainPID") not in before and show("ActiveState") == "active",
        "a new process",
        limit=100,
    )
    assert show("NRestarts") == str(times), show("NRestarts")
    exchange(f"after-restart-{times}")


def watchdog_bites() -> None:
    """A daemon that hangs is ended and started again."""
    old = pid()
    os.kill(old, 19)  # SIGSTOP
    came_back(old, 1)
    command = ("journalctl", "--no-pager", "-o", "cat", "UNIT=meshdropd.service", "_PID=1")
    wait_for(lambda: "Watchdog timeout" in run(*command), "what systemd says of it")


def restart_after_kill() -> None:
    """SIGKILL: started again, nothing is left locked."""
    old = pid()
    os.kill(old, 9)
    came_back(old, 2)


def nothing_listens() -> None:
    """No socket of the daemon's waits for connections."""
    sockets = set()
    for file in Path(f"/proc/{pid()}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # files come and go
            name = os.readlink(file)
            if name.startswith("socket:"):
                sockets.add(name[8:-1])
    assert sockets, "not even one to talk to the journal"
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            facts = line.split()
            assert facts[3] != "0A" or facts[9] not in sockets, line


def stop() -> None:
    """Ends well and in time."""
    run("systemctl", "stop", "meshdropd")
    assert show("ActiveState") == "inactive" and show("Result") == "success"
    logged('ended reason="done"')


def stays_stopped() -> None:
    """SIGTERM to the process is an end with 0, after which systemd starts nothing."""
    os.kill(pid(), 15)
    wait_for(lambda: show("ActiveState") == "inactive", "the end")
    end = time.monotonic() + 3  # RestartSec, and more
    while time.monotonic() < end:
        assert show("ActiveState") == "inactive", "it was started again"
        threading.Event().wait(0.1)
    run("systemctl", "start", "meshdropd")


def no_secret() -> None:
    """The journal of all this has neither secrets nor names."""
    run("journalctl", "--sync")
    said = journal()
    assert len(said) > 1000
    secrets = [file.read_text(encoding="utf-8").strip() for file in SECRET.iterdir()]
    for value in [CANARY, *[line for text in secrets for line in text.splitlines() if line]]:
        assert value not in said, f"a secret of {len(value)} bytes is in the journal"


ACTS: dict[str, Callable[[], None]] = {
    "installed": installed,
    "ready": ready,
    "status-text": status_text,
    "credentials": credentials,
    "locks-are-on": locks_are_on,
    "exposure-of-the-running-unit": exposure,
    "confined-by-landlock": confined,
    "nobody-looks-in": nobody_looks_in,
    "sends-and-receives": sends_and_receives,
    "folders-of-another-group": other_group,
    "hook-runs": hook_runs,
    "hook-is-held": hook_is_held,
    "reload-good": reload_good,
    "reload-bad": reload_bad,
    "reload-outside": reload_outside,
    "watchdog-fed": watchdog_fed,
    "watchdog-bites": watchdog_bites,
    "restart-after-kill": restart_after_kill,
    "no-restart-after-stop": stays_stopped,
    "nothing-listens": nothing_listens,
    "stop": stop,
    "no-secret-in-the-journal": no_secret,
}


def main() -> int:
    """All steps."""
    (RESULT.parent / "begun").touch()
    assert set(ACTS) == set(STEPS)
    found = {}
    for name in STEPS:
        try:
            ACTS[name]()
            found[name] = "ok"
        except Exception as problem:  # pylint: disable=broad-exception-caught
            found[name] = f"{problem}\n{traceback.format_exc(limit=-3)}"
        RESULT.write_text(json.dumps(found), encoding="utf-8")  # should time run out
    (RESULT.parent / "journal").write_text(journal(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
