"""Trees of plain bytes: packed, unpacked, and bounded."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_lzo import burst
from twisted_distcc.content.local_content import packed_form
from twisted_distcc.content.lzo import compress
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError
from twisted_distcc.jobs.model import InputFile, InputLink, Tree
from twisted_distcc.jobs.plain_trees import pack_tree, unpack_tree

MIB = 1024 * 1024
FILES = {b"/p/a.c": b"int a;\n" * 99, b"/p/\xff": b"", b"/q/b.h": b"int b;\n"}


def unpacked(tree: Tree, ceiling: int = MIB) -> dict[bytes, bytes]:
    """Give the bytes of all files of `tree`."""
    return {file.name: data for file, data in unpack_tree(tree, ceiling)}


def one_file(packed: bytes) -> Tree:
    """Give a tree of one file that is packed already."""
    return Tree(b"/p", (InputFile(b"/p/a", PackedContent.packed(packed)),))


class PlainTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """Names, bytes and links are what they were."""
        tree = pack_tree(b"/p", FILES, {b"/l": b"../p"})
        self.assertEqual((tree.directory, tree.entries[-1]), (b"/p", InputLink(b"/l", b"../p")))
        self.assertEqual(unpacked(tree), FILES)

    def test_what_is_sent(self) -> None:
        """Each file is compressed by itself, and an empty one is no bytes."""
        tree = pack_tree(b"/p", FILES)
        files = [entry.content for entry in tree.entries if isinstance(entry, InputFile)]
        self.assertEqual([packed_form(one).data() for one in files], [*map(compress, FILES.values())])
        self.assertEqual(files[1].length, 0)

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
