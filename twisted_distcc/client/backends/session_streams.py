"""The streams of one session at the client's end: which job or upload each carries, and how it ends.

    streams = ClientStreams(session, sent, limits, over)
    streams.connect(transport)
    job = streams.begin(job, inputs, folder, packing, traffic)
    reply = await job.reply()

A stream ends when its messages are whole, when either end stops it, or with the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure

from twisted_distcc.client.backends.host_faults import GoingAwayError, HostError, RefusedByHostError
from twisted_distcc.client.backends.session_inputs import Inputs, SentContent
from twisted_distcc.client.backends.session_jobs import OpenJob, open_job
from twisted_distcc.client.backends.session_uploads import Uploads
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Folder
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.model import Reply
from twisted_distcc.jobs.session_messages import SessionJob, job_pieces
from twisted_distcc.runtime.session_output import SessionOutput
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_grammar import JOBQ, JOBS


class ClientStreams:
    """The jobs and uploads of one session.

    Attributes:
        is_open: whether new jobs are taken.
        most_uploads: how many uploads may go at once, so that there is room for jobs.
        uploads: what is sent beside the jobs.

    Args:
        session: opens streams, and says what is sent next.
        sent: what the server has of us.
        limits: the ceilings on what the server may send.
        over: is called whenever a stream has ended.
    """

    def __init__(
        self, session: Session, sent: SentContent, limits: Limits, over: Callable[[], None]
    ) -> None:
        self.is_open: bool = True
        self.most_uploads: int = 1
        self.uploads = Uploads(session, sent, self._send, limits, self._may_upload)
        self._session = session
        self._limits = limits
        self._over = over
        self._output: SessionOutput | None = None
        self._jobs: dict[int, OpenJob] = {}

    def connect(self, transport: ITransport) -> None:
        """Write to `transport` from now on."""
        self._output = SessionOutput(transport, self._session, self._sent_whole, self.not_sent)
        self._output.flush()

    def flush(self) -> None:
        """Write all that may go now."""
        if self._output is not None:
            self._output.flush()

    def moved(self) -> dict[int, int]:
        """Return the streams whose messages have yet to go, and how far each has come."""
        return {} if self._output is None else self._output.moved()

    def stuck(self) -> dict[int, int]:
        """Return how far the connection has come, if the server reads less than is sent."""
        return {} if self._output is None else self._output.stuck()

    @property
    def has_jobs(self) -> bool:
        """Whether any job is on its way."""
        return bool(self._jobs)

    def begin(
        self, job: SessionJob, inputs: Inputs, folder: Folder, packing: Packing | None, traffic: Traffic
    ) -> OpenJob:
        """Send `job`; its result comes in large bodies below `folder`, and is counted as `traffic`.

        Raises:
            GoingAwayError: if the server lets no stream begin.
        """
        if not self._session.may_open:  # it does not even read that others have been stopped
            raise GoingAwayError("takes no more jobs at the moment")
        stream = self._session.open()
        begun = open_job(inputs, folder, packing, traffic, self._limits, lambda: self._cancel(stream))
        self._jobs[stream] = begun
        pieces = job_pieces(Writer(JOBQ, JOBS, self._limits), job)
        self._send(stream, traffic.outward(pieces))
        return begun

    def _send(self, stream: int, pieces: Generator[bytes, None, None]) -> None:
        assert self._output is not None
        self._output.send(stream, pieces)

    def _may_upload(self) -> bool:
        """Whether an upload may begin, and leaves room for as many jobs as have places."""
        uploads = self._session.open_streams - len(self._jobs)  # with those of which the end has to go
        is_wanted = self.is_open or self.has_jobs
        return is_wanted and uploads < self.most_uploads and self._session.may_open

    # What comes.

    def read(self, stream: int, data: bytes) -> None:
        """Take the next bytes of a result.

        Raises:
            RemoteProtocolError: if they are none.
        """
        job = self._jobs.get(stream)
        if job is None:
            return
        try:
            is_whole = job.read(data)
        except OSError:
            self._give_up(stream, Failure())
            return
        if is_whole:
            self._session.close(stream)
            self._forget(stream)
            job.finish()
        else:
            self._session.consumed(stream, len(data))

    def answer_need(self, stream: int, digests: tuple[bytes, ...]) -> None:
        """Send what the server asks for.

        Raises:
            RemoteProtocolError: if the job on the stream does not have it.
        """
        job = self._jobs.get(stream)
        if job is None:
            return
        try:
            job.check_question(digests)
            if not (self.is_open or self._session.may_open):  # an upload cannot begin
                raise GoingAwayError("is going away")
        except HostError:
            self._give_up(stream, Failure())
            return
        sending = Deferred.fromCoroutine(
            self.uploads.send(job.inputs, digests, job.packing, job.traffic)
        )
        sending.addErrback(lambda failure: self._give_up(stream, failure))

    def stopped(self, stream: int, code: int, text: str) -> None:
        """Note that the server has ended a stream."""
        self.uploads.is_lost(stream)
        job = self._jobs.get(stream)
        self._drop(stream)
        if job is not None:
            job.fail(Failure(_refusal(code, text)))

    # The end of a stream.

    def _sent_whole(self, stream: int) -> None:
        if stream in self.uploads:  # which have no answer
            self._session.close(stream)
            self._forget(stream)

    def not_sent(self, stream: int, failure: Failure) -> None:
        """Stop a message that cannot be made, or that the server does not take."""
        self.uploads.is_lost(stream)
        self._give_up(stream, failure)

    def _cancel(self, stream: int) -> None:
        self._session.stop(stream, 0, "")
        self._drop(stream)
        self.flush()

    def _give_up(self, stream: int, failure: Failure) -> None:
        """End a stream from this end; a job on it fails."""
        self._session.stop(stream, 0, "")
        job = self._jobs.get(stream)
        self._drop(stream)
        if job is not None:
            job.fail(failure)

    def _drop(self, stream: int) -> None:
        """Give up what was to be sent on a stream, and what has come."""
        if self._output is not None:
            self._output.drop(stream)
        if (job := self._jobs.get(stream)) is not None:
            job.discard()
        self._forget(stream)

    def _forget(self, stream: int) -> None:
        self._jobs.pop(stream, None)
        self.uploads.over(stream)
        self.uploads.begin()
        self._over()

    def end(self, failure: Failure) -> None:
        """End all streams: the connection is gone, or about to be closed."""
        self.is_open = False
        self.uploads.clear()
        for stream in tuple(self._jobs):
            if (job := self._jobs.get(stream)) is not None:
                self._drop(stream)
                job.fail(failure)


def _refusal(code: int, text: str) -> HostError:
    if not code:
        return GoingAwayError("is going away")
    return RefusedByHostError.of(Reply.sentence(code, text))
