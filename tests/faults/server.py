#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The server's own rules, and what it may do in the middle of our work.

Delayed tracking, several messages of one LocalId, uploads that are not known any more,
chunks that are locked, tokens that serve once, delivery that takes its time, expiry, restarts.
Each point ends as those of network.py do: cycles without faults, then the check.
"""

import gzip
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from network_faults import catalogue
from network_rig import THEM, US, Bench, Found, Point, last_checks, main
from harness.site import WORKFLOW
from invariants import Message, check, is_settled, read_messages, wait_of
from proxy import (
    ACK,
    CHUNK,
    FINAL,
    FIRST,
    GET,
    GET_CHUNK,
    HANDSHAKE,
    LIST,
    SINGLE,
    TRACK_ID,
    TRACK_LOCAL,
    Exchange,
    Fault,
    Plan,
    Rule,
    made,
)
from network import NOISE, SMALL_CHUNKS, WORDS

QUICK = 60
LOCAL = "the-same-local-id"
_FAULTS = {kind.fault.name: kind.fault for kind in catalogue()}

# The answer to the POST is lost: after the work was done, and before.
DONE = ("done-reset", "done-bye", "status-503-after", "json-empty", "status-200-after")
NOT_DONE = ("read-reset", "read-bye", "status-503-before", "cut-half-reset", "status-403-before")

Run = Callable[[Bench, Found], None]
POINTS: list[Point] = []


def _point(name: str, run: Run, why_held: str = "") -> None:
    POINTS.append(Point(name, run, held_because=why_held))


def _lose(bench: Bench, kind: str, fault: str, found: Found) -> None:
    """One cycle in which the answer to a request is lost."""
    seen = bench.run(Plan([Rule(kind, 1, _FAULTS[fault])]))
    if not any(request.fault == fault for request in seen):
        found.verdict.wrong("the fault was never met")


def _ends(bench: Bench, *ends: str) -> None:
    for pair in bench.case.dropped:
        pair.ends = frozenset(ends)


def _wait(bench: Bench) -> None:
    """Until the job that waits for a time may go on."""
    while (left := wait_of(bench.case) - time.time()) > 0:
        threading.Event().wait(min(left + 0.01, 1.0))


def _settle_in_time(bench: Bench, found: Found, cycles: int = 8) -> None:
    """Cycles without faults, none before its time."""
    while found.cycles < cycles and not is_settled(bench.case):
        _wait(bench)
        bench.run()
        found.cycles += 1


def _ours(bench: Bench) -> list[Message]:
    return [m for m in read_messages(bench.case.messages) if m.sender == US and not m.report]


def _send_as_us(bench: Bench, data: bytes, **headers: str) -> str:
    """Somebody else sends from our mailbox."""
    api = bench.sandbox.api(US)
    try:
        return api.send(THEM, WORKFLOW, data, **headers)
    finally:
        api.close()


# --- tracking lags behind


def _delayed(fault: str, delay: int, after: str, gap: str) -> Run:
    def run(bench: Bench, found: Found) -> None:
        bench.fresh({"resolve_after": after, "resolve_gap": gap})
        bench.drop("file", WORDS)
        _lose(bench, SINGLE, fault, found)
        bench.sandbox.settings(track_delay_s=delay)
        _settle_in_time(bench, found)
        last_checks(bench, found)

    return run


def _delayed_points() -> None:
    for fault in (*DONE, *NOT_DONE):
        _point(f"track-delay:within-settle-time:{fault}", _delayed(fault, 1, "2s", "0s"))
    for fault in (*DONE[:3], *NOT_DONE[:2]):
        _point(f"track-delay:between-two-looks:{fault}", _delayed(fault, 1, "0s", "2s"))


# --- one LocalId, several messages


def _shared(before: int, fault: str, *ends: str) -> Run:
    """So many messages of this LocalId are there already."""

    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        for number in range(before):
            _send_as_us(bench, b"older %d" % number, Mex_LocalID=LOCAL, Mex_FileName="file.dat")
        bench.drop("file", WORDS, LocalId=LOCAL)
        _ends(bench, *ends)
        _lose(bench, SINGLE, fault, found)
        _drop_theirs(bench, found)

    return run


def _drop_theirs(bench: Bench, found: Found) -> None:
    """The check, which must not ask who sent the older ones."""
    found.verdict.add(check(bench.case, settled=False))
    _forget_foreign(found)
    bench.settle(found)
    found.verdict.add(check(bench.case, settled=True))
    _forget_foreign(found)


def _forget_foreign(found: Found) -> None:
    kept = [text for text in found.verdict.violations if "which nobody dropped" not in text]
    found.verdict.corrupt -= len(found.verdict.violations) - len(kept)
    found.verdict.violations[:] = kept


def _newcomer(fault: str, *ends: str) -> Run:
    """A second message of this LocalId comes while ours is in doubt."""

    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        bench.drop("file", WORDS, LocalId=LOCAL)
        _ends(bench, *ends)
        _lose(bench, SINGLE, fault, found)
        _send_as_us(bench, b"newer", Mex_LocalID=LOCAL, Mex_FileName="other.dat")
        _drop_theirs(bench, found)

    return run


def _two_pairs(fault: str, *ends: str) -> Run:
    """Two pairs of ours, alike in all but their bytes, and the first one's answer is lost."""

    def run(bench: Bench, found: Found) -> None:
        # The check takes two reports of one LocalId for one report that came twice.
        bench.fresh(None, reports={"collect": False})
        bench.case.collect = False
        bench.drop("file", NOISE[:3000], LocalId=LOCAL, Compress="N")
        _ends(bench, *ends)
        _lose(bench, SINGLE, fault, found)
        bench.drop("file", NOISE[3000:6000], LocalId=LOCAL, Compress="N")
        _ends(bench, *ends)
        last_checks(bench, found)

    return run


WHY_SEVERAL = "several messages have this LocalId"


def _shared_points() -> None:
    for fault in DONE:
        _point(f"local-id:one-before:{fault}", _shared(1, fault, "SENT", "HELD"), WHY_SEVERAL)
        _point(f"local-id:two-before:{fault}", _shared(2, fault, "HELD"), WHY_SEVERAL)
        _point(f"local-id:one-after:{fault}", _newcomer(fault, "HELD"), WHY_SEVERAL)
        _point(f"local-id:twins:{fault}", _two_pairs(fault, "SENT", "HELD"), WHY_SEVERAL)
    for fault in NOT_DONE:
        _point(f"local-id:one-before:{fault}", _shared(1, fault, "SENT"))
        _point(f"local-id:two-before:{fault}", _shared(2, fault, "HELD"), WHY_SEVERAL)
        _point(f"local-id:one-after:{fault}", _newcomer(fault, "HELD"), WHY_SEVERAL)
        _point(f"local-id:twins:{fault}", _two_pairs(fault, "SENT", "HELD"), WHY_SEVERAL)


# --- HELD, and what an operator or a policy makes of it


def _operator(fault: str, order: str, *ends: str) -> Run:
    """Tracking knows two of this LocalId: HELD; then an order."""

    def run(bench: Bench, found: Found) -> None:
        _shared(2, fault, "HELD")(bench, found)
        found.verdict.held = 0
        (job,) = bench.states()
        ours = [m for m in _ours(bench) if m.sha256 == bench.case.dropped[0].sha256]
        text = order.replace("ID", ours[0].id) if ours else order
        (bench.case.state / "orders" / f"{job}.order").write_text(f"{text}\n", encoding="ascii")
        _ends(bench, *ends)
        bench.run()
        _drop_theirs(bench, found)

    return run


def _policy(fault: str, policy: str, *ends: str) -> Run:
    def run(bench: Bench, found: Found) -> None:
        bench.fresh(None, on_ambiguous=policy)
        for number in range(2):
            _send_as_us(bench, b"older %d" % number, Mex_LocalID=LOCAL, Mex_FileName="file.dat")
        bench.drop("file", WORDS, LocalId=LOCAL)
        _ends(bench, *ends)
        _lose(bench, SINGLE, fault, found)
        _drop_theirs(bench, found)

    return run


def _held_points() -> None:
    _point("held:adopt", _operator("done-reset", "adopt ID", "SENT"))
    _point("held:resend", _operator("read-reset", "resend", "SENT"))
    _point("held:fail", _operator("read-reset", "fail", "FAILED"))
    _point("held:release", _operator("done-reset", "release", "HELD"), WHY_SEVERAL)
    _point("held:retry", _operator("read-reset", "retry", "HELD"), WHY_SEVERAL)
    for fault in NOT_DONE[:2]:
        _point(f"on-ambiguous:resend:{fault}", _policy(fault, "resend", "SENT"))
        _point(f"on-ambiguous:fail:{fault}", _policy(fault, "fail", "FAILED"))


# --- tracking by local id is off


def _no_tracking(fault: str, known: bool, *ends: str) -> Run:
    """A message that was sent before shows whether such questions are answered at all.

    Without one, "not there" is believed: a first message whose answer is lost may then be
    sent twice. That is a limit of the promise, and so not tried here.
    """

    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        if known:
            bench.drop("before", NOISE[:2000])
            bench.run()
        bench.sandbox.settings(track_local_id=False)
        bench.proxy.new_message()
        bench.drop("file", WORDS).ends = frozenset(ends)
        _lose(bench, SINGLE, fault, found)
        last_checks(bench, found)

    return run


def _no_tracking_chunks(kind: str, fault: str) -> Run:
    def run(bench: Bench, found: Found) -> None:
        bench.fresh(SMALL_CHUNKS)
        bench.sandbox.settings(track_local_id=False)
        bench.drop("file", NOISE)
        _lose(bench, kind, fault, found)
        last_checks(bench, found)

    return run


WHY_OFF = "the service answers no look-up by LocalId"


def _tracking_off_points() -> None:
    for fault in (*DONE, *NOT_DONE):
        _point(f"track-off:single:{fault}", _no_tracking(fault, True, "HELD"), WHY_OFF)
    for fault in NOT_DONE:
        _point(f"track-off:first:{fault}", _no_tracking(fault, False, "SENT"))
    for kind in (FIRST, CHUNK, FINAL):
        for fault in ("done-reset", "read-reset"):
            _point(f"track-off:{kind}:{fault}", _no_tracking_chunks(kind, fault))


# --- look-ups that are never answered properly


def _odd_always(release: bool, *ends: str) -> Run:
    """Each look-up meets a page that is no answer: HELD in the end; a release asks anew."""

    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        bench.drop("file", WORDS)
        _ends(bench, *ends)
        _lose(bench, SINGLE, "done-reset", found)
        for _ in range(8):
            bench.run(Plan([Rule(TRACK_LOCAL, 1, _FAULTS["json-words"], 100)]))
        if list(bench.states().values()) != ["HELD"]:
            found.verdict.wrong(f"after many odd answers: {bench.states()}, not HELD")
        if release:
            for job in bench.states():
                order = bench.case.state / "orders" / f"{job}.order"
                order.write_text("release\n", encoding="ascii")
            bench.run()
        last_checks(bench, found)

    return run


def _odd_once_after(deferrals: int) -> Run:
    """Waits before the POST are not odd answers after it."""

    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        bench.drop("file", WORDS)
        for _ in range(deferrals):
            _lose(bench, SINGLE, "status-404-before", found)
            bench.hurry()
        _lose(bench, SINGLE, "done-reset", found)
        _lose(bench, TRACK_LOCAL, "json-words", found)
        last_checks(bench, found)

    return run


def _odd_points() -> None:
    _point("odd-look-up:always", _odd_always(False, "HELD"), "no look-up is ever answered")
    _point("odd-look-up:released", _odd_always(True, "SENT"))
    for deferrals in (0, 1, 4, 8):
        _point(f"odd-look-up:after-{deferrals}-deferrals", _odd_once_after(deferrals))


# --- uploads that are gone, or locked


def _mesh(status: int) -> Fault:
    body = b'{"detail": [{"event": "SEND", "code": "", "msg": "No"}]}'
    reply = made(status, body, "application/json")

    def act(exchange: Exchange) -> bool:
        exchange.read()
        exchange.wire.send(reply.wire())
        return True

    return Fault(f"mesh-{status}", act)


def _upload_refused(kind: str, status: int) -> Run:
    def run(bench: Bench, found: Found) -> None:
        bench.fresh(SMALL_CHUNKS)
        bench.drop("file", NOISE)
        bench.run(Plan([Rule(kind, 1, _mesh(status))]))
        last_checks(bench, found)

    return run


Act = Callable[[Bench], None]


def _hook(bench: Bench, act: Act) -> Fault:
    """Something happens at the server just before a request comes."""

    def go(exchange: Exchange) -> bool:
        exchange.read()
        act(bench)
        exchange.wire.send(exchange.forward().wire())
        return True

    return Fault("hook", go)


def _forget_uploads(bench: Bench) -> None:
    """The server loses what is not complete, as after days without a chunk."""
    bench.sandbox.stop()
    for message in read_messages(bench.case.messages):
        if message.status == "uploading":
            for path in bench.case.messages.glob(f"{message.id}.*"):
                path.unlink()
    bench.sandbox.start("--plain")
    bench.proxy.set_upstream(bench.sandbox.port)


def _restart(bench: Bench) -> None:
    bench.sandbox.stop()
    bench.sandbox.start("--plain")
    bench.proxy.set_upstream(bench.sandbox.port)


def _crash(bench: Bench) -> None:
    bench.sandbox.kill()
    bench.sandbox.start("--plain")
    bench.proxy.set_upstream(bench.sandbox.port)


def _expire(bench: Bench) -> None:
    """Everything that waits is too old; the next request finds it so."""
    bench.sandbox.settings(message_expiry_s=0)
    bench.sandbox.admin("GET", f"/mailbox/{US}")
    api = bench.sandbox.api(THEM)
    try:
        api.inbox()
    finally:
        api.close()
    bench.sandbox.settings(message_expiry_s=432000)


def _with_hook(prepare: Act, kind: str, act: Act, nth: int = 1) -> Run:
    def run(bench: Bench, found: Found) -> None:
        prepare(bench)
        seen = bench.run(Plan([Rule(kind, nth, _hook(bench, act))]))
        if not any(request.fault == "hook" for request in seen):
            found.verdict.wrong("the moment never came")
        last_checks(bench, found)

    return run


def _single(bench: Bench) -> None:
    bench.fresh()
    bench.drop("file", WORDS)


def _chunks(bench: Bench) -> None:
    bench.fresh(SMALL_CHUNKS)
    bench.drop("file", NOISE)


def _one_in(bench: Bench) -> None:
    bench.fresh()
    bench.deliver([gzip.compress(WORDS, mtime=0)], WORDS, Content_Encoding="gzip")


def _chunks_in(bench: Bench) -> None:
    bench.fresh()
    bench.deliver([NOISE[:10_000], NOISE[10_000:20_000], NOISE[20_000:]], NOISE)


def _locked(delay: int, fault: str) -> Run:
    """The last chunk arrived, tracking does not know it yet, and the chunk is locked."""

    def run(bench: Bench, found: Found) -> None:
        _chunks(bench)
        bench.sandbox.settings(track_delay_s=delay)
        _lose(bench, FINAL, fault, found)
        end = time.monotonic() + delay + 1
        while time.monotonic() < end and not is_settled(bench.case):
            bench.hurry()
            bench.run()
        last_checks(bench, found)

    return run


def _upload_points() -> None:
    for kind in (CHUNK, FINAL):
        for status in (404, 406, 410, 423):
            _point(f"upload:{kind}:{status}", _upload_refused(kind, status))
        _point(f"upload:{kind}:forgotten", _with_hook(_chunks, kind, _forget_uploads))
    for fault in DONE[:3]:
        _point(f"upload:locked:{fault}", _locked(2, fault))


# --- restarts and expiry in the middle of our work


def _middle_points() -> None:
    places: list[tuple[str, Act, str, int]] = [
        ("single", _single, HANDSHAKE, 1),
        ("single", _single, SINGLE, 1),
        ("single", _single, LIST, 1),
        ("chunks", _chunks, FIRST, 1),
        ("chunks", _chunks, CHUNK, 1),
        ("chunks", _chunks, FINAL, 1),
        ("one-in", _one_in, GET, 1),
        ("one-in", _one_in, ACK, 1),
        ("chunks-in", _chunks_in, GET_CHUNK, 1),
        ("chunks-in", _chunks_in, GET_CHUNK, 2),
        ("chunks-in", _chunks_in, ACK, 1),
    ]
    for name, prepare, kind, nth in places:
        _point(f"restart:{name}:{kind}-{nth}", _with_hook(prepare, kind, _restart, nth))
        _point(f"crash:{name}:{kind}-{nth}", _with_hook(prepare, kind, _crash, nth))
    for name, prepare, kind, nth in places:
        if name.endswith("-in"):
            _point(f"expiry:{name}:{kind}-{nth}", _with_hook(prepare, kind, _expire, nth))


# --- a token serves once


def _twice(exchange: Exchange) -> bool:
    """Something on the way sends the request twice; we see the second answer."""
    exchange.forward()
    exchange.wire.send(exchange.forward().wire())
    return True


def _replayed(prepare: Act, kind: str, before: tuple[str, str] = ("", "")) -> Run:
    fault = Fault("replayed", _twice)

    def run(bench: Bench, found: Found) -> None:
        prepare(bench)
        if before[0]:
            _lose(bench, *before, found)
            bench.hurry()
        seen = bench.run(Plan([Rule(kind, 1, fault)]))
        if not any(request.fault == "replayed" for request in seen):
            found.verdict.wrong("the moment never came")
        last_checks(bench, found)

    return run


def _token_points() -> None:
    for name, prepare, kinds in (
        ("single", _single, (HANDSHAKE, SINGLE, LIST)),
        ("chunks", _chunks, (FIRST, CHUNK, FINAL)),
        ("one-in", _one_in, (GET, ACK)),
        ("chunks-in", _chunks_in, (GET_CHUNK,)),
    ):
        for kind in kinds:
            _point(f"replay:{name}:{kind}", _replayed(prepare, kind))
    for fault in ("done-reset", "read-reset"):
        _point(f"replay:{TRACK_LOCAL}:{fault}", _replayed(_single, TRACK_LOCAL, (SINGLE, fault)))
        _point(f"replay:{TRACK_ID}:{fault}", _replayed(_chunks, TRACK_ID, (FINAL, fault)))


# --- chunks in order, whatever is lost


def _lossy_chunks(*faults: str) -> Run:
    """Of five chunks, the answer to each POST is lost once."""

    def run(bench: Bench, found: Found) -> None:
        bench.fresh(SMALL_CHUNKS)
        bench.drop("file", NOISE + NOISE[::-1])
        for number in range(12):
            fault = _FAULTS[faults[number % len(faults)]]
            rules = [Rule(kind, 1, fault) for kind in (FIRST, CHUNK, FINAL, TRACK_ID)]
            # Every cycle starts anew: the first request of some kind is lost in each.
            bench.run(Plan([rules[number % len(rules)]]))
            bench.hurry()
        last_checks(bench, found)

    return run


def _order_points() -> None:
    _point("order:done-reset", _lossy_chunks("done-reset"))
    _point("order:read-reset", _lossy_chunks("read-reset"))
    _point("order:cut", _lossy_chunks("cut-half-reset", "cut-last-1-eof"))
    _point("order:mixed", _lossy_chunks("done-bye", "status-503-before", "json-empty"))


# --- delivery takes its time


def _async_out(fault: str) -> Run:
    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        bench.sandbox.settings(async_delay_s=2)
        bench.drop("file", WORDS)
        _lose(bench, SINGLE, fault, found)
        last_checks(bench, found)

    return run


def _async_in(bench: Bench, found: Found) -> None:
    bench.fresh()
    bench.sandbox.settings(async_delay_s=1)
    bench.deliver([WORDS], WORDS)
    end = time.monotonic() + 10
    while not is_settled(bench.case) and time.monotonic() < end:
        bench.run()
    last_checks(bench, found)


def _refused(lost: str, **elements: Any) -> Run:
    """Nobody has that mailbox: 417 and a report; perhaps the 417 is lost."""

    def run(bench: Bench, found: Found) -> None:
        bench.fresh()
        bench.drop("file", WORDS, To_DTS="X26NOBODY", **elements)
        _ends(bench, "FAILED", *(["HELD"] if lost else []))
        if lost:
            _lose(bench, SINGLE, lost, found)
        last_checks(bench, found)

    return run


def _other_points() -> None:
    for fault in (*DONE[:2], *NOT_DONE[:2]):
        _point(f"async:out:{fault}", _async_out(fault))
    _point("async:in", _async_in)
    _point("refused:told", _refused(""))
    why = "the service has a message of this LocalId that it refused"
    for fault in DONE:
        _point(f"refused:lost:{fault}", _refused(fault), why)
        _point(f"refused:lost-generated:{fault}", _refused(fault, LocalId=""), why)


def make_points() -> list[Point]:
    """All points, always in the same order."""
    if not POINTS:
        _delayed_points()
        _shared_points()
        _held_points()
        _tracking_off_points()
        _odd_points()
        _upload_points()
        _middle_points()
        _token_points()
        _order_points()
        _other_points()
    return POINTS


if __name__ == "__main__":
    sys.exit(main("server", make_points, QUICK))
