"""A cache of compressed file contents, which are packed once and sent often.

A `PackedCache` reads and packs files, as of given stamps, and keeps them ready to be sent for the next
job that reads them.  The least recently used are dropped beyond a bound.  A file that has changed since
it was stamped raises `FileChangedError`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import DeferredLock

from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.jobs.model import InputFile
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Stamp
from twisted_distcc.runtime.threads import Threads

MOST_BYTES: Final = 256 * 1024 * 1024
"""Bytes that are kept in memory, compressed."""
# Compressing takes some 30 microseconds per kilobyte: beyond this it would hold up other jobs.
_AT_ONCE: Final = 32 * 1024
# The overhead of a file beyond its contents and its name: objects and entries in tables.
_OVERHEAD: Final = 500


class FileChangedError(NotForServersError):
    """A file has changed since it was scanned; the text names it."""


def contents_as(stamp: Stamp, path: str, files: FileSystem) -> bytes:
    """Return the contents of the file at `path`, which must still have this stamp.

    Raises:
        FileChangedError: if it has changed, or is gone.
    """
    contents = files.read(path)
    if contents is None or files.stamp(path) != stamp or len(contents) != stamp.size:
        raise FileChangedError(f"{path} changes while it is read")
    return contents


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file, ready to be sent.

    Attributes:
        stamp: the stamp of these contents.
        file: its path, as it is sent, and its contents, packed.
    """

    stamp: Stamp
    file: InputFile


class PackedCache:
    """The packed files of one process.

    Args:
        files: the files.
        threads: runs the compression of many or large ones in a thread.
        most: the most bytes to keep.
    """

    def __init__(self, files: FileSystem, threads: Threads, most: int = MOST_BYTES) -> None:
        self._files = files
        self._threads = threads
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[str, PackedFile] = OrderedDict()
        self._turn = DeferredLock()

    async def of(self, wanted: Mapping[str, Stamp]) -> list[PackedFile]:
        """Return the files at the paths `wanted`, in this order, as of their stamps.

        Raises:
            FileChangedError: if a file has changed, or is gone.
        """
        missing = self._missing(wanted)
        if not missing:
            return self._held(wanted)
        async with self._turn:  # after waiting, most files have often been packed by others
            begun = self._files.now_ns()
            fresh = await self._fresh(self._missing(wanted), wanted)
            held = iter(self._held([path for path in wanted if path not in fresh]))
            packed = [fresh.get(path) or next(held) for path in wanted]
            self._keep(fresh, begun)
            return packed

    async def _fresh(self, missing: list[str], wanted: Mapping[str, Stamp]) -> Mapping[str, PackedFile]:
        fresh: dict[str, PackedFile] = {}
        if sum(wanted[path].size for path in missing) <= _AT_ONCE:
            self._pack(missing, wanted, fresh)
        else:
            await self._threads(lambda: self._pack(missing, wanted, fresh))
        return fresh

    def _missing(self, wanted: Mapping[str, Stamp]) -> list[str]:
        kept = self._kept
        return [
            path
            for path, stamp in wanted.items()
            if (file := kept.get(path)) is None or (file.stamp is not stamp and file.stamp != stamp)
        ]

    def _held(self, wanted: Collection[str]) -> list[PackedFile]:
        kept = self._kept
        for path in wanted:
            kept.move_to_end(path)
        return [kept[path] for path in wanted]

    def _pack(
        self, paths: Iterable[str], wanted: Mapping[str, Stamp], fresh: dict[str, PackedFile]
    ) -> None:
        """Read and compress; this usually runs in a thread, and so touches nothing shared."""
        for path in paths:
            stamp = wanted[path]
            contents = contents_as(stamp, path, self._files)
            name = path.encode(errors="surrogateescape")
            fresh[path] = PackedFile(stamp, InputFile(name, PackedContent.of(contents)))

    def _keep(self, fresh: Mapping[str, PackedFile], begun: int) -> None:
        """Cache files, except those changed just before they were read, which may change unnoticed."""
        for path, file in fresh.items():
            self._forget(path)
            if settled(file.stamp, begun):
                self._kept[path] = file
                self._bytes += _cost(file)
        while self._bytes > self._most:
            self._forget(next(iter(self._kept)))

    def _forget(self, path: str) -> None:
        if (file := self._kept.pop(path, None)) is not None:
            self._bytes -= _cost(file)


def _cost(file: PackedFile) -> int:
    return file.file.content.length + 2 * len(file.file.name) + _OVERHEAD
