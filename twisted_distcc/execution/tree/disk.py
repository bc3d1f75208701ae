"""A tree on the disk.

In: a `Layout`, and the contents of its files.  Out: the files, in a folder of their own.  Nothing is
written through a link: no path of a layout leads over one, nobody else writes here, and the links come
last.  This waits, so it is not for the reactor's thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from twisted_distcc.compression.filter import NO_ROOM, filter_argv
from twisted_distcc.compression.lzo import expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError
from twisted_distcc.execution.sandbox.trial import run_here
from twisted_distcc.execution.tree.layout import Layout
from twisted_distcc.execution.workspace import remove_folder
from twisted_distcc.launcher.command import Command
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.model import TreeFile

_MOST_BYTES: Final = 1024 * 1024 * 1024
"""Bytes of all files of a tree, expanded, as of one preprocessed source."""
# What may be taken in memory at once; a source is smaller, but for a few amalgamations.
_IN_MEMORY: Final = 64 * 1024 * 1024
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_tree(layout: Layout, root: bytes, contents: Body, links: Mapping[bytes, bytes]) -> None:
    """Make the folder `root`, and in it all that `layout` says.

    Args:
        layout: what lies where.
        root: the folder, which is not there yet.
        contents: the compressed bytes of all files.
        links: what each link is to say, here.

    Raises:
        DistccError: if the contents are not LZO1X, or too much.
        OSError: if the disk takes no more.
    """
    os.mkdir(root, 0o700)
    for folder in layout.folders:
        os.mkdir(root + folder, 0o700)
    for point in layout.points:
        os.close(os.open(root + point, _NEW, 0o600))
    _write_files(layout.files, root, contents)
    for path, target in links.items():
        os.symlink(target, root + path)


def remove_tree(layout: Layout, root: bytes) -> None:
    """Remove what `write_tree` has made, or begun to make."""
    try:
        for path in (*layout.links, *layout.files, *layout.points):
            os.unlink(root + path)
        for folder in reversed(layout.folders):
            os.rmdir(root + folder)
        os.rmdir(root)
    except OSError:  # it is not whole, or a compiler could write there
        remove_folder(os.fsdecode(root))


def _write_files(files: Mapping[bytes, TreeFile], root: bytes, contents: Body) -> None:
    left = _MOST_BYTES
    lengths: set[int] = set()
    with _Contents(contents) as packed:
        for number, (path, file) in enumerate(files.items()):
            descriptor = os.open(root + path, _NEW, 0o600)
            try:
                length = _write(descriptor, packed.read(file), left)
                # To gcc files of one size, one time (in seconds) and the same contents are one file,
                # of which it reads but one that says `#pragma once`.
                if length in lengths:
                    os.utime(descriptor, (number, number))
            finally:
                os.close(descriptor)
            lengths.add(length)
            left -= length


def _write(descriptor: int, packed: bytes, ceiling: int) -> int:
    """Write what `packed` expands to, at most `ceiling` bytes; give how many there are."""
    if largest_expansion(packed) > _IN_MEMORY:
        return _write_by_filter(descriptor, packed, ceiling)
    data = expand(packed, ceiling)
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    return len(data)


def _write_by_filter(descriptor: int, packed: bytes, ceiling: int) -> int:
    """Do the same by a program whose memory is bounded: nobody can tell what it expands to."""
    source = os.memfd_create("packed", os.MFD_CLOEXEC)
    try:
        os.write(source, packed)
        os.lseek(source, 0, os.SEEK_SET)
        ended = run_here(Command(filter_argv("expand", ceiling), stdin=source, stdout=descriptor))
    finally:
        os.close(source)
    code = os.waitstatus_to_exitcode(ended.status)
    if code == NO_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if code:
        raise BodyTooLargeError(f"a file of a job is not LZO1X, or expands to more than {ceiling} bytes")
    return os.fstat(descriptor).st_size


class _Contents:
    """The bytes of a tree's files, as they came."""

    def __init__(self, body: Body) -> None:
        self._data = body.data or b""
        self._descriptor = None if body.path is None else os.open(body.path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, file: TreeFile) -> bytes:
        """Give the bytes of one file, still packed."""
        if self._descriptor is None:
            return self._data[file.start : file.start + file.length]
        return os.pread(self._descriptor, file.length, file.start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
