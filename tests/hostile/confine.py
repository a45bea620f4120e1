# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the running daemon has given up: Landlock, asked from inside.

A debugger makes the daemon itself call open, as a fault in it would. The same calls in a daemon
with confine = no must succeed, or the case proves nothing.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from common import Case, Context, Options, Result, Skip, main, run_cases
from harness import certs
from harness.process import Process
from harness.site import Site
from harness.waiting import wait_for

LANDLOCK_OLDEST = 2
CREATE_RULESET = 444
EACCES = 13
READ, CHANGE = os.O_RDONLY, os.O_RDWR | os.O_CREAT


def _need_landlock() -> int:
    version: int = ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1)
    if version < LANDLOCK_OLDEST:
        raise Skip("the kernel has no Landlock, or one that is too old")
    return version


def _need_debugger() -> None:
    if os.geteuid() != 0 or not shutil.which("gdb"):
        raise Skip("only root with gdb can make the daemon open something")


def _site(context: Context, *mailboxes: str, **daemon: str) -> Site:
    return context.lab.site(context.lab.sandbox().start(), *(mailboxes or ("X26ABC1",)), **daemon)


def _inject(process: Process, thread: str, calls: list[str]) -> list[int]:
    """Makes a thread of the daemon call functions; their results, or -errno."""
    command = ["gdb", "-nx", "-batch", "-p", str(process.pid)]
    script = ["set confirm off", "set scheduler-locking on", thread]
    for call in calls:
        script += [
            f"set $result = (int){call}",
            'printf "ANSWER %d\\n", $result >= 0 ? 0 : -*(int*)((void*(*)(void))__errno_location)()',
        ]
    for line in script:
        command += ["-ex", line]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    found = [int(number) for number in re.findall(r"^ANSWER (-?\d+)$", done.stdout, re.MULTILINE)]
    if len(found) != len(calls) and "No symbol" in done.stderr:
        raise Skip(f"gdb cannot call into the C library: {done.stderr[-200:]}")
    assert len(found) == len(calls), done
    return found


def _open(path: Path | str, flags: int) -> str:
    return f'((int(*)(const char*,int,int))open64)("{path}", {flags}, 0600)'


def _places(site: Site, elsewhere: Path) -> list[tuple[str, str, bool]]:
    """What is called, what it is for people, and whether it must work."""
    return [
        ("a root", _open(site.folder("IN") / "probe", CHANGE), True),
        ("state_dir", _open(site.path / "state" / "probe", CHANGE), True),
        ("settings to read", _open(site.conf, READ), True),
        ("settings to write", _open(site.conf, os.O_RDWR), False),
        ("the folder of the settings", _open(site.path / "probe", CHANGE), False),
        ("a password to write", _open(site.path / "X26ABC1.password", os.O_RDWR), False),
        ("beside the root", _open(site.folder("IN").parent.parent / "probe", CHANGE), False),
        ("/etc to read", _open("/etc/hosts", READ), True),
        ("/etc to write", _open("/etc/hosts", os.O_RDWR), False),
        ("elsewhere to read", _open(elsewhere / "file", READ), False),
        ("elsewhere to write", _open(elsewhere / "probe", CHANGE), False),
        ("/tmp", _open("/tmp", READ), False),
        ("/proc of init", _open("/proc/1/status", READ), False),
        ("/", _open("/", READ), False),
        ("through a link in a root", _open(site.folder("IN") / "link", READ), False),
    ]


def _from_inside(thread: str, confine: bool) -> Callable[[Context], None]:
    """Opens here and there, in one of the daemon's threads."""

    def case(context: Context) -> None:
        _need_landlock()
        _need_debugger()
        site = _site(context, confine="yes" if confine else "no")
        elsewhere = context.path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "file").write_text("not ours", encoding="utf-8")
        (site.folder("IN") / "link").symlink_to(elsewhere / "file")
        process = site.start_daemon()
        process.wait_text("handshake")
        places = _places(site, elsewhere)
        found = _inject(process, thread, [call for _, call, _ in places])
        for (what, _, allowed), result in zip(places, found, strict=True):
            wanted = 0 if allowed or not confine else -EACCES
            assert result == wanted, f"{what}: {result}, wanted {wanted}"
            context.count("opens")
        assert process.running
        (site.folder("IN") / "probe").unlink()
        site.drop("file", b"content", To_DTS="X26ABC2")
        site.wait_sent("file")
        site.stop_daemon()

    return case


def _no_listening(context: Context) -> None:
    """A socket cannot be bound to a port."""
    if _need_landlock() < 4:
        raise Skip("this kernel's Landlock does not know of ports")
    _need_debugger()
    site = _site(context)
    process = site.start_daemon()
    # AF_INET in the first byte of the address; anything else would be refused anyway.
    call = (
        "((int(*)(int,void*,int))bind)(((int(*)(int,int,int))socket)(2,1,0),"
        " ((void*(*)(void*,const void*,long))memcpy)"
        '(((void*(*)(long,long))calloc)(16,1), "\\002", 1), 16)'
    )
    assert _inject(process, "thread 1", [call]) == [-EACCES]
    site.stop_daemon()


def _no_executing(context: Context) -> None:
    """No program can be executed: the call fails, and the daemon goes on."""
    _need_landlock()
    _need_debugger()
    site = _site(context)
    process = site.start_daemon()
    call = '((int(*)(const char*,void*,void*))execve)("/bin/true", 0, 0)'
    assert _inject(process, "thread 1", [call]) == [-EACCES]
    assert process.running
    site.stop_daemon()


def _hook_outside(context: Context) -> None:
    """A hook is not restricted: it may put away what came."""
    _need_landlock()
    site = _site(context, "X26ABC1", "X26ABC2")
    target = context.path / "put-away"
    hook = site.path / "hook"
    hook.write_text(f'#!/bin/sh\ncp "$MESHDROP_DAT" {target}\n', encoding="utf-8")
    hook.chmod(0o755)
    site.add_mailbox("X26ABC2", hooks={"on_receive": {"command": [str(hook)]}})
    process = site.start_daemon()
    process.wait_text("hooks=outside")
    site.drop("file", b"content", "X26ABC1")
    wait_for(lambda: target.exists() and target.read_bytes() == b"content", "the hook's copy")
    site.stop_daemon()


def _reload(site: Site, process: Process, line: str) -> None:
    process.signal(signal.SIGHUP)
    process.wait_text(line)
    site.drop(f"after-{len(line)}", b"content", "X26ABC1")
    site.wait_sent(f"after-{len(line)}", "X26ABC1")


def _reload_root(context: Context) -> None:
    """A new mailbox with a root elsewhere needs a restart, and then works."""
    _need_landlock()
    site = _site(context)
    process = site.start_daemon()
    site.add_mailbox("X26ABC2")
    _reload(site, process, "(root) is outside of what the daemon was confined to")
    assert "that needs a restart" in process.text()
    site.stop_daemon()
    site.start_daemon()
    site.wait_received(1, "X26ABC2")
    site.stop_daemon()


def _reload_hook(context: Context) -> None:
    """A first hook needs a restart."""
    _need_landlock()
    site = _site(context)
    process = site.start_daemon()
    site.add_mailbox("X26ABC1", hooks={"on_report": {"command": ["/bin/true"]}})
    _reload(site, process, "there were no hooks at the start")
    site.stop_daemon()


def _reload_certificate(context: Context) -> None:
    """An authority in another folder needs a restart; in the same folder it does not."""
    _need_landlock()
    site = _site(context)
    process = site.start_daemon()
    elsewhere = context.path / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(site.service["ca_file"], elsewhere / "ca.pem")
    near = Path(site.service["ca_file"]).with_name("second-ca.pem")
    shutil.copyfile(site.service["ca_file"], near)
    site.service["ca_file"] = str(elsewhere / "ca.pem")
    site.write_conf()
    _reload(site, process, "did not name at the start needs a restart")
    site.service["ca_file"] = str(near)
    site.write_conf()
    _reload(site, process, " reloaded ")
    site.stop_daemon()


def _reload_password(context: Context) -> None:
    """A secret that was replaced by rename can still be read; one elsewhere cannot."""
    _need_landlock()
    site = _site(context)
    process = site.start_daemon()
    secret = site.path / "X26ABC1.password"
    certs.write_private(site.path / "new.password", secret.read_bytes())
    (site.path / "new.password").rename(secret)
    _reload(site, process, " reloaded ")
    elsewhere = context.path / "elsewhere"
    elsewhere.mkdir()
    certs.write_private(elsewhere / "a.password", secret.read_bytes())
    site.add_mailbox("X26ABC1", password_file=str(elsewhere / "a.password"))
    _reload(site, process, "did not name at the start needs a restart")
    site.stop_daemon()


def _said(value: str, line: str) -> Callable[[Context], None]:
    """The log says how it is."""

    def case(context: Context) -> None:
        if value == "yes":
            _need_landlock()
        site = _site(context, confine=value)
        process = site.start_daemon()
        process.wait_text(line)
        site.stop_daemon()

    return case


def run(options: Options) -> Result:
    """The suite."""
    cases = [
        Case("main-thread", _from_inside("thread 1", True)),
        Case("worker", _from_inside("thread 2", True)),
        Case("not-confined", _from_inside("thread 2", False)),
        Case("no-listening", _no_listening),
        Case("no-executing", _no_executing),
        Case("hook-outside", _hook_outside),
        Case("reload-root", _reload_root),
        Case("reload-hook", _reload_hook),
        Case("reload-certificate", _reload_certificate),
        Case("reload-password", _reload_password),
        Case("said-yes", _said("yes", "confined landlock=")),
        Case("said-no", _said("no", "not-confined reason=")),
    ]
    return run_cases("confine", cases, options)


if __name__ == "__main__":
    sys.exit(main(run))
