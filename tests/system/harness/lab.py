# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Everything one test uses, below one temporary directory, ended and removed at its end."""

import os
import shutil
import ssl
from pathlib import Path

from harness.faultserver import FaultServer, Script
from harness.process import Programs
from harness.proxy import ConnectProxy
from harness.sandbox import ADMIN, Sandbox
from harness.secrecy import CANARY, assert_no_leaks, assert_no_races
from harness.site import Credentials, Site

LOG_TAIL = 200


class Lab:
    """Makes sandboxes, sites and fault servers, and cleans up after them."""

    def __init__(self, programs: Programs, path: Path):
        self.programs = programs
        self.path = path
        self.logs = path / "logs"
        self.logs.mkdir()
        self.forbidden = [CANARY]
        self._sandboxes: list[Sandbox] = []
        self._sites: list[Site] = []
        self._servers: list[FaultServer] = []
        self._proxies: list[ConnectProxy] = []

    def sandbox(self) -> Sandbox:
        """A sandbox, initialised but not started."""
        made = Sandbox(self.programs, self.path / f"sandbox{len(self._sandboxes) + 1}", self.logs)
        self._sandboxes.append(made)
        return made

    def site(self, sandbox: Sandbox, *mailboxes: str, url: str = "", **daemon: str) -> Site:
        """A site with the sandbox's certificates and secrets."""
        path = self.path / f"site{len(self._sites) + 1}"
        credentials = Credentials(sandbox.path, url or sandbox.url)
        made = Site(self.programs, path, self.logs, credentials, **daemon)
        self._sites.append(made)
        for mailbox in mailboxes:
            made.add_mailbox(mailbox)
        return made

    def fault_server(
        self, script: Script, sandbox: Sandbox | None = None, port: int = 0
    ) -> FaultServer:
        """A fault server, with the sandbox's certificate if one is given."""
        made = FaultServer(script, sandbox.path if sandbox else None, port)
        self._servers.append(made)
        return made

    def tls_server(self, script: Script, tls: ssl.SSLContext) -> FaultServer:
        """A fault server with a TLS of the test's own making."""
        made = FaultServer(script, tls)
        self._servers.append(made)
        return made

    def proxy(self, service_port: int, **login: str) -> ConnectProxy:
        """A proxy that connects everybody to this port; it wants a log-in if told one."""
        made = ConnectProxy(service_port, **login)
        self._proxies.append(made)
        return made

    def log_tails(self) -> list[tuple[str, str]]:
        """For the report of a failure: the name and the end of each log, without our looks."""
        tails = []
        for log in sorted(self.logs.glob("*.log")):
            text = log.read_text(encoding="utf-8", errors="backslashreplace")
            lines = [line for line in text.splitlines() if ADMIN not in line]
            tails.append((log.name, "\n".join(lines[-LOG_TAIL:])))
        return tails

    def close(self) -> None:
        """Ends all, then looks through the logs for what they may not hold."""
        for site in self._sites:
            site.close()
        for proxy in self._proxies:
            proxy.close()
        for server in self._servers:
            server.close()
        for sandbox in self._sandboxes:
            sandbox.close()
        assert_no_races(sorted(self.logs.glob("*.log")))
        secrets = [secret for site in self._sites for secret in site.secrets()]
        for sandbox in self._sandboxes:
            secrets += [box["password"] for box in sandbox.mailboxes]
            assert_no_leaks([sandbox.log], [sandbox.shared_key, *secrets])
        for site in self._sites:
            assert_no_leaks(site.logs(), [*self.forbidden, *secrets])

    def remove(self) -> None:
        """Leaves nothing behind; MESHDROP_KEEP=1 keeps it to be looked at."""
        if not os.environ.get("MESHDROP_KEEP"):
            shutil.rmtree(self.path)
