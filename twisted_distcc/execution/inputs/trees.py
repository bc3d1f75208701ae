"""Folders with trees for jobs, reused from one job to the next.

`Trees.laid` provides a folder with the files of a layout for the duration of a job, and keeps it for the
next job, which usually reads much the same files.  It waits for the disk: call it in a thread.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Final

from twisted_distcc.content.file_content import Contents
from twisted_distcc.content.store import Store
from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import Layout
from twisted_distcc.execution.inputs.times import NO_TIMES

_NUMBERS: Final = itertools.count(1)
# A larger tree is not kept: the next one is unlikely to be as large.
_MOST_ENTRIES: Final = 6_000
_MOST_BYTES: Final = 64 * 1024 * 1024
# Limits on everything that is kept, for all owners and compilers.
_MOST_TREES: Final = 256
_MOST_ENTRIES_OF_ALL: Final = 100_000
_MOST_BYTES_OF_ALL: Final = 256 * 1024 * 1024


class Trees:
    """Folders for trees that only we can change.

    What is kept is bounded by what is on the disk, each file counted once; the trees that nobody used
    for longest go first.

    Args:
        folder: where they are created.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._idle: list[tuple[str, Root]] = []
        self._store: Store | None = None
        self._lock = Lock()

    @contextmanager
    def laid(
        self,
        kind: str,
        layout: Layout,
        contents: Contents,
        owner: str,
        times: Mapping[bytes, int] = NO_TIMES,
    ) -> Iterator[str]:
        """Yield a folder that holds `layout`, with `times` of files; a `kind` of trees is much alike.

        Nothing of one owner, not even a folder, is reused for another, so that nobody can tell what
        others have.

        Raises:
            DistccError: if the contents are not LZO1X, or too large.
            OSError: if the disk takes no more, or somebody has changed the folder meanwhile.
        """
        root = self._found(kind, owner)
        try:
            root.become(layout, contents, times)
            yield os.fsdecode(root.path)
            if not root.is_untouched:
                raise OSError(errno.ESTALE, "somebody has changed the files of a job on this server")
        except BaseException:  # it may be half made, or still be looked at
            root.remove()
            raise
        if root.entries > _MOST_ENTRIES or root.length > _MOST_BYTES:
            root.remove()
        else:
            self._keep(kind, root)

    def _found(self, kind: str, owner: str) -> Root:
        """Take the most recently used folder of the same owner and kind, or a new one."""
        while (root := self._taken(kind, owner)) is not None:
            if root.is_untouched:
                return root
            root.remove()
        with self._lock:
            return self._new(owner)

    def _taken(self, kind: str, owner: str) -> Root | None:
        with self._lock:
            for place in reversed(range(len(self._idle))):
                what, root = self._idle[place]
                if (what, root.owner) == (kind, owner):
                    del self._idle[place]
                    return root
        return None

    def _new(self, owner: str) -> Root:
        self._store = self._store or Store(f"{self._folder}/files")
        path = f"{self._folder}/tree-{os.getpid()}-{next(_NUMBERS)}"
        return Root(os.fsencode(path), self._store, owner)

    def _keep(self, kind: str, root: Root) -> None:
        with self._lock:
            self._idle.append((kind, root))
        while (one := self._one_too_many()) is not None:
            one.remove()

    def _one_too_many(self) -> Root | None:
        with self._lock:
            return self._idle.pop(0)[1] if self._idle and self._is_too_much() else None

    def _is_too_much(self) -> bool:
        assert self._store is not None
        return (
            len(self._idle) > _MOST_TREES
            or self._store.bytes > _MOST_BYTES_OF_ALL
            or sum(root.entries for _, root in self._idle) > _MOST_ENTRIES_OF_ALL
        )
