"""Find precompiled headers, which compilers read in place of headers, and what else they then read.

`PrecompiledHeaders.added` takes a `Candidate` and the `Unit` of its headers, and returns the unit with
those as well.

- gcc looks beside each header, `x.h`, that may be the first which a source includes, for a file
  `x.h.gch`, or a folder of that name with several, and reads the first that was made for such a command.
  It looks at none of the headers that this was made of.  If these have changed, nobody knows its macros,
  which may use the date or test for files, so such a unit stays here.  The order of a folder is that of
  its file system, so gcc itself is asked which of several it is.
- clang is told by `-include-pch`, or finds `x.h.pch` or `x.h.gch` beside what `-include` names.  It
  compares the sizes and times of all headers that this was made of, some of which no source may name any
  more.  So clang itself is asked for them, without a source, once for all sources of the same command,
  and they are scanned for what their macros may ask for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer, ask
from twisted_distcc.client.inputs.depfile_listing import prerequisites, unit_key
from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import SEARCH_VARIABLES
from twisted_distcc.cmdline.rewrite import module_argv, precompiled_argv, sourceless_listing_argv
from twisted_distcc.cmdline.travelling import INCLUDE_PCH, MODULE_FILE
from twisted_distcc.pump.callers import check_callers_own
from twisted_distcc.pump.folders import PRECOMPILED, settled
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Stamp, UndecidedError, Unit
from twisted_distcc.runtime.processes import Spawner

# Answers that are cached.
_MOST: Final = 500

_SUFFIXES_OF_CLANG: Final = (".pch", ".gch")
# What gcc says of what it reads, and of what it rejects.
_TRIED: Final = re.compile(r"^([!x]) (.*)$", re.MULTILINE)
# What clang says of a module.
_MADE_OF: Final = re.compile(r"^  Input file: (.*?)(?: \[[^\]\n]*\])?$", re.MULTILINE)
_REJECTED: Final = "x"
_TELLING: Final = "invalid-pch"

_Key = tuple[object, ...]
_Turn = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a compiler has said, which holds as long as these files are as they were."""

    files: dict[str, Stamp]
    said: str


class PrecompiledHeaders:
    """Finds them, and caches what compilers say of them.

    Args:
        files: the files.
        spawn: starts compilers.
        scanner: tells what headers include.
        searches: tells where.
    """

    def __init__(
        self, files: FileSystem, spawn: Spawner, scanner: Scanner, searches: SearchPaths
    ) -> None:
        self._files = files
        self._spawn = spawn
        self._scanner = scanner
        self._searches = searches
        self._known: Bounded[_Key, _Told] = Bounded(_MOST)
        self._asking: Shared[_Key, _Told] = Shared()

    async def added(self, candidate: Candidate, directory: str, unit: Unit, turn: _Turn) -> Unit:
        """Return `unit` with the precompiled headers that `candidate` may read, and what they need.

        Raises:
            NotForServersError: if a server could not be given the same.
            CannotStartError: if the compiler cannot be started.
        """
        family = candidate.compilation.family
        if family is Family.CLANG:
            unit = await self._of_clang(candidate, directory, unit, turn)
            return await self._of_modules(candidate, directory, unit, turn)
        if family is not Family.GCC and (path := self._for_clang(candidate, directory)):
            raise NotForServersError(f"{path[0]} is a precompiled header, if the compiler is clang")
        return await self._of_gcc(candidate, directory, unit, turn) if unit.precompiled else unit

    async def _of_gcc(self, candidate: Candidate, directory: str, unit: Unit, turn: _Turn) -> Unit:
        several = [self._held(path) for path in sorted(unit.precompiled)]
        held = [path for some in several for path in some]
        if any(len(some) > 1 for some in several):
            held = await self._chosen(candidate, directory, unit, held, turn)
        await self._check_current(candidate, directory, unit)
        return self._with(unit, held)

    async def _check_current(self, candidate: Candidate, directory: str, unit: Unit) -> None:
        """Check that no header in `unit` has changed since it was precompiled."""
        for path in sorted(unit.precompiled):
            stamps = map(self._files.stamp, self._held(path))
            made = [stamp.mtime_ns for stamp in stamps if stamp is not None]
            if not made:
                continue
            header = path.removesuffix(PRECOMPILED)
            if self._files.stamp(header) is None:
                raise NotForServersError(f"{header} is gone, of which {path} was made")
            newer = {one for one, stamp in unit.files.items() if stamp.mtime_ns > min(made)}
            c = replace(candidate.explicit, source=header)
            if newer and (
                changed := newer & (await self._scanned(candidate, c, directory)).files.keys()
            ):
                raise NotForServersError(f"{min(changed)} is newer than {path}")

    async def _scanned(
        self, candidate: Candidate, c: Compilation, directory: str, listed: Iterable[str] = ()
    ) -> Unit:
        """Return what a scan finds, of `c` and of the headers that are `listed`."""
        search = await self._searches.of(candidate)
        try:
            return self._scanner.unit(c, directory, search, listed)
        except UndecidedError as undecided:
            return undecided.partial

    def _held(self, path: str) -> list[str]:
        """Return the file at `path`, or those in the folder at `path`."""
        names = self._files.names(path)
        return [path] if names is None else [f"{path}/{name}" for name in sorted(names)]

    def _with(self, unit: Unit, precompiled: Sequence[str]) -> Unit:
        check_callers_own(precompiled, self._files)
        found = {path: self._files.stamp(path) for path in precompiled}
        files = {path: stamp for path, stamp in found.items() if stamp is not None}
        folders = unit.folders.union(map(os.path.dirname, files))
        all_files = {**unit.files, **files}
        return replace(unit, files=all_files, folders=folders, precompiled=frozenset(files))

    async def _chosen(
        self, candidate: Candidate, directory: str, unit: Unit, held: list[str], turn: _Turn
    ) -> list[str]:
        """Ask gcc which of the files `held` it reads."""
        c = candidate.compilation
        asked = _Asked(unit_key(candidate, directory), precompiled_argv(c), {*unit.files, *held})
        told = await self._told(candidate, directory, asked, turn)
        tried = [(mark, os.path.join(directory, name)) for mark, name in _TRIED.findall(told.said)]
        rejected = [path for mark, path in tried if mark == _REJECTED]
        if rejected and any(_TELLING in word for word in c.arguments):
            raise NotForServersError(f"gcc tells of {rejected[0]}, in an order that no server has")
        read = {os.path.realpath(path) for mark, path in tried if mark != _REJECTED}
        return [path for path in held if os.path.realpath(path) in read]

    async def _of_clang(self, candidate: Candidate, directory: str, unit: Unit, turn: _Turn) -> Unit:
        c = candidate.compilation
        precompiled = [os.path.join(directory, path) for path in _explicit(c)]
        precompiled += self._for_clang(candidate, directory)
        if not precompiled:
            return unit
        argv = sourceless_listing_argv(c)
        searched = (candidate.invocation.environ.get(name) for name in sorted(SEARCH_VARIABLES))
        asked = _Asked((candidate.compiler, directory, *argv, *searched), argv, set(precompiled))
        told = await self._told(candidate, directory, asked, turn)
        headers = told.files.keys() - set(precompiled)
        unit = unit.with_(await self._scanned(candidate, candidate.explicit, directory, headers))
        return self._with(replace(unit, files={**unit.files, **told.files}), precompiled)

    def _for_clang(self, candidate: Candidate, directory: str) -> list[str]:
        """Return what clang's driver finds beside headers."""
        found = _implicit(candidate.compilation, directory)
        return [path for path in found if self._is_there(path)]

    async def _of_modules(self, candidate: Candidate, directory: str, unit: Unit, turn: _Turn) -> Unit:
        """Add the sources that modules were made from: clang reads them for numbers of lines."""
        c, files = candidate.compilation, dict(unit.files)
        for module in (option.value for option in c.options if option.name == MODULE_FILE):
            argv = module_argv(c, module)
            key = candidate.compiler, directory, *argv
            asked = _Asked(key, argv, {os.path.join(directory, module)}, _made_of)
            files |= (await self._told(candidate, directory, asked, turn)).files
        return replace(unit, files=files)

    def _is_there(self, path: str) -> bool:
        if self._files.folder_stamp(path) is not None:
            raise NotForServersError(f"{path} is a folder, whose order decides what clang reads")
        return self._files.stamp(path) is not None

    async def _told(self, candidate: Candidate, directory: str, asked: _Asked, turn: _Turn) -> _Told:
        known = self._known.get(asked.key)
        if known is not None and asked.files <= known.files.keys() and self._holds(known):
            self._known[asked.key] = known  # the last one to be forgotten
            return known
        key = asked.key, frozenset(asked.files)
        return await self._asking.get(key, lambda: self._ask(candidate, directory, asked, turn))

    def _holds(self, told: _Told) -> bool:
        return all(self._files.stamp(path) == stamp for path, stamp in told.files.items())

    async def _ask(self, candidate: Candidate, directory: str, asked: _Asked, turn: _Turn) -> _Told:
        begun = self._files.now_ns()
        invocation = candidate.invocation
        environ = {**invocation.environ, "LC_ALL": "C"}
        async with turn():
            answer = await ask(self._spawn, candidate.compiler, asked.argv[1:], invocation, environ)
        if answer.status:
            raise NotForServersError("the compiler does not say what it makes of precompiled headers")
        told = _Told(self._stamps(asked.files.union(asked.names(answer, directory))), _said(answer))
        if all(settled(stamp, begun) for stamp in told.files.values()):
            self._known[asked.key] = told
        return told

    def _stamps(self, paths: Iterable[str]) -> dict[str, Stamp]:
        stamps = {path: self._files.stamp(path) for path in paths}
        found = {path: stamp for path, stamp in stamps.items() if stamp is not None}
        if len(found) < len(stamps):
            raise NotForServersError(f"{min(stamps.keys() - found.keys())} is no file that can be read")
        return found


def _listed(answer: Answer, directory: str) -> Iterator[str]:
    """Yield the files that clang lists; gcc is not asked to."""
    for name in prerequisites(os.fsdecode(answer.stdout)):
        if name != os.devnull:
            yield os.path.join(directory, name)


def _made_of(answer: Answer, directory: str) -> Iterator[str]:
    """Yield the files that a module was made from."""
    for name in _MADE_OF.findall(os.fsdecode(answer.stdout)):
        yield os.path.normpath(os.path.join(directory, name))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question to a compiler.

    Attributes:
        key: what decides the answer, except files.
        argv: the command.
        files: those of which it is known that they decide the answer.
        names: yields the others, from the answer.
    """

    key: _Key
    argv: Sequence[str]
    files: set[str]
    names: Callable[[Answer, str], Iterator[str]] = _listed


def _said(answer: Answer) -> str:
    return os.fsdecode(answer.stderr)


def _explicit(c: Compilation) -> Iterator[str]:
    return (option.value for option in c.options if option.name == INCLUDE_PCH)


def _implicit(c: Compilation, directory: str) -> Iterator[str]:
    """Yield what clang's driver looks for; its inner program (`-Xclang -include`) does not."""
    for option in c.options:
        if option.name == "-include" and option.words[0] != "-Xclang":
            for suffix in _SUFFIXES_OF_CLANG:
                yield os.path.join(directory, option.value + suffix)
