# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The checker itself: after a good run it is content, and each tampering is noticed.

MESHDROP_BUILDDIR names where the programs were built.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import scenarios  # noqa: E402
from harness.process import Programs  # noqa: E402
from scenarios import Bench, World  # noqa: E402


@pytest.fixture(name="bench", scope="module")
def _bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root = Path(__file__).resolve().parents[2]
    build = Path(os.environ.get("MESHDROP_BUILDDIR", root / "_build")).resolve()
    made = Bench(Programs(build), tmp_path_factory.mktemp("faults") / "bench")
    yield made
    made.close()


def _message(world: World, sender: str) -> Path:
    for record in sorted(world.case.messages.glob("*.json")):
        if json.loads(record.read_text(encoding="utf-8")).get("sender") == sender:
            return record
    raise AssertionError(f"no message of {sender}")


def _copy_message(world: World) -> None:
    record = _message(world, "X26ABC1")
    facts = json.loads(record.read_text(encoding="utf-8"))
    old, new = facts["message_id"], "20990101000000000000_ABCDEF"
    facts["message_id"] = new
    (record.parent / f"{new}.json").write_text(json.dumps(facts), encoding="utf-8")
    shutil.copy(record.parent / f"{old}.1", record.parent / f"{new}.1")


def _set_status(world: World, sender: str, status: str) -> None:
    record = _message(world, sender)
    facts = json.loads(record.read_text(encoding="utf-8"))
    facts["status"] = status
    record.write_text(json.dumps(facts), encoding="utf-8")


def _in_file(world: World, suffix: str) -> Path:
    return world.case.root / "IN" / _message(world, "X26ABC2").with_suffix(suffix).name


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _ledger(world: World) -> Path:
    return next((world.case.state / "ledger").iterdir())


def _twice(path: Path) -> None:
    """A line more, as good as the last one, about the same."""
    lines = path.read_bytes().splitlines()
    last = lines[-1].rsplit(b" #", 1)[0].split(b" ", 1)[1]
    text = f"{len(lines) + 1} ".encode() + last
    sum32 = scenarios.invariants.zlib.crc32(text)
    path.write_bytes(path.read_bytes() + text + f" #{sum32:08x}\n".encode())


def _rename_collect(world: World) -> None:
    for path in (world.case.root / "IN").glob("one_COLLECT_*"):
        shutil.copy(path, path.with_name("one_COLLECT_20990101000000.ctl"))


def _forget_collect(world: World) -> None:
    for path in (world.case.root / "IN").glob("one_COLLECT_*"):
        path.unlink()


def _root(world: World, name: str) -> Path:
    return world.case.root / name


TAMPERINGS: dict[str, tuple[str, Callable[[World], object]]] = {
    "data gone from SENT": ("I1", lambda w: _root(w, "SENT/one.dat").unlink()),
    "data changed in SENT": ("I1", lambda w: _flip(_root(w, "SENT/one.dat"))),
    "control file gone": ("I1", lambda w: _root(w, "SENT/one.ctl").unlink()),
    "data also in OUT": (
        "I1",
        lambda w: shutil.copy(_root(w, "SENT/one.dat"), _root(w, "OUT/one.dat")),
    ),
    "data in FAILED": (
        "I1",
        lambda w: [
            _root(w, f"SENT/one.{end}").rename(_root(w, f"FAILED/one.{end}"))
            for end in ("dat", "ctl")
        ],
    ),
    "data in TEMP without a record": (
        "I1",
        lambda w: _root(w, "SENT/one.dat").rename(_root(w, "TEMP/one.dat")),
    ),
    "sent twice": ("I2", _copy_message),
    "not visible": ("I3", lambda w: _set_status(w, "X26ABC1", "uploading")),
    "other bytes at the server": (
        "I3",
        lambda w: _flip(_message(w, "X26ABC1").with_suffix(".1")),
    ),
    "message gone from IN": (
        "I4",
        lambda w: [_in_file(w, end).unlink() for end in (".dat", ".ctl")],
    ),
    "message changed in IN": ("I6", lambda w: _flip(_in_file(w, ".dat"))),
    "message under two names": (
        "I5",
        lambda w: shutil.copy(_in_file(w, ".ctl"), _root(w, "IN/again.ctl")),
    ),
    "taken message is back": (
        "I5",
        lambda w: w.case.taken.update({_in_file(w, ".ctl").name: ""}),
    ),
    "control file without data": ("I6", lambda w: _in_file(w, ".dat").unlink()),
    "data without control file": ("I6", lambda w: _in_file(w, ".ctl").unlink()),
    "two reports": ("I5", _rename_collect),
    "no report": ("I1", _forget_collect),
    "file of others gone": ("I7", lambda w: next(iter(w.case.foreign)).unlink()),
    "file of others changed": ("I7", lambda w: _flip(next(iter(w.case.foreign)))),
    "a file more": ("I7", lambda w: _root(w, "SENT/who.dat").write_bytes(b"x")),
    "a hidden file more": ("I7", lambda w: _root(w, "OUT/.x").write_bytes(b"x")),
    "ledger damaged": ("I8", lambda w: _flip(_ledger(w))),
    "ledger says it twice": ("I8", lambda w: _twice(_ledger(w))),
    "ledger gone": ("I4", lambda w: _ledger(w).unlink()),
    "job left": ("I10", lambda w: (w.case.state / "jobs" / "x.job").write_bytes(b"")),
    "delivery left": ("I10", lambda w: (w.case.state / "inbound" / "x.msg").write_bytes(b"")),
    "not acknowledged": ("I10", lambda w: _set_status(w, "X26ABC2", "accepted")),
    "a secret said": ("I9", lambda w: w.case.outputs.append(f"key {w.sandbox.shared_key}")),
}


def _world(bench: Bench) -> World:
    world = bench.world("checker")
    scenarios.prepare(scenarios.BY_NAME["both-ways"], world)
    assert world.settle() == 1, world.case.outputs
    found = world.check(settled=True)
    assert not found.violations
    return world


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_noticed(bench: Bench, name: str) -> None:
    """Each broken promise becomes a violation of the right number."""
    world = _world(bench)
    number, tamper = TAMPERINGS[name]
    tamper(world)
    found = world.check(settled=True)
    for path in world.case.messages.glob("2099*"):
        path.unlink()  # the sandbox does not know it
    world.remove()
    assert any(f" {number}:" in text for text in found.violations), found


def _lab(world: World, suffix: str) -> Path:
    """A file of the first message in lab, or its second name."""
    first = min(world.case.deliver)
    return world.case.root / "lab" / (f"{first}{suffix}" if suffix else "result.pdf")


LAB_TAMPERINGS: dict[str, tuple[str, Callable[[World], object]]] = {
    "message gone": ("I4", lambda w: [_lab(w, end).unlink() for end in (".dat", ".ctl")]),
    "message changed": ("I6", lambda w: _flip(_lab(w, ".dat"))),
    "message in IN": ("I5", lambda w: shutil.copy(_lab(w, ".ctl"), _root(w, "IN"))),
    "control file without data": ("I6", lambda w: _lab(w, ".dat").unlink()),
    "data without control file": ("I6", lambda w: _lab(w, ".ctl").unlink()),
    "taken message is back": ("I5", lambda w: w.case.taken.update({_lab(w, ".ctl").name: ""})),
    "second name gone": ("I4", lambda w: _lab(w, "").unlink()),
    "second name twice": (
        "I5",
        lambda w: shutil.copy(_lab(w, ""), _root(w, f"lab/result~{min(w.case.deliver)}.pdf")),
    ),
    "a file more": ("I7", lambda w: _root(w, "lab/who.pdf").write_bytes(b"x")),
}


@pytest.mark.parametrize("name", LAB_TAMPERINGS)
def test_tampering_in_a_folder_is_noticed(bench: Bench, name: str) -> None:
    """The same for messages that have a folder of their own."""
    world = bench.world("checker")
    scenarios.prepare(scenarios.BY_NAME["deliver"], world)
    assert world.settle() == 1, world.case.outputs
    assert not world.check(settled=True).violations
    number, tamper = LAB_TAMPERINGS[name]
    tamper(world)
    found = world.check(settled=True)
    world.remove()
    assert any(f" {number}:" in text for text in found.violations), found


def test_good_in_all_scenarios(bench: Bench) -> None:
    """Without a fault there is nothing to complain of, before and after."""
    for scenario in scenarios.ALL:
        if scenario.moment:
            continue  # these begin with a kill, which takes strace
        world = bench.world(scenario.name)
        scenarios.prepare(scenario, world)
        assert not world.check(settled=False).violations, scenario.name
        assert world.settle() > 0, (scenario.name, world.case.outputs)
        found = world.check(settled=True)
        world.remove()
        assert not found.violations, (scenario.name, found)
