"""The server as a protocol, where files come in place of a source."""

from __future__ import annotations

import os
import random
from unittest.mock import patch

from tests.content.test_lzo import burst
from tests.server.in_memory import ConnectionTestCase
from tests.server.talk import tree_bytes
from twisted_distcc.content.body import IN_MEMORY, Body, Spool
from twisted_distcc.content.lzo import compress
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_IO_ERROR, EXIT_PROTOCOL_ERROR
from twisted_distcc.jobs.model import InputLink, Reply
from twisted_distcc.jobs.plain_trees import unpack_tree
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.quotas.holdings import Ceilings
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.wire.tokens import encode_header

SMALL = {b"/p/%d.h" % number: b"int a%d;\n" % number * number for number in range(200)}
NOISE = random.Random(6).randbytes(2 * IN_MEMORY)
FILES = {**SMALL, b"/p/large.h": NOISE, b"/p/last.h": b""}
REQUEST = tree_bytes(FILES, links={b"/q": b"p/../p"}, directory=b"/p")


class JobTests(ConnectionTestCase):
    """A job, from its first byte to the last of its reply."""

    def check_asked(self) -> None:
        """Check that the one job is the request, byte for byte, in one body on disk."""
        ((request, peer),) = self.compile.asked
        assert request.tree is not None
        self.assertEqual((request.version, request.tree.directory), (3, b"/p"))
        files = {file.name: data for file, data in unpack_tree(request.tree, 1 << 30)}
        self.assertEqual(files, FILES)
        self.assertEqual(request.tree.entries[-1], InputLink(b"/q", b"p/../p"))
        self.assertEqual(len(os.listdir(self.spool)), 1)
        self.assertEqual(str(peer), "tcp:192.0.2.9:4000")

    def test_in_any_pieces(self) -> None:
        """However the bytes come, the job is the same, and is answered with its dependency file."""
        for size in (7, 1000, 65536, len(REQUEST)):
            protocol, transport = self.connect()
            for start in range(0, len(REQUEST), size):
                protocol.dataReceived(REQUEST[start : start + size])
            self.check_asked()
            reply = Reply(
                0, Body.of(b"said"), object_file=Body.of(b"object"), dependencies=Body.of(b"a.o: a")
            )
            self.compile.answers[-1].callback(reply)
            answer = self.answer(transport, version=3)
            self.assertEqual((answer.exit_code, answer.stderr), (0, "said"))
            self.assertEqual((answer.object_file, answer.dependencies), (b"object", b"a.o: a"))
            self.lose(protocol)
            self.assert_nothing_left()
            self.compile.asked.clear()

    def test_gone_anywhere(self) -> None:
        """A client that goes in the middle of a file, or while it waits, leaves nothing behind."""
        for end in (100, len(REQUEST) // 2, len(REQUEST) - 20, len(REQUEST)):
            protocol, _ = self.connect()
            protocol.dataReceived(REQUEST[:end])
            self.lose(protocol)
            self.assert_nothing_left()
        self.assertEqual(len(self.compile.cancelled), 1)

    def test_what_it_expands_to_is_not_looked_at(self) -> None:
        """Receiving a file that would burst costs what it has, and no more: the layout refuses it."""
        protocol, _ = self.connect()
        bomb = burst(100_000)
        head, _, tail = tree_bytes({b"/p/a.c": b"#"}).partition(
            encode_header(b"FILE", len(compress(b"#")))
        )
        protocol.dataReceived(head + encode_header(b"FILE", len(bomb)) + bomb)
        self.assertEqual(tail, compress(b"#"))
        ((request, _),) = self.compile.asked
        assert request.tree is not None
        self.assertEqual(request.tree.contents.length, len(bomb))
        self.lose(protocol)


class RefusingTests(ConnectionTestCase):
    """Requests that get a sentence, and of which nothing is kept."""

    def refused(self, *pieces: bytes) -> tuple[int, str]:
        """Send these, and give the exit code and the sentence; nothing may be left."""
        protocol, transport = self.connect()
        for piece in pieces:
            protocol.dataReceived(piece)
        answer = self.answer(transport, version=3)
        self.assertEqual((answer.object_file, answer.dependencies), (b"", b""))
        self.assertEqual((self.compile.asked, os.listdir(self.spool)), ([], []))
        self.lose(protocol)
        self.assert_nothing_left()
        return answer.exit_code, answer.stderr

    def test_an_address_that_is_not_allowed(self) -> None:
        """The client may send all its files, and reads the reason."""
        self.verdict = Refused(("who are you",), EXIT_ACCESS_DENIED)
        self.assertEqual(self.refused(REQUEST), (EXIT_ACCESS_DENIED, "who are you\n"))
        half = len(REQUEST) // 2
        self.assertEqual(self.refused(REQUEST[:half], REQUEST[half:])[0], EXIT_ACCESS_DENIED)

    def test_a_full_disk(self) -> None:
        """With no room for its files, the rest of a request is read, and the reason answered."""
        with patch.object(Spool, "_to_disk", side_effect=OSError(28, "No space left on device")):
            exit_code, sentence = self.refused(REQUEST[:1000], REQUEST[1000:])
        self.assertEqual(exit_code, EXIT_IO_ERROR)
        self.assertIn("No space left on device", sentence)

    def test_too_much_for_one_client(self) -> None:
        """Names have their share of the memory, and files of the disk; both are given back."""
        names, stored = (2 * 96 + 8) * 203, sum(len(compress(data)) for data in FILES.values())
        enough = Ceilings(words=3 * names, stored=2 * stored)
        for ceilings, words in (
            (
                Ceilings(words=names),
                "memory limit for commands reached",
            ),
            (Ceilings(stored=stored), "stores as much as it may"),
        ):
            self.factory.admission = Admission(1, 1, ceilings)
            exit_code, sentence = self.refused(REQUEST)
            self.assertEqual(exit_code, EXIT_IO_ERROR)
            self.assertIn(words, sentence)
        self.factory.admission = Admission(1, 1, enough)
        for _ in range(3):
            protocol, _ = self.connect()
            protocol.dataReceived(REQUEST)
            self.lose(protocol)
        self.assertEqual(len(self.compile.asked), 3)

    def test_what_is_broken(self) -> None:
        """Whoever breaks the protocol in the middle of its files reads how."""
        head, _, _ = REQUEST.partition(b"NAME")
        name = encode_header(b"NAME", 4) + b"/p/a"
        for broken, words in (
            (head + name + name, "expected FILE or LINK, got NAME"),
            (head + name + encode_header(b"ARGV", 1), "expected FILE or LINK, got ARGV"),
            (head + encode_header(b"FILE", 0), "expected NAME, got FILE"),
            (head + encode_header(b"NAME", 0), "NAME must be at least 1"),
            (head + name + encode_header(b"LINK", 0), "LINK must be at least 1"),
            (head + encode_header(b"NAME", 4097), "the ceiling 'name'"),
            (head + name + encode_header(b"FILE", 4_000_001), "the ceiling 'source'"),
            (head[:-8] + b"000186a1", "the ceiling 'files'"),
            (head[: head.index(b"CDIR")] + encode_header(b"ARGC", 1), "expected CDIR, got ARGC"),
        ):
            exit_code, sentence = self.refused(broken)
            self.assertEqual(exit_code, EXIT_PROTOCOL_ERROR, words)
            self.assertIn(words, sentence)

    def test_all_files_together(self) -> None:
        """Files that are small each, and too much together, are refused before the one that is over."""
        head, _, _ = REQUEST.partition(b"NAME")
        data = os.urandom(50_000)
        each = encode_header(b"NAME", 2) + b"/a" + encode_header(b"FILE", len(data)) + data
        exit_code, sentence = self.refused(head, *[each] * 81)
        self.assertEqual(exit_code, EXIT_PROTOCOL_ERROR)
        self.assertIn("FILE of 4050000 is over 4000000, the ceiling 'source'", sentence)
