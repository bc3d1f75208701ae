"""What the processes of compiles are, as Linux tells it of every process."""

from __future__ import annotations

import os


def is_c_distcc(process: int) -> bool:
    """Whether `process` is C distcc, by whatever name it was started."""
    return _link(process, "exe").rpartition("/")[2] == "distcc"


def folder_of(process: int) -> str:
    """Return the working directory of `process`; empty if it has ended, or is not ours."""
    return _link(process, "cwd")


def _link(process: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/{name}")
    except OSError:
        return ""
