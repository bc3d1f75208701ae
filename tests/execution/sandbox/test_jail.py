"""The command lines for our own jail, what it reports, and what it does with nonsense."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.execution.sandbox.test_bubblewrap import PLAIN, TREE
from twisted_distcc.execution.sandbox.enclosure import Enclosure
from twisted_distcc.execution.sandbox.jail import PROGRAM, Jail
from twisted_distcc.launcher.command import Ended

JAIL = Jail("/lib/jail")
LIMITS = (
    "--limit cpu 3600 3601 --limit core 1 1 --limit nofile 256 256 --limit fsize 1073741824 1073741824 "
    "--limit as 8589934592 8589934592 --limit nproc 64 64"
)
SHOWN = "--show /usr/bin/gcc --show /usr/lib --device /dev/null --device /dev/urandom"
ENDED = Ended(256, 1.0, 0.5)


class ArgvTests(SynchronousTestCase):
    def assert_argv(self, enclosure: Enclosure, argv: str) -> None:
        made = JAIL.argv(enclosure, ["/usr/bin/gcc", "-c", "--", "source.i"])
        self.assertEqual(" ".join(made), f"{argv} -- /usr/bin/gcc -c -- source.i")

    def test_empty_root(self) -> None:
        """What is shown, the folder with its sizes, the source, limits and the object's way out."""
        self.assert_argv(
            PLAIN,
            f"/lib/jail --report 3 --link usr/bin /bin --link /home/ada /tmp {SHOWN} "
            "--folder /home/ada 1024 32832 --source source.i 5 --directory /home/ada "
            f"{LIMITS} --filter 4 --output output.o 6",
        )

    def test_tree(self) -> None:
        """A tree is the root; no filter where there is none, a `/proc` for who needs it."""
        self.assert_argv(
            TREE,
            f"/lib/jail --report 3 --executable --root /spool/tree {SHOWN} --proc "
            "--folder /job 1024 32832 --directory /home/ada "
            f"{LIMITS} --output output.o 6 --output output.d 7",
        )

    def test_shared_network(self) -> None:
        """Jobs with a filter are in one network, which is empty; others have their own."""
        jail = Jail("/lib/jail", (20, 21))
        self.assertEqual(
            jail.argv(PLAIN, ["x"])[:6], ["/lib/jail", "--report", "3", "--join", "9", "10"]
        )
        self.assertNotIn("--join", jail.argv(TREE, ["x"]))


class ReportTests(SynchronousTestCase):
    def test_statuses(self) -> None:
        """The compiler's wait status, whole, and nothing else."""
        for report, status in (
            (b"status 0\n", 0), (b"status 65280\n", 0xFF00), (b"status 11\n", 11), (b"", None),
            (b"failed 2 /usr/bin/gcc\n", None), (b"status 0\nstatus 1\n", None),
            (b"status " + b"9" * 60_000, None),
        ):  # fmt: skip
            self.assertEqual(JAIL.status(report), status, report[:20])

    def test_failures(self) -> None:
        """What it could not do, and why."""
        said = JAIL.failure(b"failed 2 /usr/bin/gcc\n", b"", ENDED)
        self.assertEqual(said, f"/usr/bin/gcc: {os.strerror(2)}")
        self.assertEqual(JAIL.failure(b"", b"", ENDED), "it ended with 0x100")

    def test_costs(self) -> None:
        """All that it ran is in its own usage."""
        self.assertEqual(JAIL.cost(ENDED, b""), 1.5)


class ProgramTests(SynchronousTestCase):
    """The program itself, with command lines that no server of ours has."""

    def report(self, *words: str) -> str:
        argv = [PROGRAM, "--report", "1", *words]
        ended = subprocess.run(argv, capture_output=True, check=False, text=True)
        self.assertEqual((ended.returncode, ended.stderr), (1, ""))
        return ended.stdout

    def test_nonsense(self) -> None:
        """It runs nothing if it does not understand each word."""
        folder = ("--folder", "/x", "4096", "10")
        for words, reason in (
            ((), "an option lacks a value"),
            (("--nonsense",), "--nonsense"),
            (("--link", "a"), "an option lacks a value"),
            (("--", "/bin/true"), "nothing to run"),
            ((*folder, "--"), "nothing to run"),
            ((*folder, "--limit", "moon", "1", "1", "--", "/bin/true"), "moon"),
            ((*folder, "--limit", "cpu", "-", "1", "--", "/bin/true"), "-"),
            ((*folder, "--limit", "cpu", "1x", "1", "--", "/bin/true"), "1x"),
            ((*folder, "--limit", "cpu", "-1", "1", "--", "/bin/true"), "-1"),
            ((*folder, "--output", "x", str(10**20), "--", "/bin/true"), str(10**20)),
            (("--folder", "/x", "0", "10"), "/x"),
            (("--folder", "/x", "4096", "0"), "/x"),
            (("--folder", "/x", str(2**63), "10"), str(2**63)),
            ((*folder, "--filter", "1", "--", "/bin/true"), "--filter"),
        ):
            self.assertRegex(self.report(*words), rf"\Afailed 22 {reason}\n\Z")

    def test_what_does_not_exist(self) -> None:
        """The path that is missing is named."""
        folder = ("--folder", "/x", "4096", "10")
        self.assertEqual(self.report("--show", "/no/such"), "failed 2 /no/such\n")
        self.assertEqual(self.report(*folder, "--", "/no/such"), "failed 2 /no/such\n")
        self.assertEqual(self.report("--root", "/no/such"), "failed 2 /no/such\n")
        self.assertEqual(
            self.report(*folder, "--directory", "/nowhere", "--", "/x"), "failed 2 /nowhere\n"
        )

    def test_links_on_the_way(self) -> None:
        """Nothing is mounted behind a link of the job's root, wherever it leads."""
        for target in ("/", "/usr", "..", "usr"):
            said = self.report("--link", target, "/a", "--show", "/a/bin")
            self.assertRegex(said, r"\Afailed \d+ /a/bin\n\Z", target)
