"""An engine at a port of loopback that is as good as any, until it is asked to run the first job.

In: what it then answers, as messages or as bytes of HTTP/2.  Out: its word for a hosts list, and how
many jobs it has got.  It says that it has whatever it is asked for, so that nothing need be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from h2.exceptions import H2Error
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from tests.reapi.double import Double, done
from twisted_distcc.reapi import schema

OUTPUT: Final = ".tdistcc-0/output.o"
HEAD: Final = b"\x88\x0f\x10\x10application/grpc"  # :status 200, content-type
# Where a compiler has to be to answer the question what the root of a job is.
_ROOT: Final = b"/.tdistcc-probe/here"

Attack: TypeAlias = list[Any] | Callable[[int], bytes]
"""The messages of an answer, or the bytes that are sent on the connection, by the stream of the call."""


def frame(kind: int, payload: bytes, stream: int = 0, flags: int = 0) -> bytes:
    """Return a frame of HTTP/2."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def begun(stream: int) -> bytes:
    """Return the head of an answer of gRPC."""
    return frame(1, HEAD, stream, flags=4)


class HostileEngine(Double):
    """One engine.

    Args:
        reactor: listens.
        attack: what it answers to whoever has it run a job.
        blobs: what else it has.
    """

    def __init__(self, reactor: Any, attack: Attack, blobs: dict[str, bytes]) -> None:
        super().__init__(reactor, blobs=blobs)
        self._reactor = reactor
        self._attack = attack
        self._has_told = False
        self.jobs = 0
        self.connections: list[Any] = []
        factory = Factory.forProtocol(lambda: _Served(self))
        factory.noisy = False
        self.port = reactor.listenTCP(0, factory, interface="127.0.0.1")

    @property
    def word(self) -> str:
        """Its word for a hosts list."""
        return f"grpc://127.0.0.1:{self.port.getHost().port}/4"

    async def close(self) -> None:
        """Listen no more, and cut all connections."""
        await maybeDeferred(self.port.stopListening)
        for connection in self.connections:
            connection.transport.abortConnection()
        await deferLater(self._reactor, 0)

    def _send(self, transport: Any, data: bytes) -> None:
        transport.transport.write(data)

    def _answer(self, transport: Any, stream: int, name: str, messages: list[bytes]) -> None:
        if name != "Execute" or not self._has_told:
            super()._answer(transport, stream, name, messages)
            return
        self.jobs += 1
        if isinstance(self._attack, list):
            self._succeed(stream, self._attack)
        else:
            self._send(transport, self._attack(stream))

    def _FindMissingBlobs(self, _messages: list[bytes]) -> Any:
        return schema.FindMissingBlobsResponse()

    def _Execute(self, messages: list[bytes]) -> Any:
        """Answer the question what the root of a job is; folders are not returned."""
        outputs = schema.ExecuteRequest.FromString(messages[0]).inline_output_files
        self._has_told = bool(outputs)
        files = [schema.OutputFile(path=path, contents=_ROOT) for path in outputs]
        return done(schema.ActionResult(output_files=files))


class _Served(Protocol):
    """One connection."""

    def __init__(self, engine: HostileEngine) -> None:
        self._engine = engine
        self.is_open = True

    def connectionMade(self) -> None:
        self._engine.connections.append(self)
        self._engine.begin()

    def dataReceived(self, data: bytes) -> None:
        try:
            self._engine.take(self, data)
        except H2Error:  # it is not prepared for the answers to its attacks
            self.transport.abortConnection()  # type: ignore[union-attr]
