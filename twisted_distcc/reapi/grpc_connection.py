"""gRPC over one HTTP/2 connection, on Twisted's reactor: many calls at a time.

    connection = GrpcConnection(clock, authority="engine:50051", scheme="http")
    await connected(endpoint, connection)
    answer = await connection.unary("/package.Service/Method", request, timeout=10)

`h2` knows HTTP/2; this module moves bytes, and keeps within what the peer takes.  A peer may do
anything: a breach ends the connection, and what comes is bounded by the calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_distcc.reapi.grpc_call import GrpcCall
from twisted_distcc.reapi.grpc_losses import loss_fault, reset_fault
from twisted_distcc.reapi.grpc_output import GrpcOutput
from twisted_distcc.reapi.grpc_status import Code, GrpcError, http_fault, status_of
from twisted_distcc.runtime.liveness import Liveness

Metadata: TypeAlias = tuple[tuple[str, str], ...]
"""Headers that go with each call, as tokens do."""

# The most bytes of a message of an answer, as all clients have it.  What is parsed of one that was made
# for that takes forty times as much memory.
_MESSAGE: Final = 4 * 1024 * 1024
_WINDOW: Final = 4 * 1024 * 1024
_PING: Final = b"tdistcc?"
# The first frame of a server, and where in a frame its kind is.
_SETTINGS: Final = 4
_KIND: Final = 3
# Seconds between two pings: a server of gRPC takes more frequent ones for an attack.
_BETWEEN_PINGS: Final = 310.0
# Seconds after which a connection that nobody uses is closed.
_IDLE: Final = 300.0


class GrpcConnection(Protocol):
    """One connection to a gRPC server.

    Args:
        clock: tells when the server is silent for too long.
        authority: its name and port, as HTTP wants them.
        scheme: `http` or `https`.
        metadata: headers for each call.
        leaves: is called once, when it takes no more calls.
    """

    def __init__(
        self,
        clock: IReactorTime,
        authority: str,
        scheme: str,
        metadata: Metadata = (),
        leaves: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._head = [(":method", "POST"), (":scheme", scheme), (":authority", authority)]
        self._tail = [("te", "trailers"), ("content-type", "application/grpc"), *metadata]
        self._leaves = leaves
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._calls: dict[int, GrpcCall] = {}
        self._waiting: deque[GrpcCall] = deque()
        self._liveness: Liveness | None = None
        self._pinged_at = -_BETWEEN_PINGS
        self._output = GrpcOutput(self._h2, self._calls, self._finish, self._flooded)
        self._is_greeted = False
        self.is_open: bool = True

    # Calls.

    def call(self, path: str, messages: Iterable[bytes]) -> GrpcCall:
        """Begin a call.

        Args:
            path: names the method.
            messages: are sent as the server takes them.
        """
        call = GrpcCall(path, messages, _MESSAGE, self._finish)
        if self.is_open:
            self._waiting.append(call)
            self._begin()
        else:
            call.end(GrpcError(Code.UNAVAILABLE, "the connection is closed"))
        return call

    async def unary(self, path: str, messages: Iterable[bytes], timeout: float) -> bytes:
        """Make a call that has one answer, and return it.

        Raises:
            GrpcError: if it fails, or takes longer than `timeout` seconds.
        """
        with self.timed(path, messages, timeout) as call:
            answer = await call.message()
            if answer is None or await call.message() is not None:
                raise GrpcError(Code.INTERNAL, "there is not one answer")
        return answer

    @contextmanager
    def timed(self, path: str, messages: Iterable[bytes], timeout: float) -> Iterator[GrpcCall]:
        """Begin a call that fails if it takes longer than `timeout` seconds; leaving ends it."""
        call = self.call(path, messages)
        late = self._clock.callLater(timeout, self._too_late, call, timeout)
        try:
            yield call
        finally:
            if late.active():
                late.cancel()
            call.abandon()

    def _too_late(self, call: GrpcCall, timeout: float) -> None:
        self._finish(call, GrpcError(Code.DEADLINE_EXCEEDED, f"no answer within {timeout:g} seconds"))

    def _finish(self, call: GrpcCall, fault: GrpcError | None) -> None:
        """End a call, and its stream, if the server has not ended it."""
        if call.stream is not None and self._calls.pop(call.stream, None) is not None:
            self._reset(call.stream)
        call.end(fault)
        self._begin()

    def _reset(self, stream: int) -> None:
        try:
            self._h2.reset_stream(stream, ErrorCodes.CANCEL)
        except H2Error:  # it has ended already
            return
        self._output.write()

    def _begin(self) -> None:
        """Begin the calls that wait, as many as the server takes at a time."""
        while self._waiting and self._may_begin:
            call = self._waiting.popleft()
            if call.is_over:
                continue
            stream = call.stream = self._h2.get_next_available_stream_id()
            self._h2.send_headers(stream, [*self._head, (":path", call.path), *self._tail])
            self._calls[stream] = call
        self._output.flush()

    @property
    def _may_begin(self) -> bool:
        most = self._h2.remote_settings.max_concurrent_streams
        return self.is_open and self._output.is_connected and len(self._calls) < most

    # What comes.

    def connectionMade(self) -> None:
        """Begin HTTP/2."""
        transport: Any = self.transport
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        self._output.connect(transport)
        self._h2.initiate_connection()
        self._h2.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW, SettingCodes.ENABLE_PUSH: 0}
        )
        self._h2.increment_flow_control_window(_WINDOW)
        self._liveness = Liveness(
            self._clock,
            is_idle=lambda: not self._calls,
            ask=self._ask,
            dead=lambda: self.fail(GrpcError(Code.UNAVAILABLE, "it does not answer any more")),
            unused=self.close,
            patience=_IDLE,
        )
        self._begin()

    def dataReceived(self, data: bytes) -> None:
        """Feed, iterate, dispatch."""
        assert self._liveness is not None
        self._liveness.heard()
        if not self._is_greeted and len(data) > _KIND:
            self._is_greeted = data[_KIND] == _SETTINGS
            if not self._is_greeted:  # h2 would wait for what it takes for a frame
                self.fail(GrpcError(Code.UNKNOWN, "it does not speak HTTP/2"))
                return
        try:
            events = self._h2.receive_data(data)
            is_of_use = any(map(self._is_of_use, events))
            self._output.heard(len(data), len(events), is_of_use=is_of_use)
            for event in events:
                self._take(event)
        except H2Error as error:
            self._output.write()  # which says goodbye
            self.fail(GrpcError(Code.UNKNOWN, f"it breaks HTTP/2: {error}"))
            return
        self._begin()

    def _is_of_use(self, event: Event) -> bool:
        """Whether a call gets on by it; anything but data comes a few times in each call."""
        return isinstance(event, DataReceived) and bool(event.data) and event.stream_id in self._calls

    def _take(self, event: Event) -> None:
        match event:
            case ConnectionTerminated():
                self._leave()
                return
        call = self._calls.get(getattr(event, "stream_id", None) or 0)
        match event:
            case DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                self._h2.acknowledge_received_data(length or 0, stream)
                if call is not None:
                    call.take(data or b"")
            case ResponseReceived(headers=headers) if call is not None:
                found = dict(headers or ())
                if (fault := http_fault(found)) is not None:
                    self._finish(call, fault)
                elif b"grpc-status" in found:  # there is nothing but trailers
                    self._settle(call, found)
            case TrailersReceived(headers=headers) if call is not None:
                self._settle(call, dict(headers or ()))
            case StreamEnded() if call is not None:
                self._finish(call, GrpcError(Code.INTERNAL, "the answer ends without a status"))
            case StreamReset(error_code=code) if call is not None:
                self._calls.pop(call.stream or 0, None)
                call.end(reset_fault(code))

    def _settle(self, call: GrpcCall, trailers: dict[bytes, bytes]) -> None:
        """End a call as its trailers say; if it has not been sent whole, the server wants no more."""
        if call.is_sent:
            self._calls.pop(call.stream or 0, None)
            call.end(status_of(trailers))
        else:
            self._finish(call, status_of(trailers))

    # The end.

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail all calls."""
        self.connected = 0
        self._end(loss_fault(reason))

    def _flooded(self) -> None:
        self.fail(GrpcError(Code.UNKNOWN, "it sends much that is of no use"))

    def fail(self, fault: GrpcError) -> None:
        """Fail all calls with `fault`, and close."""
        self._end(fault)
        self.close()

    def retire(self) -> None:
        """Take no more calls; those that are on their way go on."""
        self._leave()

    def close(self) -> None:
        """Close the connection."""
        self._leave()
        if self.connected:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def _leave(self) -> None:
        if self.is_open:
            self.is_open = False
            self._leaves()
        waiting, self._waiting = self._waiting, deque()
        for call in waiting:
            call.end(GrpcError(Code.UNAVAILABLE, "it takes no more calls"))

    def _end(self, fault: GrpcError) -> None:
        self._leave()
        if self._liveness is not None:
            self._liveness.stop()
        calls = tuple(self._calls.values())
        self._calls.clear()
        for call in calls:
            call.end(fault)

    def _ask(self) -> None:
        """Ping the server, unless it would take offence: then TCP's own keepalive has to do."""
        assert self._liveness is not None
        now = self._clock.seconds()
        if now - self._pinged_at < _BETWEEN_PINGS:
            self._liveness.heard()
            return
        self._pinged_at = now
        self._h2.ping(_PING)
        self._output.write()
