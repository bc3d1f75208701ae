"""The names by which a compiler opens the files of a unit: `sub/a.h`, or `/src/sub/a.h`.

`names_of` takes a compilation, the files that it may read, and what the text of each asks for, and
returns each file with the names that it may have, as the compiler would write them.  It does not look at
the disk. A file in one of the compiler's own folders goes by its path.

A name is relative if everything that it is composed of is: the source's own name, that of a search
folder, that of the including file.  `__FILE__`, debug information and messages contain it.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import dirname, normpath
from typing import TYPE_CHECKING

from twisted_distcc.pump.asked import LEAVES, Kind
from twisted_distcc.pump.search import asks_for_all_folders, included_files, named_folders
from twisted_distcc.pump.unit import NotForServersError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from twisted_distcc.cmdline.compilation import Compilation
    from twisted_distcc.pump.text import Text

_QUOTED = frozenset({Kind.QUOTED, Kind.QUOTED_LEAF})
_NEXT = frozenset({Kind.NEXT, Kind.NEXT_LEAF})
_ASSEMBLER = frozenset({Kind.ASSEMBLER, Kind.ASSEMBLER_LEAF})


@dataclass(frozen=True, slots=True)
class Called:
    """A file as the compiler opens it.

    Attributes:
        path: its absolute path, without `..`.
        name: its name to the compiler.
        is_text: whether it is read as source text rather than as data.
    """

    path: str
    name: str
    is_text: bool = True


def names_of(
    c: Compilation,
    directory: str,
    files: Collection[str],
    own: Collection[str],
    text: Callable[[str], Text],
) -> frozenset[Called]:
    """Return all ways in which the compile `c` in `directory` may open its files.

    Args:
        c: the compilation.
        directory: where it runs.
        files: all files that it may read.
        own: those of `files` that are in the compiler's own folders.
        text: returns the text of a file.

    Raises:
        NotForServersError: if the command specifies its search folders in an unusual way.
    """
    if asks_for_all_folders(c):
        raise NotForServersError("its folders for headers are given in a way that does not travel")
    walk = _Walk(directory, frozenset(files), _search(c), text)
    walk.follow([*(Called(path, path) for path in own), *walk.roots(c)])
    return frozenset(walk.seen)


def absolute_folders(c: Compilation) -> tuple[str, ...]:
    """Return the folders below which the compiler may use absolute names."""
    named = [folder for folders in _search(c).values() for folder in folders]
    folders = (*named, *map(dirname, (c.source, *included_files(c))))
    return tuple(normpath(folder) for folder in folders if folder.startswith("/"))


def _search(c: Compilation) -> dict[str, list[str]]:
    named = named_folders(c).items()
    return {kind: [folder.rstrip("/") or "/" for folder in folders] for kind, folders in named}


class _Walk:
    """A traversal from the source through everything that it includes."""

    def __init__(
        self,
        directory: str,
        files: frozenset[str],
        folders: dict[str, list[str]],
        text: Callable[[str], Text],
    ) -> None:
        self._directory = directory
        self._files = files
        self._text = text
        self._angled = (*folders["-I"], *folders["-isystem"], *folders["-idirafter"])
        self._quoted = (*folders["-iquote"], *self._angled)
        self._found: dict[tuple[bool, str], Called | None] = {}
        self.seen: set[Called] = set()

    def roots(self, c: Compilation) -> Iterator[Called]:
        """Yield the source, and what is read before it."""
        found = (self._at(c.source), *(self._quote("", name) for name in included_files(c)))
        return (called for called in found if called is not None)

    def follow(self, waiting: list[Called]) -> None:
        """Continue from these files."""
        self.seen.update(waiting)
        while waiting:
            called = waiting.pop()
            for one in self._asked_by(called):
                if one not in self.seen:
                    self.seen.add(one)
                    if one.is_text:
                        waiting.append(one)

    def _asked_by(self, called: Called) -> Iterator[Called]:
        folder = called.name[: called.name.rfind("/") + 1]
        for kind, name in self._text(called.path).asked:
            for found in self._find(kind, folder, name):
                yield Called(found.path, found.name, is_text=False) if kind in LEAVES else found

    def _find(self, kind: Kind, folder: str, name: str) -> Iterator[Called]:
        if name.startswith("/"):
            places = [self._at(name)]
        elif kind in _NEXT:
            places = [self._at(f"{one}/{name}") for one in self._quoted]
        elif kind in _ASSEMBLER:
            places = [self._at(name), self._first(name, quoted=False)]
        elif kind in _QUOTED:
            places = [self._quote(folder, name)]
        else:
            places = [self._first(name, quoted=False)]
        return (found for found in places if found is not None)

    def _quote(self, folder: str, name: str) -> Called | None:
        if name.startswith("/"):
            return self._at(name)
        return self._at(folder + name) or self._first(name, quoted=True)

    def _first(self, name: str, *, quoted: bool) -> Called | None:
        """Return the file in the first folder that has it, whoever includes it."""
        key = (quoted, name)
        if key not in self._found:
            folders = self._quoted if quoted else self._angled
            places = (self._at(f"{folder}/{name}") for folder in folders)
            self._found[key] = next((found for found in places if found is not None), None)
        return self._found[key]

    def _at(self, name: str) -> Called | None:
        path = name if name.startswith("/") else f"{self._directory}/{name}"
        if "/." in path or "//" in path:
            path = normpath(path)
        return Called(path, name) if path in self._files else None
