"""A build's compiler calls, written down."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.recording import RecordingError, record


class RecordTests(SynchronousTestCase):
    """`record` with a compiler `gcc` that says its words."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.scratch = self.root / "it's scratch"
        self.scratch.mkdir(parents=True)
        self.tools = self.root / "tools"
        self.tools.mkdir()
        self.program("gcc", '#!/bin/sh\necho "$@" >>compiled\n')
        self.environ = {"PATH": f"{self.tools}:{os.environ['PATH']}"}

    def program(self, name: str, text: str) -> None:
        """Put a program among the tools."""
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def test_calls(self) -> None:
        """Each call of a compiler runs, and is written down with its folder and environment."""
        (self.root / "sub").mkdir()
        script = "gcc -c 'a b.c' ''; cd sub && LC_ALL=C gcc -c 'two\nlines.c'"
        first, second = record(["sh", "-c", script], self.root, self.environ, self.scratch)
        self.assertEqual(first.argv, ("gcc", "-c", "a b.c", ""))
        self.assertEqual(first.directory, str(self.root))
        self.assertNotIn("LC_ALL", first.environ)
        self.assertEqual(second.argv, ("gcc", "-c", "two\nlines.c"))
        self.assertEqual(second.directory, str(self.root / "sub"))
        self.assertEqual(second.environ["LC_ALL"], "C")
        self.assertEqual((self.root / "compiled").read_text(), "-c a b.c \n")

    def test_no_trace(self) -> None:
        """The environment that is written down has nothing of ours."""
        (call,) = record(["sh", "-c", "gcc -c a.c"], self.root, self.environ, self.scratch)
        self.assertEqual(call.environ["PATH"], self.environ["PATH"])
        self.assertNotIn("CCACHE_DISABLE", call.environ)

    def test_order(self) -> None:
        """Calls are given in the order in which they began."""
        script = "for i in 5 3 4 1 2; do gcc $i; done"
        calls = record(["sh", "-c", script], self.root, self.environ, self.scratch)
        self.assertEqual([call.argv[1] for call in calls], ["5", "3", "4", "1", "2"])

    def test_failure(self) -> None:
        """A build that fails is told with the end of what it said."""
        with self.assertRaises(RecordingError) as caught:
            record(["sh", "-c", "echo no rule; exit 2"], self.root, self.environ, self.scratch)
        self.assertIn("no rule", str(caught.exception))

    def test_no_such_command(self) -> None:
        """A command that is not there is told in a sentence."""
        with self.assertRaises(RecordingError) as caught:
            record(["no-such-tool"], self.root, self.environ, self.scratch)
        self.assertEqual(str(caught.exception), "no-such-tool cannot be run: No such file or directory")
