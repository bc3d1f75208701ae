"""Names of compilers.

In: a name or a path, as typed.  Out: the family that it belongs to.  This module refuses to know
whether such a program exists, or what it really is.
"""

from __future__ import annotations

import enum
import os.path
import re
from dataclasses import dataclass


class Family(enum.Enum):
    """Whose options a compiler takes."""

    GCC = "gcc"
    CLANG = "clang"
    GENERIC = "cc"
    """`cc`, `c++`, `c89`, `c99`: either of the two."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """What a name tells about a compiler."""

    family: Family
    cxx: bool
    """Whether its driver takes C sources for C++, as g++ does."""


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
    """Tell the compiler by its name, which may be a path; None if it is not named like one."""
    found = _NAME.fullmatch(os.path.basename(name))
    return _DRIVERS[found["driver"]] if found else None
