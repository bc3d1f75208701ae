"""A session joined to a real server in memory: jobs, what is sent of them and what is not."""

from __future__ import annotations

import os
import shutil
from hashlib import sha256

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.trial.unittest import SynchronousTestCase

from tests.server.in_memory import ScriptedCompile, at_once, no_process
from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    GoingAwayError,
    LostConnectionError,
    NoAnswerError,
    RefusedByHostError,
)
from twisted_distcc.client.backends.session_client import ClientSession
from twisted_distcc.client.backends.session_inputs import SentContent
from twisted_distcc.content.body import Body
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.content.zstd import compress
from twisted_distcc.errors import EXIT_ACCESS_DENIED
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Load, Reply, Request, Tree
from twisted_distcc.jobs.session_messages import result_pieces
from twisted_distcc.policy.verdict import ALLOWED, Refused, Verdict
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.server.connection import session_host
from twisted_distcc.server.connection.server_protocol import DistccServerFactory, DistccServerProtocol
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import JOBR, RESULTS

OBJECT = b"\x7fELF" + os.urandom(300_000)


def tree(*, header: bytes = b"int a;\n") -> Tree:
    """Return a tree of two files, a link and an empty folder."""
    return Tree(
        b"/project/build",
        (
            InputFile(b"/project/a.c", LocalContent(b'#include "a.h"\n')),
            InputFile(b"/project/include/a.h", LocalContent(header)),
            InputLink(b"/project/here", b"include"),
            InputFile(b"/project/empty/" + FOLDER_MARK, LocalContent(b"")),
        ),
    )


def held(request: Request) -> dict[str, bytes]:
    """Return the files of a request as a server has it, and where its links lead."""
    assert request.tree is not None
    found = {}
    for entry in request.tree.entries:
        name = os.fsdecode(entry.name)
        is_file = isinstance(entry, InputFile)
        found[name] = entry.content.read(1 << 20) if is_file else b"-> " + entry.target
    return found


class KeepingCompile(ScriptedCompile):
    """Remembers the trees that came, too."""

    def __init__(self) -> None:
        super().__init__()
        self.trees: list[dict[str, bytes]] = []

    def __call__(self, request: Request, peer: object) -> Deferred[Reply]:
        if request.tree is not None:
            self.trees.append(held(request))
        return super().__call__(request, peer)  # type: ignore[arg-type]


class SessionTestCase(SynchronousTestCase):
    """A server, and sessions with it."""

    def setUp(self) -> None:
        self.spool = self.mktemp()
        os.mkdir(self.spool)
        self.clock = Clock()
        self.compile = KeepingCompile()
        self.verdict: Verdict = ALLOWED
        self.sent = SentContent()
        self.packing: Bulk | None = None
        self.heard_bytes = 0
        self.factory = self.server()

    def server(self) -> DistccServerFactory:
        return DistccServerFactory(
            self.compile,
            self.clock,
            Bulk(no_process, at_once, self.spool),
            admit=lambda _: self.verdict,
            admission=Admission(jobs=2, queue=6),
        )

    def join(self, factory: DistccServerFactory | None = None) -> ClientSession:
        """Connect a session, and let both ends greet."""
        server = (factory or self.factory).buildProtocol(None)
        assert isinstance(server, DistccServerProtocol)
        client = ClientSession(self.clock, self.sent, EncodedFolders())
        received = client.dataReceived

        def counting(data: bytes) -> None:
            self.heard_bytes += len(data)
            received(data)

        client.dataReceived = counting  # type: ignore[method-assign]
        ours, theirs = FakeTransport(client, False), FakeTransport(server, True)
        self.ours, self.theirs = ours, theirs
        self.pump: IOPump = connect(server, theirs, client, ours)
        self.settle()
        return client

    def settle(self) -> None:
        """Let everything arrive that is on its way."""
        moved = True
        while moved:
            due = [
                call for call in self.clock.getDelayedCalls() if call.getTime() <= self.clock.seconds()
            ]
            self.clock.advance(0)
            moved = bool(due) | bool(self.pump.flush())

    def ask(self, session: ClientSession, request: Request | None = None) -> Deferred[Reply]:
        """Send a job, and let it arrive."""
        wanted = request or Request((b"gcc", b"-c", b"a.c"), tree=tree())
        asked = Deferred.fromCoroutine(session.compile(wanted, self.spool, self.packing))
        self.settle()
        return asked

    def answer(self, number: int, reply: Reply) -> None:
        """Have the server answer its job of this number."""
        self.compile.answers[number].callback(reply)
        self.settle()


class JobTests(SessionTestCase):
    def test_greeted(self) -> None:
        """Both ends greet."""
        self.assertIsNone(self.successResultOf(self.join().greeted()))

    def test_a_tree(self) -> None:
        """A job arrives as it was, with its files, links and folders; and its result comes back."""
        session = self.join()
        asked = self.ask(session)
        ((request, _),) = self.compile.asked
        self.assertEqual(request.arguments, (b"gcc", b"-c", b"a.c"))
        self.assertEqual(request.tree.directory if request.tree else None, b"/project/build")
        (came,) = self.compile.trees
        self.assertEqual(
            came,
            {
                "/project/a.c": b'#include "a.h"\n',
                "/project/include/a.h": b"int a;\n",
                "/project/here": b"-> include",
                "/project/empty/.twisted-distcc": b"",
            },
        )
        said = Body.of(b"a warning\n")
        self.answer(
            0, Reply(0, stderr=said, object_file=Body.of(OBJECT), dependencies=Body.of(b"a.o: a.c"))
        )
        reply = self.successResultOf(asked)
        self.assertEqual(
            (reply.status, reply.stderr.read(), reply.object_file.read(), reply.dependencies.read()),
            (0, b"a warning\n", OBJECT, b"a.o: a.c"),
        )
        reply.discard()
        self.assertTrue(session.is_idle)
        self.assertEqual([names for _, _, names in os.walk(self.spool) if names], [])

    def test_text(self) -> None:
        """Preprocessed text, small or large, is a job as well, and a question with no text at all."""
        session = self.join()
        for number, text in enumerate((b"int a;", os.urandom(400_000), b"")):
            asked = self.ask(session, Request((b"gcc", b"-c", b"a.i"), Body.of(text)))
            self.assertEqual(self.compile.sources[number], text)
            self.answer(number, Reply(1 << 8))
            self.assertEqual(self.successResultOf(asked).exit_code, 1)

    def test_packed_for_each_job(self) -> None:
        """Each job has its blobs packed in a folder of its own, whichever job the session began with."""
        session = self.join()
        for number in range(2):
            folder = f"{self.spool}/{number}"
            os.mkdir(folder)
            text = os.urandom(300_000)
            request = Request((b"gcc", b"-c", b"a.i"), Body.of(text))
            packing = Bulk(no_process, at_once, folder)
            asked = Deferred.fromCoroutine(session.compile(request, folder, packing))
            self.settle()
            self.assertEqual(self.compile.sources[number], text)
            self.answer(number, Reply(1 << 8))
            self.successResultOf(asked)
            shutil.rmtree(folder)

    def test_many_at_once(self) -> None:
        """Jobs run at the same time, and end in any order."""
        session = self.join()
        asked = [self.ask(session) for _ in range(5)]
        self.assertEqual(len(self.compile.asked), 5)
        for number in (3, 0, 4, 1, 2):
            self.answer(number, Reply(number << 8))
        self.assertEqual([self.successResultOf(one).exit_code for one in asked], [0, 1, 2, 3, 4])

    def test_more_than_the_server_takes(self) -> None:
        """Jobs beyond what the server takes at a time wait here."""
        session = self.join()
        asked = [self.ask(session) for _ in range(20)]
        self.assertEqual(len(self.compile.asked), 8)
        for number in range(20):
            self.answer(number, Reply(0, object_file=Body.of(b"o")))
        for one in asked:
            self.assertEqual(self.successResultOf(one).status, 0)


class PackedTests(SessionTestCase):
    """A client that wishes for compression."""

    def setUp(self) -> None:
        super().setUp()
        self.packing = Bulk(no_process, at_once, self.spool)

    def test_there_and_back(self) -> None:
        """Inputs and outputs that are worth it are compressed on the way, and arrive as they were."""
        session = self.join()
        header = b"int a;\n" * 20_000
        asked = self.ask(session, Request((b"gcc",), tree=tree(header=header)))
        self.assertEqual(self.compile.trees[0]["/project/include/a.h"], header)
        outputs = {"object": Body.of(bytes(400_000)), "dependencies": Body.of(b"a.o: a.c\n")}
        self.answer(0, Reply(0, outputs=outputs))
        reply = self.successResultOf(asked)
        self.assertEqual(reply.object_file.read(), bytes(400_000))
        self.assertEqual(reply.dependencies.read(), b"a.o: a.c\n")
        self.assertLess(self.heard_bytes, 5_000)
        reply.discard()
        left = [name for _, _, names in os.walk(self.spool) for name in names]
        self.assertEqual(left, ["blob-0"])  # the header

    def test_not_asked_for(self) -> None:
        """A server that compresses for who did not ask has sent a bad reply."""
        self.packing = None
        session = self.join()
        asked = self.ask(session)
        writer = Writer(JOBR, RESULTS, Limits())
        frame = {"object": Body.of(compress(bytes(1000)))}
        pieces = result_pieces(writer, Reply(0, outputs=frame), Load(1, 0), {"object"})
        (stream,) = session._streams._jobs
        session._streams.read(stream, b"".join(pieces))
        self.failureResultOf(asked, BadReplyError)


class ContentTests(SessionTestCase):
    def size_of(self, job: Deferred[Reply], before: int) -> int:
        self.answer(len(self.compile.answers) - 1, Reply(0, object_file=Body.of(b"o")))
        self.successResultOf(job)
        return self.counted() - before

    def counted(self) -> int:
        return self.written

    def join(self, factory: DistccServerFactory | None = None) -> ClientSession:
        session = super().join(factory)
        self.written = 0
        self.heard: list[bytes] = []
        received = session.dataReceived

        def hearing(data: bytes) -> None:
            self.heard.append(data)
            received(data)

        session.dataReceived = hearing  # type: ignore[method-assign]
        write = self.ours.write

        def counting(data: bytes) -> None:
            self.written += len(data)
            write(data)

        self.ours.write = counting  # type: ignore[method-assign]
        return session

    def test_sent_once(self) -> None:
        """A job whose files are there is a few hundred bytes; a file that changed is sent alone."""
        session = self.join()
        large = os.urandom(100_000)
        first = self.size_of(self.ask(session, Request((b"gcc",), tree=tree(header=large))), 0)
        self.assertGreater(first, 100_000)
        before = self.counted()
        again = self.size_of(self.ask(session, Request((b"gcc",), tree=tree(header=large))), before)
        self.assertLess(again, 300)
        before = self.counted()
        changed = self.size_of(
            self.ask(session, Request((b"gcc",), tree=tree(header=b"int b;"))), before
        )
        self.assertLess(changed, 2000)
        self.assertEqual(self.compile.trees[-1]["/project/include/a.h"], b"int b;")

    def test_a_new_session_with_the_same_server(self) -> None:
        """What was sent before the connection was lost counts as sent."""
        self.size_of(self.ask(self.join()), 0)
        self.assertLess(self.size_of(self.ask(self.join()), 0), 500)

    def test_a_server_that_was_restarted(self) -> None:
        """Another memory has nothing: everything is sent again."""
        self.size_of(self.ask(self.join()), 0)
        again = self.size_of(self.ask(self.join(self.server())), 0)
        self.assertGreater(again, 500)
        self.assertEqual(self.compile.trees[0], self.compile.trees[1])

    def test_a_server_that_forgets(self) -> None:
        """What the server lacks, whatever we believe, it asks for, and gets."""
        self.patch(session_host, "_MOST_IN_MEMORY", 12_000)
        session = self.join()
        for number in (1, 2, 3, 1, 2):
            header = b"int a%d;" % number * 200
            self.size_of(self.ask(session, Request((b"gcc",), tree=tree(header=header))), 0)
            self.assertEqual(self.compile.trees[-1]["/project/include/a.h"], header)
        self.assertIn(b"NEED", b"".join(self.heard))

    def test_another_identity(self) -> None:
        """What one client has sent is asked of another as if nobody had."""
        session = self.join()
        self.size_of(self.ask(session), 0)
        digest = sha256(b"int a;\n").digest()
        self.assertEqual(self.factory.sessions.blobs.missing("somebody else", (digest,)), [digest])


class EndTests(SessionTestCase):
    def test_cancelled(self) -> None:
        """A job that is given up is cancelled on the server, and the session goes on."""
        session = self.join()
        asked, other = self.ask(session), self.ask(session)
        asked.cancel()
        self.settle()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(len(self.compile.cancelled), 1)
        self.answer(1, Reply(0, object_file=Body.of(b"o")))
        self.assertEqual(self.successResultOf(other).status, 0)

    def test_lost(self) -> None:
        """When the connection is lost, all jobs fail here, and are cancelled there."""
        session = self.join()
        asked = [self.ask(session), self.ask(session)]
        session.connectionLost(Failure(ConnectionLost()))
        self.settle()
        for one in asked:
            self.failureResultOf(one, NoAnswerError)
        self.assertFalse(session.is_open)
        self.assertEqual(len(self.compile.cancelled), 2)

    def test_refused(self) -> None:
        """Whoever may not connect is told why, in place of a greeting."""
        self.verdict = Refused(("192.0.2.9 is not allowed",), EXIT_ACCESS_DENIED)
        error = self.failureResultOf(self.join().greeted(), RefusedByHostError).value
        self.assertIn("192.0.2.9 is not allowed", str(error))
        self.assertEqual(error.exit_code, EXIT_ACCESS_DENIED)

    def test_a_server_that_ends(self) -> None:
        """It finishes the jobs that it has, takes no more, and hangs up then."""
        session = self.join()
        asked = self.ask(session)
        self.factory.give_up_reading()
        drained = self.factory.drained()
        self.settle()
        self.assertFalse(session.is_open)
        self.failureResultOf(self.ask(session), GoingAwayError)
        self.assertNoResult(drained)
        self.answer(0, Reply(0, object_file=Body.of(b"o")))
        self.assertEqual(self.successResultOf(asked).status, 0)
        self.successResultOf(drained)

    def test_silence(self) -> None:
        """A server that says nothing for twice twenty seconds is given up."""
        session = self.join()
        asked = self.ask(session)
        self.pump.flush = lambda: False  # type: ignore[method-assign]
        self.clock.pump([20] * 3)
        self.failureResultOf(asked, LostConnectionError)

    def test_a_long_job(self) -> None:
        """A server whose job takes long answers when it is asked whether it is there."""
        session = self.join()
        asked = self.ask(session)
        for _ in range(10):
            self.clock.advance(20)
            self.settle()
        self.assertNoResult(asked)
        self.answer(0, Reply(0, object_file=Body.of(b"o")))
        self.assertEqual(self.successResultOf(asked).status, 0)

    def test_idle(self) -> None:
        """A session that nobody uses is closed."""
        session = self.join()
        for _ in range(20):
            self.clock.advance(20)
            self.settle()
        self.assertFalse(session.is_open)
        self.assertTrue(self.ours.disconnecting or self.ours.disconnected)

    def test_a_breach(self) -> None:
        """A server that breaks the protocol is hung up on, and its jobs have failed."""
        session = self.join()
        asked = self.ask(session)
        session.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.failureResultOf(asked, BadReplyError)
        self.assertFalse(session.is_open)
