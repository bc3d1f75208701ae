"""Folders that are trusted to be ours: nobody else may change them.

`make_own_folder` ignores the umask.  A umask of 0 is for what a user shares, not for the folders that
say which hosts to trust, or which program is the compiler.
"""

from __future__ import annotations

import os
from typing import Final

_NOBODY_ELSE_WRITES: Final = 0o755


def make_own_folder(path: str | os.PathLike[str]) -> None:
    """Create the folder `path`, and missing folders above it, as `os.makedirs` does.

    Raises:
        OSError: if it cannot be created; it may exist already.
    """
    try:
        _make(path)
    except FileNotFoundError:
        make_own_folder(os.path.dirname(os.path.abspath(path)))
        _make(path)


def _make(path: str | os.PathLike[str]) -> None:
    try:
        os.mkdir(path, _NOBODY_ELSE_WRITES)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
