"""The definitions of a macro in one unit: in its files, on its command line, and in its compiler.

Which of them is in force where is not known: all are returned, and None if there may be none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted_distcc.pump.definitions import from_command
from twisted_distcc.pump.definitions import search as search_lines
from twisted_distcc.pump.search import preprocessor_options

if TYPE_CHECKING:
    from collections.abc import Container

    from twisted_distcc.cmdline.compilation import Compilation
    from twisted_distcc.pump.macro_bodies import Definition
    from twisted_distcc.pump.scans import Scans

_DEFINING = frozenset({"-D"})
_UNDEFINING = frozenset({"-U"})
_OPERATORS = frozenset(b"and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq".split())


class UnitDefinitions:
    """Definitions by name, in the files of one unit, on its command line, and in its compiler."""

    def __init__(self, scans: Scans, paths: Container[str], constant: tuple[bytes, bytes]) -> None:
        self._scans = scans
        self._paths = paths
        self._constant = constant
        self._known: dict[bytes, frozenset[Definition | None]] = {}

    def __call__(self, name: bytes) -> frozenset[Definition | None]:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._find(name)
        return found

    def _find(self, name: bytes) -> frozenset[Definition | None]:
        if name in _OPERATORS and b"\n__cplusplus " in self._constant[1]:
            return frozenset()  # it may be no macro there, whatever comments say
        found = self._scans.definitions.find(name, self._paths)
        command, compiler = (
            search_lines(lines, name) if b"\n" + name in lines else [] for lines in self._constant
        )
        # The command's macros are in force from the first line; pragmas may end the compiler's own.
        at_first = command or [*compiler, None] if found or command or compiler else []
        return found.union(at_first)


def _macros_of(c: Compilation) -> list[tuple[str, str]]:
    """Return the `-D` and `-U` options of the command, in order."""
    return [
        (name, value) for name, value, _ in preprocessor_options(c) if name in _DEFINING | _UNDEFINING
    ]


def is_c90(predefined: bytes) -> bool:
    """Whether the predefined macros say that the standard in use has no `//` comments."""
    is_strict = b"\n__STRICT_ANSI__ " in predefined and b"\n__cplusplus " not in predefined
    return is_strict and (
        b"\n__STDC_VERSION__ " not in predefined or b"\n__STDC_VERSION__ 199409L" in predefined
    )


def _name_of(macro: tuple[str, str]) -> bytes:
    return os.fsencode(macro[1].partition("=")[0].partition("(")[0].strip())


def defined_by(c: Compilation) -> bytes:
    """Return the lines that define the command's macros."""
    macros = _macros_of(c)
    return from_command(
        [value for name, value in macros if name in _DEFINING],
        [value for name, value in macros if name in _UNDEFINING],
    )


def redefined_by(c: Compilation) -> frozenset[bytes]:
    """Return the names of macros that the command defines or undefines."""
    return frozenset(map(_name_of, _macros_of(c)))
