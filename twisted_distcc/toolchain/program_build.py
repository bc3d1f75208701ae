"""Build one of our own programs in C, at installation (`scripts/hatch_build.py`) or for a user."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.finding import find_compiler

_COMPILERS: Final = ("cc", "gcc", "clang")
# A static program starts faster, and runs beside any C library; not every machine can link one.
_LINKING: Final[tuple[list[str], ...]] = (["-static"], [])


class CannotBuildError(DistccError):
    """The program cannot be built; the text says why."""


def build_program(source: Path, path: Path, *options: str) -> None:
    """Build the program at `path` from one file.

    Raises:
        CannotBuildError: if there is no C compiler, or it fails.
    """
    compiler = _compiler()
    for linking in _LINKING:
        done = subprocess.run(
            [compiler, "-O2", "-s", *linking, *options, "-o", path, source],
            capture_output=True, check=False, text=True, errors="replace",
        )  # fmt: skip
        if not done.returncode:
            return
    raise CannotBuildError(f"the C compiler failed: {done.stderr.strip()}")


def _compiler() -> str:
    path = os.environ.get("PATH", os.defpath)
    found = (find_compiler(name, os.getcwd(), path) for name in _COMPILERS)
    compiler = next((one for one in found if one is not None), None)
    if compiler is None:
        raise CannotBuildError("there is no C compiler on PATH: install one, or do without --compiled")
    return compiler
