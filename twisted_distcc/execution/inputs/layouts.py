"""Layouts of trees that come again: a client sends the same tree for each compile of a unit.

A tree with a digest is laid out once, as long as it is remembered.  Who gets the same `Layout` as before
knows, without a look at its files, that everything is as it was (`disk.Root.become`).
"""

from __future__ import annotations

from threading import Lock
from typing import Final, TypeAlias

from twisted_distcc.bounded import Bounded
from twisted_distcc.execution.inputs.layout import Fixture, Layout, lay_out
from twisted_distcc.jobs.model import Tree

# Layouts that are remembered: with a thousand files each they take some twenty megabytes.
_MOST: Final = 64
# A larger one is not remembered: a client could make us hold gigabytes.
_MOST_ENTRIES: Final = 6_000

_Key: TypeAlias = tuple[str, bytes, bytes]


class Layouts:
    """The layouts that one server remembers; any thread may ask."""

    def __init__(self) -> None:
        self._known: Bounded[_Key, tuple[Fixture, Layout]] = Bounded(_MOST)
        self._lock = Lock()

    def of(self, tree: Tree, owner: str, fixture: Fixture) -> Layout:
        """Return the layout of the tree of the client `owner`, beside `fixture`.

        Raises:
            BadTreeError: if it has none.
        """
        if not tree.digest or len(tree.entries) > _MOST_ENTRIES:
            return lay_out(tree, fixture)
        key = owner, tree.digest, tree.directory
        with self._lock:
            beside, layout = self._known.get(key, (None, None))
        if layout is None or beside is not fixture:
            layout = lay_out(tree, fixture)
        with self._lock:
            self._known[key] = fixture, layout  # the last one to be forgotten
        return layout
