"""Recorded compile commands, and the makefile that runs them again."""

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.recording import Compilation, is_repeatable, makefile, parsed


class ParsedTests(SynchronousTestCase):
    """A record is the folder and the words, each ended by a zero byte."""

    def test_words(self):
        """Blanks and empty words survive."""
        self.assertEqual(
            parsed(b"/src\0gcc\0-DA=b c\0-DREDIS_STATIC=\0-c\0a.c\0"),
            Compilation("/src", ("gcc", "-DA=b c", "-DREDIS_STATIC=", "-c", "a.c")),
        )

    def test_empty_word_in_the_middle(self):
        """An empty argument is an argument."""
        self.assertEqual(parsed(b"/src\0gcc\0\0-c\0").command, ("gcc", "", "-c"))

    def test_empty_word_at_the_end(self):
        """So is an empty argument that comes last."""
        self.assertEqual(parsed(b"/src\0gcc\0-c\0\0").command, ("gcc", "-c", ""))


class IsRepeatableTests(SynchronousTestCase):
    """Only a compile whose source is still there can be run again."""

    def setUp(self):
        """Lay a source in a folder."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "a.c").touch()
        self.folder = str(folder)

    def test_compile(self):
        """A source is looked for from the folder in which it was compiled."""
        self.assertTrue(is_repeatable(Compilation(self.folder, ("gcc", "-c", "a.c"))))

    def test_source_is_gone(self):
        """Makefiles try the compiler out on sources that they remove."""
        self.assertFalse(is_repeatable(Compilation(self.folder, ("gcc", "-c", "foo.c"))))

    def test_folder_is_gone(self):
        """So does CMake, in whole folders."""
        gone = f"{self.folder}/gone"
        self.assertFalse(is_repeatable(Compilation(gone, ("gcc", "-c", "a.c"))))

    def test_linking(self):
        """A command that does not stop after compiling is none."""
        self.assertFalse(is_repeatable(Compilation(self.folder, ("gcc", "a.c", "-o", "a"))))


class MakefileTests(SynchronousTestCase):
    """make runs the very words that were recorded, in their folder, behind the client."""

    def test_words_reach_the_client_as_they_were(self):
        """Quotes, dollars and blanks mean nothing to make or to its shell."""
        folder = Path(self.mktemp()).absolute()
        (folder / "sub dir").mkdir(parents=True)
        words = ("gcc", "-DNAME='a \"b\"'", "$(HOME)", "$x", "", "a#b", "-c", "a.c")
        rules = folder / "again.mk"
        rules.write_text(makefile([Compilation(str(folder / "sub dir"), words)]))
        client = folder / "client"
        client.write_text('#!/bin/sh\npwd\nprintf "<%s>\\n" "$@"\n')
        client.chmod(0o755)
        shown = subprocess.run(
            ["make", "-s", "-f", rules, f"CLIENT={client}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertEqual(shown.splitlines(), [str(folder / "sub dir"), *(f"<{word}>" for word in words)])
