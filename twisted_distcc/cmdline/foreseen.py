"""The files that a command makes besides its object and its dependency file.

`foreseen` returns them, known before the compiler runs: each with its name as the compiler is told it,
and what compilers do if there is such a file already.  For `gcc -c -g -gsplit-dwarf w.c -o obj/w.o`::

    (Foreseen("obj/w.dwo", Existing.REPLACED, 80),)

A client decides by it what may travel, a server which files it collects, and a client which it writes.
What a compiler makes and what is not here is kept back, and that unit is compiled where it was typed.
What is here need not be made.

Such a command runs elsewhere as it was typed, in the client's own folder, so that what names these files
(the object names its `.dwo`) names them right.

Most options have their file beside the object, with another suffix; the names are those of gcc 11 and
later.  What is done with files that exist was found out with gcc 12 and clang 14; where it depends on
the version it is disputed, and a file that exists is left to the compiler.
"""

from __future__ import annotations

import enum
import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from twisted_distcc.cmdline.compilation import Stage
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted_distcc.cmdline.compilation import Compilation, Option


class Existing(enum.Enum):
    """What compilers do with the regular file that has the name of an output."""

    REPLACED = enum.auto()
    """It is replaced by a new file; the old one keeps its other names, mode, owner and contents."""
    OVERWRITTEN = enum.auto()
    """It gets new contents, and stays the same file."""
    DISPUTED = enum.auto()
    """One compiler replaces it, and another overwrites it."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A file that a compiler may make.

    Attributes:
        path: its name, relative to the working directory or absolute.
        existing: what is done if there is such a file.
        order: its place in the order in which the compiler completes its files.
        is_dump: whether the name goes on, as those of gcc's dumps do: `w.c.005t.original`.
    """

    path: str
    existing: Existing
    order: int
    is_dump: bool = False

    def covers(self, path: str) -> bool:
        """Whether it is the file of this `path`."""
        if not self.is_dump:
            return path == self.path
        return path.startswith(self.path) and bool(_DUMP.fullmatch(path, len(self.path)))


_DUMP: Final = re.compile(r"\.[0-9]{3}[tril]\.[\w+-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What gcc and clang do with the files of one kind.

    Attributes:
        gcc, clang: what they do if there is such a file.
        in_gcc, in_clang: its place in the order in which they complete their files.
    """

    gcc: Existing
    in_gcc: int
    clang: Existing
    in_clang: int

    def by(self, family: Family) -> tuple[Existing, int]:
        """Return what compilers of `family` do, and the place in their order."""
        match family:
            case Family.GCC:
                return self.gcc, self.in_gcc
            case Family.CLANG:
                return self.clang, self.in_clang
            case _:
                return (self.gcc if self.gcc is self.clang else Existing.DISPUTED), self.in_gcc


_OBJECT: Final = _Kind(Existing.REPLACED, 90, Existing.REPLACED, 20)
_DEPENDENCIES: Final = _Kind(Existing.OVERWRITTEN, 0, Existing.OVERWRITTEN, 60)
_DEPENDENCIES_OF_ASSEMBLY: Final = _Kind(Existing.OVERWRITTEN, 95, Existing.OVERWRITTEN, 60)
_COVERAGE: Final = _Kind(Existing.OVERWRITTEN, 20, Existing.OVERWRITTEN, 10)
_STACK: Final = _Kind(Existing.OVERWRITTEN, 50, Existing.OVERWRITTEN, 40)
_CALLS: Final = _Kind(Existing.OVERWRITTEN, 60, Existing.OVERWRITTEN, 45)
_SPLIT: Final = _Kind(Existing.REPLACED, 80, Existing.OVERWRITTEN, 30)

# Suffixes, by option, of files beside the object.
_BESIDE: Final[Mapping[str, tuple[str, _Kind]]] = MappingProxyType(
    {
        "-gsplit-dwarf": (".dwo", _SPLIT),
        "-gsplit-dwarf=split": (".dwo", _SPLIT),
        "--coverage": (".gcno", _COVERAGE),
        "-ftest-coverage": (".gcno", _COVERAGE),
        "-fstack-usage": (".su", _STACK),
        "-fcallgraph-info": (".ci", _CALLS),
        "-fcallgraph-info=": (".ci", _CALLS),
    }
)

# Options whose argument is the file's name.
_NAMED: Final[Mapping[str, _Kind]] = MappingProxyType({})


def foreseen(c: Compilation) -> tuple[Foreseen, ...]:
    """Return the files that `c` may make besides its object and its dependency file."""
    return tuple(file for option in c.options if option.role is Role.MAKES for file in _made(option, c))


def own_order(c: Compilation) -> tuple[int, int]:
    """Return the places of object and dependency file in the order in which `c` completes its files."""
    kind = _DEPENDENCIES if c.stage is Stage.OBJECT else _DEPENDENCIES_OF_ASSEMBLY
    return _OBJECT.by(c.family)[1], kind.by(c.family)[1]


def _made(option: Option, c: Compilation) -> Iterator[Foreseen]:
    if option.name in _BESIDE:
        suffix, kind = _BESIDE[option.name]
        yield Foreseen(os.path.splitext(c.output)[0] + suffix, *kind.by(c.family))
    elif option.name in _NAMED:
        yield Foreseen(option.value, *_NAMED[option.name].by(c.family))
