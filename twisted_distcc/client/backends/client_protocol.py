"""A distcc client as a Twisted protocol, and the client that uses it once per job.

`DistccClient.compile` takes a request, and returns a Deferred with the reply of the server at an
endpoint.  `dispatch` chooses the server, and decides what to do when it fails; here every failure of the
other side, or on the way there, becomes a `HostError`.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_distcc.client.backends.connecting import connected
from twisted_distcc.client.backends.host_faults import (
    UNNAMED,
    BadReplyError,
    HostError,
    LostConnectionError,
    NoAnswerError,
    SlowHostError,
)
from twisted_distcc.client.journal.unit_record import COMPILER, TRANSFER
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.content.body import Folder
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.jobs.assembly import Assembly, request_pieces
from twisted_distcc.jobs.compression import compress_request, expand_reply
from twisted_distcc.jobs.model import Reply, Request, is_wait_status
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.sending import send
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import MessageEnd
from twisted_distcc.wire.limits import Limits

IO_TIMEOUT: Final = 300.0


class DistccClient:
    """Sends requests to the server at `endpoint`, each over a connection of its own.

    Args:
        endpoint: connects to the server.
        reactor: provides `IReactorTime`, for the timeout.
        bulk: compresses and expands bodies, and decides where large ones are kept; `None` makes one on
            `reactor`, which must then provide `IReactorFDSet` and `IReactorThreads` as well.
        limits: the ceilings on what the server may send.
        io_timeout: seconds that a job may take, from connecting to the complete reply.
        server: the server's name in error messages, such as `buildbox:3632`.
        progress: is told what the server is sent, and when it answers.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        reactor: IReactorTime,
        bulk: Bulk | None = None,
        *,
        limits: Limits | None = None,
        io_timeout: float = IO_TIMEOUT,
        server: str = UNNAMED,
        progress: UnitWatch | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = reactor
        self._bulk = bulk or Bulk.on(reactor)
        self._limits = limits or Limits()
        self._io_timeout = io_timeout
        self._server = server
        self._progress = progress or UnitWatch()

    def compile(self, request: Request) -> Deferred[Reply]:
        """Send `request`, and return a Deferred of the reply.  The caller owns both.

        Cancelling closes the connection, which ends the compiler on the server.  The Deferred fails
        with a `HostError` when the server does, with `OSError` when the disk here does, and with a
        `LocalProtocolError` if the request exceeds what the protocol can carry.
        """
        job = Deferred.fromCoroutine(self._compile(request))
        job.addTimeout(self._io_timeout, self._clock, self._too_slow)
        return job.addErrback(self._name_server)

    def _name_server(self, failure: Failure) -> Failure:
        if isinstance(failure.value, HostError):
            failure.value.server = self._server
        return failure

    def _too_slow(self, result: Reply | Failure, seconds: float) -> Reply | Failure:
        if isinstance(result, Failure) and isinstance(result.value, CancelledError):
            raise SlowHostError(f"gave no reply within {seconds:g} seconds")
        return result

    async def _compile(self, request: Request) -> Reply:
        try:
            ready = await compress_request(self._bulk, request)
        except RemoteProtocolError as error:  # the body is our own
            raise LocalProtocolError(str(error)) from error
        try:
            reply, version = await self._exchange(ready)
        finally:
            if ready is not request:
                ready.discard()
        expanded = None
        try:
            expanded = await expand_reply(self._bulk, reply, version, self._limits)
        except RemoteProtocolError as error:
            raise BadReplyError(f"sent a bad reply: {error}") from error
        finally:
            if expanded is not reply:
                reply.discard()
        return expanded

    async def _exchange(self, ready: Request) -> tuple[Reply, int]:
        exchange = _Exchange(ready, self._bulk.directory, self._limits, self._progress)
        return await (await connected(self._endpoint, exchange)).result()


class _Exchange(Protocol):
    """One connection: sends a request, compressed as its version requires, and reads the reply."""

    def __init__(self, request: Request, directory: Folder, limits: Limits, progress: UnitWatch) -> None:
        self._request = request
        self._progress = progress
        self._wire = Connection.client(limits)
        self._assembly = Assembly(directory)
        self._sending: Deferred[None] | None = None
        self._done: Deferred[tuple[Reply, int]] = Deferred(lambda _: self._close())

    def result(self) -> Deferred[tuple[Reply, int]]:
        """Return a Deferred of the reply as received, and its version."""
        return self._done

    def connectionMade(self) -> None:
        """Send the request."""
        assert self.transport is not None
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        pieces = request_pieces(self._wire.writer, self._request)
        self._sending = send(self.transport, self._progress.traffic.outward(pieces))
        self._sending.addCallbacks(self._sent, self._sending_failed)

    def dataReceived(self, data: bytes) -> None:
        """Feed, iterate, dispatch."""
        self._progress.enter(TRANSFER)
        self._progress.traffic.received += len(data)
        reader = self._wire.reader
        reader.feed(data)
        try:
            for event in reader.events():
                if isinstance(event, MessageEnd):
                    self._finish()
                    return
                self._assembly.take(event)
        except RemoteProtocolError as error:
            self._fail(Failure(BadReplyError(f"sent a bad reply: {error}")))
        except OSError:
            self._fail(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail unless the reply is complete."""
        if reason.check(HostError):  # the transport knows more than that it is lost
            self._fail(reason)
        else:
            self._fail(Failure(self._cut_short(reason)))

    def _sent(self, _: object) -> None:
        """Count the time until the answer begins as the compiler's: these servers do not tell it."""
        if not self._assembly.has_begun:
            self._progress.enter(COMPILER)

    def _sending_failed(self, failure: Failure) -> None:
        """Fail, as the request could not be sent completely; not if we gave it up ourselves."""
        if not isinstance(failure.value, CancelledError):
            self._fail(failure)

    def _cut_short(self, reason: Failure) -> LostConnectionError:
        if self._assembly.has_begun:
            return LostConnectionError("hung up in the middle of its reply")
        return NoAnswerError(f"hung up without an answer ({reason.getErrorMessage()})")

    def _finish(self) -> None:
        reply, version = self._assembly.reply(), self._assembly.version
        if not is_wait_status(reply.status):
            self._fail(
                Failure(BadReplyError(f"sent a bad reply: no program ends with {reply.status:#x}"))
            )
            reply.discard()
            return
        self._close()
        self._done.callback((reply, version))

    def _fail(self, failure: Failure) -> None:
        if not self._done.called:
            self._assembly.discard()
            self._close()
            self._done.errback(failure)

    def _close(self) -> None:
        self._assembly.discard()
        if self._sending is not None:
            self._sending.cancel()
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]
