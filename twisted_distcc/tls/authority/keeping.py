"""Atomic changes to files and folders, some of which only their owner may read.

Files and folders appear, change and vanish as a whole or not at all, whatever happens meanwhile; a lock
lets one process at a time change them.  What a killed process has left half done has a name of its own,
by which the next holder of the lock finds it and clears it up.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

SECRET: Final = 0o600
PUBLIC: Final = 0o644

# No name of a user or a host begins with a dot, so no bundle has such a name.
_UNFINISHED: Final = ".unfinished-"
# A folder that is being replaced, on a file system that cannot exchange two in one step.
_REPLACED: Final = ".replaced-"

_AT_FDCWD: Final = -100  # fcntl.h
_RENAME_EXCHANGE: Final = 2  # linux/fs.h


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock `folder` for this process, waiting for any other holder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Replace the contents of `path` with `data`; readers see all of the old or all of the new."""
    descriptor, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            _write(file.fileno(), data, mode)
        os.rename(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    _sync_folder(path.parent)


def new_folder(folder: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Create `folder`, accessible only to its owner, with these files (name: bytes and mode).

    An empty folder that exists already is used.

    Raises:
        OSError: if something else is there.
    """
    with _unfinished(folder, files) as unfinished:
        os.rename(unfinished, folder)
    _sync_folder(folder.parent)


def replace_folder(folder: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Create `folder` as `new_folder` does, replacing what is there already in one step.

    A killed process leaves the old folder or the new one.  If the file system cannot exchange two
    folders, there may be neither for a moment; the next `remove_unfinished` then restores the old one.
    """
    if not os.path.lexists(folder):
        new_folder(folder, files)
        return
    with _unfinished(folder, files) as unfinished:
        replaced = unfinished
        if not _exchanged(unfinished, folder):
            replaced = folder.with_name(f"{_REPLACED}{folder.name}")
            os.rename(folder, replaced)
            os.rename(unfinished, folder)
    _sync_folder(folder.parent)
    _remove(replaced)


def remove_folder(folder: Path) -> None:
    """Remove `folder` and everything in it, atomically even if interrupted."""
    unfinished = folder.with_name(f"{_UNFINISHED}{folder.name}")
    os.rename(folder, unfinished)
    _sync_folder(folder.parent)
    _remove(unfinished)


@contextlib.contextmanager
def _unfinished(folder: Path, files: Mapping[str, tuple[bytes, int]]) -> Iterator[Path]:
    """Create a folder beside `folder` with these files, to be moved there; an exception removes it."""
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
    try:
        for name, (data, mode) in files.items():
            descriptor = os.open(unfinished / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
            with open(descriptor, "wb"):
                _write(descriptor, data, mode)
        _sync_folder(unfinished)
        yield unfinished
    except BaseException:
        _remove(unfinished)
        raise


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step (renameat2(2)); return whether the system can."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    error = ctypes.get_errno()
    if error in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(error, os.strerror(error), str(other))


def is_free(path: Path) -> bool:
    """Whether `path` does not exist, or is an empty folder."""
    return not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir()))


def remove_unfinished(folder: Path) -> None:
    """Clear up what a killed process has left half done in and below `folder`."""
    for left in list(folder.rglob(f"{_UNFINISHED}*")):
        _remove(left)
    for left in list(folder.rglob(f"{_REPLACED}*")):
        place = left.with_name(left.name.removeprefix(_REPLACED))
        if os.path.lexists(place):
            _remove(left)
        else:
            os.rename(left, place)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(descriptor: int, data: bytes, mode: int) -> None:
    os.fchmod(descriptor, mode)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
