"""Ends of sessions that answer pings, and take or send next to nothing: they harm themselves alone."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.hostile import test_sessions
from tests.hostile.test_session_servers import Mallory, SessionServerTestCase, result
from tests.hostile.test_sessions import SessionFloodTestCase, data, digest, job, upload
from tests.server.in_memory import Transport
from twisted_distcc.client.backends.host_faults import LostConnectionError, SlowHostError
from twisted_distcc.content.body import Body
from twisted_distcc.errors import EXIT_TIMEOUT
from twisted_distcc.jobs.model import Reply
from twisted_distcc.server.connection.server_protocol import DistccServerProtocol
from twisted_distcc.wire.greeting import Terms, client_greeting
from twisted_distcc.wire.session_events import Stopped
from twisted_distcc.wire.session_frames import DATA, PING, PONG, WIND, frame

LARGE = 300_000
ALIVE = frame(PONG, rest=bytes(8))


class SlowClientTests(SessionFloodTestCase):
    """A server whose client says every few seconds that it is there; Eve grants a window of 4096."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(test_sessions, "HELLO", client_greeting(Terms(window=4096, name="eve")))

    def pass_time(self, protocol: DistccServerProtocol, seconds: int, words: bytes = ALIVE) -> None:
        for _ in range(0, seconds, 5):
            self.clock.advance(5)
            self.say(protocol, words)

    def ask(self, protocol: DistccServerProtocol, stream: int, length: int = LARGE) -> None:
        """Have a result of so many bytes ready for a stream."""
        self.say(protocol, data(stream, job()))
        path = f"{self.spool}/{stream}"
        with open(path, "wb") as file:
            file.write(bytes(length))
        self.compile.answers[-1].callback(Reply(0, object_file=Body.adopt(path)))

    def assert_stopped(self, transport: Transport, stream: int) -> None:
        stop = b"STOP%08x" % (8 + len(b"this took too long")) + stream.to_bytes(4, "big")
        self.assertIn(stop + EXIT_TIMEOUT.to_bytes(4, "big"), transport.value())
        self.assertFalse(transport.aborting)
        self.assertEqual((self.taken(), self.left()), ((0, 0), []))
        self.assert_ada_is_served()

    def test_no_window(self) -> None:
        """A result for which no window is granted is given up, and the session goes on."""
        protocol, transport = self.connect()
        self.ask(protocol, 1)
        self.assertEqual(self.taken()[1], LARGE)
        self.pass_time(protocol, 55)
        self.assertEqual(self.taken()[1], LARGE)
        self.pass_time(protocol, 25)
        self.assert_stopped(transport, 1)
        self.ask(protocol, 2, 100)
        self.assertIn(bytes(100), transport.value())

    def test_a_byte_now_and_then(self) -> None:
        """A result that is taken byte by byte is given up when the time for all of it is over."""
        protocol, transport = self.connect()
        self.ask(protocol, 1)
        self.pass_time(protocol, 590, frame(WIND, 1, 1))
        self.assertEqual(self.taken()[1], LARGE)
        self.pass_time(protocol, 30, frame(WIND, 1, 1))
        self.assert_stopped(transport, 1)

    def test_a_slow_one_beside_a_fast_one(self) -> None:
        """What one stream does not take holds up no other one, and its lateness ends no other one."""
        protocol, transport = self.connect()
        self.ask(protocol, 1)
        self.ask(protocol, 2)
        self.pass_time(protocol, 100, frame(WIND, 2, 20_000))
        self.assertEqual(transport.value().count(b"STOP"), 1)
        self.assert_stopped(transport, 1)
        self.assertGreater(transport.value().count(bytes(LARGE // 20)), 10)

    def test_nothing_is_read(self) -> None:
        """A client that takes nothing from the connection loses it."""
        protocol, transport = self.connect()
        transport.producer.pauseProducing()
        self.ask(protocol, 1)
        self.pass_time(protocol, 55)
        self.assertFalse(transport.aborting)
        self.pass_time(protocol, 25)
        self.assertTrue(transport.aborting)
        protocol.connectionLost()
        self.assertEqual((self.taken(), self.left()), ((0, 0), []))
        self.assert_ada_is_served()

    def test_half_of_a_message(self) -> None:
        """A job, an upload and a single letter that do not go on are given up."""
        begun = (job(words=(b"gcc",) * 50)[:-10], upload(bytes(100_000))[:70_000], b"J")
        for message in begun:
            protocol, transport = self.connect()
            self.say(protocol, data(1, message))
            self.pass_time(protocol, 80)
            self.assert_stopped(transport, 1)

    def test_an_upload_byte_by_byte(self) -> None:
        """An upload may take no longer in all than a request of earlier protocols."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, upload(bytes(100_000))[:70_000]))
        self.pass_time(protocol, 590, frame(DATA, 1, rest=b"x"))
        self.assertNotEqual(self.taken(), (0, 0))
        self.pass_time(protocol, 30, ALIVE)
        self.assert_stopped(transport, 1)

    def test_inputs_that_never_come(self) -> None:
        """A job that asked, and hears nothing, is given up; one whose inputs come slowly is served."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job(digest(b"never"))))
        self.pass_time(protocol, 80)
        self.assert_stopped(transport, 1)
        text = bytes(40_000)
        self.say(protocol, data(2, job(digest(text))))
        message = upload(text)
        for start in range(0, len(message), 1000):
            self.say(protocol, frame(DATA, 3, rest=message[start : start + 1000]))
            self.pass_time(protocol, 10)
        self.assertEqual(self.compile.sources[-1], text)

    def test_a_long_compile(self) -> None:
        """A compiler may take as long as it does: its client has nothing to send or to take."""
        protocol, transport = self.connect()
        self.say(protocol, data(1, job()))
        self.pass_time(protocol, 2000)
        self.compile.answers[0].callback(Reply(0, object_file=Body.of(b"late object")))
        self.assertIn(b"late object", transport.value())

    def test_the_end_of_a_refused_client(self) -> None:
        """Who does not even read why it may not connect loses the connection."""
        protocol, transport = self.connect()
        transport.producer.pauseProducing()
        protocol.take_no_more()
        self.pass_time(protocol, 80)
        self.assertTrue(transport.aborting)


class SlowServerTests(SessionServerTestCase):
    """An agent whose server says every few seconds that it is there, and grants a window of 4096."""

    def pass_time(
        self, mallory: Mallory, seconds: int, words: bytes = frame(PING, rest=bytes(8))
    ) -> None:
        for _ in range(0, seconds, 5):
            self.clock.advance(5)
            mallory.say(words)

    def begin(self) -> tuple[Mallory, Deferred[Reply], int]:
        """Have a job sent whose upload does not fit into the window; return its stream."""
        mallory = self.mallory()
        asked = mallory.ask()
        (stream,) = mallory.jobs()
        return mallory, asked, stream

    def test_no_window(self) -> None:
        """An upload that is not taken is given up with what it holds, and new jobs go elsewhere."""
        mallory, asked, stream = self.begin()
        self.pass_time(mallory, 55)
        self.assertTrue(mallory.client.is_open)
        self.pass_time(mallory, 25)
        self.assertEqual([one.stream for one in mallory.heard() if isinstance(one, Stopped)], [1])
        self.assertFalse(mallory.client.is_open)
        self.assertFalse(mallory.client._streams.uploads)
        self.assertNoResult(asked)
        mallory.say(frame(DATA, stream, rest=result()))
        self.assertEqual(self.successResultOf(asked).object_file.read(), b"object")
        self.assertTrue(mallory.transport.disconnecting)

    def test_a_byte_now_and_then(self) -> None:
        """One that is taken byte by byte is given up in the end, too."""
        mallory, asked, _ = self.begin()
        self.pass_time(mallory, 590, frame(WIND, 1, 1))
        self.assertTrue(mallory.client.is_open)
        self.pass_time(mallory, 30, frame(WIND, 1, 1))
        self.assertFalse(mallory.client.is_open)
        self.assertNoResult(asked)
        asked.addErrback(lambda _: None).cancel()

    def test_nothing_is_read(self) -> None:
        """Jobs on a connection from which nothing is taken go elsewhere."""
        mallory, asked, _ = self.begin()
        mallory.transport.producer.pauseProducing()
        self.pass_time(mallory, 80)
        self.failureResultOf(asked, SlowHostError)
        self.assertTrue(mallory.transport.disconnecting)

    def test_silence(self) -> None:
        """One that does not even answer pings is given up sooner."""
        _, asked, _ = self.begin()
        self.clock.pump([20] * 3)
        self.failureResultOf(asked, LostConnectionError)
