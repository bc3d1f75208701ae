"""Answer clients that ask what this server is capable of.

The question is a request for the command `twisted-distccd about COMPILER`; other requests go on to
whatever serves jobs.  The question is not recorded as a job, unless it is refused.

An answer is remembered (`compiler_facts`); it is found out in a seat, as if that were a job.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.content.body import Body
from twisted_distcc.errors import EXIT_COMPILER_MISSING
from twisted_distcc.execution.executor import Executor
from twisted_distcc.jobs.commands import CompilerQuestion
from twisted_distcc.jobs.model import Reply, Request, Tools
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.authorize import Judged
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.exchange import Run, Seats

SERVER: Final = "twisted-distccd"

TAKEN: Final = {"toolchains": "taken"}
"""What an answer says to those who may bring a compiler along."""

_WITH_PROGRAMS: Final = {**TAKEN, "programs": "taken"}
"""The same, to those whose compiler may load programs of theirs."""

_LOADING: Final = b"-fplugin=/about.so"
"""Judged as well, in a job that brings a compiler: whoever may not run this brings no such programs."""

SIMPLEST: Final = (b"-c", b"about.c")
"""Judged in place of a question: whoever may not run this learns nothing about the compiler."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Answers questions, and passes jobs on.

    Attributes:
        judge: decides whether somebody may use a compiler.
        answers: the answers about compilers.
        makes_all: whether commands that make more than an object run here with toolchains that clients
            bring; it may block.
        run: runs work that blocks.
        admission: grants seats for that.
        jobs: serves all other requests.
    """

    judge: Callable[[Request, Peer], Judged | Refused]
    answers: CompilerFacts[Body]
    makes_all: Callable[[], bool]
    run: Run
    admission: Seats
    jobs: Compile

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        """Answer `request`; see `Compile`."""
        if (question := CompilerQuestion.of(request)) is not None:
            return await self._about(question.compiler, peer, request.tools)
        return await self.jobs(request, peer)

    async def _about(self, compiler: bytes, peer: Peer, tools: Tools | None) -> Reply:
        simplest = Request((compiler, *SIMPLEST), tools=tools)
        judged = self.judge(simplest, peer)
        if isinstance(judged, Refused):
            # It is refused, and recorded, like the job that would have followed.  The answer tells
            # programs that the question was understood, and people why it is refused.
            is_missing = judged.exit_code == EXIT_COMPILER_MISSING
            facts = self._toolchains(simplest, peer) if is_missing else {}
            if _are_taken(facts):  # the job that follows brings its own
                refusal = Reply.sentence(judged.exit_code, f"the server refuses this job: {judged}")
                outputs = _outputs(await self.run.aside(self.makes_all))
                return replace(refusal, stdout=told(**facts, outputs=outputs))
            return replace(await self.jobs(simplest, peer), stdout=told(**facts))
        if tools is not None:
            return Reply(0, stdout=told(share=judged.decision.terms.share))
        answer = await self._answer(judged.compiler, peer)
        return Reply(0, stdout=_with(answer, self._toolchains(simplest, peer)))

    def _toolchains(self, simplest: Request, peer: Peer) -> dict[str, str]:
        """Return the facts whether `peer` may bring a compiler along, or why not, and plugins for it."""
        bringing = replace(simplest, tools=Tools(b""))
        judged = self.judge(bringing, peer)
        if isinstance(judged, Refused):
            return {"toolchains": "no", "why": str(judged)}
        compiler, *words = simplest.arguments
        loading = replace(bringing, arguments=(compiler, _LOADING, *words))
        return TAKEN if isinstance(self.judge(loading, peer), Refused) else _WITH_PROGRAMS

    async def _answer(self, compiler: str, peer: Peer) -> Body:
        if (known := self.answers.remembered(compiler)) is not None:
            return known.value
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
        outputs=_outputs(executor.makes_all_outputs(compiler)),
        compiler=executor.digest(compiler),
        path=compiler,
        real_path=os.path.realpath(compiler),
    )


def _are_taken(facts: Mapping[str, str]) -> bool:
    return facts.items() >= TAKEN.items()


def _outputs(makes_all: bool) -> str:
    return "all" if makes_all else "object"


def _with(answer: Body, facts: dict[str, str]) -> Body:
    """Return `answer` with some more facts, if there is anything that a client can use."""
    import json

    if not _are_taken(facts):
        return answer
    return Body.of(json.dumps({**json.loads(answer.read()), **facts}).encode() + b"\n")


def told(**facts: object) -> Body:
    """Return an answer with `facts`, and the name by which clients know who gives it."""
    import json  # twistd-stdio starts once per job, and is rarely asked

    return Body.of(json.dumps({"server": SERVER, **facts}).encode() + b"\n")
