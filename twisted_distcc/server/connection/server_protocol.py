"""A distcc server as a Twisted protocol: feed, iterate, dispatch.

In: bytes from a transport.  Out: whole requests to a `compile` function, and its replies as bytes.
What becomes of a request is that function's business: it may compile (`exchange`), pass the request
on to another server (the framework page of the documentation does), or make something up.

One connection is one job.  When the client goes, the job is cancelled.

What comes is read a piece at a time, in the client's share of the reactor's time (`time_shares`); until
all of it is read, no more is taken from the network.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Final, cast
from typing import Protocol as Seam

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.unix import Server as UNIXServer
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.assembly import WRITE, Assembly, reply_pieces
from twisted_distcc.jobs.compression import largest_in_memory, packed_source
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.verdict import ALLOWED, Refused, Verdict
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.sending import send
from twisted_distcc.server.connection.answer import Answering, sentence_on
from twisted_distcc.server.connection.peer_identity import socket_peer
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import LINGER, Deadlines
from twisted_distcc.server.quotas.holdings import CeilingMetError, Hold
from twisted_distcc.server.quotas.reserving import make_room_for
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.server.scheduling.time_shares import TimeShares
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import Event, MessageEnd, Run
from twisted_distcc.wire.limits import Limits

# Bytes of a request that are read at a time, unless they are a body's.
_SLICE: Final = 8 * 1024
# What things cost, in bytes of small tokens (see `time_shares`): each token so much; so many bytes that
# are only copied, or that a body expands to, are as one; a connection costs so much, a whole request so
# much, and so much more for each of its words.
_TOKEN: Final = 16
_BULK: Final = 64
_ENTRY: Final = 1024
_REQUEST: Final = 2 * 1024
_WORD: Final = 64


class ServerTransport(Seam):
    """What a connection must be able to do; TCP, TLS and UNIX connections of Twisted are able."""

    def pauseProducing(self) -> None:
        """Read no more."""
        ...

    def resumeProducing(self) -> None:
        """Read on."""
        ...

    def loseConnection(self) -> None:
        """Send what was written, and close."""
        ...

    def loseWriteConnection(self) -> None:
        """Send what was written, and close the sending half."""
        ...

    def abortConnection(self) -> None:
        """Close at once."""
        ...


def address_peer(transport: ITransport) -> Peer:
    """Make the peer of a transport's other end: an address, or a user of this machine."""
    address = transport.getPeer()
    if isinstance(address, IPv4Address | IPv6Address):
        return tcp_peer(address.host, address.port)
    if isinstance(address, UNIXAddress) and isinstance(transport, UNIXServer):
        return socket_peer(transport.socket)
    return Peer(type(address).__name__)


def _everyone(_: Peer) -> Verdict:
    return ALLOWED


class DistccServerFactory(Factory):
    """Makes the protocols of a distcc server.

    Args:
        compile: serves each request; see `Compile`.
        reactor: tells when a client has taken too long.
        bulk: compresses and expands bodies, and says where large ones lie; `None` makes one on
            `reactor`, which then provides `IReactorFDSet` and `IReactorThreads` as well.
        admit: says of each peer whether it may send a request at all.
        admission: holds reading back when too many jobs wait, and says how much is held for clients.
        limits: the ceilings on what a client may send.
        deadlines: how long it may take.
        identify: makes the peer of a connection's transport.
    """

    noisy = False

    def __init__(
        self,
        compile: Compile,
        reactor: IReactorTime,
        bulk: Bulk | None = None,
        *,
        admit: Callable[[Peer], Verdict] = _everyone,
        admission: Admission | None = None,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
        identify: Callable[[ITransport], Peer] = address_peer,
    ) -> None:
        self.compile = compile
        self.clock = reactor
        self.bulk: Bulk = bulk or Bulk.on(reactor)
        self.admit = admit
        self.admission: Admission = admission or Admission(1, 1)
        self.limits: Limits = limits or Limits()
        self.deadlines: Deadlines = deadlines or Deadlines()
        self.identify = identify
        self.shares: TimeShares = TimeShares(lambda turn: reactor.callLater(0, turn))
        self._connections: set[DistccServerProtocol] = set()
        self._drained: list[Deferred[None]] = []

    def give_up_reading(self) -> None:
        """Close the connections whose requests are not whole yet."""
        for connection in tuple(self._connections):
            connection.take_no_more()

    def drained(self) -> Deferred[None]:
        """Tell when no connection is left, and no job."""
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
    """One connection of a distcc server."""

    _log = Logger()

    def __init__(self, factory: DistccServerFactory) -> None:
        self.factory: DistccServerFactory = factory
        self._wire = Connection.server(factory.limits)
        self._assembly = Assembly(factory.bulk.directory)
        self._refusal: Reply | None = None
        self._is_entered = False
        self._unread = b""  # what has come, and waits for its turn
        self._is_held = False  # by `pause`
        self._is_paused = False
        self._is_gone = False
        self._job: Deferred[None] | None = None
        self._is_answered = False
        self._timer: IDelayedCall | None = None
        self._by = 0.0  # when what is received or sent now has to be whole

    @property
    def _connection(self) -> ServerTransport:
        return cast(ServerTransport, self.transport)

    def connectionMade(self) -> None:
        """Find out who it is, and begin to read."""
        assert self.transport is not None
        self.peer: Peer = self.factory.identify(self.transport)
        factory, identity = self.factory, self.peer.identity
        self._hold = Hold(factory.admission.holdings, identity)
        bulk = factory.bulk.on_behalf_of(identity)
        self._answering = Answering(self._compile, bulk, factory.limits, self._log, CancelledError)
        self._read_on()
        factory.opened(self)
        if factory.is_crowded:
            self._enter()
        factory.shares.read(self, identity)
        self._read_or_wait()

    def _enter(self) -> None:
        """Take a place, or tell why there is none, which takes a place as well."""
        self._is_entered = True
        self.factory.admission.reading(self, self.peer.identity)
        verdict = self.factory.admit(self.peer)
        if not isinstance(verdict, Refused):
            try:
                self._hold.connect()
            except CeilingMetError as error:
                verdict = Refused((str(error),), error.exit_code)
            else:
                return
        self._log.warn("{peer} may not connect: {reason}", peer=self.peer, reason=verdict)
        if self._hold.turn_away():
            self._refuse(Reply.sentence(verdict.exit_code, str(verdict)))
        else:
            self._abort()

    def dataReceived(self, data: bytes) -> None:
        """Read what came, in its turn."""
        if self._job is None:
            self._await_more()
        self._unread = self._unread + data if self._unread else data
        self.factory.shares.read(self, self.peer.identity)
        self._read_or_wait()

    @property
    def has_more(self) -> bool:
        """Whether there is something to read that may be read now."""
        is_due = not self._is_entered or (bool(self._unread) and not self._is_held)
        return is_due and not self._is_gone

    def read_some(self) -> int:
        """Read a piece of what came; see `time_shares`."""
        if not self.has_more:
            return 0
        try:
            return self._read_piece()
        except Exception:
            self._log.failure("the request of {peer} could not be read", peer=self.peer)
            self._abort()
            return _REQUEST
        finally:
            if self._is_paused:
                self._read_or_wait()

    def _read_piece(self) -> int:
        """Let the client in, or read a slice or a body; return what that cost."""
        if not self._is_entered:
            self._enter()
            return _ENTRY
        if self._job is not None:  # bytes after the request, or its refusal, belong to nobody
            dropped, self._unread = self._unread, b""
            return 1 + len(dropped) // _BULK
        if self._is_paused:  # it is not the client who keeps us waiting
            self._await_more()
        size = self._wire.reader.body_left or _SLICE
        data, self._unread = self._unread[:size], self._unread[size:]
        return 1 + len(data) // _BULK + self._read(data)

    def _read(self, data: bytes) -> int:
        """Feed, iterate, dispatch; return what that cost beside the reading of the bytes."""
        reader, cost = self._wire.reader, 0
        reader.feed(data)
        try:
            for event in reader.events():
                if isinstance(event, MessageEnd):
                    return cost + self._begin()
                cost += _TOKEN * (len(event.tokens) if isinstance(event, Run) else 1)
                self._take(event)
                if self._refusal is not None and self._assembly.has_begun:
                    self._job = self._run(self._answer_and_linger(self._refusal))
                    return cost + _REQUEST
        except RemoteProtocolError as error:
            self._reject(error)
            return cost + _REQUEST
        return cost

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: so is its job."""
        self._is_gone = True
        self._stop_reading()
        self._assembly.discard()
        if self._job is None:
            self._end()
        else:
            self._job.addBoth(lambda _: self._end())
            self._job.cancel()

    def _end(self) -> None:
        self._hold.end()
        self.factory.closed(self)

    def take_no_more(self) -> None:
        """Give up on a request that is not whole yet: the server is ending."""
        if self._job is None:
            self._abort()

    def retire(self) -> None:
        """Serve a client that is welcome no more to the end of a job that has begun, and no further."""
        if not (self._is_answered or self.factory.admission.has_begun(self.peer)):
            self._abort()

    def pause(self) -> None:
        """Read no more until `resume`: too many jobs wait."""
        self._set_timer(None)
        self._is_held = True
        self._read_or_wait()

    def resume(self) -> None:
        """Read on."""
        self._is_held = False
        self._read_on()
        self.factory.shares.read(self, self.peer.identity)
        self._read_or_wait()

    def _read_or_wait(self) -> None:
        """Take more from the network when all that came is read, and nobody holds us back."""
        if self._is_gone:
            return
        is_paused = self._is_held or bool(self._unread) or not self._is_entered
        if is_paused is not self._is_paused:
            self._is_paused = is_paused
            if is_paused:
                self._connection.pauseProducing()
            else:
                self._connection.resumeProducing()

    # Reading.

    def _take(self, event: Event) -> None:
        try:
            make_room_for(event, self._hold)
            self._assembly.take(event)
        except (CeilingMetError, OSError) as error:
            self._log.error("the request of {peer} has no room: {error}", peer=self.peer, error=error)
            self._refuse(sentence_on(error))

    def _refuse(self, reply: Reply) -> None:
        """Answer `reply` as soon as the version is known, and read nothing of the request."""
        self._refusal = reply
        self._assembly.pass_over()

    def _reject(self, error: RemoteProtocolError) -> None:
        """Give up on a client that does not keep to the protocol; tell it why, if it is one."""
        self._log.warn("{peer} broke the protocol: {error}", peer=self.peer, error=error)
        self._assembly.discard()
        if self._assembly.has_begun:
            reply = Reply.sentence(error.exit_code, f"this server: {error}")
            self._job = self._run(self._answer_and_linger(reply))
        else:
            self._abort()

    def _read_on(self) -> None:
        self._wait(self.factory.deadlines.receive)

    def _wait(self, seconds: float) -> None:
        """Give the client so long for all that comes now, and less for each piece of it."""
        self._by = self.factory.clock.seconds() + seconds
        self._set_timer(min(seconds, self.factory.deadlines.idle))

    def _await_more(self) -> None:
        left = self._by - self.factory.clock.seconds()
        if self._timer is not None and self._timer.active():
            self._timer.reset(max(0.0, min(left, self.factory.deadlines.idle)))

    def _stop_reading(self) -> None:
        self.factory.admission.done_reading(self)
        self._set_timer(None)

    def _set_timer(self, seconds: float | None) -> None:
        """Give up on the connection after `seconds`; `None` waits for ever."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if seconds is None else self.factory.clock.callLater(seconds, self._late)

    def _late(self) -> None:
        self._log.warn("{peer} took too long, its connection is closed", peer=self.peer)
        self._abort()

    def _abort(self) -> None:
        self._is_gone = True
        self._connection.abortConnection()

    # Answering.

    def _begin(self) -> int:
        """Serve the request, which is whole; return what that costs at once."""
        self._stop_reading()
        try:
            request = self._assembly.request()
        except OSError as error:
            self._job = self._run(self._answer_and_linger(sentence_on(error)))
            return _REQUEST
        self._job = self._run(self._serve(request))
        return _cost_of(request)

    def _run(self, serving: Coroutine[Deferred[object], object, None]) -> Deferred[None]:
        job = Deferred.fromCoroutine(serving)
        return job.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, CancelledError):
            return
        self._log.failure("the reply to {peer} could not be sent", failure, peer=self.peer)
        self._abort()

    async def _serve(self, request: Request) -> None:
        reply = self._kept(await self._answer(request))
        self._is_answered = True
        try:
            await self._send(reply)
        finally:
            reply.discard()
        self._connection.loseConnection()

    async def _answer(self, request: Request) -> Reply:
        admission = self.factory.admission
        if packed_source(request) is not None:
            admission.expanding(self, self.peer.identity)
        try:
            return await self._answering.answer(request, self.peer)
        finally:
            admission.done_expanding(self)

    async def _compile(self, request: Request, peer: Peer) -> Reply:
        """Have `request` served, which was expanded if it had to be."""
        self.factory.admission.done_expanding(self)
        if packed_source(request) is not None:
            self._hold.store_bodies(request.source)
        return await self.factory.compile(request, peer)

    def _kept(self, reply: Reply) -> Reply:
        """Make room for `reply` where its request was, or give a sentence, which needs none."""
        self._hold.give_up_bodies()
        try:
            self._hold.store_bodies(*reply.bodies)
        except CeilingMetError as error:
            self._log.error("the reply to {peer} has no room: {error}", peer=self.peer, error=error)
            reply.discard()
            return sentence_on(error)
        return reply

    async def _send(self, reply: Reply) -> None:
        version = self._assembly.version
        ready = await self._answering.packed(reply, version, self.peer)
        if ready is not reply:
            reply.discard()
        try:
            self._wait(self.factory.deadlines.send)
            assert self.transport is not None
            pieces = self._watched(reply_pieces(self._wire.writer, ready, version))
            await send(self.transport, pieces, self._write_in_turn)
        finally:
            ready.discard()

    def _write_in_turn(self, write: Callable[[], None]) -> None:
        """Have `write` called in the client's share of the reactor's time."""
        self.factory.shares.read(_Writing(write), self.peer.identity)

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give `pieces`; that the next one is wanted says that the client takes what it gets."""
        for piece in pieces:
            self._await_more()
            yield piece

    async def _answer_and_linger(self, reply: Reply) -> None:
        """Answer in the middle of a request: reset, the connection would lose the answer."""
        self._stop_reading()
        await self._send(reply)
        self._connection.loseWriteConnection()
        self._set_timer(LINGER)


class _Writing:
    """One piece of a reply, which is written once."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self.has_more = True

    def read_some(self) -> int:
        """Write it."""
        self.has_more = False
        self._write()
        return WRITE // _BULK


def _cost_of(request: Request) -> int:
    """Return what is done on the spot for a request: it is judged, and expanded if it is small."""
    return _REQUEST + _WORD * len(request.arguments) + largest_in_memory(request) // _BULK
