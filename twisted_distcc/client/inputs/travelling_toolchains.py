"""Our own compilers as files that are sent along, for hosts that have none of their own.

`TravellingToolchains.tree` returns the files of a compiler for one language.  To find and to read them
takes some tenths of a second, in a thread; they are looked at again after a while, and read again if any
has changed, or if a host says that one is not what it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.local_toolchains import HOLDS, LocalCompiler
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.errors import DistccError
from twisted_distcc.runtime.threads import Threads
from twisted_distcc.toolchain.digest import file_digest, file_stamp
from twisted_distcc.toolchain.known_toolchains import parts_in, toolchain_in
from twisted_distcc.toolchain.travelling_tree import (
    TravellingTree,
    inner_program,
    travelling_tree,
)

# A build has a compiler or two, each for a language or two; a tree has some hundred files.
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class _Key:
    compiler: LocalCompiler
    digest: str
    inner: str


@dataclass(frozen=True, slots=True)
class _Known:
    at: float
    tree: TravellingTree | None


class TravellingToolchains:
    """The files of compilers.

    Args:
        clock: tells how long ago they were looked at.
        threads: reads them.
        find: finds them; it may block.
        find_parts: finds what decides what a compiler makes, likewise.
    """

    def __init__(
        self,
        clock: IReactorTime,
        threads: Threads,
        find: Callable[[LocalCompiler, Language], TravellingTree | None] | None = None,
        find_parts: Callable[[LocalCompiler], tuple[tuple[str, bytes], ...]] | None = None,
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._find = find or _found
        self._find_parts = find_parts or _parts
        self._known: Bounded[_Key, _Known] = Bounded(_MOST)
        self._finding: Shared[_Key, TravellingTree | None] = Shared()

    async def tree(
        self, compiler: LocalCompiler, digest: str, language: Language
    ) -> TravellingTree | None:
        """Return the files of `compiler`, which has this `digest`, for units of `language`.

        `None` if it cannot be separated from the rest of the system.
        """
        key = _Key(compiler, digest, inner_program(language))
        known = self._known.get(key)
        if known is not None and self._clock.seconds() - known.at < HOLDS:
            return known.tree
        return await self._finding.get(key, lambda: self._search(key, language, known))

    async def parts(self, compiler: LocalCompiler) -> tuple[tuple[str, bytes], ...]:
        """Return paths and digests of what decides what `compiler` makes; none if nobody can tell."""
        return await self._threads(lambda: self._find_parts(compiler))

    def doubt(self) -> None:
        """Look at all files anew before they are sent again."""
        self._known.clear()

    async def _search(
        self, key: _Key, language: Language, known: _Known | None
    ) -> TravellingTree | None:
        def work() -> TravellingTree | None:
            if known is not None and known.tree is not None and known.tree.is_current():
                return known.tree
            return self._find(key.compiler, language)

        tree = await self._threads(work)
        self._known[key] = _Known(self._clock.seconds(), tree)
        return tree


def _found(compiler: LocalCompiler, language: Language) -> TravellingTree | None:
    try:
        environ = dict(compiler.environ)
        return travelling_tree(toolchain_in(compiler.path, environ), language, environ)
    except (DistccError, OSError, ValueError):
        return None


def _parts(compiler: LocalCompiler) -> tuple[tuple[str, bytes], ...]:
    try:
        found = parts_in(compiler.path, dict(compiler.environ))
        paths = sorted({part.path for part in found})
        return tuple((path, file_digest(path, file_stamp(path))) for path in paths)
    except (DistccError, OSError):
        return ()
