# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""meshdrop-sandbox under our control."""

import json
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import Api
from harness.process import Process, Programs, run
from harness.waiting import wait_for

ADMIN = "/messageexchange/admin"


@dataclass(frozen=True)
class Request:
    """One line of the sandbox's log of requests."""

    number: int
    method: str
    path: str
    status: int
    body_bytes: int
    nonce: str
    connection: int


class Sandbox:
    """A directory made by --init, and the server that serves it."""

    def __init__(self, programs: Programs, path: Path, logs: Path):
        self.path = path
        self.log = logs / f"{path.name}.log"
        self.port = 0
        self.plain = False
        self._program = programs.path("meshdrop-sandbox")
        self._process: Process | None = None
        self._admin: Api | None = None
        self._kept: socket.socket | None = None
        made = run([self._program, "--init", str(path)], self.log)
        assert made.code == 0, made

    # --- what --init made

    @property
    def mailboxes(self) -> list[dict[str, Any]]:
        """mailboxes.json."""
        return json.loads((self.path / "mailboxes.json").read_text(encoding="utf-8"))

    def password(self, mailbox: str) -> str:
        """A mailbox's password."""
        return next(box["password"] for box in self.mailboxes if box["id"] == mailbox)

    @property
    def shared_key(self) -> str:
        """The shared key."""
        return (self.path / "shared.key").read_text(encoding="utf-8").strip()

    def set_workflows(self, mailbox: str, workflows: list[str]) -> None:
        """Restricts a mailbox; before the start."""
        boxes = self.mailboxes
        for box in boxes:
            if box["id"] == mailbox:
                box["workflows"] = workflows
        self._store(boxes)

    def add_mailbox(self, mailbox: str) -> None:
        """One mailbox more; before the start."""
        password = f"pw{mailbox}0123456789abcdef"
        box = {
            "id": mailbox,
            "password": password,
            "name": f"TEST {mailbox}",
            "ods_code": "X26",
            "workflows": ["*"],
        }
        self._store([*self.mailboxes, box])
        secret = self.path / f"{mailbox}.password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")

    def _store(self, boxes: list[dict[str, Any]]) -> None:
        text = json.dumps(boxes, indent=2)
        (self.path / "mailboxes.json").write_text(text, encoding="utf-8")

    # --- the server

    def start(self, *options: str, port: int = 0) -> "Sandbox":
        """Serves, on any free port unless one is given, until stop."""
        port_file = self.path / "port"
        port_file.unlink(missing_ok=True)
        self.plain = "--plain" in options
        command = [self._program, "--dir", str(self.path), "--port", str(port)]
        command += ["--port-file", str(port_file), *options]
        process = Process(command, self.log)
        self._process = process
        wait_for(lambda: port_file.exists() or not process.running, "the sandbox's port file")
        assert process.running, process.text()
        self.port = int(port_file.read_text(encoding="utf-8"))
        self._admin = self.api("")
        return self

    def stop(self) -> None:
        """SIGTERM; it must end well."""
        self._close_admin()
        if self._process:
            code = self._process.stop()
            assert code == 0, f"the sandbox ended with {code}\n{self._process.text()}"
            self._process = None
            self._keep_port()

    def kill(self) -> None:
        """SIGKILL."""
        self._close_admin()
        if self._process:
            self._process.kill()
            self._process = None
            self._keep_port()

    def close(self) -> None:
        """Ends for good."""
        self.kill()
        self._give_port()

    def _keep_port(self) -> None:
        """Until we are back the system gives it to nobody else; who connects is refused."""
        if self._kept and self._kept.getsockname()[1] == self.port:
            return
        self._give_port()
        self._kept = socket.socket()
        # Whoever sets it too may listen there: ourselves, or a fault server in our place.
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._kept.bind(("127.0.0.1", self.port))
        except OSError:
            self._give_port()  # Somebody was faster, which a start at this port will say.

    def _give_port(self) -> None:
        if self._kept:
            self._kept.close()
            self._kept = None

    def _close_admin(self) -> None:
        if self._admin:
            self._admin.close()
            self._admin = None

    @property
    def url(self) -> str:
        """Its address, as in meshdrop.conf."""
        return f"{'http' if self.plain else 'https'}://127.0.0.1:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """A client's side of the mutual TLS."""
        context = ssl.create_default_context(cafile=str(self.path / "ca.pem"))
        context.load_cert_chain(self.path / "client.pem", self.path / "client.key")
        return context

    def api(self, mailbox: str) -> Api:
        """A client of its own for a mailbox; "" for none."""
        tls = None if self.plain else self.tls()
        if not mailbox:
            return Api("127.0.0.1", self.port, tls)
        return Api("127.0.0.1", self.port, tls, mailbox, self.password(mailbox), self.shared_key)

    # --- its admin side

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """An admin request; its JSON answer, if any."""
        assert self._admin, "the sandbox is not running"
        data = None if body is None else json.dumps(body).encode()
        self._admin.close()
        headers = {"Content_Type": "application/json"} if data else {}
        answer = self._admin.request(method, ADMIN + path, data, **headers)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer}"
        return answer.json() if answer.body else None

    def fault(self, method: str, path: str, **what: Any) -> None:
        """What shall go wrong; count=1 unless told."""
        self.admin("POST", "/fault", {"method": method, "path": path, "count": 1} | what)

    def clear_faults(self) -> None:
        """Nothing shall go wrong any more."""
        self.admin("DELETE", "/fault")

    def faults_left(self) -> int:
        """How many faults have not happened yet."""
        answer = self.admin("GET", "/fault")
        return len(answer["faults"] if isinstance(answer, dict) else answer)

    def settings(self, **settings: Any) -> None:
        """track_delay_s, track_local_id, message_expiry_s, async_delay_s."""
        self.admin("POST", "/settings", settings)

    def message(self, message_id: str) -> dict[str, Any]:
        """A message's full record."""
        return self.admin("GET", f"/message/{message_id}")

    def mailbox(self, mailbox: str) -> dict[str, Any]:
        """A mailbox's counts."""
        return self.admin("GET", f"/mailbox/{mailbox}")

    def requests(self, method: str = "", pattern: str = "") -> list[Request]:
        """The requests served so far, in order, that match."""
        found = []
        for line in self.admin("GET", "/log")["requests"]:
            request = Request(
                line["n"],
                line["method"],
                line["path"],
                line.get("status", 0),
                line.get("body_bytes", 0),
                line.get("nonce") or "",
                line.get("connection", 0),
            )
            if method in ("", request.method) and re.search(pattern, request.path):
                found.append(request)
        return found

    def forget_requests(self) -> None:
        """Empties the log of requests."""
        self.admin("DELETE", "/log")

    def posts(self, mailbox: str) -> list[Request]:
        """The first POSTs of messages: what must never happen twice."""
        return self.requests("POST", rf"/{mailbox}/outbox$")

    def inbox(self, mailbox: str) -> list[str]:
        """What is listed for a mailbox, asked with a client of its own."""
        api = self.api(mailbox)
        try:
            return api.inbox()
        finally:
            api.close()
