"""Servers of sessions that mean harm: they cost an agent little, and its jobs end, or go elsewhere."""

from __future__ import annotations

import os

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.server.in_memory import at_once, no_process
from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    GoingAwayError,
    HostError,
    NoAnswerError,
)
from twisted_distcc.client.backends.session_client import ClientSession
from twisted_distcc.client.backends.session_inputs import SentContent
from twisted_distcc.content.body import Body
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.jobs.model import Load, Reply, Request
from twisted_distcc.jobs.session_messages import result_pieces
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.greeting import Terms, server_greeting
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import Data, Greeted, SessionEvent, Stopped
from twisted_distcc.wire.session_frames import AWAY, DATA, NEED, PING, frame
from twisted_distcc.wire.session_grammar import JOBR, RESULTS

TEXT = os.urandom(50_000)
REPLY = Reply(0, object_file=Body.of(b"object"))


def result(reply: Reply = REPLY) -> bytes:
    """Return the message of a result."""
    return b"".join(result_pieces(Writer(JOBR, RESULTS, Limits()), reply, Load(1, 0)))


class Mallory:
    """A server of which a test says every byte: it hears what the client says, and grants nothing."""

    def __init__(self, clock: Clock, folder: str, jobs: int = 8) -> None:
        self.transport = StringTransport()
        self.client = ClientSession(clock, SentContent(), EncodedFolders())
        self._folder = folder
        self._jobs = jobs
        self._ear = Session.server(Terms(jobs=65_536, know=bytes(16)))

    def greet(self) -> None:
        """Let both ends greet."""
        self.client.makeConnection(self.transport)
        terms = Terms(jobs=self._jobs, know=bytes(16), window=4096, name="mallory")
        self.say(server_greeting(terms))

    def say(self, words: bytes) -> None:
        """Send the client something."""
        self.client.dataReceived(words)

    def heard(self) -> list[SessionEvent]:
        """Return what the client has said since the last time."""
        self._ear.feed(self.transport.value())
        self.transport.clear()
        return [event for event in self._ear.events() if not isinstance(event, Greeted)]

    def ask(self, text: bytes = TEXT, packing: Bulk | None = None) -> Deferred[Reply]:
        """Have the client send a job."""
        request = Request((b"gcc", b"-c", b"a.i"), Body.of(text))
        return Deferred.fromCoroutine(self.client.compile(request, self._folder, packing))

    def jobs(self) -> list[int]:
        """Return the streams of jobs that began since the last time."""
        return [
            event.stream
            for event in self.heard()
            if isinstance(event, Data) and event.data.startswith(b"JOBQ")
        ]


class SessionServerTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.spool = self.mktemp()
        os.mkdir(self.spool)
        self.clock = Clock()

    def mallory(self, jobs: int = 8) -> Mallory:
        mallory = Mallory(self.clock, self.spool, jobs)
        mallory.greet()
        return mallory

    def assert_the_others_are_served(self, mallory: Mallory) -> None:
        """Another job on the same session is answered."""
        mallory.heard()
        asked = mallory.ask(b"int a;")
        stream = max(mallory.jobs())
        mallory.say(frame(DATA, stream, rest=result()))
        self.assertEqual(self.successResultOf(asked).object_file.read(), b"object")
        self.assertEqual(os.listdir(self.spool), [])


class QuestionTests(SessionServerTestCase):
    def test_again_and_again(self) -> None:
        """A server that asks for the same for ever is given no more than a few times of it."""
        mallory = self.mallory()
        asked = mallory.ask()
        (stream,) = mallory.jobs()
        (digest,) = mallory.client._streams._jobs[stream].inputs
        packed: list[object] = []
        bulk = Bulk(no_process, lambda work: (packed.append(work), at_once(work))[1], self.spool)
        mallory.client._streams._jobs[stream].packing = bulk
        for _ in range(100):
            mallory.say(frame(NEED, stream, rest=digest))
        error = self.failureResultOf(asked, BadReplyError).value
        self.assertIn("again and again", str(error))
        self.assertIn(stream, [one.stream for one in mallory.heard() if isinstance(one, Stopped)])
        self.assert_the_others_are_served(mallory)

    def test_what_nobody_has(self) -> None:
        """A server that asks for what is none of a job's inputs is hung up on."""
        mallory = self.mallory()
        asked = mallory.ask()
        (stream,) = mallory.jobs()
        mallory.say(frame(NEED, stream, rest=bytes(32)))
        self.failureResultOf(asked, BadReplyError)
        self.assertTrue(mallory.transport.disconnecting)

    def test_after_going_away(self) -> None:
        """A server that asks when no stream may begin gets no answer, and the job goes elsewhere."""
        mallory = self.mallory()
        asked = mallory.ask()
        (stream,) = mallory.jobs()
        (digest,) = mallory.client._streams._jobs[stream].inputs
        mallory.say(frame(AWAY, rest=b"soon") * 1000)
        self.assertNoResult(asked)
        mallory.say(frame(NEED, stream, rest=digest))
        self.failureResultOf(asked, GoingAwayError)
        self.assertTrue(mallory.transport.disconnecting)


class StreamTests(SessionServerTestCase):
    def test_windows_that_are_never_granted(self) -> None:
        """Uploads that do not end leave room for jobs, and hold up nothing but what needs them."""
        mallory = self.mallory()
        waiting = []
        for number in range(20):
            waiting.append(mallory.ask(b"%d" % number + TEXT))
            for stream in mallory.jobs()[:1]:
                mallory.say(frame(DATA, stream, rest=result(Reply(1 << 8))))
        self.assertEqual(len([one for one in waiting if one.called]), 20)
        self.assertLessEqual(mallory.client._session.open_streams, 4)
        self.assert_the_others_are_served(mallory)
        for one in waiting:
            self.successResultOf(one)

    def test_a_session_that_is_given_up(self) -> None:
        """It closes when its last job has ended, though an upload has not."""
        mallory = self.mallory()
        asked = mallory.ask()
        mallory.client.retire()
        self.assertFalse(mallory.transport.disconnecting)
        asked.addErrback(lambda _: None).cancel()
        self.assertTrue(mallory.transport.disconnecting)

    def test_one_stream(self) -> None:
        """A server that takes one stream, and so no upload beside a job, is spoken to in protocol 3."""
        self.failureResultOf(self.mallory(jobs=1).client.greeted(), NoAnswerError)

    def test_a_server_that_reads_nothing(self) -> None:
        """Streams that it does not know to be stopped count: jobs go elsewhere, and nothing fails."""
        mallory = self.mallory()
        begun = [mallory.ask(b"%d" % number + TEXT) for number in range(4)]
        mallory.transport.producer.pauseProducing()
        for one in begun:
            one.addErrback(lambda failure: failure.trap(CancelledError)).cancel()
        self.failureResultOf(mallory.ask(), GoingAwayError)
        mallory.transport.producer.resumeProducing()
        self.assert_the_others_are_served(mallory)

    def test_hundreds_that_wait(self) -> None:
        """When the session ends, all jobs that wait for a place fail, however many."""
        for end in (lambda one: one.connectionLost(Failure(ConnectionLost())), ClientSession.retire):
            mallory = self.mallory()
            asked = [mallory.ask() for _ in range(1000)]
            end(mallory.client)
            self.assertEqual(
                len([one for one in asked if not one.called]), 4 * (end is ClientSession.retire)
            )
            for one in asked:
                one.addErrback(lambda failure: failure.trap(HostError))
            mallory.client.close()
            mallory.client.connectionLost(Failure(ConnectionLost()))
            self.assertTrue(all(one.called for one in asked))


class FloodTests(SessionServerTestCase):
    def test_a_thousand_outputs(self) -> None:
        """Outputs of any name and number are bodies that are given up with the reply."""
        mallory = self.mallory()
        asked = mallory.ask()
        (stream,) = mallory.jobs()
        names = ["../../etc/passwd", "/dev/null", "\x1b[2J", "object", *(f"o{n}" for n in range(990))]
        large = Body.of(bytes(70_000))
        outputs = {name: large if name == "object" else Body.of(b"x") for name in names}
        message = result(Reply(0, outputs=outputs))
        for start in range(0, len(message), 50_000):
            mallory.say(frame(DATA, stream, rest=message[start : start + 50_000]))
        reply = self.successResultOf(asked)
        self.assertEqual(reply.object_file.length, 70_000)
        self.assertEqual(len(os.listdir(self.spool)), 1)
        reply.discard()
        self.assert_the_others_are_served(mallory)

    def test_pings(self) -> None:
        """A server that asks whether we are there, and does not read, is hung up on."""
        mallory = self.mallory()
        asked = mallory.ask()
        mallory.say(frame(PING, rest=bytes(8)) * 1000)
        self.failureResultOf(asked, BadReplyError)

    def test_we_ask_once(self) -> None:
        """However many jobs wait to hear whether the server is there, it is asked once."""
        mallory = self.mallory()
        self.clock.advance(19)
        self.clock.advance(2)
        mallory.transport.clear()
        there = [Deferred.fromCoroutine(mallory.client.is_there()) for _ in range(50)]
        self.assertEqual(mallory.transport.value().count(b"PING"), 1)
        mallory.say(frame(PING, rest=bytes(8)))
        self.assertEqual([self.successResultOf(one) for one in there], [True] * 50)

    def test_a_result_that_never_ends(self) -> None:
        """What has come of it is given up with the job, when the agent has waited long enough."""
        mallory = self.mallory()
        asked = mallory.ask()
        (stream,) = mallory.jobs()
        message = result(Reply(0, object_file=Body.of(bytes(200_000))))[:150_000]
        for start in range(0, len(message), 50_000):
            mallory.say(frame(DATA, stream, rest=message[start : start + 50_000]))
        self.assertEqual(len(os.listdir(self.spool)), 1)
        asked.addErrback(lambda _: None).cancel()
        self.assert_the_others_are_served(mallory)
