"""A network in memory: an endpoint that connects to a factory, and faults on the way.

A `MemoryEndpoint` takes a server's factory and a `Clock`, and makes connections that look real to both
ends, without sockets.  Everything arrives by the clock, never inside the call that sent it; without a
fault it takes no time, so `clock.advance(0)` delivers everything in flight, and the answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProducer,
    IProtocol,
    IProtocolFactory,
    IPullProducer,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

# From the networks that RFC 5737 reserves for documentation.
CLIENT_ADDRESS: Final = IPv4Address("TCP", "192.0.2.1", 40000)
"""The default address of the client."""
SERVER_ADDRESS: Final = IPv4Address("TCP", "192.0.2.2", 3632)
"""The address of the server."""

Address: TypeAlias = IPv4Address | IPv6Address | UNIXAddress


@dataclass(frozen=True, slots=True)
class HangUp:
    """The sender hangs up once `after` bytes were delivered."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing is delivered after `after` bytes, not even the sender's hanging up."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """After `after` bytes, `data` arrives in place of the rest."""

    data: bytes = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    after: int = 0


@dataclass(frozen=True, slots=True)
class Slow:
    """Each `piece` bytes, or the rest of a write, take `seconds` of the clock."""

    seconds: float
    piece: int = 1024


Fault: TypeAlias = HangUp | Stall | Garbage | Slow
"""A fault in one direction of a connection."""

# What arrives: bytes, or that the sender closed (`ConnectionDone`) or reset (`ConnectionLost`).
_Item: TypeAlias = bytes | type[ConnectionDone | ConnectionLost]


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """Connects to the protocols that `server` builds.

    Args:
        server: the server's factory.
        clock: delivers all bytes; the two ends should measure time by it, too.
        address: the client's address, as the server sees it.

    Attributes:
        address: as above; like all that follow, it may be changed between connections.
        reachable: whether connections are accepted; if not, they are refused.
        on_request: the fault on the way to the server, for future connections; `None` for none.
        on_reply: the fault on the way back.
    """

    def __init__(
        self, server: IProtocolFactory, clock: Clock, address: Address = CLIENT_ADDRESS
    ) -> None:
        self.address = address
        self.reachable = True
        self.on_request: Fault | None = None
        self.on_reply: Fault | None = None
        self._server = server
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of `protocolFactory`; even what it sends at once arrives by the clock.

        The Deferred has fired already: with the protocol, or with a `ConnectError`.
        """
        there = self._server.buildProtocol(self.address) if self.reachable else None
        here = protocolFactory.buildProtocol(SERVER_ADDRESS)
        if here is None or there is None:
            return fail(ConnectError(string="connection refused"))
        ours = _End(here, _Way(self._clock, self.on_request), self.address, SERVER_ADDRESS)
        theirs = _End(there, _Way(self._clock, self.on_reply), SERVER_ADDRESS, self.address)
        ours.other, theirs.other = theirs, ours
        here.makeConnection(ours)
        there.makeConnection(theirs)
        return succeed(here)


class _Way:
    """One direction of a connection."""

    def __init__(self, clock: Clock, fault: Fault | None) -> None:
        self.clock = clock
        self.carries = True
        self._fault = fault
        self._carried = 0
        self._is_silent = False
        self._free_at = clock.seconds()

    @property
    def delay(self) -> float:
        """Seconds until everything that was sent has arrived."""
        return max(0.0, self._free_at - self.clock.seconds())

    def send(self, data: bytes, receiver: _End) -> None:
        """Deliver `data`, or what the fault makes of it."""
        for seconds, item in self._spoil(data) if self.carries else ():
            self._free_at = self.clock.seconds() + self.delay + seconds
            self.clock.callLater(self.delay, receiver.arrive, item)

    def end(self, item: _Item, receiver: _End) -> None:
        """Deliver the news that the sender has gone."""
        if not self._is_silent:
            self.clock.callLater(self.delay, receiver.arrive, item)

    def _spoil(self, data: bytes) -> Iterable[tuple[float, _Item]]:
        match self._fault:
            case None:
                yield 0.0, data
            case Slow(seconds, piece):
                for start in range(0, len(data), piece):
                    yield seconds, data[start : start + piece]
            case HangUp() | Stall() | Garbage() as fault:
                if sound := data[: max(0, fault.after - self._carried)]:
                    yield 0.0, sound
                self._carried += len(data)
                if self._carried >= fault.after:
                    yield from self._break(fault)

    def _break(self, fault: HangUp | Stall | Garbage) -> Iterable[tuple[float, _Item]]:
        self.carries = False
        match fault:
            case HangUp():
                yield 0.0, ConnectionDone
            case Stall():
                self._is_silent = True
            case Garbage(data):
                yield 0.0, data


@implementer(ITransport, IConsumer, IPushProducer)
class _End:
    """One end of a connection: the transport of one protocol.

    It accepts everything that is written, so a push producer is never paused.  If the peer closes one
    direction, both are closed, as in Twisted for protocols that do not support half-closing.
    """

    other: _End

    def __init__(self, protocol: IProtocol, way: _Way, host: IAddress, peer: IAddress) -> None:
        self._protocol = protocol
        self._way = way
        self._host = host
        self._peer = peer
        self._arrived: deque[_Item] = deque()
        self._producer: IProducer | None = None
        self._when_written: Callable[[], None] | None = None
        self._is_writing = True
        self._is_reading = True
        self._is_paused = False
        self._is_lost = False

    def getHost(self) -> IAddress:
        return self._host

    def getPeer(self) -> IAddress:
        return self._peer

    # TLS calls these on its transport, whatever that is.

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    # Sending.

    def write(self, data: bytes) -> None:
        if self._is_writing and data:
            self._way.send(data, self.other)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self._producer = producer
        if not streaming:
            self._way.clock.callLater(0, self._pull, producer)

    def unregisterProducer(self) -> None:
        self._producer = None
        self._close_if_written()

    def _pull(self, producer: IPullProducer) -> None:
        if self._producer is producer and self._way.carries:
            producer.resumeProducing()
            self._way.clock.callLater(self._way.delay, self._pull, producer)

    # Closing.

    def loseConnection(self) -> None:
        self._when_written = self._close
        self._close_if_written()

    def loseWriteConnection(self) -> None:
        self._when_written = self._close_write
        self._close_if_written()

    def abortConnection(self) -> None:
        self._is_writing = self._is_reading = False
        self._way.end(ConnectionLost, self.other)
        self._way.clock.callLater(0, self._lose, ConnectionAborted)

    def _close_if_written(self) -> None:
        if self._when_written is not None and self._producer is None:
            self._is_writing = False
            self._when_written()

    def _close(self) -> None:
        self._close_write()
        self._way.clock.callLater(self._way.delay, self._lose, ConnectionDone)

    def _close_write(self) -> None:
        self._way.end(ConnectionDone, self.other)

    def _lose(self, reason: type[Exception]) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self._is_writing = self._is_reading = False
        if self._producer is not None:
            self._producer.stopProducing()
        self._protocol.connectionLost(Failure(reason()))

    # Receiving.

    def pauseProducing(self) -> None:
        self._is_paused = True

    def resumeProducing(self) -> None:
        self._is_paused = False
        self._way.clock.callLater(0, self._release)

    def stopProducing(self) -> None:
        self.loseConnection()

    def arrive(self, item: _Item) -> None:
        """Receive what the other end sent; it is held back while reading is paused."""
        self._arrived.append(item)
        self._release()

    def _release(self) -> None:
        while self._arrived and self._is_reading and not self._is_paused:
            item = self._arrived.popleft()
            if isinstance(item, bytes):
                self._protocol.dataReceived(item)
            else:
                self._close_write()
                self._lose(item)
