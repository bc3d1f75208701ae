"""Sessions that tests share, and what goes over them.

In: terms and bytes.  Out: ends that have met, frames as they are on the wire, and events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import Data, SessionEvent
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
