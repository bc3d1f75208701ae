"""The server's end of a session: jobs of one client, many at once, over one connection.

A `ServerSession` is fed with what the client sends.  Messages are put together (`session_incoming`),
uploads are stored (`session_contents`), and jobs are served (`session_serving`).  Each stream has a hold
of its own on the server's quotas, given back when the stream ends, and deadlines as a connection of
earlier protocols: who is slow on one loses that one.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure

from twisted_distcc.errors import EXIT_IO_ERROR, EXIT_TIMEOUT, DistccError, RemoteProtocolError
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.liveness import Liveness
from twisted_distcc.runtime.session_output import SessionOutput
from twisted_distcc.runtime.stream_deadlines import CONNECTION, StreamDeadlines, Transfers
from twisted_distcc.server.connection import costs
from twisted_distcc.server.connection.session_contents import SessionContents
from twisted_distcc.server.connection.session_incoming import Incoming, Message
from twisted_distcc.server.connection.session_parts import SessionParts
from twisted_distcc.server.connection.session_serving import ServedJobs
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import Data, Greeted, SessionEvent, Stopped

_PING: Final = b"distccd?"
# Seconds after which a session that nobody uses is closed; clients close theirs sooner.
_IDLE: Final = 900.0


class LateError(DistccError):
    """A client takes too long over one stream."""

    exit_code = EXIT_TIMEOUT


class ServerSession:
    """One session.

    Args:
        peer: the client.
        transport: where to write to.
        parts: what it is served with.
        terms: the server's own, for the greeting.
    """

    def __init__(self, peer: Peer, transport: ITransport, parts: SessionParts, terms: Terms) -> None:
        self._peer = peer
        self._parts = parts
        self._session = Session.server(terms)
        self._output = SessionOutput(
            transport, self._session, self._session.close, self._not_sent, self._close_if_over
        )
        self._incoming = Incoming(parts.limits, parts.bulk.directory, parts.hold)
        self._contents = SessionContents(
            parts.blobs,
            parts.bulk,
            parts.slices,
            parts.limits.expanded,
            lambda: self._incoming.uploads,
            parts.log,
            peer,
        )
        self._jobs = ServedJobs(
            peer, parts, self._session, self._output, self._contents, self._refuse_stream
        )
        self.is_greeted: bool = False
        """Whether the client's greeting is whole."""
        self._is_leaving = False
        self._cost = 0  # of what was fed last
        self._liveness = Liveness(
            parts.clock,
            is_idle=lambda: self.is_idle,
            ask=self._ask,
            dead=self._dead,
            unused=lambda: self.go_away("the session was idle"),
            patience=_IDLE,
        )
        idle, receive, send = parts.deadlines.idle, parts.deadlines.receive, parts.deadlines.send
        transfers = (
            Transfers(self._expected, receive),
            Transfers(self._output.moved, send),
            Transfers(self._output.stuck),
        )
        self._deadlines = StreamDeadlines(parts.clock, idle, transfers, self._late)

    @property
    def is_idle(self) -> bool:
        """Whether nothing comes, is done or goes."""
        is_busy = self._jobs or self._contents.storing or self._session.open_streams
        return self._incoming.is_empty and not is_busy

    def feed(self, data: bytes) -> int:
        """Take the next bytes of the client; return what that cost, in the measure of `time_shares`.

        Raises:
            RemoteProtocolError: if the client breaks the protocol: the connection has to be closed.
        """
        self._liveness.heard()
        self._session.feed(data)
        self._cost = costs.of_bytes(len(data))
        for event in self._session.events():
            self._take(event)
            self._cost += costs.of_tokens(1)
        self._output.flush()
        return self._cost

    def refuse(self, status: int, reason: str) -> None:
        """Tell the client, in place of a greeting, that it may not connect."""
        self._session.refuse(status, reason)
        self._output.flush()
        self._close()

    def go_away(self, reason: str) -> None:
        """Take no more jobs; those that are there come to their end, and so does the connection."""
        if not self._is_leaving:
            self._is_leaving = True
            self._session.away(reason)
            self._contents.leave()
        self._output.flush()

    def close(self) -> Deferred[None]:
        """End all jobs, for the connection is gone; tell when they have ended."""
        self._liveness.stop()
        self._deadlines.stop()
        self._output.stopProducing()
        self._incoming.clear()
        self._contents.close()
        return self._jobs.end()

    def _close_if_over(self) -> None:
        if self._is_leaving and self.is_idle:
            self._close()

    def _flush(self, _result: object = None) -> None:
        self._output.flush()

    def _close(self) -> None:
        self._output.end()
        self._parts.close()

    def _ask(self) -> None:
        self._session.ping(_PING)
        self._output.flush()

    def _dead(self) -> None:
        self._parts.log.warn("{peer} does not answer any more", peer=self._peer)
        self._parts.abort()

    # Deadlines.

    def _expected(self) -> dict[int, int]:
        """Return the streams that wait for the client, and how much has come."""
        expected = self._incoming.moved()
        if not self._contents.storing:  # else it may have sent what they wait for
            expected |= dict.fromkeys(self._jobs.awaiting, self._incoming.taken)
        return expected

    def _late(self, stream: int) -> None:
        self._parts.log.warn("{peer} took too long on stream {stream}", peer=self._peer, stream=stream)
        if stream == CONNECTION:
            self._parts.abort()
            return
        self._output.drop(stream)
        self._jobs.cancel(stream)
        self._refuse_stream(stream, LateError("this took too long"))

    # What comes.

    def _take(self, event: SessionEvent) -> None:
        match event:
            case Data(stream, data):
                self._data(stream, data)
            case Stopped(stream):
                self._stopped(stream)
            case Greeted():
                self.is_greeted = True
            case _:
                pass

    def _data(self, stream: int, data: bytes) -> None:
        if stream in self._jobs or self._output.is_sending(stream):
            raise RemoteProtocolError(f"stream {stream} goes on after the end of its message")
        try:
            whole = self._incoming.take(stream, data)
        except RemoteProtocolError:
            raise
        except (DistccError, OSError) as error:
            self._refuse_stream(stream, error)
            return
        if whole is not None:
            self._cost += costs.REQUEST
            self._whole(stream, *whole)
        self._session.consumed(stream, len(data))

    def _whole(self, stream: int, message: Message, hold: Hold) -> None:
        if not isinstance(message, SessionJob):
            self._session.close(stream)
            storing = Deferred.fromCoroutine(self._contents.store(message, hold))
            storing.addErrback(self._not_stored).addCallback(self._flush)
            return
        self._jobs.begin(stream, message, hold)

    def _stopped(self, stream: int) -> None:
        self._output.drop(stream)
        self._jobs.cancel(stream)
        if self._incoming.drop(stream):
            self._contents.upload_ended(None)

    def _refuse_stream(self, stream: int, error: DistccError | OSError) -> None:
        code = error.exit_code if isinstance(error, DistccError) else EXIT_IO_ERROR
        self._parts.log.error("a message of {peer} is refused: {why}", peer=self._peer, why=error)
        self._session.stop(stream, code, str(error))
        if self._incoming.drop(stream):
            self._contents.upload_ended(error)
        self._output.flush()

    def _not_stored(self, failure: Failure) -> None:
        self._parts.log.failure("an upload of {peer} failed here", peer=self._peer)

    # What goes.

    def _not_sent(self, stream: int, failure: Failure) -> None:
        """A result could not be read to its end."""
        self._parts.log.error("a result for {peer} is lost: {why}", peer=self._peer, why=failure.value)
        self._session.stop(stream, EXIT_IO_ERROR, "the server cannot read the result any more")
