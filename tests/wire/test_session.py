"""A session as its caller has it: both ends back to back."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.session_samples import (
    CLIENT,
    CLIENT_GREETING,
    KNOW,
    SERVER,
    SERVER_GREETING,
    carry,
    client_alone,
    data,
    heard,
    joined,
    met,
    number,
    said,
    server_alone,
    token,
)
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import Away, Data, Greeted, Needed, Refused, Stopped
from twisted_distcc.wire.tokens import LARGEST

DIGESTS: Final = [bytes([i]) * 32 for i in range(200)]


class GreetingTests(SynchronousTestCase):
    """How a session begins."""

    def test_both(self) -> None:
        """Each end learns what the other says of itself; a server waits for the client."""
        client, server = Session.client(CLIENT), Session.server(SERVER)
        self.assertEqual(said(server), b"")
        self.assertEqual(said(client), CLIENT_GREETING)
        self.assertEqual(heard(server, CLIENT_GREETING), [Greeted(CLIENT)])
        self.assertEqual(said(server), SERVER_GREETING)
        self.assertEqual(heard(client, SERVER_GREETING), [Greeted(SERVER)])
        self.assertEqual((client.peer, server.peer), (SERVER, CLIENT))
        self.assertEqual((said(client), said(server)), (b"", b""))
        self.assertEqual(client.heard, len(SERVER_GREETING))

    def test_byte_by_byte(self) -> None:
        """The greeting is heard at its last byte, and what follows it is not lost."""
        server = Session.server(SERVER)
        for i in range(len(CLIENT_GREETING) - 1):
            self.assertEqual(heard(server, CLIENT_GREETING[i : i + 1]), [])
        last = CLIENT_GREETING[-1:]
        self.assertEqual(heard(server, last + data(1, b"job")), [Greeted(CLIENT), Data(1, b"job")])

    def test_large_trailing(self) -> None:
        """However much follows the greeting in one piece, it is taken."""
        server = Session.server(Terms(window=1 << 24, jobs=1, know=KNOW))
        events = heard(server, CLIENT_GREETING + data(1, b"x" * 60000) * 20)
        self.assertEqual(len(joined(events)[1]), 1_200_000)

    def test_before_the_greeting(self) -> None:
        """A client that has not heard the server sends one stream, and the least of frame and window."""
        client = Session.client(CLIENT)
        stream = client.open()
        client.send(stream, b"x" * 9000)
        self.assertFalse(client.may_open)
        self.assertRaises(LocalProtocolError, client.open)
        sent = CLIENT_GREETING + data(1, b"x" * 4092) + data(1, b"x" * 4)
        self.assertEqual((said(client), client.queued(1)), (sent, 4904))
        self.assertEqual(heard(client, SERVER_GREETING), [Greeted(SERVER)])
        self.assertEqual(said(client), data(1, b"x" * 4904))
        self.assertTrue(client.may_open)

    def test_refused(self) -> None:
        """A server that refuses says why, and nothing else; the client is told once."""
        client, server = Session.client(CLIENT), Session.server(SERVER)
        client.send(client.open(), b"job")
        carry(client, server)
        server.refuse(113 << 8, "not you\N{BELL}\x1b")
        self.assertEqual(carry(server, client), [Refused(113 << 8, "not you\N{BELL}\\x1b")])
        for end in (client, server):
            end.ping(bytes(8))
            end.away("")
            self.assertEqual((heard(end, b"rubbish"), said(end), end.open_streams), ([], b"", 0))
            self.assertRaises(LocalProtocolError, end.open)
            self.assertRaises(LocalProtocolError, end.send, 1, b"x")

    def test_refused_at_once(self) -> None:
        """A server may refuse whoever it is, before it has heard a word."""
        client, server = Session.client(CLIENT), Session.server(SERVER)
        server.refuse(256, "full")
        self.assertEqual(carry(server, client), [Refused(256, "full")])

    def test_refused_while_it_is_told(self) -> None:
        """What came with the greeting of a client that is refused is not told any more."""
        server = Session.server(SERVER)
        server.feed(CLIENT_GREETING + data(1, b"job"))
        events = []
        for event in server.events():
            events.append(event)
            server.refuse(256, "no")
        self.assertEqual(events, [Greeted(CLIENT)])

    def test_refused_before_it_is_heard(self) -> None:
        """A greeting that came and was not asked for is not told after a refusal."""
        server = Session.server(SERVER)
        server.feed(CLIENT_GREETING)
        server.refuse(256, "no")
        self.assertEqual(heard(server), [])

    def test_no_refusal(self) -> None:
        """Only a server refuses, before it greets, and with the status of a failure."""
        self.assertRaises(LocalProtocolError, Session.client(CLIENT).refuse, 256, "no")
        self.assertRaises(LocalProtocolError, server_alone().refuse, 256, "no")
        self.assertRaises(LocalProtocolError, Session.server(SERVER).refuse, 0, "no")

    def test_own_terms(self) -> None:
        """Terms that the protocol does not allow are our own fault."""
        for wrong in (Terms(frame=4095), Terms(window=4095), Terms(window=(1 << 24) + 1)):
            self.assertRaises(LocalProtocolError, Session.client, wrong)
        for wrong in (Terms(jobs=0, know=KNOW), Terms(jobs=1), Terms(jobs=65537, know=KNOW)):
            self.assertRaises(LocalProtocolError, Session.server, wrong)


class ExchangeTests(SynchronousTestCase):
    """What goes over a session of two honest ends."""

    def test_job(self) -> None:
        """A job goes one way and its result the other, and then the stream is forgotten."""
        client, server = met()
        stream = client.open()
        client.send(stream, b"job")
        client.finish(stream)
        self.assertEqual(carry(client, server), [Data(1, b"job")])
        server.consumed(1, 3)
        server.send(1, b"result")
        server.finish(1)
        server.close(1)
        self.assertEqual(carry(server, client), [Data(1, b"result")])
        client.close(1)
        self.assertEqual((client.open_streams, server.open_streams), (0, 0))

    def test_upload(self) -> None:
        """An upload is closed by both ends when it is whole, and makes room for the next stream."""
        client, server = met(server=Terms(jobs=1, know=KNOW))
        for stream in range(1, 5):
            self.assertEqual(client.open(), stream)
            client.send(stream, b"blobs")
            client.finish(stream)
            client.close(stream)
            self.assertEqual((client.open_streams, client.may_open), (1, False))
            self.assertEqual(carry(client, server), [Data(stream, b"blobs")])
            server.close(stream)
            self.assertEqual((client.open_streams, client.may_open), (0, True))

    def test_many_pieces(self) -> None:
        """A message is the same bytes, however it was queued and whatever goes at a time."""
        message = bytes(range(256)) * 30
        for size in (1, 7, 5000, len(message)):
            for most in (1, 100, 5000, 65536):
                client, server = met()
                client.open()
                for start in range(0, len(message), size):
                    client.send(1, message[start : start + size])
                client.send(1, b"")
                self.assertEqual(client.queued(1), len(message))
                self.assertEqual(joined(carry(client, server, most)), {1: message})
                self.assertEqual(client.queued(1), 0)

    def test_most(self) -> None:
        """What goes at a time is about what was asked for."""
        client, _ = met(server=Terms(frame=1 << 20, window=1 << 24, jobs=1, know=KNOW))
        client.send(client.open(), b"x" * (1 << 20))
        for most in (1, 4096, 65536, 100_000):
            self.assertLess(len(client.outgoing(most)), most + 4096 + 17)
            self.assertGreaterEqual(len(client.outgoing(most)), most)
        self.assertEqual(client.outgoing(0), b"")

    def test_need(self) -> None:
        """Digests are asked for in as few frames as the client takes, in order."""
        client, server = met(client=Terms(frame=4096))
        client.send(client.open(), b"job")
        carry(client, server)
        server.need(1, DIGESTS)
        halves = [Needed(1, tuple(DIGESTS[:127])), Needed(1, tuple(DIGESTS[127:]))]
        self.assertEqual(carry(server, client), halves)
        server.need(1, [])
        self.assertEqual(carry(server, client), [])

    def test_stop(self) -> None:
        """Either end ends a stream, with what is queued."""
        for stops_first in (0, 1):
            ends = met()
            ends[0].send(ends[0].open(), b"x" * 20000)
            carry(*ends)
            ends[1].send(1, b"y" * 20000)
            stopping, stopped = ends[stops_first], ends[1 - stops_first]
            stopping.stop(1, 101, "no")
            stopping.stop(1, 102, "again")
            self.assertEqual(carry(stopping, stopped), [Stopped(1, 101, "no")])
            self.assertEqual((said(stopped), *(end.open_streams for end in ends)), (b"", 0, 0))

    def test_stop_before_it_began(self) -> None:
        """A stream of which the peer does not know is forgotten without a word, and the next goes on."""
        client, server = met()
        for _ in range(3):
            client.open()
        client.send(2, b"two")
        client.send(3, b"three")
        self.assertEqual(said(client), b"")
        client.stop(1, 0, "no")
        client.stop(2, 0, "no")
        self.assertEqual(carry(client, server), [Data(3, b"three")])
        self.assertEqual(client.open_streams, 1)

    def test_order_of_opening(self) -> None:
        """Streams begin in the order of their numbers, whichever has something to send first."""
        client, server = met()
        for _ in range(3):
            client.open()
        client.send(3, b"three")
        client.send(2, b"two")
        self.assertEqual(carry(client, server), [])
        client.send(1, b"one")
        expected = [Data(1, b"one"), Data(2, b"two"), Data(3, b"three")]
        self.assertEqual(carry(client, server), expected)

    def test_crossing_stops(self) -> None:
        """When both ends stop a stream neither is told, for both know."""
        client, server = met()
        client.send(client.open(), b"job")
        carry(client, server)
        client.stop(1, 0, "enough")
        server.stop(1, 0, "leaving")
        to_server, to_client = said(client), said(server)
        self.assertEqual((heard(server, to_server), heard(client, to_client)), ([], []))

    def test_crossing_stop_that_waits(self) -> None:
        """A stop that has yet to go is pointless when the peer's comes."""
        client, server = met()
        client.send(client.open(), b"job")
        carry(client, server)
        server.stop(1, 0, "leaving")
        client.stop(1, 0, "enough")
        self.assertEqual((carry(client, server), said(server)), ([], b""))

    def test_late_frames(self) -> None:
        """What was on its way when a stream was closed is passed over."""
        client, server = met()
        client.send(client.open(), b"job" * 3000)
        carry(client, server)
        client.send(1, b"more")
        server.consumed(1, 9000)
        server.need(1, DIGESTS[:1])
        server.send(1, b"result")
        to_server, to_client = said(client), said(server)
        server.stop(1, 101, "no")
        client.stop(1, 0, "no")
        self.assertEqual((heard(server, to_server), heard(client, to_client)), ([], []))
        self.assertEqual((carry(client, server), carry(server, client)), ([], []))
        self.assertEqual((heard(server, to_server), heard(client, to_client)), ([], []))

    def test_nothing_after_a_stop(self) -> None:
        """A stream that was stopped may be closed and dealt with; what goes is still the stop alone."""
        client, server = met()
        client.send(client.open(), b"x" * 10000)
        carry(client, server)
        server.send(1, b"result")
        server.stop(1, 101, "no")
        server.consumed(1, 10000)
        server.close(1)
        self.assertEqual(said(server), token(b"STOP", number(1, 101) + b"no"))

    def test_no_grant_after_the_end(self) -> None:
        """A stream that was closed, and sends the rest, takes nothing more."""
        client, server = met()
        client.send(client.open(), b"x" * 10000)
        carry(client, server)
        server.send(1, b"result")
        server.close(1)
        server.consumed(1, 10000)
        self.assertEqual(said(server), data(1, b"result"))

    def test_stopped_while_the_rest_goes(self) -> None:
        """A client learns that its upload was refused, even when it has nothing more to say."""
        client, server = met()
        client.send(client.open(), b"x" * 20000)
        client.close(1)
        carry(client, server)
        server.stop(1, 107, "disk full")
        self.assertEqual(carry(server, client), [Stopped(1, 107, "disk full")])
        self.assertEqual(client.open_streams, 0)

    def test_result_that_waits(self) -> None:
        """A stream that was closed sends what is queued, as its window allows, and is then forgotten."""
        client, server = met()
        client.send(client.open(), b"job")
        carry(client, server)
        server.send(1, b"r" * 40000)
        server.close(1)
        got = 0
        while events := carry(server, client):
            pieces = [len(event.data) for event in events if isinstance(event, Data)]
            got += sum(pieces)
            client.consumed(1, sum(pieces))
            self.assertEqual(carry(client, server), [])
        self.assertEqual((got, server.open_streams), (40000, 0))

    def test_ping(self) -> None:
        """A question is answered with the same bytes, before any data, and neither is an event."""
        client, server = met()
        server.ping(b"12345678")
        self.assertEqual((carry(server, client), client.open_streams), ([], 0))
        client.send(client.open(), b"job")
        answer = said(client)
        self.assertEqual(answer, token(b"PONG", b"12345678") + data(1, b"job"))
        before = server.heard
        self.assertEqual(heard(server, answer), [Data(1, b"job")])
        self.assertEqual(server.heard, before + len(answer))
        self.assertRaises(LocalProtocolError, client.ping, b"1234567")

    def test_texts(self) -> None:
        """A text is cut at its ceiling, between characters, and shown without commands to a terminal."""
        client, server = met()
        server.away("\N{EURO SIGN}" * 400 + "\x1b[2J")
        self.assertEqual(carry(server, client), [Away("\N{EURO SIGN}" * 341)])
        client, server = met()
        server.away("a\n\x1b[2J\udcff")
        self.assertEqual(carry(server, client), [Away("a\\n\\x1b[2J\\udcff")])


class AwayTests(SynchronousTestCase):
    """Ends that go away."""

    def test_server(self) -> None:
        """A server that goes away serves what is open, and stops what is opened before it is known."""
        client, server = met()
        client.send(client.open(), b"old")
        carry(client, server)
        server.away("restart")
        server.away("twice")
        client.send(client.open(), b"new")
        client.open()
        self.assertEqual(carry(client, server), [])
        leaving = [Away("restart"), Stopped(3, 0, "restart"), Stopped(2, 0, "restart")]
        self.assertEqual(carry(server, client), leaving)
        self.assertRaises(LocalProtocolError, client.open)
        server.send(1, b"result")
        self.assertEqual(carry(server, client), [Data(1, b"result")])
        self.assertEqual((client.open_streams, server.open_streams), (1, 1))

    def test_client(self) -> None:
        """A client that goes away first sends what it has opened."""
        client, server = met()
        client.open()
        client.away("idle")
        self.assertEqual(said(client), b"")
        self.assertRaises(LocalProtocolError, client.open)
        client.send(1, b"job")
        self.assertEqual(carry(client, server), [Data(1, b"job"), Away("idle")])
        server.send(1, b"result")
        self.assertEqual(carry(server, client), [Data(1, b"result")])


class WindowTests(SynchronousTestCase):
    """How much goes before it is dealt with."""

    def test_held(self) -> None:
        """A sender stops at the window, and goes on by as much as was granted."""
        client, server = met()
        client.send(client.open(), b"x" * 50000)
        self.assertEqual(len(joined(carry(client, server))[1]), SERVER.window)
        self.assertEqual(client.queued(1), 40000)
        server.consumed(1, 4999)
        self.assertEqual(said(server), b"")
        server.consumed(1, 1)
        granted = said(server)
        self.assertEqual(granted, token(b"WIND", number(1, 5000)))
        self.assertEqual(heard(client, granted), [])
        self.assertEqual(joined(carry(client, server)), {1: b"x" * 5000})

    def test_grants_wait_for_the_wire(self) -> None:
        """There is room only when the peer can know of it; grants that wait become one."""
        client, server = met()
        client.send(client.open(), b"x" * 10000)
        carry(client, server)
        server.consumed(1, 5000)
        server.consumed(1, 5000)
        self.assertEqual(said(server), token(b"WIND", number(1, 10000)))

    def test_no_room_before_the_grant_goes(self) -> None:
        """A peer that goes on before it was granted anything breaks the protocol."""
        server = server_alone()
        heard(server, data(1, bytes(4996)), data(1, bytes(4996)), data(1, bytes(8)))
        server.consumed(1, 10000)
        server.feed(data(1, b"x"))
        self.assertRaises(RemoteProtocolError, list, server.events())

    def test_all_of_it(self) -> None:
        """A large message goes through a small window, both ways at once."""
        client, server = met()
        client.send(client.open(), b"x" * 300_000)
        got = {client: 0, server: 0}
        moved = [(server, carry(client, server))]
        server.send(1, b"y" * 300_000)
        for _ in range(100):
            for end, events in moved:
                length = len(joined(events).get(1, b""))
                end.consumed(1, length)
                got[end] += length
            moved = [(server, carry(client, server)), (client, carry(server, client))]
        self.assertEqual([*got.values()], [300_000, 300_000])

    def test_progress(self) -> None:
        """A stream without a window moves when it gets one; one with a window, when any stream does."""
        client, server = met()
        for _ in range(2):
            client.send(client.open(), b"x" * 12000)
        self.assertEqual(client.sending, [1, 2])
        waiting = client.progress(2)
        server.feed(client.outgoing(1))
        self.assertNotEqual(client.progress(2), waiting)
        carry(client, server)
        self.assertEqual(client.gone, 20000)
        stuck = client.progress(2)
        server.consumed(1, 10000)
        carry(server, client)
        self.assertEqual(joined(carry(client, server)), {1: b"x" * 2000})
        self.assertEqual((client.sending, client.progress(2)), ([2], stuck))
        server.consumed(2, 10000)
        carry(server, client)
        self.assertNotEqual(client.progress(2), stuck)
        self.assertEqual(client.progress(99), 0)

    def test_consumed(self) -> None:
        """Nobody deals with more than came; for a stream that is gone it does not matter."""
        client, server = met()
        client.send(client.open(), b"job")
        carry(client, server)
        self.assertRaises(LocalProtocolError, server.consumed, 1, 4)
        server.consumed(1, 2)
        self.assertRaises(LocalProtocolError, server.consumed, 1, 2)
        server.close(1)
        server.consumed(1, 1000)
        server.consumed(99, 1000)


class FairnessTests(SynchronousTestCase):
    """No stream holds another up."""

    def test_turns(self) -> None:
        """After one frame of a large stream come those of all others, call after call."""
        client, _ = met(server=Terms(frame=65536, window=1 << 24, jobs=100, know=KNOW))
        client.send(client.open(), b"x" * 10_000_000)
        self.assertEqual(client.outgoing(1)[12:16], number(1))
        for _ in range(50):
            client.send(client.open(), b"small")
        turns = [client.outgoing(1) for _ in range(102)]
        order = [int.from_bytes(turn[12:16], "big") for turn in turns]
        self.assertEqual(order, [1, *range(2, 52), *[1] * 51])

    def test_new_ones_come_soon(self) -> None:
        """A stream that has something to say waits for one frame of each other."""
        client, _ = met(server=Terms(window=1 << 24, jobs=100, know=KNOW))
        for _ in range(3):
            client.send(client.open(), b"x" * 1_000_000)
        client.outgoing(1)
        client.send(client.open(), b"small")
        order = [client.outgoing(1)[12:16] for _ in range(7)]
        self.assertEqual(order, [*map(number, (2, 3, 1, 4, 2, 3, 1))])

    def test_control_first(self) -> None:
        """Windows, questions and stops do not wait for data."""
        client, server = met()
        for _ in range(3):
            client.send(client.open(), b"x" * 9000)
        carry(client, server)
        for stream in (1, 2, 3):
            server.send(stream, b"y" * 100)
        server.need(2, DIGESTS[:1])
        server.consumed(1, 9000)
        server.stop(3, 101, "no")
        server.ping(bytes(8))
        server.away("soon")
        names = [name for name, _ in _tokens(said(server))]
        self.assertEqual(names, [b"PING", b"AWAY", b"NEED", b"WIND", b"STOP", b"DATA", b"DATA"])

    def test_blocked_ones_are_skipped(self) -> None:
        """A stream without a window takes no turn, and comes back with a new one."""
        client, server = met()
        client.send(client.open(), b"x" * 30000)
        carry(client, server)
        client.send(client.open(), b"small")
        self.assertEqual(carry(client, server), [Data(2, b"small")])
        server.consumed(1, 10000)
        carry(server, client)
        self.assertEqual(joined(carry(client, server)), {1: b"x" * 10000})


def _tokens(wire: bytes) -> list[tuple[bytes, bytes]]:
    tokens = []
    while wire:
        end = 12 + int(wire[4:12], 16)
        tokens.append((wire[:4], wire[12:end]))
        wire = wire[end:]
    return tokens


class MisuseTests(SynchronousTestCase):
    """What a caller must not do."""

    def test_send(self) -> None:
        """Nothing is sent on a stream that is not open, or after the end of the message."""
        client, server = met()
        for end in (client, server):
            for call in (end.finish, lambda number, end=end: end.send(number, b"x")):
                error = self.assertRaises(LocalProtocolError, call, 1)
                self.assertEqual(str(error), "stream 1 is not open")
        client.send(client.open(), b"job")
        client.finish(1)
        client.finish(1)
        error = self.assertRaises(LocalProtocolError, client.send, 1, b"x")
        self.assertEqual(str(error), "the message on stream 1 was finished")
        carry(client, server)
        server.stop(1, 0, "no")
        for call in (lambda: server.send(1, b"x"), lambda: server.need(1, DIGESTS)):
            error = self.assertRaises(LocalProtocolError, call)
            self.assertEqual(str(error), "stream 1 is not open")

    def test_gone(self) -> None:
        """Closing and stopping what is gone, and asking what it has queued, is no error."""
        client, _ = met()
        client.close(7)
        client.stop(7, 0, "")
        self.assertEqual(client.queued(7), 0)
        client.open()
        client.close(1)
        self.assertEqual((client.open_streams, said(client)), (0, b""))

    def test_need(self) -> None:
        """Clients ask for nothing, and servers for digests alone."""
        client, server = met()
        client.send(client.open(), b"job")
        carry(client, server)
        self.assertRaises(LocalProtocolError, client.need, 1, DIGESTS)
        self.assertRaises(LocalProtocolError, server.need, 1, [b"short"])

    def test_open(self) -> None:
        """As many streams as the server allows, and none by a server."""
        client, server = met()
        for _ in range(SERVER.jobs):
            client.open()
        error = self.assertRaises(LocalProtocolError, client.open)
        self.assertEqual(str(error), "no stream may be opened now; 4 are open")
        self.assertRaises(LocalProtocolError, server.open)

    def test_numbers_run_out(self) -> None:
        """The largest number is the last."""
        client = client_alone()
        client._last = LARGEST - 1
        client.send(client.open(), b"x")
        self.assertEqual(said(client), data(LARGEST, b"x"))
        self.assertFalse(client.may_open)
