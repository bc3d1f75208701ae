"""The grammar of distcc's messages, as data that both roles share.

`REQUESTS` and `REPLIES` map each protocol version to the steps of its message, of which there are a
few kinds.  Nothing here handles bytes: `tokens` encodes and decodes them, and `cursor` walks the tables.

A message is a sequence of tokens.  Some tokens carry just a number; every other token carries a length,
and that many bytes follow.  Versions 1 and 2 differ only in the bulk bodies, which version 2 compresses
with LZO1X; version 3 sends the files that a compilation reads in place of one preprocessed source.

Version 4 begins with the same token, but is another conversation: `session_grammar` has its messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Ceiling: TypeAlias = Literal[
    "arguments",
    "argument",
    "command",
    "source",
    "object_file",
    "messages",
    "files",
    "name",
    "names",
    "outputs",
    "mode",
    "flag",
    "digest",
    "frame",
    "window",
    "streams",
    "memory",
    "words",
]


class Shape(Enum):
    """What follows a token's name."""

    NUMBER = auto()
    """A number, with nothing after it."""
    TEXT = auto()
    """A length, and that many bytes, which are few and delivered whole."""
    BULK = auto()
    """A length, and that many bytes, which may be many and are delivered as they arrive."""


@dataclass(frozen=True, slots=True)
class Field:
    """One token: its name, its shape, and the ceilings on its number or length.

    Attributes:
        token: the four letters.
        shape: what follows them.
        ceiling: the limit on each such token.
        together: the limit on the total of all tokens of this name in one message.
        least: the smallest number or length allowed.
        or_zero: whether zero is allowed in spite of `least`.
    """

    token: bytes
    shape: Shape
    ceiling: Ceiling | None = None
    together: Ceiling | None = None
    least: int = 0
    or_zero: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of several tokens."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A count, and then `each` that many times."""

    count: Field
    each: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class WhenZero:
    """Steps that are present only if an earlier token carried the number zero."""

    token: bytes
    steps: tuple[Step, ...]


Step: TypeAlias = Field | Either | Repeat | WhenZero
Messages: TypeAlias = Mapping[int, tuple[Step, ...]]

DIST: Final = Field(b"DIST", Shape.NUMBER)
ARGC: Final = Field(b"ARGC", Shape.NUMBER, "arguments", least=1)
ARGV: Final = Field(b"ARGV", Shape.TEXT, "argument", together="command")
CDIR: Final = Field(b"CDIR", Shape.TEXT, "name", least=1)
DOTI: Final = Field(b"DOTI", Shape.BULK, "source")
NFIL: Final = Field(b"NFIL", Shape.NUMBER, "files")
NAME: Final = Field(b"NAME", Shape.TEXT, "name", together="names", least=1)
FILE: Final = Field(b"FILE", Shape.BULK, "source", together="source")
LINK: Final = Field(b"LINK", Shape.TEXT, "name", together="names", least=1)
DONE: Final = Field(b"DONE", Shape.NUMBER)
STAT: Final = Field(b"STAT", Shape.NUMBER)
SERR: Final = Field(b"SERR", Shape.BULK, "messages")
SOUT: Final = Field(b"SOUT", Shape.BULK, "messages")
DOTO: Final = Field(b"DOTO", Shape.BULK, "object_file")
DOTD: Final = Field(b"DOTD", Shape.BULK, "messages")

_COMMAND: Final = Repeat(ARGC, (ARGV,))
_RESULTS: Final = (STAT, SERR, SOUT, DOTO)

# The first token of a message carries the version; the steps after it are these.
REQUESTS: Final[Messages] = MappingProxyType(
    {
        1: (_COMMAND, DOTI),
        2: (_COMMAND, DOTI),
        3: (CDIR, _COMMAND, Repeat(NFIL, (NAME, Either((FILE, LINK))))),
    }
)
REPLIES: Final[Messages] = MappingProxyType(
    {
        1: _RESULTS,
        2: _RESULTS,
        3: (*_RESULTS, WhenZero(b"STAT", (DOTD,))),
    }
)

PLAIN: Final = 1
COMPRESSED: Final = 2
FILES: Final = 3
