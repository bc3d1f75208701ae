"""The contents of files, read once and sent often.

A `FileCache` reads the files at some paths, with the contents that their stamps mean, and keeps them,
ready to be sent, for the next job that reads them: packed, where that is wanted.  What was not asked for
lately is dropped beyond a bound.  A file that has changed since it was stamped is a `FileChangedError`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.jobs.model import InputFile
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Stamp
from twisted_distcc.runtime.flat_lock import FlatLock
from twisted_distcc.runtime.threads import Threads

MOST_BYTES: Final = 256 * 1024 * 1024
"""What is kept in memory: the headers of some thousand libraries."""
# Packing costs some 30 microseconds a kilobyte: beyond this it would hold other jobs up.
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
class CachedFile:
    """A file as it is sent.

    Attributes:
        stamp: which contents these are.
        file: its path, as it is sent, and its contents.
        is_packed: whether they are packed.
    """

    stamp: Stamp
    file: InputFile
    is_packed: bool


class FileCache:
    """The files that one process has read.

    Args:
        files: the files.
        threads: packs many or large ones in a thread.
        most: bytes that are kept at the most.
    """

    def __init__(self, files: FileSystem, threads: Threads, most: int = MOST_BYTES) -> None:
        self._files = files
        self._threads = threads
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[str, CachedFile] = OrderedDict()
        self._turn = FlatLock()

    async def of(self, wanted: Mapping[str, Stamp], *, packed: bool = False) -> list[CachedFile]:
        """Return the files at the paths `wanted`, in this order, with the contents that the stamps mean.

        Where they are wanted `packed`, a file that was read before and not packed is read again.

        Raises:
            FileChangedError: if a file has changed, or is gone.
        """
        if not self._missing(wanted, packed=packed):
            return self._held(wanted)
        async with self._turn:  # whoever waited finds that others have read most of theirs
            begun = self._files.now_ns()
            fresh = await self._fresh(self._missing(wanted, packed=packed), wanted, packed=packed)
            held = iter(self._held([path for path in wanted if path not in fresh]))
            files = [fresh.get(path) or next(held) for path in wanted]
            self._keep(fresh, begun)
            return files

    async def _fresh(
        self, missing: list[str], wanted: Mapping[str, Stamp], *, packed: bool
    ) -> Mapping[str, CachedFile]:
        fresh: dict[str, CachedFile] = {}
        if sum(wanted[path].size for path in missing) <= _AT_ONCE:
            self._read(missing, wanted, fresh, packed=packed)
        else:
            await self._threads(lambda: self._read(missing, wanted, fresh, packed=packed))
        return fresh

    def _missing(self, wanted: Mapping[str, Stamp], *, packed: bool) -> list[str]:
        kept = self._kept
        return [
            path
            for path, stamp in wanted.items()
            if (file := kept.get(path)) is None
            or (file.stamp is not stamp and file.stamp != stamp)
            or (packed and not file.is_packed)
        ]

    def _held(self, wanted: Collection[str]) -> list[CachedFile]:
        kept, use = self._kept, self._kept.move_to_end
        for path in wanted:
            use(path)
        return [kept[path] for path in wanted]

    def _read(
        self,
        paths: Iterable[str],
        wanted: Mapping[str, Stamp],
        fresh: dict[str, CachedFile],
        *,
        packed: bool,
    ) -> None:
        """Read, and pack, in a thread as a rule, which touches nothing that others do."""
        for path in paths:
            stamp = wanted[path]
            content = LocalContent(contents_as(stamp, path, self._files))
            if packed:
                content.packed()
            name = path.encode(errors="surrogateescape")
            fresh[path] = CachedFile(stamp, InputFile(name, content), packed)

    def _keep(self, fresh: Mapping[str, CachedFile], begun: int) -> None:
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


def _cost(file: CachedFile) -> int:
    return file.file.content.length + 2 * len(file.file.name) + _OVERHEAD
