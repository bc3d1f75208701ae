"""The user's own files, put aside while a compile is repeated in their place.

In: the paths of what a compile writes.  Out: the same paths, free for a while; at the end the files
that were there are there again, the very same, and what the compile left is gone.  An output cannot go
elsewhere: its name is in dependency files, and may be in the object.  This module refuses to know what
runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex


@contextmanager
def put_aside(paths: Iterable[str]) -> Iterator[None]:
    """Keep the files at `paths` under other names beside them until the block ends."""
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(_file_aside(Path(path)))
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
def folders_made(paths: Iterable[str]) -> Iterator[None]:
    """Have the folders of `paths` while the block lasts: build tools make some on the way."""
    missing = {folder for path in map(Path, paths) for folder in path.parents if not folder.exists()}
    for folder in sorted(missing):
        folder.mkdir()
    try:
        yield
    finally:
        for folder in sorted(missing, reverse=True):
            with suppress(OSError):  # something else is in it now
                folder.rmdir()
