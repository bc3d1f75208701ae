"""A session: both ends back to back, and each against a peer that breaks the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import (
    Away,
    Data,
    Greeted,
    Needed,
    Refused,
    SessionEvent,
    Stopped,
)
from twisted_distcc.wire.tokens import encode_header

KNOW: Final = b"0123456789abcdef"
CLIENT: Final = Terms(frame=8192, window=16384, name="client 1")
SERVER: Final = Terms(frame=5000, window=10000, jobs=4, know=KNOW, name="server 2")
CLIENT_GREETING: Final = b"DIST00000004FRAM00002000WIND00004000SERV00000008client 1"
SERVER_GREETING: Final = (
    b"DONE00000004STAT00000000SERR00000000FRAM00001388WIND00002710JOBS00000004"
    b"KNOW000000100123456789abcdefSERV00000008server 2"
)


def number(*values: int) -> bytes:
    """Return numbers of four bytes each."""
    return b"".join(value.to_bytes(4, "big") for value in values)


def token(name: bytes, payload: bytes) -> bytes:
    """Return a frame."""
    return encode_header(name, len(payload)) + payload


def data(stream: int, piece: bytes) -> bytes:
    """Return a frame of data."""
    return token(b"DATA", number(stream) + piece)


def carry(sender: Session, receiver: Session, most: int = 65536) -> list[SessionEvent]:
    """Bring all that may go now from one end to the other; return what it means there."""
    events: list[SessionEvent] = []
    while piece := sender.outgoing(most):
        receiver.feed(piece)
        events += receiver.events()
    return events


def said(session: Session) -> bytes:
    """Return all that a session has to send now."""
    return b"".join(iter(lambda: session.outgoing(65536), b""))


def heard(session: Session, *pieces: bytes) -> list[SessionEvent]:
    """Feed a session; return the events."""
    for piece in pieces:
        session.feed(piece)
    return [*session.events()]


def met(client: Terms = CLIENT, server: Terms = SERVER) -> tuple[Session, Session]:
    """Return two ends that have greeted each other."""
    ends = Session.client(client), Session.server(server)
    carry(*ends)
    carry(*reversed(ends))
    return ends


def client_alone() -> Session:
    """Return a client whose server is the test."""
    session = Session.client(CLIENT)
    said(session)
    heard(session, SERVER_GREETING)
    return session


def server_alone() -> Session:
    """Return a server whose client is the test."""
    session = Session.server(SERVER)
    heard(session, CLIENT_GREETING)
    said(session)
    return session


def joined(events: Iterable[SessionEvent]) -> dict[int, bytes]:
    """Return what came on each stream."""
    streams: dict[int, bytes] = {}
    for event in events:
        if isinstance(event, Data):
            streams[event.stream] = streams.get(event.stream, b"") + event.data
    return streams


class GreetingTests(SynchronousTestCase):
    """How a session begins."""

    def test_both(self) -> None:
        """Each end learns what the other says of itself."""
        client, server = Session.client(CLIENT), Session.server(SERVER)
        self.assertEqual(said(server), b"")
        self.assertEqual(said(client), CLIENT_GREETING)
        self.assertEqual(heard(server, CLIENT_GREETING), [Greeted(CLIENT)])
        self.assertEqual(said(server), SERVER_GREETING)
        self.assertEqual(heard(client, SERVER_GREETING), [Greeted(SERVER)])
        self.assertEqual((client.peer, server.peer), (SERVER, CLIENT))
        self.assertEqual((said(client), said(server)), (b"", b""))

    def test_refused(self) -> None:
        """A server that refuses says why, and nothing else; the client is told once."""
        client, server = Session.client(CLIENT), Session.server(SERVER)
        client.send(client.open(), b"job")
        carry(client, server)
        server.refuse(113 << 8, "not you\N{BELL}\a")
        self.assertEqual(carry(server, client), [Refused(113 << 8, "not you\N{BELL}\\x07")])
        self.assertEqual((heard(client, b"rubbish"), said(client), client.open_streams), ([], b"", 0))
        self.assertEqual((heard(server, b"rubbish"), said(server)), ([], b""))
        self.assertRaises(LocalProtocolError, client.open)


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

    def test_need(self) -> None:
        """Digests are asked for in as few frames as the client takes, in order."""
        client, server = met(client=Terms(frame=4096))
        client.send(client.open(), b"job")
        carry(client, server)
        digests = [bytes([i]) * 32 for i in range(200)]
        server.need(1, digests)
        self.assertEqual(
            carry(server, client), [Needed(1, tuple(digests[:127])), Needed(1, tuple(digests[127:]))]
        )

    def test_stop(self) -> None:
        """Either end ends a stream, with what is queued."""
        for stops_first in (0, 1):
            ends = met()
            ends[0].send(ends[0].open(), b"x" * 20000)
            carry(*ends)
            ends[1].send(1, b"y" * 20000)
            stopping, stopped = ends[stops_first], ends[1 - stops_first]
            stopping.stop(1, 101, "no")
            self.assertEqual(carry(stopping, stopped), [Stopped(1, 101, "no")])
            self.assertEqual((said(stopped), *(end.open_streams for end in ends)), (b"", 0, 0))

    def test_away(self) -> None:
        """A server that goes away stops what the client opens before it knows."""
        client, server = met()
        server.away("restart")
        client.send(client.open(), b"job")
        self.assertEqual(carry(client, server), [])
        self.assertEqual(carry(server, client), [Away("restart"), Stopped(1, 0, "restart")])
        self.assertRaises(LocalProtocolError, client.open)


class BreachTests(SynchronousTestCase):
    """What a peer may not do."""

    def assertBreach(self, session: Session, wire: bytes, fault: str) -> None:
        """Check what is said of `wire`, and that it is said again."""
        session.feed(wire)
        for _ in range(2):
            error = self.assertRaises(RemoteProtocolError, list, session.events())
            self.assertEqual(str(error), fault)
            session.feed(b"more")
        self.assertEqual(said(session), b"")
        self.assertEqual(session.open_streams, 0)

    def test_window(self) -> None:
        """More bytes than were granted."""
        self.assertBreach(
            server_alone(),
            data(1, bytes(4996)) + data(1, bytes(4996)) + data(1, bytes(9)),
            "stream 1 is 1 bytes over its window",
        )
