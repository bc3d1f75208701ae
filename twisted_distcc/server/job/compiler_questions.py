"""What this server can, told to clients that ask.

In: a request.  Out: the answer, if it is the question `twisted-distccd about COMPILER`; other requests
go on to whatever serves jobs.  The question is not recorded as a job, unless it is refused.

An answer is remembered.  It is good as long as the compiler's own file is the same, but for a second at
the most: then the hundreds of files that a compiler consists of are looked at once more, for whoever
asks next, and in a seat, as if that were a job.
This module refuses to know how anything is waited for, and what a client makes of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.bounded import Bounded
from twisted_distcc.content.body import Body
from twisted_distcc.execution.executor import Executor
from twisted_distcc.jobs.commands import CompilerQuestion
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.authorize import Judged
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.job.exchange import Clock, Run, Seats
from twisted_distcc.toolchain.digest import FileStamp, file_stamp

SERVER: Final = "twisted-distccd"

# What is judged in place of a question: whoever may not have this done does not learn of the compiler.
_SIMPLEST: Final = (b"-c", b"about.c")


# Seconds that an answer is good for without a look at all that a compiler consists of.
_FRESH: Final = 1.0
# Compilers whose answers are remembered; where clients may name any program, one has many names.
_MOST_COMPILERS: Final = 100


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, which compiler it is about, and when that was looked at."""

    answer: Body
    stamp: FileStamp
    at: float


class Answers:
    """What was found out about compilers.

    Args:
        find_out: gives the answer about a compiler; it may wait.
        clock: tells how old an answer is.
        stamp: tells one compiler at a path from the next.
    """

    def __init__(
        self,
        find_out: Callable[[str], Body],
        clock: Clock,
        stamp: Callable[[str], FileStamp] = file_stamp,
    ) -> None:
        self._find_out = find_out
        self._clock = clock
        self._stamp = stamp
        self._told: Bounded[str, _Told] = Bounded(_MOST_COMPILERS)
        self._finding = Lock()

    def remembered(self, compiler: str) -> Body | None:
        """Return the answer about a compiler, unless it has to be found out; this does not wait.

        Raises:
            OSError: if the compiler is gone.
        """
        told = self._told.get(compiler)
        is_fresh = told is not None and self._clock.seconds() - told.at < _FRESH
        return told.answer if told and is_fresh and told.stamp == self._stamp(compiler) else None

    def find_out(self, compiler: str) -> Body:
        """Return the answer, found out now or by somebody else meanwhile; this may wait.

        Raises:
            DistccError: if the compiler cannot be started.
            OSError: if it cannot be read.
        """
        with self._finding:
            if (answer := self.remembered(compiler)) is not None:
                return answer
            stamp = self._stamp(compiler)
            answer = self._find_out(compiler)
            self._told[compiler] = _Told(answer, stamp, self._clock.seconds())
            return answer


@dataclass(frozen=True, slots=True)
class Reception:
    """Answers questions, and hands jobs on.

    Attributes:
        judge: says whether somebody may use a compiler.
        answers: are what compilers are known for.
        run: waits for what is found out.
        admission: says when that may be.
        jobs: serves all other requests.
    """

    judge: Callable[[Request, Peer], Judged | Refused]
    answers: Answers
    run: Run
    admission: Seats
    jobs: Compile

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        """Answer `request`; see `Compile`."""
        if (question := CompilerQuestion.of(request)) is not None:
            return await self._about(question.compiler, peer)
        return await self.jobs(request, peer)

    async def _about(self, compiler: bytes, peer: Peer) -> Reply:
        simplest = Request((compiler, *_SIMPLEST))
        judged = self.judge(simplest, peer)
        if isinstance(judged, Refused):
            # It is refused, and recorded, as the job that would have followed.  Programs read in the
            # answer that the question was understood, and people the sentence.
            return replace(await self.jobs(simplest, peer), stdout=_answer())
        return Reply(0, stdout=await self._answer(judged.compiler, peer))

    async def _answer(self, compiler: str, peer: Peer) -> Body:
        if (answer := self.answers.remembered(compiler)) is not None:
            return answer
        async with self.admission.turn(peer):
            return await self.run.aside(lambda: self.answers.find_out(compiler))


def tell(executor: Executor, compiler: str) -> Body:
    """Return the answer about a compiler that `executor` runs; this may wait.

    Raises:
        DistccError: if the compiler cannot be started.
        OSError: if it cannot be read.
    """
    if not executor.knows(compiler):
        executor.learn(compiler)
    return _answer(
        version=__version__,
        preprocesses=executor.preprocesses(compiler),
        compiler=executor.digest(compiler),
    )


def _answer(**told: str | None) -> Body:
    import json  # twistd-stdio starts once per job, and is seldom asked

    return Body.of(json.dumps({"server": SERVER, **told}).encode() + b"\n")
