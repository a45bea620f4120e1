# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A hostile service: whatever it answers, nothing crashes, grows, or is acknowledged wrongly."""

import sys

import server_downloads
import server_gzip
import server_lists
import server_reports
import server_sends
import server_time
import server_tool
import server_turns
from common import Options, Result, main, run_cases

PARTS = (server_downloads, server_lists, server_gzip, server_sends, server_reports, server_tool,
         server_time, server_turns)


def run(options: Options) -> Result:
    """The suite."""
    return run_cases("server", [case for part in PARTS for case in part.cases()], options)


if __name__ == "__main__":
    sys.exit(main(run))
