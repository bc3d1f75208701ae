"""Recognise compilers by their names.

`recognise` returns the family that a name or path belongs to, as typed.  Whether such a program exists,
and what it really is, is left to `toolchain`.
"""

from __future__ import annotations

import enum
import os.path
import re
from dataclasses import dataclass


class Family(enum.Enum):
    """The family whose options a compiler takes."""

    GCC = "gcc"
    CLANG = "clang"
    GENERIC = "cc"
    """`cc`, `c++`, `c89`, `c99`: either of the two."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """What the name of a compiler tells about it."""

    family: Family
    cxx: bool
    """Whether its driver compiles C sources as C++, as g++ does."""


# aarch64-linux-gnu-gcc-12, x86_64-w64-mingw32-g++-posix, clang++-14, gcc12, musl-gcc
_NAME = re.compile(
    r"(?:[\w.+]+-)*"
    r"(?P<driver>gcc|g\+\+|clang\+\+|clang|cc|c\+\+|c89|c99)"
    r"(?:-?[0-9]+(?:\.[0-9]+)*)?(?:-posix|-win32)?",
    re.ASCII,
)

_DRIVERS = {
    "gcc": Compiler(Family.GCC, cxx=False),
    "g++": Compiler(Family.GCC, cxx=True),
    "clang": Compiler(Family.CLANG, cxx=False),
    "clang++": Compiler(Family.CLANG, cxx=True),
    "cc": Compiler(Family.GENERIC, cxx=False),
    "c++": Compiler(Family.GENERIC, cxx=True),
    "c89": Compiler(Family.GENERIC, cxx=False),
    "c99": Compiler(Family.GENERIC, cxx=False),
}


def recognise(name: str) -> Compiler | None:
    """Return what a name or path tells about the compiler; `None` if it does not look like one."""
    found = _NAME.fullmatch(os.path.basename(name))
    return _DRIVERS[found["driver"]] if found else None
