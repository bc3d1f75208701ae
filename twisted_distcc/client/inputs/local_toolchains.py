"""The digests of this machine's compilers, for comparison with those of servers.

A digest is computed in a thread, by the same code as on a server.  It is valid for a while, unless the
compiler's file changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.cmdline.environment import DECIDING
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.toolchain.digest import FileStamp, file_stamp
from twisted_distcc.toolchain.known_toolchains import identify

TRUST_NAMES: Final = "DISTCC_TRUST_NAMES=1 would send it all the same"
"""What somebody can do who knows better."""

HOLDS: Final = 600.0
"""Seconds for which findings about a compiler, here or on a server, are valid."""

# Compilers in their environments: a machine has some tens.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class LocalCompiler:
    """A compiler in a user's environment.

    Attributes:
        path: its path.
        name: its name for servers, the first word of the command.
        environ: the part of the user's environment that decides what it consists of.
    """

    path: str
    name: str
    environ: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, path: str, name: str, environ: Mapping[str, str]) -> LocalCompiler:
        """Return the compiler at `path` in the environment `environ`."""
        told = ((each, environ.get(each)) for each in DECIDING)
        return cls(path, name, tuple((each, value) for each, value in told if value is not None))

    @property
    def why_unidentified(self) -> str:
        """What to say if it has no digest."""
        what = f"{self.path} is a script or starts another compiler"
        return f"{what}, so no server is known to have the same; {TRUST_NAMES}"


@dataclass(frozen=True, slots=True)
class _Found:
    at: float
    stamp: FileStamp
    digest: str | None


class LocalToolchains:
    """A cache of compilers' digests.

    Args:
        clock: tells their age.
        find: computes one; see `finder`.
    """

    def __init__(
        self, clock: IReactorTime, find: Callable[[LocalCompiler], Awaitable[str | None]]
    ) -> None:
        self._clock = clock
        self._find = find
        self._found = Bounded[LocalCompiler, _Found](_MOST)
        self._searches: Shared[LocalCompiler, str | None] = Shared()

    async def digest(self, compiler: LocalCompiler) -> str | None:
        """Return the digest of `compiler`; `None` if it cannot be determined."""
        try:
            stamp = file_stamp(compiler.path)
        except OSError:
            return None
        found = self._found.get(compiler)
        if found and found.stamp == stamp and self._clock.seconds() - found.at < HOLDS:
            return found.digest
        return await self._searches.get(compiler, lambda: self._search(compiler, stamp))

    async def _search(self, compiler: LocalCompiler, stamp: FileStamp) -> str | None:
        digest = await self._find(compiler)
        self._found[compiler] = _Found(self._clock.seconds(), stamp, digest)
        return digest


def finder(reactor: Any) -> Callable[[LocalCompiler], Deferred[str | None]]:
    """Return a function that computes digests in the threads of `reactor` (`IReactorThreads`)."""
    threads = ReactorThreads(reactor)

    def find(compiler: LocalCompiler) -> Deferred[str | None]:
        environ = dict(compiler.environ)
        return threads(partial(identify, compiler.path, environ, anew=True))

    return find
