"""Send the pieces of a message through a transport, at its own pace.

`send` joins pieces into large writes (a small token and its body are sent together, which suits TLS and
the network), and returns a Deferred that fires when the last piece was handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPullProducer, ITransport
from zope.interface import implementer

from twisted_distcc.jobs.assembly import joined

InTurn: TypeAlias = Callable[[Callable[[], None]], None]
"""Calls a function, now or later."""


def _now(write: Callable[[], None]) -> None:
    write()


def send(transport: ITransport, pieces: Iterator[bytes], in_turn: InTurn = _now) -> Deferred[None]:
    """Write all `pieces` to `transport`, which also provides `IConsumer`.

    When the transport has room, `in_turn` decides when the next write is made.
    The Deferred fails with whatever the iterator raises: a file may vanish or shrink while it is sent.
    """
    sending = _Sending(transport, joined(pieces), in_turn)
    sending.start()
    return sending.done


@implementer(IPullProducer)
class _Sending:
    """A pull producer that makes one write each time the transport has room."""

    def __init__(self, transport: ITransport, writes: Iterator[bytes], in_turn: InTurn) -> None:
        self._transport = transport
        self._writes = writes
        self._in_turn = in_turn
        self._is_due = False
        self._next: bytes | None = None
        self._registered = False
        self.done: Deferred[None] = Deferred(lambda _: self._stop())

    def start(self) -> None:
        """Write a short message at once; let the transport pull a longer one."""
        if self._advance() and self._write() and self._next is not None:
            self._registered = True
            IConsumer(self._transport).registerProducer(self, False)

    def resumeProducing(self) -> None:
        if not self._is_due:  # TLS asks again and again, until it has enough
            self._is_due = True
            self._in_turn(self._write_next)

    def _write_next(self) -> None:
        self._is_due = False
        if self._next is not None:  # else the connection has gone meanwhile
            self._write()

    def stopProducing(self) -> None:
        """Stop: the connection is gone.  Whoever waits learns that from the connection."""
        self._writes = iter(())
        self._next = None

    def _advance(self) -> bool:
        try:
            self._next = next(self._writes, None)
        except Exception:
            self._stop()
            self.done.errback()
            return False
        return True

    def _write(self) -> bool:
        if self._next is not None:
            self._transport.write(self._next)
        if not self._advance():
            return False
        if self._next is None:
            self._stop()
            self.done.callback(None)
        return True

    def _stop(self) -> None:
        self.stopProducing()
        if self._registered:
            self._registered = False
            IConsumer(self._transport).unregisterProducer()
