"""Folders that others believe to be ours: nobody else may change them.

In: a path.  Out: a folder.  A umask of 0 is for what a user shares, not for the folders that say which
hosts to trust, or which program is the compiler.
"""

from __future__ import annotations

import os
from typing import Final

_NOBODY_ELSE_WRITES: Final = 0o755


def make_own_folder(path: str | os.PathLike[str]) -> None:
    """Make the folder `path`, and those on the way to it that are missing, as `os.makedirs` does.

    Raises:
        OSError: if it cannot be made; it is no error if it is there already.
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
