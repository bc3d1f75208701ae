"""The bulk data of a message: held in memory while small, in a file of its own beyond that.

A `Spool` takes bytes as they arrive, and turns them into a `Body`, which is read, sent in pieces, or
moved into place, and discarded when it is no longer wanted::

    spool = Spool(directory)
    spool.write(b"int a;")
    body = spool.finish()
    body.save("a.i")

A body does not record whether its bytes are compressed; its owner knows (see `packing`).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

# A body larger than this goes to disk.  Five hundred connections may each hold this much.
IN_MEMORY: Final = 64 * 1024
PIECE: Final = 128 * 1024
# A folder that many may write to is shared by process IDs of several namespaces, and by those who guess.
_PREFIX: Final = f"body-{os.urandom(6).hex()}-"
_NUMBERS: Final = itertools.count()
Part: TypeAlias = Callable[[int, int], bytes]
"""Reads the part of a body with the given start and length."""
Folder: TypeAlias = str | os.PathLike[str] | None
"""Where large bodies lie: a path, or what makes the folder when it is asked for its path; `None` is the
system's folder for temporary files."""


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes in memory (`data`) or in a file that belongs to the body (`path`)."""

    length: int
    data: bytes | None = None
    path: str | None = None

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Make a body of bytes in memory."""
        return cls(len(data), data=data)

    @classmethod
    def adopt(cls, path: str, directory: Folder = None) -> Body:
        """Turn the file `path` into a body: a small file is read and removed, a large one is moved.

        Args:
            path: the file.
            directory: where to move a large file; `None` leaves it in place.

        Raises:
            OSError: if the file cannot be read or moved.
        """
        length = os.stat(path).st_size
        if length > IN_MEMORY:
            return cls(length, path=_move(path, directory) if directory else path)
        with open(path, "rb", buffering=0) as file:
            data = file.readall()
        os.unlink(path)
        return cls.of(data)

    def read(self) -> bytes:
        """Return all bytes; only for bodies that are known to be small."""
        return b"".join(self.pieces())

    def head(self, length: int) -> bytes:
        """Return the first `length` bytes, or all if there are fewer.

        Raises:
            OSError: if the body's file cannot be read.
        """
        if self.path is None:
            return (self.data or b"")[:length]
        with open(self.path, "rb", buffering=0) as file:
            return file.read(length)

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most `PIECE`.

        Raises:
            OSError: if the body's file cannot be read.
        """
        if self.path is None:
            if self.data:
                yield self.data
            return
        with open(self.path, "rb") as file:
            while piece := file.read(PIECE):
                yield piece

    @contextlib.contextmanager
    def opened(self) -> Iterator[Part]:
        """Yield a function that reads parts of the body inside the `with` block.

        Both raise `OSError` if the body's file cannot be read, or is shorter than expected.
        """
        if self.path is None:
            data = self.data or b""
            yield lambda start, length: _whole(data[start : start + length], length)
            return
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield lambda start, length: _whole(os.pread(descriptor, length, start), length)
        finally:
            os.close(descriptor)

    def save(self, path: str) -> None:
        """Move the body to the file `path`, replacing whatever is there; the body is then used up.

        Raises:
            OSError: if it cannot be written.
        """
        if self.path is None:
            with open(path, "wb") as file:
                file.write(self.data or b"")
        else:
            try:
                os.rename(self.path, path)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy_away(self.path, path)

    def twin(self, directory: Folder) -> Body:
        """Return a body of the same bytes, in `directory` if they are many, to be discarded by itself.

        Raises:
            OSError: if the disk takes no more.
        """
        if self.path is None:
            return self
        path = _new_path(directory)
        os.link(self.path, path)
        return Body(self.length, path=path)

    def discard(self) -> None:
        """Remove the body's file, if it has one; the body is not to be used afterwards."""
        if self.path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)


def _copy_away(path: str, to: str) -> None:
    import shutil

    shutil.move(path, to)


def in_pieces(read: Part, start: int, length: int) -> Iterable[bytes]:
    """Return a part of a body in pieces of at most `PIECE`."""
    if length <= PIECE:  # as most files of trees are, some hundred for each job
        return (read(start, length),)
    end = start + length
    return (read(place, min(PIECE, end - place)) for place in range(start, end, PIECE))


def _whole(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise OSError(errno.EIO, f"a body ends {length - len(data)} bytes too early")
    return data


def _move(path: str, directory: Folder) -> str:
    moved = _new_path(directory)
    os.rename(path, moved)
    return moved


EMPTY: Final = Body.of(b"")
"""The empty body."""


class Spool:
    """Collects a body as it arrives, and moves to a file in `directory` once it is no longer small."""

    def __init__(self, directory: Folder = None) -> None:
        self._directory = directory
        self._small = bytearray()
        self._file: int | None = None
        self._path: str | None = None
        self._length = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            OSError: if the disk takes no more.
        """
        self._length += len(data)
        if self._file is not None:
            write_all(self._file, data)
        elif self._length <= IN_MEMORY:
            self._small += data
        else:
            self._to_disk(data)

    def finish(self) -> Body:
        """Return the body.

        Raises:
            OSError: if the disk takes no more.
        """
        if self._file is None:
            return Body.of(bytes(self._small))
        self._close()
        return Body(self._length, path=self._path)

    def discard(self) -> None:
        """Drop everything taken so far."""
        with contextlib.suppress(OSError):
            self._close()
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)

    def _close(self) -> None:
        descriptor, self._file = self._file, None
        if descriptor is not None:
            os.close(descriptor)

    def _to_disk(self, data: bytes) -> None:
        self._file, self._path = new_file(self._directory)
        write_all(self._file, bytes(self._small))
        write_all(self._file, data)
        self._small.clear()


def spooled(pieces: Iterable[bytes], directory: Folder = None) -> Body:
    """Return the body that `pieces` make; if one of them fails to come, nothing is left.

    Raises:
        OSError: if the disk takes no more.
    """
    spool = Spool(directory)
    try:
        for piece in pieces:
            spool.write(piece)
        return spool.finish()
    except BaseException:
        spool.discard()
        raise


def temporary_folder() -> str:
    """Return the folder for temporary files; importing `tempfile` takes longer than reading a job."""
    return os.path.abspath(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108  (names in it are made safely)


def _new_path(directory: Folder) -> str:
    """Return a unique name for a body's file, in a third of the time that `tempfile` takes.

    The process ID keeps forked processes apart.
    """
    folder = os.fspath(directory) if directory else temporary_folder()
    return f"{folder}/{_PREFIX}{os.getpid()}-{next(_NUMBERS)}"


def new_file(directory: Folder) -> tuple[int, str]:
    """Create a file for a body in `directory`; return a descriptor for writing, and its path.

    Raises:
        OSError: if the disk takes no more.
    """
    path = _new_path(directory)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, in as many steps as the descriptor takes.

    Raises:
        OSError: if it takes no more.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
