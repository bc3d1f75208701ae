"""All definitions of a macro in the files of a unit.

`Definitions` takes the texts of files, and finds the definitions of a macro by its name, in no
particular order.  It does not tell which of them is in force where.

A file's definitions are kept as one run of bytes, which is searched for a name when that is first
needed: few names ever are, and few units need any.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from twisted_distcc.pump.lexing import without_comments
from twisted_distcc.pump.macro_bodies import Definition, parameters_of
from twisted_distcc.pump.probing import BLANK
from twisted_distcc.pump.text import REST
from twisted_distcc.pump.variants import variants

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

_DEFINE = re.compile(
    rb"#" + BLANK + rb"(?:define" + BLANK + rb"(?P<name>[\w$\x80-\xff]+)(?P<rest>" + REST + rb")"
    rb"|undef" + BLANK + rb"(?P<gone>[\w$\x80-\xff]+))"
)
_UNDEFINED = b"\0"

_MOST_NAMES = 5_000
"""How many macros' definitions are cached."""


def definitions_in(contents: bytes) -> bytes:
    """Return the definitions in a file, one per line, and the names of macros that it undefines."""
    lines: dict[bytes, None] = {}
    for text in variants(contents):
        for found in _DEFINE.finditer(text):
            if (name := found["gone"]) is not None:
                lines[name + _UNDEFINED] = None
            else:
                lines[found["name"] + (_line(found["rest"]) or b" ")] = None
    return b"\n".join((b"", *lines, b""))


def _line(rest: bytes) -> bytes:
    """Return what follows the name, without comments, which may extend over several lines."""
    return without_comments(rest).replace(b"\n", b" ").replace(_UNDEFINED, b" ")


def from_command(defined: Iterable[str], undefined: Iterable[str]) -> bytes:
    """Return such lines for the arguments of `-D` and `-U`."""
    lines = []
    for definition in defined:
        name, equals, body = definition.partition("=")
        text = f"{name} {body if equals else '1'}"
        lines.append(_line(os.fsencode(text).partition(b"\n")[0]))
    lines += [os.fsencode(name) + _UNDEFINED for name in undefined]
    return b"\n".join((b"", *lines, b""))


class Definitions:
    """Definitions by name and by file."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}
        self._found: dict[bytes, dict[str, tuple[Definition | None, ...]]] = {}

    def put(self, path: str, lines: bytes) -> None:
        """Set the definitions of one file, replacing earlier ones."""
        self._lines[path] = lines
        for name, found in self._found.items():
            _note(found, path, name, lines)

    def drop(self, path: str) -> None:
        """Forget a file."""
        if self._lines.pop(path, None) is not None:
            for found in self._found.values():
                found.pop(path, None)

    def find(self, name: bytes, paths: Container[str]) -> frozenset[Definition | None]:
        """Return all definitions of `name` in these files; None stands for an `#undef`."""
        found = self._found.get(name)
        if found is None:
            if len(self._found) >= _MOST_NAMES:
                self._found.clear()
            found = self._found[name] = {}
            for path, lines in self._lines.items():
                _note(found, path, name, lines)
        return frozenset(one for path, ones in found.items() if path in paths for one in ones)


def _note(found: dict[str, tuple[Definition | None, ...]], path: str, name: bytes, lines: bytes) -> None:
    if b"\n" + name in lines and (ones := tuple(search(lines, name))):
        found[path] = ones
    else:
        found.pop(path, None)


_DEFINITION = rb"(?:(?P<gone>\0)|\((?P<parameters>[^)\n]*)\)|(?=[^\w$\x80-\xff]))(?P<body>[^\n]*)"


def search(lines: bytes, name: bytes) -> list[Definition | None]:
    """Return the definitions of `name` among these lines."""
    pattern = rb"(?m)^" + re.escape(name) + _DEFINITION
    return [
        None
        if found["gone"] is not None
        else Definition(
            parameters_of(found["parameters"]) if found["parameters"] is not None else None,
            found["body"].strip(),
        )
        for found in re.finditer(pattern, lines)
    ]
