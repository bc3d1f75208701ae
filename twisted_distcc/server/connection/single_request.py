"""One request of protocols 1 to 3, and its reply, on a connection of their own.

A `SingleRequest` drives a `Conversation` with Twisted: it reads the request within deadlines, and not
while too many jobs wait; it has the request served, and writes the reply at the pace of the client.  A
request that is refused in its middle is answered at once, and the rest of it is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Final, Protocol, cast

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.jobs.assembly import WRITE
from twisted_distcc.jobs.compression import packed_source
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.sending import send
from twisted_distcc.server.connection import costs
from twisted_distcc.server.connection.conversation import Conversation, HangUp, Next, Refusal
from twisted_distcc.server.connection.deadline_timer import DeadlineTimer
from twisted_distcc.server.connection.paced_input import PacedInput
from twisted_distcc.server.connection.server_transport import ServerTransport
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import LINGER, Deadlines
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.server.scheduling.time_shares import TimeShares
from twisted_distcc.wire.limits import Limits

# Bytes of a request that are read at a time, unless they are a body's.
_SLICE: Final = 8 * 1024


class Serving(Protocol):
    """What requests are served with; see `DistccServerFactory`."""

    compile: Compile
    clock: IReactorTime
    bulk: Bulk
    admission: Admission
    limits: Limits
    deadlines: Deadlines
    shares: TimeShares
    traffic: Traffic | None


class SingleRequest:
    """One request, from its first byte to the last one of its reply.

    Args:
        peer: who sends it.
        hold: what is held for the client.
        transport: the connection.
        paced: the client's input, which is held back while too many jobs wait.
        serving: what it is served with.
        abort: closes the connection at once.
    """

    _log = Logger()

    def __init__(
        self,
        peer: Peer,
        hold: Hold,
        transport: ServerTransport,
        paced: PacedInput,
        serving: Serving,
        abort: Callable[[], None],
    ) -> None:
        self._peer = peer
        self._transport = transport
        self._input = paced
        self._serving = serving
        self._abort = abort
        self._traffic = serving.traffic
        self._began: float | None = None  # when the first byte came, if anybody wants to know
        self._timer = DeadlineTimer(serving.clock, serving.deadlines.idle, self._late)
        self._job: Deferred[None] | None = None
        self._is_answered = False
        self._conversation = Conversation(
            peer,
            hold,
            compile=self._compile,
            packing=serving.bulk.on_behalf_of(peer.identity),
            limits=serving.limits,
            log=self._log,
            cancelled=CancelledError,
        )

    # Reading.

    def begin(self) -> None:
        """Wait for the request."""
        self._timer.start(self._serving.deadlines.receive)

    def turn_away(self, verdict: Refused) -> None:
        """Refuse whatever is asked, for the reasons of `verdict`."""
        self._conversation.turn_away(verdict)

    def came(self) -> None:
        """Note that bytes have come, which may have to wait for their turn."""
        if self._job is None:
            self._timer.piece()
        if self._traffic is not None and self._began is None:
            self._began = self._serving.clock.seconds()

    @property
    def piece_size(self) -> int:
        """How many bytes to read at a time: a slice, or the rest of a body."""
        return self._conversation.body_left or _SLICE

    def read(self, piece: bytes) -> int:
        """Read the next bytes; return the cost."""
        if self._job is not None:  # bytes after the request, or its refusal, belong to nobody
            return costs.of_bytes(len(piece))
        if self._input.is_paused:  # it is not the client who keeps us waiting
            self._timer.piece()
        tokens = self._conversation.tokens
        cost = self._go_on(self._conversation.feed(piece))
        return cost + costs.of_bytes(len(piece)) + costs.of_tokens(self._conversation.tokens - tokens)

    def _go_on(self, outcome: Next) -> int:
        """Do what is due when bytes have come; return what that costs at once."""
        match outcome:
            case Request() as request:
                self.stop_reading()
                if self._traffic is not None and self._began is not None:
                    self._traffic.receiving.add(self._serving.clock.seconds() - self._began)
                self._job = self._run(self._serve(request))
                return costs.of_request(request)
            case Refusal(reply):
                self._job = self._run(self._answer_and_linger(reply))
                return costs.REQUEST
            case HangUp():
                if self._traffic is not None:
                    self._traffic.broken += 1
                self._abort()
                return costs.REQUEST
            case None:
                return 0

    def pause(self) -> None:
        """Read no more until `resume`: too many jobs wait."""
        self._timer.stop()
        self._input.hold()

    def resume(self) -> None:
        """Read on."""
        self.begin()
        self._input.release()

    def stop_reading(self) -> None:
        """Read no more: the request is whole, or it is none."""
        self._serving.admission.done_reading(self)
        self._timer.stop()

    # The end.

    def take_no_more(self) -> None:
        """Give up on a request that is not whole yet: the server is ending."""
        if self._job is None:
            self._abort()

    def retire(self) -> None:
        """Serve a client that is welcome no more to the end of a job that has begun, and no further."""
        if not (self._is_answered or self._serving.admission.has_begun(self._peer)):
            self._abort()

    def lost(self) -> Deferred[None]:
        """End the job, for the client is gone; tell when it has ended."""
        self.stop_reading()
        self._conversation.discard()
        if self._job is None:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._job.addBoth(lambda _: ended.callback(None))
        self._job.cancel()
        return ended

    def _late(self) -> None:
        self._log.warn("{peer} took too long, its connection is closed", peer=self._peer)
        if self._traffic is not None:
            self._traffic.late += 1
        self._abort()

    # Answering.

    def _run(self, serving: Coroutine[Deferred[object], object, None]) -> Deferred[None]:
        job = Deferred.fromCoroutine(serving)
        return job.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, CancelledError):
            return
        self._log.failure("the reply to {peer} could not be sent", failure, peer=self._peer)
        self._abort()

    async def _serve(self, request: Request) -> None:
        reply = await self._answer(request)
        self._is_answered = True
        await self._send(reply)
        self._transport.loseConnection()

    async def _answer(self, request: Request) -> Reply:
        admission = self._serving.admission
        if packed_source(request) is not None:
            admission.expanding(self, self._peer.identity)
        try:
            return await self._conversation.answer(request)
        finally:
            admission.done_expanding(self)

    async def _compile(self, request: Request, peer: Peer) -> Reply:
        """Have `request` served, which was expanded if it had to be."""
        self._serving.admission.done_expanding(self)
        return await self._serving.compile(request, peer)

    async def _send(self, reply: Reply) -> None:
        async with self._conversation.pieces(reply) as pieces:
            self._timer.start(self._serving.deadlines.send)
            transport = cast(ITransport, self._transport)
            began = self._serving.clock.seconds()
            await send(transport, self._watched(pieces), self._write_in_turn)
            if self._traffic is not None:
                self._traffic.sending.add(self._serving.clock.seconds() - began)

    def _write_in_turn(self, write: Callable[[], None]) -> None:
        """Have `write` called in the client's share of the reactor's time."""
        self._serving.shares.read(_Writing(write), self._peer.identity)

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass `pieces` on; that the next one is wanted says that the client takes what it gets."""
        for piece in pieces:
            self._timer.piece()
            if self._traffic is not None:
                self._traffic.sent += len(piece)
            yield piece

    async def _answer_and_linger(self, reply: Reply) -> None:
        """Answer in the middle of a request: reset, the connection would lose the answer."""
        self.stop_reading()
        await self._send(reply)
        self._transport.loseWriteConnection()
        self._timer.linger(LINGER)


class _Writing:
    """One piece of a reply, which is written once."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self.has_more = True

    def read_some(self) -> int:
        """Write it."""
        self.has_more = False
        self._write()
        return costs.of_bytes(WRITE)
