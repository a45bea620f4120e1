# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""No secret and no patient's value in any log.

Every test looks through its own logs when it ends (harness/lab.py). Here: that this look finds
what it should, and a run that goes through as many texts as it can.
"""

from pathlib import Path

import pytest

from harness import certs
from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.secrecy import CANARY, assert_no_leaks, leaks
from harness.site import Site


def test_the_look_itself(tmp_path: Path) -> None:
    """A planted value is found in any case of letters; a clean log passes."""
    log = tmp_path / "x.log"
    log.write_text(f"good line\nbad {CANARY.lower()}-1 line\n", encoding="utf-8")
    assert leaks(log.read_text(encoding="utf-8"), [CANARY]) == [f"bad {CANARY.lower()}-1 line"]
    with pytest.raises(AssertionError, match="bad"):
        assert_no_leaks([log], [CANARY])
    assert_no_leaks([log], ["", "something else"])


def test_every_site_has_something_to_find(sender: Site) -> None:
    """The values looked for are the real ones, and the logs are there to be looked through."""
    sender.drop("file", b"content")
    sender.run_ok()
    assert len(sender.secrets()) == 2
    assert all(len(secret) > 10 for secret in sender.secrets())
    assert any(log.stat().st_size > 0 for log in sender.logs())
    assert CANARY in sender.sent("file")["Subject"]
    assert CANARY in sender.sent("file")["LocalId"]


def test_failures_of_all_kinds(lab: Lab, sandbox: Sandbox) -> None:
    """Refusals, lost answers, bad files and wrong secrets tell nothing."""
    site = lab.site(sandbox, "X26ABC1")
    site.drop("unregistered", b"x", To_DTS="ZQCANARY1")
    site.drop("markup", b"x", Subject=f"{CANARY}\u20ac")
    site.drop("url", b"x", To_DTS=f"http://{CANARY}")
    site.drop("unreadable", b"x", text=f"<DTSControl><Subject>{CANARY}</To_DTS>")
    site.drop("twice", b"x", text=f"<DTSControl><LocalId>{CANARY}</LocalId><LocalId/>")
    site.drop("slash", b"x", LocalId=f"{CANARY}/1")
    for what in ({"drop_reply": True}, {"status": 500, "body": "trouble"}, {"refuse": True}):
        sandbox.fault("POST", "/outbox", **what)
    for _ in range(4):
        site.run_once()
    site.cycle(lambda: len(site.names("FAILED")) >= 8, "what can only fail in FAILED")
    site.tool("list")
    site.tool("status")
    secret = site.path / "X26ABC1.password"
    certs.write_private(secret, b"a wrong password, ZQCANARY")
    site.drop("more", b"x")
    site.run_once()
    site.tool("check")
    # lab.close() looks through all logs now.
