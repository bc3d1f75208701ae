"""A transport that counts what is written, for statistics."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IConsumer, IProducer, ITransport
from zope.interface import implementer

from twisted_distcc.observe.traffic import Traffic


@implementer(IConsumer)
class CountedTransport:
    """Passes everything on to `transport`, and adds what is written to `traffic`."""

    def __init__(self, transport: ITransport, traffic: Traffic) -> None:
        self._transport: Any = transport
        self._traffic = traffic

    def write(self, data: bytes) -> None:
        """Write, and count."""
        self._traffic.sent += len(data)
        self._transport.write(data)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Let `producer` write when there is room."""
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Forget it."""
        self._transport.unregisterProducer()

    def __getattr__(self, name: str) -> Any:
        """Return everything else of the transport."""
        return getattr(self._transport, name)
