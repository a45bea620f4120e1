# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What can be found in the sources without an attacker: analysers, memory, threads.

    gcc-analyzer-ROOM   gcc -fanalyzer
    clang-tidy-ROOM     clang-tidy with .clang-tidy
    cppcheck            all of src in one run
    valgrind-TEST       memcheck over a unit test, with valgrind.supp
    tsan                the system tests that have threads to race, in a build of its own under the
                        thread sanitizer; --only tsan-all takes all of them
    finds-TOOL          the tool finds the defect that is planted for it here

No finding is passed over: what is not mended has its reason in the sources (NOLINT), in .clang-tidy
or in valgrind.supp. --quick leaves out what takes minutes. A tool that is not installed is skipped
by name.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from common import SOURCES, Case, Context, Options, Result, Skip, chosen, main, run_cases

ROOMS = tuple(sorted(path.name for path in (SOURCES / "src").iterdir() if path.is_dir()))
TEST_LIMIT = 1800.0
ROOM_LIMIT = 1800.0
TSAN_LIMIT = 5400.0
SHOWN = 6000

# In --quick: what reads what others wrote.
QUICK_TESTS = re.compile(r"base_json$|conf_yaml$|mesh_reply$|spool_(ctl|record|second)$")

# Where threads meet: workers and loop, reload, hooks, connections, the operator beside the daemon.
TSAN_TESTS = ("daemon", "hooks", "inbox", "offline", "operator", "roundtrip", "signal_file")

ANALYZER = re.compile(r"^.*(?:warning|error): .*", re.MULTILINE)

CPPCHECK = (
    "cppcheck", "-q", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
    "--library=posix,gnu", "--error-exitcode=1",
    "--template={file}:{line}: {severity}: {message} [{id}]",
    # The C library has withdrawn readdir_r, and says that readdir is safe on streams of one's own.
    "--suppress=readdirCalled",
    # It does not read the headers of libraries; this one has the form of a loop.
    "-Djson_object_foreach(object,key,value)=while (next(object, &key, &value))",
)

# A log for each process: many tests fork. What is still reachable at the end is no leak, nor is what
# it calls possible: the storage of a thread whose process was forked and ended.
VALGRIND = (
    "valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite,indirect",
    f"--suppressions={SOURCES}/tests/hostile/valgrind.supp", "--log-file=memcheck.%p",
)
# It says so of openat2, pidfd_open and Landlock, and answers as an old kernel would, for which we
# are ready.
VALGRIND_LACKS = re.compile(
    r"--\d+-- (WARNING: unhandled amd64-linux syscall: (434|437|44[456])$|You may be able to write"
    r"|Read the file README_MISSING|Nevertheless we consider this a bug|it at http)")

# A second signal ends the daemon at once, whatever its threads are about: that is no leak.
TSAN = "report_thread_leaks=0"

# --- running tools


def _environment(**extra: str) -> dict[str, str]:
    """That of the caller without what a make above us says to the ones below."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return env | {"LC_ALL": "C.UTF-8", "MFLAGS": ""} | extra


def _run(command: Sequence[str], cwd: Path, **extra: str) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=cwd, env=_environment(**extra), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


def _need(tool: str, package: str) -> None:
    if not shutil.which(tool):
        raise Skip(f"{tool} is missing: apt-get install {package}")


def _ask_make(options: Options, *names: str) -> list[list[str]]:
    """The values of make's variables in the build directory, as words."""
    rules = "include Makefile\n" + "".join(
        f"ask-{name}:\n\t@echo ask-{name}: $({name})\n" for name in names)
    done = subprocess.run(
        ["make", "-s", "-f", "-", *[f"ask-{name}" for name in names]], cwd=options.builddir,
        env=_environment(), input=rules, stdout=subprocess.PIPE, text=True, check=True,
    )
    # Before it answers, make may bring the Makefile itself up to date, aloud.
    said = dict(line.split(":", 1) for line in done.stdout.splitlines() if line[:4] == "ask-")
    return [said[f"ask-{name}"].split() for name in names]


def _cpp_flags(options: Options) -> list[str]:
    """What the preprocessor needs; fortified functions are for optimised code only."""
    words = sum(_ask_make(options, "DEFS", "DEFAULT_INCLUDES", "AM_CPPFLAGS", "CPPFLAGS"), [])
    return [word for word in dict.fromkeys(words) if "_FORTIFY_SOURCE" not in word]


def _sources(room: str) -> list[Path]:
    found = sorted((SOURCES / "src" / room).glob("*.c"))
    assert found, f"no sources in src/{room}"
    return found


# --- analysers


def _analyze(file: Path, flags: Sequence[str], cwd: Path) -> str:
    """What gcc -fanalyzer has to say about a file; "" is nothing."""
    status, text = _run(
        ["gcc", *flags, "-std=gnu17", "-pthread", "-O1", "-fanalyzer", "-c", "-o", os.devnull,
         str(file)], cwd)
    return text if status != 0 or ANALYZER.search(text) else ""


def _tidy(file: Path, flags: Sequence[str], cwd: Path) -> str:
    """What clang-tidy has to say about a file; its exit status is that of WarningsAsErrors."""
    status, text = _run(
        ["clang-tidy", "--quiet", f"--config-file={SOURCES}/.clang-tidy", str(file), "--", *flags,
         "-std=gnu17", "-pthread"], cwd)
    return text if status != 0 else ""


def _look_at_room(
    look: Callable[[Path, Sequence[str], Path], str], tool: str, package: str, room: str,
    context: Context,
) -> None:
    _need(tool, package)
    flags = _cpp_flags(context.options)
    said = ""
    for file in _sources(room):
        said += look(file, flags, context.options.builddir)
        context.count("files")
    assert not said, f"{tool}:\n{said[:SHOWN]}"


def _cppcheck(context: Context) -> None:
    _need("cppcheck", "cppcheck")
    build = context.options.builddir
    status, text = _run(
        [*CPPCHECK, f"-j{context.options.jobs}", "-DHAVE_CONFIG_H", f"-I{build}",
         f"-I{SOURCES}/src", str(SOURCES / "src")], build)
    assert status == 0 and not text, text[:SHOWN]


# --- valgrind


def _valgrind(test: str, context: Context) -> None:
    """A finding counts at once. A test that fails without one may have run out of its own time, so
    much slower everything is here, and has one more try."""
    _need("valgrind", "valgrind")
    build = context.options.builddir
    program = build / test
    assert program.is_file(), f"{program} was not built"
    for _ in range(2):
        status, text = _run(
            [*VALGRIND, str(program)], context.path, MESHDROP_SRCDIR=str(SOURCES),
            MESHDROP_BUILDDIR=str(build), MESHDROP_VALGRIND="1")
        found = _memcheck_said(context.path)
        assert not found, found[:SHOWN]
        if status == 0:
            break
    assert status == 0, f"no finding, but the test failed with {status}\n{text[-SHOWN:]}"
    context.count("valgrind-tests", text.count("[       OK ]"))
    context.count("valgrind-skipped", text.count("[  SKIPPED ]"))


def _memcheck_said(place: Path) -> str:
    """What memcheck found in any of the processes; it must have looked at one."""
    logs = list(place.glob("memcheck.*"))
    assert logs, "valgrind wrote no log"
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    return "\n".join(line for line in lines if not VALGRIND_LACKS.match(line))


def _build_tests(options: Options, tests: Sequence[str]) -> None:
    """One make for all of them: two at a time would meet. What is missing then is said later."""
    _run(["make", "-s", "-k", f"-j{options.jobs}", *tests], options.builddir)


def _unit_tests(options: Options) -> list[str]:
    """The unit tests that there are; none under a sanitizer, or without cmocka."""
    known, flags = _ask_make(options, "check_PROGRAMS", "AM_CFLAGS")
    if any(flag.startswith("-fsanitize") for flag in flags):
        return []
    return [name for name in known if "/unit/" in name]


# --- the thread sanitizer

RACE = """
#include <pthread.h>
static int counter;
static void *count(void *arg)
{
	counter++;
	return arg;
}
int main(void)
{
	pthread_t thread;
	if (pthread_create(&thread, 0, count, 0) != 0)
		return 1;
	counter++;
	return pthread_join(thread, 0);
}
"""


def _try_tsan(context: Context) -> tuple[int, str]:
    """Builds and runs a race; skips where the sanitizer does not work at all."""
    _need("gcc", "gcc")
    (context.path / "race.c").write_text(RACE, encoding="ascii")
    status, text = _run(["gcc", "-g", "-fsanitize=thread", "race.c", "-o", "race"], context.path)
    if status != 0:
        raise Skip(f"gcc does not link with -fsanitize=thread: {text.strip()[-200:]}")
    status, text = _run(["./race"], context.path)
    if "FATAL: ThreadSanitizer" in text:
        raise Skip(f"the thread sanitizer does not run under this kernel: {text.strip()[:200]}")
    return status, text


def _tsan_build(context: Context) -> Path:
    if (SOURCES / "config.status").exists():
        raise Skip("the sources are configured in place; use a build directory")
    build = context.path / "build"
    build.mkdir()
    status, text = _run(
        [f"{SOURCES}/configure", "-q", "--disable-hardening", "LDFLAGS=-fsanitize=thread",
         "CFLAGS=-O1 -g -fsanitize=thread -fno-omit-frame-pointer"], build)
    assert status == 0, text[-SHOWN:]
    status, text = _run(["make", "-s", f"-j{context.options.jobs}"], build)
    assert status == 0, text[-SHOWN:]
    return build


def _tsan(tests: Sequence[str], context: Context) -> None:
    """The harness fails a test whose programs' logs have a race; see Lab.close."""
    _try_tsan(context)
    ((python, *_),) = _ask_make(context.options, "PYTHON")
    if _run([python, "-c", "import cryptography, pytest, xdist"], context.path)[0] != 0:
        raise Skip(f"{python} lacks pytest, xdist or cryptography")
    build = _tsan_build(context)
    place = SOURCES / "tests" / "system"
    files = [str(place / f"test_{name}.py") for name in tests] or [str(place)]
    status, text = _run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-m", "not big", "-n",
         str(context.options.jobs), f"--basetemp={context.path}/tests", *files],
        build, MESHDROP_BUILDDIR=str(build), MESHDROP_SRCDIR=str(SOURCES), TSAN_OPTIONS=TSAN,
        PYTHONDONTWRITEBYTECODE="1")
    assert status == 0, text[-SHOWN:]
    passed = re.search(r"(\d+) passed", text)
    assert passed, text[-SHOWN:]
    context.count("tsan-tests", int(passed.group(1)))


# --- whether they can find something

LEAK = """
#include <stdlib.h>
int main(void)
{
	char *volatile p = malloc(8);
	p[8] = 'x';
	p = 0;
	return 0;
}
"""

TWICE = """
#include <stdlib.h>
void twice(char *p);
void twice(char *p)
{
	free(p);
	free(p);
}
"""


def _planted(context: Context, text: str) -> Path:
    place = context.path / "src" / "base"
    place.mkdir(parents=True)
    file = place / "planted.c"
    file.write_text(text, encoding="ascii")
    return file


def _finds_analyzer(context: Context) -> None:
    _need("gcc", "gcc")
    said = _analyze(_planted(context, TWICE), (), context.path)
    assert "Wanalyzer-double-free" in said, said


def _finds_tidy(context: Context) -> None:
    _need("clang-tidy", "clang-tidy")
    said = _tidy(_planted(context, TWICE), (), context.path)
    assert "clang-analyzer-unix.Malloc" in said, said


def _finds_cppcheck(context: Context) -> None:
    _need("cppcheck", "cppcheck")
    status, text = _run([*CPPCHECK, str(_planted(context, TWICE))], context.path)
    assert status == 1 and "[doubleFree]" in text, text


def _finds_valgrind(context: Context) -> None:
    _need("valgrind", "valgrind")
    file = _planted(context, LEAK)
    status, text = _run(["gcc", "-g", "-O0", str(file), "-o", "planted"], context.path)
    assert status == 0, text
    _run([*VALGRIND, "./planted"], context.path)
    found = _memcheck_said(context.path)
    assert "Invalid write" in found and "definitely lost" in found, found


def _finds_tsan(context: Context) -> None:
    status, text = _try_tsan(context)
    assert status == 66 and "WARNING: ThreadSanitizer: data race" in text, text


# --- all of them


def _finding_cases() -> list[Case]:
    return [
        Case("finds-gcc-analyzer", _finds_analyzer),
        Case("finds-clang-tidy", _finds_tidy),
        Case("finds-cppcheck", _finds_cppcheck),
        Case("finds-valgrind", _finds_valgrind),
        Case("finds-tsan", _finds_tsan),
    ]


def _tsan_case(options: Options) -> Case:
    if options.only == "tsan-all":
        return Case("tsan-all", partial(_tsan, ()), quick=False, limit=TSAN_LIMIT)
    return Case("tsan", partial(_tsan, TSAN_TESTS), quick=False, limit=TSAN_LIMIT)


def _room_cases() -> list[Case]:
    tools = ((_tidy, "clang-tidy", "clang-tidy"), (_analyze, "gcc", "gcc"))
    return [
        Case(f"{'gcc-analyzer' if tool == 'gcc' else tool}-{room}",
             partial(_look_at_room, look, tool, package, room), quick=tool == "gcc",
             limit=ROOM_LIMIT)
        for look, tool, package in tools for room in reversed(ROOMS)
    ]


def _valgrind_cases(options: Options) -> list[Case]:
    tests = _unit_tests(options)
    cases = [
        Case(f"valgrind-{Path(test).name.removeprefix('test_')}", partial(_valgrind, test),
             quick=bool(QUICK_TESTS.search(test)), limit=TEST_LIMIT)
        for test in tests
    ]
    wanted = {case.name for case in chosen(cases, options)}
    if wanted and shutil.which("valgrind"):
        _build_tests(options, [
            test for test, case in zip(tests, cases) if case.name in wanted])
    return cases


def run(options: Options) -> Result:
    """The suite; what takes longest first."""
    cases = [_tsan_case(options), *_room_cases(), Case("cppcheck", _cppcheck, limit=ROOM_LIMIT),
             *_finding_cases(), *_valgrind_cases(options)]
    return run_cases("static", cases, options)


if __name__ == "__main__":
    sys.exit(main(run))
