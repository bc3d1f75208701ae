"""What is kept of a compile that failed on a server."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.results.reproducers import Evidence, write
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.jobs.model import InputFile, InputLink, Tree

SOURCE = b"int x;\n"


def evidence(option: bytes = b"-O2") -> Evidence:
    source = InputFile(b"/home/a b.c", PackedContent.of(SOURCE))
    tree = Tree(b"/home", (source, InputLink(b"/home/link", b"../elsewhere")))
    return Evidence("red:3632", (b"gcc", option, b"-c", b"a b.c"), tree, b"cannot\n")


class ReproducerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.parent = Path(self.mktemp())

    def write(self, what: Evidence) -> str:
        return write(what, "sub/a b.c", str(self.parent))

    def test_all_that_it_takes(self) -> None:
        """The folder has the command as one would type it, the files, the words and the host."""
        said = self.write(evidence())
        [folder] = self.parent.iterdir()
        self.assertIn(str(folder), said)
        self.assertTrue(folder.name.startswith("a b.c-"))
        self.assertEqual((folder / "command").read_text(), "cd /home && gcc -O2 -c 'a b.c'\n")
        self.assertEqual((folder / "host").read_text(), "red:3632\n")
        self.assertEqual((folder / "stderr").read_bytes(), b"cannot\n")
        with tarfile.open(folder / "tree.tar") as tree:
            file = tree.extractfile("home/a b.c")
            assert file is not None
            self.assertEqual(file.read(), SOURCE)
            self.assertEqual(tree.getmember("home/link").linkname, "../elsewhere")

    def test_the_same_once_more(self) -> None:
        """What was written before is left as it is, and named."""
        first = self.write(evidence())
        [folder] = self.parent.iterdir()
        (folder / "host").write_text("of before")
        self.assertEqual(self.write(evidence()), first)
        self.assertEqual((folder / "host").read_text(), "of before")

    def test_not_too_many(self) -> None:
        """Beyond ten there are no more, and a sentence says what to do."""
        for number in range(10):
            self.write(evidence(b"-DX=%d" % number))
        self.assertIn("remove some", self.write(evidence()))
        self.assertEqual(len(os.listdir(self.parent)), 10)
