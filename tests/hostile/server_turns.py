# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A service that keeps a mailbox from one thing must not keep it from the others."""

from collections.abc import Iterator
from typing import Any

from common import Case, Context
from harness.payloads import text_bytes
from harness.waiting import wait_for
from server_rig import BEFORE, LIST, SEND, TRACK, Bench, Handler, World, raw, whole

PAYLOAD = text_bytes(5000)


def _sent_ids(world: World) -> set[str]:
    """The LocalIds of all first POSTs."""
    return {head.headers.get("mex-localid", "") for kind, head in list(world.asked) if kind == SEND}


def _starved(send: Handler, track: Handler | None, local_id: str) -> Any:
    """No pair can be sent: the inbox is emptied meanwhile, and each pair has its turn."""

    def run(context: Context) -> None:
        bench = Bench(context, poll_interval="1s", scan_interval="1s", resolve_after="0s")
        for number in range(3):
            bench.site.drop(f"pair{number}", PAYLOAD, Compress="N",
                            LocalId=local_id and f"{local_id}-{number}")
        bench.world.honest(BEFORE, b"hello")
        bench.world.on[SEND] = send
        if track:
            bench.world.on[TRACK] = track
        bench.site.start_daemon()
        wait_for(lambda: BEFORE in bench.world.acknowledged, "what is in the inbox", 20.0)
        wait_for(lambda: len(_sent_ids(bench.world)) >= 2, "another pair's turn", 20.0)
        lists = bench.world.count(LIST)
        wait_for(lambda: bench.world.count(LIST) > lists + 2, "the polls to go on", 20.0)
        bench.site.stop_daemon()
        assert not bench.world.wrong, bench.world.wrong
        assert " sending-trouble " in bench.log(), bench.log()

    return run


def cases() -> list[Case]:
    """All of this file."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    for status in (400, 404, 405):
        page = raw(whole(["Content-Type: text/html"], b"<html>blocked", status))
        yield Case(f"starve-{status}", _starved(page, None, "ours"), status == 400)
    away = raw(whole([], b"", 503))
    yield Case("starve-tracking", _starved(raw(b""), away, ""))
