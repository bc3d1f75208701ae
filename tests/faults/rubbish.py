"""Servers that answer what is no reply.

In: a kind of rubbish.  Out: a listening port of this process, whose server says that, and no more, to
whoever sends it anything.  It refuses to know requests.
"""

from __future__ import annotations

from random import Random
from typing import Final

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, ServerFactory

_BEGINNING: Final = b"DONE00000001STAT00000000"
HTTP: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NOISE: Final = Random(20).randbytes(4096)
GIANT: Final = _BEGINNING + b"SERRffffffff"
HALF: Final = _BEGINNING + b"SERR00000000SOUT00000000DOTO00001000" + b"half of an object"


class RubbishFactory(ServerFactory):
    """Says `rubbish` to everybody, and hangs up; counts those who heard it."""

    noisy = False

    def __init__(self, rubbish: bytes) -> None:
        self.rubbish = rubbish
        self.told = 0

    def buildProtocol(self, addr: object) -> Protocol:
        return _Rubbish(self)


class _Rubbish(Protocol):
    factory: RubbishFactory
    transport: ITransport

    def __init__(self, factory: RubbishFactory) -> None:
        self.factory = factory
        self._has_told = False

    def dataReceived(self, data: bytes) -> None:
        """Answer at once; the rest of the request is read, or the answer would be lost by a reset."""
        if not self._has_told:
            self._has_told = True
            self.factory.told += 1
            self.transport.write(self.factory.rubbish)
            self.transport.loseWriteConnection()  # type: ignore[attr-defined]
