"""Servers that mean harm, and the real client: its build succeeds, and its agent stays small."""

from __future__ import annotations

from typing import Final

from twisted.internet import reactor
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from tests.agent.home import HomeTestCase
from tests.faults.rubbish import RubbishFactory
from tests.hostile.attack import MIB, memory
from tests.hostile.test_wire import bomb

_BEGINNING: Final = b"DONE00000002STAT00000000"
_NOTHING: Final = b"SERR00000000SOUT00000000"


def token(name: bytes, data: bytes, length: int | None = None) -> bytes:
    """Give a token that carries `data`, or says that it carries more."""
    return name + b"%08x" % (len(data) if length is None else length) + data


class DrippingFactory(ServerFactory):
    """Sends a reply byte by byte, for ever."""

    noisy = False

    def buildProtocol(self, addr: object) -> Protocol:
        return _Dripping()


class _Dripping(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(_BEGINNING + _NOTHING + b"DOTO00001000")
        self._dripping = LoopingCall(self.transport.write, b"x")
        self._dripping.start(0.1)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._dripping.stop()


class HostileServerTests(HomeTestCase):
    def listen(self, factory: ServerFactory) -> None:
        """Make a server of this process the user's host, of which replies are compressed."""
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{port.getHost().port}/2,lzo"

    async def answers(self, said: bytes) -> str:
        """Compile with a server that says this: it is done here all the same; give what was said."""
        self.listen(RubbishFactory(_BEGINNING + said))
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        (self.work / "hello.o").unlink(missing_ok=True)
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o")
        self.is_right()
        self.assertEqual(self.left(), ["hello.c", "hello.o"])
        return child.stderr

    async def test_bodies_that_burst(self) -> None:
        """Objects of gigabytes, and words of more than anybody reads, cost the agent next to nothing."""
        await self.answers(b"")
        agent = self.agent()
        before = memory(agent, "VmHWM")
        for said in (
            _NOTHING + token(b"DOTO", bomb(4_300_000)),
            _NOTHING + token(b"DOTO", b"", 0xFFFF_FFFF),
            token(b"SERR", bomb(140_000)) + token(b"SOUT", b"") + token(b"DOTO", b""),
            token(b"SERR", b"", 1 << 30),
        ):
            self.assertIn("sent a bad reply", await self.answers(said))
        self.assertLess(memory(agent, "VmHWM") - before, 128 * MIB)

    async def test_too_little(self) -> None:
        """Success without an object is none, and neither is a reply that is cut off."""
        self.assertIn("sent no object file", await self.answers(_NOTHING + token(b"DOTO", b"")))
        cut = _NOTHING + token(b"DOTO", bytes(100), 100_000)
        self.assertIn("hung up in the middle", await self.answers(cut))

    async def test_slower_than_the_time_allowed(self) -> None:
        """A reply that never ends is waited for no longer than DISTCC_IO_TIMEOUT says."""
        self.listen(DrippingFactory())
        child = await self.succeeds(
            "tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o", DISTCC_IO_TIMEOUT="1"
        )
        self.assertIn("gave no reply within 1 seconds", child.stderr)
        self.is_right()
        self.assertEqual(self.left(), ["hello.c", "hello.o"])
