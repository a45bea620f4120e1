# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Hostile hands at the folders: what lies in OUT may be anything, and the folders may change."""

import sys

from common import Case, Context, Options, Result, main, run_cases


def _plain(context: Context) -> None:
    """What is not hostile goes through."""
    site = context.lab.site(context.lab.sandbox().start(), "X26ABC1")
    site.drop("plain", b"content")
    site.run_ok()
    assert site.names("SENT") == ["plain.ctl", "plain.dat"], site.names("SENT")


def run(options: Options) -> Result:
    """The suite."""
    return run_cases("drop", [Case("plain-pair", _plain)], options)


if __name__ == "__main__":
    sys.exit(main(run))
