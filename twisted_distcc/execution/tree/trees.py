"""Trees for jobs, one after the other.

In: layouts, and contents.  Out: folders that hold them while a job lasts, and that are kept for the next
job, which reads much the same as a rule.  This waits, so it is not for the reactor's thread.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from twisted_distcc.execution.tree.disk import Root
from twisted_distcc.execution.tree.layout import Layout
from twisted_distcc.execution.tree.store import Store
from twisted_distcc.messages.body import Body

_NUMBERS: Final = itertools.count(1)
# A tree of more is not kept: the next one will hardly be as large.
_MOST_FILES: Final = 5_000
_MOST_BYTES: Final = 64 * 1024 * 1024


class Trees:
    """Folders for trees that nobody but us can change.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._idle: dict[str, list[Root]] = {}
        self._store: Store | None = None
        self._lock = Lock()

    @contextmanager
    def laid(self, kind: str, layout: Layout, contents: Body, owner: str) -> Iterator[str]:
        """Give a folder that holds what `layout` says; trees of the same `kind` are most alike.

        Files of different owners are never the same file, so that nobody can tell what others have.

        Raises:
            DistccError: if the contents are not LZO1X, or too much.
            OSError: if the disk takes no more.
        """
        root = self._taken(kind, owner)
        try:
            root.become(layout, contents, owner)
            yield os.fsdecode(root.path)
        except BaseException:  # it may be half made, or still be looked at
            root.remove()
            raise
        if len(layout.files) > _MOST_FILES or root.length > _MOST_BYTES:
            root.remove()
        else:
            with self._lock:
                self._idle[kind].append(root)

    def _taken(self, kind: str, owner: str) -> Root:
        """Take a folder of the same owner's, if there is one, or whatever there is, or a new one."""
        with self._lock:
            idle = self._idle.setdefault(kind, [])
            if not idle:
                return self._new()
            best = max(range(len(idle)), key=lambda place: idle[place].owner == owner)
            return idle.pop(best)

    def _new(self) -> Root:
        self._store = self._store or Store(f"{self._folder}/files")
        return Root(os.fsencode(f"{self._folder}/tree-{os.getpid()}-{next(_NUMBERS)}"), self._store)
