"""Files that must be whole, and some of which nobody else may read.

In: paths and bytes.  Out: files and folders that appear whole or not at all, whatever happens
meanwhile, and a lock that one process holds at a time.  This module refuses to know what is in them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

SECRET: Final = 0o600
PUBLIC: Final = 0o644

# No name of a user or a host begins with a dot, so nobody's folder has such a name.
_UNFINISHED: Final = ".unfinished-"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone; waits for whoever holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Make `path` hold `data`; whoever reads meanwhile reads all of the old or all of the new."""
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
    """Make `folder`, for its owner alone, with these files (name: bytes and mode).

    An empty folder that is there already is taken.

    Raises:
        OSError: if something else is there.
    """
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
    try:
        for name, (data, mode) in files.items():
            descriptor = os.open(unfinished / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
            with open(descriptor, "wb"):
                _write(descriptor, data, mode)
        _sync_folder(unfinished)
        os.rename(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished)
        raise
    _sync_folder(folder.parent)


def is_free(path: Path) -> bool:
    """Whether nothing is at `path`, or an empty folder."""
    return not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir()))


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed has left half done in and below `folder`."""
    for left in list(folder.rglob(f"{_UNFINISHED}*")):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


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
