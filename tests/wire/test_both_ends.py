"""The two ends joined back to back: what one writes, the other reads."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import (
    ANY_REPLY,
    ANY_REQUEST,
    LOW,
    POINTS,
    PROPERTY,
    cut,
    job,
    merged,
    put,
    reply,
    reply_reader,
    reply_writer,
    request,
    request_reader,
    request_writer,
    take,
)
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import Event

TRAILING = st.binary(max_size=LOW.trailing)


class CutTests(SynchronousTestCase):
    """Any message, cut anywhere, with anything after it."""

    @PROPERTY
    @given(ANY_REQUEST, POINTS, TRAILING)
    @example(request(1, [b""]), [], b"")
    @example(request(2, [b"gcc"], b"x" * 80), list(range(200)), b"+" * 20)
    @example(job([b"gcc"], [(b"x", b"y", True), (b"y", b"", False)]), list(range(200)), b"")
    def test_request(self, events: list[Event], points: list[int], trailing: bytes) -> None:
        """A server reads what a client wrote, and could write it again byte for byte."""
        message = put(request_writer(LOW), events)
        reader = request_reader(LOW)
        read = take(reader, *cut(message + trailing, points))
        self.assertEqual(merged(read), events)
        self.assertEqual(reader.trailing, trailing)
        self.assertEqual(put(request_writer(LOW), read), message)
        reader.close()

    @PROPERTY
    @given(ANY_REPLY, POINTS, TRAILING)
    @example(reply(1, 0, b"", b"", b""), list(range(200)), b"")
    def test_reply(self, events: list[Event], points: list[int], trailing: bytes) -> None:
        """A client reads what a server wrote, and could write it again byte for byte."""
        message = put(reply_writer(LOW), events)
        reader = reply_reader(LOW)
        read = take(reader, *cut(message + trailing, points))
        self.assertEqual(merged(read), events)
        self.assertEqual(reader.trailing, trailing)
        self.assertEqual(put(reply_writer(LOW), read), message)
        reader.close()


class ExchangeTests(SynchronousTestCase):
    """A client and a server, as applications have them."""

    def test_whole_exchange(self) -> None:
        """A request goes one way, its reply the other, in both versions."""
        for version in (1, 2):
            client, server = Connection.client(), Connection.server()
            asked = request(version, [b"gcc", b"-c"], b"int x;")
            said = reply(version, 0, b"warning", b"", b"\x7fELF")
            self.assertEqual(take(server.reader, put(client.writer, asked)), asked)
            self.assertEqual(take(client.reader, put(server.writer, said)), said)
            client.reader.close()
            server.reader.close()

    def test_event_by_event(self) -> None:
        """Each event arrives by itself, before the next is written."""
        client, server = Connection.client(), Connection.server()
        for asked in request(2, [b"gcc", b""], b"int ", b"x;")[:-2]:
            self.assertEqual(take(server.reader, client.writer.send(asked))[:1], [asked])
        for said in reply(2, 0, b"warning", b"said", b"object")[:2]:
            self.assertEqual(take(client.reader, server.writer.send(said)), [said])

    def test_early_reply(self) -> None:
        """A server that refuses may answer before it has read the whole request."""
        client, server = Connection.client(), Connection.server()
        take(server.reader, put(client.writer, request(1, [b"gcc"], b"int x;")[:2]))
        said = reply(1, 110 << 8, b"no such compiler", b"", b"")
        self.assertEqual(take(client.reader, put(server.writer, said)), said)

    def test_two_exchanges(self) -> None:
        """Connections share nothing."""
        for version in (1, 2):
            asked = request(version, [b"gcc"])
            message = put(Connection.client().writer, asked)
            self.assertEqual(take(Connection.server().reader, message), asked)
