"""One gRPC call: the messages that are still to be sent, and those of the answer.

    call = connection.call("/package.Service/Method", [request])
    while (message := await call.message()) is not None:
        ...

`message` raises `GrpcError` if the call has failed.  Leaving a call early is for `abandon`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi.grpc_messages import MessageAssembly, framed
from twisted_distcc.reapi.grpc_status import Code, GrpcError


class GrpcCall:
    """A call, from the caller's and from the connection's side.

    Args:
        path: names the method.
        messages: are sent, one after the other, as the peer takes them.
        most: the bytes of one message of the answer at the most.
        abandon: is called to end the call early, with a fault.

    Attributes:
        path: as above.
        stream: the number of its stream, once it has one.
    """

    def __init__(
        self,
        path: str,
        messages: Iterable[bytes],
        most: int,
        abandon: Callable[[GrpcCall, GrpcError], None],
    ) -> None:
        self.path = path
        self.stream: int | None = None
        self._abandon = abandon
        self._outgoing = iter(messages)
        self._piece = b""
        self._is_sent = False
        self._assembly = MessageAssembly(most)
        self._messages: deque[bytes] = deque()
        self._waiting: Deferred[None] | None = None
        self._is_over = False
        self._fault: GrpcError | None = None

    async def message(self) -> bytes | None:
        """Return the next message of the answer; `None` if there are no more, and all went well.

        Cancelling abandons the call.

        Raises:
            GrpcError: if it has failed.
        """
        while not self._messages and not self._is_over:
            self._waiting = Deferred(self._cancel)
            await self._waiting
        if self._messages:
            return self._messages.popleft()
        if self._fault is not None:
            raise self._fault
        return None

    def _cancel(self, _waiting: Deferred[None]) -> None:
        self._waiting = None  # which fails with `CancelledError`, not with a fault of the engine's
        self.abandon()

    def abandon(self) -> None:
        """End the call early, unless it is over."""
        self._abandon(self, GrpcError(Code.CANCELLED, "nobody wants the answer"))

    # The connection's side.

    @property
    def is_over(self) -> bool:
        """Whether the answer is complete, or never will be."""
        return self._is_over

    @property
    def is_sent(self) -> bool:
        """Whether everything has been sent."""
        return self._is_sent

    def piece(self, most: int) -> bytes:
        """Return the next bytes to send, `most` of them at the most; b"" if there are no more.

        Raises:
            OSError: if what is to be sent cannot be read.
        """
        if not self._piece:
            message = next(self._outgoing, None)
            self._piece = b"" if message is None else framed(message)
            self._is_sent = message is None
        piece, self._piece = self._piece[:most], self._piece[most:]
        return piece

    def take(self, data: bytes) -> None:
        """Take the next bytes of the answer."""
        try:
            self._messages.extend(self._assembly.feed(data))
        except RemoteProtocolError as error:
            self._abandon(self, GrpcError(Code.INTERNAL, str(error)))
        else:
            self._wake()

    def end(self, fault: GrpcError | None) -> None:
        """End the call: with `fault`, or well, if the answer is whole."""
        if self._is_over:
            return
        if fault is None and not self._assembly.is_whole:
            fault = GrpcError(Code.INTERNAL, "the answer ends in the middle of a message")
        self._is_over, self._fault = True, fault
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)
