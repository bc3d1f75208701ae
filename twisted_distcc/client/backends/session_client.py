"""One session with a server: many jobs over one connection, and only the files that the server lacks.

A `ClientSession` is a Twisted protocol.  When the server has greeted it, it takes jobs::

    session = await endpoint.connect(factory)
    await session.greeted()
    reply = await session.compile(request, folder)

A job is sent as the digests of its inputs.  What this end has not sent before goes ahead of it, in an
upload; what the server asks for all the same is sent then.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred, DeferredSemaphore
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
)
from twisted_distcc.client.backends.session_inputs import (
    Inputs,
    SentContent,
    Uploads,
    blobs_of,
    laid_out,
)
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.compression import expanded_outputs
from twisted_distcc.jobs.model import Reply, Request, is_wait_status
from twisted_distcc.jobs.session_messages import (
    ResultAssembly,
    SessionJob,
    job_pieces,
    upload_pieces,
)
from twisted_distcc.runtime.liveness import Liveness
from twisted_distcc.runtime.session_output import SessionOutput
from twisted_distcc.wire.connection import Reader, Writer
from twisted_distcc.wire.events import MessageEnd
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
from twisted_distcc.wire.session_grammar import BLBQ, JOBQ, JOBR, JOBS, RESULTS, UPLOADS

FRAME: Final = 64 * 1024
WINDOW: Final = 256 * 1024
_PING: Final = b"tdistcc?"
# Seconds after which a session that nobody uses is closed.
_IDLE: Final = 300.0
# One for a job, and one for what the server lacks of it.
_FEWEST_STREAMS: Final = 2
# How often a server may ask for all of a job's inputs: one that forgets may do so now and then.
_MOST_TIMES: Final = 8


@dataclass(slots=True)
class _Job:
    """One job on its way."""

    reader: Reader
    assembly: ResultAssembly
    inputs: Inputs
    packing: Packing | None
    done: Deferred[Reply]
    """Fires with the reply as it came."""
    is_answered: bool = False
    asked: int = 0  # how many blobs the server has asked for


class ClientSession(Protocol):
    """One connection to a server that speaks protocol 4.

    Args:
        clock: tells when the server has been silent for too long.
        sent: what has been sent to this server so far, in this session and before.
        folders: remembers the folders of jobs, for all sessions.
        limits: the ceilings on what the server may send.
    """

    def __init__(
        self,
        clock: IReactorTime,
        sent: SentContent,
        folders: EncodedFolders,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._sent = sent
        self._folders = folders
        self._limits = limits or Limits()
        self._session = Session.client(Terms(frame=FRAME, window=WINDOW))
        self._output: SessionOutput | None = None
        self._greeted: Deferred[None] = Deferred()
        self._jobs: dict[int, _Job] = {}
        self._uploads = Uploads()
        self._places = DeferredSemaphore(1)
        self._most_uploads = 1
        self._liveness: Liveness | None = None
        self.is_open: bool = True

    def greeted(self) -> Deferred[None]:
        """Return a Deferred that fires when the server has greeted us.

        The Deferred fails with a `NoAnswerError` if the server hangs up instead, as those do that do not
        speak protocol 4, and with a `RefusedByHostError` if we may not connect.
        """
        return self._greeted

    @property
    def is_idle(self) -> bool:
        """Whether no job is on its way."""
        return not (self._jobs or self._uploads)

    async def compile(self, request: Request, folder: str, packing: Packing | None = None) -> Reply:
        """Have `request` served; it stays the caller's, the reply becomes the caller's.

        Cancelling ends the compiler on the server.

        Args:
            request: what is asked.
            folder: where large bodies of the reply lie.
            packing: compresses blobs; `None` sends them as they are.

        Raises:
            HostError: if the server does not do its part.
            OSError: if the disk here does not.
        """
        job, inputs = laid_out(request, self._folders, packs=packing is not None)
        await self._places.acquire()
        try:
            self._check_open()
            lacking = [digest for digest in inputs if digest not in self._sent]
            await self._upload(inputs, lacking, packing)
            self._check_open()
            return await self._result(job, inputs, folder, packing)
        finally:
            self._places.release()

    def _check_open(self) -> None:
        if not self.is_open:
            raise GoingAwayError("is going away")

    async def _result(
        self, job: SessionJob, inputs: Inputs, folder: str, packing: Packing | None
    ) -> Reply:
        if not self._session.may_open:  # it does not even read that others have been stopped
            raise GoingAwayError("takes no more jobs at the moment")
        stream = self._session.open()
        done: Deferred[Reply] = Deferred(lambda _: self._cancel(stream))
        reader, assembly = Reader(JOBR, RESULTS, self._limits), ResultAssembly(folder)
        self._jobs[stream] = _Job(reader, assembly, inputs, packing, done)
        self._send(stream, job_pieces(Writer(JOBQ, JOBS, self._limits), job))
        reply = await done
        return await self._expanded(reply, assembly.packed, packing) if assembly.packed else reply

    async def _expanded(self, reply: Reply, packed: set[str], packing: Packing | None) -> Reply:
        if packing is None:
            reply.discard()
            raise BadReplyError("sent a bad reply: it is compressed, though nobody asked for that")
        try:
            return await expanded_outputs(reply, packed, packing, self._limits.expanded)
        except RemoteProtocolError as error:
            raise BadReplyError(f"sent a bad reply: {error}") from error

    async def is_there(self) -> bool:
        """Say whether the server answers; one that has just been heard does."""
        return self._liveness is not None and await self._liveness.answers()

    def fail(self, error: HostError) -> None:
        """Fail all jobs with `error`, and close."""
        self._end(Failure(error))

    def retire(self) -> None:
        """Send no more jobs, and close when those that are on their way have ended."""
        self.is_open = False
        self._turn_away()
        self._close_if_over()

    def _turn_away(self) -> None:
        """Fail the jobs that wait for a place, all at once: one by one they would nest too deep."""
        waiting, self._places.waiting = self._places.waiting, []
        for place in waiting:
            place.errback(GoingAwayError("is going away"))

    def _close_if_over(self) -> None:
        if not (self.is_open or self._jobs):  # an upload without a job is of no use
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    # Twisted's side.

    def connectionMade(self) -> None:
        """Greet."""
        assert self.transport is not None
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        self._output = SessionOutput(self.transport, self._session, self._sent_whole, self._not_sent)
        self._output.flush()
        self._liveness = self._watch()

    def dataReceived(self, data: bytes) -> None:
        """Feed, iterate, dispatch."""
        assert self._liveness is not None
        self._liveness.heard()
        self._session.feed(data)
        try:
            for event in self._session.events():
                self._take(event)
        except RemoteProtocolError as error:
            self._end(Failure(self._fault(error)))
        self._flush()
        self._begin_uploads()

    def _fault(self, error: RemoteProtocolError) -> HostError:
        """Return what is wrong with a server that sends what is none of protocol 4."""
        if self._greeted.called:
            return BadReplyError(f"broke the protocol: {error}")
        return NoAnswerError(f"does not speak protocol 4: {error}")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail whatever is not complete."""
        if reason.check(HostError):  # the transport knows more than that it is lost
            self._end(reason)
        else:
            self._end(Failure(NoAnswerError(f"hung up without an answer ({reason.getErrorMessage()})")))

    # Events.

    def _take(self, event: SessionEvent) -> None:
        match event:
            case Greeted(terms):
                self._greet(terms)
            case Refused(status, reason):
                reply = Reply.sentence(status >> 8, reason)
                self._end(Failure(RefusedByHostError.of(reply)))
            case Data(stream, data):
                self._read(stream, data)
            case Needed(stream, digests):
                self._answer_need(stream, digests)
            case Stopped(stream, code, text):
                self._stopped(stream, code, text)
            case Away():
                self.retire()

    def _greet(self, terms: Terms) -> None:
        if terms.jobs < _FEWEST_STREAMS:
            error = f"takes {terms.jobs} stream at a time, which is too few for a job and its files"
            self._end(Failure(NoAnswerError(error)))
            return
        self._places = DeferredSemaphore(terms.jobs // 2)
        self._most_uploads = terms.jobs - terms.jobs // 2
        self._sent.begin(terms.know)
        self._greeted.callback(None)

    def _read(self, stream: int, data: bytes) -> None:
        job = self._jobs.get(stream)
        if job is None:
            return
        job.is_answered = True
        job.reader.feed(data)
        try:
            for part in job.reader.events():
                if isinstance(part, MessageEnd):
                    self._finish(stream, job)
                    return
                job.assembly.take(part)
        except OSError:
            self._give_up(stream, Failure())
            return
        self._session.consumed(stream, len(data))

    def _finish(self, stream: int, job: _Job) -> None:
        reply = job.assembly.reply()
        self._session.close(stream)
        self._forget(stream)
        if is_wait_status(reply.status):
            job.done.callback(reply)
        else:
            reply.discard()
            job.done.errback(BadReplyError(f"sent a bad reply: no program ends with {reply.status:#x}"))

    def _answer_need(self, stream: int, digests: tuple[bytes, ...]) -> None:
        job = self._jobs.get(stream)
        if job is None:
            return
        if not job.inputs.keys() >= set(digests):
            raise RemoteProtocolError("it asks for what the job does not have")
        job.asked += len(digests)
        if job.asked > _MOST_TIMES * len(job.inputs):
            again = BadReplyError("asks again and again for what it was sent")
            self._give_up(stream, Failure(again))
        elif not (self.is_open or self._session.may_open):  # an upload cannot begin
            self._give_up(stream, Failure(GoingAwayError("is going away")))
        else:
            sending = Deferred.fromCoroutine(self._upload(job.inputs, digests, job.packing))
            sending.addErrback(lambda failure: self._give_up(stream, failure))

    def _stopped(self, stream: int, code: int, text: str) -> None:
        if stream in self._uploads:
            self._sent.forget()
            self._forget(stream)
        elif stream in self._jobs:
            self._fail_job(stream, Failure(_refusal(code, text)))

    # Sending.

    async def _upload(self, inputs: Inputs, digests: Sequence[bytes], packing: Packing | None) -> None:
        """Send the blobs of `digests`, which count as sent from now on."""
        if digests:
            self._sent.add(digests)
            blobs = await blobs_of(inputs, digests, packing)
            self._uploads.add(blobs)
            self._begin_uploads()

    def _begin_uploads(self) -> None:
        while self._may_upload and (blobs := self._uploads.next()) is not None:
            stream = self._session.open()
            self._uploads.begun(stream)
            self._send(stream, upload_pieces(Writer(BLBQ, UPLOADS, self._limits), len(blobs), blobs))

    @property
    def _may_upload(self) -> bool:
        """Whether an upload may begin, and leaves room for as many jobs as have places."""
        uploads = self._session.open_streams - len(self._jobs)  # with those of which the end has to go
        is_wanted = self.is_open or bool(self._jobs)
        return is_wanted and uploads < self._most_uploads and self._session.may_open

    def _send(self, stream: int, pieces: Generator[bytes, None, None]) -> None:
        assert self._output is not None
        self._output.send(stream, pieces)

    def _flush(self) -> None:
        if self._output is not None:
            self._output.flush()

    def _sent_whole(self, stream: int) -> None:
        if stream in self._uploads:  # which have no answer
            self._session.close(stream)
            self._forget(stream)

    def _not_sent(self, stream: int, failure: Failure) -> None:
        """Stop a message that could not be made, such as one whose body cannot be read."""
        if stream in self._uploads:
            self._sent.forget()
        self._give_up(stream, failure)

    # The end of jobs.

    def _cancel(self, stream: int) -> None:
        self._give_up(stream, None)
        self._flush()

    def _give_up(self, stream: int, failure: Failure | None) -> None:
        """End a stream from this end."""
        self._session.stop(stream, 0, "")
        if failure is None or stream not in self._jobs:
            self._drop(stream)
        else:
            self._fail_job(stream, failure)

    def _fail_job(self, stream: int, failure: Failure) -> None:
        done = self._jobs[stream].done
        self._drop(stream)
        if not done.called:
            done.errback(failure)

    def _drop(self, stream: int) -> None:
        if self._output is not None:
            self._output.drop(stream)
        if (job := self._jobs.get(stream)) is not None:
            job.assembly.discard()
        self._forget(stream)

    def _forget(self, stream: int) -> None:
        self._jobs.pop(stream, None)
        self._uploads.over(stream)
        self._begin_uploads()
        self._close_if_over()

    def _end(self, failure: Failure) -> None:
        """Fail everything, and close."""
        self.is_open = False
        self._turn_away()
        self._uploads = Uploads()
        if self._liveness is not None:
            self._liveness.stop()
        if not self._greeted.called:
            self._greeted.errback(failure)
        for stream, job in tuple(self._jobs.items()):
            cut = LostConnectionError("hung up in the middle of its reply") if job.is_answered else None
            is_lost = failure.check(NoAnswerError)
            self._fail_job(stream, Failure(cut) if cut is not None and is_lost else failure)
        self.close()

    def _watch(self) -> Liveness:
        return Liveness(
            self._clock,
            is_idle=lambda: self.is_idle,
            ask=self._ask,
            dead=lambda: self.fail(LostConnectionError("does not answer any more")),
            unused=self.retire,
            patience=_IDLE,
        )

    def _ask(self) -> None:
        self._session.ping(_PING)
        self._flush()


def _refusal(code: int, text: str) -> HostError:
    if not code:
        return GoingAwayError("is going away")
    return RefusedByHostError.of(Reply.sentence(code, text))
