# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""TLS from hostile hands: what is wrong is refused before a byte of a request leaves.

Each refusal is one line of the log that says which it is and names the setting to look at; the
pair stays in OUT. What is right, or is not looked at and documented so, goes through.
"""

import dataclasses
import sys

import tls_client
import tls_ends
import tls_server
import tls_warn
import tls_wire
from common import Case, Options, Result, main, run_cases

PARTS = (tls_server, tls_wire, tls_client, tls_ends, tls_warn)


def _cases() -> list[Case]:
    """All of them; the quick part is every second one, as those of a kind stand together."""
    found = [case for part in PARTS for case in part.CASES]
    return [
        dataclasses.replace(case, quick=case.quick and number % 2 == 0)
        for number, case in enumerate(found)
    ]


def run(options: Options) -> Result:
    """The suite."""
    return run_cases("tls", _cases(), options)


if __name__ == "__main__":
    sys.exit(main(run))
