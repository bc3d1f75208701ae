"""What this server can, told to clients that ask.

In: a request.  Out: the answer, if it is the question `twisted-distccd about COMPILER`; other requests
go on to whatever serves jobs.  The question takes no seat: it is no job, and is not recorded as one,
unless it is refused.
What it costs is bounded, for a compiler is found out about once, and only for who may have it run.
This module refuses to know how anything is waited for, and what a client makes of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.execution.compilation import Place
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.commands import CompilerQuestion
from twisted_distcc.messages.model import Reply, Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.answer import Compile
from twisted_distcc.server.exchange import Run
from twisted_distcc.server.judgement import Judged

SERVER: Final = "twisted-distccd"

# What is judged in place of a question: whoever may not have this done does not learn of the compiler.
_SIMPLEST: Final = (b"-c", b"about.c")


@dataclass(frozen=True, slots=True)
class Reception:
    """Answers questions, and hands jobs on.

    Attributes:
        judge: says whether somebody may use a compiler.
        place: is where compilers run, and knows them.
        run: waits for what is found out.
        jobs: serves all other requests.
    """

    judge: Callable[[Request, Peer], Judged | Refused]
    place: Place
    run: Run
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
        answer = await self.run.aside(lambda: self._tell(judged.compiler))
        return Reply(0, stdout=answer)

    def _tell(self, compiler: str) -> Body:
        if not self.place.knows(compiler):
            self.place.learn(compiler)
        return _answer(
            version=__version__,
            preprocesses=self.place.preprocesses(compiler),
            compiler=self.place.digest(compiler),
        )


def _answer(**told: str | None) -> Body:
    import json  # twistd-stdio starts once per job, and is seldom asked

    return Body.of(json.dumps({"server": SERVER, **told}).encode() + b"\n")
