# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What must be true after every fault: folders, records, ledger and server compared.

check() looks; it changes nothing, and whatever it meets becomes a violation, not an exception.
With settled=False it asks only for what must hold in the very moment of a crash.

I1 a dropped pair is in exactly one of OUT, TEMP (with a record), SENT, FAILED; bytes unchanged;
   a file of a route likewise, in its folder instead of OUT, with a control file once it left that
I2 at most one visible message for a pair            I3 SENT means visible, with the same bytes
I4 acknowledged means that IN has it, same bytes     I5 nothing is published twice
I6 a control file is never in IN without its data    I7 nothing else was touched
I8 records and ledger can be read                    I9 no secret in what programs say
I10 without faults all settles in a bounded number of cycles
"""

import gzip
import hashlib
import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

FOLDERS = ("OUT", "TEMP", "SENT", "FAILED", "IN")
VISIBLE = ("accepted", "acknowledged")
# Codes of TRANSFER that say why a message waits: there may be several before its end.
WAITING = ("03", "04", "05")
# Elements of a dropped control file that its archived form must repeat.
KEPT = ("WorkflowId", "To_DTS", "From_DTS", "Subject", "LocalId", "MessageType")
LINE = re.compile(rb"(\d+) (\S+) ([A-Z]+)((?: [a-z_]+=\S*)*) #([0-9a-f]{8})")


@dataclass
class Dropped:
    """A pair that was dropped into OUT, and where it may end; or a file alone, its stem then is
    its whole name, and elements are those of the control file that it must get."""

    stem: str
    sha256: str
    ctl: bytes
    elements: dict[str, str | None]
    ends: frozenset[str] = frozenset({"SENT"})
    folder: str = "OUT"

    @property
    def alone(self) -> bool:
        """Whether it is a file of a route."""
        return self.folder != "OUT"


@dataclass
class Case:
    """All that a check needs to know; every member may be changed until then."""

    mailbox: str
    root: Path  # with IN, OUT, SENT, FAILED, TEMP
    state: Path  # STATE_DIR/MAILBOX
    messages: Path  # the sandbox's messages
    dropped: list[Dropped] = field(default_factory=list)
    incoming: dict[str, str] = field(default_factory=dict)  # id: SHA-256, "" for a report
    # id: the folder it goes to, if not IN, and its second name there, or ""
    deliver: dict[str, tuple[str, str]] = field(default_factory=dict)
    # name: SHA-256, by the consumer; second names as taken_second() has them
    taken: dict[str, str] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)  # names that the consumer met again
    excused: set[str] = field(default_factory=set)  # those that it may
    foreign: dict[Path, str] = field(default_factory=dict)  # file: SHA-256
    forbidden: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    save_sent: bool = True
    collect: bool = True  # a COLLECT report is wanted for each pair that is claimed

    def extra(self) -> list[str]:
        """The folders that messages go to, besides IN."""
        return sorted({folder for folder, _ in self.deliver.values()})


@dataclass
class Line:
    """A line of a record or of the ledger."""

    state: str
    facts: dict[str, str]


@dataclass
class Message:
    """A message as the sandbox holds it."""

    id: str
    status: str
    sender: str
    recipient: str
    report: bool
    sha256: str
    file_name: str
    local_id: str


@dataclass
class Verdict:
    """What a check found; no violation: all is well."""

    violations: list[str] = field(default_factory=list)
    lost: int = 0
    duplicated: int = 0
    corrupt: int = 0
    held: int = 0

    def lose(self, text: str) -> None:
        """Something is gone, or will never come."""
        self.lost += 1
        self.violations.append(f"LOST {text}")

    def double(self, text: str) -> None:
        """Something is there twice."""
        self.duplicated += 1
        self.violations.append(f"DUPLICATED {text}")

    def spoil(self, text: str) -> None:
        """Something is not what it was."""
        self.corrupt += 1
        self.violations.append(f"CORRUPT {text}")

    def wrong(self, text: str) -> None:
        """Any other broken promise."""
        self.violations.append(f"WRONG {text}")

    def add(self, other: "Verdict") -> None:
        """Takes over what another check found."""
        self.violations += other.violations
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.corrupt += other.corrupt
        self.held += other.held


# --- reading what is there


def hash_bytes(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()


def read_lines(path: Path) -> tuple[list[Line], str]:
    """All good lines from the start, and what is behind them: "", "torn" or "damaged"."""
    data = path.read_bytes()
    lines: list[Line] = []
    at = 0
    while True:
        end = data.find(b"\n", at)
        found = LINE.fullmatch(data[at:end]) if end >= 0 else None
        if not found or zlib.crc32(data[at:end][:-10]) != int(found[5], 16):
            break
        if int(found[1]) != len(lines) + 1:
            return lines, "damaged"
        words = found[4].decode("utf-8", "replace").split()
        facts = dict(word.split("=", 1) for word in words)
        lines.append(Line(found[3].decode(), facts))
        at = end + 1
    rest = data[at:].rstrip(b"\0")
    if not rest:
        return lines, ""
    return lines, "damaged" if b"\n" in rest else "torn"


def read_message(record: Path) -> Message:
    """One message of the sandbox, decoded."""
    facts = json.loads(record.read_text(encoding="utf-8"))
    body = b""
    for number in range(1, facts["total_chunks"] + 1):
        part = record.with_name(f"{facts['message_id']}.{number}")
        body += part.read_bytes() if part.exists() else b""
    if body[:2] == b"\x1f\x8b" and facts["status"] != "uploading":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            body = b"not gzip: " + body

    def text(key: str) -> str:
        value = facts.get(key, "")
        return value if isinstance(value, str) else ""

    return Message(
        facts["message_id"],
        facts["status"],
        text("sender"),
        text("recipient"),
        facts["message_type"] == "REPORT",
        hash_bytes(body),
        text("file_name"),
        text("local_id"),
    )


def read_messages(folder: Path) -> list[Message]:
    """All messages of the sandbox."""
    return [read_message(record) for record in sorted(folder.glob("*.json"))]


def read_elements(data: bytes) -> dict[str, str]:
    """A control file's elements, those of the StatusRecord as StatusRecord/NAME."""
    root = ElementTree.fromstring(data)
    found: dict[str, str] = {}
    for child in root:
        found[child.tag] = child.text or ""
        for inner in child:
            found[f"{child.tag}/{inner.tag}"] = inner.text or ""
    return found


def seconds(second: str, message: str) -> tuple[str, str]:
    """The second name, and the one it has where that is taken."""
    stem, dot, extension = second.rpartition(".")
    return second, f"{stem}~{message}{dot}{extension}"


def taken_second(folder: str, name: str, sha256: str) -> str:
    """What is noted of a second name that was taken: others may have it after that."""
    return f"{folder}/{name}@{sha256[:8]}"


# --- the check


class _Check:
    """One look at everything."""

    def __init__(self, case: Case, settled: bool):
        self.case = case
        self.settled = settled
        self.found = Verdict()
        self.files: dict[str, dict[str, bytes]] = {}
        self.messages: list[Message] = []
        self.jobs: dict[str, list[Line]] = {}

    def run(self) -> Verdict:
        """All of it, whatever goes wrong on the way."""
        for part in (
            self._read_folders,
            self._read_server,
            self._records,
            self._dropped,
            self._visible,
            self._received,
            self._in_folder,
            self._delivered,
            self._ledger,
            self._foreign,
            self._outputs,
        ):
            try:
                part()
            except Exception as problem:  # pylint: disable=broad-exception-caught
                name = part.__name__.strip("_")
                self.found.wrong(f"the check of {name} failed: {type(problem).__name__}: {problem}")
        return self.found

    def _read_folders(self) -> None:
        others = {pair.folder for pair in self.case.dropped} - set(FOLDERS)
        for folder in (*FOLDERS, *self.case.extra(), *sorted(others)):
            path = self.case.root / folder
            if not path.is_dir():
                if folder not in FOLDERS:
                    self.files[folder] = {}  # it is made with the first message
                    continue
                self.found.wrong(f"I7: the folder {folder} is gone")
                self.files[folder] = {}
                continue
            self.files[folder] = {
                entry.name: entry.read_bytes()
                for entry in path.iterdir()
                if entry.is_file() and entry not in self.case.foreign
            }

    def _read_server(self) -> None:
        self.messages = read_messages(self.case.messages)

    def _records(self) -> None:
        for path in sorted((self.case.state / "jobs").glob("*")):
            lines, rest = read_lines(path)
            self.jobs[path.stem] = lines
            if rest == "damaged" or (self.settled and rest):
                self.found.spoil(f"I8: the record {path.name} is {rest}")
            if self.settled and (not lines or lines[-1].state != "HELD"):
                state = lines[-1].state if lines else "empty"
                self.found.lose(f"I10: the job {path.stem} is still {state}")
        for path in sorted((self.case.state / "inbound").glob("*")):
            _, rest = read_lines(path)
            if rest == "damaged":
                self.found.spoil(f"I8: the record {path.name} is damaged")
            if self.settled:
                self.found.lose(f"I10: the delivery {path.stem} is not settled")

    # --- going out

    def _dropped(self) -> None:
        for pair in self.case.dropped:
            self._one_dropped(pair)

    def _places(self, pair: Dropped) -> list[tuple[str, str]]:
        """Folder and name of every file with the pair's data."""
        return [
            (folder, name)
            for folder in dict.fromkeys(("OUT", pair.folder, "TEMP", "SENT", "FAILED"))
            for name, data in self.files[folder].items()
            if hash_bytes(data) == pair.sha256
        ]

    def _one_dropped(self, pair: Dropped) -> None:
        places = self._places(pair)
        if not places and not self.case.save_sent and self._sent_before(pair):
            return
        if not places:
            self.found.lose(f"I1: the data of {pair.stem} is nowhere, or has changed")
            return
        if len(places) > 1:
            self.found.double(f"I1: the data of {pair.stem} is in {places}")
        folder, name = places[0]
        if pair.alone:
            self._made_control_file(pair, folder, name)
        else:
            self._control_file(pair, folder, name)
        end = folder
        if folder == "TEMP" and self.settled:
            job = name.removesuffix(".dat")
            lines = self.jobs.get(job, [])
            end = lines[-1].state if lines else "TEMP without a record"
            self.found.held += end == "HELD"
        if self.settled and end not in pair.ends:
            wanted = " or ".join(sorted(pair.ends))
            text = f"I1: {pair.stem} ended in {end}, not in {wanted}"
            if end in ("HELD", "SENT", "FAILED"):
                self.found.wrong(text)
            else:
                self.found.lose(text)

    def _sent_before(self, pair: Dropped) -> bool:
        return any(m.sha256 == pair.sha256 and m.status in VISIBLE for m in self.messages)

    def _control_file(self, pair: Dropped, folder: str, name: str) -> None:
        stem = name.rsplit(".", 1)[0]
        archived = self.files[folder].get(f"{stem}.ctl") if folder in ("SENT", "FAILED") else None
        original = [
            (place, other)
            for place in ("OUT", "TEMP", "FAILED")
            for other, data in self.files[place].items()
            if data == pair.ctl and not other.endswith(".ctl.original")
        ]
        beside = any(data == pair.ctl for data in self.files["FAILED"].values())
        if archived is None and not original and not beside:
            self.found.lose(f"I1: the control file of {pair.stem} is nowhere")
        if self.settled and len(original) + (archived is not None) > 1:
            self.found.double(f"I1: the control file of {pair.stem} is also in {original}")
        if archived is not None:
            self._archived(pair, folder, archived)

    def _made_control_file(self, pair: Dropped, folder: str, name: str) -> None:
        """Once the data has left its folder, what says to whom it goes is with it; or still in
        TEMP, when the data is archived already."""
        if folder == pair.folder:
            return
        stem = name.removesuffix(".dat")
        archived = self.files[folder].get(f"{stem}.ctl") if folder != "TEMP" else None
        made = [
            data
            for other, data in self.files["TEMP"].items()
            if other.endswith((".ctl", ".route")) and (folder != "TEMP" or other.startswith(stem))
        ]
        if archived is not None:
            self._archived(pair, folder, archived)
        elif self.settled and folder != "TEMP":
            self.found.lose(f"I1: {folder} has {name}, but no control file of it")
        elif not any(self._agrees(pair, data) for data in made):
            self.found.lose(f"I1: the control file of {pair.stem} is nowhere")

    @staticmethod
    def _agrees(pair: Dropped, data: bytes) -> bool:
        try:
            found = read_elements(data)
        except ElementTree.ParseError:
            return False
        return all(found.get(key) == value for key, value in pair.elements.items() if value)

    def _archived(self, pair: Dropped, folder: str, data: bytes) -> None:
        try:
            found = read_elements(data)
        except ElementTree.ParseError as problem:
            self.found.spoil(f"I1: the control file of {pair.stem} in {folder}: {problem}")
            return
        for name in KEPT:
            value = pair.elements.get(name)
            if value and found.get(name) != value:
                self.found.spoil(f"I1: {folder}/{pair.stem}.ctl has {name}={found.get(name)}")
        wanted = "SUCCESS" if folder == "SENT" else "ERROR"
        if found.get("StatusRecord/Status") != wanted:
            self.found.wrong(f"I1: {folder}/{pair.stem}.ctl does not say {wanted}")
        visible = self._visible_of(pair)
        if folder == "SENT" and found.get("DTSId") not in [m.id for m in visible]:
            self.found.lose(
                f"I3: SENT/{pair.stem}.ctl names {found.get('DTSId')}, the server shows "
                f"{[m.id for m in visible]}"
            )

    def _visible_of(self, pair: Dropped) -> list[Message]:
        return [
            message
            for message in self.messages
            if message.sender == self.case.mailbox
            and not message.report
            and message.status in VISIBLE
            and message.sha256 == pair.sha256
        ]

    def _visible(self) -> None:
        known = {pair.sha256 for pair in self.case.dropped}
        for pair in self.case.dropped:
            visible = self._visible_of(pair)
            if len(visible) > 1:
                self.found.double(f"I2: {pair.stem} was sent as {[m.id for m in visible]}")
            failed = any(hash_bytes(d) == pair.sha256 for d in self.files["FAILED"].values())
            if self.settled and visible and failed:
                self.found.wrong(f"I1: {pair.stem} is in FAILED, but was sent")
        for message in self.messages:
            ours = message.sender == self.case.mailbox and not message.report
            if ours and message.status in VISIBLE and message.sha256 not in known:
                self.found.spoil(f"I3: the server shows {message.id}, which nobody dropped")

    # --- coming in

    def _got(self, name: str) -> str | None:
        """The hash of a file that is in its folder, or that the consumer took from there."""
        folder, _ = self.case.deliver.get(name.rpartition(".")[0], ("IN", ""))
        if name in self.files[folder]:
            return hash_bytes(self.files[folder][name])
        return self.case.taken.get(name)

    def _received(self) -> None:
        ours = [m for m in self.messages if m.recipient == self.case.mailbox]
        ids = {message.id for message in ours}
        for gone in sorted(set(self.case.incoming) - ids):
            self.found.wrong(f"I4: the server has forgotten {gone}")
        for message in ours:
            if message.status == "acknowledged":
                self._acknowledged(message)
            elif self.settled and message.status == "accepted":
                self.found.lose(f"I10: {message.id} was not fetched and acknowledged")
            data = self._got(f"{message.id}.dat")
            wanted = self.case.incoming.get(message.id) or message.sha256
            if data is not None and (message.report or data != wanted):
                self.found.spoil(f"I6: IN/{message.id}.dat is not what was sent")

    def _acknowledged(self, message: Message) -> None:
        names = [f"{message.id}.ctl"] + ([] if message.report else [f"{message.id}.dat"])
        for name in names:
            if self._got(name) is None:
                self.found.lose(f"I4: {message.id} is acknowledged, but IN has no {name}")

    def _in_folder(self) -> None:
        ids = {m.id for m in self.messages if m.recipient == self.case.mailbox}
        reports: dict[tuple[str, str, str], int] = {}
        for name in self.case.twice:
            self.found.double(f"I5: the consumer met IN/{name} a second time")
        for name, data in self.files["IN"].items():
            stem, _, extension = name.rpartition(".")
            if name in self.case.taken:
                self.found.double(f"I5: IN/{name} came back after it had been taken")
            if stem in self.case.deliver:
                self.found.double(f"I5: IN/{name} belongs to {self.case.deliver[stem][0]}")
            if extension == "ctl":
                self._in_control(name, stem, data, reports)
            elif extension == "dat":
                if self.settled and f"{stem}.ctl" not in self.files["IN"]:
                    self.found.lose(f"I6: IN/{name} has no control file")
                if stem not in ids:
                    self.found.double(f"I5: IN/{name} has no message")
            else:
                self.found.wrong(f"I7: IN/{name} is not for consumers")
        for (local_id, event, status), count in reports.items():
            if count > 1:
                self.found.double(f"I5: {count} reports {event} {status} for {local_id}")
        if self.settled:
            self._reports_of_failures(reports)

    def _delivered(self) -> None:
        for folder in self.case.extra():
            for name in self.files[folder]:
                self._in_extra(folder, name)
        for message, (folder, second) in self.case.deliver.items():
            if second:
                self._second(message, folder, second)

    def _in_extra(self, folder: str, name: str) -> None:
        stem, _, extension = name.rpartition(".")
        names = self.files[folder]
        home, _ = self.case.deliver.get(stem, ("", ""))
        if home == folder and extension in ("dat", "ctl"):
            if name in self.case.taken:
                self.found.double(f"I5: {folder}/{name} came back after it had been taken")
            if extension == "ctl" and self._got(f"{stem}.dat") is None:
                self.found.wrong(f"I6: {folder}/{name} has no data file")
            if extension == "dat" and self.settled and f"{stem}.ctl" not in names:
                self.found.lose(f"I6: {folder}/{name} has no control file")
        elif not any(
            home == folder and name in seconds(second, message)
            for message, (home, second) in self.case.deliver.items()
        ):
            self.found.wrong(f"I7: {folder}/{name} is nobody's")

    def _second(self, message: str, folder: str, second: str) -> None:
        wanted = self.case.incoming[message]
        found = [
            name
            for name in seconds(second, message)
            if hash_bytes(self.files[folder].get(name, b"")) == wanted
        ]
        found += [
            name
            for name in seconds(second, message)
            if taken_second(folder, name, wanted) in self.case.taken
        ]
        excused = any(taken_second(folder, name, wanted) in self.case.excused for name in found)
        if len(found) > 1 and not excused:
            self.found.double(f"I5: {message} is in {folder} as {found}")
        if not found and f"{message}.ctl" in self.files[folder]:
            self.found.wrong(f"I6: {folder}/{message}.ctl is there before {second}")
        if not found and self.settled:
            self.found.lose(f"I4: {message} is in {folder}, but not as {second}")

    def _in_control(
        self, name: str, stem: str, data: bytes, reports: dict[tuple[str, str, str], int]
    ) -> None:
        try:
            found = read_elements(data)
        except ElementTree.ParseError as problem:
            self.found.spoil(f"I6: IN/{name}: {problem}")
            return
        by_id = any(m.id == stem for m in self.messages)
        if found.get("MessageType") == "Report":
            if not by_id:
                event = found.get("StatusRecord/Event", "")
                status = found.get("StatusRecord/Status", "")
                if event == "TRANSFER" and found.get("StatusRecord/StatusCode") in WAITING:
                    return
                key = (found.get("LocalId", "") or name, event, status)
                reports[key] = reports.get(key, 0) + 1
            return
        if not by_id:
            self.found.double(f"I5: IN/{name} has no message of its name")
        if f"{stem}.dat" not in self.files["IN"] and f"{stem}.dat" not in self.case.taken:
            self.found.wrong(f"I6: IN/{name} has no data file")

    def _reports_of_failures(self, reports: dict[tuple[str, str, str], int]) -> None:
        for pair in self.case.dropped:
            failed = any(hash_bytes(d) == pair.sha256 for d in self.files["FAILED"].values())
            local_id = pair.elements.get("LocalId") or ""
            said = any(owner == local_id and status == "ERROR" for owner, _, status in reports)
            if failed and local_id and not said:
                self.found.lose(f"I1: {pair.stem} failed, and IN has no report of it")
            collected = reports.get((local_id, "COLLECT", "SUCCESS"), 0)
            taken = any(name.startswith(f"{pair.stem}_COLLECT_") for name in self.case.taken)
            wanted = self.case.collect and local_id and pair.elements.get("To_DTS")
            if wanted and not collected and not taken:
                self.found.lose(f"I1: {pair.stem} was claimed, and IN has no COLLECT report of it")

    def _ledger(self) -> None:
        lines: list[Line] = []
        for path in sorted((self.case.state / "ledger").glob("*.log")):
            found, rest = read_lines(path)
            lines += found
            if rest == "damaged" or (self.settled and rest):
                self.found.spoil(f"I8: the ledger {path.name} is {rest}")
        seen: dict[str, int] = {}
        for line in lines:
            delivered = line.state == "DELIVERED"
            key = f"{line.facts.get('id', '?')}" if delivered else line.facts.get("job", "?")
            seen[f"{'message' if delivered else 'job'} {key}"] = (
                seen.get(f"{'message' if delivered else 'job'} {key}", 0) + 1
            )
        for key, count in seen.items():
            if count > 1:
                self.found.double(f"I8: the ledger has {count} lines of {key}")
        for message in self.messages:
            ours = message.recipient == self.case.mailbox and message.status == "acknowledged"
            if ours and f"message {message.id}" not in seen:
                self.found.wrong(f"I4: {message.id} was acknowledged before the ledger had it")
        if self.settled:
            ended = sum(
                hash_bytes(data) in {pair.sha256 for pair in self.case.dropped}
                for folder in ("SENT", "FAILED")
                for data in self.files[folder].values()
            )
            noted = sum(line.state in ("SENT", "FAILED") for line in lines)
            if self.case.save_sent and ended != noted:
                self.found.wrong(f"I8: {ended} pairs ended, the ledger has {noted}")

    # --- everything else

    def _foreign(self) -> None:
        for path, sha256 in self.case.foreign.items():
            if not path.exists():
                self.found.lose(f"I7: {path.parent.name}/{path.name} was not ours and is gone")
            elif hash_bytes(path.read_bytes()) != sha256:
                self.found.spoil(f"I7: {path.parent.name}/{path.name} was not ours and changed")
        if not self.settled:
            return
        for folder in ("OUT", "SENT", "FAILED"):
            for name, data in self.files[folder].items():
                if name.startswith("."):
                    self.found.wrong(f"I7: {folder}/{name} was left behind")
                elif name.endswith(".dat") and not any(
                    pair.sha256 == hash_bytes(data) for pair in self.case.dropped
                ):
                    self.found.spoil(f"I7: {folder}/{name} is nobody's")

    def _outputs(self) -> None:
        forbidden = [value.lower() for value in self.case.forbidden if value]
        for text in self.case.outputs:
            for line in text.splitlines():
                if any(value in line.lower() for value in forbidden):
                    self.found.wrong(f"I9: a secret was said: {line[:40]}...")


def check(case: Case, settled: bool) -> Verdict:
    """Looks at everything once."""
    return _Check(case, settled).run()


def is_settled(case: Case) -> bool:
    """Nothing is left to do: jobs ended or HELD, deliveries acknowledged, OUT empty of pairs."""
    out = case.root / "OUT"
    hashes = {pair.ctl for pair in case.dropped if not pair.alone}
    if any(entry.is_file() and entry.read_bytes() in hashes for entry in out.iterdir()):
        return False
    if any((case.root / pair.folder / pair.stem).exists() for pair in case.dropped if pair.alone):
        return False
    for path in (case.state / "jobs").glob("*"):
        lines, _ = read_lines(path)
        if not lines or lines[-1].state != "HELD":
            return False
    if any((case.state / "inbound").glob("*")):
        return False
    return not any(
        message.recipient == case.mailbox and message.status == "accepted"
        for message in read_messages(case.messages)
    )


def wait_of(case: Case) -> float:
    """The latest wall time (seconds since 1970) that a deferred job waits for; 0: none."""
    latest = 0.0
    for path in (case.state / "jobs").glob("*"):
        lines, _ = read_lines(path)
        if lines:
            latest = max(latest, waits_until(lines[-1]))
    return latest


def waits_until(line: Line) -> float:
    """When a job whose last line this is goes on, seconds since 1970; 0: it does not wait."""
    value = line.facts.get("not_before", "")
    if line.state not in ("DEFERRED", "UNKNOWN") or not value.isdigit():
        return 0.0
    number = int(value)  # milliseconds or nanoseconds
    return number / 1e9 if number > 10**15 else number / 1e3
