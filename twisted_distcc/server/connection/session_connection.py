"""A connection on which a session is spoken: the greeting comes in time, and a breach ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.policy.peer import Peer
from twisted_distcc.server.connection import costs
from twisted_distcc.server.connection.deadline_timer import DeadlineTimer
from twisted_distcc.server.connection.session_server import ServerSession
from twisted_distcc.server.quotas.deadlines import Deadlines

# Bytes that are read at a time.
_SLICE: Final = 8 * 1024


class SessionConnection:
    """What `server_protocol` feeds when a client has said that it speaks protocol 4.

    Args:
        peer: the client.
        session: serves it.
        clock: tells when the greeting is late.
        deadlines: when it is.
        abort: closes the connection at once.
        traffic: counts sessions, if anybody wants to know.
    """

    _log = Logger()

    def __init__(
        self,
        peer: Peer,
        session: ServerSession,
        clock: IReactorTime,
        deadlines: Deadlines,
        abort: Callable[[], None],
        traffic: Traffic | None = None,
    ) -> None:
        self._peer = peer
        self._session = session
        self._abort = abort
        self._traffic = traffic
        if traffic is not None:
            traffic.sessions += 1
            traffic.sessions_open += 1
        self._greeting = DeadlineTimer(clock, deadlines.idle, self._late)
        self._greeting.start(deadlines.receive)

    @property
    def piece_size(self) -> int:
        """How many bytes to read at a time."""
        return _SLICE

    def came(self) -> None:
        """Note that bytes have come, which may have to wait for their turn."""

    def read(self, piece: bytes) -> int:
        """Read the next bytes; return the cost."""
        try:
            cost = self._session.feed(piece)
        except RemoteProtocolError as error:
            self._log.warn("{peer} broke the protocol: {error}", peer=self._peer, error=error)
            if self._traffic is not None:
                self._traffic.broken += 1
            self._abort()
            return costs.REQUEST
        if self._session.is_greeted:
            self._greeting.stop()
        return cost

    def take_no_more(self) -> None:
        """Serve the jobs that there are, and no others: the server is ending."""
        self._session.go_away("the server is ending")

    def retire(self) -> None:
        """Serve the jobs that there are of a client that is welcome no more, and no others."""
        self._session.go_away("the certificate is not accepted any more")

    def lost(self) -> Deferred[None]:
        """End all jobs, for the client is gone; tell when they have ended."""
        self._greeting.stop()
        if self._traffic is not None:
            self._traffic.sessions_open -= 1
        return self._session.close()

    def _late(self) -> None:
        self._log.warn("{peer} took too long, its connection is closed", peer=self._peer)
        if self._traffic is not None:
            self._traffic.late += 1
        self._abort()
