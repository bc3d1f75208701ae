"""A relay on loopback that passes everything on later, as if what is behind it were far away.

In: a test, the port of a server.  Out: the port of the relay, which is gone with the test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.live import LiveTestCase

# Seconds for one way.
_DELAY: Final = 0.02


class _End(Protocol):
    """One end of a connection through the relay: what comes from it leaves at the other one, later."""

    transport: Any

    def __init__(self, relay: Relay, other: _End | None = None) -> None:
        self._relay = relay
        self.other = other

    def connectionMade(self) -> None:
        self._relay.ends.append(self)
        if self.other is None:
            self.other = _End(self._relay, self)
            self.transport.pauseProducing()
            self._relay.connect(self.other).addCallbacks(
                lambda _: self.transport.resumeProducing(), lambda _: self.transport.abortConnection()
            )

    def dataReceived(self, data: bytes) -> None:
        assert self.other is not None
        self._relay.pass_on(data, self.other)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.other is not None and self.other.transport is not None:
            self._relay.later(self.other.transport.loseConnection)


class Relay(Factory):
    """Passes everything on later to the server at `port`."""

    def __init__(self, port: int) -> None:
        self.ends: list[_End] = []
        self._server = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        self._calls: set[IDelayedCall] = set()
        self._is_over = False

    def buildProtocol(self, address: object) -> _End:
        return _End(self)

    def connect(self, end: _End) -> Deferred[_End]:
        connecting: Deferred[_End] = connectProtocol(self._server, end)
        return connecting

    def pass_on(self, data: bytes, other: _End) -> None:
        """Have what came from one end leave at the `other` one."""
        self.later(lambda: other.transport.write(data))

    def later(self, does: Callable[[], object]) -> None:
        if self._is_over:
            return

        def now() -> None:
            self._calls.discard(call)
            does()

        call = reactor.callLater(_DELAY, now)
        self._calls.add(call)

    async def end(self) -> None:
        self._is_over = True
        for call in self._calls:
            call.cancel()
        for end in self.ends:
            end.transport.abortConnection()
        await deferLater(reactor, 0)  # so that the reactor forgets them


async def far_away(test: LiveTestCase, port: int) -> int:
    """Return the port of a relay that leads to `port`."""
    return await relayed(test, Relay(port))


async def relayed(test: LiveTestCase, relay: Relay) -> int:
    """Return the port of `relay`."""
    listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(relay)
    test.addCleanup(relay.end)
    test.addCleanup(listening.stopListening)
    return int(listening.getHost().port)
