"""The include graph, for compiles that search the same folders.

A `View` resolves the names in a file's text to paths, and records what the result depends on.  It reads
no files, and does not decide when a cached result becomes invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.pump.asked import LEAVES, Asked, Kind
from twisted_distcc.pump.folders import Folders, Looked

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from twisted_distcc.pump.chains import Chains
    from twisted_distcc.pump.text import Text

_MOST_COMPUTED = 1_000
"""Sets of computed names that are cached with where they lead."""

_EVERYWHERE = frozenset({Kind.NEXT, Kind.NEXT_LEAF, Kind.ASSEMBLER, Kind.ASSEMBLER_LEAF})


class Edges:
    """The files that the names in one text lead to.

    Attributes:
        text: the text that has the names.
        children: files whose texts have to be scanned as well.
        leaves: files that have to exist, whatever is in them.
        folders, odd, precompiled: as in `Looked`.
        special: whether there is anything besides children and folders.
    """

    __slots__ = ("children", "folders", "leaves", "odd", "precompiled", "special", "text")

    def __init__(self, text: Text | None) -> None:
        self.text = text
        self.children: frozenset[str] = frozenset()
        self.leaves: frozenset[str] = frozenset()
        self.folders: frozenset[str] = frozenset()
        self.odd: frozenset[str] = frozenset()
        self.precompiled: frozenset[str] = frozenset()
        self.special = False


class View:
    """The include graph as compiles with given chains see it."""

    def __init__(self, chains: Chains, folders: Folders) -> None:
        self.edges: dict[str, Edges] = {}
        self.used = 0
        self._quoted = (*chains.quote, *chains.angled)
        self._angled = chains.angled
        self._assembler = chains.assembler
        self.folders = frozenset(self._quoted)
        self._folders = folders
        self._computed: dict[tuple[str, frozenset[Asked]], Edges] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def resolve(self, path: str, text: Text) -> Edges:
        """Find what the text of the file `path` asks for, and cache it."""
        edges = self.find(path.rpartition("/")[0] or "/", text.asked)
        edges.text = text
        self.edges[path] = edges
        return edges

    def forget(self, paths: Iterable[str] | None = None) -> None:
        """Forget where the names in these files lead, or in all files."""
        if paths is None:
            self.edges.clear()
            self._computed.clear()
            self._sets.clear()
            return
        self._computed.clear()
        for path in paths:
            self.edges.pop(path, None)

    def keep(self, paths: Container[str]) -> None:
        """Forget all but these files."""
        self.forget([path for path in self.edges if path not in paths])
        self._sets.clear()

    def find_computed(self, folder: str, asked: frozenset[Asked]) -> Edges:
        """Find names that a file in `folder` computes, and cache where they lead."""
        edges = self._computed.get((folder, asked))
        for path in edges.folders if edges is not None else ():
            self._folders.look(path)  # if something changed there, all is forgotten
        edges = self._computed.get((folder, asked))
        if edges is None:
            if len(self._computed) >= _MOST_COMPUTED:
                self._computed.clear()
            edges = self._computed[folder, asked] = self.find(folder, asked)
        return edges

    def find(self, folder: str, asked: Iterable[Asked]) -> Edges:
        """Find what a file in `folder` asks for."""
        edges = Edges(None)
        looked = Looked()
        children: set[str] = set()
        leaves: set[str] = set()
        for one in asked:
            found = leaves if one.kind in LEAVES else children
            found.update(self._find(folder, one, looked))
        edges.children = self._shared(children)
        edges.leaves = self._shared(leaves)
        edges.folders = self._shared(looked.folders - self.folders)
        edges.odd = self._shared(looked.odd)
        edges.precompiled = frozenset(looked.precompiled)
        edges.special = bool(leaves or looked.odd or looked.precompiled)
        return edges

    def _find(self, folder: str, asked: Asked, looked: Looked) -> Iterator[str]:
        kind, name = asked
        find = self._folders.find
        if name.startswith("/"):
            places: tuple[str, ...] = ("/",)
        else:
            places = self._places(kind, folder)
        every = kind in _EVERYWHERE
        for place in places:
            if (path := find(place, name, looked)) is not None:
                yield path
                if not every:
                    return

    def _places(self, kind: Kind, folder: str) -> tuple[str, ...]:
        if kind is Kind.ANGLED or kind is Kind.ANGLED_LEAF:
            return self._angled
        if kind is Kind.ASSEMBLER or kind is Kind.ASSEMBLER_LEAF:
            return self._assembler
        return (folder, *self._quoted)

    def _shared(self, paths: set[str]) -> frozenset[str]:
        found = frozenset(paths)
        return self._sets.setdefault(found, found)
