# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""What the checkers share. They run in the top source directory."""

import os
import pathlib
import re
import sys

ROOMS = ("base", "conf", "spool", "net", "mesh", "agent", "import", "cli",
         "sandbox")

# Written by autoreconf; not ours.
GENERATED = {"ar-lib", "compile", "config.guess", "config.sub", "depcomp",
             "install-sh", "missing", "tap-driver.sh", "test-driver",
             "configure", "configure~", "config.status"}

TOKEN = re.compile(r'''/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'''
                   r"""|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def sources(*suffixes, below=("src", "tests")):
    """Our C files, sorted."""
    for top in below:
        for path in sorted(pathlib.Path(top).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def room_of(path):
    parts = path.parts
    return parts[1] if parts[0] == "src" else ""


def bare(text, keep_strings=False):
    """C text without comments and literals, every line where it was."""
    def blank(match):
        token = match.group(0)
        if keep_strings and token[0] in "\"'":
            return token
        lines = "\n" * token.count("\n")
        return '""' if token[0] == '"' else "0" if token[0] == "'" else \
            " " + lines
    return TOKEN.sub(blank, text)


def scripts():
    """Our scripts as (path, interpreter)."""
    found = []
    for top, dirs, files in os.walk("."):
        dirs[:] = sorted(d for d in dirs if d in (".ci", ".github") or
                         not d.startswith((".", "_", "autom4te")) and
                         not os.path.exists(
                             os.path.join(top, d, "config.status")))
        for name in sorted(files):
            path = pathlib.Path(top, name)
            if name in GENERATED or path.is_symlink():
                continue
            with open(path, "rb") as file:
                first = file.readline(200).decode("utf-8", "replace")
            if first.startswith("#!"):
                interpreter = first.split()[-1].rpartition("/")[2]
                found.append((path, interpreter))
    return found


class Complaints:
    """Prints "file:line: text" and remembers that it did."""

    def __init__(self):
        self.count = 0

    def __call__(self, path, line, text):
        self.count += 1
        print(f"{path}:{line}: {text}")

    def finish(self):
        sys.exit(1 if self.count else 0)
