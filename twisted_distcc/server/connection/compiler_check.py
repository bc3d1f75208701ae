"""Check, before a client sends anything, that the compiler of its job is the one that it has itself."""

from __future__ import annotations

import json
from typing import Final

from twisted_distcc.errors import EXIT_COMPILER_MISSING, DistccError
from twisted_distcc.jobs.commands import CompileCommand, CompilerQuestion, command_of
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.policy.peer import Peer
from twisted_distcc.server.job.compile import Compile

_LONGEST_ANSWER: Final = 4096


class WrongCompilerError(DistccError):
    """The compiler of that name is another one here, or there is none for this client."""

    exit_code = EXIT_COMPILER_MISSING


async def check_compiler(compile: Compile, job: SessionJob, peer: Peer) -> None:
    """Ask the server itself about the compiler of `job`, as clients of earlier protocols do.

    Args:
        compile: answers the question.
        job: the job; one that says nothing of its compiler is not checked.
        peer: whose job it is.

    Raises:
        WrongCompilerError: if the client's compiler is not here, or not for this client.
    """
    if not job.compiler:
        return
    command = command_of(Request(job.arguments))
    if not isinstance(command, CompileCommand):
        return
    reply = await compile(CompilerQuestion(command.compiler).request(), peer)
    try:
        _check(reply, job.compiler, command.compiler.decode(errors="replace"))
    finally:
        reply.discard()


def _check(reply: Reply, digest: bytes, name: str) -> None:
    if reply.status:
        error = WrongCompilerError(reply.stderr.read().decode(errors="replace").strip())
        error.exit_code = reply.exit_code
        raise error
    if _told(reply) != digest.hex():
        raise WrongCompilerError(f"this server's {name} is not the compiler that the client has")


def _told(reply: Reply) -> object:
    """Return what an answer says of the compiler; `None` if this server does not know the question."""
    try:
        told = json.loads(reply.stdout.head(_LONGEST_ANSWER))
    except (ValueError, RecursionError):
        return None
    return told.get("compiler") if isinstance(told, dict) else None
