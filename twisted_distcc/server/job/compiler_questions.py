"""Answer clients that ask what this server is capable of.

The question is a request for the command `twisted-distccd about COMPILER`; other requests go on to
whatever serves jobs.  The question is not recorded as a job, unless it is refused.

An answer is remembered.  It is valid for as long as the compiler's own file is unchanged, but for a
second at most: after that, the hundreds of files that a compiler consists of are checked once more, for
whoever asks next, and in a seat, as if that were a job.
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

SIMPLEST: Final = (b"-c", b"about.c")
"""Judged in place of a question: whoever may not run this learns nothing about the compiler."""


# How many seconds an answer is valid without checking all files of the compiler.
_FRESH: Final = 1.0
# How many compilers' answers are kept; if clients may name any program, one has many names.
_MOST_COMPILERS: Final = 100


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, the compiler that it is about, and when that was last checked."""

    answer: Body
    stamp: FileStamp
    at: float


class Answers:
    """What is known about compilers.

    Args:
        find_out: returns the answer about a compiler; it may block.
        clock: tells how old an answer is.
        stamp: identifies the compiler at a path, such that a replaced one differs.
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
        """Return the answer about a compiler, unless it has to be found out; this does not block.

        Raises:
            OSError: if the compiler is gone.
        """
        told = self._told.get(compiler)
        is_fresh = told is not None and self._clock.seconds() - told.at < _FRESH
        return told.answer if told and is_fresh and told.stamp == self._stamp(compiler) else None

    def find_out(self, compiler: str) -> Body:
        """Return the answer, found out now or by somebody else meanwhile; this may block.

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
    """Answers questions, and passes jobs on.

    Attributes:
        judge: decides whether somebody may use a compiler.
        answers: the answers about compilers.
        run: runs work that blocks.
        admission: grants seats for that.
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
        simplest = Request((compiler, *SIMPLEST))
        judged = self.judge(simplest, peer)
        if isinstance(judged, Refused):
            # It is refused, and recorded, like the job that would have followed.  The answer tells
            # programs that the question was understood, and people why it is refused.
            return replace(await self.jobs(simplest, peer), stdout=told())
        return Reply(0, stdout=await self._answer(judged.compiler, peer))

    async def _answer(self, compiler: str, peer: Peer) -> Body:
        if (answer := self.answers.remembered(compiler)) is not None:
            return answer
        async with self.admission.turn(peer):
            return await self.run.aside(lambda: self.answers.find_out(compiler))


def tell(executor: Executor, compiler: str) -> Body:
    """Return the answer about a compiler that `executor` runs; this may block.

    Raises:
        DistccError: if the compiler cannot be started.
        OSError: if it cannot be read.
    """
    if not executor.knows(compiler):
        executor.learn(compiler)
    return told(
        version=__version__,
        preprocesses=executor.preprocesses(compiler),
        compiler=executor.digest(compiler),
    )


def told(**facts: object) -> Body:
    """Return an answer with `facts`, and the name by which clients know who gives it."""
    import json  # twistd-stdio starts once per job, and is rarely asked

    return Body.of(json.dumps({"server": SERVER, **facts}).encode() + b"\n")
