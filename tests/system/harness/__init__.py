# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the system tests are made of: programs, folders, servers, files."""
