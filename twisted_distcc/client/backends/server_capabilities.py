"""Find out which servers have our compiler, and which can preprocess exactly as we would.

Each host is asked once about its compiler of a given name (`doc/protocol.md` has the question), and its
answer is valid for a while.  C distccd does not know the question; a host that cannot be reached has
given no answer.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.backends.host_faults import BadReplyError, NoAnswerError
from twisted_distcc.client.backends.likeness import Likeness, Paths, Told, read_answer
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.inputs.local_toolchains import HOLDS, LocalCompiler, LocalToolchains
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.jobs.commands import CompilerQuestion
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.wire.limits import KIB, Limits

Ask: TypeAlias = Callable[[Request], Awaitable[Reply]]
"""Sends a question to a host, and returns its answer; raises a `HostError` if there is none."""

Find: TypeAlias = Callable[[str], Coroutine[Deferred[Any], Any, "Likeness"]]
"""Finds out how our compiler, which has a digest, would work on a host; raises a `HostError`."""

# Answers that are cached: of some hundred hosts, about some tens of compilers each.
_MOST: Final = 10_000

ANSWER_LIMITS: Final = Limits(messages=64 * KIB, object_file=64 * KIB)
"""The ceilings on an answer: a few words, even from C distccd."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A question to a host.

    Attributes:
        host: the host.
        compiler: the name of its compiler.
        digest: that of our own compiler.
        way: what else the answer depends on.
    """

    host: RemoteHost
    compiler: str
    digest: str
    way: Hashable = None

    @property
    def request(self) -> Request:
        return CompilerQuestion(os.fsencode(self.compiler)).request()


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    told: Told

    @property
    def likeness(self) -> Likeness:
        return self.told.likeness


class ServerCapabilities:
    """What hosts have said about their compilers.

    Args:
        clock: tells the age of answers.
        own: the compilers of this machine.
    """

    def __init__(self, clock: IReactorTime, own: LocalToolchains) -> None:
        self._clock = clock
        self._own = own
        self._answers = Bounded[_Question, _Answer](_MOST)
        self._asking: Shared[_Question, Likeness] = Shared()
        self._ways: Bounded[RemoteHost, Hashable] = Bounded(_MOST)

    async def can_tell(self, compiler: LocalCompiler) -> bool:
        """Whether `compiler` can be identified: it is neither a script nor a wrapper."""
        return await self._own.digest(compiler) is not None

    async def digest(self, compiler: LocalCompiler) -> str | None:
        """Return the digest of `compiler`; `None` if it has none."""
        return await self._own.digest(compiler)

    async def are_hopeless(self, hosts: Iterable[RemoteHost], compiler: LocalCompiler) -> bool:
        """Whether it is known already that none of `hosts` is `EXACT`."""
        known = await self._answers_of(hosts, compiler)
        return all(answer is not None and not answer.likeness.is_exact for answer in known)

    async def has_exact(self, hosts: Iterable[RemoteHost], compiler: LocalCompiler) -> bool:
        """Whether it is known already that one of `hosts` is `EXACT`."""
        known = await self._answers_of(hosts, compiler)
        return any(answer is not None and answer.likeness.is_exact for answer in known)

    async def _answers_of(
        self, hosts: Iterable[RemoteHost], compiler: LocalCompiler
    ) -> Iterator[_Answer | None]:
        """Return the known answer of each of `hosts`; none if the compiler cannot be identified."""
        digest = await self._own.digest(compiler)
        if digest is None:
            return iter(())
        return (self._known(self._question(host, compiler.name, digest)) for host in hosts)

    async def likeness(self, host: RemoteHost, ask: Ask, compiler: LocalCompiler) -> Likeness:
        """Return how `host`'s compiler of this name compares to `compiler`, which can be identified.

        Raises:
            HostError: if the host could not be asked, or refuses to run the compiler for us; it is
                asked again next time.
        """
        return await self._likeness(host, compiler, lambda question: _told(question, ask))

    async def likeness_by(
        self, host: RemoteHost, find: Find, compiler: LocalCompiler, way: Hashable
    ) -> Likeness:
        """Return how `compiler` would work on `host`, as `find` finds out; `way` is what else decides.

        Raises:
            HostError: if it cannot be found out; it is asked again next time.
        """
        self._ways[host] = way

        async def told(question: _Question) -> Told:
            return Told(await find(question.digest))

        return await self._likeness(host, compiler, told)

    async def _likeness(
        self,
        host: RemoteHost,
        compiler: LocalCompiler,
        put: Callable[[_Question], Coroutine[Deferred[Any], Any, Told]],
    ) -> Likeness:
        digest = await self._own.digest(compiler)
        if digest is None:
            return Likeness.UNKNOWN
        question = self._question(host, compiler.name, digest)
        if (answer := self._known(question)) is not None:
            return answer.likeness
        return await self._asking.get(question, lambda: self._put(question, put(question)))

    async def paths(self, host: RemoteHost, compiler: LocalCompiler) -> Paths | None:
        """Return where `host` has `compiler`, as far as that is known since it was asked."""
        [answer] = list(await self._answers_of((host,), compiler)) or [None]
        if answer is not None and answer.told.likeness.runs_ours:
            return Paths(compiler.path, os.path.realpath(compiler.path))
        return None if answer is None else answer.told.paths

    async def loads_plugins(self, host: RemoteHost, compiler: LocalCompiler) -> bool:
        """Whether `host` has said, when it was asked, that it takes `compiler` with plugins of ours."""
        known = await self._answers_of((host,), compiler)
        return any(answer is not None and answer.told.loads_plugins for answer in known)

    def forget(self, host: RemoteHost, compiler: LocalCompiler) -> None:
        """Forget the answer of `host` about `compiler`, which turned out to be wrong."""
        about = host, compiler.name
        outdated = [one for one in self._answers if (one.host, one.compiler) == about]
        for question in outdated:
            del self._answers[question]

    def _question(self, host: RemoteHost, name: str, digest: str) -> _Question:
        return _Question(host, name, digest, self._ways.get(host))

    def _known(self, question: _Question) -> _Answer | None:
        answer = self._answers.get(question)
        return answer if answer and self._clock.seconds() - answer.at < HOLDS else None

    async def _put(self, question: _Question, asked: Coroutine[Deferred[Any], Any, Told]) -> Likeness:
        told = await asked
        self._answers[question] = _Answer(self._clock.seconds(), told)
        return told.likeness


async def _told(question: _Question, ask: Ask) -> Told:
    """Ask `question`; ask again if the host hangs up, as it may have been about to exit."""
    try:
        try:
            reply = await ask(question.request)
        except NoAnswerError:
            reply = await ask(question.request)
    except (BadReplyError, NoAnswerError):  # C distccd hangs up on what it does not know
        return Told(Likeness.UNTOLD)
    try:
        return read_answer(reply, question.digest)
    finally:
        reply.discard()
