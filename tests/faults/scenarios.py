# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the daemon is doing when a fault strikes, and the small world it does it in.

A Bench has a sandbox and a directory; it makes Worlds, one for each point: a site with one
mailbox (X26ABC1) and fresh folders, while the sandbox is emptied. A Scenario prepares a world;
the run under test is one `meshdropd --once`; settle() restarts it without the fault.

A scenario may begin with crashes: "as SCENARIO, but killed at the moment that ..." so that its
run is a recovery. The moment is looked for in a trace, once, and then repeated.
"""

import gzip
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

# pylint: disable=wrong-import-position
import invariants  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.process import Programs, clean_environment  # noqa: E402
from harness.sandbox import Sandbox  # noqa: E402
from harness.secrecy import CANARY  # noqa: E402
from harness.site import Credentials, Site  # noqa: E402

MAILBOX = "X26ABC1"
OTHER = "X26ABC2"
WORKFLOW = "TEST_WORKFLOW"
LETTERS = "letters"
CHUNK = 20_000
CYCLES = 8
RUN_LIMIT = 50.0  # Shorter than the daemon's stall_timeout.
LONGEST_WAIT = 20.0
HANG = -1000

# Calls that change nothing outside the process; a kill before one of them is a kill before the
# next one.
INNER = frozenset(
    "brk mmap munmap mprotect madvise mremap futex rt_sigaction rt_sigprocmask rt_sigreturn "
    "sigaltstack clock_gettime gettimeofday getpid gettid getrandom prctl arch_prctl "
    "set_tid_address set_robust_list rseq prlimit64 sched_yield exit_group execve".split()
)


@dataclass(frozen=True)
class Call:
    """The k-th call of a name in a run, and what strace printed of it."""

    name: str
    k: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.k}"


class Bench:
    """A sandbox, and room for worlds; for one process."""

    def __init__(self, programs: Programs, path: Path, tls: bool = False):
        self.programs = programs
        self.path = path
        self.logs = path / "logs"
        self.logs.mkdir(parents=True)
        self.tls = tls
        self.sandbox = Sandbox(programs, path / "sandbox", self.logs)
        self.sandbox.start(*([] if tls else ["--plain"]))
        self.secrets = [self.sandbox.shared_key, CANARY]
        self.secrets += [box["password"] for box in self.sandbox.mailboxes]
        self.has_verify = self._probe("verify")
        self._api: Api | None = None
        self._number = 0

    def _probe(self, command: str) -> bool:
        """Whether the tool is built and knows a command."""
        tool = self.programs.build / "meshdrop"
        if not tool.is_file():
            return False
        done = subprocess.run([str(tool), command, "--help"], capture_output=True, check=False)
        return done.returncode == 0

    def world(
        self, seed: str = "", path: Path | None = None, url: str = "", **daemon: str
    ) -> "World":
        """A fresh world; the sandbox forgets all before. path: where the site shall be."""
        self.sandbox.admin("DELETE", "/reset")
        self._number += 1
        place = path or self.path / f"world{self._number}"
        return World(self, place, url or self.sandbox.url, seed, daemon)

    def api(self) -> Api:
        """The other side: mailbox X26ABC2."""
        if self._api is None:
            self._api = self.sandbox.api(OTHER)
        self._api.close()
        return self._api

    def close(self) -> None:
        """Ends the sandbox."""
        if self._api:
            self._api.close()
        self.sandbox.kill()


class World:
    """One site and what is known about its messages."""

    def __init__(self, bench: Bench, path: Path, url: str, seed: str, daemon: dict[str, str]):
        self.bench = bench
        self.sandbox = bench.sandbox
        self.path = path
        self.consumer = False
        self._random = random.Random(seed or os.urandom(8))
        settings = {
            "connections": "1",
            "chunk_size": f"{CHUNK}",
            "request_limit": f"{CHUNK}",
            "reserve": "0",
            "poll_interval": "1s",
        }
        settings |= daemon
        credentials = Credentials(bench.sandbox.path, url)
        self.site = Site(bench.programs, path, bench.logs, credentials, **settings)
        if url.startswith("http:"):
            self.site.use_plain_http(url)
        self.case = invariants.Case(
            mailbox=MAILBOX,
            root=path / "mesh" / MAILBOX,
            state=path / "state" / MAILBOX,
            messages=bench.sandbox.path / "messages",
            forbidden=list(bench.secrets),
        )
        self.mailbox()

    def mailbox(self, **settings: object) -> None:
        """(Re)writes the mailbox's settings."""
        self.site.mailboxes.clear()
        self.site.add_mailbox(MAILBOX, **settings)
        self.case.save_sent = bool(settings.get("save_sent", True))

    def remove(self) -> None:
        """All of its files."""
        shutil.rmtree(self.path, ignore_errors=True)

    # --- what is there before

    def payload(self, size: int) -> bytes:
        """Bytes that no other message of this world has; they do not compress."""
        return b"#" + self._random.randbytes(size - 1)

    def drop(
        self, stem: str, size: int = 3000, ends: Sequence[str] = ("SENT",), **elements: str | None
    ) -> invariants.Dropped:
        """A pair in OUT."""
        data = self.payload(size)
        given = {"LocalId": f"{CANARY}-{stem}", "Subject": f"{CANARY} subject"} | elements
        pair = self.site.drop(stem, data, **given)
        found = invariants.Dropped(
            stem, pair.sha256, pair.ctl.read_bytes(), pair.elements, frozenset(ends)
        )
        self.case.dropped.append(found)
        return found

    def drop_alone(
        self, name: str, size: int = 3000, ends: Sequence[str] = ("SENT",), **elements: str | None
    ) -> invariants.Dropped:
        """A file in the folder of route(); elements are what route() makes of it."""
        data = self.payload(size)
        folder = self.case.root / LETTERS
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        stem = name.rsplit(".", 1)[0]
        made: dict[str, str | None] = {
            "WorkflowId": WORKFLOW,
            "To_DTS": OTHER,
            "From_DTS": MAILBOX,
            "Subject": f"{CANARY} {name}",
            "LocalId": f"{CANARY}-{stem}",
            "MessageType": "Data",
        }
        found = invariants.Dropped(
            name, invariants.hash_bytes(data), b"", made | elements, frozenset(ends), LETTERS
        )
        self.case.dropped.append(found)
        return found

    def send_in(
        self,
        size: int = 3000,
        chunks: int = 1,
        compress: bool = False,
        workflow: str = WORKFLOW,
        name: str = "in.dat",
    ) -> str:
        """A message of the other mailbox waits in the inbox; its id."""
        data = self.payload(size)
        body = gzip.compress(data, mtime=0) if compress else data
        step = -(-len(body) // chunks)
        parts = [body[at : at + step] for at in range(0, len(body), step)]
        headers = {"Mex_FileName": name, "Mex_LocalID": "in-1", "Mex_Subject": "in"}
        if compress:
            headers["Content_Encoding"] = "gzip"
        api = self.bench.api()
        first = dict(headers)
        if chunks > 1:
            first["Mex_Chunk_Range"] = f"1:{chunks}"
        message = api.send(MAILBOX, workflow, parts[0], **first)
        for number, part in enumerate(parts[1:], 2):
            answer = api.request(
                "POST",
                f"/messageexchange/{OTHER}/outbox/{message}/{number}",
                part,
                Mex_Chunk_Range=f"{number}:{chunks}",
                **({"Content_Encoding": "gzip"} if compress else {}),
            )
            assert answer.status == 202, answer
        self.case.incoming[message] = invariants.hash_bytes(data)
        return message

    def send_lab(self, size: int = 3000, chunks: int = 1) -> str:
        """The same, for the folder lab, where it has a second name."""
        message = self.send_in(size, chunks, workflow="LAB_BLOOD", name="result.pdf")
        self.case.deliver[message] = ("lab", "result.pdf")
        return message

    def report_in(self) -> str:
        """A report waits in the inbox; its id."""
        body = {
            "mailbox_id": MAILBOX,
            "code": "14",
            "description": "Message not collected by recipient after 5 days",
            "workflow_id": WORKFLOW,
            "subject": "NDR",
            "local_id": "some-other",
            "file_name": "old.dat",
            "linked_message_id": "20260101000000000000_ABCDEF",
        }
        message = self.sandbox.admin("POST", "/report", body)["message_id"]
        self.case.incoming[message] = ""
        return message

    def foreign_files(self) -> None:
        """Files of others, which must stay as they are."""
        root = self.case.root
        for path in (
            root / "IN" / "other-application.txt",
            root / "SENT" / "yesterday.dat",
            root / "SENT" / "yesterday.ctl",
            root / "FAILED" / "yesterday.dat",
            root / "TEMP" / "not-ours.tmp",
            self.path / "outside" / "a.dat",
            self.path / "mesh" / "b.ctl",
        ):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.payload(64))
            self.case.foreign[path] = invariants.hash_bytes(path.read_bytes())
        for path in (self.site.conf, *(self.path / "mailboxes.d").iterdir()):
            self.case.foreign[path] = invariants.hash_bytes(path.read_bytes())

    def excuse_half_moved(self) -> None:
        """What the power cut left with its name in IN and the one in TEMP: a consumer that takes
        it before the daemon has started meets it again, the limit that meshdropd(8) names."""
        for path in self.half_moved():
            self.case.excused.add(self._taken_name(path))

    def half_moved(self) -> list[Path]:
        """Files that have a name in TEMP, too."""
        root = self.case.root
        inner = {path.stat().st_ino for path in (root / "TEMP").iterdir() if path.is_file()}
        return [
            path
            for path in root.glob("*/*")
            if path.is_file() and path.parent.name != "TEMP" and path.stat().st_ino in inner
        ]

    def _taken_name(self, path: Path) -> str:
        """The key in case.taken."""
        if path.stem in self.case.incoming or path.parent.name == "IN":
            return path.name
        sha256 = invariants.hash_bytes(path.read_bytes())
        return invariants.taken_second(path.parent.name, path.name, sha256)

    def _take(self, ctl: Path) -> None:
        """A message with all its names."""
        dat = ctl.with_suffix(".dat")
        inode = dat.stat().st_ino if dat.exists() else 0
        others = [path for path in ctl.parent.iterdir() if path.stat().st_ino == inode]
        for path in (*others, ctl):
            if path not in self.case.foreign:
                name = self._taken_name(path)
                if name in self.case.taken and name not in self.case.excused:
                    self.case.twice.append(name)
                self.case.taken[name] = invariants.hash_bytes(path.read_bytes())
                path.unlink()

    def consume(self) -> None:
        """The receiving application takes every message that is complete in its folder."""
        for folder in ("IN", *self.case.extra()):
            for ctl in sorted((self.case.root / folder).glob("*.ctl")):
                self._take(ctl)

    # --- running

    def command(self) -> list[str]:
        """meshdropd --once."""
        return [self.bench.programs.path("meshdropd"), "-c", str(self.site.conf), "--once"]

    def run(self, *before: str, limit: float = RUN_LIMIT) -> int:
        """One cycle, perhaps under strace; the exit status, negative when killed, or HANG."""
        with subprocess.Popen(
            [*before, *self.command()],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                text, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                text, _ = process.communicate()
                self.case.outputs.append(text.decode("utf-8", "backslashreplace"))
                return HANG
            except BaseException:
                os.killpg(process.pid, 9)
                raise
        self.case.outputs.append(text.decode("utf-8", "backslashreplace"))
        return process.returncode

    def kill_at(self, name: str, k: int) -> bool:
        """One cycle, killed before the k-th call of a name; False: it had fewer."""
        inject = f"inject={name}:signal=SIGKILL:when={k}"
        return self.run(*STRACE, "-e", f"trace={name}", "-e", inject) in (-9, 137)

    def fail_at(self, name: str, when: str, error: str) -> int:
        """One cycle, in which a call fails: when is "K" or "K+"; the exit status."""
        inject = f"inject={name}:error={error}:when={when}"
        return self.run(*STRACE, "--seccomp-bpf", "-e", f"trace={name}", "-e", inject)

    def trace(self) -> list[Call]:
        """One cycle without fault; its calls from the reading of the settings on."""
        file = self.path / "trace"
        self.run("strace", "-f", "-qq", "-s", "160", "-y", "-o", str(file))
        calls = list(read_trace(file, self.site.conf.name))
        file.unlink()
        return calls

    def settle(self, cycles: int = CYCLES) -> int:
        """Faults off, then cycle after cycle until nothing is left to do; how many, or -1."""
        self.sandbox.clear_faults()
        for number in range(1, cycles + 1):
            wait = invariants.wait_of(self.case) - time.time()
            if 0 < wait < LONGEST_WAIT:
                threading.Event().wait(wait + 0.01)
            if self.run() == HANG:
                return -1
            if self.consumer:
                self.consume()
            if invariants.is_settled(self.case):
                return number
        return -1

    def check(self, settled: bool) -> invariants.Verdict:
        """The invariants."""
        return invariants.check(self.case, settled)


STRACE = ("strace", "-f", "-qq", "-o", "/dev/null")
_CALL = re.compile(r"(\d+) +([a-z_0-9]+)\((.*)")


def read_trace(file: Path, conf: str) -> list[Call]:
    """The calls after the settings file was opened; each with its number among its name."""
    counts: dict[str, int] = {}
    calls: list[Call] = []
    working = False
    with file.open(encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            found = _CALL.match(line)
            if not found:
                continue
            name = found[2]
            counts[name] = counts.get(name, 0) + 1
            working = working or (name.startswith("openat") and conf in line)
            if working and name not in INNER:
                calls.append(Call(name, counts[name], found[3].rstrip()))
    return calls


# --- scenarios

Prepare = Callable[[World], None]
Moment = Callable[[Sequence[Call]], int]


@dataclass(frozen=True)
class Scenario:
    """prepare makes the world; base and moment: then a run that is killed there."""

    name: str
    prepare: Prepare | None = None
    base: str = ""
    moment: Moment | None = None
    late: Prepare | None = None  # after the crash
    slow: bool = False  # it has to wait for something: fewer points
    crashes: tuple[str, ...] = field(default=())  # found by resolve(): "NAME:K"


def after(pattern: str, step: int = 1, nth: int = 1) -> Moment:
    """step calls behind the nth call that matches."""

    def find(calls: Sequence[Call]) -> int:
        left = nth
        for i, call in enumerate(calls):
            if re.search(pattern, f"{call.name}({call.text}"):
                left -= 1
                if left == 0:
                    return i + step
        raise LookupError(f"no call matches {pattern}")

    return find


def _send_single(world: World) -> None:
    world.drop("one")


def _send_chunks(world: World) -> None:
    world.drop("big", 2 * CHUNK + 5000)


def _send_rejected(world: World) -> None:
    world.drop("bad", ends=("FAILED",), To_DTS="NOBODY99")


def _send_broken(world: World) -> None:
    pair = world.drop("broken", ends=("FAILED",))
    ctl = world.case.root / "OUT" / "broken.ctl"
    ctl.write_bytes(pair.ctl.replace(b"</DTSControl>", b"</Wrong>"))
    os.utime(ctl, (time.time() - 60, time.time() - 60))
    pair.ctl = ctl.read_bytes()
    pair.elements = {}


def _send_invalid(world: World) -> None:
    world.drop("invalid", ends=("FAILED",), To_DTS=None)


def _send_reports(world: World) -> None:
    world.mailbox(reports={"collect": True, "transfer": True, "poll": False, "delay": True})
    world.drop("one")


def _send_unsaved(world: World) -> None:
    world.mailbox(save_sent=False)
    world.drop("one")


def _send_two(world: World) -> None:
    world.drop("one")
    world.drop("two", 4000, LocalId=None)


def _reply_dropped(world: World) -> None:
    world.drop("one")
    world.sandbox.fault("POST", f"/{MAILBOX}/outbox", drop_reply=True)


def _resolve_present(world: World) -> None:
    _reply_dropped(world)
    world.run()


def _refused(world: World) -> None:
    world.drop("one")
    world.sandbox.fault("POST", f"/{MAILBOX}/outbox", refuse=True)


def _resolve_absent(world: World) -> None:
    _refused(world)
    world.run()


def _no_local_id(world: World) -> None:
    """Without a LocalId nothing can be asked: HELD is right when the answer is missing."""
    world.mailbox(local_id_when_empty="none")
    world.drop("one", ends=("SENT", "HELD"), LocalId=None)


def _held(world: World, fault: str, ends: Sequence[str]) -> str:
    """A job that is HELD, because nothing can be asked; its id."""
    world.mailbox(local_id_when_empty="none")
    world.drop("one", ends=ends, LocalId=None)
    world.sandbox.fault("POST", f"/{MAILBOX}/outbox", **{fault: True})
    world.run()
    world.run()
    return next((world.case.state / "jobs").iterdir()).stem


def _order(world: World, job: str, text: str) -> None:
    """As `meshdrop resolve` leaves it for the daemon."""
    path = world.case.state / "orders" / f"{job}.order"
    path.touch(mode=0o600)
    path.write_text(f"{text}\n", encoding="ascii")


def _order_resend(world: World) -> None:
    _order(world, _held(world, "refuse", ("SENT", "HELD")), "resend")


def _order_adopt(world: World) -> None:
    job = _held(world, "drop_reply", ("SENT",))
    message = next(world.case.messages.glob("*.json")).stem
    _order(world, job, f"adopt {message}")


def _order_fail(world: World) -> None:
    _order(world, _held(world, "refuse", ("FAILED",)), "fail")


def _receive_single(world: World) -> None:
    world.send_in()


def _receive_consumed(world: World) -> None:
    world.send_in()
    world.send_in(5000)
    world.consumer = True


def _receive_chunks(world: World) -> None:
    world.send_in(30_000, chunks=3)


def _receive_gzip(world: World) -> None:
    world.send_in(20_000, chunks=2, compress=True)


def _receive_report(world: World) -> None:
    world.report_in()


def _acknowledge_retry(world: World) -> None:
    """Delivered and acknowledged, but the answer was lost."""
    world.send_in()
    world.sandbox.fault("PUT", "/status/acknowledged", drop_reply=True)
    world.run()


def _acknowledge_refused(world: World) -> None:
    """Delivered, but the acknowledge never arrived."""
    world.send_in()
    world.sandbox.fault("PUT", "/status/acknowledged", refuse=True)
    world.run()


LAB = {"workflows": ["LAB_*"], "folder": "lab", "second_name": True}


def _deliver(world: World) -> None:
    """Two of one file name go to a folder of their own, another message to IN."""
    world.mailbox(deliver=[LAB])
    world.send_lab()
    world.send_lab(4000)
    world.send_in()


def _deliver_one(world: World) -> None:
    world.mailbox(deliver=[LAB])
    world.send_lab()


def _deliver_chunks(world: World) -> None:
    world.mailbox(deliver=[LAB])
    world.send_lab(30_000, chunks=3)


def _deliver_consumed(world: World) -> None:
    _deliver(world)
    world.consumer = True


def _deliver_elsewhere(world: World) -> None:
    """The settings name another folder since."""
    world.mailbox(deliver=[LAB | {"folder": "other", "second_name": False}])
    for path in (world.path / "mailboxes.d").iterdir():
        world.case.foreign[path] = invariants.hash_bytes(path.read_bytes())


def _both_ways(world: World) -> None:
    world.drop("one")
    world.send_in()
    world.report_in()


def _consume(world: World) -> None:
    world.consumer = True
    world.consume()


def _route(**more: object) -> dict[str, object]:
    """What every route here has."""
    made: dict[str, object] = {"folder": LETTERS, "to": OTHER, "workflow": WORKFLOW}
    texts = {"subject": f"{CANARY} {{filename}}", "local_id": f"{CANARY}-{{stem}}"}
    return made | texts | more


def _route_single(world: World) -> None:
    world.mailbox(routes=[_route()])
    world.drop_alone("one.pdf")


def _route_chunks(world: World) -> None:
    world.mailbox(routes=[_route()])
    world.drop_alone("big.pdf", 2 * CHUNK + 5000)


def _route_rejected(world: World) -> None:
    world.mailbox(routes=[_route(match="{to}_*", to="{to}")])
    world.drop_alone("NOBODY99_x.pdf", ends=("FAILED",), To_DTS="NOBODY99")


def _route_reports(world: World) -> None:
    """No COLLECT report, but one of the transfer; nothing of ours is kept."""
    world.mailbox(reports={"collect": False, "transfer": True}, routes=[_route()])
    world.case.collect = False
    world.drop_alone("one.pdf")


def _route_two(world: World) -> None:
    """Two files by two routes, a pair, and what no route wants."""
    world.mailbox(routes=[_route(match="one*"), _route(match="*.pdf")])
    world.drop_alone("one.doc")
    world.drop_alone("two.pdf", 4000)
    world.drop("pair")
    nobodys = world.case.root / LETTERS / "three.doc"
    nobodys.write_bytes(world.payload(64))
    world.case.foreign[nobodys] = invariants.hash_bytes(nobodys.read_bytes())


def _route_reply_dropped(world: World) -> None:
    _route_single(world)
    world.sandbox.fault("POST", f"/{MAILBOX}/outbox", drop_reply=True)


def _route_unlisted(world: World) -> None:
    """The route is taken out of the settings while its file is between the folders."""
    world.mailbox()
    file = next((world.path / "mailboxes.d").iterdir())
    world.case.foreign[file] = invariants.hash_bytes(file.read_bytes())


def _route_taken(world: World) -> None:
    """The user takes the file back before it was moved: it is the user's again."""
    (pair,) = world.case.dropped
    file = world.path / "outside" / pair.stem
    (world.case.root / LETTERS / pair.stem).rename(file)
    world.case.dropped.clear()
    world.case.foreign[file] = pair.sha256


ALL = (
    Scenario("send-single", _send_single),
    Scenario("send-chunks", _send_chunks),
    Scenario("send-rejected", _send_rejected),
    Scenario("send-invalid", _send_invalid),
    Scenario("send-broken", _send_broken, slow=True),
    Scenario("send-reports", _send_reports),
    Scenario("send-unsaved", _send_unsaved),
    Scenario("send-two", _send_two),
    Scenario("send-reply-dropped", _reply_dropped),
    Scenario("send-refused", _refused),
    Scenario("resolve-present", _resolve_present),
    Scenario("resolve-absent", _resolve_absent),
    Scenario("resolve-impossible", _no_local_id),
    Scenario("order-resend", _order_resend),
    Scenario("order-adopt", _order_adopt),
    Scenario("order-fail", _order_fail),
    Scenario(
        "resume-chunks",
        base="send-chunks",
        moment=after(r"^pwrite64.*Z OPEN ", 2),
    ),
    Scenario(
        "resume-last-chunk",
        base="send-chunks",
        moment=after(r"^pwrite64.*Z OPEN ", 2, nth=2),
    ),
    Scenario(
        "confirm-last-chunk",
        base="send-chunks",
        moment=after(r"^pwrite64.*Z ACCEPTED ", 0),
    ),
    Scenario("receive-single", _receive_single),
    Scenario("receive-consumed", _receive_consumed),
    Scenario("receive-chunks", _receive_chunks),
    Scenario("receive-gzip", _receive_gzip),
    Scenario("receive-report", _receive_report),
    Scenario("acknowledge-retry", _acknowledge_retry),
    Scenario("acknowledge-refused", _acknowledge_refused),
    Scenario(
        "recover-claim",
        base="send-single",
        moment=after(r"^renameat2?\(.*OUT.*TEMP", 1),
    ),
    Scenario(
        "recover-opening",
        base="send-single",
        moment=after(r"^pwrite64.*Z ACCEPTED ", 0),
    ),
    Scenario(
        "recover-send",
        base="send-single",
        moment=after(r"^renameat2?\(.*TEMP.*SENT", 1),
    ),
    Scenario(
        "recover-receive",
        base="receive-single",
        moment=after(r"^renameat2?\(.*TEMP.*IN", 1),
    ),
    Scenario(
        "recover-consumed",
        base="receive-single",
        moment=after(r"^renameat2?\(.*TEMP.*IN", 1, nth=2),
        late=_consume,
    ),
    Scenario(
        "resume-receive",
        base="receive-chunks",
        moment=after(r"^pwrite64.*Z FETCHING ", 2, nth=2),
    ),
    Scenario("deliver", _deliver),
    Scenario("deliver-chunks", _deliver_chunks),
    Scenario("deliver-consumed", _deliver_consumed),
    Scenario("deliver-one", _deliver_one),
    Scenario(
        "recover-deliver",
        base="deliver-one",
        moment=after(r"^renameat2?\(.*TEMP.*lab", 0),
        late=_deliver_elsewhere,
    ),
    Scenario(
        "recover-second",
        base="deliver-one",
        moment=after(r"^renameat2?\(.*TEMP.*lab", 1),
        late=_deliver_elsewhere,
    ),
    Scenario("route-single", _route_single),
    Scenario("route-chunks", _route_chunks),
    Scenario("route-rejected", _route_rejected),
    Scenario("route-reports", _route_reports),
    Scenario("route-two", _route_two),
    Scenario("route-reply-dropped", _route_reply_dropped),
    Scenario(
        "route-taken",
        base="route-single",
        moment=after(r"^renameat2?\(.*letters.*TEMP", 0),
        late=_route_taken,
    ),
    Scenario(
        "recover-route",
        base="route-single",
        moment=after(r"^renameat2?\(.*letters.*TEMP", 1),
    ),
    Scenario(
        "recover-route-unlisted",
        base="route-single",
        moment=after(r"^renameat2?\(.*letters.*TEMP", 1),
        late=_route_unlisted,
    ),
    Scenario("both-ways", _both_ways),
)

BY_NAME = {scenario.name: scenario for scenario in ALL}


def prepare(scenario: Scenario, world: World) -> None:
    """Brings a world to where the run under test begins."""
    base = BY_NAME[scenario.base] if scenario.base else scenario
    assert base.prepare, f"{scenario.name} has no beginning"
    crashes = crashes_of(scenario, world.bench)  # first: it may empty the sandbox
    base.prepare(world)
    world.foreign_files()
    for crash in crashes:
        name, k = crash.split(":")
        if not world.kill_at(name, int(k)):
            raise LookupError(f"{scenario.name}: no call {crash} any more")
    if scenario.late:
        scenario.late(world)


FILE_CALLS = ("pwrite64", "fsync", "fdatasync", "renameat2", "unlinkat", "openat2", "fallocate")

_moments: dict[str, tuple[str, ...]] = {}


def crashes_of(scenario: Scenario, bench: Bench) -> tuple[str, ...]:
    """Where the scenario's world was killed before: looked for once in a process."""
    if scenario.crashes or not scenario.moment:
        return scenario.crashes
    if scenario.name not in _moments:
        base = BY_NAME[scenario.base]
        calls = baseline(base, bench)
        at = scenario.moment(calls)
        # How often a run polls or reads is not the same each time: what it does to files is.
        steady = next((call for call in calls[at:] if call.name in FILE_CALLS), calls[at])
        _moments[scenario.name] = (str(steady),)
        bench.sandbox.admin("DELETE", "/reset")
    return _moments[scenario.name]


def baseline(scenario: Scenario, bench: Bench) -> list[Call]:
    """The calls of the run under test, without a fault; empties the sandbox."""
    crashes_of(scenario, bench)
    world = bench.world(scenario.name)
    try:
        prepare(scenario, world)
        return without_idle(world.trace())
    finally:
        world.remove()


def without_idle(calls: Sequence[Call]) -> list[Call]:
    """Of polls in a row only the first: nothing of ours happens between them."""
    return [
        call
        for before, call in zip([None, *calls], calls, strict=False)
        if not before or call.name != "poll" or before.name != "poll"
    ]
