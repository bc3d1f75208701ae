"""A server for one connection, on the streams that ssh, inetd or xinetd gave us.

In: a connection, and who is at its other end.  Out: one job's reply, and the end.  The story of the job
is told by `exchange`, and what is said when it fails by `answer`, as in the server with Twisted; here is
how one connection is read and written when there is no other.  Loading Twisted would take longer than
all of this.
"""

from __future__ import annotations

from time import monotonic

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.assembly import Assembly, joined, reply_pieces
from twisted_distcc.jobs.model import Reply
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.server.connection.answer import Answering, sentence_on
from twisted_distcc.server.connection.blocking import done
from twisted_distcc.server.connection.streams import GoneError, LateError, Streams, ToldToEndError
from twisted_distcc.server.quotas.deadlines import LINGER, Deadlines
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import Event, MessageEnd


class Visit:
    """One client's connection, from its first byte to our last.

    Args:
        streams: the connection.
        peer: who it is.
        answering: answers its request.
        deadlines: how long it may take.
    """

    def __init__(self, streams: Streams, peer: Peer, answering: Answering, deadlines: Deadlines) -> None:
        self._streams = streams
        self._peer = peer
        self._answering = answering
        self._log = answering.log
        self._deadlines = deadlines
        self._wire = Connection.server(answering.limits)
        self._assembly = Assembly(answering.packing.directory)
        self._refusal: Reply | None = None

    def serve(self, verdict: Verdict) -> None:
        """Serve the client, if it may connect, until it is served or gone.

        Raises:
            ToldToEndError: if that was the end.
        """
        try:
            self._serve(verdict)
        except ToldToEndError:
            raise
        except LateError:
            self._log.warn("{peer} took too long, its connection is closed", peer=self._peer)
        except GoneError:
            pass
        except Exception:
            self._log.failure("the reply to {peer} could not be sent", peer=self._peer)
        finally:
            self._assembly.discard()

    def _serve(self, verdict: Verdict) -> None:
        if isinstance(verdict, Refused):
            self._log.warn("{peer} may not connect: {reason}", peer=self._peer, reason=verdict)
            self._refuse(Reply.sentence(verdict.exit_code, str(verdict)))
        try:
            self._receive()
        except RemoteProtocolError as error:
            self._reject(error)
        else:
            self._answer_or_refuse()

    def _answer_or_refuse(self) -> None:
        if self._refusal is None:
            self._send(self._answer())
        else:
            self._send_and_linger(self._refusal)

    def _receive(self) -> None:
        """Read the request, or so much of one that is refused that it can be answered.

        What comes after that belongs to nobody.
        """
        receive_by = monotonic() + self._deadlines.receive
        while True:
            data = self._streams.read(min(receive_by, monotonic() + self._deadlines.idle))
            if not data:
                raise GoneError
            self._wire.reader.feed(data)
            for event in self._wire.reader.events():
                if isinstance(event, MessageEnd):
                    return
                self._take(event)
                if self._refusal is not None and self._assembly.has_begun:
                    return

    def _take(self, event: Event) -> None:
        try:
            self._assembly.take(event)
        except OSError as error:
            self._log.error("the request of {peer} has no room: {error}", peer=self._peer, error=error)
            self._refuse(sentence_on(error))

    def _refuse(self, reply: Reply) -> None:
        """Answer `reply` as soon as the version is known, and read nothing of the request."""
        self._refusal = reply
        self._assembly.pass_over()

    def _reject(self, error: RemoteProtocolError) -> None:
        """Tell a client that does not keep to the protocol why, if it is one."""
        self._log.warn("{peer} broke the protocol: {error}", peer=self._peer, error=error)
        self._assembly.discard()
        if self._assembly.has_begun:
            self._send_and_linger(Reply.sentence(error.exit_code, f"this server: {error}"))

    def _send_and_linger(self, reply: Reply) -> None:
        """Answer in the middle of a request.

        The client may go on sending for a while, for to close with bytes unread would take the answer
        from it.
        """
        self._send(reply)
        self._streams.half_close()
        until = monotonic() + LINGER
        while self._streams.read(until):
            pass

    def _answer(self) -> Reply:
        return done(self._answering.answer(self._assembly.request(), self._peer))

    def _send(self, reply: Reply) -> None:
        version = self._assembly.version
        try:
            ready = done(self._answering.packed(reply, version, self._peer))
            until = monotonic() + self._deadlines.send
            try:
                for piece in joined(reply_pieces(self._wire.writer, ready, version)):
                    self._streams.write(piece, until)
            finally:
                ready.discard()
        finally:
            reply.discard()
