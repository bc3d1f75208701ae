"""Events gathered into messages, and messages laid out as pieces: the one undoes the other."""

from __future__ import annotations

import errno
import os
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import EMPTY, IN_MEMORY, PIECE, Body, Spool
from twisted_distcc.content.local_content import packed_form
from twisted_distcc.content.packed_content import PackedContent, PackedSpool
from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.jobs.assembly import Assembly, reply_pieces, request_pieces
from twisted_distcc.jobs.model import InputFile, InputLink, Reply, Request, Tree
from twisted_distcc.wire.connection import Connection, Reader, Writer
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, MessageEnd, Number, Run, Text

LARGE = os.urandom(IN_MEMORY * 3)
DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


def packed(tree: Tree) -> dict[bytes, bytes]:
    """Return the bytes of all files of `tree` as they are sent."""
    with tree.contents.opened():
        return {
            entry.name: packed_form(entry.content).data()
            for entry in tree.entries
            if isinstance(entry, InputFile)
        }


class AssemblyTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.assembly = Assembly(self.directory)

    def files(self) -> list[str]:
        return os.listdir(self.directory)

    def gather(self, reader: Reader, data: bytes) -> None:
        reader.feed(data)
        for event in reader.events():
            self.assembly.take(event)


class RoundTripTests(AssemblyTestCase):
    def test_a_request(self) -> None:
        """A request that is laid out and gathered is the same request, whatever bytes its words are."""
        words = (b"gcc", b"", b"\xff\xfe", b"-c", b"x.c")
        sent, reader = Request(words, Body.of(LARGE), 2), Connection.server().reader
        for piece in request_pieces(Connection.client().writer, sent):
            self.gather(reader, piece)
        got = self.assembly.request()
        self.assertEqual((got.arguments, got.version, got.source.read()), (words, 2, LARGE))
        got.discard()
        self.assertEqual(self.files(), [])

    def test_a_tree(self) -> None:
        """So is a request with a tree: all its files are one body, however many there are."""
        files = {b"/p/a.c": LARGE, b"/p/\xff": b"", b"/p/c.h": b"int x"}
        entries = [InputFile(name, PackedContent.packed(data)) for name, data in files.items()]
        link = InputLink(b"/p/b.c", b"../p/a.c")
        tree = Tree(b"/p", (entries[0], link, *entries[1:]))
        sent, reader = Request((b"cc",), version=3, tree=tree), Connection.server().reader
        for piece in request_pieces(Connection.client().writer, sent):
            self.gather(reader, piece)
        got = self.assembly.request()
        self.assertEqual((got.arguments, got.version, got.source), ((b"cc",), 3, EMPTY))
        assert got.tree is not None
        self.assertEqual((got.tree.directory, got.tree.entries[1]), (b"/p", link))
        self.assertEqual([entry.name for entry in got.tree.entries], [one.name for one in tree.entries])
        self.assertEqual(got.tree.contents.length, len(LARGE) + 5)
        self.assertEqual(packed(got.tree), files)
        self.assembly.discard()
        self.assertEqual(len(self.files()), 1)
        got.discard()
        self.assertEqual(self.files(), [])

    def test_a_reply(self) -> None:
        """So is a reply with all its bodies, the large ones on disk."""
        client, server = Connection.client(), Connection.server()
        asked = b"".join(request_pieces(client.writer, Request((b"cc",), Body.of(b""))))
        server.reader.feed(asked)
        list(server.reader.events())
        sent = Reply(256, Body.of(b"error"), Body.of(LARGE), Body.of(LARGE))
        for piece in reply_pieces(server.writer, sent, 1):
            self.gather(client.reader, piece)
        self.assertEqual(len(self.files()), 2)
        got = self.assembly.reply()
        self.assertEqual(got.exit_code, 1)
        self.assertEqual([body.read() for body in got.bodies], [b"error", LARGE, LARGE, b""])
        got.discard()
        self.assertEqual(self.files(), [])


class GatheringTests(AssemblyTestCase):
    def begin(self) -> None:
        for event in (Number(b"DIST", 1), Number(b"ARGC", 1), Text(b"ARGV", b"cc")):
            self.assembly.take(event)
        self.assembly.take(BodyStart(b"DOTI", len(LARGE)))

    def test_who_has_begun(self) -> None:
        """A message has begun with its first token, which is its version."""
        self.assertFalse(self.assembly.has_begun)
        self.assembly.take(Number(b"DIST", 2))
        self.assertTrue(self.assembly.has_begun)
        self.assembly.take(Number(b"ARGC", 7))
        self.assertEqual(self.assembly.version, 2)

    def test_given_up_in_the_middle_of_a_body(self) -> None:
        """Discarding removes a body that is not whole, and those that are."""
        self.begin()
        self.assembly.take(BodyData(LARGE))
        self.assertEqual(len(self.files()), 1)
        self.assembly.discard()
        self.assertEqual(self.files(), [])

    def test_passed_over(self) -> None:
        """A message that is only read to its end keeps nothing of its bodies."""
        self.assembly.pass_over()
        self.begin()
        self.assembly.take(BodyData(LARGE))
        self.assembly.take(BodyEnd(b"DOTI"))
        self.assembly.take(MessageEnd())
        self.assertEqual((self.files(), self.assembly.request().source.length), ([], 0))

    def begin_tree(self) -> None:
        for event in (Number(b"DIST", 3), Text(b"CDIR", b"/p"), Number(b"NFIL", 3)):
            self.assembly.take(event)
        self.assembly.take(Run(((b"NAME", b"/p/a"), (b"FILE", LARGE))))

    def test_a_tree_that_is_given_up(self) -> None:
        """Discarding removes what has come of a tree, in the middle of a file or after one."""
        self.begin_tree()
        self.assembly.take(Text(b"NAME", b"/p/b"))
        self.assembly.take(BodyStart(b"FILE", 9))
        self.assertEqual(len(self.files()), 1)
        self.assembly.discard()
        self.assertEqual(self.files(), [])

    def test_a_tree_that_is_passed_over(self) -> None:
        """A request that is only read to its end keeps no file, no link and no name of it."""
        self.begin_tree()
        self.assembly.pass_over()
        self.begin_tree()
        for event in (Text(b"NAME", b"/p/b"), BodyStart(b"FILE", 1), BodyData(b"x"), BodyEnd(b"FILE")):
            self.assembly.take(event)
        self.assembly.take(Run(((b"NAME", b"/p/c"), (b"LINK", b"b"))))
        kept = self.assembly._tree
        self.assertEqual((self.files(), self.assembly.arguments), ([], ()))
        self.assertEqual((kept._entries, kept._texts), ([], {}))

    def test_a_tree_on_a_full_disk(self) -> None:
        """The error is told once, for files that come together and for one that comes in pieces."""
        for pieces in ([Run(((b"NAME", b"/p/b"), (b"FILE", b"x")))],
                       [Text(b"NAME", b"/p/b"), BodyStart(b"FILE", 9), BodyData(b"x")]):  # fmt: skip
            self.assembly = Assembly(self.directory)
            self.begin_tree()
            with patch.object(os, "write", side_effect=DISK_FULL):
                for event in pieces[:-1]:
                    self.assembly.take(event)
                self.assertRaises(OSError, self.assembly.take, pieces[-1])
            self.begin_tree()
            self.assertEqual(self.files(), [])

    def test_a_full_disk(self) -> None:
        """The error is told once; what follows of the message is passed over."""
        self.begin()
        with patch.object(Spool, "_to_disk", side_effect=DISK_FULL):
            self.assertRaises(OSError, self.assembly.take, BodyData(LARGE))
        self.assembly.take(BodyData(LARGE))
        self.assembly.take(BodyEnd(b"DOTI"))
        self.assertEqual((self.files(), self.assembly.request().source.length), ([], 0))


class LayingOutTests(AssemblyTestCase):
    def file_body(self) -> tuple[Body, str]:
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(bytes(PIECE * 2 + 1))
        return Body.adopt(path), path

    def test_a_large_body_is_never_whole_in_memory(self) -> None:
        """Bodies on disk are laid out in pieces."""
        body, _ = self.file_body()
        request = Request((b"cc",), body)
        sizes = [len(piece) for piece in request_pieces(Connection.client().writer, request)]
        self.assertLessEqual(max(sizes), PIECE)

    def test_a_large_tree_is_never_whole_in_memory(self) -> None:
        """Small files are laid out some at a time, and large ones in pieces."""
        spool = PackedSpool(self.directory)
        size = 20 * PIECE
        small = [InputFile(b"/%d" % at, spool.add(1000)) for at in range(0, size, 1000)]
        large = InputFile(b"/large", spool.add(size))
        spool.write(bytes(spool.length))
        spool.finish()
        tree = Tree(b"/", (*small, large, *small), spool)
        pieces = list(request_pieces(self.writer(), Request((b"cc",), version=3, tree=tree)))
        self.assertLessEqual(max(map(len, pieces)), PIECE + 100 * 100)
        self.assertEqual(b"".join(pieces).count(b"FILE"), 2 * len(small) + 1)

    def test_a_tree_that_has_shrunk(self) -> None:
        """Contents that are shorter than was said are no message, in a small file and in a large one."""
        spool = PackedSpool(self.directory)
        first, small = spool.add(PIECE + 90), spool.add(11)
        spool.write(bytes(spool.length))
        spool.finish()
        [name] = os.listdir(self.directory)
        os.truncate(os.path.join(self.directory, name), PIECE + 80)
        for content in (small, first):
            tree = Tree(b"/", (InputFile(b"/a", content),), spool)
            request = Request((b"cc",), version=3, tree=tree)
            error = self.assertRaises(OSError, list, request_pieces(self.writer(), request))
            self.assertIn("too early", str(error))

    def test_a_tree_with_too_long_a_name(self) -> None:
        """What the other end would not take is our own error, and says which ceiling it is."""
        tree = Tree(b"/", (InputLink(b"/" * 5000, b"a"),))
        pieces = request_pieces(self.writer(), Request((b"cc",), version=3, tree=tree))
        self.assertIn("'name'", str(self.assertRaises(LocalProtocolError, list, pieces)))

    def writer(self) -> Writer:
        return Connection.client().writer

    def test_a_file_that_has_shrunk(self) -> None:
        """A body that is shorter than was said is our own fault, and no message."""
        body, path = self.file_body()
        os.truncate(path, 100)
        pieces = request_pieces(Connection.client().writer, Request((b"cc",), body))
        self.assertRaises(LocalProtocolError, list, pieces)
