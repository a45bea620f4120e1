# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""A hostile service: whatever it answers, nothing crashes, grows, or is acknowledged wrongly."""

import sys

import server_downloads
import server_gzip
import server_lists
import server_sends
import server_time
from common import Options, Result, main, run_cases


def run(options: Options) -> Result:
    """The suite."""
    return run_cases("server", [*server_downloads.cases(), *server_lists.cases(), *server_gzip.cases(), *server_sends.cases(), *server_time.cases()], options)


if __name__ == "__main__":
    sys.exit(main(run))
