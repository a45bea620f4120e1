#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Every kind of network fault against every kind of request the daemon makes.

A point: an empty server, a scenario up to the request, one cycle in which that request
meets the fault, then cycles without faults until nothing is left to do, then the check.
"""

import gzip
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass

from network_rig import PATIENCE, Bench, Found, Point, last_checks, main
from network_faults import Kind, catalogue
from proxy import (
    ACK,
    BASELINE,
    CHUNK,
    FINAL,
    FIRST,
    GET,
    GET_CHUNK,
    HANDSHAKE,
    LIST,
    NEXT,
    SINGLE,
    TRACK_ID,
    TRACK_LOCAL,
    Fault,
    Plan,
    Rule,
    Seen,
)

QUICK = 160
WHOLE = 2000
# The daemon's in the cycle with the fault, where that is a silence. With little of it a busy
# machine may spoil the cycle in another place, as another silence: then once more, with more.
PATIENCES = (1, 4, 16)
SMALL_CHUNKS = {"chunk_size": "10k", "request_limit": "12k"}


def _noise(size: int) -> bytes:
    """Bytes that do not compress, the same each time."""
    return random.Random(size).randbytes(size)


NOISE = _noise(25_000)
WORDS = b"".join(b"line %d of a report, which compresses well\r\n" % n for n in range(200))
_FAULTS = {kind.fault.name: kind.fault for kind in catalogue()}


# --- scenarios


def _send_single(bench: Bench) -> None:
    bench.fresh()
    bench.drop("file", WORDS)


def _send_generated(bench: Bench) -> None:
    bench.fresh()
    bench.drop("file", NOISE[:5000], LocalId="", Compress="N")


def _send_large(bench: Bench) -> None:
    """More than libcurl would send without asking first, were it not told."""
    bench.fresh()
    bench.drop("file", _noise(1_300_000), Compress="N")


def _send_chunks(bench: Bench) -> None:
    bench.fresh(SMALL_CHUNKS)
    bench.drop("file", NOISE)


def _before(bench: Bench, kind: str, fault: str) -> None:
    """A cycle that ends in the doubt which the point is about."""
    bench.run(Plan([Rule(kind, 1, _FAULTS[fault])]))


def _resolve_present(bench: Bench) -> None:
    _send_single(bench)
    _before(bench, SINGLE, "done-reset")


def _resolve_absent(bench: Bench) -> None:
    _send_single(bench)
    _before(bench, SINGLE, "read-reset")


def _confirm_present(bench: Bench) -> None:
    _send_chunks(bench)
    _before(bench, FINAL, "done-reset")
    bench.hurry()


def _confirm_absent(bench: Bench) -> None:
    _send_chunks(bench)
    _before(bench, FINAL, "read-reset")
    bench.hurry()


def _recv_plain(bench: Bench) -> None:
    bench.fresh()
    bench.proxy.plain = True
    bench.deliver([NOISE], NOISE, Mex_FileName="a.dat")


def _recv_gzip(bench: Bench) -> None:
    bench.fresh()
    bench.deliver([gzip.compress(WORDS, mtime=0)], WORDS, Content_Encoding="gzip")


def _recv_chunks(bench: Bench) -> None:
    bench.fresh()
    bench.proxy.plain = True
    bench.deliver([NOISE[:10_000], NOISE[10_000:20_000], NOISE[20_000:]], NOISE)


def _recv_gzip_chunks(bench: Bench) -> None:
    bench.fresh()
    packed = gzip.compress(NOISE, mtime=0)
    parts = [packed[:10_001], packed[10_001:20_003], packed[20_003:]]
    bench.deliver(parts, NOISE, Content_Encoding="gzip")


def _recv_report(bench: Bench) -> None:
    bench.fresh()
    report = {
        "mailbox_id": "X26ABC1",
        "code": "14",
        "description": "Message not collected by recipient after 5 days",
        "workflow_id": "TEST_WORKFLOW",
        "linked_message_id": "20260101000000000000_ABCDEF",
    }
    answer = bench.sandbox.admin("POST", "/report", report)
    bench.case.incoming[answer["message_id"]] = ""


def _recv_pages(bench: Bench) -> None:
    bench.fresh()
    bench.proxy.page = 10
    for number in range(12):
        data = b"message %d" % number
        bench.deliver([data], data)


@dataclass(frozen=True)
class Scenario:
    """How to come before a request, and which requests are tried there."""

    name: str
    prepare: Callable[[Bench], None]
    targets: tuple[tuple[str, int], ...]
    groups: tuple[str, ...] = ()  # Of faults; all, unless some are named.


SCENARIOS = (
    Scenario("send-single", _send_single, ((HANDSHAKE, 1), (BASELINE, 1), (SINGLE, 1), (LIST, 1))),
    Scenario("send-generated", _send_generated, ((SINGLE, 1),)),
    Scenario(
        "send-large",
        _send_large,
        ((SINGLE, 1),),
        ("request", "cut", "early", "status-before", "status-after"),
    ),
    Scenario("send-chunks", _send_chunks, ((FIRST, 1), (CHUNK, 1), (FINAL, 1))),
    Scenario("resolve-present", _resolve_present, ((TRACK_LOCAL, 1),)),
    Scenario("resolve-absent", _resolve_absent, ((TRACK_LOCAL, 1), (TRACK_LOCAL, 2))),
    Scenario("confirm-present", _confirm_present, ((TRACK_ID, 1),)),
    Scenario("confirm-absent", _confirm_absent, ((TRACK_ID, 1), (FINAL, 1))),
    Scenario("recv-plain", _recv_plain, ((GET, 1),)),
    Scenario("recv-gzip", _recv_gzip, ((GET, 1), (ACK, 1))),
    Scenario("recv-chunks", _recv_chunks, ((GET, 1), (GET_CHUNK, 1), (GET_CHUNK, 2))),
    Scenario("recv-gzip-chunks", _recv_gzip_chunks, ((GET_CHUNK, 1),)),
    Scenario("recv-report", _recv_report, ((GET, 1),)),
    Scenario("recv-pages", _recv_pages, ((NEXT, 1),)),
)


# --- points


def _trace(bench: Bench, scenario: Scenario) -> list[str]:
    """The kinds of requests of an undisturbed cycle, in order."""
    if scenario.name not in bench.traces:
        scenario.prepare(bench)
        bench.traces[scenario.name] = [seen.kind for seen in bench.run()]
        bench.forget()
    return bench.traces[scenario.name]


def _place(trace: list[str], kind: str, nth: int) -> int:
    """How many requests come before the n-th of a kind."""
    places = [at for at, other in enumerate(trace) if other == kind]
    assert len(places) >= nth, f"there is no {kind} number {nth} in {trace}"
    return places[nth - 1]


def _make(scenario: Scenario, kind: Kind, target: str, nth: int) -> Callable[[Bench, Found], None]:
    fault = kind.fault

    def run(bench: Bench, found: Found) -> None:
        place = _place(_trace(bench, scenario), target, nth)
        for patience in PATIENCES if kind.slow else (PATIENCE,):
            scenario.prepare(bench)
            for pair in bench.case.dropped:
                pair.ends = _ends(kind, target)
            bench.be_patient(patience)
            seen, met = _meet(bench, fault, target, nth, place)
            bench.be_patient(PATIENCE)
            posts = [request for request in seen if request.kind in (SINGLE, FIRST)]
            if len(posts) > 1:
                found.verdict.wrong(f"{len(posts)} first POSTs in the cycle with the fault")
            found.cycles = 0
            last_checks(bench, found)
            if met or found.verdict.violations:
                return
            bench.forget()
        found.verdict.wrong("the fault was never met")

    return run


def _ends(kind: Kind, target: str) -> frozenset[str]:
    """Where a pair may be in the end."""
    if target in kind.may_hold:
        return frozenset({"SENT", "HELD"})
    if target not in kind.may_fail:
        return frozenset({"SENT"})
    # An answer before the body may be lost with the connection; else a no is a no.
    return frozenset({"SENT", "FAILED"} if kind.group == "early" else {"FAILED"})


def _meet(bench: Bench, fault: Fault, target: str, nth: int, place: int) -> tuple[list[Seen], bool]:
    """One cycle in which a request meets the fault, and whether it came to that."""
    if fault.act:
        seen = bench.run(Plan([Rule(target, nth, fault)]))
        return seen, any(request.fault == fault.name for request in seen)
    plan = Plan(door_after=place, door=fault)
    seen = bench.run(plan)
    return seen, len(seen) >= place and (fault.refuse or fault.drop or plan.door is None)


# Where the promise is decided: these are in every quick run.
CORE_TARGETS = (SINGLE, FINAL, GET, ACK)
CORE_FAULTS = (
    "done-reset", "done-bye", "done-eof", "read-reset", "cut-last-1-bye", "status-503-after",
    "status-202-after", "status-307-before", "status-417-before", "status-403-after",
    "json-empty", "no-length-cut", "half-body", "chunked-no-end", "long-length", "two-lengths",
    "gzip-cut", "gzip-no-trailer", "gzip-nothing", "other-message-id", "other-chunk",
    "plain-as-gzip",
)  # fmt: skip
CORE_SCENARIOS = ("send-single", "send-large", "send-chunks", "recv-plain", "recv-gzip")


def _is_core(scenario: Scenario, target: str, kind: Kind) -> bool:
    return (
        scenario.name in CORE_SCENARIOS
        and target in CORE_TARGETS
        and kind.fault.name in CORE_FAULTS
    )


def make_points() -> list[Point]:
    """All points, always in the same order."""
    points = []
    for scenario in SCENARIOS:
        for target, nth in scenario.targets:
            for kind in catalogue():
                if target not in kind.targets:
                    continue
                if kind.scenarios and scenario.name not in kind.scenarios:
                    continue
                if scenario.groups and kind.group not in scenario.groups:
                    continue
                number = f"-{nth}" if nth > 1 else ""
                name = f"{scenario.name}:{target}{number}:{kind.fault.name}"
                run = _make(scenario, kind, target, nth)
                core = _is_core(scenario, target, kind)
                points.append(Point(name, run, kind.slow, kind.why_held, core))
    return points


if __name__ == "__main__":
    sys.exit(main("network", make_points, QUICK, WHOLE))
