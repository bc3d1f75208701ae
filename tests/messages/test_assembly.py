"""Events gathered into messages, and messages laid out as pieces: the one undoes the other."""

from __future__ import annotations

import errno
import os
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.messages.assembly import Assembly, reply_pieces, request_pieces
from twisted_distcc.messages.body import EMPTY, IN_MEMORY, PIECE, Body, Spool
from twisted_distcc.messages.model import Reply, Request, Tree, TreeFile, TreeLink
from twisted_distcc.wire.connection import Connection, Reader
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, MessageEnd, Number, Text

LARGE = os.urandom(IN_MEMORY * 3)
DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


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
        entries = (
            TreeFile(b"/p/a.c", 0, len(LARGE)),
            TreeLink(b"/p/b.c", b"../p/a.c"),
            TreeFile(b"/p/\xff", len(LARGE), 0),
            TreeFile(b"/p/c.h", len(LARGE), 5),
        )
        tree = Tree(b"/p", entries, Body.of(LARGE + b"int x"))
        sent, reader = Request((b"cc",), version=3, tree=tree), Connection.server().reader
        for piece in request_pieces(Connection.client().writer, sent):
            self.gather(reader, piece)
        got = self.assembly.request()
        self.assertEqual((got.arguments, got.version, got.source), ((b"cc",), 3, EMPTY))
        assert got.tree is not None
        self.assertEqual((got.tree.directory, got.tree.entries), (b"/p", entries))
        self.assertEqual(got.tree.contents.read(), LARGE + b"int x")
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

    def test_a_file_that_has_shrunk(self) -> None:
        """A body that is shorter than was said is our own fault, and no message."""
        body, path = self.file_body()
        os.truncate(path, 100)
        pieces = request_pieces(Connection.client().writer, Request((b"cc",), body))
        self.assertRaises(LocalProtocolError, list, pieces)
