"""What goes out on a gRPC connection: a piece of each call in turn, within the server's windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from h2.connection import H2Connection
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_distcc.reapi.grpc_call import GrpcCall
from twisted_distcc.reapi.grpc_status import Code, GrpcError

# Bytes that a server may not have read of what it makes us answer: pings and settings are small.
_MOST_UNREAD: Final = 1024 * 1024
# What a server may send while no call gets on, in bytes: a window full was on its way to calls that have
# ended.  Small frames cost more than their bytes.
_MOST_USELESS: Final = 8 * 1024 * 1024
_PER_EVENT: Final = 100


@implementer(IPushProducer)
class GrpcOutput:
    """The outward half of a connection.

    Args:
        http: the state of HTTP/2.
        calls: those that have streams.
        fail: ends a call whose messages cannot be made.
        flooded: is called if the server makes us answer, and does not read it, or if what it says is
            of no use.
    """

    def __init__(
        self,
        http: H2Connection,
        calls: Mapping[int, GrpcCall],
        fail: Callable[[GrpcCall, GrpcError], None],
        flooded: Callable[[], None],
    ) -> None:
        self._http = http
        self._calls = calls
        self._fail = fail
        self._flooded = flooded
        self._unread = 0
        self._useless = 0
        self._transport: Any = None
        self._is_paused = False
        self._flushes = False

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._transport is not None

    def connect(self, transport: Any) -> None:
        """Write to `transport` from now on, an `ITransport`."""
        self._transport = transport
        transport.registerProducer(self, True)

    def flush(self) -> None:
        """Send what the server takes now, each call in turn."""
        if self._flushes:  # what is sent may make more
            return
        self._flushes = True
        try:
            while not self._is_paused and self._send_round():
                self.write()
        finally:
            self._flushes = False
        self.write()

    def write(self) -> None:
        """Write what HTTP/2 has to say."""
        if self._transport is not None and (data := self._http.data_to_send()):
            self._unread += len(data) if self._is_paused else 0
            self._transport.write(data)
            if self._unread > _MOST_UNREAD:
                self._flooded()

    def heard(self, length: int, events: int, *, is_of_use: bool) -> None:
        """Note how many bytes and events the server has sent, and whether any call gets on by them."""
        self._useless = 0 if is_of_use else self._useless + length + events * _PER_EVENT
        if self._useless > _MOST_USELESS:
            self._flooded()

    def _send_round(self) -> bool:
        """Send a piece of each call; return whether there may be more."""
        sent = [self._send_piece(call) for call in tuple(self._calls.values())]
        return any(sent)

    def _send_piece(self, call: GrpcCall) -> bool:
        """Send the next bytes of a call, if there is a window for them; return whether any were sent."""
        stream = call.stream
        if stream is None or call.is_sent or stream not in self._calls:
            return False
        most = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
        if most <= 0:
            return False
        try:
            piece = call.piece(most)
        except OSError as error:
            self._fail(call, GrpcError(Code.ABORTED, f"{error.filename or ''}: {error.strerror}"))
            return False
        self._useless = 0
        if piece:
            self._http.send_data(stream, piece)
        else:
            self._http.end_stream(stream)
        return True

    def pauseProducing(self) -> None:
        """Send no more until the transport takes more."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._is_paused, self._unread = False, 0
        self.flush()

    def stopProducing(self) -> None:
        """Send no more: the connection is gone."""
        self._is_paused = True
