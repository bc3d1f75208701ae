"""Servers that answer, hang up or talk rubbish while a large request is still on its way, over TCP."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    CannotConnectError,
    LostConnectionError,
)
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.runtime.bulk import Bulk

reactor: Any = cast(Any, global_reactor)

# More than the sockets of both ends take while nobody reads.
LARGE = 32 * 1024 * 1024
REPLY = b"DONE00000001STAT00000100SERR00000006no\nno\nSOUT00000000DOTO00000000"


class Early(Protocol):
    """Says `words` at the first bytes, reads no more, and hangs up if `hangs_up`."""

    def __init__(self, words: bytes, hangs_up: bool) -> None:
        self.words = words
        self.hangs_up = hangs_up

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(self.words)
        if self.hangs_up:
            transport.loseConnection()
        else:
            transport.pauseProducing()


class EarlyEndTests(TestCase):
    timeout = 60

    async def ask(self, words: bytes, *, hangs_up: bool) -> Reply:
        """Send a large request to a server that ends it early, and leave nothing behind."""
        factory = Factory.forProtocol(lambda: Early(words, hangs_up))
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        source = Path(self.mktemp())
        source.write_bytes(b"int x;\n" * (LARGE // 7))
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        client = DistccClient(endpoint, reactor, Bulk.on(reactor))
        return await client.compile(Request((b"gcc", b"-c", b"x.c"), Body.adopt(str(source))))

    async def test_a_reply(self) -> None:
        """A reply that comes early is a reply: a server may have read enough."""
        reply = await self.ask(REPLY, hangs_up=False)
        self.assertEqual((reply.exit_code, reply.stderr.read()), (1, b"no\nno\n"))

    async def test_hanging_up(self) -> None:
        """A server that hangs up has failed, and nothing was cancelled."""
        with self.assertRaises(LostConnectionError):
            await self.ask(b"", hangs_up=True)

    async def test_rubbish(self) -> None:
        """A server that talks rubbish has failed."""
        with self.assertRaises(BadReplyError):
            await self.ask(b"HTTP/1.1 400 Bad Request\r\n\r\n", hangs_up=False)

    async def test_a_name_that_is_none(self) -> None:
        """A host's name that no host can have is a host that cannot be reached."""
        client = DistccClient(HostnameEndpoint(reactor, "a..b", 3632), reactor, Bulk.on(reactor))
        with self.assertRaises(CannotConnectError):
            await client.compile(Request((b"gcc",), Body.of(b"")))
