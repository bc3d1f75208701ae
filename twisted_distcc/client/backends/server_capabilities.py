"""Which servers have the compiler that this machine has, and which preprocess for us just as we would.

In: a host, and a compiler of the user's.  Out: what that host says of its own compiler of that name.
Each host is asked once about a compiler (`doc/protocol.md` has the question), and its answer holds for a
while.  C distccd does not know the question; a host that cannot be reached has given no answer.  This
module does not know how a question gets to a host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    NoAnswerError,
    RefusedByHostError,
    Scope,
)
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.inputs.local_toolchains import HOLDS, LocalCompiler, LocalToolchains
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.errors import (
    EXIT_BAD_ARGUMENTS,
    EXIT_COMPILER_MISSING,
    EXIT_FAILURE,
    EXIT_PROTOCOL_ERROR,
)
from twisted_distcc.jobs.commands import CompilerQuestion
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.wire.limits import KIB, Limits

Ask: TypeAlias = Callable[[Request], Awaitable[Reply]]
"""Puts a question to a host, and gives its answer; a `HostError` says that there is none."""

# Answers that are remembered: each of some hundred hosts, about some tens of compilers.
_MOST: Final = 10_000
_LONGEST_ANSWER: Final = 4 * KIB

# How servers that do not know the question refuse it: it is no compiler of theirs.
_WITHOUT_UNDERSTANDING: Final = frozenset(
    {*range(EXIT_FAILURE), EXIT_BAD_ARGUMENTS, EXIT_PROTOCOL_ERROR, EXIT_COMPILER_MISSING}
)

ANSWER_LIMITS: Final = Limits(messages=64 * KIB, object_file=64 * KIB)
"""The ceilings on an answer, for who asks: some words, be they C distccd's."""


class Likeness(Enum):
    """What a host's compiler is, as far as the host tells."""

    EXACT = auto()
    """Ours, and it preprocesses our files at our own paths."""
    SAME = auto()
    """Ours."""
    OTHER = auto()
    """Another one."""
    UNKNOWN = auto()
    """The host itself cannot tell: it may be a script."""
    UNTOLD = auto()
    """The host does not know the question, as C distccd."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What a host is asked; `digest` is that of our own compiler."""

    host: RemoteHost
    compiler: str
    digest: str

    @property
    def request(self) -> Request:
        return CompilerQuestion(os.fsencode(self.compiler)).request()


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    likeness: Likeness


class ServerCapabilities:
    """What is known of hosts.

    Args:
        clock: tells how long ago one was asked.
        own: knows the compilers of this machine.
    """

    def __init__(self, clock: IReactorTime, own: LocalToolchains) -> None:
        self._clock = clock
        self._own = own
        self._answers = Bounded[_Question, _Answer](_MOST)
        self._asking: Shared[_Question, Likeness] = Shared()

    async def can_tell(self, compiler: LocalCompiler) -> bool:
        """Say whether `compiler` can be told from others: it is no script, and no wrapper."""
        return await self._own.digest(compiler) is not None

    async def are_hopeless(self, hosts: Iterable[RemoteHost], compiler: LocalCompiler) -> bool:
        """Say whether it is known already that none of `hosts` is `EXACT`."""
        known = await self._answers_of(hosts, compiler)
        return all(answer is not None and answer.likeness is not Likeness.EXACT for answer in known)

    async def has_exact(self, hosts: Iterable[RemoteHost], compiler: LocalCompiler) -> bool:
        """Say whether it is known already that one of `hosts` is `EXACT`."""
        known = await self._answers_of(hosts, compiler)
        return any(answer is not None and answer.likeness is Likeness.EXACT for answer in known)

    async def _answers_of(
        self, hosts: Iterable[RemoteHost], compiler: LocalCompiler
    ) -> list[_Answer | None]:
        """Return what is known of each of `hosts`; nothing, where the compiler cannot be told."""
        digest = await self._own.digest(compiler)
        if digest is None:
            return []
        return [self._known(_Question(host, compiler.name, digest)) for host in hosts]

    async def likeness(self, host: RemoteHost, ask: Ask, compiler: LocalCompiler) -> Likeness:
        """Say what the compiler on `host` is that has the name of `compiler`, which can be told.

        Raises:
            HostError: if the host could not be asked, or refuses to have the compiler run for us; the
                next time it is asked again.
        """
        digest = await self._own.digest(compiler)
        if digest is None:
            return Likeness.UNKNOWN
        question = _Question(host, compiler.name, digest)
        if (answer := self._known(question)) is not None:
            return answer.likeness
        return await self._asking.get(question, lambda: self._put(question, ask))

    def forget(self, host: RemoteHost, compiler: LocalCompiler) -> None:
        """Ask `host` again about `compiler` the next time: it has not kept to its answer."""
        about = host, compiler.name
        outdated = [one for one in self._answers if (one.host, one.compiler) == about]
        for question in outdated:
            del self._answers[question]

    def _known(self, question: _Question) -> _Answer | None:
        answer = self._answers.get(question)
        return answer if answer and self._clock.seconds() - answer.at < HOLDS else None

    async def _put(self, question: _Question, ask: Ask) -> Likeness:
        likeness = await _told(question, ask)
        self._answers[question] = _Answer(self._clock.seconds(), likeness)
        return likeness


async def _told(question: _Question, ask: Ask) -> Likeness:
    """Put `question`; a host that hangs up is asked once more, for it may have been about to end."""
    try:
        try:
            reply = await ask(question.request)
        except NoAnswerError:
            reply = await ask(question.request)
    except (BadReplyError, NoAnswerError):  # C distccd hangs up on what it does not know
        return Likeness.UNTOLD
    try:
        return _read(reply, question.digest)
    finally:
        reply.discard()


def _read(reply: Reply, digest: str) -> Likeness:
    """Read an answer.

    Raises:
        RefusedByHostError: if it is a refusal by who knows what is asked, or of whatever is asked.
    """
    match _parsed(reply):
        case {"server": "twisted-distccd"} as told:
            if reply.status:
                raise _refusal(reply)
            return _compared(told, digest)
        case _ if reply.exit_code not in _WITHOUT_UNDERSTANDING:
            raise RefusedByHostError.of(reply)
        case _:
            return Likeness.UNTOLD


def _refusal(reply: Reply) -> RefusedByHostError:
    """Return the refusal of the simplest job of this compiler: it holds for every other, too."""
    error = RefusedByHostError.of(reply)
    error.scope = Scope.COMPILER
    return error


def _compared(told: Any, digest: str) -> Likeness:
    match told:
        case {"compiler": str(theirs)} if theirs != digest:
            return Likeness.OTHER
        case {"compiler": str(), "preprocesses": "exact"}:
            return Likeness.EXACT
        case {"compiler": str()}:
            return Likeness.SAME
        case _:
            return Likeness.UNKNOWN


def _parsed(reply: Reply) -> Any:
    if reply.stdout.length > _LONGEST_ANSWER:
        return None
    try:
        return json.loads(reply.stdout.read())
    except (ValueError, RecursionError, OSError):
        return None
