# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""One installation of meshdrop: settings, folders, programs, and what it did with files."""

import itertools
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.ctlfile import ControlFile, read_ctl, render
from harness.notify import NotifySocket
from harness.payloads import digest
from harness.process import RUN_TIMEOUT, Process, Programs, Result, run
from harness.secrecy import canary
from harness.waiting import LONG, wait_for

FOLDERS = ("IN", "OUT", "SENT", "FAILED", "TEMP")
WORKFLOW = "TEST_WORKFLOW"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Credentials:
    """Where a site finds its secrets and certificates; made by the sandbox."""

    path: Path
    url: str


@dataclass(frozen=True)
class Pair:
    """What was dropped into OUT."""

    stem: str
    dat: Path
    ctl: Path
    sha256: str
    elements: dict[str, str | None]


@dataclass(frozen=True)
class Arrived:
    """A control file in a folder, with its data file if it has one."""

    ctl: ControlFile
    dat: Path | None

    @property
    def sha256(self) -> str:
        """Of the data file."""
        assert self.dat, f"{self.ctl.path.name} has no data file"
        return digest(self.dat)


class Site:
    """A directory with meshdrop.conf, mailboxes.d and the mailboxes' folders."""

    def __init__(
        self, programs: Programs, path: Path, logs: Path, credentials: Credentials, **daemon: str
    ):
        self.path = path
        self.conf = path / "meshdrop.conf"
        self.mailboxes: list[str] = []
        self.service = {
            "url": credentials.url,
            "shared_key_file": str(credentials.path / "shared.key"),
            "ca_file": str(credentials.path / "ca.pem"),
            "certificate": str(credentials.path / "client.pem"),
            "private_key": str(credentials.path / "client.key"),
            "connect_timeout": "30s",
            "stall_timeout": "20s",
        }
        self.daemon = {
            "state_dir": str(path / "state"),
            "poll_interval": "1s",
            "scan_interval": "100ms",
            "processing_delay": "0s",
            "resolve_after": "0s",
            "resolve_gap": "0s",
            "connections": "2",
            "reserve": "1M",
        } | daemon
        self._credentials = credentials
        self._programs = programs
        self._logs = logs
        self._process: Process | None = None
        self._notify: NotifySocket | None = None
        (path / "mailboxes.d").mkdir(parents=True)
        self.write_conf()

    # --- settings

    def write_conf(self) -> None:
        """Writes meshdrop.conf from self.service and self.daemon."""
        lines = []
        for section, values in (("service", self.service), ("daemon", self.daemon)):
            lines.append(f"[{section}]")
            lines += [f"{name} = {value}" for name, value in values.items() if value]
        self.conf.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def use_plain_http(self, url: str) -> None:
        """Leaves only what plain HTTP needs."""
        self.service = {"url": url, "shared_key_file": self.service["shared_key_file"]}
        self.write_conf()

    def use_proxy(self, url: str, user: str = "", password: str = "") -> "Site":
        """All goes through a proxy from the next start on."""
        self.service |= {"proxy": url, "proxy_user": user, "proxy_password_file": ""}
        if user:
            secret = self.path / "proxy.password"
            secret.touch(mode=0o600)
            secret.write_text(password, encoding="utf-8")
            self.service["proxy_password_file"] = str(secret)
        self.write_conf()
        return self

    def add_mailbox(self, mailbox: str, **settings: Any) -> "Site":
        """Writes mailboxes.d/ID.yaml; settings in YAML's (and JSON's) form."""
        secret = self.path / f"{mailbox}.password"
        shutil.copyfile(self._credentials.path / secret.name, secret)
        secret.chmod(0o600)
        values = {
            "mailbox": mailbox,
            "password_file": f"../{secret.name}",
            "root": str(self.path / "mesh" / mailbox),
        } | settings
        text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
        (self.path / "mailboxes.d" / f"{mailbox}.yaml").write_text(text, encoding="utf-8")
        self.mailboxes.append(mailbox)
        for folder in FOLDERS:
            self.folder(folder, mailbox).mkdir(parents=True, exist_ok=True)
        return self

    def folder(self, name: str, mailbox: str = "") -> Path:
        """A folder of a mailbox (of the first one, unless told)."""
        return self.path / "mesh" / (mailbox or self.mailboxes[0]) / name

    # --- programs

    def run_once(self, timeout: float = RUN_TIMEOUT) -> Result:
        """meshdropd --once: one full cycle."""
        command = [self._programs.path("meshdropd"), "-c", str(self.conf), "--once"]
        return run(command, self._log("once"), timeout=timeout)

    def run_ok(self) -> Result:
        """run_once, which must have nothing to complain of."""
        done = self.run_once()
        assert done.code == 0, done
        return done

    def run_daemon(self, *options: str) -> Result:
        """meshdropd with options that make it end by itself."""
        command = [self._programs.path("meshdropd"), "-c", str(self.conf), *options]
        return run(command, self._log("daemon-run"))

    def tool(self, *arguments: str) -> Result:
        """meshdrop."""
        command = [self._programs.path("meshdrop"), "-c", str(self.conf), *arguments]
        return run(command, self._log("tool"))

    def start_daemon(
        self, extra_env: dict[str, str] | None = None, wrap: tuple[str, ...] = ()
    ) -> Process:
        """meshdropd, up and ready."""
        self._close_notify()
        notify = NotifySocket()
        self._notify = notify
        command = [*wrap, self._programs.path("meshdropd"), "-c", str(self.conf)]
        env = {"NOTIFY_SOCKET": notify.path} | (extra_env or {})
        process = Process(command, self._log("daemon"), env)
        self._process = process
        wait_for(lambda: notify.count("READY=1") or not process.running, "READY=1")
        assert process.running, process.text()
        return process

    @property
    def process(self) -> Process:
        """The daemon."""
        assert self._process, "no daemon was started"
        return self._process

    @property
    def notify(self) -> NotifySocket:
        """What the daemon tells the service manager."""
        assert self._notify, "no daemon was started"
        return self._notify

    def stop_daemon(self) -> None:
        """SIGTERM; it must end with 0."""
        code = self.process.stop()
        assert code == 0, f"meshdropd ended with {code}\n{self.process.text()}"
        self._process = None

    def kill_daemon(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self._process = None

    def close(self) -> None:
        """Ends whatever still runs."""
        if self._process:
            self._process.kill()
            self._process = None
        self._close_notify()

    def _close_notify(self) -> None:
        if self._notify:
            self._notify.close()
            self._notify = None

    def _log(self, kind: str) -> Path:
        return self._logs / f"{self.path.name}-{kind}.log"

    def logs(self) -> list[Path]:
        """What its programs said, files that exist."""
        return sorted(self._logs.glob(f"{self.path.name}-*.log"))

    def secrets(self) -> list[str]:
        """Values that must stay in their files."""
        files = [*self.path.glob("*.password"), Path(self.service["shared_key_file"])]
        return [file.read_text(encoding="utf-8").strip() for file in files if file.exists()]

    # --- sending

    def elements(self, mailbox: str = "", **changes: str | None) -> dict[str, str | None]:
        """A usual OUT control file; None leaves an element out."""
        number = next(_numbers)
        usual: dict[str, str | None] = {
            "Version": "1.0",
            "AddressType": "DTS",
            "MessageType": "Data",
            "WorkflowId": WORKFLOW,
            "To_DTS": "X26ABC2",
            "From_DTS": mailbox or self.mailboxes[0],
            "Subject": canary("subject", number),
            "LocalId": canary("local", number),
            "Compress": "Y",
            "AllowChunking": "Y",
            "Encrypted": "N",
        }
        return usual | changes

    def drop(
        self,
        name: str,
        payload: bytes | Path | None,
        mailbox: str = "",
        extensions: tuple[str, str] = (".dat", ".ctl"),
        text: str | None = None,
        **elements: str | None,
    ) -> Pair:
        """A pair in OUT as an application drops it: first the data, then the control file."""
        out = self.folder("OUT", mailbox)
        dat, ctl = (out / (name + extension) for extension in extensions)
        values = self.elements(mailbox, **elements)
        if isinstance(payload, Path):
            shutil.copyfile(payload, dat)
        elif payload is not None:
            dat.write_bytes(payload)
        # Before the control file: after it the pair may be gone at once.
        sha256 = "" if payload is None else digest(dat)
        aside = out.parent / f".drop-{next(_numbers)}"
        aside.write_text(render(values) if text is None else text, encoding="utf-8")
        aside.rename(ctl)  # without a delay it may be read at once
        return Pair(name, dat, ctl, sha256, values)

    # --- looking

    def names(self, folder: str, mailbox: str = "") -> list[str]:
        """The names in a folder; hidden ones are ours and do not count."""
        return sorted(
            entry.name
            for entry in os.scandir(self.folder(folder, mailbox))
            if not entry.name.startswith(".")
        )

    def read(self, folder: str, name: str, mailbox: str = "") -> ControlFile:
        """A control file of a folder."""
        return read_ctl(self.folder(folder, mailbox) / name)

    def arrived(self, folder: str, mailbox: str = "") -> list[Arrived]:
        """All control files of a folder, with their data files."""
        found = []
        for name in self.names(folder, mailbox):
            path = self.folder(folder, mailbox) / name
            if path.suffix.lower() == ".ctl":
                dat = next(
                    (
                        other
                        for other in path.parent.glob("*")
                        if other.stem == path.stem and other.suffix.lower() == ".dat"
                    ),
                    None,
                )
                found.append(Arrived(read_ctl(path), dat))
        return found

    def received(self, mailbox: str = "") -> list[Arrived]:
        """The messages in IN."""
        return [item for item in self.arrived("IN", mailbox) if not item.ctl.is_report]

    def reports(self, event: str = "", mailbox: str = "") -> list[ControlFile]:
        """The reports in IN, of one event unless all."""
        found = [item.ctl for item in self.arrived("IN", mailbox) if item.ctl.is_report]
        return [ctl for ctl in found if event in ("", ctl.status.event)]

    def sent(self, stem: str, mailbox: str = "") -> ControlFile:
        """The control file of a pair that was sent."""
        return self.read("SENT", f"{stem}.ctl", mailbox)

    def failed(self, stem: str, mailbox: str = "") -> ControlFile:
        """The control file of a pair that failed."""
        return self.read("FAILED", f"{stem}.ctl", mailbox)

    def wait_sent(self, stem: str, mailbox: str = "", timeout: float = LONG) -> ControlFile:
        """Waits until a pair is in SENT, and OUT and TEMP are done with it."""
        path = self.folder("SENT", mailbox) / f"{stem}.ctl"
        wait_for(
            lambda: path.exists() and not self.names("TEMP", mailbox), f"SENT/{stem}.ctl", timeout
        )
        return self.sent(stem, mailbox)

    def wait_received(
        self, count: int = 1, mailbox: str = "", timeout: float = LONG
    ) -> list[Arrived]:
        """Waits until at least so many messages are in IN."""

        def enough() -> list[Arrived]:
            found = self.received(mailbox)
            return found if len(found) >= count else []

        return wait_for(enough, f"{count} message(s) in IN", timeout)

    def cycle(self, done: Any, what: str, most: int = 30) -> None:
        """run_once again and again until done(): at least most times, and for a while.

        How many fit in a pause between two tries depends on the machine.
        """
        end = time.monotonic() + LONG
        count = 0
        while not done():
            assert count < most or time.monotonic() < end, f"after {count} cycles still not: {what}"
            self.run_once()
            count += 1
