"""A distcc server as a Twisted protocol and factory.

A connection brings one request of protocols 1 to 3, which `conversation` reads and answers, or a session
of protocol 4 (`session_server`): its first twelve bytes say which.  Requests go to a `compile` function,
whose business it is what becomes of them: it may compile (`exchange`), pass them on to another server
(the framework page of the documentation does), or make something up.

Bytes are read a piece at a time, in the client's share of the reactor's time (`paced_input`).  When the
client disconnects, its jobs are cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Final, cast
from warnings import warn

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.assembly import WRITE
from twisted_distcc.jobs.compression import packed_source
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.access import everyone
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.sending import send
from twisted_distcc.server.connection import costs
from twisted_distcc.server.connection.conversation import Conversation, HangUp, Next, Refusal
from twisted_distcc.server.connection.deadline_timer import DeadlineTimer
from twisted_distcc.server.connection.paced_input import PacedInput
from twisted_distcc.server.connection.server_transport import ServerTransport, address_peer
from twisted_distcc.server.connection.session_host import SessionHost
from twisted_distcc.server.connection.session_server import ServerSession
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import LINGER, Deadlines
from twisted_distcc.server.quotas.holdings import CeilingMetError, Hold
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.server.scheduling.time_shares import TimeShares
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import SESSION_OPENING

# Bytes of a request that are read at a time, unless they are a body's.
_SLICE: Final = 8 * 1024
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
        self.shares: TimeShares = TimeShares(lambda turn: reactor.callLater(0, turn))
        self.sessions: SessionHost = SessionHost(
            compile, reactor, self.bulk, self.admission, self.limits, self._log
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
    def is_crowded(self) -> bool:
        """Whether there are more connections than may be, so that none may even wait to be let in."""
        return len(self._connections) > self.admission.holdings.connections.ceiling

    def opened(self, connection: DistccServerProtocol) -> None:
        """Count `connection` in."""
        self._connections.add(connection)

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
    """One connection of a distcc server: it drives a `Conversation`, in its client's turns."""

    _log = Logger()

    def __init__(self, factory: DistccServerFactory) -> None:
        self.factory: DistccServerFactory = factory
        self._timer = DeadlineTimer(factory.clock, factory.deadlines.idle, self._late)
        self._job: Deferred[None] | None = None
        self._is_answered = False
        self._head: bytes | None = b""  # what came first, until it is known which protocol it is
        self._session: ServerSession | None = None
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
        self._conversation = Conversation(
            self.peer,
            self._hold,
            compile=self._compile,
            packing=factory.bulk.on_behalf_of(identity),
            limits=factory.limits,
            log=self._log,
            cancelled=CancelledError,
        )
        self._input = PacedInput(self._connection, factory.shares, identity, self)
        self._timer.start(factory.deadlines.receive)
        factory.opened(self)
        if factory.is_crowded:
            self._input.enter()
        self._input.start()

    def enter(self) -> int:
        """Take a place among the connections, or tell why there is none; see `paced_input.Reader`."""
        self.factory.admission.reading(self, self.peer.identity)
        verdict = self.factory.admit(self.peer)
        if not isinstance(verdict, Refused):
            try:
                self._hold.connect()
            except CeilingMetError as error:
                verdict = Refused((str(error),), error.exit_code)
            else:
                return costs.ENTRY
        self._log.warn("{peer} may not connect: {reason}", peer=self.peer, reason=verdict)
        if self._hold.turn_away():
            self._refusal = verdict
            self._conversation.turn_away(verdict)
        else:
            self._abort()
        return costs.ENTRY

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        """Read what came, in its turn."""
        if self._job is None and self._session is None:
            self._timer.piece()
        self._input.take(data)

    @property
    def piece_size(self) -> int:
        """How many bytes to read at a time: a slice, or the rest of a body."""
        return self._conversation.body_left or _SLICE

    def read(self, piece: bytes) -> int:
        """Read a slice, or some of a body; see `paced_input.Reader`."""
        if self._head is not None:
            self._head += piece
            if len(self._head) < len(SESSION_OPENING):
                return costs.REQUEST
            piece, self._head = self._head, None
            if piece.startswith(SESSION_OPENING):
                self._begin_session()
        if self._session is not None:
            return self._read_session(self._session, piece)
        if self._job is not None:  # bytes after the request, or its refusal, belong to nobody
            return costs.of_bytes(len(piece))
        if self._input.is_paused:  # it is not the client who keeps us waiting
            self._timer.piece()
        tokens = self._conversation.tokens
        cost = self._go_on(self._conversation.feed(piece))
        return cost + costs.of_bytes(len(piece)) + costs.of_tokens(self._conversation.tokens - tokens)

    def _begin_session(self) -> None:
        self.factory.admission.done_reading(self)
        assert self.transport is not None
        self._session = self.factory.sessions.session(self.peer, self.transport, self._abort)
        if self._refusal is not None:
            self._session.refuse(self._refusal.exit_code << 8, str(self._refusal))

    def _read_session(self, session: ServerSession, piece: bytes) -> int:
        try:
            cost = session.feed(piece)
            if session.is_greeted:
                self._timer.stop()
            return cost
        except RemoteProtocolError as error:
            self._log.warn("{peer} broke the protocol: {error}", peer=self.peer, error=error)
            self._abort()
            return costs.REQUEST

    def read_failed(self) -> int:
        """Give up on a request that we cannot read, for a reason of our own."""
        self._log.failure("the request of {peer} could not be read", peer=self.peer)
        self._abort()
        return costs.REQUEST

    def _go_on(self, outcome: Next) -> int:
        """Do what is due when bytes have come; return what that costs at once."""
        match outcome:
            case Request() as request:
                self._stop_reading()
                self._job = self._run(self._serve(request))
                return costs.of_request(request)
            case Refusal(reply):
                self._job = self._run(self._answer_and_linger(reply))
                return costs.REQUEST
            case HangUp():
                self._abort()
                return costs.REQUEST
            case None:
                return 0

    def pause(self) -> None:
        """Read no more until `resume`: too many jobs wait."""
        self._timer.stop()
        self._input.hold()

    def resume(self) -> None:
        """Read on."""
        self._timer.start(self.factory.deadlines.receive)
        self._input.release()

    def _stop_reading(self) -> None:
        self.factory.admission.done_reading(self)
        self._timer.stop()

    # The end.

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: so is its job."""
        self._input.close()
        self._stop_reading()
        self._conversation.discard()
        if self._session is not None:
            self._session.close().addBoth(lambda _: self._end())
        elif self._job is None:
            self._end()
        else:
            self._job.addBoth(lambda _: self._end())
            self._job.cancel()

    def _end(self) -> None:
        self._hold.end()
        self.factory.closed(self)

    def take_no_more(self) -> None:
        """Give up on a request that is not whole yet: the server is ending."""
        if self._session is not None:
            self._session.go_away("the server is ending")
        elif self._job is None:
            self._abort()

    def retire(self) -> None:
        """Serve a client that is welcome no more to the end of a job that has begun, and no further."""
        if self._session is not None:
            self._session.go_away("the certificate is not accepted any more")
        elif not (self._is_answered or self.factory.admission.has_begun(self.peer)):
            self._abort()

    def _late(self) -> None:
        self._log.warn("{peer} took too long, its connection is closed", peer=self.peer)
        self._abort()

    def _abort(self) -> None:
        self._input.stop()
        self._connection.abortConnection()

    # Answering.

    def _run(self, serving: Coroutine[Deferred[object], object, None]) -> Deferred[None]:
        job = Deferred.fromCoroutine(serving)
        return job.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, CancelledError):
            return
        self._log.failure("the reply to {peer} could not be sent", failure, peer=self.peer)
        self._abort()

    async def _serve(self, request: Request) -> None:
        reply = await self._answer(request)
        self._is_answered = True
        await self._send(reply)
        self._connection.loseConnection()

    async def _answer(self, request: Request) -> Reply:
        admission = self.factory.admission
        if packed_source(request) is not None:
            admission.expanding(self, self.peer.identity)
        try:
            return await self._conversation.answer(request)
        finally:
            admission.done_expanding(self)

    async def _compile(self, request: Request, peer: Peer) -> Reply:
        """Have `request` served, which was expanded if it had to be."""
        self.factory.admission.done_expanding(self)
        return await self.factory.compile(request, peer)

    async def _send(self, reply: Reply) -> None:
        async with self._conversation.pieces(reply) as pieces:
            self._timer.start(self.factory.deadlines.send)
            assert self.transport is not None
            await send(self.transport, self._watched(pieces), self._write_in_turn)

    def _write_in_turn(self, write: Callable[[], None]) -> None:
        """Have `write` called in the client's share of the reactor's time."""
        self.factory.shares.read(_Writing(write), self.peer.identity)

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass `pieces` on; that the next one is wanted says that the client takes what it gets."""
        for piece in pieces:
            self._timer.piece()
            yield piece

    async def _answer_and_linger(self, reply: Reply) -> None:
        """Answer in the middle of a request: reset, the connection would lose the answer."""
        self._stop_reading()
        await self._send(reply)
        self._connection.loseWriteConnection()
        self._timer.linger(LINGER)


class _Writing:
    """One piece of a reply, which is written once."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self.has_more = True

    def read_some(self) -> int:
        """Write it."""
        self.has_more = False
        self._write()
        return costs.of_bytes(WRITE)
