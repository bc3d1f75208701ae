"""Which compilers this machine has: the digests that servers tell of theirs, of our own.

In: a compiler of the user's.  Out: its digest, by the same code as a server's, found in a thread.  What
was found holds for a while, unless the compiler's file changes.  This module refuses to know what any
server answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool

from twisted_distcc.client.sharing import Shared
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.sandbox.identity import FileStamp, file_stamp
from twisted_distcc.execution.sandbox.toolchain import discover
from twisted_distcc.execution.sandbox.toolchains import Toolchains

HOLDS: Final = 600.0
"""Seconds after which what was found out about a compiler, here or on a server, is asked again."""


# Values of PATH: a build has a few, and some build tools another for each project.
_MOST_SEARCHES: Final = 100


@dataclass(frozen=True, slots=True)
class OwnCompiler:
    """A compiler, as a user means it.

    Attributes:
        path: where it lies.
        name: what servers are to know it by, the first word of the command.
        search: the user's PATH, on which it finds its assembler.
    """

    path: str
    name: str
    search: str


@dataclass(frozen=True, slots=True)
class _Found:
    at: float
    stamp: FileStamp
    digest: str | None


class OwnCompilers:
    """The digests of compilers.

    Args:
        clock: tells how long ago one was found.
        find: finds one; see `finder`.
    """

    def __init__(
        self, clock: IReactorTime, find: Callable[[OwnCompiler], Awaitable[str | None]]
    ) -> None:
        self._clock = clock
        self._find = find
        self._found: dict[OwnCompiler, _Found] = {}
        self._searches: Shared[OwnCompiler, str | None] = Shared()

    async def digest(self, compiler: OwnCompiler) -> str | None:
        """Give the digest of `compiler`, or `None` for one of which nobody can tell."""
        try:
            stamp = file_stamp(compiler.path)
        except OSError:
            return None
        found = self._found.get(compiler)
        if found and found.stamp == stamp and self._clock.seconds() - found.at < HOLDS:
            return found.digest
        return await self._searches.get(compiler, lambda: self._search(compiler, stamp))

    async def _search(self, compiler: OwnCompiler, stamp: FileStamp) -> str | None:
        digest = await self._find(compiler)
        self._found[compiler] = _Found(self._clock.seconds(), stamp, digest)
        return digest


def finder(reactor: Any) -> Callable[[OwnCompiler], Deferred[str | None]]:
    """Give what finds digests in the threads of `reactor`, which provides `IReactorThreads`."""
    toolchains_on = lru_cache(_MOST_SEARCHES)(_toolchains)

    def find(compiler: OwnCompiler) -> Deferred[str | None]:
        toolchains = toolchains_on(compiler.search)
        return deferToThreadPool(reactor, reactor.getThreadPool(), _digest, toolchains, compiler.path)

    return find


def _toolchains(search: str) -> Toolchains:
    # What compilers say of themselves is read as they say it in English.
    environ = {"PATH": search, "LC_ALL": "C"}
    return Toolchains(lambda path: discover(path, environ, ()))


def _digest(toolchains: Toolchains, path: str) -> str | None:
    try:
        toolchains.learn(path)
    except (DistccError, OSError):  # it will not compile here either, and says so then
        return None
    return toolchains.digest(path)
