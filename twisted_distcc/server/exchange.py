"""The story of one job, from its request to its reply.

In: a whole request, and who sent it.  Out: a reply; and one record of what happened.  A request that is
refused, and one that this machine cannot serve, are answered as well: with a sentence where the
compiler's messages would be, so that the person at the client reads the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IReactorTime

from twisted_distcc.cmdline.model import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_TIMEOUT, DistccError
from twisted_distcc.execution.compilation import Compiler
from twisted_distcc.execution.compilers import Compilers
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.model import Reply, Request
from twisted_distcc.observe.jobs import JobRecord
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.processes import CannotStartError, Ended
from twisted_distcc.server.admission import Admission


class LifetimeError(DistccError):
    """A job ran longer than the server lets any job run."""

    exit_code = EXIT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Exchange:
    """Serves jobs by compiling them here.

    Attributes:
        compilers: which compilers there are.
        compiler: runs one.
        admission: says when.
        workspaces: says where.
        clock: measures, and ends what takes too long.
        lifetime: seconds that a compiler may run; `None` is for ever.
        record: is told of each job when it is over.
    """

    compilers: Compilers
    compiler: Compiler
    admission: Admission
    workspaces: Workspaces
    clock: IReactorTime
    lifetime: float | None
    record: Callable[[JobRecord], None]

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        """Answer `request`; cancelling kills the compiler at once."""
        told = JobRecord(
            peer=str(peer),
            verdict="done",
            version=request.version,
            compiler=os.fsdecode(request.arguments[0]),
            received=request.source.length,
        )
        command = self._judge(request)
        if isinstance(command, Refused):
            self.record(replace(told, verdict="refused", reason=str(command)))
            return Reply.sentence(command.exit_code, f"the server refuses this job: {command}")
        path, compilation = command
        told = replace(told, compiler=path, source=compilation.source)
        try:
            return await self._in_turn(path, compilation, request.source, told)
        except CancelledError:
            self.record(replace(told, verdict="cancelled"))
            raise
        except Exception as error:
            self.record(replace(told, verdict="failed", reason=str(error) or type(error).__name__))
            raise

    def _judge(self, request: Request) -> tuple[str, Compilation] | Refused:
        """Say which compiler does what for `request`, or why none does."""
        if any(b"\0" in argument for argument in request.arguments):
            return Refused(("a word of the command holds a NUL",), EXIT_BAD_ARGUMENTS)
        argv = [os.fsdecode(argument) for argument in request.arguments]
        path = self.compilers.resolve(argv[0])
        if isinstance(path, Refused):
            return path
        compilation = parse(argv, arrived=True)
        if isinstance(compilation, StayLocal):
            return Refused((compilation.reason,), EXIT_BAD_ARGUMENTS)
        return path, compilation

    async def _in_turn(
        self, path: str, compilation: Compilation, source: Body, told: JobRecord
    ) -> Reply:
        arrived = self.clock.seconds()
        async with self.admission.seat():
            seated = self.clock.seconds()
            reply, ended = await self._compile(path, compilation, source)
        self.record(
            replace(
                told,
                status=reply.exit_code,
                sent=reply.object_file.length,
                waited=seated - arrived,
                ran=self.clock.seconds() - seated,
                cpu=ended.user + ended.system,
            )
        )
        return reply

    async def _compile(self, path: str, compilation: Compilation, source: Body) -> tuple[Reply, Ended]:
        workspace = self.workspaces.new()
        try:
            job = self.compiler.compile(path, compilation, source, workspace)
            if self.lifetime is None:
                return await job
            return await Deferred.fromCoroutine(job).addTimeout(self.lifetime, self.clock)
        except CannotStartError:
            # It may be running all the same, and nobody watches it, if what starts programs is gone.
            workspace.remove()
            raise
        except DeferredTimeoutError:
            sentence = (
                f"the compiler ran for {self.lifetime:g} seconds, the most that this server allows"
            )
            raise LifetimeError(sentence) from None
        finally:
            self.workspaces.take_back(workspace)
