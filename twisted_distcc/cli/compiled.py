"""The compiled tdistcc, for those who count milliseconds.

It hands commands over to the agent as the tdistcc in Python does, and becomes that for everything else.
It knows no path: it finds the installation by the `twisted-distcc-python`, or a link to one, beside it.
`compile_program` builds it, for an installation (`scripts/hatch_build.py`) or for `make_program`, which
puts it into a folder of links.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import twisted_distcc
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.finding import find_compiler

_SOURCE: Final = Path(__file__).with_name("compiled.c")
_COMPILERS: Final = ("cc", "gcc", "clang")
# A static program starts faster, and runs beside any C library; not every machine can link one.
_LINKING: Final[tuple[list[str], ...]] = (["-static"], [])
# A marker that every such program contains, and no other.
_MARK: Final = b"/tmp/twisted-distcc-%lu"


class CannotCompileError(DistccError):
    """The program cannot be built; the text says why."""


def is_our_program(path: Path) -> bool:
    """Whether the program at `path` was built from our source."""
    try:
        return not path.is_symlink() and _MARK in path.read_bytes()
    except OSError:
        return False


def make_program(path: Path, tdistcc: Path) -> None:
    """Put a compiled program at `path`: a copy of `tdistcc`, if that is one, or one that is built now.

    Raises:
        CannotCompileError: if there is no C compiler, or it fails, or something else is at `path`.
    """
    if os.path.lexists(path) and not is_our_program(path):
        raise CannotCompileError(f"{path} is not a tdistcc that was made here; it was left as it is")
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
        CannotCompileError: if there is no C compiler, or it fails.
    """
    compiler = _compiler()
    version = f'-DVERSION="{twisted_distcc.__version__}"'
    for linking in _LINKING:
        done = subprocess.run(
            [compiler, "-O2", "-s", *linking, version, "-o", path, _SOURCE],
            capture_output=True, check=False, text=True, errors="replace",
        )  # fmt: skip
        if not done.returncode:
            return
    raise CannotCompileError(f"the C compiler failed: {done.stderr.strip()}")


def _compiler() -> str:
    path = os.environ.get("PATH", os.defpath)
    found = (find_compiler(name, os.getcwd(), path) for name in _COMPILERS)
    compiler = next((one for one in found if one is not None), None)
    if compiler is None:
        raise CannotCompileError("there is no C compiler on PATH: install one, or do without --compiled")
    return compiler
