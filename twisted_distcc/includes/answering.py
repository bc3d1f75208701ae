"""Answer C distcc's client when it asks for the files of a compile.

`Answers` takes a command and its working directory, and returns the paths to send, or raises with the
reason why distcc has to preprocess the source itself.  `include_server` has the socket.

The client does not send its environment, so the environment at the start of the build is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, cast

from twisted.internet.defer import DeferredSemaphore

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere, compiler_of
from twisted_distcc.client.inputs.file_cache import FileChangedError, contents_as
from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.inputs.sources import Found, Sources
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.environment import DATE
from twisted_distcc.errors import DistccError
from twisted_distcc.includes.mirror import Mirror
from twisted_distcc.includes.shape import Below, shape_of
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.laying import Links
from twisted_distcc.pump.text import Text, read_text
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Stamp

# Texts that are cached: a few kilobytes each, and large builds have this many headers.
_MOST_TEXTS: Final = 50_000
# The client sends the real path of its folder, whatever PWD says, and never sends the date.
_NOT_TOLD: Final = frozenset({"PWD", DATE})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The settings that all compiles of a build share.

    Attributes:
        environ: the environment.
        umask: the umask.
        preprocessors: how many may run here at a time, for what the scan cannot decide.
    """

    environ: Mapping[str, str]
    umask: int
    preprocessors: int


class Answers:
    """Answers questions about the compiles of one build, and caches what it has read.

    Args:
        surroundings: the settings of the build.
        sources: finds files.
        searches: finds the compilers' own folders.
        mirror: keeps what is to be sent.
    """

    def __init__(
        self, surroundings: Surroundings, sources: Sources, searches: SearchPaths, mirror: Mirror
    ) -> None:
        environ = {name: it for name, it in surroundings.environ.items() if name not in _NOT_TOLD}
        self._surroundings = replace(surroundings, environ=environ)
        self._sources = sources
        self._searches = searches
        self._mirror = mirror
        self._texts = _Texts(sources.files)
        self._preprocessors = DeferredSemaphore(surroundings.preprocessors)

    async def paths(self, argv: tuple[str, ...], directory: str) -> list[str]:
        """Return the paths that the client should send for the command `argv`.

        Raises:
            NotForServersError: if the client should preprocess it, or compile it, as it can tell.
        """
        invocation = Invocation(argv, directory, self._surroundings.environ, self._surroundings.umask)
        try:
            candidate = Candidate.of(invocation, compiler_of(invocation))
            try:
                return await self._paths(candidate)
            except FileChangedError:
                return await self._paths(candidate)
        except (StaysHere, DistccError, OSError) as error:
            raise NotForServersError(str(error)) from error

    async def _paths(self, candidate: Candidate) -> list[str]:
        found = await self._sources.find(candidate, self._turn)
        if found.unit.precompiled:
            raise NotForServersError(f"{min(found.unit.precompiled)} is a precompiled header")
        if DATE in found.environment:
            raise NotForServersError(found.unit.clock)
        own = await self._own_folders(candidate)
        real = Links(_Known(dict(found.laid.links))).real
        shape = shape_of(candidate, found, own, real, self._texts.of(found))
        stamps = {real(path): stamp for path, stamp in found.unit.files.items()}
        return await self._mirror.hold(shape, stamps)

    def _turn(self) -> AbstractAsyncContextManager[None]:
        return cast("AbstractAsyncContextManager[None]", self._preprocessors)

    async def _own_folders(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the real paths of the folders that the compiler searches by default.

        Raises:
            NotForServersError: if options make it search others, which C distccd does not know of.
        """
        language = candidate.compilation.language.value
        bare = replace(
            candidate.invocation, argv=(candidate.invocation.argv[0], "-x", language, "-c", "unit.c")
        )
        real = Links(self._sources.files).real
        usual = await self._searches.of(Candidate.of(bare, candidate.compiler))
        own = outermost({real(folder) for folder in usual.angled})
        is_own = Below(own)
        for folder in (await self._searches.of(candidate)).angled:
            if not is_own(real(folder)):
                raise NotForServersError(f"an option makes the compiler look in {folder} for headers")
        return own


def outermost(folders: set[str]) -> tuple[str, ...]:
    """Return those of `folders` that are not inside another one."""
    return tuple(sorted(folder for folder in folders if not Below(folders - {folder})(folder)))


@dataclass(frozen=True, slots=True)
class _Known:
    """A file system that consists of links that were read before."""

    links: Mapping[str, str]

    def link(self, path: str) -> str | None:
        return self.links.get(path)


class _Texts:
    """The includes of files, cached by their stamps."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._known: Bounded[str, tuple[Stamp, Text]] = Bounded(_MOST_TEXTS)

    def of(self, found: Found) -> Callable[[str], Text]:
        """Return a lookup of files' texts by path, as they were when the compile's files were found."""
        stamps = found.unit.files
        return lambda path: self._text(path, stamps[path])

    def _text(self, path: str, stamp: Stamp) -> Text:
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        begun = self._files.now_ns()
        text = read_text(contents_as(stamp, path, self._files))
        if settled(stamp, begun):
            self._known[path] = (stamp, text)
        return text
