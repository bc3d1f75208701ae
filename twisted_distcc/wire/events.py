"""The events that a message consists of, whether received or sent.

A `Reader` yields them and a `Writer` takes them, so a message that was read can be written again as is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """A token that carries a number: `DIST`, `ARGC`, `DONE`, `STAT`."""

    token: bytes
    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A token whose bytes are few and delivered whole: `ARGV`, `CDIR`, `NAME`, `LINK`."""

    token: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class BodyStart:
    """The start of a bulk body of `length` bytes, as counted on the wire."""

    token: bytes
    length: int


@dataclass(frozen=True, slots=True)
class BodyData:
    """Some bytes of the current body; a `Reader` never yields an empty one."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BodyEnd:
    """The end of the current body: all of its bytes were delivered."""

    token: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Several tokens that a count announced: words of a command, or files with their names.

    It is equivalent to the events of its tokens, one after the other, at a fraction of the cost: a tree
    may have a thousand tokens.

    Attributes:
        tokens: each with all of its bytes, which are few, whatever its shape.  A `Reader`'s runs
            begin and end on the rounds of the count.
    """

    tokens: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The end of the message.  A few bytes after it are kept in `Reader.trailing`."""


Event: TypeAlias = Number | Text | BodyStart | BodyData | BodyEnd | Run | MessageEnd
