# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""meshdrop import: an installation of the Java client becomes ours."""

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from harness.certs import issue, load_authority
from harness.javaclient import PASSWORD, JavaClient, jks, keytool, keytool_rsa, p12, tree
from harness.lab import Lab
from harness.process import Result, run, runs
from harness.sandbox import Sandbox
from harness.secrecy import leaks
from harness.site import Site

LIVE = "https://mesh-sync.spineservices.nhs.uk"
BOXES = ("X26ABC1", "X26ABC2")


class Import:
    """One import, from an installation to a folder."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.sandbox = lab.sandbox()
        self.out = lab.path / "new"
        self.old = JavaClient(lab.path / "MESH-APP-HOME", LIVE)
        self.old.common["AuthenticationKey"] = self.sandbox.shared_key
        self.put_keystore(jks)

    def put_keystore(self, make=jks, stem: Path | None = None, password: str = PASSWORD) -> None:
        """A keystore with the sandbox's client certificate and authority."""
        trusted = [self.sandbox.path / "ca.pem"]
        made = make(stem or self.sandbox.path / "client", trusted, password)
        self.old.keystore.write_bytes(made)

    def root(self, mailbox: str) -> Path:
        """Where the old installation has its folders."""
        return self.lab.path / "MESH-DATA-HOME" / mailbox

    def add(self, *mailboxes: str, **elements: str) -> "Import":
        """Mailboxes of the sandbox."""
        for mailbox in mailboxes:
            password = self.sandbox.password(mailbox)
            self.old.add(mailbox, password, self.root(mailbox), **elements)
        return self

    def run(self, *options: str, env: dict[str, str] | None = None, wrap: tuple = ()) -> Result:
        """meshdrop import, which must say no secret and change nothing old."""
        if not self.old.cfg.exists():
            self.old.write()
        before = self.old.snapshot()
        command = [
            *wrap,
            self.lab.programs.path("meshdrop"),
            *("import", str(self.old.cfg), "--output", str(self.out), *options),
        ]
        done = run(command, self.lab.logs / "import.log", env)
        assert self.old.snapshot() == before, "the old installation was touched"
        secrets = [PASSWORD, self.sandbox.shared_key]
        secrets += [box["password"] for box in self.sandbox.mailboxes]
        assert not leaks(done.out + done.err, secrets), done
        return done

    def ok(self, *options: str, env: dict[str, str] | None = None) -> Result:
        """One that works."""
        done = self.run("--offline", *options, env=env)
        assert done.code == 0, done
        return done

    def refused(self, why: str, *options: str, wrap: tuple = ()) -> Result:
        """One that fails, says why, and leaves the folder as it was."""
        before = tree(self.out) if self.out.exists() else None
        done = self.run("--offline", *options, wrap=wrap)
        assert done.code == 1, done
        assert why in done.err, done
        assert (tree(self.out) if self.out.exists() else None) == before
        assert done.out == "", done
        return done

    def conf(self) -> dict[str, str]:
        """What meshdrop.conf sets."""
        text = (self.out / "meshdrop.conf").read_text(encoding="utf-8")
        return dict(re.findall(r"^(\w+) = (.*)$", text, re.MULTILINE))

    def box(self, mailbox: str) -> dict[str, str]:
        """What a mailbox file sets."""
        text = (self.out / "mailboxes.d" / f"{mailbox}.yaml").read_text(encoding="utf-8")
        return dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))


@pytest.fixture(name="job")
def fixture_job(lab: Lab) -> Import:
    """An installation without mailboxes, for the test to finish."""
    return Import(lab)


# --- forms of configurations


@pytest.mark.parametrize("make", [jks, p12])
def test_one_mailbox(job: Import, make) -> None:
    """The usual file: every element has become something, and the set is accepted."""
    job.put_keystore(make)
    done = job.add("X26ABC1", TransferReport="Y").ok()
    assert job.conf() == {
        "environment": "live",
        "shared_key_file": "shared.key",
        "ca_file": "ca.pem",
        "certificate": "client.pem",
        "private_key": "client.key",
        "poll_interval": "30m",
        "connections": "4",
        "signal_file": str(job.old.path / "sig" / "mexclient.sig"),
    }
    assert job.box("X26ABC1") == {
        "mailbox": "X26ABC1",
        "password_file": "../X26ABC1.password",
        "root": f"'{job.root('X26ABC1')}'",
        "reports": "{collect: true, transfer: true, poll: false, delay: false}",
        "save_sent": "true",
        "max_messages": "100",
        "server_retry": "3",
    }
    for element in (*job.old.common, *job.old.clients[0]):
        assert re.search(rf"^(X26ABC1: )?{element}\b", done.out, re.MULTILINE), element
    assert "0 of" in done.out and "checks failed" in done.out


def jks_1(stem: Path, trusted: list[Path], password: str) -> bytes:
    """The first version of the format."""
    return jks(stem, trusted, password, version=1)


def test_first_version_of_jks(job: Import) -> None:
    """Keystores of the last century are read, too."""
    job.put_keystore(jks_1)
    job.add("X26ABC1").ok()


def test_modes(job: Import) -> None:
    """Secrets are for their owner only, whatever the mask; nothing else is left behind."""
    job.add(*BOXES)
    mask = os.umask(0o002)
    try:
        job.ok()
    finally:
        os.umask(mask)
    modes = {
        str(path.relative_to(job.out)): stat.S_IMODE(path.stat().st_mode)
        for path in job.out.rglob("*")
        if path.is_file()
    }
    assert modes == {
        "X26ABC1.password": 0o600,
        "X26ABC2.password": 0o600,
        "ca.pem": 0o644,
        "client.key": 0o600,
        "client.pem": 0o644,
        "mailboxes.d/X26ABC1.yaml": 0o644,
        "mailboxes.d/X26ABC2.yaml": 0o644,
        "meshdrop.conf": 0o644,
        "shared.key": 0o600,
    }


TEMPLATE = """<?xml version="1.0"?>
<MESHConfig>
  <PrimaryURL>$SERVICE_URL</PrimaryURL>
  <KeyStorePath>${APP_HOME}/KEYSTORE/mesh.keystore</KeyStorePath>
  <KeyStorePassword>$STORE_PASSWORD</KeyStorePassword>
  <WorkPath>$APP_HOME/working</WorkPath>
  <SignalPath>$APP_HOME/none</SignalPath>
  <PollPeriod>30</PollPeriod>
  <AutoUpgrade>N</AutoUpgrade>
  <AuthenticationKey>$SHARED</AuthenticationKey>
  <Client>
    <ClientIdentity>$FIRST_NAME</ClientIdentity>
    <ClientAuthentication>$FIRST_PASSWORD</ClientAuthentication>
    <MailboxType>MESH</MailboxType>
    <InterfaceRoot>$DATA_HOME/$FIRST_NAME</InterfaceRoot>
    <ClientLogLevel>1</ClientLogLevel>
    <CollectReport>Y</CollectReport>
    <DelayReport>N</DelayReport>
    <SaveSent>Y</SaveSent>
  </Client>
  <Client>
    <ClientIdentity>X26ABC2</ClientIdentity>
    <ClientAuthentication>a$b$5</ClientAuthentication>
    <InterfaceRoot>$DATA_HOME/second</InterfaceRoot>
  </Client>
</MESHConfig>
"""


def template_env(job: Import) -> dict[str, str]:
    """What a container would have set."""
    return {
        "SERVICE_URL": "https://msg.intspineservices.nhs.uk",
        "APP_HOME": str(job.old.path),
        "DATA_HOME": "/data",
        "STORE_PASSWORD": PASSWORD,
        "SHARED": job.sandbox.shared_key,
        "FIRST_NAME": "X26ABC1",
        "FIRST_PASSWORD": job.sandbox.password("X26ABC1"),
        "b": "B",
    }


def test_template(job: Import) -> None:
    """A container's template: refused as it is, taken with --expand."""
    job.old.write(TEMPLATE)
    job.refused("say --expand")
    job.refused("the environment variable 'SERVICE_URL' is not set", "--expand")
    job.ok("--expand", env=template_env(job))
    assert job.conf()["environment"] == "int"
    assert job.box("X26ABC1")["root"] == "'/data/X26ABC1'"
    assert (job.out / "X26ABC2.password").read_text(encoding="utf-8") == "aB$5\n"
    assert "signal_file" not in job.conf()


def test_literal(job: Import) -> None:
    """A password that begins like a variable."""
    job.add("X26ABC1")
    job.old.clients[0]["ClientAuthentication"] = "$SECRET"
    job.refused("--literal")
    job.ok("--literal")
    assert (job.out / "X26ABC1.password").read_text(encoding="utf-8") == "$SECRET\n"


def test_any_order(job: Import) -> None:
    """Clients first and last, elements upside down, on one line, with a comment."""
    job.add(*BOXES)
    lines = job.old.text().splitlines()
    common = [line for line in lines[2:] if line.startswith("    <") and "Client" not in line]
    blocks = re.findall(r"<Client>.*?</Client>", job.old.text(), re.DOTALL)
    text = "<!-- x -->".join([blocks[1], *reversed(common), blocks[0]])
    job.old.write(f"<MESHConfig>{text}</MESHConfig>")
    job.ok()
    assert sorted(path.name for path in (job.out / "mailboxes.d").iterdir()) == [
        "X26ABC1.yaml",
        "X26ABC2.yaml",
    ]


def test_relative_to_the_file(job: Import, lab: Lab) -> None:
    """Paths count from the folder of the configuration, named from anywhere."""
    job.add("X26ABC1")
    job.old.clients[0]["InterfaceRoot"] = "../data/one"
    job.old.write()
    job.out = lab.path / "moved"
    command = [lab.programs.path("meshdrop"), "import", job.old.cfg.name, "-o", str(job.out)]
    wrap = ["sh", "-c", 'cd "$0" && exec "$@"', str(job.old.path)]
    done = run([*wrap, *command, "--offline"], lab.logs / "import.log")
    assert done.code == 0, done
    assert job.box("X26ABC1")["root"] == f"'{job.old.path}/../data/one'"


def test_foreign_passwords(job: Import) -> None:
    """A pound sign in all three kinds of secrets."""
    job.put_keystore(jks, password="pä£sword")
    job.old.common["KeyStorePassword"] = "pä£sword"
    job.old.common["AuthenticationKey"] = "k£y"
    job.old.add("X26ABC1", "s£cret", job.root("X26ABC1")).write()
    job.ok()
    assert (job.out / "X26ABC1.password").read_text(encoding="utf-8") == "s£cret\n"
    assert (job.out / "shared.key").read_text(encoding="utf-8") == "k£y\n"


def test_hscn(job: Import) -> None:
    """An HSCN address stays and is said to go."""
    job.old.common["PrimaryURL"] = "https://mesh-sync.national.ncrs.nhs.uk/messageexchange"
    done = job.add("X26ABC1").ok()
    assert job.conf()["url"] == "https://mesh-sync.national.ncrs.nhs.uk"
    assert "HSCN" in done.out


# --- the proxy


def test_proxy(job: Import) -> None:
    """proxy.ini becomes proxy settings; a name that nobody knows is said."""
    text = "[Proxy]\r\nProxyHost=proxy.example\r\nProxyPort=8080\r\nUser=me\r\nPassword=pr0xy\r\n"
    (job.old.path / "proxy" / "proxy.ini").write_text(text + "NtDomain=x\r\n", encoding="utf-8")
    done = job.add("X26ABC1").ok()
    assert job.conf()["proxy"] == "http://proxy.example:8080"
    assert job.conf()["proxy_user"] == "me"
    secret = job.out / job.conf()["proxy_password_file"]
    assert secret.read_text(encoding="utf-8") == "pr0xy\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "NtDomain" in done.out
    assert "pr0xy" not in done.out + done.err


def test_bad_proxy(job: Import) -> None:
    """A proxy without port is an error, and names the file."""
    (job.old.path / "proxy" / "proxy.ini").write_text("host=p\n", encoding="utf-8")
    job.add("X26ABC1").refused("proxy.ini': names a proxy, but no port")


# --- what is refused


def test_unknown_element(job: Import) -> None:
    """It is named with its line."""
    job.add("X26ABC1").old.write()
    text = job.old.text().replace("    <WorkPath>", "    <Colour>blue</Colour>\n    <WorkPath>")
    line = text.splitlines().index("    <Colour>blue</Colour>") + 1
    job.old.write(text)
    job.refused(f"meshclient.cfg: line {line}: <Colour> is not known")


def test_element_twice(job: Import) -> None:
    """As is one that stands twice."""
    job.add("X26ABC1")
    text = job.old.text().replace("</MESHConfig>", "<PollPeriod>1</PollPeriod></MESHConfig>")
    job.old.write(text)
    job.refused("<PollPeriod> is there twice")


@pytest.mark.parametrize("make", [jks, p12])
def test_wrong_keystore_password(job: Import, make) -> None:
    """It is said, with the file."""
    job.put_keystore(make)
    job.old.common["KeyStorePassword"] = "wrong"
    job.add("X26ABC1").refused("mesh.keystore': cannot be opened with KeyStorePassword")


def test_damaged_keystore(job: Import) -> None:
    """Half a keystore is not a wrong password."""
    data = job.old.keystore.read_bytes()
    job.old.keystore.write_bytes(data[: len(data) // 2])
    job.add("X26ABC1").refused("is damaged")


def test_no_keystore(job: Import) -> None:
    """A missing one is named; --keystore takes another."""
    elsewhere = job.lab.path / "moved.keystore"
    job.old.keystore.rename(elsewhere)
    job.add("X26ABC1").refused("mesh.keystore")
    job.ok("--keystore", str(elsewhere))


def test_expired_certificate(job: Import) -> None:
    """Nothing is imported that could not work."""
    data = Path(__file__).parents[1] / "data" / "import" / "ended.jks"
    shutil.copyfile(data, job.old.keystore)
    job.old.common["KeyStorePassword"] = "changeit"
    job.add("X26ABC1").refused("CN=ended.example ended on 2012-01-01")


def test_no_authority(job: Import) -> None:
    """A keystore that trusts nobody says what to do."""
    job.old.keystore.write_bytes(jks(job.sandbox.path / "client", []))
    job.add("X26ABC1").refused("keytool -importcert")


def test_no_mailbox(job: Import) -> None:
    """A file without clients is of no use."""
    job.refused("holds no <Client>")


def test_windows_path(job: Import) -> None:
    """A configuration from Windows is understood as such."""
    job.old.common["KeyStorePath"] = r"C:\MESH-APP-HOME\KEYSTORE\mesh.keystore"
    job.add("X26ABC1").refused("is a path of Windows")


def test_same_root(job: Import) -> None:
    """What only the reader of the new settings sees stops the import, too."""
    job.add(*BOXES)
    job.old.clients[1]["InterfaceRoot"] = job.old.clients[0]["InterfaceRoot"]
    done = job.refused("nothing was changed")
    assert "each mailbox needs one of its own" in done.err


def test_usage(job: Import, lab: Lab) -> None:
    """Wrong calls and a file that is not there."""
    tool = lab.programs.path("meshdrop")
    log = lab.logs / "import.log"
    assert run([tool, "import"], log).code == 64
    assert run([tool, "import", "a", "b"], log).code == 64
    assert run([tool, "import", "a", "--expand", "--literal"], log).code == 64
    missing = run([tool, "import", str(lab.path / "none"), "-o", str(job.out)], log)
    assert missing.code == 1 and "none" in missing.err


# --- the shared key


def test_shared_key_is_built_in(job: Import) -> None:
    """Without it: where to get it; then from a file; then what is there is kept."""
    job.add("X26ABC1").old.common["AuthenticationKey"] = None
    assert "service desk" in job.refused("--shared-key").err
    given = job.lab.path / "key.txt"
    given.write_bytes(job.sandbox.shared_key.encode() + b"\r\n")
    job.ok("--shared-key", str(given))
    there = job.out / "shared.key"
    assert there.read_text(encoding="utf-8") == job.sandbox.shared_key + "\n"
    done = job.ok("--force")
    assert "already there" in done.out
    assert there.exists() and not list(job.out.glob("shared.key.old-*"))


def test_empty_shared_key(job: Import) -> None:
    """A file with nothing in it is no key."""
    empty = job.lab.path / "key.txt"
    empty.write_bytes(b"\n")
    job.add("X26ABC1").refused("does not hold a key", "--shared-key", str(empty))


# --- all files or none


def test_force(job: Import) -> None:
    """What is there is refused, and kept with --force; other mailboxes go aside, too."""
    job.add("X26ABC1").ok()
    (job.out / "mailboxes.d" / "OTHER.yaml").write_text("mailbox: X\n", encoding="utf-8")
    (job.out / "notes").write_text("mine", encoding="utf-8")
    before = (job.out / "client.pem").read_bytes()
    job.refused("already has meshdrop.conf, ")
    done = job.ok("--force")
    kept = sorted(re.sub(r"\d{14}$", "TIME", path.name) for path in job.out.glob("*.old-*"))
    assert kept == [
        "OTHER.yaml.old-TIME",
        "X26ABC1.password.old-TIME",
        "X26ABC1.yaml.old-TIME",
        "ca.pem.old-TIME",
        "client.key.old-TIME",
        "client.pem.old-TIME",
        "meshdrop.conf.old-TIME",
        "shared.key.old-TIME",
    ]
    assert next(job.out.glob("client.pem.old-*")).read_bytes() == before
    assert (job.out / "notes").read_text(encoding="utf-8") == "mine"
    assert "kept as NAME.old-" in done.out


@pytest.mark.parametrize("size", [100, 300, 600])
@pytest.mark.parametrize("there", [False, True])
def test_no_room(job: Import, size: int, there: bool) -> None:
    """Files that cannot be written whole are none."""
    job.add("X26ABC1")
    if there:
        job.ok()
    wrap = ("prlimit", f"--fsize={size}", "sh", "-c", 'trap "" XFSZ; exec "$0" "$@"')
    job.refused("cannot write", "--force", wrap=wrap)


@pytest.mark.skipif(
    not runs("strace", "-o", "/dev/null", "true"), reason="strace is missing, or may not trace"
)
def test_killed(job: Import) -> None:
    """Killed at any rename: the next import begins where the first did."""
    job.add("X26ABC1").ok()
    before = {name: content for name, (_, content) in tree(job.out).items()}
    kills = 0
    while True:
        kills += 1
        inject = f"inject=renameat2:signal=SIGKILL:when={kills}"
        wrap = ("strace", "-f", "-o", "/dev/null", "-e", inject)
        done = job.run("--offline", "--force", wrap=wrap)
        if done.code == 0:
            break
        assert done.out == "", done
        # An import that is refused has put right what was there before it.
        job.run("--offline")
        now = {name: content for name, (_, content) in tree(job.out).items()}
        assert now == before, kills
    assert kills > 10


# --- with what is really there


@pytest.mark.skipif(not shutil.which("keytool"), reason="no JDK: keytool is missing")
@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_keytool(job: Import, kind: str) -> None:
    """Keystores that the real keytool has written."""
    authority = load_authority(job.sandbox.path / "ca.pem", job.sandbox.path / "ca.key")
    stem = job.lab.path / "other"
    issue(authority, "keytool.example", "client.example", False, stem)
    job.old.keystore.unlink(missing_ok=True)
    keytool(stem, [job.sandbox.path / "ca.pem"], kind, job.old.keystore)
    done = job.add("X26ABC1").ok()
    assert "CN=keytool.example" in done.out
    assert (job.out / "client.key").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


@pytest.mark.skipif(not shutil.which("keytool"), reason="no JDK: keytool is missing")
@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_keytool_makes_the_key(job: Import, kind: str) -> None:
    """A key of RSA that never was anywhere else."""
    job.old.keystore.unlink()
    keytool_rsa("CN=rsa.example", [job.sandbox.path / "ca.pem"], kind, job.old.keystore)
    done = job.add("X26ABC1").ok()
    assert "CN=rsa.example" in done.out


@pytest.mark.skipif(
    not runs("unshare", "-m", "mount", "--bind", "/etc/passwd", "/etc/passwd"),
    reason="needs root that may mount, to have a user meshdrop for a while",
)
def test_for_the_user_of_the_daemon(job: Import) -> None:
    """Root's import is for the user meshdrop: it owns the secrets, and can read the rest."""
    user, group = 64987, 64988
    lines = {
        "passwd": f"root:x:0:0::/root:/bin/sh\nmeshdrop:x:{user}:{group}::/:/bin/false\n",
        "group": f"root:x:0:\nmeshdrop:x:{group}:\n",
    }
    files = []
    for name, text in lines.items():
        files.append(job.lab.path / name)
        files[-1].write_text(text, encoding="utf-8")
    mount = 'mount --bind "$0" /etc/passwd && mount --bind "$1" /etc/group && shift && exec "$@"'
    wrap = ("unshare", "-m", "sh", "-c", mount, *map(str, files))
    job.add("X26ABC1")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        job.out = Path(folder) / "etc"
        job.old.clients[0]["InterfaceRoot"] = f"{folder}/X26ABC1"
        done = job.run("--offline", wrap=wrap)
        assert done.code == 0, done
        assert "or out of reach" in done.out  # the signal folder, for that user
        assert "runuser -u meshdrop -- meshdrop -c" in done.out
        found = {}
        for path in (job.out, *job.out.rglob("*")):
            at = path.stat()
            found[path.name] = (at.st_uid, at.st_gid, stat.S_IMODE(at.st_mode))
    for name in ("client.key", "shared.key", "X26ABC1.password"):
        assert found[name] == (user, group, 0o600), name
    for name in ("client.pem", "ca.pem", "meshdrop.conf", "X26ABC1.yaml"):
        assert found[name] == (0, group, 0o644), name
    for name in ("etc", "mailboxes.d"):
        assert found[name] == (0, group, 0o750), name


@pytest.mark.core
@pytest.mark.parametrize("make", [jks, p12])
def test_sends_and_receives(lab: Lab, make) -> None:
    """The whole way: import, check against the service, send from one box to the other."""
    job = Import(lab)
    site = lab.site(job.sandbox.start(), *BOXES)
    job.put_keystore(make)
    job.old.common["PrimaryURL"] = f"{job.sandbox.url}/messageexchange"
    for mailbox in BOXES:
        root = site.folder("IN", mailbox).parent
        job.old.add(mailbox, job.sandbox.password(mailbox), root, TransferReport="Y")
    done = job.run()
    assert done.code == 0, done
    for mailbox in BOXES:
        assert f"{mailbox}: {job.sandbox.url} knows the mailbox" in done.out
    use(site, job)
    pair = site.drop("letter", b"content", To_DTS="X26ABC2")
    site.run_ok()
    site.run_ok()
    assert site.sent("letter").status.code == "00"
    assert [item.sha256 for item in site.received("X26ABC2")] == [pair.sha256]
    assert {ctl.status.event for ctl in site.reports()} == {"COLLECT", "TRANSFER"}


def use(site: Site, job: Import) -> None:
    """The imported set, with a state folder of the test's own and no waiting."""
    site.conf = job.out / "meshdrop.conf"
    text = site.conf.read_text(encoding="utf-8")
    fast = f"[daemon]\nstate_dir = {site.path / 'state'}\nprocessing_delay = 0s\nreserve = 1M\n"
    site.conf.write_text(text.replace("[daemon]\n", fast), encoding="utf-8")


def test_failed_check_is_said(job: Import) -> None:
    """The set is in place, but the service is not there: exit status 1."""
    job.old.common["PrimaryURL"] = "https://127.0.0.1:9"
    done = job.add("X26ABC1").run()
    assert done.code == 1, done
    assert "FAIL  X26ABC1" in done.out
    assert (job.out / "meshdrop.conf").exists()
