"""Trees of plain bytes: packed, unpacked, and bounded."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_lzo import burst
from twisted_distcc.content.body import Body
from twisted_distcc.content.lzo import compress
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError
from twisted_distcc.jobs.model import Tree, TreeFile, TreeLink
from twisted_distcc.jobs.plain_trees import pack_tree, unpack_tree

MIB = 1024 * 1024
FILES = {b"/p/a.c": b"int a;\n" * 99, b"/p/\xff": b"", b"/q/b.h": b"int b;\n"}


def unpacked(tree: Tree, ceiling: int = MIB) -> dict[bytes, bytes]:
    """Give the bytes of all files of `tree`."""
    return {file.name: data for file, data in unpack_tree(tree, ceiling)}


def one_file(packed: bytes) -> Tree:
    """Give a tree of one file that is packed already."""
    return Tree(b"/p", (TreeFile(b"/p/a", 0, len(packed)),), Body.of(packed))


class PlainTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """Names, bytes and links are what they were, from memory and from disk."""
        tree = pack_tree(b"/p", FILES, {b"/l": b"../p"})
        self.assertEqual((tree.directory, tree.entries[-1]), (b"/p", TreeLink(b"/l", b"../p")))
        self.assertEqual(unpacked(tree), FILES)
        path = self.mktemp()
        tree.contents.save(path)
        self.assertEqual(
            unpacked(Tree(b"/p", tree.entries, Body(tree.contents.length, path=path))), FILES
        )

    def test_what_is_sent(self) -> None:
        """Each file is compressed by itself, and an empty one is no bytes."""
        tree = pack_tree(b"/p", FILES)
        self.assertEqual(tree.contents.read(), b"".join(map(compress, FILES.values())))
        self.assertEqual([entry.length for entry in tree.entries if isinstance(entry, TreeFile)][1], 0)

    def test_all_together(self) -> None:
        """All files together may become so much, to the byte."""
        tree = pack_tree(b"/", {b"/a": bytes(600), b"/b": bytes(400)})
        self.assertEqual(len(unpacked(tree, 1000)), 2)
        error = self.assertRaises(BodyTooLargeError, unpacked, tree, 999)
        self.assertTrue(str(error).startswith("the file /b: "), error)

    def test_what_is_none(self) -> None:
        """What is not LZO1X, and what could burst, is refused, whatever the ceiling."""
        self.assertRaises(RemoteProtocolError, unpacked, one_file(b"\xff" * 20))
        error = self.assertRaises(BodyTooLargeError, unpacked, one_file(burst(MIB)), 1 << 40)
        self.assertIn("too large to be expanded in memory", str(error))

    def test_contents_that_are_short(self) -> None:
        """A file whose bytes are not all there is an error, and not a shorter file."""
        tree = one_file(compress(b"int a;"))
        packed = tree.contents.read()
        path = self.mktemp()
        Body.of(packed[:-1]).save(path)
        for contents in (Body.of(packed[:-1]), Body(len(packed), path=path)):
            error = self.assertRaises(OSError, unpacked, Tree(b"/p", tree.entries, contents))
            self.assertIn("1 bytes too early", str(error))

    def test_contents_that_are_gone(self) -> None:
        """Contents that were given up cannot be read."""
        path = os.path.abspath(self.mktemp())
        tree = Tree(b"/p", (), Body(0, path=path))
        self.assertRaises(FileNotFoundError, unpacked, tree)
