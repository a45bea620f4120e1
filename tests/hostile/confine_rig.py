# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A debugger that makes a thread of the daemon call functions, as a fault in it would."""

import ctypes
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from common import Context, Skip, need_look_inside
from harness.process import Process
from harness.site import Site

LANDLOCK_OLDEST = 2
CREATE_RULESET = 444
EACCES = 13
MAIN = "main"
HOOKS = "hooks"
WORKER = "worker"
# Threads that rest hold no lock that a call might want; what is dropped is seen all the same.
QUIET = {"poll_interval": "1h", "scan_interval": "5s"}
INJECT_LIMIT = 100.0


def need_landlock(version: int = LANDLOCK_OLDEST, what: str = "") -> int:
    """The kernel's version of it."""
    found: int = ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1)
    if found < LANDLOCK_OLDEST:
        raise Skip("the kernel has no Landlock, or one that is too old")
    if found < version:
        raise Skip(f"this kernel's Landlock (version {found}) does not know of {what}")
    return found


def need_debugger() -> None:
    """To look at another process from inside."""
    need_look_inside()
    if not shutil.which("gdb"):
        raise Skip("there is no gdb, which makes the daemon open something")


def make_site(context: Context, *mailboxes: str, **daemon: str) -> Site:
    """One that talks to a sandbox."""
    return context.lab.site(context.lab.sandbox().start(), *(mailboxes or ("X26ABC1",)), **daemon)


def threads(process: Process) -> dict[int, str]:
    """Each thread and what it is: main, hooks (which the kernel does not hold), or a worker."""
    found = {}
    for task in sorted(Path(f"/proc/{process.pid}/task").iterdir(), key=lambda path: int(path.name)):
        number = int(task.name)
        status = (task / "status").read_text(encoding="ascii")
        free = re.search(r"^NoNewPrivs:\s+0$", status, re.MULTILINE)
        found[number] = MAIN if number == process.pid else HOOKS if free else WORKER
    return found


def inject(process: Process, calls: Sequence[tuple[int, str]]) -> list[int]:
    """Makes threads, by their numbers, call functions; 0 or -errno of each."""
    command = ["gdb", "-nx", "-batch", "-p", str(process.pid)]
    script = ["set confirm off", "set scheduler-locking on"]
    before = 0
    for thread, call in calls:
        if thread != before:
            script.append(f"python [t.switch() for t in gdb.selected_inferior().threads()"
                          f" if t.ptid[1] == {thread}]")
            before = thread
        script += [
            f"set $result = (int){call}",
            'printf "ANSWER %d\\n", $result >= 0 ? 0 :'
            " -*(int*)((void*(*)(void))__errno_location)()",
        ]
    for line in script:
        command += ["-ex", line]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=INJECT_LIMIT,
    )
    if "Python scripting is not supported" in done.stdout + done.stderr:
        raise Skip("this gdb has no Python, which finds the thread")
    found = [int(number) for number in re.findall(r"^ANSWER (-?\d+)$", done.stdout, re.MULTILINE)]
    if len(found) != len(calls) and "No symbol" in done.stderr:
        raise Skip(f"gdb cannot call into the C library: {done.stderr[-200:]}")
    assert len(found) == len(calls), done
    return found


def function(name: str, *arguments: Path | str | int) -> str:
    """A call for the debugger; paths and texts are texts."""
    kinds = ["long" if isinstance(one, int) else "const char*" for one in arguments]
    values = [str(one) if isinstance(one, int) else f'"{one}"' for one in arguments]
    return f"((int(*)({','.join(kinds)})){name})({', '.join(values)})"
