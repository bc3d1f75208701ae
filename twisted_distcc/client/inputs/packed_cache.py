"""The contents of files, compressed once and sent often.

A `PackedCache` reads and packs the files at some paths, with the contents that their stamps mean, and
keeps them, ready to be sent, for the next job that reads them.  What was not asked for lately is dropped
beyond a bound.  A file that has changed since it was stamped is a `FileChangedError`.
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
"""What is kept in memory, compressed: the headers of some ten thousand libraries."""
# Compressing costs some 30 microseconds a kilobyte: beyond this it would hold other jobs up.
_AT_ONCE: Final = 32 * 1024
# What a file costs beside its contents and its name: objects and their places in tables.
_OVERHEAD: Final = 500


class FileChangedError(NotForServersError):
    """A file is not what it was when it was scanned; the text names it."""


def contents_as(stamp: Stamp, path: str, files: FileSystem) -> bytes:
    """Return the contents that the file at `path` has while its stamp is `stamp`.

    Raises:
        FileChangedError: if it has others by now, or is gone.
    """
    contents = files.read(path)
    if contents is None or files.stamp(path) != stamp or len(contents) != stamp.size:
        raise FileChangedError(f"{path} changes while it is read")
    return contents


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file as it is sent.

    Attributes:
        stamp: which contents these are.
        file: its path, as it is sent, and its contents, packed.
    """

    stamp: Stamp
    file: InputFile


class PackedCache:
    """The packed files of one process.

    Args:
        files: the files.
        threads: compresses many or large ones in a thread.
        most: bytes that are kept at the most.
    """

    def __init__(self, files: FileSystem, threads: Threads, most: int = MOST_BYTES) -> None:
        self._files = files
        self._threads = threads
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[str, PackedFile] = OrderedDict()
        self._turn = DeferredLock()

    async def of(self, wanted: Mapping[str, Stamp]) -> list[PackedFile]:
        """Return the files at the paths `wanted`, in this order, with the contents that the stamps mean.

        Raises:
            FileChangedError: if a file has other contents by now, or is gone.
        """
        missing = self._missing(wanted)
        if not missing:
            return self._held(wanted)
        async with self._turn:  # whoever waited finds that others have packed most of theirs
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
        """Read and compress, in a thread as a rule, which touches nothing that others do."""
        for path in paths:
            stamp = wanted[path]
            contents = contents_as(stamp, path, self._files)
            name = path.encode(errors="surrogateescape")
            fresh[path] = PackedFile(stamp, InputFile(name, PackedContent.of(contents)))

    def _keep(self, fresh: Mapping[str, PackedFile], begun: int) -> None:
        """Keep what has not changed just before it was read: it may have changed once more since."""
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
