"""Both ends of a session, with a network that cuts as it likes and callers that do as they like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import PROPERTY
from tests.wire.session_samples import KNOW
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import Away, Data, Needed, SessionEvent, Stopped

Step: TypeAlias = tuple[str, int, int]


class End:
    """A caller of one end: it sends what it is told to, and notes what comes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.wire = bytearray()  # has gone, and has not arrived
        self.sent: dict[int, bytes] = {}
        self.came: dict[int, bytes] = {}
        self.held: dict[int, int] = {}
        self.stopped: set[int] = set()  # by either end
        self.finished: set[int] = set()
        self.closed: set[int] = set()
        self.asked = 0
        self.other: list[SessionEvent] = []

    def send(self, stream: int, length: int) -> None:
        """Send bytes of which each tells its place."""
        before = self.sent.setdefault(stream, b"")
        piece = bytes((stream + len(before) + i) % 251 for i in range(length))
        self.sent[stream] += piece
        self.session.send(stream, piece)

    def arrive(self, data: bytes) -> None:
        """Take what the network brings."""
        self.session.feed(data)
        for event in self.session.events():
            match event:
                case Data(stream, piece):
                    self.came[stream] = self.came.get(stream, b"") + piece
                    self.held[stream] = self.held.get(stream, 0) + len(piece)
                    self.sent.setdefault(stream, b"")
                case Stopped(stream):
                    self.stopped.add(stream)
                case _:
                    self.other.append(event)

    def open_streams(self) -> list[int]:
        """The streams on which this end may send."""
        return sorted(set(self.sent) - self.stopped - self.finished)

    def close_whole(self, other: End) -> None:
        """Close the streams of which both messages are whole."""
        for stream in (self.finished & other.finished) - self.closed - self.stopped:
            if self.came.get(stream, b"") == other.sent[stream]:
                self.closed.add(stream)
                self.session.close(stream)


class Farm:
    """A client, a server, and what lies between."""

    def __init__(self, client: Terms, server: Terms) -> None:
        self.client = End(Session.client(client))
        self.server = End(Session.server(server))
        self.ends = (self.client, self.server)

    def do(self, step: Step) -> None:
        """Do one thing, if it can be done now."""
        what, which, size = step
        act: dict[str, Callable[[End, End, int], None]] = {
            "open": self._open,
            "send": self._send,
            "go": self._go,
            "arrive": self._arrive,
            "deal": self._deal,
            "stop": self._stop,
            "need": self._need,
            "finish": self._finish,
            "ping": lambda end, other, size: end.session.ping(bytes(8)),
        }
        end, other = self.ends[which % 2], self.ends[1 - which % 2]
        act[what](end, other, size)
        self.server.close_whole(self.client)
        self.client.close_whole(self.server)

    def _open(self, end: End, other: End, size: int) -> None:
        if self.client.session.may_open:
            self.client.send(self.client.session.open(), size)

    def _send(self, end: End, other: End, size: int) -> None:
        if streams := end.open_streams():
            end.send(streams[size % len(streams)], size)

    def _go(self, end: End, other: End, size: int) -> None:
        end.wire += end.session.outgoing(size)

    def _arrive(self, end: End, other: End, size: int) -> None:
        data = bytes(other.wire[:size])
        del other.wire[:size]
        end.arrive(data)

    def _deal(self, end: End, other: End, size: int) -> None:
        for stream, held in end.held.items():
            count = min(size, held)
            end.session.consumed(stream, count)
            end.held[stream] -= count

    def _stop(self, end: End, other: End, size: int) -> None:
        if streams := end.open_streams():
            stream = streams[size % len(streams)]
            end.stopped.add(stream)
            end.session.stop(stream, 101, "enough")

    def _finish(self, end: End, other: End, size: int) -> None:
        if streams := end.open_streams():
            stream = streams[size % len(streams)]
            end.finished.add(stream)
            end.session.finish(stream)

    def _need(self, end: End, other: End, size: int) -> None:
        if streams := self.server.open_streams():
            count = size % 300
            self.server.session.need(streams[size % len(streams)], [bytes(32)] * count)
            self.server.asked += count

    def settle(self) -> None:
        """Let everything arrive and be dealt with."""
        heard = None
        while heard != (heard := [end.session.heard for end in self.ends]):
            for what in ("go", "arrive", "deal", "go", "arrive", "deal"):
                for end in (0, 1):
                    self.do((what, end, 1 << 20))


STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("open", "open", "send", "send", "finish", "finish", "stop", "need", "ping"),
                *("go", "go", "go", "arrive", "arrive", "arrive", "deal"),
            ]
        ),
        st.integers(0, 1),
        st.integers(1, 9000) | st.integers(1, 30),
    ),
    max_size=60,
)
TERMS: Final = st.builds(
    Terms,
    st.sampled_from([4096, 5000, 65536]),
    st.sampled_from([4096, 10_000, 1 << 20]),
    st.sampled_from([1, 3, 100]),
    st.just(KNOW),
)


class AnythingTests(SynchronousTestCase):
    """Honest ends never find fault with each other."""

    @PROPERTY
    @given(TERMS, TERMS, STEPS)
    def test_all_arrives(self, client: Terms, server: Terms, steps: list[Step]) -> None:
        """Whatever is done, what was sent on streams that nobody stopped arrives whole and in order."""
        farm = Farm(client, server)
        for step in steps:
            farm.do(step)
            for end, other in (farm.ends, farm.ends[::-1]):
                for stream, came in end.came.items():
                    self.assertTrue(other.sent[stream].startswith(came))
        farm.settle()
        stopped = farm.client.stopped | farm.server.stopped
        for end, other in (farm.ends, farm.ends[::-1]):
            for stream, sent in other.sent.items():
                if stream not in stopped:
                    self.assertEqual(end.came.get(stream, b""), sent)
                    self.assertEqual(other.session.queued(stream), 0)
            self.assertEqual((end.wire, end.session.outgoing(99)), (b"", b""))
        still_open = set(farm.client.sent) - stopped - farm.client.closed
        self.assertEqual(farm.client.session.open_streams, len(still_open))
        self.assertLessEqual(farm.server.session.open_streams, len(still_open))
        asked = sum(len(event.digests) for event in farm.client.other if isinstance(event, Needed))
        self.assertLessEqual(asked, farm.server.asked)
        self.assertFalse([event for event in farm.client.other if isinstance(event, Away)])
