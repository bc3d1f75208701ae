"""Have what the jobs of a session need: store what comes, and ask for what does not.

    request = await contents.request(job, lambda digests: session.need(stream, digests))

A job waits for uploads that are on their way before it asks for anything.  What is asked for comes in an
upload, too, and wakes all jobs that wait: they look again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.defer import Deferred

from twisted_distcc.content.body import Body
from twisted_distcc.errors import DistccError, RemoteProtocolError
from twisted_distcc.jobs.model import Request
from twisted_distcc.jobs.session_messages import Blob, SessionJob
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.server.connection.session_blobs import ClientBlobs
from twisted_distcc.server.quotas.holdings import Hold

_MOST_QUESTIONS: Final = 100


class SessionContents:
    """The inputs of the jobs of one session.

    Args:
        blobs: what the client has sent.
        bulk: expands what is compressed.
        ceiling: bytes that a blob may become.
        uploads: tells how many uploads have begun and are not whole.
        log: is told what goes wrong.
        peer: the client.
    """

    def __init__(
        self,
        blobs: ClientBlobs,
        bulk: Bulk,
        ceiling: int,
        uploads: Callable[[], int],
        log: Log,
        peer: Peer,
    ) -> None:
        self._blobs = blobs
        self._bulk = bulk
        self._ceiling = ceiling
        self._uploads = uploads
        self._log = log
        self._peer = peer
        self._arrivals: list[Deferred[frozenset[bytes]]] = []
        self.storing: int = 0
        """How many uploads are whole, and are being stored."""

    async def store(self, blobs: Sequence[Blob], hold: Hold) -> None:
        """Store the blobs of an upload, which holds `hold`, and let the jobs that wait look again."""
        self.storing += 1
        arrived: set[bytes] = set()
        try:
            for blob in blobs:
                body = await self._expanded(blob) if blob.is_packed else blob.body
                arrived.add(self._blobs.add(body))
        except (DistccError, OSError) as error:
            self._log.error("an upload of {peer} is lost: {why}", peer=self._peer, why=error)
        finally:
            hold.end()
            self.storing -= 1
            self._wake(frozenset(arrived))

    def upload_ended(self) -> None:
        """Let the jobs that wait look again: an upload was stopped that they may have waited for."""
        self._wake(frozenset())

    async def request(self, job: SessionJob, ask: Callable[[Sequence[bytes]], None]) -> Request:
        """Return the request that `job` is, when all of its inputs are there.

        Args:
            job: the job.
            ask: asks the client for blobs.

        Raises:
            RemoteProtocolError: if its inputs are no tree, or too large, or do not come.
            OSError: if the disk takes no more.
        """
        asked: set[bytes] = set()
        questions = 0
        while missing := self._blobs.missing(job):
            wanted = [digest for digest in missing if digest not in asked]
            if wanted and not self._uploads() and not self.storing:
                questions += 1
                if questions > _MOST_QUESTIONS:
                    raise RemoteProtocolError("the inputs of a job do not come")
                ask(wanted)
                asked.update(wanted)
            arrival: Deferred[frozenset[bytes]] = Deferred(self._arrivals.remove)
            self._arrivals.append(arrival)
            asked -= await arrival
        return self._blobs.request(job)

    async def _expanded(self, blob: Blob) -> Body:
        try:
            return await self._bulk.expand_frame(blob.body, self._ceiling)
        finally:
            blob.body.discard()

    def _wake(self, digests: frozenset[bytes]) -> None:
        waiting, self._arrivals = self._arrivals, []
        for one in waiting:
            one.callback(digests)
