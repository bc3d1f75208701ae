"""Which servers preprocess for us just as we would.

In: a host, and a compiler of the user's.  Out: whether that host has the very same compiler, and shows
it our files at our own paths.  Each host is asked once about a compiler (`doc/protocol.md` has the
question), and its answer holds for a while.  An answer of any other kind is a no; a host that cannot be
reached has given none.  This module refuses to know how a question gets to a host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.client.faults import BadReplyError, LostConnectionError
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.own_compilers import HOLDS, OwnCompiler, OwnCompilers
from twisted_distcc.client.sharing import Shared
from twisted_distcc.messages.commands import CompilerQuestion
from twisted_distcc.messages.model import Reply, Request
from twisted_distcc.wire.limits import KIB, Limits

Ask: TypeAlias = Callable[[Request], Awaitable[Reply]]
"""Puts a question to a host, and gives its answer; a `HostError` says that there is none."""

_LONGEST_ANSWER: Final = 4 * KIB

ANSWER_LIMITS: Final = Limits(messages=64 * KIB, object_file=64 * KIB)
"""The ceilings on an answer, for who asks: some words, be they C distccd's."""


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
    is_yes: bool


class Abilities:
    """What is known of hosts.

    Args:
        clock: tells how long ago one was asked.
        own: knows the compilers of this machine.
    """

    def __init__(self, clock: IReactorTime, own: OwnCompilers) -> None:
        self._clock = clock
        self._own = own
        self._answers: dict[_Question, _Answer] = {}
        self._asking: Shared[_Question, bool] = Shared()

    async def are_hopeless(self, hosts: Iterable[RemoteHost], compiler: OwnCompiler) -> bool:
        """Say whether it is known already that `exact` is a no for each of `hosts`."""
        digest = await self._own.digest(compiler)
        if digest is None:
            return True
        known = (self._known(_Question(host, compiler.name, digest)) for host in hosts)
        return all(answer is not None and not answer.is_yes for answer in known)

    async def exact(self, host: RemoteHost, ask: Ask, compiler: OwnCompiler) -> bool:
        """Say whether `host` makes of our files, with its own compiler, what `compiler` would make.

        Raises:
            HostError: if the host could not be asked; the next time it is asked again.
        """
        digest = await self._own.digest(compiler)
        if digest is None:
            return False
        question = _Question(host, compiler.name, digest)
        if (answer := self._known(question)) is not None:
            return answer.is_yes
        return await self._asking.get(question, lambda: self._put(question, ask))

    def _known(self, question: _Question) -> _Answer | None:
        answer = self._answers.get(question)
        return answer if answer and self._clock.seconds() - answer.at < HOLDS else None

    async def _put(self, question: _Question, ask: Ask) -> bool:
        is_yes = await _told(question, ask) == question.digest
        self._answers[question] = _Answer(self._clock.seconds(), is_yes)
        return is_yes


async def _told(question: _Question, ask: Ask) -> str | None:
    """Give the digest of the compiler that a host preprocesses exactly with."""
    try:
        reply = await ask(question.request)
    except (BadReplyError, LostConnectionError):  # as C distccd does with what it does not know
        return None
    try:
        return _read(reply)
    finally:
        reply.discard()


def _read(reply: Reply) -> str | None:
    if reply.status or reply.stdout.length > _LONGEST_ANSWER:
        return None
    try:
        told: Any = json.loads(reply.stdout.read())
    except (ValueError, RecursionError, OSError):
        return None
    match told:
        case {"server": "twisted-distccd", "preprocesses": "exact", "compiler": str(digest)}:
            return digest
        case _:
            return None
