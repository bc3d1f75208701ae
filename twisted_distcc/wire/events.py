"""What a message consists of, as it comes in or goes out.

In: nothing.  Out: the events that a `Reader` gives and a `Writer` takes; the two are the same, so that
a message which was read can be written again.
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
    """A token whose few bytes come whole: `ARGV`, `CDIR`, `NAME`, `LINK`."""

    token: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class BodyStart:
    """A bulk body begins, of `length` bytes as they are on the wire."""

    token: bytes
    length: int


@dataclass(frozen=True, slots=True)
class BodyData:
    """Some of the bytes of the body that began last; a `Reader` never gives an empty one."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BodyEnd:
    """All bytes of the body were handed over."""

    token: bytes


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The message is complete.  A few bytes after it are kept in `Reader.trailing`."""


Event: TypeAlias = Number | Text | BodyStart | BodyData | BodyEnd | MessageEnd
