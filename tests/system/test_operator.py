# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""hold, release, retry, resolve and verify: with a running daemon and without one."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab
from harness.process import Result
from harness.sandbox import Sandbox
from harness.site import Site
from harness.waiting import tick, wait_for

MAILBOX = "X26ABC1"
LONG_WAIT = {"Retry-After": "3600"}


@pytest.fixture(params=["alone", "daemon"])
def running(request: pytest.FixtureRequest) -> bool:
    """Whether a daemon runs while the command does its work."""
    return request.param == "daemon"


@pytest.fixture(name="site")
def patient_site(lab: Lab, sandbox: Sandbox) -> Iterator[Site]:
    """A site that leaves a job in UNKNOWN for longer than any test."""
    site = lab.site(sandbox, MAILBOX, resolve_after="1h")
    yield site


def jobs(site: Site) -> list[dict[str, Any]]:
    """What meshdrop list says."""
    done = site.tool("list", "--json")
    assert done.code == 0, done
    return json.loads(done.out)


def only_job(site: Site) -> dict[str, Any]:
    """The only job there is."""
    (job,) = jobs(site)
    return job


def reach(site: Site, state: str, running: bool) -> str:
    """Works until the only job has a state; leaves a daemon running or not. Its id."""

    def reached() -> bool:
        return [job["state"] for job in jobs(site)] == [state]

    if running:
        site.start_daemon()
        wait_for(reached, f"a job that is {state}")
    else:
        site.cycle(reached, f"a job that is {state}")
    return only_job(site)["job"]


def defer(site: Site, sandbox: Sandbox, running: bool, stem: str = "file") -> str:
    """A job that waits for an hour."""
    sandbox.fault("POST", "/outbox", status=429, headers=LONG_WAIT)
    site.drop(stem, b"content")
    return reach(site, "DEFERRED", running)


def lose_answer(site: Site, sandbox: Sandbox, running: bool, **how: bool) -> str:
    """A job whose only POST may have arrived."""
    sandbox.fault("POST", "/outbox", **how)
    site.drop("file", b"content")
    return reach(site, "UNKNOWN", running)


def held_in_doubt(lab: Lab, sandbox: Sandbox, running: bool, **how: bool) -> tuple[Site, str]:
    """A job that nobody can ask about."""
    site = lab.site(sandbox)
    site.add_mailbox(MAILBOX, on_ambiguous="hold", local_id_when_empty="none")
    sandbox.fault("POST", "/outbox", **how)
    site.drop("file", b"content", LocalId="")
    return site, reach(site, "HELD", running)


def go_on(site: Site, running: bool, folder: str) -> None:
    """Works until the pair is in a folder."""
    if not running:
        site.cycle(lambda: site.names(folder), f"the pair in {folder}")
    wait_for(lambda: len(site.names(folder)) == 2 and not jobs(site), f"the pair in {folder}")
    if running:
        site.stop_daemon()
    assert site.names("OUT") == site.names("TEMP") == []
    assert orders(site) == []


def orders(site: Site) -> list[str]:
    """The orders that wait."""
    return sorted(os.listdir(state_of(site) / "orders"))


def state_of(site: Site) -> Path:
    """The mailbox's state folder."""
    return site.path / "state" / MAILBOX


def arrived(sandbox: Sandbox) -> int:
    """How many messages wait for the recipient."""
    return len(sandbox.inbox("X26ABC2"))


def says(done: Result, text: str) -> bool:
    """Whether a command worked and said something."""
    assert done.code == 0, done
    return text in done.out


# --- hold, release, retry


@pytest.mark.core
def test_hold_and_release(site: Site, sandbox: Sandbox, running: bool) -> None:
    """A held job stays where it is; released, it is sent once."""
    job = defer(site, sandbox, running)
    assert says(site.tool("hold", "file"), f"job {job}: HELD")
    assert (only_job(site)["state"], only_job(site)["text"]) == ("HELD", "held by an operator")
    again = site.tool("hold", job)
    assert says(again, "HELD"), again
    assert site.tool("retry", job[:-2]).code == 0
    go_on(site, running, "SENT")
    assert arrived(sandbox) == 1


def test_release_of_a_deferred_job_that_was_held(
    site: Site, sandbox: Sandbox, running: bool
) -> None:
    """release goes on where the job was, and does not wait for the old time."""
    job = defer(site, sandbox, running)
    site.tool("hold", job)
    done = site.tool("release", "-m", MAILBOX.lower(), job)
    assert done.code == 0, done
    assert job in done.out and "HELD" not in done.out
    go_on(site, running, "SENT")
    assert arrived(sandbox) == 1


def test_retry(site: Site, sandbox: Sandbox, running: bool) -> None:
    """A job that would wait for an hour goes at once; several names, one of them wrong."""
    job = defer(site, sandbox, running)
    done = site.tool("retry", "nothing-like-it", "file")
    assert done.code == 1, done
    assert "nothing-like-it" in done.err
    assert job in done.out
    go_on(site, running, "SENT")
    assert arrived(sandbox) == 1


# --- resolve


@pytest.mark.core
def test_adopt(site: Site, sandbox: Sandbox, running: bool) -> None:
    """The id that track finds is adopted: SENT, one POST, one message."""
    job = lose_answer(site, sandbox, running, drop_reply=True)
    local_id = site.read("TEMP", f"{job}.ctl")["LocalId"]
    tracked = json.loads(site.tool("track", "--json", local_id).out)
    found = tracked["message_id"]
    done = site.tool("resolve", job, "--adopt", found)
    assert done.code == 0, done
    go_on(site, running, "SENT")
    assert site.sent("file")["DTSId"] == found
    assert len(sandbox.posts(MAILBOX)) == 1
    assert sandbox.inbox("X26ABC2") == [found]


@pytest.mark.core
def test_resend(lab: Lab, sandbox: Sandbox, running: bool) -> None:
    """A held message that did not arrive is sent again, once."""
    site, job = held_in_doubt(lab, sandbox, running, refuse=True)
    assert arrived(sandbox) == 0
    assert site.tool("resolve", "--resend", job).code == 0
    go_on(site, running, "SENT")
    assert arrived(sandbox) == 1


def test_resend_after_the_last_attempt(lab: Lab, sandbox: Sandbox, running: bool) -> None:
    """An operator's resend is sent even where server_retry has been reached."""
    site = lab.site(sandbox)
    site.add_mailbox(MAILBOX, server_retry=0, local_id_when_empty="none")
    sandbox.fault("POST", "/outbox", status=500)
    site.drop("file", b"content", LocalId="")
    reach(site, "HELD", running)
    assert site.tool("resolve", "file", "--resend").code == 0
    go_on(site, running, "SENT")
    assert arrived(sandbox) == 1


@pytest.mark.parametrize("doubt", ["UNKNOWN", "HELD", "DEFERRED"])
def test_fail(lab: Lab, site: Site, sandbox: Sandbox, running: bool, doubt: str) -> None:
    """A job that is given up goes to FAILED with TRANSFER 06; nothing more is sent."""
    if doubt == "UNKNOWN":
        job = lose_answer(site, sandbox, running, refuse=True)
    elif doubt == "DEFERRED":
        job = defer(site, sandbox, running)
    else:
        site, job = held_in_doubt(lab, sandbox, running, refuse=True)
    posts = len(sandbox.posts(MAILBOX))
    done = site.tool("resolve", job, "--fail")
    assert done.code == 0, done
    go_on(site, running, "FAILED")
    status = site.failed("file").status
    assert status.summary == ("TRANSFER", "ERROR", "06")
    assert "operator" in status.text
    assert len(sandbox.posts(MAILBOX)) == posts
    assert arrived(sandbox) == 0


def test_after_a_crash_in_the_post(site: Site, sandbox: Sandbox) -> None:
    """A record that ends with the intent is UNKNOWN when no daemon runs: it can be settled."""
    # Nothing ends the POST while we look.
    site.service["stall_timeout"] = "1h"
    site.write_conf()
    sandbox.fault("POST", "/outbox", delay_ms=3_600_000)
    site.drop("file", b"content")
    reach(site, "OPENING", True)
    refused = site.tool("resolve", "file", "--fail")
    assert refused.code == 1, refused
    assert "OPENING" in refused.err
    site.kill_daemon()
    assert site.tool("resolve", "file", "--fail").code == 0
    go_on(site, False, "FAILED")


# --- what is refused


def test_refused_orders(site: Site, sandbox: Sandbox, running: bool) -> None:
    """An order that does not fit the state says why, and leaves nothing behind."""
    job = defer(site, sandbox, running)
    for arguments, why in (
        (["release", job], "it is not held"),
        (["resolve", job, "--adopt", "20261122070600123456_ABCDEF"], "no doubt"),
        (["resolve", job, "--resend"], "no doubt"),
    ):
        done = site.tool(*arguments)
        assert done.code == 1, done
        assert "DEFERRED" in done.err and why in done.err
    site.tool("hold", job)
    done = site.tool("resolve", job, "--resend")
    assert done.code == 1, done
    assert orders(site) == []
    assert only_job(site)["state"] == "HELD"


def test_wrong_usage(site: Site) -> None:
    """What cannot be meant is refused before anything is looked at."""
    for arguments in (
        ["hold"],
        ["resolve", "job"],
        ["resolve", "job", "--fail", "--resend"],
        ["resolve", "job", "other", "--fail"],
        ["resolve", "job", "--adopt", "../../etc/passwd"],
        ["hold", "-m", "X26NONE", "job"],
    ):
        done = site.tool(*arguments)
        assert done.code in (1, 64), done
    assert site.tool("resolve", "job").code == 64


def test_which_job(site: Site, sandbox: Sandbox) -> None:
    """A name that two jobs have is refused with both ids; the whole id is always enough."""
    first = defer(site, sandbox, False)
    sandbox.fault("POST", "/outbox", status=429, headers=LONG_WAIT)
    site.drop("file", b"content")
    site.cycle(lambda: len(jobs(site)) == 2, "two jobs")
    second = next(job["job"] for job in jobs(site) if job["job"] != first)
    for name in ("file", "20"):
        done = site.tool("hold", name)
        assert done.code == 1, done
        assert first in done.err and second in done.err
    assert site.tool("hold", second).code == 0
    assert {job["job"]: job["state"] for job in jobs(site)}[first] != "HELD"
    assert site.tool("hold", "").code == 1


def test_damaged_record_is_no_job_to_order(site: Site, sandbox: Sandbox) -> None:
    """Nothing is built on a record that cannot be read."""
    job = defer(site, sandbox, False)
    damage(state_of(site) / "jobs" / f"{job}.job")
    before = (state_of(site) / "jobs" / f"{job}.job").read_bytes()
    done = site.tool("hold", job)
    assert done.code == 1, done
    assert job in done.err
    assert (state_of(site) / "jobs" / f"{job}.job").read_bytes() == before
    assert orders(site) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_another_user(site: Site, sandbox: Sandbox) -> None:
    """Who is not the daemon's user would leave files that it cannot open."""
    job = defer(site, sandbox, False)
    os.chown(state_of(site), 12345, -1)
    for arguments in (["hold", job], ["verify"]):
        done = site.tool(*arguments)
        assert done.code == 1, done
        assert "12345" in done.err
    assert only_job(site)["state"] == "DEFERRED"


def test_order_that_cannot_be_read(site: Site, sandbox: Sandbox) -> None:
    """A link among the orders is taken away and stops nothing."""
    job = defer(site, sandbox, True)
    wanted = site.path / "wanted"
    wanted.write_text("fail\n", encoding="utf-8")
    # Made where no turn of the daemon finds it before it has its name.
    (site.path / "link").symlink_to(wanted)
    (site.path / "link").rename(state_of(site) / "orders" / f"{job}.order")
    wait_for(lambda: orders(site) == [], "the link to be gone")
    assert only_job(site)["state"] == "DEFERRED"
    assert wanted.exists()
    site.stop_daemon()


# --- somebody has the lock


def test_order_waits(site: Site, sandbox: Sandbox) -> None:
    """Whoever has the lock does not read it: exit status 75; the next start does it."""
    job = defer(site, sandbox, False)
    with (state_of(site) / "lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = site.tool("hold", job)
        assert done.code == 75, done
        assert orders(site) == [f"{job}.order"]
    site.run_once()
    assert only_job(site)["state"] == "HELD"
    assert orders(site) == []


def test_lock_is_let_go(site: Site, sandbox: Sandbox) -> None:
    """The daemon ends without having read the order: it is carried out all the same."""
    job = defer(site, sandbox, False)
    with (state_of(site) / "lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found: list[Result] = []
        thread = threading.Thread(target=lambda: found.append(site.tool("hold", job)))
        thread.start()
        wait_for(lambda: orders(site) == [f"{job}.order"], "the order")
    thread.join(60)
    assert says(found[0], f"job {job}: HELD")
    assert orders(site) == []


# --- verify


def damage(path: Path) -> None:
    """Changes a byte in the first line."""
    data = bytearray(path.read_bytes())
    data[data.index(b" ") + 1] ^= 1
    with path.open("r+b") as file:
        file.write(data)


def findings(site: Site, running: bool) -> list[str]:
    """What verify finds in the mailbox; both forms must agree."""
    plain = site.tool("verify")
    done = site.tool("verify", "--json", "-m", MAILBOX)
    (found,) = json.loads(done.out)
    assert found["mailbox"] == MAILBOX
    assert found["running"] == running
    assert done.code == plain.code == (1 if found["findings"] else 0), done
    for text in found["findings"]:
        assert text in plain.out
    return found["findings"]


def test_verify_before_anything(site: Site) -> None:
    """Nothing was served yet: nothing is wrong, and nothing is made."""
    site.folder("SENT").rmdir()
    assert findings(site, False) == []
    assert not (site.path / "state").exists()
    assert not site.folder("SENT").exists()


def test_verify_clean(site: Site, sandbox: Sandbox, running: bool) -> None:
    """After a message that was sent, one that waits and one that was received."""
    job = defer(site, sandbox, running)
    site.drop("good", b"content", To_DTS=MAILBOX)
    if not running:
        site.cycle(lambda: site.received(), "a message")
    site.wait_received()
    wait_for(lambda: len(jobs(site)) == 1, "only the job that waits")
    # What is acknowledged is in the ledger.
    wait_for(lambda: sandbox.inbox(MAILBOX) == [], "the acknowledgement")
    assert findings(site, running) == []
    (found,) = json.loads(site.tool("verify", "--json").out)
    assert (found["jobs"], found["ledger_lines"]) == (1, 2)
    assert says(site.tool("verify"), "nothing is wrong")
    assert only_job(site)["job"] == job


def test_verify_while_much_happens(lab: Lab, sandbox: Sandbox) -> None:
    """What the daemon is doing at the moment is never reported."""
    site = lab.site(sandbox, MAILBOX)
    site.start_daemon()
    stop = threading.Event()

    def traffic() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            site.drop(f"file{number}", b"content", To_DTS=MAILBOX)
            wait_for(lambda: len(site.names("OUT")) < 20, "room in OUT")

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        site.wait_received(5)
        assert findings(site, True) == []
    finally:
        stop.set()
        thread.join(60)
    site.stop_daemon()


def test_verify_looks_twice(site: Site) -> None:
    """What is seen once only, while somebody else has the lock, does not count."""
    site.run_ok()
    temp = site.folder("TEMP")
    stop = threading.Event()
    renamed: list[float] = []

    def orphan(number: int) -> Path:
        return temp / f"202611220700{number:05}-0123abcd.dat"

    def keep_renaming() -> None:
        number = 0
        while not stop.is_set():
            orphan(number).rename(orphan(number + 1))
            renamed.append(time.monotonic())
            number += 1
            tick()

    def clean() -> bool:
        """Not known when one name stood for longer than what is between two looks."""
        wait_for(lambda: renamed, "a rename")
        before = len(renamed) - 1
        done = site.tool("verify")
        count = len(renamed)
        wait_for(lambda: len(renamed) > count, "a rename")
        pauses = [after - at for at, after in zip(renamed[before:], renamed[before + 1 :])]
        if max(pauses) > 0.9:
            return False
        assert done.code == 0, done
        return True

    orphan(0).write_bytes(b"content")
    assert len(findings(site, False)) == 1
    thread = threading.Thread(target=keep_renaming)
    with (state_of(site) / "lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert len(findings(site, True)) == 1
        thread.start()
        try:
            wait_for(clean, "a look while the renaming went on")
        finally:
            stop.set()
            thread.join(60)


def test_verify_damaged_record(site: Site, sandbox: Sandbox, running: bool) -> None:
    """A record with a wrong checksum is named."""
    job = defer(site, sandbox, running)
    damage(state_of(site) / "jobs" / f"{job}.job")
    (text,) = findings(site, running)
    assert f"{job}.job" in text


def test_verify_missing_data(site: Site, sandbox: Sandbox, running: bool) -> None:
    """A file that somebody took out of TEMP is missed."""
    job = defer(site, sandbox, running)
    (site.folder("TEMP") / f"{job}.dat").unlink()
    assert findings(site, running) == [
        f"job {job} is DEFERRED, but TEMP/{job}.dat is missing"
    ]
    (site.folder("TEMP") / f"{job}.ctl").unlink()
    assert len(findings(site, running)) == 2


def test_verify_damaged_ledger(site: Site, sandbox: Sandbox, running: bool) -> None:
    """A ledger line that was changed is named with its number."""
    site.drop("file", b"content")
    if running:
        site.start_daemon()
        site.wait_sent("file")
    else:
        site.run_ok()
    place = state_of(site) / "ledger"
    # The line comes after the archive.
    wait_for(lambda: any(file.stat().st_size for file in place.glob("*.log")), "the ledger's line")
    (ledger,) = place.glob("*.log")
    damage(ledger)
    assert findings(site, running) == [f"ledger/{ledger.name}: line 1 is damaged"]


def test_verify_missing_folder(site: Site, sandbox: Sandbox) -> None:
    """A folder that is gone is named, and not made again."""
    site.run_ok()
    site.folder("FAILED").rmdir()
    (text,) = findings(site, False)
    assert "FAILED" in text
    assert not site.folder("FAILED").exists()
