"""One connection: reading within deadlines, answering whatever happens, and giving up what is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from unittest.mock import patch

from twisted.internet.defer import CancelledError, Deferred

from tests.server.in_memory import DEADLINES, ConnectionTestCase, Transport
from tests.server.talk import COMPILE, SOURCE, request_bytes
from twisted_distcc.content.body import IN_MEMORY, Body, Spool
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_FAILURE,
    EXIT_IO_ERROR,
    EXIT_PROTOCOL_ERROR,
    DistccError,
)
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.access import everyone
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import ALLOWED, Refused
from twisted_distcc.server.connection.server_protocol import DistccServerFactory, DistccServerProtocol
from twisted_distcc.wire.connection import Reader
from twisted_distcc.wire.tokens import encode_header

LARGE = os.urandom(IN_MEMORY + 1)
DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


def made(object_file: bytes = b"object") -> Reply:
    return Reply(0, Body.of(b"warning\n"), Body.of(b"words\n"), Body.of(object_file))


class AnsweringTests(ConnectionTestCase):
    def test_a_request_is_served(self) -> None:
        """The whole request reaches `compile`, its reply the client, and the connection is closed."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        ((request, peer),) = self.compile.asked
        self.assertEqual(request.arguments, tuple(word.encode() for word in COMPILE))
        self.assertEqual((self.compile.sources, str(peer)), ([SOURCE], "tcp:192.0.2.9:4000"))
        self.compile.answers[0].callback(made())
        answer = self.answer(transport)
        self.assertEqual(
            (answer.exit_code, answer.stderr, answer.stdout, answer.object_file),
            (0, "warning\n", b"words\n", b"object"),
        )
        self.assertTrue(transport.disconnecting)
        self.lose(protocol)
        self.assert_nothing_left()

    def test_byte_by_byte(self) -> None:
        """A request that trickles in is the same request."""
        protocol, _ = self.connect()
        for byte in request_bytes():
            protocol.dataReceived(bytes((byte,)))
        self.assertEqual(self.compile.sources, [SOURCE])

    def test_compressed(self) -> None:
        """Version 2 expands the source, and compresses all three bodies of the reply."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes(version=2))
        self.assertEqual(self.compile.sources, [SOURCE])
        self.compile.answers[0].callback(made(bytes(50_000)))
        self.assertEqual(self.answer(transport, version=2).object_file, bytes(50_000))
        self.assertLess(len(transport.value()), 2000)

    def test_large_bodies_lie_on_disk(self) -> None:
        """A large source lies in the spool while the job runs, and is gone with the job."""
        protocol, _ = self.connect()
        protocol.dataReceived(request_bytes(source=LARGE))
        self.assertEqual(self.compile.sources, [LARGE])
        self.assertEqual(len(os.listdir(self.spool)), 1)
        self.assertIsNone(self.compile.asked[0][0].source.data)
        self.compile.answers[0].callback(made())
        self.lose(protocol)
        self.assert_nothing_left()

    def test_bytes_after_the_request_belong_to_nobody(self) -> None:
        """More bytes, with the end of the request or later, change neither job nor reply."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes() + b"more")
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].callback(made())
        self.assertEqual(len(self.compile.asked), 1)
        self.assertEqual(self.answer(transport).object_file, b"object")

    def test_very_many_bytes_with_the_end_of_the_request(self) -> None:
        """However much comes in one piece with the request, the job that began is the only answer."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes(source=LARGE) + bytes(200_000))
        self.assertEqual((len(self.compile.asked), transport.value()), (1, b""))
        self.compile.answers[0].callback(made())
        self.assertEqual(self.answer(transport).object_file, b"object")

    def test_an_error_that_has_a_name_is_answered(self) -> None:
        """What `compile` raises as an error of this project reaches the client as its sentence."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].errback(DistccError("the moon is full"))
        answer = self.answer(transport)
        self.assertEqual((answer.exit_code, answer.stderr), (EXIT_FAILURE, "the moon is full\n"))

    def test_a_full_disk_while_compiling_is_answered(self) -> None:
        """An error of the operating system reaches the client in words."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].errback(DISK_FULL)
        answer = self.answer(transport)
        self.assertEqual(answer.exit_code, EXIT_IO_ERROR)
        self.assertIn("No space left on device", answer.stderr)

    def test_a_bug_is_answered_and_logged(self) -> None:
        """An exception without a name is ours: the client reads so much, the log has the rest."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].errback(ZeroDivisionError("secret"))
        answer = self.answer(transport)
        self.assertEqual(answer.exit_code, EXIT_FAILURE)
        self.assertIn("its log says why", answer.stderr)
        self.assertNotIn("secret", answer.stderr)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.lose(protocol)
        self.assert_nothing_left()

    def test_a_file_that_shrinks_while_it_is_sent(self) -> None:
        """A reply that cannot be sent to its end breaks the connection: nobody takes half for all."""
        reply = self.long_reply()
        path = reply.object_file.path or ""
        os.truncate(path, 400_000)
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].callback(reply)
        while transport.producer is not None:
            transport.producer.resumeProducing()
        self.assertTrue(transport.aborting)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertFalse(os.path.exists(path))

    def test_a_reply_that_finds_no_room_to_be_compressed(self) -> None:
        """A full disk while the reply is compressed is answered with a sentence, compressed too."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes(version=2))
        with patch.object(Spool, "_to_disk", side_effect=DISK_FULL):
            self.compile.answers[0].callback(made(os.urandom(IN_MEMORY * 2)))
        answer = self.answer(transport, version=2)
        self.assertEqual(answer.exit_code, EXIT_IO_ERROR)
        self.assertIn("No space left on device", answer.stderr)
        self.assertTrue(transport.disconnecting)

    def test_a_body_that_is_not_lzo(self) -> None:
        """A compressed request whose body is none is answered, and is nobody's job."""
        protocol, transport = self.connect()
        whole = request_bytes(version=2, source=LARGE[:100])
        protocol.dataReceived(whole[:-50] + b"\xff" * 50)
        answer = self.answer(transport, version=2)
        self.assertEqual((answer.exit_code, self.compile.asked), (EXIT_PROTOCOL_ERROR, []))
        self.assertIn("not LZO1X", answer.stderr)


class RefusingTests(ConnectionTestCase):
    def test_an_address_that_is_not_allowed(self) -> None:
        """The reason is sent as soon as the version is known, and the request is not even read."""
        self.verdict = Refused(("who are you",), EXIT_ACCESS_DENIED)
        protocol, transport = self.connect()
        request = request_bytes(source=LARGE)
        protocol.dataReceived(request[:11])
        self.assertEqual(transport.value(), b"")
        protocol.dataReceived(request[11:12])
        with patch.object(Reader, "feed", side_effect=AssertionError("it is read")):
            protocol.dataReceived(request[12:])
        answer = self.answer(transport)
        self.assertEqual((answer.exit_code, answer.stderr), (EXIT_ACCESS_DENIED, "who are you\n"))
        self.assertEqual((self.compile.asked, os.listdir(self.spool)), ([], []))

    def test_a_full_disk_while_receiving(self) -> None:
        """With no room for its source, the rest of a request is read, and the reason answered."""
        protocol, transport = self.connect()
        request = request_bytes(source=LARGE * 3)
        with patch.object(Spool, "_to_disk", side_effect=DISK_FULL):
            protocol.dataReceived(request[:IN_MEMORY])
            protocol.dataReceived(request[IN_MEMORY : 2 * IN_MEMORY])
        protocol.dataReceived(request[2 * IN_MEMORY :])
        answer = self.answer(transport)
        self.assertEqual((answer.exit_code, self.compile.asked), (EXIT_IO_ERROR, []))
        self.assertIn("No space left on device", answer.stderr)
        self.lose(protocol)
        self.assert_nothing_left()

    def test_a_full_disk_at_the_last_byte(self) -> None:
        """A spool that cannot be closed is a full disk as well."""
        protocol, transport = self.connect()
        with patch.object(Spool, "finish", side_effect=DISK_FULL):
            protocol.dataReceived(request_bytes(source=LARGE))
        self.assertEqual(self.answer(transport).exit_code, EXIT_IO_ERROR)
        self.lose(protocol)
        self.assert_nothing_left()


class BrokenProtocolTests(ConnectionTestCase):
    def broken(self, source: bytes = SOURCE) -> tuple[DistccServerProtocol, Transport]:
        """Send a request that stops making sense after its command."""
        protocol, transport = self.connect()
        good, _, _ = request_bytes(source=source).partition(b"DOTI")
        protocol.dataReceived(good + encode_header(b"SERR", 0))
        return protocol, transport

    def test_it_is_answered(self) -> None:
        """A client that breaks the protocol in the middle reads what the server expected."""
        _, transport = self.broken()
        answer = self.answer(transport)
        self.assertEqual((answer.exit_code, self.compile.asked), (EXIT_PROTOCOL_ERROR, []))
        self.assertIn("this server: ", answer.stderr)
        self.assertIn("SERR", answer.stderr)

    def test_the_close_lingers(self) -> None:
        """Only the sending half is closed, so that no reset takes the answer away; then time is up."""
        protocol, transport = self.broken()
        self.assertEqual((transport.write_closed, transport.disconnecting), (True, False))
        protocol.dataReceived(b"what the client still had to say")
        self.clock.advance(9.9)
        self.assertFalse(transport.aborting)
        self.clock.advance(0.2)
        self.assertTrue(transport.aborting)

    def test_a_client_that_goes_ends_the_lingering(self) -> None:
        """When the client has read the answer and goes, nothing is left."""
        protocol, _ = self.broken()
        self.lose(protocol)
        self.assert_nothing_left()

    def test_a_body_beyond_its_ceiling(self) -> None:
        """A length over the ceiling is answered before a byte of the body is read."""
        protocol, transport = self.connect()
        good, _, _ = request_bytes().partition(b"DOTI")
        protocol.dataReceived(good + encode_header(b"DOTI", 4_000_001))
        self.assertIn("4000001", self.answer(transport).stderr)

    def test_a_stranger_is_not_answered(self) -> None:
        """Whoever does not begin with the protocol gets no word of it, and no time."""
        protocol, transport = self.connect()
        protocol.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual((transport.value(), transport.aborting), (b"", True))


class DeadlineTests(ConnectionTestCase):
    def test_silence(self) -> None:
        """A client that says nothing is given up after the idle deadline."""
        _, transport = self.connect()
        self.clock.advance(DEADLINES.idle - 1)
        self.assertFalse(transport.aborting)
        self.clock.advance(1)
        self.assertTrue(transport.aborting)

    def test_silence_is_counted_from_the_last_byte(self) -> None:
        """Each piece gives the client the whole idle deadline again."""
        protocol, transport = self.connect()
        request = request_bytes()
        for position in range(3):
            self.clock.advance(DEADLINES.idle - 1)
            protocol.dataReceived(request[position : position + 1])
        self.assertFalse(transport.aborting)
        self.clock.advance(DEADLINES.idle)
        self.assertTrue(transport.aborting)

    def test_one_byte_a_second_does_not_hold_a_connection(self) -> None:
        """However busy the client is, the whole request has a deadline of its own."""
        protocol, transport = self.connect()
        request = request_bytes(source=bytes(10_000))
        for position in range(int(DEADLINES.receive) - 1):
            self.clock.advance(1)
            protocol.dataReceived(request[position : position + 1])
        self.assertFalse(transport.aborting)
        self.clock.advance(1)
        self.assertTrue(transport.aborting)

    def test_a_job_has_no_reading_deadline(self) -> None:
        """Once the request is whole, waiting is not the client's fault."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.clock.advance(DEADLINES.receive * 100)
        self.assertFalse(transport.aborting)

    def replying(self) -> tuple[DistccServerProtocol, Transport, Reply]:
        """Let a client take the first piece of a long reply."""
        reply = self.long_reply()
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].callback(reply)
        return protocol, transport, reply

    def assert_given_up(
        self, protocol: DistccServerProtocol, transport: Transport, reply: Reply
    ) -> None:
        """The connection is cut, and the reply's file is gone with it."""
        self.assertTrue(transport.aborting)
        self.lose(protocol)
        self.assertFalse(os.path.exists(reply.object_file.path or ""))
        self.assert_nothing_left()

    def test_a_client_that_does_not_take_its_reply(self) -> None:
        """A reply of which nothing is taken within the idle deadline is given up."""
        protocol, transport, reply = self.replying()
        self.clock.advance(DEADLINES.idle - 1)
        self.assertFalse(transport.aborting)
        self.clock.advance(1)
        self.assert_given_up(protocol, transport, reply)

    def test_a_client_that_takes_its_reply_slowly(self) -> None:
        """Each piece that is taken gives a client the whole idle deadline again."""
        protocol, transport, reply = self.replying()
        for _ in range(2):
            self.clock.advance(DEADLINES.idle - 1)
            assert transport.producer is not None
            transport.producer.resumeProducing()
        self.assertFalse(transport.aborting)
        self.clock.advance(DEADLINES.idle)
        self.assert_given_up(protocol, transport, reply)

    def test_a_reply_as_a_whole_has_a_deadline(self) -> None:
        """A client that takes a piece every now and then is given up all the same."""
        self.factory.deadlines = replace(DEADLINES, idle=DEADLINES.send)
        protocol, transport, reply = self.replying()
        self.clock.advance(DEADLINES.send - 1)
        assert transport.producer is not None
        transport.producer.resumeProducing()
        self.assertFalse(transport.aborting)
        self.clock.advance(1)
        self.assert_given_up(protocol, transport, reply)

    def test_a_client_that_does_not_close(self) -> None:
        """A client that has its reply and stays is cut off by the idle deadline."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.compile.answers[0].callback(made())
        self.assertFalse(transport.aborting)
        self.clock.advance(DEADLINES.idle)
        self.assertTrue(transport.aborting)


class LosingTests(ConnectionTestCase):
    def test_a_client_that_goes_while_its_job_runs(self) -> None:
        """The job is cancelled, nothing is sent, logged as a fault, timed or left."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes(source=LARGE))
        self.lose(protocol)
        self.assertEqual(self.compile.cancelled, [self.compile.asked[0][0]])
        self.assertEqual((transport.value(), self.flushLoggedErrors()), (b"", []))
        self.assert_nothing_left()

    def test_a_client_that_goes_in_the_middle_of_its_request(self) -> None:
        """What came of the request is given up."""
        protocol, _ = self.connect()
        protocol.dataReceived(request_bytes(source=LARGE * 2)[:-1])
        self.assertEqual(len(os.listdir(self.spool)), 1)
        self.lose(protocol)
        self.assert_nothing_left()

    def test_a_client_that_goes_in_the_middle_of_its_reply(self) -> None:
        """The rest of the reply is given up."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        reply = self.long_reply()
        self.compile.answers[0].callback(reply)
        assert transport.producer is not None
        transport.producer.resumeProducing()
        transport.producer.stopProducing()
        self.lose(protocol)
        self.assertFalse(os.path.exists(reply.object_file.path or ""))
        self.assert_nothing_left()


class RetiringTests(ConnectionTestCase):
    """Clients that are welcome no more."""

    def test_who_waits(self) -> None:
        """Neither who has not said all nor who waits in line is served."""
        for length in (-1, None):
            protocol, transport = self.connect()
            protocol.dataReceived(request_bytes()[:length])
            protocol.retire()
            self.assertTrue(transport.aborting)
            self.lose(protocol)
        self.assert_nothing_left()

    def test_who_has_a_seat(self) -> None:
        """A job that runs is finished, and its reply is sent."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        seat = self.admission.seat(protocol.peer)
        leave = self.successResultOf(Deferred.fromCoroutine(seat.__aenter__()))
        protocol.retire()
        leave()
        self.assertEqual(self.admission.running, 0)
        protocol.retire()
        self.assertFalse(transport.aborting)
        self.successResultOf(Deferred.fromCoroutine(_leave(seat)))
        self.compile.answers[0].callback(self.long_reply())
        protocol.retire()
        self.assertFalse(transport.aborting)
        self.lose(protocol)


async def _leave(seat: AbstractAsyncContextManager[Callable[[], None]]) -> None:
    await seat.__aexit__(None, None, None)


class CrowdTests(ConnectionTestCase):
    def sit(self, until: Deferred[None]) -> Deferred[None]:
        """Take the only seat for the client's identity, or wait for it, and hold it."""

        async def job() -> None:
            async with self.admission.seat(Peer("tcp:192.0.2.9")):
                await until

        return Deferred.fromCoroutine(job())

    def test_reading_stands_still_and_goes_on(self) -> None:
        """In a crowd a connection is not read from, nor counted as silent; afterwards it is both."""
        end: Deferred[None] = Deferred()
        self.addCleanup(end.callback, None)
        self.sit(end)
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes()[:5])
        waiting = self.sit(end)
        self.assertEqual(transport.producerState, "paused")
        self.clock.advance(DEADLINES.receive * 2)
        self.assertFalse(transport.aborting)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(transport.producerState, "producing")
        self.clock.advance(DEADLINES.idle)
        self.assertTrue(transport.aborting)


class EndingTests(ConnectionTestCase):
    def test_drained_without_connections(self) -> None:
        """A server that serves nobody is drained."""
        self.successResultOf(self.factory.drained())

    def test_drained_waits_for_the_running_job(self) -> None:
        """A job comes to its end, reply and all, before the server is drained."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes())
        self.factory.give_up_reading()
        drained = self.factory.drained()
        self.assertFalse(transport.aborting)
        self.compile.answers[0].callback(made())
        self.assertEqual(self.answer(transport).object_file, b"object")
        self.assertNoResult(drained)
        self.lose(protocol)
        self.successResultOf(drained)

    def test_drained_waits_for_a_job_that_is_being_cancelled(self) -> None:
        """A connection that is gone counts until its job has let go of everything."""
        stubborn: Deferred[Reply] = Deferred()

        async def compile(request: Request, peer: Peer) -> Reply:
            try:
                return await Deferred()
            finally:
                await stubborn

        self.factory.compile = compile
        protocol, _ = self.connect()
        protocol.dataReceived(request_bytes())
        self.lose(protocol)
        drained = self.factory.drained()
        self.assertNoResult(drained)
        stubborn.callback(made())
        self.successResultOf(drained)

    def test_requests_that_are_not_whole_are_given_up(self) -> None:
        """A server that ends waits for nobody's request, and does not wait in vain."""
        protocol, transport = self.connect()
        protocol.dataReceived(request_bytes()[:-1])
        self.factory.give_up_reading()
        self.assertTrue(transport.aborting)
        self.lose(protocol)
        self.successResultOf(self.factory.drained())


class AdmitTests(ConnectionTestCase):
    def test_nobody_said(self) -> None:
        """Who does not say who may send requests is warned, and lets everyone in."""
        with self.assertWarnsRegex(DeprecationWarning, "admit=everyone"):
            factory = DistccServerFactory(self.compile, self.clock, self.factory.bulk)
        self.assertIs(factory.admit, everyone)
        self.assertEqual(everyone(Peer("tcp:192.0.2.1")), ALLOWED)
