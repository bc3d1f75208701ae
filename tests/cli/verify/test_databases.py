"""Compile commands that a build tool says itself."""

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.databases import BadDatabaseError, ask_ninja, read_database


class DatabaseTests(SynchronousTestCase):
    """`compile_commands.json`."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()

    def test_command(self) -> None:
        """A command is parted as a shell parts it; its folder is PWD, as after `cd`."""
        entry = {"directory": "/build", "command": r"gcc '-DX=\"a b\"' -c a.c", "file": "a.c"}
        self.path.write_text(json.dumps([entry]))
        (command,) = read_database(self.path, {"PATH": "/bin", "PWD": "/elsewhere"})
        self.assertEqual(command.argv, ("gcc", r"-DX=\"a b\"", "-c", "a.c"))
        self.assertEqual(command.directory, "/build")
        self.assertEqual(command.environ, {"PATH": "/bin", "PWD": "/build"})

    def test_arguments(self) -> None:
        """Arguments are taken as they are; they go before a command."""
        entry = {"directory": "/b", "arguments": ["gcc", "a b.c"], "command": "no", "file": "a b.c"}
        self.path.write_text(json.dumps([entry]))
        (command,) = read_database(self.path, {})
        self.assertEqual(command.argv, ("gcc", "a b.c"))

    def test_relative(self) -> None:
        """A folder without a slash before it is one below the file's."""
        self.path.write_text('[{"directory": "sub", "command": "gcc -c a.c", "file": "a.c"}]')
        (command,) = read_database(self.path, {})
        self.assertEqual(command.directory, str(self.path.parent / "sub"))

    def test_bad(self) -> None:
        """A file of another form is named in a sentence."""
        for text in ("", "[", "{}x", "[1]", '[{"command": "gcc"}]', '[{"directory": "/"}]', "7"):
            self.path.write_text(text)
            with self.assertRaises(BadDatabaseError) as caught:
                read_database(self.path, {})
            self.assertIn(str(self.path), str(caught.exception))

    def test_missing(self) -> None:
        """So is one that is not there."""
        self.assertRaises(BadDatabaseError, read_database, self.path, {})


class NinjaTests(SynchronousTestCase):
    """`build.ninja`."""

    def test_commands(self) -> None:
        """ninja says the commands of all its rules, with its folder."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        text = "rule cc\n command = gcc -c $in -o $out\nbuild a.o: cc a.c\n"
        (folder / "build.ninja").write_text(text)
        (command,) = ask_ninja(folder, dict(os.environ))
        self.assertEqual(command.argv, ("gcc", "-c", "a.c", "-o", "a.o"))
        self.assertEqual(command.directory, str(folder))

    def test_bad(self) -> None:
        """What ninja does not understand is told in its own words."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "build.ninja").write_text("nonsense\n")
        with self.assertRaises(BadDatabaseError) as caught:
            ask_ninja(folder, dict(os.environ))
        self.assertIn("build.ninja:1", str(caught.exception))
