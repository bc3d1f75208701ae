"""List the files that a compile reads with the compiler's own `-M`: exact, but as slow as preprocessing.

`Listings` takes a `Candidate`, and what a scan knows of its unit, and returns the complete `Unit`.  A
list is cached, and valid while no file in it has changed, and none has appeared where one of its names
would be found.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import ask
from twisted_distcc.cmdline.environment import SEARCH_VARIABLES
from twisted_distcc.cmdline.rewrite import listing_argv
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Unit
from twisted_distcc.runtime.processes import Spawner

# Units that are cached, each up to a few hundred kilobytes; few builds have this many that a scan cannot
# decide.
_MOST: Final = 500

_Key = tuple[object, ...]

# In a make rule a backslash escapes the next character, and joins lines; a dollar is doubled.
_WORD: Final = re.compile(r"(?:[^\s\\]++|\\[^\n])++")
_ESCAPED: Final = re.compile(r"\\([\s#\\:])|\$(\$)")


@dataclass(frozen=True, slots=True)
class _Listed:
    """An answer, and the state of the file system for which it is valid.

    Attributes:
        unit: the answer.
        names: the names of its files, and of the folders on the way to them.
        folders: which of these exist in each folder that was, or would have been, searched.
    """

    unit: Unit
    names: frozenset[str]
    folders: dict[str, frozenset[str]]


class Listings:
    """A cache of lists.

    Args:
        files: used to check whether they are still valid.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._listed: Bounded[_Key, _Listed] = Bounded(_MOST)

    def known(self, candidate: Candidate, directory: str, scanned: Unit) -> Unit | None:
        """Return the unit of `candidate` if it was listed before and nothing has changed since."""
        key = unit_key(candidate, directory)
        listed = self._listed.get(key)
        if listed is None:
            return None
        if not self._holds(listed, scanned):
            del self._listed[key]
            return None
        self._listed[key] = listed  # the last one to be forgotten
        return listed.unit

    async def ask(self, candidate: Candidate, directory: str, scanned: Unit) -> Unit:
        """Ask the compiler for the files of `candidate`, in addition to those of `scanned`.

        Raises:
            NotForServersError: if the compiler cannot, or if files change meanwhile.
            CannotStartError: if there is no such compiler.
        """
        begun = self._files.now_ns()
        invocation = candidate.invocation
        words = listing_argv(candidate.compilation)[1:]
        answer = await ask(self._spawn, candidate.compiler, words, invocation, invocation.environ)
        if answer.status:
            raise NotForServersError("the compiler cannot list the files that it reads")
        unit = self._unit(prerequisites(os.fsdecode(answer.stdout)), directory, scanned)
        self._remember(unit_key(candidate, directory), unit, begun)
        return unit

    def _remember(self, key: _Key, unit: Unit, begun: int) -> None:
        """Cache `unit`, unless one of its files may have changed since the compiler began to read.

        Nor is it cached if one of its folders cannot be listed.
        """
        if not all(settled(stamp, begun) for stamp in unit.files.values()):
            return
        names = _names(unit)
        folders = self._looked_in(unit, names)
        if any(self._is_closed(folder) for folder, held in folders.items() if not held):
            return
        self._listed[key] = _Listed(unit, names, folders)

    def _unit(self, names: list[str], directory: str, scanned: Unit) -> Unit:
        files = dict(scanned.files)
        for name in names:
            path = sys.intern(os.path.join(directory, name))
            stamp = self._files.stamp(path)
            if stamp is None:
                raise NotForServersError(f"{path} was there a moment ago")
            files[path] = stamp
        return replace(scanned, files=files, folders=scanned.folders | set(map(os.path.dirname, files)))

    def _holds(self, listed: _Listed, scanned: Unit) -> bool:
        stamp = self._files.stamp
        return (
            scanned.files.items() <= listed.unit.files.items()
            and scanned.folders <= listed.unit.folders
            and all(stamp(path) == known for path, known in listed.unit.files.items())
            and all(
                self._relevant(folder, listed.names) == known for folder, known in listed.folders.items()
            )
        )

    def _looked_in(self, unit: Unit, names: frozenset[str]) -> dict[str, frozenset[str]]:
        """Return the relevant names in each folder where a file was, or would have been, searched for.

        `#include <sys/types.h>` searches the folder `sys` of each search folder; if there is no `sys`,
        the listing of its parent shows that.
        """
        below = _below(unit)
        found: dict[str, frozenset[str]] = {}
        for searched in unit.folders:
            found[searched] = self._relevant(searched, names)
            for part in below:
                above, _, name = part.rpartition("/")
                if name in found.get(searched + above, ()):
                    found[searched + part] = self._relevant(searched + part, names)
        return found

    def _is_closed(self, folder: str) -> bool:
        return self._files.names(folder) is None and self._files.folder_stamp(folder) is not None

    def _relevant(self, folder: str, names: frozenset[str]) -> frozenset[str]:
        """Return those of `names` that are in `folder`; other files there do not matter."""
        return names & (self._files.names(folder) or frozenset())


def prerequisites(rules: str) -> list[str]:
    """Return the prerequisites in a make rule as compilers write it."""
    _, _, listed = rules.partition(": ")
    return [_ESCAPED.sub(r"\1\2", word) for word in _WORD.findall(listed)]


def _names(unit: Unit) -> frozenset[str]:
    return frozenset(sys.intern(name) for path in unit.files for name in path.split("/"))


def _below(unit: Unit) -> list[str]:
    """Return the paths of files' folders relative to possible search folders, outer ones first.

    Of `/usr/include/x/y/z.h` it is `/x` and `/x/y`, and `/y`, if `/usr/include/x` is searched as well.
    """
    parts: set[str] = set()
    for folder in {os.path.dirname(path) for path in unit.files}:
        above, part = folder, ""
        while above:
            above, _, name = above.rpartition("/")
            part = f"/{name}{part}"
            if above in unit.folders:
                parts.update(part[:end] for end in _ends(part))
    return sorted(parts)


def _ends(part: str) -> list[int]:
    """Return where each name in `part` ends."""
    return [place for place, character in enumerate(part) if character == "/" and place] + [len(part)]


def unit_key(candidate: Candidate, directory: str) -> _Key:
    """Return everything that decides what a compiler reads, except the files."""
    environ = candidate.invocation.environ
    variables = tuple(environ.get(name) for name in sorted(SEARCH_VARIABLES))
    return candidate.compiler, directory, candidate.compilation.arguments, variables
