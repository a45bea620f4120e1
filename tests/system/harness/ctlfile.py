# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Control files: written as a sending application would, read as a receiving one would."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

# The order in which the forms of the samples have their elements.
ORDER = (
    "Version",
    "AddressType",
    "MessageType",
    "From_DTS",
    "To_DTS",
    "From_ESMTP",
    "To_ESMTP",
    "Subject",
    "LocalId",
    "DTSId",
    "PartnerId",
    "Compress",
    "Encrypted",
    "WorkflowId",
    "ProcessId",
    "DataChecksum",
    "IsCompressed",
    "AllowChunking",
)

MESSAGE_ID = re.compile(r"\d{20}_[0-9A-F]{6}")


def render(elements: dict[str, str | None]) -> str:
    """A control file for OUT; None leaves an element out."""
    lines = ["<DTSControl>"]
    for name, value in elements.items():
        if value is not None:
            lines.append(f"  <{name}>{escape(value)}</{name}>")
    return "\n".join([*lines, "</DTSControl>", ""])


@dataclass(frozen=True)
class Status:
    """A StatusRecord."""

    time: str
    event: str
    status: str
    code: str
    text: str

    @property
    def summary(self) -> tuple[str, str, str]:
        """What programs decide by."""
        return (self.event, self.status, self.code)


class ControlFile:
    """A control file that meshdrop wrote."""

    def __init__(self, path: Path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self._root = ET.fromstring(self.text)
        assert self._root.tag == "DTSControl", self.text

    def __getitem__(self, name: str) -> str:
        found = self._root.find(name)
        assert found is not None, f"{self.path.name} has no {name}:\n{self.text}"
        return found.text or ""

    def has(self, name: str) -> bool:
        """Whether an element is there."""
        return self._root.find(name) is not None

    @property
    def status(self) -> Status:
        """Its StatusRecord, which must be there."""
        names = ("DateTime", "Event", "Status", "StatusCode", "Description")
        return Status(*(self[f"StatusRecord/{name}"] for name in names))

    @property
    def is_report(self) -> bool:
        """Whether it is a report (and has no data file)."""
        return self["MessageType"] == "Report"


def read_ctl(path: Path) -> ControlFile:
    """Reads a control file."""
    return ControlFile(path)
