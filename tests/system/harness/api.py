# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A second, independent MESH client: for what meshdrop itself would never send."""

import hashlib
import hmac
import http.client
import json
import ssl
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

V2 = "application/vnd.mesh.v2+json"


@dataclass(frozen=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Api:
    """One mailbox's requests, on one kept connection."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    mailbox: str = ""
    password: str = ""
    shared_key: str = ""
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            if self.tls:
                self._connection = http.client.HTTPSConnection(
                    self.host, self.port, timeout=30, context=self.tls
                )
            else:
                self._connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        return self._connection

    def token(self) -> str:
        """A fresh Authorization value."""
        nonce = str(uuid.uuid4())
        stamp = time.strftime("%Y%m%d%H%M", time.gmtime())
        message = f"{self.mailbox}:{nonce}:0:{self.password}:{stamp}"
        mac = hmac.new(self.shared_key.encode(), message.encode(), hashlib.sha256).hexdigest()
        return f"NHSMESH {self.mailbox}:{nonce}:0:{stamp}:{mac}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> None:
        """Sends a request; underscores in header names stand for hyphens."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        fields.setdefault("Accept", V2)
        if self.mailbox:
            fields.setdefault("Authorization", self.token())
        self._connect().request(method, path, body=body, headers=fields)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request and its answer."""
        self.ask(method, path, body, **headers)
        reply = self._connect().getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, found, reply.read())

    def send(self, to: str, workflow: str, body: bytes, **headers: str) -> str:
        """Sends a message in one request; returns its id."""
        answer = self.request(
            "POST",
            f"/messageexchange/{self.mailbox}/outbox",
            body,
            Mex_To=to,
            Mex_WorkflowID=workflow,
            **headers,
        )
        assert answer.status == 202, answer
        return answer.json()["message_id"]

    def inbox(self) -> list[str]:
        """The ids that are listed (at most 500)."""
        answer = self.request("GET", f"/messageexchange/{self.mailbox}/inbox")
        assert answer.status == 200, answer
        return answer.json()["messages"]

    def close(self) -> None:
        """Ends the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None
