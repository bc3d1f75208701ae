"""The user's own files, put aside while a compile is repeated in their place.

In: the paths of what a compile writes.  Out: the same paths, free for a while; at the end the files
that were there are there again, the very same, and what the compile left is gone.  An output cannot go
elsewhere: its name is in dependency files, and may be in the object.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex


@contextmanager
def put_aside(paths: Iterable[str]) -> Iterator[None]:
    """Keep the files at `paths` under other names beside them until the block ends."""
    with ExitStack() as stack:
        for path in map(Path, paths):
            stack.enter_context(_folder_of(path))
            stack.enter_context(_file_aside(path))
        yield


@contextmanager
def _file_aside(path: Path) -> Iterator[None]:
    kept = path.with_name(f".{path.name[:64]}.{token_hex(4)}.kept")
    try:
        path.rename(kept)
    except FileNotFoundError:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
        return
    try:
        yield
    finally:
        kept.replace(path)


@contextmanager
def _folder_of(path: Path) -> Iterator[None]:
    """Have a folder for `path`: build tools make some on the way."""
    missing = []
    folder = path.parent
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for made in missing:
            with suppress(OSError):  # another unit's files are in it
                os.rmdir(made)
