# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""Names that somebody may have chosen to be read by something else than a person."""

import json
import os
from functools import partial

from common import Case, Context
from drop_world import MAILBOX, ROUTE, World, lines
from harness.printable import assert_printable

# The stems of pairs that are sent like any other.
GOOD = {
    "dash": b"-rf",
    "dashes": b"--help",
    "percent": b"%s%n%x%99999d",
    "quotes": b"a'b\"c`d",
    "fields": b'x" reason="sent" job="1',
    "shell": b"$(touch owned);|&<>*?[!]{}~#",
    "backslash": b"a\\n\\x1b\\0",
    "blanks": b"  two  blanks  ",
    "entity": b"&lt;!DOCTYPE a [<!ENTITY b SYSTEM 'file:etc'>]>]]>",
    "dots": b"a..b...c....",
    "two-dots": b"x..",
    "extension": b"a.ctl",
    "extensions": b"a.dat.ctl.dat",
    "tilde": b"a~20260101000000000-00000000",
    "utf8": "Größe €5 患者".encode(),
    "wide": "\U0001f4a3".encode() * 60,
    "not-utf8": b"caf\xe9 \xff\xfe",
    "c1": b"\x9b31m red \x9d0;title\x9c",
    "half-utf8": b"cut \xe2\x82",
    "long-utf8": b"\xf4\x90\x80\x80",
    "surrogate": b"\xed\xa0\x80",
    "right-to-left": "invoice\u202efdp".encode(),
    "line-separator": "a\u2028b\u2029c".encode(),
    "251": b"n" * 251,
    "200": b"m" * 200,
    "like-ours": b"20260101000000000-00000000",
    "like-ours-new": b".20260101000000000-00000000.ctl.new"[1:],
    "like-lock": b"meshdrop.lock",
    "windows": b"CON",
    "url": b"http:%2f%2fexample.org%2f..%2f",
    "comma": b"=cmd|' -C calc'!A0",
}

# Names that are left alone, how they are shown, and why.
BAD = {
    "newline": (b"a\nb", "a\\x0ab", "control bytes"),
    "forged-line": (b"a\n2026-01-01T00:00:00Z info   sent file=b", None, "control bytes"),
    "return": (b"a\rb", "a\\x0db", "control bytes"),
    "escape": (b"\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07", "control bytes"),
    "tab": (b"a\tb", "a\\x09b", "control bytes"),
    "delete": (b"a\x7fb", "a\\x7fb", "control bytes"),
    "bell": (b"\x07", "\\x07", "control bytes"),
    "hidden": (b".hidden", ".hidden", "begins with a dot"),
    "only-extension": (b"", "", "begins with a dot"),
    "only-dots": (b"..", "..", "begins with a dot"),
    "many-dots": (b"......", "......", "begins with a dot"),
    "long-control": (b"\x01" * 251, "\\x01" * 251, "control bytes"),
}


def _good(user: str, stem: bytes, context: Context) -> None:
    """The pair goes, under its own name."""
    world = World(context, user)
    world.drop_innocent()
    world.put(stem + b".dat", b"their content\n")
    world.put(stem + b".ctl", world.control())
    done = world.run()
    assert done.code == 0, done
    sent = {os.fsencode(name) for name in os.listdir(world.site.folder("SENT"))}
    assert {stem + b".ctl", stem + b".dat"} <= sent, f"{sent} {done}"
    assert not lines(done.err, "left-alone"), done
    assert os.listdir(world.out) == []
    assert not any("owned" in name for name in os.listdir("."))
    world.check()
    world.check_clean()


def _refused(user: str, stem: bytes, context: Context) -> None:
    """The same with a control file that is refused: FAILED and the report, too."""
    world = World(context, user)
    world.drop_innocent()
    world.put(stem + b".dat", b"their content\n")
    world.put(stem + b".ctl", world.control(To_DTS=None))
    done = world.run(settle=True)
    failed = {os.fsencode(name) for name in os.listdir(world.site.folder("FAILED"))}
    assert {stem + b".ctl", stem + b".dat"} <= failed, f"{failed} {done}"
    reports = [name for name in os.listdir(world.site.folder("IN")) if name.endswith(".ctl")]
    assert len(reports) == 1, f"{reports} {done}"
    world.check()
    world.check_clean()


def _denied(stem: bytes, context: Context) -> None:
    """The same with a control file that may not be read: the trouble is named in the status."""
    world = World(context, "user")
    world.drop_innocent()
    world.put(stem + b".dat", b"their content\n")
    control = world.put(stem + b".ctl", world.control())
    control.chmod(0)
    done = world.run()
    assert done.code in (0, 1), done
    assert lines(done.err, "pair-denied"), done
    status = json.loads((world.site.path / "state" / "status.json").read_bytes())
    (mailbox,) = [box for box in status["mailboxes"] if box["id"] == MAILBOX]
    assert "cannot be read" in mailbox["trouble"] or "denied" in mailbox["trouble"], mailbox
    control.chmod(0o644)
    world.run()
    sent = {os.fsencode(name) for name in os.listdir(world.site.folder("SENT"))}
    assert {stem + b".ctl", stem + b".dat"} <= sent, sent
    world.check()
    world.check_clean()


def _bad(user: str, stem: bytes, shown: str | None, reason: str, context: Context) -> None:
    """The pair stays, and both names are in the log, in a form that does no harm."""
    world = World(context, user)
    world.drop_innocent()
    for extension in (b".dat", b".ctl"):
        world.put(stem + extension, world.control())
    done = world.run()
    assert done.code == 0, done
    found = lines(done.err, "left-alone")
    assert len(found) == 2 and all(reason in line for line in found), found
    if shown is not None:
        for extension in (".dat", ".ctl"):
            assert sum(f'"OUT/{shown}{extension}"' in line for line in found) == 1, found
    assert len(os.listdir(world.out)) == 2
    world.check()
    world.check_clean()


def _bad_in_route(user: str, stem: bytes, context: Context) -> None:
    """A file of such a name in the folder of a route."""
    world = World(context, user)
    world.put("honest.dat", b"honest content\n", ROUTE)
    path = world.put(stem + b".pdf", b"their content\n", ROUTE)
    done = world.run()
    found = lines(done.err, "left-alone")
    if stem.startswith(b".") or not stem:  # the manual says that those are not looked at
        assert not found, found
    else:
        assert len(found) == 1 and "control bytes" in found[0], done
    assert path.exists()
    assert "honest.dat.ctl" in world.site.names("SENT")
    world.check()
    world.check_clean()


def _good_in_route(user: str, stem: bytes, context: Context) -> None:
    """A file of an odd but good name there is sent; too long a one fails with the reason."""
    world = World(context, user)
    name = stem + b".pdf"
    world.put(name, b"their content\n", ROUTE)
    done = world.run(settle=True)
    ended = world.site.names("SENT") + world.site.names("FAILED")
    assert len(ended) == 2, f"{ended} {done}"
    assert os.listdir(world.site.folder(ROUTE)) == []
    world.check()
    world.check_clean()


def _case_clash(user: str, context: Context) -> None:
    """Names that differ only by case are pairs of their own; none overwrites another."""
    world = World(context, user)
    world.drop_innocent()
    for stem in ("clash", "CLASH", "Clash"):
        world.put(f"{stem}.DAT", stem.encode())
        world.put(f"{stem}.CtL", world.control())
    world.run()
    sent = world.site.folder("SENT")
    for stem in ("clash", "CLASH", "Clash"):
        (found,) = [path for path in sent.iterdir()
                    if path.stem == stem and path.suffix.lower() == ".dat"]
        assert found.read_bytes() == stem.encode()
    world.check()
    world.check_clean()


def _extension_clash(user: str, context: Context) -> None:
    """Two control files for one data file: one message, and the other is not lost."""
    world = World(context, user, poll_interval="1s")
    world.put("clash.dat", b"their content\n")
    world.put("clash.ctl", world.control())
    world.put("clash.CTL", world.control())
    world.run(settle=True)
    posts = world.sandbox.posts(MAILBOX)
    assert len(posts) == 1, posts
    everywhere = [name for folder in ("OUT", "SENT", "FAILED") for name in world.site.names(folder)]
    assert sorted(name.lower() for name in everywhere) == ["clash.ctl", "clash.ctl", "clash.dat"]
    world.check()


def _tool(user: str, context: Context) -> None:
    """What the tool prints of such names is as harmless."""
    world = World(context, user)
    world.sandbox.fault("POST", f"^/messageexchange/{MAILBOX}/outbox$", status=500, count=99)
    for stem in (b"\x9b31m red", b"caf\xe9", "a\u202eb".encode()):
        world.put(stem + b".dat", b"their content\n")
        world.put(stem + b".ctl", world.control())
    world.run()
    for command in (("list",), ("status",), ("list", "--json"), ("verify",)):
        said = world.site.tool(*command)
        assert_printable(said.raw)
    world.sandbox.clear_faults()


def cases(user: str) -> list[Case]:
    """With the daemon as this user."""
    found = []
    for name, stem in GOOD.items():
        found.append(Case(f"{user}-name-{name}", partial(_good, user, stem)))
        found.append(Case(f"{user}-name-refused-{name}", partial(_refused, user, stem),
                          user == "user"))
        found.append(Case(f"{user}-name-route-{name}", partial(_good_in_route, user, stem),
                          user == "user"))
        if user == "user":
            found.append(Case(f"user-name-denied-{name}", partial(_denied, stem),
                              name == "not-utf8"))
    for name, (stem, shown, reason) in BAD.items():
        found.append(Case(f"{user}-name-{name}", partial(_bad, user, stem, shown, reason)))
        found.append(Case(f"{user}-name-route-{name}", partial(_bad_in_route, user, stem),
                          user == "root"))
    found.append(Case(f"{user}-name-case-clash", partial(_case_clash, user)))
    found.append(Case(f"{user}-name-extension-clash", partial(_extension_clash, user)))
    found.append(Case(f"{user}-name-tool", partial(_tool, user)))
    return found
