"""Have what the jobs of a session need: store what comes, and ask for what does not.

    request = await contents.request(job, hold, lambda digests: session.need(stream, digests))

A job waits for uploads that are on their way before it asks for anything.  What is asked for comes in an
upload, too, and wakes all jobs that wait: they look whether it is theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredQueue

from twisted_distcc.content.body import Body
from twisted_distcc.errors import DistccError, RemoteProtocolError
from twisted_distcc.jobs.model import Request
from twisted_distcc.jobs.session_messages import Blob, SessionJob
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.slices import Slices
from twisted_distcc.server.connection.session_blobs import ClientBlobs, JobInputs
from twisted_distcc.server.quotas.holdings import Hold

_MOST_QUESTIONS: Final = 100
# Blobs that one question asks for: so a client that reads none makes us hold little.
_MOST_AT_ONCE: Final = 4096
# Uploads that a client may give up, after which a job asks for the same again.
_MOST_GIVEN_UP: Final = 3


class LeavingError(DistccError):
    """The server takes no more uploads, so what a job lacks cannot come any more."""

    exit_code = 0


@dataclass(frozen=True, slots=True)
class _Upload:
    """What became of an upload.

    Attributes:
        digests: those of the blobs that are there now.
        error: why it was lost, if it was.
        is_whole: whether the client has sent all of it.
    """

    digests: frozenset[bytes] = frozenset()
    error: DistccError | OSError | None = None
    is_whole: bool = True


class SessionContents:
    """The inputs of the jobs of one session.

    Args:
        blobs: what the client has sent.
        bulk: expands what is compressed.
        slices: shares the time for large trees.
        ceiling: bytes that a blob may become.
        uploads: tells how many uploads have begun and are not whole.
        log: is told what goes wrong.
        peer: the client.
    """

    def __init__(
        self,
        blobs: ClientBlobs,
        bulk: Bulk,
        slices: Slices,
        ceiling: int,
        uploads: Callable[[], int],
        log: Log,
        peer: Peer,
    ) -> None:
        self._blobs = blobs
        self._bulk = bulk
        self._slices = slices
        self._ceiling = ceiling
        self._uploads = uploads
        self._log = log
        self._peer = peer
        self._arrivals: list[DeferredQueue[_Upload]] = []
        self._is_leaving = False
        self._is_closed = False
        self.storing: int = 0
        """How many uploads are whole, and are being stored."""

    async def store(self, blobs: Sequence[Blob], hold: Hold) -> None:
        """Store the blobs of an upload, which holds `hold`, and let the jobs that wait look again."""
        self.storing += 1
        left = deque(blobs)
        arrived: set[bytes] = set()
        lost: DistccError | OSError | None = None
        try:
            while left and not self._is_closed:
                arrived.add(await self._stored(left.popleft()))
        except (DistccError, OSError) as error:
            self._log.error("an upload of {peer} is lost: {why}", peer=self._peer, why=error)
            lost = error
        finally:
            for blob in left:
                blob.body.discard()
            hold.end()
            self.storing -= 1
            self._wake(_Upload(frozenset(arrived), lost))

    def upload_ended(self, error: DistccError | OSError | None) -> None:
        """Let the jobs that wait look again: an upload was given up that they may have waited for.

        Args:
            error: why it was refused; `None` if the client has stopped it.
        """
        self._wake(_Upload(error=error, is_whole=False))

    def leave(self) -> None:
        """Note that no upload can begin any more: jobs that would have to ask end."""
        self._is_leaving = True
        self._wake(_Upload())

    def close(self) -> None:
        """Store no more: the client is gone."""
        self._is_closed = True

    async def request(
        self, job: SessionJob, hold: Hold, ask: Callable[[Sequence[bytes]], None]
    ) -> Request:
        """Return the request that `job` is, when all of its inputs are there.

        Args:
            job: the job.
            hold: what is held for it.
            ask: asks the client for blobs.

        Raises:
            DistccError: if its inputs are no tree, or too large, or do not come.
            OSError: if the disk takes no more.
        """
        inputs = self._blobs.inputs(job, hold)
        arrivals: DeferredQueue[_Upload] = DeferredQueue()
        self._arrivals.append(arrivals)
        try:
            await self._in_slices(inputs.begin())
            await self._completed(inputs, arrivals, ask)
            return inputs.request()
        except BaseException:
            inputs.discard()
            raise
        finally:
            self._arrivals.remove(arrivals)

    async def _completed(
        self,
        inputs: JobInputs,
        arrivals: DeferredQueue[_Upload],
        ask: Callable[[Sequence[bytes]], None],
    ) -> None:
        """Wait until nothing is lacking of `inputs`."""
        asked: set[bytes] = set()
        questions = given_up = 0
        while inputs.lacking:
            wanted = () if arrivals.pending else self._question(inputs, asked)
            if wanted:
                questions += 1
                asked.update(wanted)
                ask(wanted)
            upload = await arrivals.get()
            await self._in_slices(inputs.came(upload.digests))
            if asked and upload.error is not None:
                raise upload.error
            asked &= inputs.lacking
            if asked and not upload.is_whole:
                given_up += 1
                asked.clear()
            if questions > _MOST_QUESTIONS or given_up > _MOST_GIVEN_UP:
                raise RemoteProtocolError("the inputs of a job do not come")

    def _in_slices(self, steps: Iterator[int]) -> Coroutine[Deferred[Any], Any, None]:
        return self._slices.do(steps, self._peer.identity)

    def _question(self, inputs: JobInputs, asked: set[bytes]) -> Sequence[bytes]:
        """Return what to ask for now: nothing while something is on its way, or `asked` for.

        Raises:
            LeavingError: if nothing is on its way, and nothing can be.
        """
        if self._uploads() or self.storing:
            return ()
        if self._is_leaving:
            raise LeavingError("the server is ending")
        return () if asked else tuple(islice(inputs.lacking, _MOST_AT_ONCE))

    async def _stored(self, blob: Blob) -> bytes:
        """Store a blob, whatever its size, and return its digest."""
        body = await self._expanded(blob) if blob.is_packed else blob.body
        if body.path is None:
            return self._blobs.add(body)
        return await self._bulk.in_thread(lambda: self._blobs.add(body))

    async def _expanded(self, blob: Blob) -> Body:
        try:
            return await self._bulk.expand_frame(blob.body, self._ceiling)
        finally:
            blob.body.discard()

    def _wake(self, upload: _Upload) -> None:
        for arrivals in tuple(self._arrivals):
            arrivals.put(upload)
