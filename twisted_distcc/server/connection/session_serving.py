"""The jobs of one session, from the message that asks to the result that goes.

    jobs.begin(stream, job, hold)
    jobs.cancel(stream)               # nobody wants it any more
    ended = jobs.end()                # the connection is gone

The client's compiler is compared first, then what the job needs and is not here is asked for; after that
it is served by the same `compile` as the jobs of earlier protocols.
"""

from __future__ import annotations

import errno
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_distcc.errors import EXIT_FAILURE, DistccError
from twisted_distcc.execution.inputs.tool_shelf import Owner
from twisted_distcc.jobs.compression import packed_outputs
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.session_messages import SessionJob, result_pieces
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.session_output import Pieces, SessionOutput
from twisted_distcc.server.connection.compiler_check import check_compiler
from twisted_distcc.server.connection.job_answers import answered
from twisted_distcc.server.connection.session_contents import SessionContents
from twisted_distcc.server.connection.session_parts import SessionParts
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_grammar import JOBR, RESULTS


class ServedJobs:
    """The jobs of one session that have no result yet.

    Args:
        peer: the client.
        parts: what they are served with.
        session: asks the client for blobs.
        output: sends the results.
        contents: what the client has sent.
        refuse: ends the stream of a job that is not served, for a reason.
    """

    def __init__(
        self,
        peer: Peer,
        parts: SessionParts,
        session: Session,
        output: SessionOutput,
        contents: SessionContents,
        refuse: Callable[[int, DistccError | OSError], None],
    ) -> None:
        self._peer = peer
        self._parts = parts
        self._session = session
        self._output = output
        self._contents = contents
        self._refuse = refuse
        self._jobs: dict[int, Deferred[None]] = {}
        self._bringing: defaultdict[bytes, DeferredLock] = defaultdict(DeferredLock)
        self.awaiting: set[int] = set()
        """The streams of those that wait for something that the client has to send."""

    def __contains__(self, stream: int) -> bool:
        return stream in self._jobs

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def begin(self, stream: int, job: SessionJob, hold: Hold) -> None:
        """Serve `job`, which came on `stream` and holds `hold`."""
        serving = self._jobs[stream] = Deferred.fromCoroutine(self._serve(stream, job, hold))
        serving.addErrback(self._failed, stream)
        if serving.called:
            self._jobs.pop(stream, None)

    def cancel(self, stream: int) -> None:
        """End the job on a stream, if there is one."""
        if (job := self._jobs.pop(stream, None)) is not None:
            job.cancel()

    def end(self) -> Deferred[None]:
        """End all jobs; tell when they have ended."""
        jobs = tuple(self._jobs.values())
        ended = Deferred.fromCoroutine(_all(jobs))
        for job in jobs:
            job.cancel()
        return ended

    async def _serve(self, stream: int, job: SessionJob, hold: Hold) -> None:
        try:
            reply, packed = await self._reply(stream, job, hold)
        except (DistccError, OSError) as error:
            hold.end()
            self._jobs.pop(stream, None)
            self._refuse(stream, error)
            return
        except BaseException:
            hold.end()
            raise
        self._jobs.pop(stream, None)
        writer = Writer(JOBR, RESULTS, self._parts.limits)
        pieces = result_pieces(writer, reply, self._parts.load(), packed)
        if self._parts.traffic is not None:
            pieces = _timed(pieces, self._parts.traffic, self._parts.clock)
        self._output.send(stream, pieces, partial(_over, reply, hold))

    async def _reply(self, stream: int, job: SessionJob, hold: Hold) -> tuple[Reply, frozenset[str]]:
        """Return the reply, and which of its outputs are packed."""
        parts, peer = self._parts, self._peer
        shares = await check_compiler(parts.compile, job, peer)
        if not job.toolchain:
            reply = await self._answered(await self._gathered(stream, job, hold), hold)
        else:
            reply = await self._with_tools(stream, job, hold, Owner(peer.identity, shares))
        return await packed_outputs(reply, parts.bulk) if job.packs else (reply, frozenset())

    async def _with_tools(self, stream: int, job: SessionJob, hold: Hold, owner: Owner) -> Reply:
        """Return the reply to a job that brings its toolchain, again if the one here was changed."""
        for _ in range(2):
            await self._bring(stream, job, hold, owner)
            with self._parts.shelf.held(owner, job.toolchain) as tools:
                if tools is not None:
                    request = await self._gathered(stream, job, hold)
                    return await self._answered(replace(request, tools=tools), hold)
        raise OSError(errno.ENOENT, "a toolchain is not kept any more")

    async def _bring(self, stream: int, job: SessionJob, hold: Hold, owner: Owner) -> None:
        """Have the toolchain of a job here, which the first of the jobs that bring it asks for.

        Raises:
            DistccError, OSError: as `_lay` does.
        """
        root = job.toolchain
        lock = self._bringing[root]
        await lock.acquire()
        try:
            if not self._parts.shelf.has(owner, root):
                await self._lay(stream, job, hold, owner)
        finally:
            lock.release()
            if not lock.locked:
                self._bringing.pop(root, None)

    async def _lay(self, stream: int, job: SessionJob, hold: Hold, owner: Owner) -> None:
        """Lay the toolchain of a job out, in a thread and in its turn.

        Raises:
            DistccError: if it is none, or does not come.
            OSError: if the disk takes no more.
        """
        shelf, root = self._parts.shelf, job.toolchain
        files = SessionJob(b"/", job.arguments, b"", root, has_tree=True)
        request = await self._gathered(stream, files, hold)
        tree = request.tree
        assert tree is not None
        try:
            await self._parts.bulk.work(lambda: shelf.lay(owner, root, tree))
        finally:
            request.discard()

    async def _answered(self, request: Request, hold: Hold) -> Reply:
        parts = self._parts
        return await answered(parts.compile, request, self._peer, hold, parts.log, CancelledError)

    async def _gathered(self, stream: int, job: SessionJob, hold: Hold) -> Request:
        """Return the request, when all that the job needs is there."""
        traffic, clock = self._parts.traffic, self._parts.clock
        began = clock.seconds()
        self.awaiting.add(stream)
        try:
            request = await self._contents.request(job, hold, partial(self._need, stream))
        finally:
            self.awaiting.discard(stream)
        if traffic is not None:
            traffic.receiving.add(clock.seconds() - began)
        return request

    def _need(self, stream: int, digests: Sequence[bytes]) -> None:
        self._session.need(stream, digests)
        self._output.flush()

    def _failed(self, failure: Failure, stream: int) -> None:
        self._jobs.pop(stream, None)
        if not failure.check(CancelledError):
            self._parts.log.failure("a job of {peer} failed here", peer=self._peer)
            self._session.stop(stream, EXIT_FAILURE, "the server failed at this job; its log says why")
            self._output.flush()


def _timed(pieces: Pieces, traffic: Traffic, clock: IReactorTime) -> Pieces:
    """Return `pieces`, and count how long it takes from now until the client has had all of them."""
    began = clock.seconds()

    def made() -> Pieces:
        yield from pieces
        traffic.sending.add(clock.seconds() - began)

    return made()


def _over(reply: Reply, hold: Hold) -> None:
    """Give up a result that was sent, or that nobody wants any more."""
    reply.discard()
    hold.end()


async def _all(jobs: Sequence[Deferred[None]]) -> None:
    for job in jobs:
        await job
