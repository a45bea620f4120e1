# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Reports that can be switched, and what is kept of what was sent."""

import datetime

from harness.golden import assert_stamp
from harness.lab import Lab
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import wait_for

OK = ("SUCCESS", "00")


def test_collect_report_on(sender: Site) -> None:
    """By default a pair that was picked up is reported as COLLECT 00."""
    pair = sender.drop("file", b"content")
    sender.run_ok()
    (report,) = sender.reports()
    assert report.status.summary == ("COLLECT", *OK)
    assert report["LocalId"] == pair.elements["LocalId"]
    assert not report.path.with_suffix(".dat").exists()


def test_all_reports_off(lab: Lab, sandbox: Sandbox) -> None:
    """With reports.collect off IN stays empty."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"collect": False})
    site.drop("file", b"content")
    site.run_ok()
    assert site.names("SENT") == ["file.ctl", "file.dat"]
    assert site.names("IN") == []


def test_transfer_report_on(lab: Lab, sandbox: Sandbox) -> None:
    """With reports.transfer on a sent pair is reported with its message id."""
    reports = {"collect": False, "transfer": True}
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports=reports)
    site.drop("file", b"content")
    site.run_ok()
    (report,) = site.reports()
    assert report.status.summary == ("TRANSFER", *OK)
    assert report.status.text == "Data Transfer success confirmation."
    assert_stamp(report.status.time)


def test_poll_report_on(lab: Lab, sandbox: Sandbox) -> None:
    """With reports.poll on every poll is reported as RECEIVE 00."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", reports={"poll": True})
    site.run_ok()
    assert site.reports("RECEIVE")[0].status.summary == ("RECEIVE", *OK)


def test_save_sent_off(lab: Lab, sandbox: Sandbox, receiver: Site) -> None:
    """With save_sent: false a sent pair is removed; a failed one is kept."""
    site = lab.site(sandbox).add_mailbox("X26ABC1", save_sent=False)
    site.drop("good", b"content")
    site.drop("bad", b"content", From_DTS="X26ABC2")
    site.run_once()
    receiver.run_ok()
    assert len(receiver.received()) == 1
    assert site.names("SENT") == site.names("OUT") == site.names("TEMP") == []
    assert site.names("FAILED") == ["bad.ctl", "bad.dat"]


def test_times_are_local(lab: Lab, sandbox: Sandbox) -> None:
    """Times in control files are those of the timezone in the settings."""
    site = lab.site(sandbox, "X26ABC1", timezone="Pacific/Auckland")
    site.drop("file", b"content")
    site.run_ok()
    assert_stamp(site.sent("file").status.time, "Pacific/Auckland")
    (report,) = site.reports("COLLECT")
    assert_stamp(report.status.time, "Pacific/Auckland")
    london = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H")
    assert not site.sent("file").status.time.startswith(london)


def test_reports_never_overwrite(sender: Site) -> None:
    """Pairs of the same name sent within one second leave one report each."""
    for _ in range(3):
        sender.drop("file", b"content")
        sender.run_ok()
    assert len(sender.reports("COLLECT")) == 3


def test_report_is_there_before_the_service_answers(sender: Site, sandbox: Sandbox) -> None:
    """The COLLECT report comes when the pair is picked up, not when it is sent."""
    sender.service["stall_timeout"] = "1h"
    sender.write_conf()
    sandbox.fault("POST", "/outbox", delay_ms=3_600_000)
    sender.drop("file", b"content")
    sender.start_daemon()
    wait_for(lambda: sender.reports("COLLECT"), "the COLLECT report")
    assert sender.names("SENT") == []
    sender.kill_daemon()
