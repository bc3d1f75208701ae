"""The compiled tdistcc, for those who count milliseconds.

It hands commands over to the agent as the tdistcc in Python does, and becomes that for everything else.
It knows no path: it finds the installation by the `twisted-distcc-python`, or a link to one, beside it.
`compile_program` builds it, for an installation (`scripts/hatch_build.py`) or for `make_program`, which
puts it into a folder of links.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import twisted_distcc
from twisted_distcc.toolchain.program_build import CannotBuildError, build_program

_SOURCE: Final = Path(__file__).with_name("compiled.c")
# A marker that every such program contains, and no other.
_MARK: Final = b"/tmp/twisted-distcc-%lu"


def is_our_program(path: Path) -> bool:
    """Whether the program at `path` was built from our source."""
    try:
        return not path.is_symlink() and _MARK in path.read_bytes()
    except OSError:
        return False


def make_program(path: Path, tdistcc: Path) -> None:
    """Put a compiled program at `path`: a copy of `tdistcc`, if that is one, or one that is built now.

    Raises:
        CannotBuildError: if there is no C compiler, or it fails, or something else is at `path`.
    """
    if os.path.lexists(path) and not is_our_program(path):
        raise CannotBuildError(f"{path} is not a tdistcc that was made here; it was left as it is")
    made = path.with_name(f"{path.name}.{os.getpid()}")
    installed = Path(os.path.realpath(tdistcc))
    try:
        if is_our_program(installed):
            shutil.copy(installed, made)
        else:
            compile_program(made)
        made.chmod(0o755)
        made.rename(path)
    finally:
        made.unlink(missing_ok=True)


def compile_program(path: Path) -> None:
    """Build the program at `path`.

    Raises:
        CannotBuildError: if there is no C compiler, or it fails.
    """
    build_program(_SOURCE, path, f'-DVERSION="{twisted_distcc.__version__}"')
