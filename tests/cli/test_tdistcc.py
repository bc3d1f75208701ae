"""`tdistcc` before anything is compiled: which command is meant, and what it says of itself."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc import __version__
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.cli.tdistcc import command_of
from twisted_distcc.cli.tdistcc_about import about


class CommandTests(SynchronousTestCase):
    def test_named_compiler(self) -> None:
        """The first word is the compiler, whatever its name."""
        for compiler in ("gcc", "/usr/bin/g++-12", "aarch64-linux-gnu-gcc", "./cc.sh"):
            self.assertEqual(command_of(["tdistcc", compiler, "-c", "x.c"]), [compiler, "-c", "x.c"])

    def test_implicit_compiler(self) -> None:
        """Where options or files begin at once, cc is meant."""
        for words in (["-c", "x.c"], ["x.c", "-c"], ["x.S", "-c"], ["x.cpp"], ["x.o", "-o", "x"]):
            self.assertEqual(command_of(["/usr/bin/tdistcc", *words]), ["cc", *words])

    def test_masquerade(self) -> None:
        """Called by another name tdistcc is that compiler, also for options that are its own."""
        for words in (["-c", "x.c"], ["--version"], ["--help"], []):
            self.assertEqual(command_of(["/farm/g++", *words]), ["g++", *words])

    def test_about_itself(self) -> None:
        """tdistcc's own options, and no word at all, are about tdistcc."""
        for words in ([], ["--help"], ["--version"], ["--show-hosts"], ["-j"], ["--scan-includes"]):
            self.assertIsNone(command_of(["tdistcc", *words]))

    def test_options_of_the_compiler(self) -> None:
        """After the compiler's name the same options are the compiler's."""
        self.assertEqual(command_of(["tdistcc", "gcc", "--version"]), ["gcc", "--version"])


class LocaleTests(SynchronousTestCase):
    """What a compiler that tdistcc becomes finds in its environment."""

    def found(self, **locale: str) -> str:
        """Give the LC_CTYPE that a compiler gets when tdistcc has got `locale`."""
        folder = Path(os.path.abspath(self.mktemp()))
        folder.mkdir()
        compiler = folder / "gcc"
        compiler.write_text('#!/bin/sh\necho "${LC_CTYPE-none}"\n')
        compiler.chmod(0o755)
        # As if a compiler of ours had started it: it becomes the next one at once.
        environ = {"PATH": f"{folder}:/usr/bin:/bin", "_TDISTCC_SAFEGUARD": "+", **locale}
        command = [installed_command("tdistcc"), "gcc", "-c", "a.c"]
        ended = subprocess.run(command, env=environ, capture_output=True, check=True, text=True)
        return ended.stdout.strip()

    def test_as_it_was(self) -> None:
        """It is the user's, though Python changes it for itself where the locale is not there, or C."""
        self.assertEqual(self.found(LANG="missing.UTF-8"), "none")
        self.assertEqual(self.found(LC_CTYPE="C"), "C")
        self.assertEqual(self.found(LC_CTYPE="missing.UTF-8", LANG="C"), "missing.UTF-8")

    def test_the_users_own(self) -> None:
        """What the user chose is not taken for a change of Python's."""
        self.assertEqual(self.found(LC_CTYPE="C.UTF-8", LANG="C"), "C.UTF-8")
        self.assertEqual(self.found(LC_ALL="C", LC_CTYPE="C.UTF-8"), "C.UTF-8")


class AboutTests(SynchronousTestCase):
    def say(self, *arguments: str, hosts: str = "") -> tuple[int, str, str]:
        """Give exit status, standard output and standard error."""
        environ = {"DISTCC_HOSTS": hosts, "HOME": os.path.abspath(self.mktemp())}
        with (
            patch.dict(os.environ, environ),
            patch("sys.stdout", io.StringIO()) as stdout,
            patch("sys.stderr", io.StringIO()) as stderr,
        ):
            return about(arguments), stdout.getvalue(), stderr.getvalue()

    def test_version(self) -> None:
        """--version has the name and the version in its first line, and the protocols in its second."""
        status, stdout, stderr = self.say("--version")
        first, second, *more = stdout.splitlines()
        self.assertEqual((status, stderr), (0, ""))
        self.assertRegex(first, rf"^tdistcc {re.escape(__version__)} [\w.-]+$")
        self.assertEqual(second, "  (protocols 1, 2 and 3) (default port 3632)")
        self.assertTrue(more)

    def test_by_distccs_name(self) -> None:
        """A link to tdistcc by distcc's name is distcc: by it a compiler is named, or is cc."""
        folder = Path(os.path.abspath(self.mktemp()))
        folder.mkdir()
        distcc = folder / "distcc"
        distcc.symlink_to(installed_command("tdistcc"))
        ended = subprocess.run([distcc, "--version"], capture_output=True, check=True, text=True)
        self.assertTrue(ended.stdout.startswith(f"distcc {__version__} "), ended.stdout)
        self.assertEqual(command_of([str(distcc), "gcc", "-c", "x.c"]), ["gcc", "-c", "x.c"])
        self.assertEqual(command_of([str(distcc), "-c", "x.c"]), ["cc", "-c", "x.c"])

    def test_help(self) -> None:
        """--help explains the usage on standard output, and is no error."""
        status, stdout, stderr = self.say("--help")
        self.assertEqual((status, stderr), (0, ""))
        self.assertTrue(stdout.startswith("Usage:\n   tdistcc "), stdout)
        for option in ("--help", "--version", "--show-hosts", "-j", "--scan-includes"):
            self.assertIn(option, stdout)

    def test_nothing(self) -> None:
        """No word at all is an error, which names the option that helps."""
        status, stdout, stderr = self.say()
        self.assertEqual((status, stdout), (101, ""))
        self.assertIn("tdistcc --help", stderr)

    def test_show_hosts(self) -> None:
        """--show-hosts names the hosts, one a line, each as it was written, with its limit."""
        said = self.say("--show-hosts", hosts="localhost/2 --randomize red:3632/4,lzo @blue # old")
        self.assertEqual(said, (0, "localhost/2\nred:3632/4,lzo\n@blue\n", ""))

    def test_show_no_hosts(self) -> None:
        """Without hosts --show-hosts and -j warn as distcc does, and are no error."""
        warning = "tdistcc: Warning: $DISTCC_HOSTS contained no hosts; can't distribute work\n"
        self.assertEqual(self.say("--show-hosts", hosts="# none"), (0, "", warning))
        self.assertEqual(self.say("-j"), (0, "2\n", warning))

    def test_jobs(self) -> None:
        """-j adds up what all hosts take."""
        self.assertEqual(self.say("-j", hosts="localhost/1 red/8 @blue"), (0, "13\n", ""))

    def test_bad_hosts(self) -> None:
        """A word that means nothing is passed over with a warning, and the status is 0 as distcc's."""
        status, stdout, stderr = self.say("--show-hosts", hosts="red:none blue")
        self.assertEqual((status, stdout), (0, "blue\n"))
        self.assertIn('tdistcc: Warning: "red:none" in $DISTCC_HOSTS is ignored: it has a bad', stderr)
        self.assertEqual(self.say("-j", hosts="red:none blue/7")[:2], (0, "7\n"))
