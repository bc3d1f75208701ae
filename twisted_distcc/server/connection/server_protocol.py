"""A distcc server as a Twisted protocol and factory.

A connection brings one request of protocols 1 to 3 (`single_request`), or a session of protocol 4
(`session_connection`): its first twelve bytes say which.  Jobs go to a `compile` function, which decides
what becomes of them: it may compile (`exchange`), pass them on to another server (the framework page of
the documentation does), or make something up.

Bytes are read a piece at a time, in the client's share of the reactor's time (`paced_input`).  When the
client disconnects, its jobs are cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast
from warnings import warn

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.policy.access import everyone
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.server.connection import costs
from twisted_distcc.server.connection.counted_transport import CountedTransport
from twisted_distcc.server.connection.dialogue import Dialogue
from twisted_distcc.server.connection.paced_input import PacedInput
from twisted_distcc.server.connection.server_transport import ServerTransport, address_peer
from twisted_distcc.server.connection.session_connection import SessionConnection
from twisted_distcc.server.connection.session_host import SessionHost
from twisted_distcc.server.connection.single_request import SingleRequest
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import CeilingMetError, Hold
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.server.scheduling.time_shares import TimeShares
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import SESSION_OPENING

_NO_ADMIT: Final = "say who may send requests: DistccServerFactory(..., admit=everyone) lets all in"


class DistccServerFactory(Factory):
    """Makes the protocols of a distcc server.

    Args:
        compile: serves each request; see `Compile`.
        reactor: tells when a client has taken too long.
        bulk: compresses and expands bodies, and says where large ones lie; `None` makes one on
            `reactor`, which then provides `IReactorFDSet` and `IReactorThreads` as well.
        admit: says of each peer whether it may send a request at all; `everyone` and `AllowList.judge`
            are two that do.  Without it everyone may, for one release more, with a warning.
        admission: holds reading back when too many jobs wait, and says how much is held for clients.
        limits: the ceilings on what a client may send.
        deadlines: how long it may take.
        identify: makes the peer of a connection's transport.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self,
        compile: Compile,
        reactor: IReactorTime,
        bulk: Bulk | None = None,
        *,
        admit: Callable[[Peer], Verdict] | None = None,
        admission: Admission | None = None,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
        identify: Callable[[ITransport], Peer] = address_peer,
    ) -> None:
        self.compile = compile
        self.clock = reactor
        self.bulk: Bulk = bulk or Bulk.on(reactor)
        if admit is None:
            warn(_NO_ADMIT, DeprecationWarning, stacklevel=2)
        self.admit: Callable[[Peer], Verdict] = admit or everyone
        self.admission: Admission = admission or Admission(1, 1)
        self.limits: Limits = limits or Limits()
        self.deadlines: Deadlines = deadlines or Deadlines()
        self.identify = identify
        self.traffic: Traffic | None = None
        """Counts what passes, if anybody wants to know."""
        self.shares: TimeShares = TimeShares(lambda turn: reactor.callLater(0, turn))
        self.sessions: SessionHost = SessionHost(
            compile, reactor, self.bulk, self.admission, self.limits, self.deadlines, self._log
        )
        self._connections: set[DistccServerProtocol] = set()
        self._drained: list[Deferred[None]] = []

    def give_up_reading(self) -> None:
        """Close the connections whose requests are not whole yet."""
        for connection in tuple(self._connections):
            connection.take_no_more()

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires when no connection and no job is left."""
        empty: Deferred[None] = Deferred()
        self._drained.append(empty)
        self._tell_if_drained()
        return empty

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    @property
    def is_crowded(self) -> bool:
        """Whether there are more connections than may be, so that none may even wait to be let in."""
        return len(self._connections) > self.admission.holdings.connections.ceiling

    def opened(self, connection: DistccServerProtocol) -> None:
        """Count `connection` in."""
        self._connections.add(connection)
        if self.traffic is not None:
            self.traffic.connections += 1

    def closed(self, connection: DistccServerProtocol) -> None:
        """Count `connection` out."""
        self._connections.discard(connection)
        self._tell_if_drained()

    def _tell_if_drained(self) -> None:
        if not self._connections:
            waiting, self._drained = self._drained, []
            for deferred in waiting:
                deferred.callback(None)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make the protocol of one connection."""
        return DistccServerProtocol(self)


class DistccServerProtocol(Protocol):
    """One connection of a distcc server, which is read in its client's turns."""

    _log = Logger()

    def __init__(self, factory: DistccServerFactory) -> None:
        self.factory: DistccServerFactory = factory
        self._head: bytes | None = b""  # what came first, until it is known which protocol it is
        self._refusal: Refused | None = None

    @property
    def _connection(self) -> ServerTransport:
        return cast(ServerTransport, self.transport)

    def connectionMade(self) -> None:
        """Find out who it is, and begin to read."""
        assert self.transport is not None
        self.peer: Peer = self.factory.identify(self.transport)
        factory, identity = self.factory, self.peer.identity
        self._hold = Hold(factory.admission.holdings, identity)
        self._input = PacedInput(self._connection, factory.shares, identity, self)
        self._request = SingleRequest(
            self.peer, self._hold, self._connection, self._input, factory, self._abort
        )
        self._dialogue: Dialogue = self._request
        self._request.begin()
        factory.opened(self)
        if factory.is_crowded:
            self._input.enter()
        self._input.start()

    def enter(self) -> int:
        """Take a place among the connections, or tell why there is none; see `paced_input.Reader`."""
        self.factory.admission.reading(self._request, self.peer.identity)
        verdict = self.factory.admit(self.peer)
        if not isinstance(verdict, Refused):
            try:
                self._hold.connect()
            except CeilingMetError as error:
                verdict = Refused((str(error),), error.exit_code)
                self._count_refusal("max-connections")
            else:
                return costs.ENTRY
        else:
            self._count_refusal("address")
        self._log.warn("{peer} may not connect: {reason}", peer=self.peer, reason=verdict)
        if self._hold.turn_away():
            self._refusal = verdict
            self._request.turn_away(verdict)
        else:
            self._abort()
        return costs.ENTRY

    def _count_refusal(self, why: str) -> None:
        if self.factory.traffic is not None:
            self.factory.traffic.refuse(why)

    def dataReceived(self, data: bytes) -> None:
        """Read what came, in its turn."""
        self._dialogue.came()
        if self.factory.traffic is not None:
            self.factory.traffic.received += len(data)
        self._input.take(data)

    @property
    def piece_size(self) -> int:
        """How many bytes to read at a time."""
        return self._dialogue.piece_size

    def read(self, piece: bytes) -> int:
        """Read some bytes; see `paced_input.Reader`."""
        if self._head is not None:
            self._head += piece
            if len(self._head) < len(SESSION_OPENING):
                return costs.REQUEST
            piece, self._head = self._head, None
            if piece.startswith(SESSION_OPENING):
                self._dialogue = self._begin_session()
        return self._dialogue.read(piece)

    def _begin_session(self) -> SessionConnection:
        self._request.stop_reading()
        assert self.transport is not None
        factory, traffic, transport = self.factory, self.factory.traffic, self.transport
        if traffic is not None:
            transport = cast(ITransport, CountedTransport(transport, traffic))
        session = factory.sessions.session(self.peer, transport, self._abort, traffic)
        if self._refusal is not None:
            session.refuse(self._refusal.exit_code << 8, str(self._refusal))
        return SessionConnection(
            self.peer, session, factory.clock, factory.deadlines, self._abort, traffic
        )

    def read_failed(self) -> int:
        """Give up on a request that we cannot read, for a reason of our own."""
        self._log.failure("the request of {peer} could not be read", peer=self.peer)
        self._abort()
        return costs.REQUEST

    def take_no_more(self) -> None:
        """Give up on a request that is not whole yet: the server is ending."""
        self._dialogue.take_no_more()

    def retire(self) -> None:
        """Serve a client that is welcome no more to the end of a job that has begun, and no further."""
        self._dialogue.retire()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: so are its jobs."""
        self._input.close()
        self._dialogue.lost().addBoth(lambda _: self._end())

    def _end(self) -> None:
        self._hold.end()
        self.factory.closed(self)

    def _abort(self) -> None:
        self._input.stop()
        self._connection.abortConnection()
