"""Move the user's own files aside while a compile is repeated in their place.

The paths that a compile writes are free within a `with` block; afterwards the very same files are back,
and what the compile left is gone.  An output cannot simply go elsewhere: its name is in dependency
files, and may be in the object.
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
    """Create the missing folders of `paths` for the block, as build tools do during a build."""
    missing = {folder for path in map(Path, paths) for folder in path.parents if not folder.exists()}
    for folder in sorted(missing):
        folder.mkdir()
    try:
        yield
    finally:
        for folder in sorted(missing, reverse=True):
            with suppress(OSError):  # something else is in it now
                folder.rmdir()
