"""What is said on a connection to a server, in the words of the wire's own two halves.

In: words of a command and a source, or the bytes of a reply.  Out: the bytes of a request, or an
`Answer`.  It refuses to know how the bytes travel, save for `ask`, which takes them over loopback.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_distcc.content.body import Body
from twisted_distcc.content.lzo import compress, expand
from twisted_distcc.jobs.assembly import Assembly, request_pieces
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.plain_trees import pack_tree
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import MessageEnd

COMPILE: Final = ("gcc", "-c", "hello.c", "-o", "hello.o")
_NO_LINKS: Final[Mapping[bytes, bytes]] = MappingProxyType({})
SOURCE: Final = b'# 1 "hello.c"\nint main(void) { return 0; }\n'


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, expanded, in memory."""

    exit_code: int
    stderr: str
    stdout: bytes
    object_file: bytes
    dependencies: bytes = b""


def request_bytes(
    command: Sequence[str | bytes] = COMPILE, source: bytes = SOURCE, version: int = 1
) -> bytes:
    """Give what a client sends to have `source` compiled by `command`."""
    words = tuple(os.fsencode(word) for word in command)
    body = Body.of(compress(source) if version == 2 else source)
    return _bytes_of(Request(words, body, version))


def tree_bytes(
    files: Mapping[bytes, bytes],
    command: Sequence[str | bytes] = COMPILE,
    *,
    links: Mapping[bytes, bytes] = _NO_LINKS,
    directory: bytes = b"/project",
) -> bytes:
    """Give what a client in `directory` sends to have files of a tree compiled by `command`."""
    words = tuple(os.fsencode(word) for word in command)
    return _bytes_of(Request(words, version=3, tree=pack_tree(directory, files, links)))


def _bytes_of(request: Request) -> bytes:
    return b"".join(request_pieces(Connection.client().writer, request))


def answer_of(reply: bytes, version: int = 1) -> Answer:
    """Read the bytes of a whole reply to a request of `version`, after which nothing comes."""
    connection, assembly = Connection.client(), Assembly()
    tree = pack_tree(b"/", {}) if version == 3 else None
    b"".join(request_pieces(connection.writer, Request((b"cc",), version=version, tree=tree)))
    connection.reader.feed(reply)
    events = list(connection.reader.events())
    if not events or events[-1] != MessageEnd() or connection.reader.trailing:
        raise AssertionError(f"this is not one whole reply: {reply!r}")
    for event in events:
        assembly.take(event)
    return _answer(assembly.reply(), version)


def _answer(reply: Reply, version: int) -> Answer:
    if version == 1:
        return answered(reply)
    stderr, *others = (expand(body.read(), 1 << 30) for body in reply.bodies)
    reply.discard()
    return Answer(reply.exit_code, stderr.decode(), *others)


def answered(reply: Reply) -> Answer:
    """Return the answer that a reply is; it is given up."""
    stderr, *others = (body.read() for body in reply.bodies[:4])
    reply.discard()
    return Answer(reply.exit_code, stderr.decode(), *others)


class Client(Protocol):
    """A connection on which a test sends what it likes; `closed` gives all that came, at its end."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.setTcpNoDelay(True)  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(bytes(self.received))

    def send(self, data: bytes) -> None:
        """Send `data`."""
        assert self.transport is not None
        self.transport.write(data)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        assert self.transport is not None
        self.transport.loseWriteConnection()  # type: ignore[attr-defined]

    def abort(self) -> None:
        """Go, without a word, if this is not gone."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]


async def connect(port: int, host: str = "127.0.0.1") -> Client:
    """Connect to a server."""
    client = Client()
    await connectProtocol(HostnameEndpoint(reactor, host, port), client)
    return client


async def ask(
    port: int,
    command: Sequence[str | bytes] = COMPILE,
    source: bytes = SOURCE,
    version: int = 1,
    host: str = "127.0.0.1",
) -> Answer:
    """Have `source` compiled by the server at `port`, and give its answer."""
    client = await connect(port, host)
    client.send(request_bytes(command, source, version))
    return answer_of(await client.closed, version)


def has_ipv6() -> bool:
    """Say whether this machine has the address `::1`."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
