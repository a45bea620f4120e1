# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Fixtures of the system tests. MESHDROP_BUILDDIR names where the programs were built."""

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

sys.dont_write_bytecode = True

# After the line above, so that nothing is written beside the sources.
from harness.lab import Lab  # noqa: E402  pylint: disable=wrong-import-position
from harness.payloads import random_file, zero_file  # noqa: E402
from harness.process import Programs  # noqa: E402
from harness.sandbox import Sandbox  # noqa: E402
from harness.site import Site  # noqa: E402

BIG = 200_000_000

_LAB = pytest.StashKey[Lab]()


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The programs under test."""
    root = Path(__file__).resolve().parents[2]
    return Programs(Path(os.environ.get("MESHDROP_BUILDDIR", root / "_build")).resolve())


@pytest.fixture
def lab(request: pytest.FixtureRequest, programs: Programs, tmp_path: Path) -> Iterator[Lab]:
    """What the test works with; nothing of it is left at the end."""
    made = Lab(programs, tmp_path)
    request.node.stash[_LAB] = made
    try:
        yield made
        made.close()
    finally:
        _end(made)


def _end(made: Lab) -> None:
    """Also ends a test whose closing found something: every process must go."""
    try:
        made.close()
    except AssertionError:
        pass  # It was reported by the first call.


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.CallInfo[None], None]:
    """Adds the logs to the report of a failure; removes the directory at the end."""
    outcome = yield
    report = outcome.get_result()
    made = item.stash.get(_LAB, None)
    if made is None:
        return
    if report.failed:
        report.sections += made.log_tails()
    if report.when == "teardown":
        made.remove()


@pytest.fixture
def sandbox(lab: Lab) -> Sandbox:
    """A strict sandbox with TLS, serving."""
    return lab.sandbox().start()


@pytest.fixture
def sender(lab: Lab, sandbox: Sandbox) -> Site:
    """A site with mailbox X26ABC1."""
    return lab.site(sandbox, "X26ABC1")


@pytest.fixture
def receiver(lab: Lab, sandbox: Sandbox) -> Site:
    """A site with mailbox X26ABC2."""
    return lab.site(sandbox, "X26ABC2")


@pytest.fixture(scope="session")
def big_random(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """200 MB that do not compress, made once."""
    made = random_file(tmp_path_factory.mktemp("big") / "random", BIG)
    yield made
    made.unlink()


@pytest.fixture(scope="session")
def big_zeros(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """200 MB that compress to almost nothing, made once."""
    made = zero_file(tmp_path_factory.mktemp("big") / "zeros", BIG)
    yield made
    made.unlink()
