"""Peers that break protocol 4: each breach has its message, and ends the session for good."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import PROPERTY
from tests.wire.session_samples import (
    CLIENT,
    CLIENT_GREETING,
    KNOW,
    SERVER,
    SERVER_GREETING,
    client_alone,
    data,
    heard,
    number,
    said,
    server_alone,
    token,
)
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.limits import KIB, Limits
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import Away, Data, Needed, Stopped
from twisted_distcc.wire.tokens import LARGEST, encode_header

DIGEST: Final = bytes(32)
JOB: Final = data(1, b"job")


def busy_client() -> Session:
    """Return a client with streams 1 and 2 open, 3 closed, and 4 that has not begun."""
    session = client_alone()
    for _ in range(3):
        session.send(session.open(), b"job")
    said(session)
    session.close(3)
    session.open()
    return session


def busy_server() -> Session:
    """Return a server with streams 1 and 4 open, 3 closed, and 2 that the client passed over."""
    session = server_alone()
    heard(session, JOB, data(3, b"job"), data(4, b"job"))
    session.close(3)
    return session


class BreachTests(SynchronousTestCase):
    """What a peer must not send."""

    def assertBreach(self, session: Session, wire: bytes, fault: str) -> None:
        """Check what is said of `wire`, that it is said again, and that nothing more goes."""
        session.feed(wire)
        calls = (lambda: list(session.events()), session.open, lambda: session.send(1, b"x"))
        for call in (*calls, lambda: session.ping(bytes(8)), lambda: session.away("")):
            error = self.assertRaises(RemoteProtocolError, call)
            self.assertEqual(str(error), fault)
            session.feed(JOB)
        session.close(1)
        session.stop(1, 0, "")
        session.consumed(1, 1)
        self.assertEqual((said(session), session.open_streams, session.queued(1)), (b"", 0, 0))

    def test_unknown_frames(self) -> None:
        """What is not in the table, or not for this end."""
        for session, wire, name in (
            (busy_client(), token(b"ELSE", bytes(8)), "ELSE"),
            (busy_server(), token(b"ELSE", bytes(8)), "ELSE"),
            (busy_server(), token(b"NEED", number(1) + DIGEST), "NEED"),
            (busy_server(), CLIENT_GREETING, "DIST"),
            (busy_client(), SERVER_GREETING, "DONE"),
        ):
            self.assertBreach(session, wire, f"{name} is not a frame that this end takes")

    def test_no_frames(self) -> None:
        """What is no token at all."""
        said_ = "expected a token of four letters and eight hexadecimal digits, got b'GET / HTTP/1'"
        self.assertBreach(busy_client(), b"GET / HTTP/1.1\r\n", said_)
        said_ = "expected a token of four letters and eight hexadecimal digits, got b'DATA0000000G'"
        self.assertBreach(busy_server(), b"DATA0000000G", said_)

    def test_forms(self) -> None:
        """Payloads that no such frame has; the header alone says so."""
        for name, lengths in (
            (b"DATA", (0, 3, 4)),
            (b"WIND", (0, 7, 9)),
            (b"NEED", (0, 4, 35, 37, 4 + 33)),
            (b"STOP", (0, 7, 8 + 1025)),
            (b"PING", (0, 7, 9)),
            (b"PONG", (0, 7, 9)),
            (b"AWAY", (1025,)),
        ):
            for length in lengths:
                fault = f"no {name.decode()} has a payload of {length} bytes"
                self.assertBreach(busy_client(), encode_header(name, length), fault)

    def test_sizes(self) -> None:
        """A payload larger than our own greeting says, whatever the frame."""
        for name in (b"DATA", b"WIND", b"NEED", b"STOP", b"PING", b"PONG", b"AWAY"):
            for length in (8193, LARGEST):
                fault = f"{name.decode()} of {length} is over 8192, the largest frame"
                self.assertBreach(busy_client(), encode_header(name, length), fault)
        heard(server_alone(), data(1, bytes(4996)))
        fault = "DATA of 5001 is over 5000, the largest frame"
        self.assertBreach(server_alone(), data(1, bytes(4997)), fault)

    def test_never_opened(self) -> None:
        """Frames for streams that never were."""
        for session, streams in ((busy_client(), (0, 4, 5, LARGEST)), (busy_server(), (0, 5, LARGEST))):
            for stream in streams:
                for name, rest in (
                    (b"DATA", b"x"),
                    (b"WIND", number(1)),
                    (b"NEED", DIGEST),
                    (b"STOP", number(0)),
                ):
                    is_server = session._terms.know
                    if is_server and (name == b"NEED" or (name == b"DATA" and stream)):
                        continue
                    fresh = busy_server() if is_server else busy_client()
                    fault = f"{name.decode()} for stream {stream}, which was never opened"
                    self.assertBreach(fresh, token(name, number(stream) + rest), fault)

    def test_too_many_streams(self) -> None:
        """More streams at once than the greeting allows."""
        session = server_alone()
        heard(session, *(data(i, b"job") for i in range(1, 5)))
        self.assertBreach(session, data(5, b"job"), "stream 5 is one more than 4, all that may be open")

    def test_stops_that_wait_count(self) -> None:
        """A client that does not read the stops of its streams may not open ever more of them."""
        session = server_alone()
        for i in range(1, 5):
            heard(session, data(i, b"job"))
            session.stop(i, 101, "no")
        self.assertEqual(session.open_streams, 4)
        self.assertBreach(session, data(5, b"job"), "stream 5 is one more than 4, all that may be open")

    def test_windows(self) -> None:
        """More bytes than were granted, to either end, though nobody hears them."""
        full = data(1, bytes(4996)) + data(1, bytes(4996))
        fault = "stream 1 is 1 bytes over its window"
        self.assertBreach(server_alone(), full + data(1, bytes(9)), fault)
        session = server_alone()
        heard(session, full)
        session.stop(1, 101, "no")
        self.assertBreach(session, data(1, bytes(9)), fault)
        full = data(1, bytes(8188)) * 2
        self.assertBreach(busy_client(), full + data(1, bytes(9)), fault)

    def test_windows_met(self) -> None:
        """As many bytes as were granted, to the last."""
        session = server_alone()
        events = heard(session, data(1, bytes(4996)), data(1, bytes(4996)), data(1, bytes(8)))
        self.assertEqual(len(events), 3)

    def test_grants(self) -> None:
        """A window that grows beyond its largest, at once or little by little, and one of nothing."""
        beyond = "stream 1 was granted {} bytes, to a window of {}"
        for grants, fault in (
            ((2**31 - 1,), beyond.format(2**31 - 1, 2**31 - 1 + 9997)),
            ((2**31 - 9998, 1), beyond.format(1, 2**31)),
            ((LARGEST,), beyond.format(LARGEST, LARGEST + 9997)),
            ((0,), beyond.format(0, 9997)),
        ):
            wire = b"".join(token(b"WIND", number(1, count)) for count in grants)
            self.assertBreach(busy_client(), wire, fault)
        self.assertEqual(heard(busy_client(), token(b"WIND", number(1, 2**31 - 9998))), [])

    def test_codes(self) -> None:
        """A server's reasons are exit codes; what a client says is its own business."""
        for code in (1, 99, 128, LARGEST):
            fault = f"stream 1 was stopped with {code}, which is no exit code of distcc"
            self.assertBreach(busy_client(), token(b"STOP", number(1, code)), fault)
            stopped = heard(busy_server(), token(b"STOP", number(1, code)))
            self.assertEqual(stopped, [Stopped(1, code, "")])
        for code in (0, 100, 127):
            stopped = heard(busy_client(), token(b"STOP", number(1, code)))
            self.assertEqual(stopped, [Stopped(1, code, "")])

    def test_texts(self) -> None:
        """A text that is not UTF-8, even on a stream that is closed."""
        fault = r"expected UTF-8 text, got b'\xff\xfe'"
        self.assertBreach(busy_client(), token(b"AWAY", b"\xff\xfe"), fault)
        self.assertBreach(busy_client(), token(b"STOP", number(1, 0) + b"\xff\xfe"), fault)
        self.assertBreach(busy_client(), token(b"STOP", number(3, 0) + b"\xff\xfe"), fault)

    def test_pings(self) -> None:
        """More questions than an honest peer asks, while it does not read the answers."""
        session = server_alone()
        question = token(b"PING", bytes(8))
        heard(session, *[question] * 16)
        self.assertEqual(said(session), token(b"PONG", bytes(8)) * 16)
        heard(session, *[question] * 16)
        self.assertBreach(session, question, "more than 16 pings wait for an answer")

    def test_opened_after_leaving(self) -> None:
        """A client that said that it opens no more streams opens one."""
        session = server_alone()
        self.assertEqual(heard(session, JOB, token(b"AWAY", b"bye"))[1:], [Away("bye")])
        self.assertEqual(heard(session, JOB), [Data(1, b"job")])
        fault = "the client said that it opens no more, and opened stream 2"
        self.assertBreach(session, data(2, b"x"), fault)

    def test_greetings(self) -> None:
        """Greetings that are none."""
        for session, wire, fault in (
            (Session.server(SERVER), b"DIST00000003", "protocol version 3 is not supported, only 4"),
            (Session.client(CLIENT), b"DONE00000001", "protocol version 1 is not supported, only 4"),
            (Session.client(CLIENT), CLIENT_GREETING, "expected DONE, got DIST"),
            (Session.server(SERVER), b"DIST00000004FRAM00000fff", "FRAM must be at least 4096"),
            (Session.server(SERVER), b"DIST00000004WIND", ""),
            (
                Session.client(CLIENT),
                SERVER_GREETING.replace(b"SERR00000000", b"SERR00000002no"),
                "a greeting gave a reason and no failure: no",
            ),
            (
                Session.server(SERVER),
                CLIENT_GREETING.replace(b"client 1", b"client \xff"),
                r"expected UTF-8 text, got b'client \xff'",
            ),
        ):
            if fault:
                self.assertBreach(session, wire, fault)
            else:
                self.assertEqual(heard(session, wire), [])

    def test_what_came_before(self) -> None:
        """What came before a breach is told first."""
        session = server_alone()
        session.feed(JOB + b"rubbish rubbish")
        events = session.events()
        self.assertEqual(next(events), Data(1, b"job"))
        self.assertRaises(RemoteProtocolError, next, events)


class PassedOverTests(SynchronousTestCase):
    """What is on its way when a stream closes is no breach."""

    def test_client(self) -> None:
        """Whatever a server sends for a closed stream."""
        closed = number(3)
        wire = (
            *(data(3, b"x" * 8188), data(3, b"x" * 8188), data(3, b"x" * 8188)),
            *(token(b"WIND", closed + number(5)), token(b"NEED", closed + DIGEST)),
            token(b"STOP", closed + number(0) + b"late"),
        )
        self.assertEqual(heard(busy_client(), *wire), [])

    def test_server(self) -> None:
        """Whatever a client sends for a closed stream, or for a number that it left out."""
        for closed in (2, 3):
            wire = (
                *(data(closed, b"x" * 4996), data(closed, b"x" * 4996), data(closed, b"x" * 4996)),
                token(b"WIND", number(closed, 5)),
                token(b"STOP", number(closed, 0) + b"late"),
            )
            session = busy_server()
            self.assertEqual((heard(session, *wire), session.open_streams), ([], 2))

    def test_need_of_a_closed_half(self) -> None:
        """A question on an open stream is an event."""
        session = busy_client()
        self.assertEqual(heard(session, token(b"NEED", number(1) + DIGEST)), [Needed(1, (DIGEST,))])

    def test_pong(self) -> None:
        """An answer is no event, asked for or not, but something was heard."""
        session = busy_client()
        before = session.heard
        self.assertEqual(heard(session, token(b"PONG", bytes(8))), [])
        self.assertEqual(session.heard, before + 20)


class MemoryTests(SynchronousTestCase):
    """What a peer makes an end keep."""

    def test_frame_in_pieces(self) -> None:
        """A large frame that comes byte by byte is one event at its last byte."""
        session = server_alone()
        wire = data(1, b"x" * 4996)
        for byte in wire[:-1]:
            self.assertEqual(heard(session, bytes([byte])), [])
        self.assertEqual(heard(session, wire[-1:]), [Data(1, b"x" * 4996)])

    def test_announced_frame(self) -> None:
        """A frame that was announced costs nothing until it comes."""
        session = Session.server(Terms(frame=1 << 20, jobs=1, know=KNOW))
        heard(session, CLIENT_GREETING, encode_header(b"DATA", 1 << 20))
        self.assertLess(sys.getsizeof(session._inbox._frames._buffer), KIB)

    def test_large_feed(self) -> None:
        """Many frames in one piece leave no large buffer behind what is not whole."""
        session = Session.server(Terms(window=1 << 24, jobs=1, know=KNOW))
        heard(session, CLIENT_GREETING)
        wire = data(1, b"x" * 100)
        self.assertEqual(len(heard(session, wire * 5000 + wire[:20])), 5000)
        self.assertLess(sys.getsizeof(session._inbox._frames._buffer), KIB)

    def test_after_a_breach(self) -> None:
        """Nothing is kept of what came after a breach, or comes later."""
        session = server_alone()
        session.feed(b"rubbish rubbish" + bytes(100_000))
        self.assertRaises(RemoteProtocolError, list, session.events())
        session.feed(bytes(100_000))
        self.assertEqual(len(session._inbox._frames._buffer), 0)

    def test_closed_streams(self) -> None:
        """Of streams that are closed nothing is kept, however many there were, or were left out."""
        session = server_alone()
        for i in range(7, 70_000, 7):
            heard(session, data(i, b"job"))
            session.consumed(i, 3)
            session.send(i, b"result")
            session.close(i)
            said(session)
        self.assertEqual([len(table) for table in session._outbox._tables], [0] * 5)

    def test_client_that_does_not_read(self) -> None:
        """Streams that a client opens and stops, while the answers wait, leave nothing to send."""
        session = server_alone()
        for i in range(1, 1000):
            heard(session, data(i, b"job"))
            session.send(i, b"result")
            session.need(i, [])
            session.consumed(i, 3)
            heard(session, token(b"STOP", number(i, 0)))
        self.assertEqual(said(session), b"")
        self.assertEqual([len(table) for table in session._outbox._tables], [0] * 5)

    def test_own_limits(self) -> None:
        """A caller may allow less."""
        session = Session.server(SERVER, replace(Limits(), pings=1, words=20))
        heard(session, CLIENT_GREETING, token(b"PING", bytes(8)))
        session.feed(token(b"PING", bytes(8)))
        self.assertRaises(RemoteProtocolError, list, session.events())
        session = Session.server(SERVER, replace(Limits(), words=20))
        heard(session, CLIENT_GREETING)
        session.feed(token(b"AWAY", bytes(21)))
        self.assertRaises(RemoteProtocolError, list, session.events())


FRAMES: Final = st.one_of(
    st.builds(data, st.integers(0, 6), st.binary(min_size=1, max_size=9)),
    st.builds(
        lambda name, numbers, rest: token(name, number(*numbers) + rest),
        st.sampled_from([b"DATA", b"WIND", b"NEED", b"STOP", b"PING", b"PONG", b"AWAY", b"ELSE"]),
        st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 100, 2**31, LARGEST]), max_size=2),
        st.sampled_from([b"", b"x", bytes(8), DIGEST, b"\xff"]),
    ),
    st.binary(max_size=20),
)


class RubbishTests(SynchronousTestCase):
    """Frames at random: events or a `RemoteProtocolError`, and the same however they are cut."""

    @PROPERTY
    @given(st.lists(FRAMES, max_size=12), st.integers(1, 40), st.booleans())
    def test_frames(self, frames: list[bytes], size: int, is_client: bool) -> None:
        """One piece or many, what is told, what is said of a breach and what is answered is the same."""
        wire = b"".join(frames)
        pieces = self._all_of_it(wire, size, is_client=is_client)
        self.assertEqual(pieces, self._all_of_it(wire, len(wire) or 1, is_client=is_client))

    def _all_of_it(self, wire: bytes, size: int, *, is_client: bool) -> object:
        session = busy_client() if is_client else busy_server()
        events, fault = [], ""
        try:
            for start in range(0, len(wire), size):
                session.feed(wire[start : start + size])
                for event in session.events():
                    events.append(event)
        except RemoteProtocolError as error:
            fault = str(error)
        return events, fault, said(session)
