# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Secrets and names are planted everywhere, all kinds of runs are made, and then it is searched.

Secrets (passwords, keys, tokens) may be nowhere but in their files. Names (To_DTS, Subject,
LocalId) and content are in the files of the mailbox; records hold the LocalId, because the
resolver asks by it. Everywhere else they may not be, unless log_personal_data = yes.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common import (
    Case,
    Context,
    Options,
    Result,
    Skip,
    main,
    need_look_inside,
    open_up,
    run_cases,
)
from harness.javaclient import PASSWORD, JavaClient, jks
from harness.process import Result as Done
from harness.process import clean_environment
from harness.process import run as run_program
from harness.sandbox import Sandbox
from harness.secrecy import CANARY
from harness.site import WORKFLOW, Site
from harness.waiting import wait_for

BOX = "ZQCANARYBOX"  # a recipient whose name is one
SUBJECT = f"{CANARY} Mrs Subject 9434765919"
LOCAL_ID = f"{CANARY}-local-9434765919_01011980"
CONTENT = b"ZQCANARY content about a patient"
NAMES = [BOX, SUBJECT, LOCAL_ID, "9434765919"]
MISTAKE = "ZQsecretword"
NOBODY = 65534
STRAY = "%s of %d bytes is in %s: ...%s..."


# --- the world


def _service(context: Context) -> Sandbox:
    """A sandbox with a recipient more."""
    sandbox = context.lab.sandbox()
    sandbox.add_mailbox(BOX)
    return sandbox.start()


def _site(context: Context, sandbox: Sandbox, *mailboxes: str, **daemon: str) -> Site:
    return context.lab.site(sandbox, *(mailboxes or ("X26ABC1", "X26ABC2")), **daemon)


def _drop(site: Site, name: str, **changes: str | None) -> None:
    elements = {"To_DTS": BOX, "Subject": SUBJECT, "LocalId": LOCAL_ID} | changes
    site.drop(name, CONTENT, "X26ABC1", **elements)


def _secrets(site: Site) -> list[str]:
    """All that no place may have: also each line of the client's key."""
    key = Path(site.service.get("private_key", "/dev/null")).read_text(encoding="utf-8")
    lines = [line for line in key.splitlines() if line and not line.startswith("-")]
    return [*site.secrets(), *lines, "NHSMESH "]


# --- the search


def _files(top: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(top.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield str(file.relative_to(top)), file.read_bytes()


def _search(places: Iterator[tuple[str, bytes]], kind: str, values: list[str]) -> int:
    """How many places were looked through; none has any of the values, in any case of letters."""
    looked = 0
    for name, data in places:
        looked += 1
        lower = data.lower()
        for value in values:
            at = lower.find(value.lower().encode())
            around = lower[max(0, at - 60) : at].decode("utf-8", "backslashreplace")
            assert at < 0, STRAY % (kind, len(value), name, around)
    return looked


def _said(site: Site, *runs: Done) -> Iterator[tuple[str, bytes]]:
    for log in site.logs():
        yield log.name, log.read_bytes()
    for number, done in enumerate(runs):
        yield f"output of run {number}", (done.out + done.err).encode()


def _look(context: Context, site: Site, *runs: Done) -> None:
    """All places after a run."""
    state = site.path / "state"
    secrets = _secrets(site)
    looked = _search(_said(site, *runs), "a secret", secrets)
    looked += _search(_files(state), "a secret", secrets)
    looked += _search(_files(site.path / "mesh"), "a secret", secrets)
    _search(_said(site, *runs), "a name", NAMES)
    public = ((n, d) for n, d in _files(state) if "/" not in n)  # status.json and its like
    assert _search(public, "a name", NAMES) >= 1, "no status.json to look through"
    kept = [BOX, SUBJECT, CONTENT.decode()]
    looked += _search(_files(state), "a name other than the LocalId", kept)
    context.count("places", looked)


def _tools(site: Site) -> list[Done]:
    """What an operator types to see how things are."""
    commands = (("status",), ("status", "--json"), ("list",), ("list", "--json"), ("check",),
                ("verify",), ("config",), ("config", "--json"))
    return [site.tool(*command) for command in commands]


# --- runs


def _run(site: Site, options: tuple[str, ...], env: dict[str, str]) -> Done:
    command = [site._programs.path("meshdropd"), "-c", str(site.conf), *options]  # noqa: SLF001
    return run_program(command, site._log("once"), env)  # noqa: SLF001


def _good(options: tuple[str, ...], env: dict[str, str]) -> Callable[[Context], None]:
    """There and back, with reports, retries and a look by every tool."""

    def case(context: Context) -> None:
        site = _site(context, _service(context))
        site.add_mailbox("X26ABC1", reports={"transfer": True, "poll": True, "delay": True})
        for number in range(3):
            _drop(site, f"there{number}")
        site.drop("back", CONTENT, "X26ABC2", To_DTS="X26ABC1", Subject=SUBJECT, LocalId=LOCAL_ID)
        runs = [_run(site, ("--once", *options), env) for _ in range(2)]
        assert site.names("SENT", "X26ABC1") and site.received("X26ABC1"), runs[0]
        _look(context, site, *runs, *_tools(site))

    return case


ECHO = f"To {BOX} Subject '{SUBJECT}' LocalID={LOCAL_ID.lower()} is not to our liking"
ECHOES = {
    "v1": json.dumps({"messageID": "", "errorEvent": "SEND", "errorCode": "12",
                      "errorDescription": ECHO}),
    "v2": json.dumps({"detail": [{"event": "SEND", "code": "12", "msg": ECHO}]}),
    "validation": json.dumps({"detail": [{"loc": ["header", SUBJECT], "msg": ECHO,
                                          "type": "value_error"}]}),
    "text": ECHO,
}


def _refused(status: int, form: str) -> Callable[[Context], None]:
    """The service repeats in its refusal what it was sent."""

    def case(context: Context) -> None:
        sandbox = _service(context)
        site = _site(context, sandbox, "X26ABC1")
        site.add_mailbox("X26ABC1", reports={"transfer": True, "delay": True})
        for _ in range(2):
            sandbox.fault("POST", "/outbox", status=status, body=ECHOES[form])
        _drop(site, "file")
        runs = [site.run_once() for _ in range(3)]
        assert sandbox.faults_left() < 2, "nothing was refused"
        _look(context, site, *runs, *_tools(site))

    return case


def _refused_chunk(context: Context) -> None:
    """The same for a later chunk."""
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1", chunk_size="10k", request_limit="10k")
    sandbox.fault("POST", "/outbox/", status=400, body=ECHOES["v1"])
    elements = {"To_DTS": BOX, "Subject": SUBJECT, "LocalId": LOCAL_ID, "Compress": "N"}
    site.drop("large", os.urandom(25000), "X26ABC1", **elements)
    runs = [site.run_once() for _ in range(3)]
    assert sandbox.faults_left() == 0
    _look(context, site, *runs, *_tools(site))


def _echoed(word: str, rest: str) -> Callable[[Context], None]:
    """The service repeats a subject of a special kind: nothing of it is left."""

    def case(context: Context) -> None:
        sandbox = _service(context)
        site = _site(context, sandbox, "X26ABC1")
        subject = f"{CANARY}{word}{rest}"
        text = json.dumps({"errorEvent": "SEND", "errorCode": "06", "errorDescription": subject})
        sandbox.fault("POST", "/outbox", status=417, body=text)
        _drop(site, "file", Subject=subject)
        done = site.run_once()
        assert site.names("FAILED"), done
        _search(_said(site, done), "a name", [f"{CANARY}{word}"])

    return case


def _refused_by_lookup(context: Context) -> None:
    """An answer is lost, and tracking then has the message as refused and repeats its names."""
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1", resolve_after="0s", resolve_gap="0s")
    sandbox.fault("POST", "/outbox", drop_reply=True)
    track = {"messageId": "20261122101010101010_ABCDEF", "status": "Error", "localId": LOCAL_ID,
             "recipient": BOX, "workflowId": WORKFLOW, "fileName": "file.dat",
             "failureDiagnostic": ECHO,
             "uploadTimestamp": time.strftime("%Y%m%d%H%M%S", time.gmtime())}
    sandbox.fault("GET", "/tracking", status=200, body=json.dumps(track), skip=1, count=9)
    _drop(site, "file")
    runs = [site.run_once() for _ in range(3)]
    assert "file.ctl" in site.names("FAILED"), runs[-1]
    _look(context, site, *runs, *_tools(site))


def _lost(context: Context) -> None:
    """Lost answers and the look-up by LocalId, which is answered with an echo."""
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1")
    sandbox.fault("POST", "/outbox", drop_reply=True)
    sandbox.fault("GET", "/tracking", status=500, body=ECHOES["v1"], count=2)
    _drop(site, "file")
    runs = [site.run_once() for _ in range(4)]
    _look(context, site, *runs, *_tools(site))


def _hold(sandbox: Sandbox, site: Site) -> Done:
    """A message without LocalId, of which nobody can know whether it arrived."""
    site.add_mailbox("X26ABC1", local_id_when_empty="none")
    sandbox.fault("POST", "/outbox", drop_reply=True)
    _drop(site, "file", LocalId="")
    for _ in range(6):
        done = site.run_once()
        if "meshdrop resolve" in done.err:
            break
    return done


def _held(context: Context) -> None:
    """A message that is held, with the tools that deal with it."""
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1")
    runs = [_hold(sandbox, site)]
    assert " held mailbox=" in re.sub(" +", " ", runs[0].err), runs[0]
    runs += [site.tool("list"), site.tool("resolve", "file", "--fail"), site.run_once()]
    assert site.names("FAILED"), runs
    _look(context, site, *runs, *_tools(site))


def _report(context: Context) -> None:
    """A report of the service about a recipient that it does not know."""
    site = _site(context, _service(context), "X26ABC1")
    _drop(site, "file", To_DTS=f"{BOX}NONE")
    runs = [site.run_once() for _ in range(3)]
    assert site.names("FAILED") or site.reports(), runs
    _look(context, site, *runs, *_tools(site))


BROKEN = {
    "markup": f"<DTSControl><Subject>{SUBJECT}</To_DTS>",
    "twice": f"<DTSControl><LocalId>{LOCAL_ID}</LocalId><LocalId>{LOCAL_ID}</LocalId></DTSControl>",
    "doctype": f'<!DOCTYPE x [<!ENTITY e "{SUBJECT}">]><DTSControl><Subject>&e;</Subject>'
    "</DTSControl>",
    "element": f"<DTSControl><{SUBJECT.replace(' ', '_')}/></DTSControl>",
    "not-xml": SUBJECT,
    "empty-fields": f"<DTSControl><Subject>{SUBJECT}</Subject></DTSControl>",
}


def _broken(name: str) -> Callable[[Context], None]:
    """A control file that cannot be used: told without its content."""

    def case(context: Context) -> None:
        site = _site(context, _service(context), "X26ABC1")
        site.drop("file", CONTENT, "X26ABC1", text=BROKEN[name])
        site.cycle(lambda: site.names("FAILED"), "the pair in FAILED", 6)
        _look(context, site, *_tools(site))

    return case


VALUES = {
    "long-subject": {"Subject": SUBJECT * 20},
    "line-in-subject": {"Subject": f"{SUBJECT}\u0085next"},
    "url-as-recipient": {"To_DTS": f"http://{BOX}"},
    "slash-in-local-id": {"LocalId": f"{LOCAL_ID}/../x"},
    "euro": {"Subject": f"{SUBJECT}\u20ac"},
    "long-local-id": {"LocalId": LOCAL_ID * 12},
}


def _bad_value(name: str) -> Callable[[Context], None]:
    """A value that cannot be a header: its element is named, it is not shown."""

    def case(context: Context) -> None:
        site = _site(context, _service(context), "X26ABC1")
        _drop(site, "file", **VALUES[name])
        site.cycle(lambda: site.names("FAILED") or site.names("SENT"), "an end", 6)
        _look(context, site, *_tools(site))

    return case


def _wrong_password(context: Context) -> None:
    """A password that the service refuses."""
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1")
    secret = site.path / "X26ABC1.password"
    secret.write_text("ZQCANARY a wrong one", encoding="utf-8")
    _drop(site, "file")
    runs = [site.run_once(), *_tools(site)]
    assert "password_file" in runs[0].err, runs[0]
    _look(context, site, *runs)


def _proxy(good: bool) -> Callable[[Context], None]:
    """The password at a proxy, as it is and as it is sent."""

    def case(context: Context) -> None:
        sandbox = _service(context)
        site = _site(context, sandbox, "X26ABC1")
        proxy = context.lab.proxy(sandbox.port, user="me", password="ZQproxy-right-one")
        password = "ZQproxy-right-one" if good else "ZQproxy-wrong-one"
        site.use_proxy(f"http://127.0.0.1:{proxy.port}", "me", password)
        _drop(site, "file")
        runs = [_run(site, ("--once", "--debug"), {}), *_tools(site)]
        assert bool(site.names("SENT")) == good, runs[0]
        sent = base64.b64encode(f"me:{password}".encode()).decode()
        _search(_said(site, *runs), "a proxy's password", [password, sent])
        _look(context, site, *runs)

    return case


# --- the files of secrets


SECRET_FILES = ("password", "shared_key_file", "private_key", "proxy_password_file")


def _secret_file(site: Site, which: str) -> Path:
    """A file of its own for this site."""
    if which == "password":
        return site.path / "X26ABC1.password"
    if which == "proxy_password_file":
        site.use_proxy("http://127.0.0.1:9", "me", "ZQproxy")
        return Path(site.service[which])
    own = site.path / f"own-{which}"
    shutil.copyfile(site.service[which], own)
    own.chmod(0o600)
    site.service[which] = str(own)
    site.write_conf()
    return own


def _mode(which: str, mode: int, owner: int = 0, group: int = 0) -> Callable[[Context], None]:
    """A file of a secret that others can reach, or that is another's, is refused by name."""

    def case(context: Context) -> None:
        if os.geteuid() != 0 and (owner or group):
            raise Skip("only root can give files away")
        site = _site(context, _service(context), "X26ABC1")
        file = _secret_file(site, which)
        os.chown(file, owner or -1, group or -1)
        file.chmod(mode)
        for done in (site.run_once(), site.run_daemon("--check")):
            assert done.code == 78, done
            assert file.name in done.err, done
        _search(_said(site), "a secret", _secrets(site))

    return case


def _credential(context: Context) -> None:
    """What systemd makes of a credential, root:root 0440, is taken."""
    if os.geteuid() != 0:
        raise Skip("only root can make files of root")
    site = _site(context, _service(context), "X26ABC1")
    for which in ("password", "shared_key_file", "private_key"):
        _secret_file(site, which).chmod(0o440)
    _drop(site, "file")
    site.run_ok()
    assert site.names("SENT")


ODD = {"empty": "", "control": "ZQsecret\x01word", "long": "ZQsecretword" * 60,
       "crlf": "ZQsecretword\r\n", "bom": "\ufeffZQsecretword"}


def _odd_secret(name: str) -> Callable[[Context], None]:
    """A secret that cannot be one: refused without showing it."""

    def case(context: Context) -> None:
        site = _site(context, _service(context), "X26ABC1")
        file = site.path / "X26ABC1.password"
        file.write_bytes(ODD[name].encode())
        done = site.run_once()
        assert done.code == 78 and file.name in done.err, done
        _search(_said(site, done), "a secret", ["ZQsecret"])

    return case


# A line of meshdrop.conf or of the mailbox's file, and what a complaint names.
MISPLACED = {
    "password-in-url": ("conf", f"url = https://me:{MISTAKE}@127.0.0.1:9", "url"),
    "password-only-in-url": ("conf", f"url = https://:{MISTAKE}@127.0.0.1:9/", "url"),
    "name-in-url": ("conf", f"url = https://{MISTAKE}@127.0.0.1:9", "url"),
    "query-in-url": ("conf", f"url = https://127.0.0.1:9/?key={MISTAKE}", "url"),
    "fragment-in-url": ("conf", f"url = https://127.0.0.1:9/#{MISTAKE}", "url"),
    "port-in-url": ("conf", f"url = https://127.0.0.1:{MISTAKE}", "url"),
    "password-in-proxy": ("conf", f"proxy = http://me:{MISTAKE}@127.0.0.1:9", "proxy"),
    "name-in-proxy": ("conf", f"proxy = http://{MISTAKE}@127.0.0.1:9", "proxy"),
    "query-in-proxy": ("conf", f"proxy = http://127.0.0.1:9/?key={MISTAKE}", "proxy"),
    "password-in-proxy-user": ("conf", f"proxy_user = me:{MISTAKE}", "proxy_user"),
    "shared-key": ("conf", f"shared_key = {MISTAKE}", "shared_key"),
    "proxy-password": ("conf", f"proxy_password = {MISTAKE}", "proxy_password"),
    "password": ("conf", f"password = {MISTAKE}", "password"),
    "mailbox-password": ("mailbox", f'password: "{MISTAKE}"', "password"),
    "mailbox-password-list": ("mailbox", f"password: [{MISTAKE}, {MISTAKE}]", "password"),
    "mailbox-password-map": ("mailbox", f"password: {{value: {MISTAKE}}}", "password"),
    "mailbox-not-yaml": ("mailbox", f'password: "{MISTAKE}', "this is not YAML"),
    "bare-line": ("bare", MISTAKE, "this is neither"),
}


def _misplace(site: Site, file: str, line: str) -> None:
    """Puts the line where the settings are, instead of the one of that key."""
    if file == "bare":
        site.conf.write_text(f"{site.conf.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
        return
    if file == "mailbox":
        path = site.path / "mailboxes.d" / "X26ABC1.yaml"
        path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
        return
    key, _, value = line.partition(" = ")
    if key == "proxy_user":
        site.use_proxy("http://127.0.0.1:9", "me", "ZQproxy")
    site.service[key] = value
    site.write_conf()


def _in_the_settings(name: str) -> Callable[[Context], None]:
    """A secret in a key of its own, or within an address: refused by the name of the key, and not
    repeated. (One in the place of a path is: which file is missing has to be said.)"""

    def case(context: Context) -> None:
        site = _site(context, _service(context), "X26ABC1")
        file, line, named = MISPLACED[name]
        _misplace(site, file, line)
        runs = [site.run_once(), site.run_daemon("--check"), *_tools(site)]
        for done in runs:
            assert done.code == 78, done
            assert re.search(rf"(\[service\] |'|:\d+: ){named}\b", done.out + done.err), done
        _search(_said(site, *runs), "a secret", [MISTAKE])

    return case


# --- log_personal_data = yes


def _shown(context: Context) -> None:
    """With the setting the names are there, where they are promised; secrets still are not."""
    context.lab.forbidden = []
    sandbox = _service(context)
    site = _site(context, sandbox, log_personal_data="yes")
    _drop(site, "good")
    site.drop("back", CONTENT, "X26ABC2", To_DTS="X26ABC1", Subject=SUBJECT, LocalId=LOCAL_ID)
    sandbox.fault("POST", "/X26ABC1/outbox", status=417, body=ECHOES["v1"], skip=1)
    _drop(site, "bad", Subject=f'{SUBJECT}" event=forged')
    runs = [site.run_once() for _ in range(2)]
    lines = "".join(done.err for done in runs).splitlines()
    for event in ("claimed", "sent", "failed", "received"):
        found = [line for line in lines if re.search(rf" {event} +mailbox=", line)]
        assert found, (event, lines)
        for line in found:
            assert 'subject="' + SUBJECT in line and f'local_id="{LOCAL_ID}"' in line, line
            assert re.search(r' to="(ZQCANARYBOX|X26ABC1)"', line), line
            assert '" event=forged' not in line, line
    _search(_said(site, *runs), "a secret", _secrets(site))


def _shown_held(context: Context) -> None:
    """A held message's line has the names, too."""
    context.lab.forbidden = []
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1", log_personal_data="yes")
    said = _hold(sandbox, site).err
    lines = [line for line in said.splitlines() if re.search(r" held +mailbox=", line)]
    assert lines and f'to="{BOX}" subject="{SUBJECT}"' in lines[0], said
    _search(_said(site), "a secret", _secrets(site))


def _bad_setting(context: Context) -> None:
    """Only yes and no are answers."""
    site = _site(context, _service(context), "X26ABC1", log_personal_data="perhaps")
    done = site.run_once()
    assert done.code == 78 and "log_personal_data" in done.err, done


# --- the process


def _process_files(context: Context) -> None:
    """Command line and environment of the daemon and of a hook."""
    need_look_inside()
    site = _site(context, _service(context))
    out = site.path / "hook.env"
    program = site.path / "hook"
    program.write_text(f"#!/bin/sh\nenv >>{out}\ntr '\\0' '\\n' </proc/$PPID/cmdline >>{out}\n"
                       f"echo end >>{out}\n", encoding="utf-8")
    program.chmod(0o755)
    site.add_mailbox("X26ABC2", hooks={"on_receive": {"command": [str(program)]}})
    process = site.start_daemon()
    site.drop("file", CONTENT, "X26ABC1", To_DTS="X26ABC2", Subject=SUBJECT, LocalId=LOCAL_ID)
    wait_for(lambda: out.exists() and out.read_text("utf-8").endswith("end\n"), "the hook")
    place = Path("/proc") / str(process.pid)
    found = [(name, (place / name).read_bytes()) for name in ("cmdline", "environ", "comm")]
    found.append(("the hook's environment", out.read_bytes()))
    assert all(data for _, data in found)
    _search(iter(found), "a secret", _secrets(site))
    _search(iter(found), "a name", [*NAMES, CONTENT.decode()])
    site.stop_daemon()


def _core(context: Context) -> None:
    """A daemon that is shot leaves no core, whatever the limits were."""
    site = _site(context, _service(context), "X26ABC1")
    place = context.path / "cores"
    place.mkdir()
    program = context.lab.programs.path("meshdropd")
    script = f'ulimit -c unlimited; cd "{place}"; exec "{program}" -c "{site.conf}"'
    with site._log("core").open("ab") as log:  # noqa: SLF001
        child = subprocess.Popen(["sh", "-c", script], stderr=log, env=clean_environment())
    try:
        wait_for(lambda: b"handshake" in site._log("core").read_bytes(), "a handshake")
        limits = Path(f"/proc/{child.pid}/limits").read_text(encoding="utf-8")
        assert re.search(r"Max core file size +0 +0 ", limits), limits
        child.send_signal(signal.SIGABRT)
        _, status = os.waitpid(child.pid, 0)
        child.returncode = -1
    finally:
        if child.returncode is None:
            child.kill()
            child.wait()
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), status
    assert not list(place.iterdir())


def _open_up(path: Path, uid: int) -> None:
    """Gives a tree to a user, and lets him come there."""
    open_up(path)
    for entry in [path, *path.rglob("*")]:
        os.chown(entry, uid, uid, follow_symlinks=False)


def _as_nobody(*command: str) -> list[str]:
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


def _not_dumpable(context: Context) -> None:
    """Another process of the daemon's own, ordinary user can look into nothing."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("only root can become an ordinary user (setpriv)")
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1")
    for which in ("shared_key_file", "private_key"):
        _secret_file(site, which)
    for which in ("ca_file", "certificate"):
        shutil.copyfile(site.service[which], site.path / which)
        site.service[which] = str(site.path / which)
    site.write_conf()
    _open_up(site.path, NOBODY)
    programs = context.path / "programs"
    programs.mkdir()
    program = programs / "meshdropd"
    shutil.copyfile(context.lab.programs.path("meshdropd"), program)
    program.chmod(0o755)
    _open_up(programs, NOBODY)
    log = site._log("nobody")  # noqa: SLF001
    with log.open("ab") as file:
        child = subprocess.Popen(_as_nobody(str(program), "-c", str(site.conf)), stderr=file)
    try:
        wait_for(lambda: b"handshake" in log.read_bytes() or child.poll() is not None, "a start")
        assert child.poll() is None, log.read_text(encoding="utf-8")
        place = f"/proc/{child.pid}"
        assert os.stat(place).st_uid != NOBODY or os.stat(f"{place}/environ").st_uid == 0
        for name in ("environ", "maps", "mem", "auxv"):
            done = subprocess.run(_as_nobody("head", "-c1", f"{place}/{name}"),
                                  capture_output=True, text=True, check=False)
            assert done.returncode != 0 and "ermission denied" in done.stderr, (name, done)
        # The look can find something: a process that is not sealed shows it all.
        with subprocess.Popen(_as_nobody("sleep", "60")) as other:
            wait_for(lambda: Path(f"/proc/{other.pid}/comm").read_text("utf-8") == "sleep\n", "it")
            done = subprocess.run(_as_nobody("head", "-c1", f"/proc/{other.pid}/environ"),
                                  capture_output=True, check=False)
            other.kill()
            assert done.returncode == 0, done
    finally:
        child.terminate()
        child.wait()


def _memory(pid: int) -> Iterator[tuple[str, bytes]]:
    """What root can read of a process: all it may write to."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            area, rights, _, _, _, *name = line.split(maxsplit=5)
            start, end = (int(number, 16) for number in area.split("-"))
            if not rights.startswith("rw") or end - start > 1 << 28:
                continue
            try:
                memory.seek(start)
                yield " ".join(name) or area, memory.read(end - start)
            except OSError:
                continue


def _in_memory(pid: int, value: str) -> list[str]:
    return [name for name, data in _memory(pid) if value.encode() in data]


def _wiped(context: Context) -> None:
    """After a reload the old secrets are nowhere in the daemon's memory."""
    need_look_inside()
    sandbox = _service(context)
    site = _site(context, sandbox, "X26ABC1")
    site.service["shared_key_file"] = str(site.path / "shared.key")
    old_key = "ZQold-shared-key-that-is-replaced"
    secret = site.path / "X26ABC1.password"
    password = secret.read_text(encoding="utf-8").strip()
    for file, text in ((site.path / "shared.key", old_key), (secret, "ZQold-password")):
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    site.write_conf()
    process = site.start_daemon()
    process.wait_text("shared_key_file")  # It was used, and refused.
    assert _in_memory(process.pid, old_key), "the look finds nothing"
    (site.path / "shared.key").write_text(sandbox.shared_key, encoding="utf-8")
    secret.write_text(password, encoding="utf-8")
    process.signal(signal.SIGHUP)
    process.wait_text(" reloaded ")
    _drop(site, "file")
    site.wait_sent("file", "X26ABC1")
    assert _in_memory(process.pid, sandbox.shared_key), "the look finds nothing"
    for value in (old_key, "ZQold-password"):
        assert not _in_memory(process.pid, value), _in_memory(process.pid, value)
    site.stop_daemon()


def _import(context: Context) -> None:
    """From the Java client: its secrets go from files to files, seen by nobody."""
    sandbox = context.lab.sandbox()
    old = JavaClient(context.lab.path / "MESH-APP-HOME", "https://mesh-sync.spineservices.nhs.uk")
    old.common["AuthenticationKey"] = sandbox.shared_key
    made = jks(sandbox.path / "client", [sandbox.path / "ca.pem"], PASSWORD)
    old.keystore.write_bytes(made)
    old.add("X26ABC1", sandbox.password("X26ABC1"), context.lab.path / "DATA")
    old.write()
    out = context.lab.path / "new"
    command = [context.lab.programs.path("meshdrop"), "import", str(old.cfg), "--output",
               str(out), "--offline"]
    done = run_program(command, context.lab.logs / "import.log")
    assert done.code == 0, done
    secrets = [PASSWORD, sandbox.shared_key, sandbox.password("X26ABC1")]
    _search(iter([("output", (done.out + done.err).encode())]), "a secret", secrets)
    homes = 0
    for name, data in _files(out):
        if any(secret.encode() in data for secret in secrets) or b"PRIVATE KEY" in data:
            homes += 1
            mode = (out / name).stat().st_mode & 0o777
            assert mode & 0o037 == 0, f"{name} has mode {mode:o}"
    assert homes >= 3, "the secrets went nowhere"


def _cases() -> list[Case]:
    cases = [
        Case("good", _good((), {})),
        Case("good-debug", _good(("--debug",), {})),
        Case("good-journal", _good(("--debug",), {"JOURNAL_STREAM": "8:1"})),
        Case("refused-chunk", _refused_chunk),
        Case("cut-echo", _echoed("long", "x" * 480)),  # which the end of the text cuts
        Case("overlapping-echo", _echoed("overlap", f" at {BOX}")),  # with another value in it
        Case("refused-by-lookup", _refused_by_lookup),
        Case("lost-answer", _lost),
        Case("held", _held),
        Case("report", _report),
        Case("wrong-password", _wrong_password),
        Case("proxy-good", _proxy(True)),
        Case("proxy-refused", _proxy(False)),
        Case("credential-taken", _credential),
        Case("shown-when-asked-for", _shown),
        Case("shown-when-held", _shown_held),
        Case("log-personal-data-perhaps", _bad_setting),
        Case("process-files", _process_files),
        Case("no-core", _core),
        Case("not-dumpable", _not_dumpable),
        Case("wiped-after-reload", _wiped),
        Case("import", _import),
    ]
    for status in (400, 401, 403, 404, 409, 413, 417, 429, 500, 503):
        for form in ECHOES:
            quick = (status, form) in {(417, "v1"), (400, "v2"), (403, "v1"), (500, "text")}
            cases.append(Case(f"echo-{status}-{form}", _refused(status, form), quick))
    for name in BROKEN:
        cases.append(Case(f"broken-{name}", _broken(name), name == "markup"))
    for name in VALUES:
        cases.append(Case(f"value-{name}", _bad_value(name), name == "euro"))
    for which in SECRET_FILES:
        for mode in (0o644, 0o604, 0o660, 0o602, 0o640):
            cases.append(Case(f"mode-{which}-{mode:o}",
                              _mode(which, mode, group=NOBODY if mode == 0o640 else 0),
                              mode == 0o644))
        cases.append(Case(f"owner-{which}", _mode(which, 0o600, owner=NOBODY)))
    for name in MISPLACED:
        quick = name in ("password-in-url", "password-in-proxy", "shared-key", "mailbox-password")
        cases.append(Case(f"misplaced-{name}", _in_the_settings(name), quick))
    for name in ODD:
        cases.append(Case(f"secret-{name}", _odd_secret(name), name == "crlf"))
    return cases


def run(options: Options) -> Result:
    """The suite."""
    return run_cases("secrecy", _cases(), options)


if __name__ == "__main__":
    sys.exit(main(run))
