"""One session with a server: many jobs over one connection, and only the files that the server lacks.

A `ClientSession` is a Twisted protocol.  When the server has greeted it, it takes jobs::

    session = await endpoint.connect(factory)
    await session.greeted()
    reply = await session.compile(request, folder)

A job is sent as the digests of its inputs (`session_inputs`).  What this end has not sent before goes
ahead of it, in an upload (`session_uploads`); what the server asks for all the same is sent then.  Each
job waits for its result (`session_jobs`) on a stream of its own (`session_streams`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    GoingAwayError,
    HostError,
    LostConnectionError,
    NoAnswerError,
    RefusedByHostError,
    SlowHostError,
)
from twisted_distcc.client.backends.reconnecting import Event
from twisted_distcc.client.backends.session_inputs import SentContent, laid_out
from twisted_distcc.client.backends.session_jobs import Places
from twisted_distcc.client.backends.session_streams import ClientStreams
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Folder
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.runtime.liveness import Liveness
from twisted_distcc.runtime.stream_deadlines import (
    CONNECTION,
    IDLE,
    WHOLE,
    StreamDeadlines,
    Transfers,
)
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_events import (
    Away,
    Data,
    Greeted,
    Needed,
    Refused,
    SessionEvent,
    Stopped,
)

FRAME: Final = 64 * 1024
WINDOW: Final = 256 * 1024
_PING: Final = b"tdistcc?"
# Seconds after which a session that nobody uses is closed.
_IDLE: Final = 300.0
# One for a job, and one for what the server lacks of it.
_FEWEST_STREAMS: Final = 2


class ClientSession(Protocol):
    """One connection to a server that speaks protocol 4.

    Args:
        clock: tells when the server has been silent, or slow, for too long.
        sent: what has been sent to this server so far, in this session and before.
        folders: remembers the folders of jobs, for all sessions.
        leaves: is called once, when the session takes no more jobs: with `RETIRED` if nobody used it,
            and with `LOST` otherwise.
        limits: the ceilings on what the server may send.
    """

    def __init__(
        self,
        clock: IReactorTime,
        sent: SentContent,
        folders: EncodedFolders,
        leaves: Callable[[Event], None] = lambda _: None,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._sent = sent
        self._folders = folders
        self._session = Session.client(Terms(frame=FRAME, window=WINDOW))
        self._streams = ClientStreams(self._session, sent, limits or Limits(), self._close_if_over)
        self._leaves = leaves
        self._greeted: Deferred[None] = Deferred()
        self._places = Places(1)
        self._liveness: Liveness | None = None
        self._deadlines: StreamDeadlines | None = None

    def greeted(self) -> Deferred[None]:
        """Return a Deferred that fires when the server has greeted us.

        The Deferred fails with a `NoAnswerError` if the server hangs up instead, as those do that do not
        speak protocol 4, and with a `RefusedByHostError` if we may not connect.
        """
        return self._greeted

    @property
    def is_open(self) -> bool:
        """Whether it takes jobs."""
        return self._streams.is_open

    @property
    def is_idle(self) -> bool:
        """Whether no job is on its way."""
        return not (self._streams.has_jobs or self._streams.uploads)

    async def is_there(self) -> bool:
        """Say whether the server answers; one that has just been heard does."""
        return self._liveness is not None and await self._liveness.answers()

    async def compile(
        self,
        request: Request,
        folder: Folder,
        packing: Packing | None = None,
        traffic: Traffic | None = None,
    ) -> Reply:
        """Have `request` served; it stays the caller's, the reply becomes the caller's.

        Cancelling ends the compiler on the server.

        Args:
            request: what is asked.
            folder: where large bodies of the reply lie.
            packing: compresses blobs; `None` sends them as they are.
            traffic: counts what is sent, and the result.

        Raises:
            HostError: if the server does not do its part.
            OSError: if the disk here does not.
        """
        traffic = traffic or Traffic()
        job, inputs = laid_out(request, self._folders, packs=packing is not None)
        await self._places.acquire()
        try:
            self._check_open()
            await self._streams.uploads.send_lacking(inputs, packing, traffic)
            self._check_open()
            if request.tools is not None:  # it is sent what of them it asks for: they are large
                inputs = {**request.tools.blobs, **inputs}
            return await self._streams.begin(job, inputs, folder, packing, traffic).reply()
        finally:
            self._places.release()

    def _check_open(self) -> None:
        if not self.is_open:
            raise GoingAwayError("is going away")

    # The connection.

    def connectionMade(self) -> None:
        """Greet."""
        assert self.transport is not None
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        self._streams.connect(self.transport)
        self._liveness = self._watch()
        transfers = Transfers(self._streams.moved, WHOLE), Transfers(self._streams.stuck)
        self._deadlines = StreamDeadlines(self._clock, IDLE, transfers, self._late)

    def dataReceived(self, data: bytes) -> None:
        """Feed, iterate, dispatch."""
        assert self._liveness is not None
        self._liveness.heard()
        self._session.feed(data)
        try:
            for event in self._session.events():
                self._take(event)
        except RemoteProtocolError as error:
            self.fail(self._fault(error))
        self._streams.flush()
        self._streams.uploads.begin()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail whatever is not complete."""
        if reason.check(HostError):  # the transport knows more than that it is lost
            self._end(reason)
        else:
            self.fail(NoAnswerError(f"hung up without an answer ({reason.getErrorMessage()})"))

    def _fault(self, error: RemoteProtocolError) -> HostError:
        """Return what is wrong with a server that sends what is none of protocol 4."""
        if self._greeted.called:
            return BadReplyError(f"broke the protocol: {error}")
        return NoAnswerError(f"does not speak protocol 4: {error}")

    def _take(self, event: SessionEvent) -> None:
        match event:
            case Greeted(terms):
                self._greet(terms)
            case Refused(status, reason):
                self.fail(RefusedByHostError.of(Reply.sentence(status >> 8, reason)))
            case Data(stream, data):
                self._streams.read(stream, data)
            case Needed(stream, digests):
                self._streams.answer_need(stream, digests)
            case Stopped(stream, code, text):
                self._streams.stopped(stream, code, text)
            case Away():
                self.retire()

    def _greet(self, terms: Terms) -> None:
        if terms.jobs < _FEWEST_STREAMS:
            error = f"takes {terms.jobs} stream at a time, which is too few for a job and its files"
            self.fail(NoAnswerError(error))
            return
        self._places = Places(terms.jobs // 2)
        self._streams.most_uploads = terms.jobs - terms.jobs // 2
        self._sent.begin(terms.know)
        self._greeted.callback(None)

    # The end.

    def _late(self, stream: int) -> None:
        """Have a server that does not take what it is sent have no more jobs."""
        slow = SlowHostError("does not take what it is sent")
        if stream == CONNECTION:
            self.fail(slow)
        else:
            self._streams.not_sent(stream, Failure(slow))
            self.retire()

    def fail(self, error: HostError) -> None:
        """Fail all jobs with `error`, and close."""
        self._end(Failure(error))

    def retire(self, why: Event = Event.LOST) -> None:
        """Send no more jobs, and close when those that are on their way have ended."""
        self._leave(why)
        self._close_if_over()

    def _leave(self, why: Event) -> None:
        if self.is_open:
            self._streams.is_open = False
            self._leaves(why)
        self._places.turn_away()

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def _close_if_over(self) -> None:
        if not (self.is_open or self._streams.has_jobs):  # an upload without a job is of no use
            self.close()

    def _end(self, failure: Failure) -> None:
        """Fail everything, and close."""
        self._leave(Event.LOST)
        for watch in (self._liveness, self._deadlines):
            if watch is not None:
                watch.stop()
        if not self._greeted.called:
            self._greeted.errback(failure)
        self._streams.end(failure)
        self.close()

    def _watch(self) -> Liveness:
        return Liveness(
            self._clock,
            is_idle=lambda: self.is_idle,
            ask=self._ask,
            dead=lambda: self.fail(LostConnectionError("does not answer any more")),
            unused=lambda: self.retire(Event.RETIRED),
            patience=_IDLE,
        )

    def _ask(self) -> None:
        self._session.ping(_PING)
        self._streams.flush()
