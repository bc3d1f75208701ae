"""Write a tree to disk.

A `Root` is a folder that becomes what a `Layout` says, one layout after the other.  Nothing is
written through a link: no path of a layout leads over one, nobody else writes here, and links come last
and go first.  Creating a file is the most expensive operation, so what the last tree left is kept if the
next one needs the same.  This waits for the disk: call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from twisted_distcc.content.file_content import Contents, FileContent
from twisted_distcc.content.filter import filter_argv
from twisted_distcc.content.store import Held, Store
from twisted_distcc.execution.inputs.layout import Layout
from twisted_distcc.execution.inputs.times import NO_TIMES
from twisted_distcc.execution.workspace import remove_folder
from twisted_distcc.jobs.model import InputFile
from twisted_distcc.launcher.command import Command
from twisted_distcc.toolchain.blocking_probe import run_here

_MOST_BYTES: Final = 1024 * 1024 * 1024
"""The most bytes for all files of a tree, expanded, as for one preprocessed source."""
# No file of a tree is executable, whatever name a driver looks for its programs by.
_MODE: Final = 0o600
# The times of a folder that nobody has changed since it was made.
_UNTOUCHED: Final = (0, 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _Key(NamedTuple):
    """The identity of a file: its content, and the time that it has, in seconds.

    That is the file's number among those of the tree with that content, unless the client tells a time:
    gcc takes files of the same size, time (in seconds) and contents for one file, and reads only the
    first of them if it says `#pragma once`; clang does so for those with the same inode.
    """

    digest: bytes
    time: int


class Root:
    """A folder with a tree in it, or with the remains of its last one.

    The times of links reveal what was in an earlier tree, so all its trees have one owner.

    Attributes:
        path: the folder.
        owner: whose trees it is for.

    Args:
        path: the folder, which is made.
        store: where files can be had from, and are given to.
        owner: whose trees it is for.

    Raises:
        OSError: if the disk takes no more.
    """

    def __init__(self, path: bytes, store: Store | None = None, owner: str = "") -> None:
        os.mkdir(path, 0o700)
        self.path = path
        self.owner = owner
        self._store = store
        self._layout = Layout(b"", (), {}, {})
        self._keys: dict[bytes, _Key] = {}
        self._held: dict[bytes, Held] = {}
        self._bytes = 0

    @property
    def length(self) -> int:
        """The total size of its files, in bytes."""
        return self._bytes

    @property
    def entries(self) -> int:
        """The number of files, folders and links in it."""
        had = self._layout
        return len(had.folders) + len(had.files) + len(had.links) + len(had.points)

    def become(self, layout: Layout, contents: Contents, times: Mapping[bytes, int] = NO_TIMES) -> None:
        """Make the folder match `layout` exactly; if this fails, it must not be used any more.

        Files are shared only with other trees of the same owner.  `times` are those of some files, in
        seconds; a layout always comes with the same.

        Raises:
            DistccError: if the contents are not LZO1X, or too large.
            OSError: if the disk takes no more.
        """
        if layout is self._layout:
            return
        with contents.opened():
            keys = _keys(layout.files, self.owner, times)
            self._remove_others(layout, keys)
            self._add_missing(layout)
            for path, key in keys.items():
                if path not in self._held:
                    self._add_file(path, key, layout.files[path].content)
        for path, target in layout.links.items():
            if path not in self._layout.links:
                os.symlink(target, self.path + path)
        self._layout, self._keys = layout, keys
        for folder in self._folders():
            os.utime(folder, _UNTOUCHED)

    @property
    def is_untouched(self) -> bool:
        """Whether all names in the folder are those that `become` has left.

        Somebody may clean up where it lies, and a compiler takes a header that is gone for one that
        never was (`__has_include`, the next search folder).
        """
        try:
            return not any(os.lstat(folder).st_mtime for folder in self._folders())
        except OSError:
            return False

    def _folders(self) -> Iterator[bytes]:
        yield self.path
        yield from map(self.path.__add__, self._layout.folders)

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        for path in list(self._held):
            self._forget(path)
        remove_folder(os.fsdecode(self.path))

    def _remove_others(self, layout: Layout, keys: Mapping[bytes, _Key]) -> None:
        """Remove what differs in `layout`, and forget it as far as the following steps depend on it."""
        had = self._layout
        links = {path: to for path, to in had.links.items() if layout.links.get(path) == to}
        gone = [path for path, key in self._keys.items() if keys.get(path) != key]
        for path in (*(had.links.keys() - links.keys()), *gone, *(had.points - layout.points)):
            os.unlink(self.path + path)
        for path in gone:
            self._forget(path)
        wanted = set(layout.folders)
        for path in reversed(had.folders):
            if path not in wanted:
                os.rmdir(self.path + path)
        self._layout = Layout(b"", had.folders, {}, links, had.points)

    def _forget(self, path: bytes) -> None:
        held = self._held.pop(path)
        self._bytes -= held.length
        if self._store is not None:
            self._store.release(held)

    def _add_missing(self, layout: Layout) -> None:
        """Create the missing folders and mount points."""
        had = set(self._layout.folders)
        for path in layout.folders:
            if path not in had:
                os.mkdir(self.path + path, 0o700)
        for path in layout.points - self._layout.points:
            os.close(os.open(self.path + path, _NEW, _MODE))

    def _add_file(self, path: bytes, key: _Key, content: FileContent) -> None:
        held = self._linked(path, key) or self._written(path, key, content)
        self._held[path] = held
        self._bytes += held.length

    def _linked(self, path: bytes, key: _Key) -> Held | None:
        # Each of several identical files has to have an inode of its own.
        if self._store is None or key.time:
            return None
        return self._store.link_to(self.path + path, key.digest)

    def _written(self, path: bytes, key: _Key, content: FileContent) -> Held:
        made = self.path + path
        length = self._write(made, key.time, content)
        if self._store is None:
            return Held(0, length)
        if key.time:
            return self._store.count(length)
        return self._store.take(made, key.digest, length)

    def _write(self, path: bytes, seconds: int, content: FileContent) -> int:
        descriptor = os.open(path, _NEW, _MODE)
        try:
            length = content.write(descriptor, _MOST_BYTES - self._bytes, run_filter)
            # Not a real time: `__TIMESTAMP__` would reveal when a file first arrived.
            os.utime(descriptor, (seconds, seconds))
        finally:
            os.close(descriptor)
        return length


def run_filter(direction: str, ceiling: int, source: int, target: int) -> int:
    """Run a filter in a process of its own; a `RunFilter`."""
    ended = run_here(Command(filter_argv(direction, ceiling), stdin=source, stdout=target))
    return os.waitstatus_to_exitcode(ended.status)


def _keys(files: Mapping[bytes, InputFile], owner: str, times: Mapping[bytes, int]) -> dict[bytes, _Key]:
    """Return the key of each file, which differs between owners."""
    keys = {}
    begun = hashlib.sha256(os.fsencode(owner) + b"\0")
    alike: dict[bytes, int] = {}
    for path, file in files.items():
        hashed = begun.copy()
        file.content.identify(hashed)
        digest = hashed.digest()
        number = alike[digest] = alike.get(digest, -1) + 1
        keys[path] = _Key(digest, times.get(path, number))
    return keys
