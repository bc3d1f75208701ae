"""Write what a session has to send, as fast as its transport takes it.

Both ends of a session send many messages at once, some of them large.  A message is given as an iterator
of its pieces, and no more of it is taken than will go out soon::

    output = SessionOutput(transport, session, sent, failed)
    output.send(stream, job_pieces(...))     # as much of it as may go now
    output.send(stream, pieces, over)        # `over` gives up what the pieces are made of
    output.flush()                           # after anything else that the session was told
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias

from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.runtime.stream_deadlines import CONNECTION
from twisted_distcc.wire.session import Session

# Bytes of one message that are made ahead, and bytes of all messages that are written at a time.
_AHEAD: Final = 64 * 1024
_WRITE: Final = 128 * 1024

Pieces: TypeAlias = Generator[bytes, None, None]
_Message: TypeAlias = tuple[Pieces, Callable[[], None]]


@implementer(IPushProducer)
class SessionOutput:
    """The sending half of one end of a session.

    Args:
        transport: takes bytes; it also provides `IConsumer`.
        session: says which bytes are next.
        sent: is told of a stream whose message was handed over whole.
        failed: is told of a stream whose message could not be made, and of why; the stream has to be
            stopped then.
        flushed: is called when all that may go has been written.
    """

    def __init__(
        self,
        transport: ITransport,
        session: Session,
        sent: Callable[[int], None],
        failed: Callable[[int, Failure], None],
        flushed: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport: Any = transport
        self._session = session
        self._sent = sent
        self._failed = failed
        self._flushed = flushed
        self._messages: dict[int, _Message] = {}
        self._is_paused = False
        self._is_stopped = False
        self._is_flushing = False
        IConsumer(transport).registerProducer(self, True)

    def send(self, stream: int, pieces: Pieces, over: Callable[[], None] = lambda: None) -> None:
        """Send the message `pieces` on `stream`.

        Args:
            stream: where to.
            pieces: the message.
            over: is called once when no more pieces are made, even if none was: a generator that has not
                begun does nothing when it is closed.
        """
        self._messages[stream] = pieces, over
        if self._is_stopped:
            self.drop(stream)
        self.flush()

    def is_sending(self, stream: int) -> bool:
        """Return whether a message on `stream` has yet to be made to its end."""
        return stream in self._messages

    def moved(self) -> dict[int, int]:
        """Return the streams whose messages have yet to go, and how far each has come."""
        waiting = {*self._messages, *self._session.sending}
        return {stream: self._session.progress(stream) for stream in waiting}

    def stuck(self) -> dict[int, int]:
        """Return how far the connection has come, if the other end reads less than is sent."""
        return {CONNECTION: self._session.gone} if self._is_paused else {}

    def drop(self, stream: int) -> None:
        """Make no more of the message on `stream`."""
        if (message := self._messages.pop(stream, None)) is not None:
            pieces, over = message
            pieces.close()
            over()

    def flush(self) -> None:
        """Write all that may go now."""
        if self._is_flushing:  # by whoever is told of a message that failed
            return
        self._is_flushing = True
        try:
            while not self._is_paused:
                self._fill()
                data = self._session.outgoing(_WRITE)
                if not data:
                    break
                self._transport.write(data)
        finally:
            self._is_flushing = False
        if not self._is_paused:
            self._flushed()

    def end(self) -> None:
        """Write no more, and let the transport close when it has written all that it was given."""
        self._is_paused = True
        IConsumer(self._transport).unregisterProducer()

    def pauseProducing(self) -> None:
        """Write no more until the transport has room."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._is_paused = False
        self.flush()

    def stopProducing(self) -> None:
        """Write no more: the connection is gone."""
        self._is_paused = self._is_stopped = True
        for stream in tuple(self._messages):
            self.drop(stream)

    def _fill(self) -> None:
        """Make some more of each message that has little left to send."""
        for stream, (pieces, _) in tuple(self._messages.items()):
            try:
                self._fill_one(stream, pieces)
            except Exception:
                self.drop(stream)
                self._failed(stream, Failure())

    def _fill_one(self, stream: int, pieces: Pieces) -> None:
        while self._session.queued(stream) < _AHEAD:
            piece = next(pieces, None)
            if piece is None:
                self.drop(stream)
                self._session.finish(stream)
                self._sent(stream)
                return
            self._session.send(stream, piece)
