"""Answer questions about this server: what it is, and what its compilers consist of.

`Inquiries` answers the questions of `jobs.server_questions`, and passes other requests on.  Whoever may
connect may ask for the status, which says nothing about jobs or clients.  The parts of a compiler are
told to whoever may use it, and found out in a turn, as that reads hundreds of files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted_distcc import __version__
from twisted_distcc.content.body import Body
from twisted_distcc.execution.executor import Executor
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.server_questions import PartsQuestion, StatusQuestion, server_question
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.authorize import Judged
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.compiler_questions import SIMPLEST, told
from twisted_distcc.server.job.exchange import Run, Seats


@dataclass(frozen=True, slots=True)
class Inquiries:
    """Answers questions about the server, and passes everything else on.

    Attributes:
        judge: decides whether somebody may use a compiler.
        status: returns the answer about the server itself.
        parts: the answers about the parts of compilers.
        run: runs work that blocks.
        admission: grants turns for that.
        jobs: serves all other requests.
    """

    judge: Callable[[Request, Peer], Judged | Refused]
    status: Callable[[], Body]
    parts: CompilerFacts[Body]
    run: Run
    admission: Seats
    jobs: Compile

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        """Answer `request`; see `Compile`."""
        match server_question(request):
            case StatusQuestion():
                return Reply(0, stdout=self.status())
            case PartsQuestion(compiler):
                return await self._parts_of(compiler, peer)
            case None:
                return await self.jobs(request, peer)

    async def _parts_of(self, compiler: bytes, peer: Peer) -> Reply:
        simplest = Request((compiler, *SIMPLEST))
        judged = self.judge(simplest, peer)
        if isinstance(judged, Refused):
            return replace(await self.jobs(simplest, peer), stdout=told())
        path = judged.compiler
        if (known := self.parts.remembered(path)) is not None:
            return Reply(0, stdout=known.value)
        async with self.admission.turn(peer):
            return Reply(0, stdout=await self.run.aside(lambda: self.parts.find_out(path)))


def status_of(executor: Executor, slots: int) -> Body:
    """Return the answer about a server that runs `slots` jobs at once by `executor`."""
    return told(
        version=__version__,
        sandbox=not isinstance(executor, Unconfined),
        slots=slots,
        cpus=os.cpu_count(),
        time=time.time(),
    )


def parts_of(executor: Executor, compiler: str) -> Body:
    """Return the answer about the parts of a compiler that `executor` runs; this may block.

    Raises:
        DistccError: if the compiler cannot be started.
        OSError: if it cannot be read.
    """
    from twisted_distcc.toolchain.anatomy import anatomy  # twistd-stdio is rarely asked

    if not executor.knows(compiler):
        executor.learn(compiler)
    return told(version=__version__, parts=anatomy(executor.parts(compiler)))
