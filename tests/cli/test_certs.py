"""`twisted-distcc certs` as it is typed, and the lines that it tells people to copy."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import socket
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live import LiveTestCase, plain_environment, until
from tests.tls.authority.making import SCOPE, AuthorityTestCase
from twisted_distcc.cli import certs_words
from twisted_distcc.cli.certs import main
from twisted_distcc.tls.authority import Authority
from twisted_distcc.tls.authority.ledger import Ledger
from twisted_distcc.tls.authority.scope import scope_of


def run_main(*arguments: str) -> tuple[int, str, str]:
    """Give the status and both outputs of a command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, out.getvalue(), err.getvalue()


def line_with(text: str, words: str) -> str:
    """Give the only line of a text that has some words in it."""
    (line,) = (line for line in text.splitlines() if words in line)
    return line.strip()


class CommandTests(SynchronousTestCase):
    """Each subcommand, and what it says next."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute() / "my home"
        self.home.mkdir(parents=True)
        self.folder = self.home / ".distcc" / "authority"
        environ = {**plain_environment(), "HOME": str(self.home)}
        self.patch(os, "environ", environ)

    def done(self, *arguments: str) -> str:
        """Give what a command says that succeeds."""
        status, out, err = run_main(*arguments)
        self.assertEqual((status, err), (0, ""))
        return out

    def refused(self, *arguments: str) -> str:
        """Give what a command says that fails: one sentence."""
        status, out, err = run_main(*arguments)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, r"\Atwisted-distcc certs: .+\n\Z")
        return err

    def init(self) -> None:
        self.done("init", "--permit", ".example.org", "--permit", "10.0.0.0/8", "--permit", "fd00::/8")

    def test_init(self) -> None:
        """The authority is made in the home folder, says its scope, and what to type next."""
        out = self.done("init", "--permit", ".example.org")
        self.assertIn("It may issue certificates for example.org and below.", out)
        self.assertEqual(Ledger(self.folder).certificate(), Ledger(self.folder).signer().certificate)
        self.assertIn(
            f"twisted-distcc certs --authority '{self.folder}' server HOST",
            line_with(out, "server HOST"),
        )
        self.assertIn("stays as it is", self.refused("init"))

    def test_usual_scope(self) -> None:
        """Without a word on it, the scope is private, with the domain of this machine."""
        self.patch(socket, "getfqdn", lambda: "build1.farm.example.org")
        out = self.done("init")
        self.assertIn("farm.example.org and below, home.arpa and below", out)
        scope = scope_of(Ledger(self.folder).certificate())
        assert scope is not None
        self.assertTrue(scope.covers("x.farm.example.org"))
        self.assertFalse(scope.covers("x.example.com"))

    def test_any(self) -> None:
        """No bounds are said to be none."""
        self.assertIn("It may issue certificates for any host.", self.done("init", "--permit", "any"))
        self.assertIn("any host", self.done("show"))

    def test_place(self) -> None:
        """An authority lies where is said, before the subcommand or after it, else in DISTCC_DIR."""
        os.environ["DISTCC_DIR"] = str(self.home / "d")
        self.done("init", "--authority", str(self.home / "a"))
        self.done("--authority", str(self.home / "b"), "init")
        self.done("init")
        for folder in ("a", "b", "d/authority"):
            self.assertTrue((self.home / folder / "key.pem").exists(), folder)
        self.done("--authority", str(self.home / "b"), "user", "alice")
        self.done("user", "bob", "--authority", str(self.home / "b"))
        self.assertEqual(sorted(os.listdir(self.home / "b" / "users")), ["alice", "bob"])

    def test_nowhere(self) -> None:
        """Without a home, a folder must be named."""
        del os.environ["HOME"]
        self.assertIn("--authority DIR", self.refused("show"))

    def test_server_steps(self) -> None:
        """The line for a server makes the folder there, and copies four files into it."""
        self.init()
        out = self.done("server", "Build1.example.org", "10.0.0.5")
        self.assertIn("the server build1.example.org (10.0.0.5)", out)
        target = "root@build1.example.org"
        self.assertEqual(
            self.remote(line_with(out, "scp ")),
            [
                ["ssh", target, "mkdir", "-p", "/etc/distcc/tls"],
                ["scp", "-p", *self.files("servers/build1.example.org"), f"{target}:/etc/distcc/tls/"],
            ],
        )
        for option, file in (
            ("certificate", "certificate"),
            ("key", "key"),
            ("ca", "ca"),
            ("crl", "crl"),
        ):
            self.assertIn(f"--tls-{option} /etc/distcc/tls/{file}.pem", line_with(out, "twistd distccd"))
        self.assertEqual(line_with(out, ",tls"), "build1.example.org,tls")

    def test_server_with_an_address(self) -> None:
        """Addresses of version 6 are written as ssh, scp and the hosts list want them."""
        self.init()
        out = self.done("server", "fd00::5")
        ssh, scp = self.remote(line_with(out, "scp "))
        self.assertEqual((ssh[1], scp[-1]), ("root@fd00::5", "root@[fd00::5]:/etc/distcc/tls/"))
        self.assertEqual(line_with(out, ",tls"), "[fd00::5],tls")

    def test_user_steps(self) -> None:
        """The line for a user on this machine puts everything in place, the key for nobody else."""
        self.init()
        out = self.done("user", "alice", "--days", "7")
        line = line_with(out, "&& cp ")
        subprocess.run(["/bin/sh", "-c", f"umask 022; {line}"], check=True, env=os.environ)
        folder = self.home / ".distcc" / "tls"
        self.assertEqual(sorted(os.listdir(folder)), ["ca.pem", "certificate.pem", "crl.pem", "key.pem"])
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((folder / "key.pem").stat().st_mode), 0o600)
        ssh, scp = self.remote(line_with(out, "scp "))
        self.assertEqual(ssh, ["ssh", "USER@MACHINE", "mkdir", "-p", "-m", "700", ".distcc/tls"])
        self.assertEqual(scp, ["scp", "-p", *self.files("users/alice"), "USER@MACHINE:.distcc/tls/"])

    def test_revoke_steps(self) -> None:
        """The new list goes to each server, once, that is not revoked itself."""
        self.init()
        for host in ("a.example.org", "b.example.org", "fd00::5"):
            self.done("server", host)
        self.done("user", "alice")
        self.done("renew", "a.example.org")
        self.done("revoke", "b.example.org")
        out = self.done("revoke", "alice")
        self.assertRegex(out, r"\ARevoked the certificate [0-9a-f]+ of the user alice\.")
        commands = self.remote("; ".join(line for line in out.splitlines() if "scp " in line))
        list_file = str(self.folder / "crl.pem")
        self.assertEqual(
            commands,
            [
                ["scp", list_file, "root@a.example.org:/etc/distcc/tls/crl.pem"],
                ["scp", list_file, "root@[fd00::5]:/etc/distcc/tls/crl.pem"],
            ],
        )
        self.assertIn("there is nothing to revoke", self.refused("revoke", "alice"))

    def test_crl(self) -> None:
        """A list that is signed anew says until when it is good."""
        self.init()
        before = (self.folder / "crl.pem").read_bytes()
        self.assertRegex(self.done("crl"), r"\ASigned the list .* expires on \d{4}-\d\d-\d\d\.")
        self.assertNotEqual((self.folder / "crl.pem").read_bytes(), before)

    def test_renew(self) -> None:
        """What is renewed is told as what is new; nothing is said to be nothing."""
        self.init()
        self.done("user", "alice")
        self.assertIn("Nothing expires soon", self.done("renew"))
        self.assertIn("Made a certificate for the user alice", self.done("renew", "--within", "31"))
        self.assertIn(
            "Made a certificate for the user alice", self.done("renew", "alice", "--days", "2")
        )
        self.assertEqual(self.done("show").count("renewed"), 2)

    def test_refusals(self) -> None:
        """What cannot be is refused in one line, whatever is in the name."""
        self.assertIn("certs init", self.refused("show"))
        self.init()
        for arguments in (
            ["user", "a\nb"], ["user", "\udcff"], ["user", "x" * 10_000], ["server", "../x"],
            ["server", "x.example.com"], ["revoke", "nobody\n"], ["renew", "nobody"],
            ["init", "--authority", str(self.home / "new"), "--permit", "10.0.0.1/8"],
        ):  # fmt: skip
            self.refused(*arguments)
        self.assertFalse((self.home / "new").exists())

    def test_days(self) -> None:
        """Days are a whole number, and no more than an authority has."""
        self.init()
        for days in ("0", "-1", "1.5", "3651", "999999999999", "x", ""):
            status, _, err = run_main("user", "alice", f"--days={days}")
            self.assertEqual(status, 2)
            self.assertIn("is not a number of days, 1 to 3650", err)

    def files(self, bundle: str) -> list[str]:
        names = ("ca", "certificate", "crl", "key")
        return [str(self.folder / bundle / f"{name}.pem") for name in names]

    def remote(self, line: str) -> list[list[str]]:
        """Let a shell run a line in which ssh and scp only tell how they were called."""
        folder = self.home / "bin"
        folder.mkdir(exist_ok=True)
        for name in ("ssh", "scp"):
            (folder / name).write_text('#!/bin/sh\nprintf "%s\\0" "${0##*/}" "$@"; echo\n')
            (folder / name).chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-c", line], stdout=subprocess.PIPE, text=True, check=True, env={"PATH": path}
        )
        return [words.split("\0")[:-1] for words in done.stdout.splitlines()]


class ShowTests(AuthorityTestCase):
    """The table of what was issued."""

    def shown(self) -> list[str]:
        return list(certs_words.overview(self.folder, self.authority.overview(), self.calendar.now))

    def warnings(self) -> list[str]:
        return [line for line in self.shown() if line.startswith("Warning: ")]

    def test_table(self) -> None:
        """Each certificate has a row, below headings, with how it stands."""
        server = self.authority.issue_server(["a.example.org", "10.0.0.5"]).issued
        alice = self.authority.issue_user("alice").issued
        self.authority.revoke("alice")
        self.assertEqual(
            self.shown(),
            [
                "NAME                     ROLE    ENDS        STATE    SERIAL",
                f"a.example.org, 10.0.0.5  server  2027-05-01  good     {server.serial:x}",
                f"alice                    user    2026-05-31  revoked  {alice.serial:x}",
                "The authority may issue certificates for example.org and below, 10.0.0.0/8.",
            ],
        )

    def test_empty(self) -> None:
        """Before anything was issued there are headings alone."""
        self.assertEqual(self.shown()[0], "NAME  ROLE  ENDS  STATE  SERIAL")
        self.assertEqual(len(self.shown()), 2)

    def test_ends_soon(self) -> None:
        """What ends soon is warned of, with the command; what was renewed or revoked is not."""
        for name in ("alice", "bob", "carol"):
            self.authority.issue_user(name, timedelta(days=30))
        self.calendar.pass_days(28.5)
        self.authority.renew(["bob"])
        self.authority.revoke("carol")
        (warning,) = self.warnings()
        command = f"twisted-distcc certs --authority {self.folder} renew alice"
        self.assertEqual(warning, f"Warning: the certificate of alice ends in 1 day; next: {command}")
        self.calendar.pass_days(2)
        self.assertIn("the certificate of alice has ended;", self.warnings()[0])
        self.authority.renew(["alice"])
        self.assertEqual([line for line in self.warnings() if "alice" in line], [])

    def test_list_ends(self) -> None:
        """The list is warned of a month before it ends."""
        self.calendar.pass_days(369)
        self.assertEqual(self.warnings(), [])
        self.calendar.pass_days(2)
        (warning,) = self.warnings()
        self.assertRegex(warning, r"the list of revoked certificates ends in 29 days; next: .* crl$")

    def test_authority_ends(self) -> None:
        """The authority is warned of a year before it ends."""
        self.calendar.pass_days(3300)
        self.authority.renew_list()
        self.assertRegex(self.warnings()[0], "the authority ends in 350 days; next: .* init")


class TwoAtATimeTests(LiveTestCase):
    """Commands that find the authority in use."""

    async def test_waits(self) -> None:
        """A command waits for the one before it, and then does its work."""
        authority = Authority.create(self.place(), SCOPE)
        held = os.open(authority.folder, os.O_RDONLY)
        self.addCleanup(os.close, held)
        fcntl.flock(held, fcntl.LOCK_EX)
        child = self.start(
            "twisted-distcc", "certs", "user", "alice", "--authority", str(authority.folder)
        )
        waiting = re.compile(rf"-> FLOCK .* {child.pid} ")
        await until(lambda: waiting.search(Path("/proc/locks").read_text()), "it waits for the lock")
        self.assertEqual(authority.overview().issued, [])
        fcntl.flock(held, fcntl.LOCK_UN)
        self.assertEqual(await child.ended(), 0, child.stderr)
        self.assertEqual([each.name for each in authority.overview().issued], ["alice"])


class PageTests(SynchronousTestCase):
    """doc/certs.md."""

    page = (Path(__file__).parents[2] / "doc" / "certs.md").read_text()

    def test_five_commands(self) -> None:
        """The five commands of the page are those that the commands print, and do what it says."""
        section = self.page.partition("## Two machines, five commands")[2].partition("\n## ")[0]
        commands = [line.strip() for line in section.splitlines() if line.startswith("    ")]
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        self.patch(os, "environ", {"HOME": str(home)})
        printed = ""
        for command in commands[:3]:
            self.assertTrue(command.startswith("twisted-distcc certs "))
            status, out, _ = run_main(*command.split()[2:])
            self.assertEqual(status, 0)
            printed += out.replace(f"{home}/", "~/")
        self.assertEqual(len(commands), 6)
        for command in commands[3:]:
            self.assertIn(f"    {command}\n", printed)

    def test_options(self) -> None:
        """The page begins with every subcommand and its options."""
        usage = self.page.partition("\n\n")[2].partition("\n\n")[0]
        for line in usage.splitlines():
            name = line.split()[4]
            _, told, _ = run_main(name, "--help")
            known = set(re.findall(r"--[a-z]+", told)) - {"--help"}
            self.assertEqual(set(re.findall(r"--[a-z]+", line)), known, name)
        _, told, _ = run_main("--help")
        subcommands = re.findall(r"(?m)^    ([a-z]+) ", told)
        self.assertEqual([line.split()[4] for line in usage.splitlines()], subcommands)
