"""Connections in memory: what is carried, when, and how they end."""

from __future__ import annotations

from twisted.internet.error import ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_distcc.testing import (
    CLIENT_ADDRESS,
    SERVER_ADDRESS,
    Fault,
    Garbage,
    HangUp,
    MemoryEndpoint,
    Slow,
    Stall,
)


class Recorder(Protocol):
    """Keeps what happens to it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.end: type[BaseException] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.end = reason.type

    @property
    def data(self) -> bytes:
        return b"".join(self.received)


class Recorders(Factory):
    """Builds recorders, and keeps them."""

    def __init__(self) -> None:
        self.built: list[Recorder] = []
        self.addresses: list[object] = []

    def buildProtocol(self, addr: object) -> Recorder:
        self.addresses.append(addr)
        self.built.append(Recorder())
        return self.built[-1]


@implementer(IPullProducer)
class Countdown:
    """Writes a piece whenever it is asked, and unregisters after the last."""

    def __init__(self, transport: object, pieces: int) -> None:
        self.transport = transport
        self.left = pieces
        self.is_stopped = False

    def resumeProducing(self) -> None:
        self.left -= 1
        self.transport.write(b"%d" % self.left)
        if not self.left:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.is_stopped = True


class NetworkTestCase(SynchronousTestCase):
    """A client and a server, both recorders."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.servers = Recorders()
        self.endpoint = MemoryEndpoint(self.servers, self.clock)

    def join(self, on_request: Fault | None = None, on_reply: Fault | None = None) -> None:
        self.endpoint.on_request, self.endpoint.on_reply = on_request, on_reply
        connecting = self.endpoint.connect(Factory.forProtocol(Recorder))
        self.client = self.successResultOf(connecting)
        self.server = self.servers.built[-1]

    def settle(self) -> None:
        self.clock.advance(0)


class ConnectingTests(NetworkTestCase):
    """How a connection begins."""

    def test_addresses(self) -> None:
        """Each end sees the other's address, the server's factory the client's."""
        self.join()
        self.assertEqual(self.servers.addresses, [CLIENT_ADDRESS])
        for end, host, peer in (
            (self.client, CLIENT_ADDRESS, SERVER_ADDRESS),
            (self.server, SERVER_ADDRESS, CLIENT_ADDRESS),
        ):
            self.assertEqual((end.transport.getHost(), end.transport.getPeer()), (host, peer))

    def test_unreachable(self) -> None:
        """A server that is not reachable refuses, and no protocol of its is built."""
        self.endpoint.reachable = False
        self.failureResultOf(self.endpoint.connect(Factory.forProtocol(Recorder)), ConnectError)
        self.assertEqual(self.servers.built, [])

    def test_refusing_factory(self) -> None:
        """A factory that builds nothing refuses."""
        refusing = Factory()
        refusing.buildProtocol = lambda addr: None
        endpoint = MemoryEndpoint(refusing, self.clock)
        self.failureResultOf(endpoint.connect(Factory.forProtocol(Recorder)), ConnectError)


class CarryingTests(NetworkTestCase):
    """What is sent arrives, by the clock."""

    def test_both_ways(self) -> None:
        """Bytes arrive at the other end, in their order."""
        self.join()
        self.client.transport.write(b"a")
        self.client.transport.writeSequence([b"b", b"c"])
        self.server.transport.write(b"d")
        self.settle()
        self.assertEqual((self.server.received, self.client.received), ([b"a", b"bc"], [b"d"]))

    def test_not_inside_write(self) -> None:
        """Nothing arrives inside the call that sent it."""
        self.join()
        self.client.transport.write(b"a")
        self.assertEqual(self.server.received, [])

    def test_pause(self) -> None:
        """An end that reads no more gets what was sent, and the end, when it reads on."""
        self.join()
        self.server.transport.pauseProducing()
        self.client.transport.write(b"a")
        self.client.transport.loseConnection()
        self.settle()
        self.assertEqual((self.server.received, self.server.end), ([], None))
        self.server.transport.resumeProducing()
        self.settle()
        self.assertEqual((self.server.received, self.server.end), ([b"a"], ConnectionDone))

    def test_pull_producer(self) -> None:
        """A pull producer is asked until it unregisters; only then is the connection closed."""
        self.join()
        self.client.transport.registerProducer(Countdown(self.client.transport, 3), False)
        self.client.transport.loseConnection()
        self.settle()
        self.assertEqual((self.server.data, self.server.end), (b"210", ConnectionDone))

    def test_push_producer(self) -> None:
        """A push producer is left to itself."""
        self.join()
        producer = Countdown(self.client.transport, 3)
        self.client.transport.registerProducer(producer, True)
        self.settle()
        self.assertEqual((producer.left, producer.is_stopped), (3, False))

    def test_producer_of_lost_connection(self) -> None:
        """A producer whose connection was lost is stopped."""
        self.join(on_request=Stall())
        producer = Countdown(self.client.transport, 3)
        self.client.transport.registerProducer(producer, False)
        self.server.transport.abortConnection()
        self.settle()
        self.assertEqual((producer.is_stopped, self.client.end), (True, ConnectionLost))


class ClosingTests(NetworkTestCase):
    """How a connection ends."""

    def test_lose(self) -> None:
        """Closing lets arrive what was written, and both ends learn of it, once they may."""
        self.join()
        self.client.transport.write(b"a")
        self.client.transport.loseConnection()
        self.client.transport.write(b"too late")
        self.assertIs(self.client.end, None)
        self.settle()
        self.assertEqual(self.server.received, [b"a"])
        self.assertEqual((self.client.end, self.server.end), (ConnectionDone, ConnectionDone))

    def test_lose_half(self) -> None:
        """Closing the sending half closes an end that knows nothing of halves, and then this one."""
        self.join()
        self.server.transport.loseWriteConnection()
        self.settle()
        self.assertEqual((self.client.end, self.server.end), (ConnectionDone, ConnectionDone))

    def test_stop_producing(self) -> None:
        """A transport that is told to produce no more closes."""
        self.join()
        self.client.transport.stopProducing()
        self.settle()
        self.assertEqual((self.client.end, self.server.end), (ConnectionDone, ConnectionDone))

    def test_abort(self) -> None:
        """Aborting tells this end that it was, and the other that the connection is lost."""
        self.join()
        self.server.transport.write(b"not read any more")
        self.client.transport.abortConnection()
        self.settle()
        self.assertEqual((self.client.end, self.server.end), (ConnectionAborted, ConnectionLost))
        self.assertEqual(self.client.received, [])

    def test_told_once(self) -> None:
        """Whatever follows the end is not told any more."""
        self.join()
        self.client.transport.abortConnection()
        self.client.transport.loseConnection()
        self.settle()
        self.client.end = self.server.end = None
        self.server.transport.abortConnection()
        self.client.transport.loseConnection()
        self.settle()
        self.assertEqual((self.client.end, self.server.end), (None, None))


class FaultTests(NetworkTestCase):
    """What can go wrong on the way."""

    def test_hang_up(self) -> None:
        """The bytes before it arrive, then the end."""
        self.join(on_reply=HangUp(3))
        self.server.transport.write(b"ab")
        self.settle()
        self.assertEqual((self.client.data, self.client.end), (b"ab", None))
        self.server.transport.write(b"cd")
        self.settle()
        self.assertEqual((self.client.data, self.client.end), (b"abc", ConnectionDone))
        self.assertEqual(self.server.end, ConnectionDone)

    def test_hang_up_at_last_byte(self) -> None:
        """It happens as soon as so many bytes were carried, whether or not there are more."""
        self.join(on_reply=HangUp(2))
        self.server.transport.write(b"ab")
        self.settle()
        self.assertEqual((self.client.data, self.client.end), (b"ab", ConnectionDone))

    def test_other_way_is_sound(self) -> None:
        """A fault on one way leaves the other way alone."""
        self.join(on_reply=Stall())
        self.server.transport.write(b"lost")
        self.client.transport.write(b"carried")
        self.settle()
        self.assertEqual((self.client.data, self.server.data), (b"", b"carried"))

    def test_stall(self) -> None:
        """Nothing arrives after so many bytes, not even the end."""
        self.join(on_reply=Stall(1))
        self.server.transport.write(b"ab")
        self.server.transport.write(b"c")
        self.server.transport.loseConnection()
        self.clock.advance(1000)
        self.assertEqual((self.client.data, self.client.end), (b"a", None))
        self.assertEqual(self.server.end, ConnectionDone)

    def test_garbage(self) -> None:
        """Other bytes arrive in place of the rest, and then the end as usual."""
        self.join(on_reply=Garbage(b"XYZ", after=1))
        self.server.transport.write(b"ab")
        self.server.transport.write(b"c")
        self.server.transport.loseConnection()
        self.settle()
        self.assertEqual((self.client.data, self.client.end), (b"aXYZ", ConnectionDone))

    def test_slow(self) -> None:
        """Each piece takes its time, one after the other, and the end comes after them."""
        self.join(on_reply=Slow(2.0, piece=2))
        self.server.transport.write(b"abc")
        self.server.transport.loseConnection()
        arrived = []
        for _ in range(5):
            self.clock.advance(1)
            arrived.append((self.client.data, self.client.end))
        self.assertEqual(
            arrived,
            [
                (b"", None),
                (b"ab", None),
                (b"ab", None),
                (b"abc", ConnectionDone),
                (b"abc", ConnectionDone),
            ],
        )

    def test_next_connection(self) -> None:
        """A fault is that of the connections that begin while it is set."""
        self.join(on_request=Stall())
        stalled = self.client
        self.join()
        for client in (stalled, self.client):
            client.transport.write(b"a")
        self.settle()
        self.assertEqual([server.data for server in self.servers.built], [b"", b"a"])
