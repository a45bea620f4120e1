# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the running daemon has given up: Landlock, asked from inside.

A debugger makes the daemon itself call open, as a fault in it would. The same calls in a daemon
with confine = no must succeed, or the case proves nothing.
"""

import errno
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import confine_changes
from common import Case, Context, Options, Result, main, run_cases
from confine_rig import (
    EACCES,
    HOOKS,
    MAIN,
    QUIET,
    WORKER,
    function,
    inject,
    make_site,
    need_debugger,
    need_landlock,
    threads,
)
from harness import certs
from harness.notify import NotifySocket
from harness.process import Process
from harness.site import Site
from harness.waiting import wait_for

READ, CHANGE = os.O_RDONLY, os.O_RDWR | os.O_CREAT


def _open(path: Path | str, flags: int) -> str:
    return function("open64", path, flags, 0o600)


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


def _thread(process: Process, kind: str) -> int:
    """The last one of this kind."""
    return [number for number, found in threads(process).items() if found == kind][-1]


def _from_inside(kind: str, confine: bool) -> Callable[[Context], None]:
    """Opens here and there, in one of the daemon's threads."""

    def case(context: Context) -> None:
        need_landlock()
        need_debugger()
        site = make_site(context, confine="yes" if confine else "no", **QUIET)
        elsewhere = context.path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "file").write_text("not ours", encoding="utf-8")
        (site.folder("IN") / "link").symlink_to(elsewhere / "file")
        process = site.start_daemon()
        process.wait_text("handshake")
        places = _places(site, elsewhere)
        found = inject(process, [(_thread(process, kind), call) for _, call, _ in places])
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


def _start_with_hooks(context: Context) -> tuple[Site, Process]:
    """A daemon with a thread of each kind."""
    site = make_site(context, **QUIET)
    site.add_mailbox("X26ABC1", hooks={"on_report": {"command": ["/bin/true"]}})
    site.mailboxes.pop()
    process = site.start_daemon()
    process.wait_text("handshake")
    assert set(threads(process).values()) == {MAIN, HOOKS, WORKER}, threads(process)
    return site, process


def _no_listening(context: Context) -> None:
    """A socket cannot be bound to a port, but by the thread that the hooks have theirs from."""
    need_landlock(4, "ports")
    need_debugger()
    site, process = _start_with_hooks(context)
    # AF_INET in the first byte of the address; anything else would be refused anyway.
    call = (
        "((int(*)(int,void*,int))bind)(((int(*)(int,int,int))socket)(2,1,0),"
        " ((void*(*)(void*,const void*,long))memcpy)"
        '(((void*(*)(long,long))calloc)(16,1), "\\002", 1), 16)'
    )
    kinds = threads(process)
    for kind, answer in zip(kinds.values(), inject(process, [(one, call) for one in kinds]),
                            strict=True):
        assert answer == (0 if kind == HOOKS else -EACCES), f"{kind}: {answer}"
    site.stop_daemon()


def _address(name: str) -> str:
    """An abstract one, made inside: the kind, a zero, the name."""
    made = "((void*(*)(long,long))calloc)(128,1)"
    copy = "((void*(*)(void*,const void*,long))memcpy)"
    return f'{copy}({made}, "\\001\\000\\000{name}", {3 + len(name)})'


def _no_abstract_sockets(context: Context) -> None:
    """Another process cannot be talked to by a socket that has a name but no file: many trust who
    comes that way."""
    need_landlock(6, "sockets without a file")
    need_debugger()
    site, process = _start_with_hooks(context)
    name = f"meshdrop-hostile-{process.pid}"
    size = 3 + len(name)
    create = "((int(*)(int,int,int))socket)"
    calls = {
        "connect": f"((int(*)(int,void*,int))connect)({create}(1,1,0), {_address(name)}, {size})",
        "send": "((int(*)(int,const char*,long,int,void*,int))sendto)"
                f'({create}(1,2,0), "x", 1, 0, {_address(name + "-dgram")}, {size + 6})',
    }
    with (socket.socket(socket.AF_UNIX) as stream,
          socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams):
        stream.bind(f"\0{name}")
        stream.listen(16)
        datagrams.bind(f"\0{name}-dgram")
        kinds = threads(process)
        todo = [(thread, call) for thread in kinds for call in calls]
        found = inject(process, [(thread, calls[call]) for thread, call in todo])
        for (thread, call), answer in zip(todo, found, strict=True):
            wanted = 0 if kinds[thread] == HOOKS else -errno.EPERM
            assert answer == wanted, f"{call} by {kinds[thread]}: {answer}, wanted {wanted}"
    site.stop_daemon()


def _abstract_notify(context: Context) -> None:
    """A service manager that listens there is still told, before and after."""
    need_landlock()
    site = make_site(context)
    notify = NotifySocket(abstract=True)
    context.at_end(notify.close)
    command = [context.options.programs.path("meshdropd"), "-c", str(site.conf)]
    process = Process(command, context.lab.logs / "site1-notify.log", {"NOTIFY_SOCKET": notify.path})
    context.at_end(process.kill)
    notify.wait_line("READY=1")
    process.wait_text("confined landlock=")
    process.signal(signal.SIGHUP)
    notify.wait_line("READY=1", 2)
    assert process.stop() == 0, process.text()
    notify.wait_line("STOPPING=1")  # it was sent, but who collects may be behind
    assert notify.count("STOPPING=1") == 1, notify.lines()


def _no_executing(context: Context) -> None:
    """No program can be executed: the call fails, and the daemon goes on."""
    need_landlock()
    need_debugger()
    site, process = _start_with_hooks(context)
    call = '((int(*)(const char*,void*,void*))execve)("/bin/true", 0, 0)'
    held = [one for one, kind in threads(process).items() if kind != HOOKS]
    assert inject(process, [(one, call) for one in held]) == [-EACCES] * len(held)
    assert process.running
    site.stop_daemon()


def _hook_outside(context: Context) -> None:
    """A hook is not restricted: it may put away what came."""
    need_landlock()
    site = make_site(context, "X26ABC1", "X26ABC2")
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
    need_landlock()
    site = make_site(context)
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
    need_landlock()
    site = make_site(context)
    process = site.start_daemon()
    site.add_mailbox("X26ABC1", hooks={"on_report": {"command": ["/bin/true"]}})
    _reload(site, process, "there were no hooks at the start")
    site.stop_daemon()


def _reload_certificate(context: Context) -> None:
    """An authority in another folder needs a restart; in the same folder it does not."""
    need_landlock()
    site = make_site(context)
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
    need_landlock()
    site = make_site(context)
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
            need_landlock()
        site = make_site(context, confine=value)
        process = site.start_daemon()
        process.wait_text(line)
        site.stop_daemon()

    return case


def run(options: Options) -> Result:
    """The suite."""
    cases = [
        Case("main-thread", _from_inside(MAIN, True)),
        Case("worker", _from_inside(WORKER, True)),
        # Where nothing is held, all but the main one look like that of the hooks.
        Case("not-confined", _from_inside(HOOKS, False)),
        *confine_changes.cases(),
        Case("no-listening", _no_listening),
        Case("no-executing", _no_executing),
        Case("no-abstract-sockets", _no_abstract_sockets),
        Case("abstract-notify", _abstract_notify),
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
