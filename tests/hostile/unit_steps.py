# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The steps of unit_inside.py, in their order; a step that fails does not stop the others."""

STEPS = (
    "installed",
    "ready",
    "status-text",
    "credentials",
    "locks-are-on",
    "exposure-of-the-running-unit",
    "confined-by-landlock",
    "nobody-looks-in",
    "sends-and-receives",
    "folders-of-another-group",
    "hook-runs",
    "hook-is-held",
    "reload-good",
    "reload-bad",
    "reload-outside",
    "watchdog-fed",
    "watchdog-bites",
    "restart-after-kill",
    "no-restart-after-stop",
    "nothing-listens",
    "stop",
    "no-secret-in-the-journal",
)
