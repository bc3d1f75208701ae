"""Check, before a client sends anything, that the compiler of its job is the one that it has itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from twisted_distcc.errors import EXIT_COMPILER_MISSING, DistccError, RemoteProtocolError
from twisted_distcc.jobs.commands import CompileCommand, CompilerQuestion, command_of
from twisted_distcc.jobs.model import Reply, Request, Tools
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.policy.peer import Peer
from twisted_distcc.server.job.compile import Compile

_LONGEST_ANSWER: Final = 4096


class WrongCompilerError(DistccError):
    """The compiler of that name is another one here, or there is none for this client."""

    exit_code = EXIT_COMPILER_MISSING


async def check_compiler(compile: Compile, job: SessionJob, peer: Peer) -> bool:
    """Ask the server itself about the compiler of `job`, as clients of earlier protocols do.

    Args:
        compile: answers the question.
        job: the job; one that says nothing of its compiler is not checked.
        peer: whose job it is.

    Returns:
        Whether its toolchain may serve others, and be one that others have brought.

    Raises:
        WrongCompilerError: if the client's compiler is not here, or not for this client, or if its
            toolchain is not welcome.
        RemoteProtocolError: if a toolchain comes with something else than a compile of files.
    """
    if not (job.compiler or job.toolchain):
        return False
    if job.toolchain and not job.has_tree:
        raise RemoteProtocolError("a toolchain comes with files, not with preprocessed text")
    command = command_of(Request(job.arguments))
    if not isinstance(command, CompileCommand):
        if job.toolchain:
            raise RemoteProtocolError("a toolchain comes with a compile")
        return False
    question = CompilerQuestion(command.compiler).request()
    if job.toolchain:
        question = replace(question, tools=Tools(job.toolchain))
    reply = await compile(question, peer)
    try:
        return _checked(reply, job, command.compiler.decode(errors="replace"))
    finally:
        reply.discard()


def _checked(reply: Reply, job: SessionJob, name: str) -> bool:
    if reply.status:
        error = WrongCompilerError(reply.stderr.read().decode(errors="replace").strip())
        error.exit_code = reply.exit_code
        raise error
    facts = _told(reply)
    if not job.toolchain and facts.get("compiler") != job.compiler.hex():
        raise WrongCompilerError(f"this server's {name} is not the compiler that the client has")
    return facts.get("share") is True


def _told(reply: Reply) -> dict[str, object]:
    """Return what an answer says of the compiler; nothing if this server does not know the question."""
    try:
        told = json.loads(reply.stdout.head(_LONGEST_ANSWER))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
