# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Comparing a control file, byte for byte, with the form that applications rely on."""

import datetime
import re
import zoneinfo
from pathlib import Path

from harness.ctlfile import ControlFile

_FORMS = Path(__file__).resolve().parents[1] / "golden"
_FIELDS = {
    "SUBJECT": "Subject",
    "LOCALID": "LocalId",
    "DTSID": "DTSId",
    "PARTNERID": "PartnerId",
    "DESCRIPTION": "StatusRecord/Description",
}
_CLOSE = datetime.timedelta(minutes=10)


def assert_form(ctl: ControlFile, form: str) -> None:
    """The file is the form with @NAME@ replaced by its own values, and nothing else."""
    text = (_FORMS / form).read_text(encoding="utf-8")
    for mark, element in _FIELDS.items():
        if f"@{mark}@" in text:
            text = text.replace(f"@{mark}@", ctl[element])
    text = text.replace("@DATETIME@", ctl.status.time)
    assert ctl.text == text
    assert_stamp(ctl.status.time)


def assert_stamp(stamp: str, zone: str = "Europe/London") -> None:
    """Fourteen digits that are about now in a zone's local time."""
    assert re.fullmatch(r"\d{14}", stamp), stamp
    now = datetime.datetime.now(datetime.timezone.utc)
    local = datetime.datetime.strptime(stamp, "%Y%m%d%H%M%S")
    # In the hour that comes twice a year it may be either.
    thens = (local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold) for fold in (0, 1))
    assert any(abs(now - then) < _CLOSE for then in thens), f"{stamp} is not now in {zone}"
