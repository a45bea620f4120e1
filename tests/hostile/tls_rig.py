# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the parts of the suite tls share: a site, a server, and what must come of them."""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tls_certs
from common import Context

from harness.certs import Authority
from harness.faultserver import Connection, FaultServer, Head, Script, on_send
from harness.process import Result, run
from harness.site import Site

TROUBLE = " service-trouble "
MESSAGE = "20261122070600123456_1A2B3C"
SECRETS = (b"Authorization", b"NHSMESH", b"/messageexchange/")


def _take(connection: Connection, head: Head) -> bool:
    connection.read_body(head)
    connection.reply(202, {"message_id": MESSAGE})
    return True


TAKES = on_send(_take)


class Rig:
    """A site with a pair in OUT, and the authority that it trusts."""

    def __init__(self, context: Context):
        self.lab = context.lab
        self.path = context.path
        self.sandbox = self.lab.sandbox()
        self.root = tls_certs.authority_of(self.sandbox.path)
        self.site: Site
        self.server: FaultServer

    def serve(
        self,
        certificates: Sequence[Authority],
        ciphers: str = "",
        change: Callable[[ssl.SSLContext], None] = lambda tls: None,
        host: str = tls_certs.HOST,
        script: Script = TAKES,
    ) -> "Rig":
        """A server that takes every message, with these certificates; and a site for it."""
        stem = self.path / "server"
        tls_certs.store(stem, certificates)
        tls = tls_certs.server_context(stem, ciphers)
        change(tls)
        self.server = self.lab.tls_server(script, tls)
        return self.point(f"https://{host}:{self.server.port}")

    def serve_right(self, **how: Any) -> "Rig":
        """The same with nothing wrong."""
        return self.serve(tls_certs.chain(self.root, tls_certs.RIGHT), **how)

    def serve_raw(self, script: Callable[[Connection], None], scheme: str = "https") -> "Rig":
        """A server without TLS of its own."""
        self.server = self.lab.fault_server(script)
        return self.point(f"{scheme}://{tls_certs.HOST}:{self.server.port}")

    def point(self, url: str) -> "Rig":
        """A site for an address."""
        self.site = self.lab.site(self.sandbox, "X26ABC1", url=url)
        return self.use(connect_timeout="20s")  # a server of ours may stand still for a while

    def use(self, **service: str | Path) -> "Rig":
        """Other settings of [service]."""
        self.site.service |= {name: str(value) for name, value in service.items()}
        self.site.write_conf()
        return self

    def run_with(self, extra_env: dict[str, str], *options: str) -> Result:
        """meshdropd --once, or with other options, in another environment."""
        program = self.lab.programs.path("meshdropd")
        command = [program, "-c", str(self.site.conf), *(options or ("--once",))]
        return run(command, self.lab.logs / f"{self.site.path.name}-once.log", extra_env)

    # --- what must come of it

    def untouched(self) -> None:
        """The pair waits, and nobody has seen anything of a request."""
        assert self.site.names("OUT") == ["letter.ctl", "letter.dat"], self.site.names("OUT")
        assert not self.site.names("SENT") + self.site.names("FAILED") + self.site.names("TEMP")
        assert not self.server.requests(), self.server.requests()

    def refused(self, said: str, *settings: str, env: dict[str, str] | None = None) -> Result:
        """One line says it and names the settings; all is as it was."""
        self.site.drop("letter", b"content")
        done = self.run_with(env or {})
        assert done.code == 1, done
        lines = [line for line in done.err.splitlines() if TROUBLE in line]
        assert len(lines) == 1, done
        missing = [text for text in (said, *settings) if text not in lines[0]]
        assert not missing, f"{missing} not in: {lines[0]}"
        assert self.server.connections > 0, "nobody came to the server"
        self.untouched()
        return done

    def not_started(self, said: str, *settings: str) -> Result:
        """The settings are refused, by the daemon and by its check, before anything else."""
        self.site.drop("letter", b"content")
        for options in (["--once"], ["--check"]):
            done = self.run_with({}, *options)
            assert done.code == 78, done
            lines = [line for line in done.err.splitlines() if said in line]
            assert len(lines) == 1, f"{said!r} is not in one line: {done}"
            missing = [name for name in settings if name not in lines[0]]
            assert not missing, f"{missing} not in: {lines[0]}"
        assert self.server.connections == 0, "the server was asked"
        self.untouched()
        return done

    def accepted(self, env: dict[str, str] | None = None) -> Result:
        """The message goes through, once."""
        self.site.drop("letter", b"content")
        done = self.run_with(env or {})
        assert done.code == 0, done
        assert TROUBLE not in done.err, done
        assert self.site.names("SENT") == ["letter.ctl", "letter.dat"], self.site.names("SENT")
        assert len(self.server.sends()) == 1, self.server.requests()
        return done
