"""Serve one job, from its request to its reply.

A whole request is judged, waits for its turn, is compiled, and leaves one record.  A request that is
refused, or that this machine cannot serve, is answered as well: with a sentence in place of the
compiler's messages, so that the person at the client reads the reason.

How things are waited for is a parameter (`Run`, `Seats`): with Twisted, for many jobs at a time, or in
place, for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from twisted_distcc.bounded import Bounded
from twisted_distcc.content.body import Body
from twisted_distcc.errors import EXIT_TIMEOUT, DistccError
from twisted_distcc.execution.executor import Executor, Job
from twisted_distcc.jobs.model import Reply, Request, Timing
from twisted_distcc.launcher.command import Command, Ended
from twisted_distcc.observe.content_digests import content_of, content_of_tree
from twisted_distcc.observe.job_records import Content, JobRecord
from twisted_distcc.observe.progress import Progress
from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import Terms
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.authorize import Judge, Judged
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.job_told import asked, failed, refused, understood
from twisted_distcc.server.job.threaded_context import entered, entered_aside

T = TypeVar("T")

# A digest takes about a millisecond a megabyte.
_DIGESTED_AT_ONCE: Final = 1024 * 1024
# To judge a word takes some microseconds; of hundreds of bytes some more.
_WORDS_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 64 * 1024
# Trees of sessions whose contents are remembered: builds send the same ones again and again.
_MOST_TREES: Final = 1000


class LifetimeError(DistccError):
    """A job ran longer than the server lets any job run."""

    exit_code = EXIT_TIMEOUT
    limit = "job-lifetime"


class Seats(Protocol):
    """Says when a job may run."""

    def seat(self, peer: Peer, terms: Terms, /) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Hold a seat: it is entered when it is the turn of `peer`'s identity, on these terms.

        What it gives leaves the seat to the next job, though this one is not over.
        """
        ...

    def turn(self, peer: Peer, /) -> AbstractAsyncContextManager[None]:
        """Hold a seat for what is done before a job of `peer` can begin."""
        ...


class Clock(Protocol):
    """Measures."""

    def seconds(self) -> float:
        """Return the seconds since some fixed moment."""
        ...


class Run(Protocol):
    """Runs programs; `cancelled` is what it raises when the client has gone meanwhile."""

    @property
    def cancelled(self) -> type[Exception]:
        """What is raised out of anything that was waited for."""
        ...

    async def __call__(self, command: Command, seconds: float | None) -> Ended:
        """Run `command` to its end; cancelled, or after so many seconds, kill it and all it started.

        Raises:
            CannotStartError: if it could not be started.
            TimeoutError: if it ran too long.
        """
        ...

    async def aside(self, work: Callable[[], T]) -> T:
        """Do `work`, which waits, where it holds no other job up."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """Serves jobs by compiling them here.

    Attributes:
        judge: says what is done for whom.
        executor: runs compilers.
        run: runs them.
        admission: says when.
        clock: measures.
        lifetime: seconds that a compiler may run; `None` is for ever.
        recorders: are told of each job when it is over.
        digests: compilers' digests.
        trees: the contents of trees that have a digest, by their directories and digests.
    """

    judge: Judge
    executor: Executor
    run: Run
    admission: Seats
    clock: Clock
    lifetime: float | None
    recorders: Recorders
    digests: CompilerFacts[str | None]
    trees: Bounded[tuple[bytes, bytes], Content] = field(default_factory=lambda: Bounded(_MOST_TREES))

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        """Answer `request`; cancelling kills the compiler at once."""
        arrived = self.clock.seconds()
        told = asked(request, peer)
        progress = self.recorders.begin(told)
        try:
            judged = await self._judged(request, peer)
            if isinstance(judged, Refused):
                told = refused(told, judged)
                return Reply.sentence(judged.exit_code, f"the server refuses this job: {judged}")
            told = understood(told, judged)
            reply, told = await self._in_turn(judged, request, told, progress)
            return reply
        except self.run.cancelled:
            raise
        except Exception as error:
            told = failed(told, error)
            raise
        finally:
            progress.end()
            self.recorders.record(replace(told, duration=self.clock.seconds() - arrived))

    async def _judged(self, request: Request, peer: Peer) -> Judged | Refused:
        """Judge `request`; a command that is long, where it holds no other job up, and in its turn."""
        if not _is_long(request.arguments):
            return self.judge(request, peer)
        async with self.admission.turn(peer):
            return await self.run.aside(lambda: self.judge(request, peer))

    async def _in_turn(
        self, judged: Judged, request: Request, told: JobRecord, progress: Progress
    ) -> tuple[Reply, JobRecord]:
        """Compile when it is the turn of who asks; give all that there is to tell as well."""
        arrived = self.clock.seconds()
        progress.reach("waiting", told)
        async with self.admission.seat(told.peer, judged.decision.terms) as leave:
            seated = self.clock.seconds()
            progress.reach("preparing", told)
            told = replace(told, source_content=await self._input(request))
            reply, cpu, began = await self._compile(judged, request, told, progress)
            leave()
            timing = Timing(seated - arrived, self.clock.seconds() - seated, cpu)
            reply = reply.timed(timing)
            done = replace(
                told,
                verdict="done",
                status=reply.exit_code,
                sent=reply.object_file.length,
                waited=timing.waited,
                ran=timing.ran,
                cpu=timing.cpu,
                prepared=began - seated,
            )
            return reply, await self._accounted(done, judged, reply)

    async def _accounted(self, done: JobRecord, judged: Judged, reply: Reply) -> JobRecord:
        """Add what only an audit wants to know of a job; what fails gives `reply` up."""
        try:
            return replace(
                done,
                compiler_sha256=await self._digest(judged),
                object_content=await self._content(reply.object_file),
                dependencies_content=await self._content(reply.dependencies)
                if reply.dependencies.length
                else None,
            )
        except BaseException:
            reply.discard()
            raise

    async def _digest(self, judged: Judged) -> str | None:
        """Return the digest of a compiler, if anybody wants to know."""
        if not self.recorders.wants_digests:
            return None
        if judged.tools:
            return judged.tools
        compiler = judged.compiler
        try:
            if (known := self.digests.remembered(compiler)) is not None:
                return known.value
            return await self.run.aside(lambda: self.digests.find_out(compiler))
        except OSError:  # it is gone, or cannot be read
            return None

    async def _content(self, body: Body) -> Content | None:
        """Return what `body` holds, if anybody wants to know."""
        if not self.recorders.wants_digests:
            return None
        if body.length <= _DIGESTED_AT_ONCE:
            return content_of(body)
        return await self.run.aside(lambda: content_of(body))

    async def _input(self, request: Request) -> Content | None:
        """Return what a request brings, if anybody wants to know."""
        tree = request.tree
        if tree is None:
            return await self._content(request.source)
        if not self.recorders.wants_digests:
            return None
        key = tree.directory, tree.digest
        if (known := self.trees.get(key)) is not None:
            return known
        content = await self.run.aside(lambda: content_of_tree(tree))
        if tree.digest:
            self.trees[key] = content
        return content

    async def _compile(
        self, judged: Judged, request: Request, told: JobRecord, progress: Progress
    ) -> tuple[Reply, float, float]:
        """Return the reply, the processor time that it took, and when the compiler was started."""
        if request.tools is None and not self.executor.knows(judged.compiler):
            await self.run.aside(lambda: self.executor.learn(judged.compiler))
        reply = None
        try:
            async with self._prepared(judged, request, told.peer.identity) as job:
                began = self.clock.seconds()
                progress.reach("compiling", told)
                ended = await self._run(job.command)
                reply = job.collect(ended)
                return reply, job.cost(ended), began
        except BaseException:
            if reply is not None:  # its inputs turned out not to be what they should have been
                reply.discard()
            raise

    def _prepared(
        self, judged: Judged, request: Request, owner: str
    ) -> AbstractAsyncContextManager[Job]:
        compiler, compilation, tree = judged.compiler, judged.compilation, request.tree
        if tree is None:
            prepared = self.executor.prepare(compiler, compilation, request.source, owner)
            return (
                entered_aside(self.run, prepared) if _is_long(request.arguments) else entered(prepared)
            )
        executor = self.executor if request.tools is None else self.executor.bringing(request.tools)
        context = executor.prepare_tree(compiler, compilation, tree, judged.environ, owner)
        return entered_aside(self.run, context)

    async def _run(self, command: Command) -> Ended:
        try:
            return await self.run(command, self.lifetime)
        except TimeoutError:
            sentence = (
                f"the compiler ran for {self.lifetime:g} seconds, the most that this server allows"
            )
            raise LifetimeError(sentence) from None


def _is_long(words: Sequence[bytes]) -> bool:
    return len(words) > _WORDS_AT_ONCE or sum(map(len, words)) > _BYTES_AT_ONCE
