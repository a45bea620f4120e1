# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Certificates that come to their end, clocks that are wrong, and who is told."""

import functools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from common import HERE, Case, Context, Skip
from tls_certs import AUTHORITY, CLIENTS, RIGHT, Wish, chain, make, store
from tls_rig import Rig

from harness.certs import pem_of, write_private
from harness.process import Process
from harness.waiting import wait_for

DAY = 86400
OURS = RIGHT.but(cn="our client", ips=[], purpose=CLIENTS, start=-200)
BOTH_WAYS = 3000  # days: for the clocks that are wrong


class Clock:
    """Another time of day for the programs that are told so."""

    def __init__(self, context: Context):
        self.library = context.shared("clock", _Library).file
        self.file = context.path / "shift"
        self.set(0)

    def set(self, days: float) -> None:
        """So many days from now."""
        new = self.file.with_suffix(".new")
        new.write_text(str(int(days * DAY)), encoding="ascii")
        new.rename(self.file)

    @property
    def env(self) -> dict[str, str]:
        """What makes a program believe it."""
        return {
            "LD_PRELOAD": str(self.library),
            "CLOCK_SHIFT_FILE": str(self.file),
            "ASAN_OPTIONS": "verify_asan_link_order=0",
        }


class _Library:
    """clock_shift.c, compiled."""

    def __init__(self, context: Context):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            raise Skip("there is no C compiler")
        self.file = context.path / "clock_shift.so"
        command = [compiler, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(self.file)]
        done = subprocess.run(
            [*command, str(HERE / "clock_shift.c")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        """Nothing runs."""


def _site(context: Context, ours: Wish, *authorities: Wish) -> Rig:
    """A good service, our certificate, and authorities beside the one that is needed."""
    rig = Rig(context).serve_right()
    store(rig.path / "client", chain(rig.root, ours))
    more = [make(None, wish) for wish in authorities]
    pems = [pem_of(one.certificate) for one in (rig.root, *more)]
    write_private(rig.path / "cas.pem", b"".join(pems))
    return rig.use(
        certificate=rig.path / "client.pem",
        private_key=rig.path / "client.key",
        ca_file=rig.path / "cas.pem",
    )


def _lines(text: str, event: str, setting: str = "") -> list[str]:
    wanted = f" {event} setting={setting}"
    return [line for line in text.splitlines() if wanted in line]


# --- each place


def _warned(left: float, context: Context) -> None:
    """Our certificate ends within 60 days: everybody is told, and all goes on."""
    rig = _site(context, OURS.but(end=left + 0.01))
    rig.site.drop("letter", b"content")
    done = rig.run_with({})
    assert done.code == 0 and rig.site.names("SENT"), done
    (line,) = _lines(done.err, "certificate-expires", "certificate")
    assert f"days={int(left)} " in line and " warn " in line and 'subject="CN=our client"' in line
    again = rig.run_with({})
    assert len(_lines(again.err, "certificate-expires", "certificate")) == 1, again
    check = rig.site.tool("check", "--offline")
    assert f"ends in {int(left)} days" in check.out and "warn  certificate:" in check.out, check
    rig.site.start_daemon()
    status = rig.site.tool("status")
    wanted = f"the client certificate ends in {int(left)} days"
    assert wanted in status.out and "ask for a new one" in status.out, status
    assert status.code == 0, status
    (ours, *_rest) = _status(rig)["certificates"]
    assert ours["state"] == "expires" and ours["setting"] == "certificate", ours
    assert _metric(rig, "certificate_end_time_seconds", 'setting="certificate"') > 0
    rig.site.stop_daemon()


def _far(context: Context) -> None:
    """Over 60 days: silence."""
    rig = _site(context, OURS.but(end=60.01), AUTHORITY.but(end=60.01))
    done = rig.accepted()
    assert "certificate-" not in done.err, done
    check = rig.site.tool("check", "--offline")
    assert "ok    certificate:" in check.out and "warn  ca_file" not in check.out, check
    rig.site.start_daemon()
    status = rig.site.tool("status")
    assert "ask for a new one" not in status.out and "in ca_file" not in status.out, status
    rig.site.stop_daemon()


def _authority(left: float, context: Context) -> None:
    """Any CA of ca_file, not only the one that is needed, and not only the first to end."""
    ended = AUTHORITY.but(cn="ENDED CA", start=-99, end=-9)
    rig = _site(context, OURS, ended, AUTHORITY.but(cn="OTHER CA", end=left + 0.01))
    done = rig.accepted()
    (line,) = _lines(done.err, "certificate-expires", "ca_file")
    assert 'subject="CN=OTHER CA"' in line and f"days={int(left)} " in line, line
    (line,) = _lines(done.err, "certificate-expired", "ca_file")
    assert 'subject="CN=ENDED CA"' in line and " warn " in line, line
    check = rig.site.tool("check", "--offline")
    assert f"CN=OTHER CA ends in {int(left)} days" in check.out, check
    assert "CN=ENDED CA ended on" in check.out and check.code == 0, check
    rig.site.start_daemon()
    status = rig.site.tool("status")
    assert f"in ca_file, CN=OTHER CA ends in {int(left)} days" in status.out, status
    assert "in ca_file, CN=ENDED CA ended on" in status.out, status
    states = {one["subject"]: one["state"] for one in _status(rig)["certificates"]}
    assert states["CN=OTHER CA"] == "expires" and states["CN=ENDED CA"] == "expired", states
    assert _metric(rig, "certificate_end_time_seconds", 'subject="CN=OTHER CA"') > 0
    rig.site.stop_daemon()


def _all_ended(context: Context) -> None:
    """Nothing in ca_file is valid: the check fails."""
    rig = _site(context, OURS)
    store(rig.path / "ca", [make(None, AUTHORITY.but(start=-9, end=-1))])
    rig.use(ca_file=rig.path / "ca.pem")
    check = rig.site.tool("check", "--offline")
    assert "FAIL  ca_file:" in check.out and check.code == 1, check


# --- while the daemon runs


def _wait_lines(daemon: Process, event: str, count: int) -> list[str]:
    return wait_for(
        lambda: (found := _lines(daemon.text(), event)) if len(_lines(daemon.text(), event)) >= count
        else [],
        f"{count} lines of {event}",
        30,
    )


def _days_go_by(context: Context) -> None:
    """A daemon that runs for 70 days says it at each threshold, each day under 7, once each."""
    clock = Clock(context)
    rig = _site(context, OURS.but(end=65))
    daemon = rig.site.start_daemon(clock.env)
    assert not _lines(daemon.text(), "certificate-expires"), daemon.text()
    count = 0
    for day in (5.5, 20, 35.5, 45, 51.5, 55, 58.5, 59.5, 60.5, 61.5, 62.5, 63.5, 64.5):
        clock.set(day)
        count += day not in (20, 45, 55)  # Between thresholds.
        said = _wait_lines(daemon, "certificate-expires", count)
        written = _status(rig)["written"]
        wait_for(lambda: _status(rig)["written"] > written, "a later status", 30)  # noqa: B023
        assert len(_lines(daemon.text(), "certificate-expires")) == count, said
    days = [re.search(r"days=(\d+)", line) for line in said]
    assert [int(found.group(1)) for found in days if found] == [59, 29, 13, 6, 5, 4, 3, 2, 1, 0]
    clock.set(65.5)
    (line,) = _wait_lines(daemon, "certificate-expired", 1)
    assert "error" in line and "days=0" in line, line
    clock.set(66.5)
    _wait_lines(daemon, "certificate-expired", 2)
    assert len(_lines(daemon.text(), "certificate-expires")) == count
    rig.site.kill_daemon()


def _reload(context: Context) -> None:
    """A reload with the same certificate says nothing twice; with a new one the old is forgotten."""
    rig = _site(context, OURS.but(end=20))
    daemon = rig.site.start_daemon()
    for count in (1, 2):
        daemon.signal(1)
        wait_for(lambda: daemon.text().count(" reloaded ") >= count, "reloaded")  # noqa: B023
    assert len(_lines(daemon.text(), "certificate-expires")) == 1, daemon.text()
    store(rig.path / "client", chain(rig.root, OURS.but(end=10.5)))
    daemon.signal(1)
    said = _wait_lines(daemon, "certificate-expires", 2)
    assert "days=10 " in said[1], said
    store(rig.path / "client", chain(rig.root, OURS.but(end=400)))
    daemon.signal(1)
    wait_for(lambda: _status(rig)["certificates"][0]["state"] == "good", "the new one")
    assert len(_lines(daemon.text(), "certificate-expires")) == 2, daemon.text()
    rig.site.stop_daemon()


def _files_change(context: Context) -> None:
    """The files are read again each hour: what connections use is what is warned of."""
    clock = Clock(context)
    rig = _site(context, OURS)
    daemon = rig.site.start_daemon(clock.env | {"CLOCK_SHIFT_ALL": "1"})
    store(rig.path / "client", chain(rig.root, OURS.but(end=20.5)))
    clock.set(0.02)
    later = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 20 * 60))
    wait_for(lambda: _status(rig)["written"] > later, "a status of the new time", 30)
    assert not _lines(daemon.text(), "certificate-expires"), daemon.text()
    clock.set(0.05)
    (line,) = _wait_lines(daemon, "certificate-expires", 1)
    assert "days=20 " in line, line
    write_private(rig.path / "client.pem", b"nonsense")
    clock.set(0.10)
    daemon.wait_text("certificate-trouble")
    text = next(line for line in daemon.text().splitlines() if "certificate-trouble" in line)
    assert "is not a PEM certificate" in text and "client.pem" in text, text
    store(rig.path / "client", chain(rig.root, OURS))
    clock.set(0.15)
    daemon.wait_text("certificate-well")
    assert len(_lines(daemon.text(), "certificate-expires")) == 1, daemon.text()
    rig.site.kill_daemon()


# --- a clock that is wrong


def _clock(days: float, said: str, event: str, context: Context) -> None:
    """Years ahead, or behind: nothing is sent, and the clock is named."""
    clock = Clock(context)
    clock.set(days)
    rig = _site(context, OURS)
    done = rig.refused(said, "this machine's clock is wrong", env=clock.env)
    assert f"error  {event} setting=certificate" in done.err, done


def _clock_comes_back(context: Context) -> None:
    """The daemon goes on by itself when the clock is right again."""
    clock = Clock(context)
    clock.set(-BOTH_WAYS)
    rig = _site(context, OURS)
    daemon = rig.site.start_daemon(clock.env)
    rig.site.drop("letter", b"content")
    daemon.wait_text("this machine's clock is wrong")
    clock.set(0)
    rig.site.wait_sent("letter", timeout=120)
    daemon.wait_text("service-well")
    rig.site.stop_daemon()


# --- metrics.prom

SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (-?\d+)')


def _status(rig: Rig) -> dict:
    return json.loads((Path(rig.site.daemon["state_dir"]) / "status.json").read_text("utf-8"))


def _samples(rig: Rig) -> dict[tuple[str, str], int]:
    """The file by the rules of its format: whole lines, a head each, no line twice."""
    text = (Path(rig.site.daemon["state_dir"]) / "metrics.prom").read_text("utf-8")
    assert text.endswith("\n"), text
    kinds: dict[str, str] = {}
    helped: set[str] = set()
    found: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "#":
            what, name, value = rest.split(" ", 2)
            assert name not in (helped if what == "HELP" else kinds), line
            if what == "HELP":
                helped.add(name)
            else:
                assert name in helped and value in ("counter", "gauge"), line
                kinds[name] = value
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        name, labels, number = sample.groups()
        assert kinds[name] == "counter" or not name.endswith("_total"), line
        assert (name, labels or "") not in found, line
        found[name, labels or ""] = int(number)
    return found


def _metric(rig: Rig, name: str, label: str) -> int:
    found = [value for (known, labels), value in _samples(rig).items()
             if known == f"meshdrop_{name}" and label in labels]
    assert len(found) == 1, f"{name} {label}: {_samples(rig)}"
    return found[0]


def _metrics(context: Context) -> None:
    """Every number of status.json, for each mailbox, with the value that stands there."""
    rig = _site(context, OURS, AUTHORITY.but(cn="TWIN"), AUTHORITY.but(cn="TWIN"),
                AUTHORITY.but(cn='quote " back \\ end'))
    rig.site.add_mailbox("X26ABC2")
    rig.accepted()
    samples = _samples(rig)
    status = _status(rig)
    for mailbox in status["mailboxes"]:
        label = f'mailbox="{mailbox["id"]}"'
        for key, value in mailbox.items():
            if not isinstance(value, int) or key == "oldest_in_out_s":
                continue
            names = [(f"meshdrop_{key}{end}", label) for end in ("_total", "")]
            assert [samples[name] for name in names if name in samples] == [value], key
            context.count("metrics_compared")
    assert samples["meshdrop_running", ""] == 0, samples
    assert samples["meshdrop_sent_total", 'mailbox="X26ABC1"'] == 1, samples
    assert samples["meshdrop_written_time_seconds", ""] > 1_700_000_000, samples
    ends = [labels for name, labels in samples if name == "meshdrop_certificate_end_time_seconds"]
    assert len(ends) == 5 and sum("TWIN" in labels for labels in ends) == 2, ends


def _metrics_whole(context: Context) -> None:
    """Whoever reads at any moment reads a whole file, as the daemon writes it again and again."""
    rig = _site(context, OURS)
    rig.site.start_daemon()
    seen = set()
    for number in range(40):
        rig.site.drop(f"letter{number}", b"content")
        for _ in range(10):
            seen.add(len(_samples(rig)))
    rig.site.wait_sent("letter39")
    wait_for(lambda: _metric(rig, "sent_total", "X26ABC1") == 40, "40 in metrics.prom")
    assert _samples(rig)["meshdrop_running", ""] == 1
    rig.site.stop_daemon()
    assert _samples(rig)["meshdrop_running", ""] == 0


def _case(name: str, function: Callable[..., None], *arguments: object) -> Case:
    return Case(name, functools.partial(function, *arguments))


CASES = [
    *(_case(f"warn-ours-{left}", _warned, left) for left in (59, 29, 13, 6, 1, 0)),
    *(_case(f"warn-ca-{left}", _authority, left) for left in (59, 6)),
    Case("warn-not-yet", _far),
    Case("warn-all-cas-ended", _all_ended),
    Case("warn-days-go-by", _days_go_by, limit=600.0),
    Case("warn-reload", _reload, limit=300.0),
    Case("warn-files-change", _files_change, limit=300.0),
    _case("clock-ahead", _clock, BOTH_WAYS, "has expired", "certificate-expired"),
    _case("clock-behind", _clock, -BOTH_WAYS, "is not valid yet", "certificate-not-yet-valid"),
    Case("clock-comes-back", _clock_comes_back, limit=300.0),
    Case("metrics", _metrics),
    Case("metrics-whole", _metrics_whole, limit=300.0),
]
