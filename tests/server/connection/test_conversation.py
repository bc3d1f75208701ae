"""What is said about one job, fed byte by byte and all at once."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.server.talk import Answer, answer_of, request_bytes, tree_bytes
from twisted_distcc.content.body import Body
from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import DistccError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.connection.blocking import done
from twisted_distcc.server.connection.conversation import Conversation, HangUp, Next, Refusal
from twisted_distcc.server.quotas.holdings import Ceilings, Hold, Holdings
from twisted_distcc.wire.limits import Limits

ADA = tcp_peer("192.0.2.9", 4000)
COMMAND, _, _ = request_bytes().partition(b"DOTI")


class GoneError(Exception):
    """The client has gone."""


class InPlace(Packing):
    """Packs at once; none of these bodies takes a program."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    async def work(self, work: Callable[[], Body]) -> Body:
        return work()

    async def filter(self, direction: str, ceiling: int, source: int, target: int) -> int:
        raise AssertionError(direction)


class ConversationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.lines: list[str] = []
        self.asked: list[Request] = []
        self.sources: list[bytes] = []
        self.reply: Reply | Exception = Reply(0, object_file=Body.of(b"object"))
        self.begin()

    def begin(self, ceilings: Ceilings | None = None) -> None:
        """Begin a conversation with a client of a server that holds so much."""
        self.holdings = Holdings(ceilings)
        self.conversation = Conversation(
            ADA,
            Hold(self.holdings, ADA.identity),
            compile=self.compile,
            packing=InPlace(self.directory),
            limits=Limits(),
            log=self,
            cancelled=GoneError,
        )

    def info(self, format: str, **values: object) -> None:
        self.lines.append(format.format(**values))

    warn = error = failure = info

    async def compile(self, request: Request, peer: Peer) -> Reply:
        self.assertIs(peer, ADA)
        self.asked.append(request)
        self.sources.append(request.source.read())
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def feed(self, data: bytes) -> Next:
        """Feed a byte at a time, until something is to be done; nothing is, before the end."""
        outcomes = [self.conversation.feed(data[place : place + 1]) for place in range(len(data))]
        self.assertEqual(set(outcomes[:-1]), {None})
        return outcomes[-1]

    def answer(self, data: bytes, version: int = 1) -> Answer:
        """Feed a whole request, and return its answer as a client reads it."""
        request = self.feed(data)
        assert isinstance(request, Request)
        return self.said(done(self.conversation.answer(request)), version)

    def said(self, reply: Reply, version: int = 1) -> Answer:
        async def gather() -> bytes:
            async with self.conversation.pieces(reply) as pieces:
                return b"".join(pieces)

        said = answer_of(done(gather()), version)
        self.assertEqual(os.listdir(self.directory), [])
        return said

    def test_a_job(self) -> None:
        """A request is whole with its last byte, and answered by what serves it."""
        self.assertEqual(self.answer(request_bytes()).object_file, b"object")
        self.assertEqual((len(self.asked), self.lines), (1, []))

    def test_compressed(self) -> None:
        """What version 2 compresses is expanded for what serves it, and compressed again."""
        source = b"int x;\n" * 1000
        data = request_bytes(version=2, source=source)
        self.assertEqual(self.answer(data, 2).object_file, b"object")
        self.assertEqual(self.sources, [source])

    def test_files(self) -> None:
        """Many files, in memory while they are few and on disk then, are one request."""
        data = tree_bytes({b"/p/%d.h" % number: os.urandom(500) for number in range(200)})
        request = self.conversation.feed(data)
        assert isinstance(request, Request)
        self.assertEqual(len(os.listdir(self.directory)), 1)
        self.said(done(self.conversation.answer(request)), 3)

    def test_no_protocol(self) -> None:
        """Whoever does not speak the protocol is not talked to."""
        self.assertIsInstance(self.conversation.feed(b"GET / HTTP/1.1\r\n\r\n"), HangUp)

    def test_broken(self) -> None:
        """Whoever has begun to speak it is told what was wrong."""
        outcome = self.conversation.feed(COMMAND + b"ZERO00000000")
        assert isinstance(outcome, Refusal)
        self.assertIn("ZERO", self.said(outcome.reply).stderr)
        self.assertIn("broke the protocol", self.lines[0])

    def test_turned_away(self) -> None:
        """Whoever may not connect is told why with his first token, by which his version is known."""
        self.conversation.turn_away(Refused(("not today",), 113))
        outcome = self.feed(request_bytes(version=2)[:12])
        assert isinstance(outcome, Refusal)
        answer = self.said(outcome.reply, 2)
        self.assertEqual((answer.exit_code, answer.stderr), (113, "not today\n"))

    def test_no_room_for_words(self) -> None:
        """A command for which there is no room is refused, and nothing of it is kept."""
        self.begin(Ceilings(words=200))
        outcome = self.conversation.feed(request_bytes())
        assert isinstance(outcome, Refusal)
        self.assertIn("memory", self.said(outcome.reply).stderr)
        self.assertEqual(self.asked, [])

    def test_no_room_for_a_body(self) -> None:
        """So is a body, before the first of its bytes has come."""
        self.begin(Ceilings(stored=100_000))
        outcome = self.feed(COMMAND + b"DOTI%08x" % 70_000)
        assert isinstance(outcome, Refusal)
        self.assertIn("--max-stored", self.said(outcome.reply).stderr)

    def test_no_room_for_the_reply(self) -> None:
        """A reply without room is a sentence, which needs none."""
        self.begin(Ceilings(stored=100_000))
        self.reply = Reply(0, object_file=Body.of(bytes(70_000)))
        self.assertIn("--max-stored", self.answer(request_bytes()).stderr)

    def test_faults(self) -> None:
        """What goes wrong is a sentence; of what is our own fault the log has more."""
        for fault, words in (
            (DistccError("no such compiler"), "no such compiler"),
            (OSError(28, "No space left on device"), "No space left"),
            (ValueError("oops"), "its log says why"),
        ):
            self.begin()
            self.reply = fault
            self.assertIn(words, self.answer(request_bytes()).stderr)
        self.assertEqual(self.lines, ["a job of tcp:192.0.2.9:4000 failed here"])

    def test_a_client_that_goes(self) -> None:
        """A client that has gone gets no sentence, and its request is given up."""
        self.reply = GoneError()
        request = self.conversation.feed(request_bytes(source=bytes(70_000)))
        assert isinstance(request, Request)
        self.assertRaises(GoneError, done, self.conversation.answer(request))
        self.assertEqual(os.listdir(self.directory), [])

    def test_tokens(self) -> None:
        """Tokens are counted as they come, for whoever shares its time out."""
        self.conversation.feed(request_bytes(("gcc", "-c", "x.c")))
        self.assertEqual(self.conversation.tokens, 8)
