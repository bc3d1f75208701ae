"""Hold a conversation on the streams that ssh, inetd or xinetd gave us, and wait in place.

There is one client and one job, so nobody else has to be served meanwhile.  What is said is
`conversation`'s; what the streams do is `streams`'.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from twisted_distcc.jobs.assembly import joined
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.server.connection.blocking import done
from twisted_distcc.server.connection.conversation import Conversation, HangUp, Refusal
from twisted_distcc.server.connection.streams import GoneError, LateError, Streams, ToldToEndError
from twisted_distcc.server.quotas.deadlines import LINGER, Deadlines
from twisted_distcc.wire.session_grammar import SESSION_OPENING


class Visit:
    """One client's connection, from its first byte to our last.

    Args:
        streams: the connection.
        peer: who it is.
        conversation: what is said.
        deadlines: how long the client may take.
        log: is told what goes wrong.
    """

    def __init__(
        self, streams: Streams, peer: Peer, conversation: Conversation, deadlines: Deadlines, log: Log
    ) -> None:
        self._streams = streams
        self._peer = peer
        self._conversation = conversation
        self._deadlines = deadlines
        self._log = log
        self._begun = b""
        self._is_over = False

    def begin(self) -> bytes:
        """Return the first bytes that come: as many as tell which protocol the client speaks, or none.

        Raises:
            ToldToEndError: if that was the end.
        """
        self._until_the_end(self._begin)
        return self._begun

    def _begin(self) -> None:
        receive_by = monotonic() + self._deadlines.receive
        while len(self._begun) < len(SESSION_OPENING):
            self._begun += self._read(receive_by)

    def serve(self, verdict: Verdict) -> None:
        """Serve the client, if it may connect, until it is served or gone.

        Raises:
            ToldToEndError: if that was the end.
        """
        if not self._is_over:
            self._until_the_end(lambda: self._serve(verdict))
        self._conversation.discard()

    def _until_the_end(self, work: Callable[[], None]) -> None:
        """Do `work`; if the connection ends meanwhile, so does the visit."""
        self._is_over = True
        try:
            work()
        except ToldToEndError:
            self._conversation.discard()
            raise
        except LateError:
            self._log.warn("{peer} took too long, its connection is closed", peer=self._peer)
        except GoneError:
            pass
        except Exception:
            self._log.failure("the reply to {peer} could not be sent", peer=self._peer)
        else:
            self._is_over = False

    def _serve(self, verdict: Verdict) -> None:
        if isinstance(verdict, Refused):
            self._log.warn("{peer} may not connect: {reason}", peer=self._peer, reason=verdict)
            self._conversation.turn_away(verdict)
        match self._receive():
            case Request() as request:
                done(self._send(done(self._conversation.answer(request))))
            case Refusal(reply):
                self._answer_and_linger(reply)
            case HangUp():
                pass

    def _receive(self) -> Request | Refusal | HangUp:
        """Read until something can be done; what comes after that belongs to nobody."""
        receive_by = monotonic() + self._deadlines.receive
        data = self._begun or self._read(receive_by)
        while (outcome := self._conversation.feed(data)) is None:
            data = self._read(receive_by)
        return outcome

    def _read(self, receive_by: float) -> bytes:
        data = self._streams.read(min(receive_by, monotonic() + self._deadlines.idle))
        if not data:
            raise GoneError
        return data

    def _answer_and_linger(self, reply: Reply) -> None:
        """Answer in the middle of a request.

        The client may go on sending for a while, for to close with bytes unread would take the answer
        from it.
        """
        done(self._send(reply))
        self._streams.half_close()
        until = monotonic() + LINGER
        while self._streams.read(until):
            pass

    async def _send(self, reply: Reply) -> None:
        async with self._conversation.pieces(reply) as pieces:
            until = monotonic() + self._deadlines.send
            for piece in joined(pieces):
                self._streams.write(piece, until)
