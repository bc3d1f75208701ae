"""A compiled tdistcc, for those who count milliseconds.

`make_program` has a C compiler build a program that hands commands over to the agent as tdistcc does,
and executes tdistcc for everything else.  It is built on the machine that uses it, for one installation,
and notices when that is upgraded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import twisted_distcc
from twisted_distcc.agent.socket_path import stamp
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.finding import find_compiler

_SOURCE: Final = Path(__file__).with_name("compiled.c")
_COMPILERS: Final = ("cc", "gcc", "clang")
# A marker that every such program contains, and no other.
_MARK: Final = b"/tmp/twisted-distcc-%lu"


class CannotCompileError(DistccError):
    """The program cannot be built; the text says why."""


def is_our_program(path: Path) -> bool:
    """Whether the program at `path` was built here."""
    try:
        return not path.is_symlink() and _MARK in path.read_bytes()
    except OSError:
        return False


def make_program(path: Path, tdistcc: Path) -> None:
    """Build the program at `path`, which executes `tdistcc` for whatever it cannot do itself.

    Raises:
        CannotCompileError: if there is no C compiler, or it fails, or something else is at `path`.
    """
    if os.path.lexists(path) and not is_our_program(path):
        raise CannotCompileError(f"{path} is not a tdistcc that was made here; it was left as it is")
    if is_our_program(tdistcc):
        raise CannotCompileError(f"{tdistcc} is itself compiled; remove its folder from PATH first")
    made = path.with_name(f"{path.name}.{os.getpid()}")
    meant = {
        "TDISTCC": ",".join(map(_literal, map(os.fsencode, _start_of(tdistcc)))),
        "SOURCE": _literal(os.fsencode(twisted_distcc.__file__)),
        "VERSION": _literal(twisted_distcc.__version__.encode()),
        "STAMP": _literal(stamp()),
    }
    words = [f"-D{name}={value}" for name, value in meant.items()]
    try:
        done = subprocess.run(
            [_compiler(), "-O2", *words, "-o", made, _SOURCE],
            capture_output=True, check=False, text=True, errors="replace",
        )  # fmt: skip
        if done.returncode:
            raise CannotCompileError(f"the C compiler failed: {done.stderr.strip()}")
        made.chmod(0o755)
        made.rename(path)
    finally:
        made.unlink(missing_ok=True)


def _start_of(tdistcc: Path) -> list[str]:
    """Return the command that starts `tdistcc`, bypassing its shell script: shells change the
    environment.

    What that script would start is one of the words, as the script may be replaced at any moment.
    """
    start = Path(os.path.realpath(tdistcc)).with_name("twisted-distcc-python")
    if not start.exists():
        return [os.fspath(tdistcc)]
    code = f"__file__ = {os.fspath(start)!r}\n{start.read_text()}"
    return [sys.executable, "-I", "-S", "-c", code, "tdistcc"]


def _compiler() -> str:
    path = os.environ.get("PATH", os.defpath)
    found = (find_compiler(name, os.getcwd(), path) for name in _COMPILERS)
    compiler = next((one for one in found if one is not None), None)
    if compiler is None:
        raise CannotCompileError("there is no C compiler on PATH: install one, or do without --compiled")
    return compiler


def _literal(value: bytes) -> str:
    """Return `value` as a C string literal, with every special character escaped."""
    return '"' + "".join(f"\\{byte:03o}" for byte in value) + '"'
