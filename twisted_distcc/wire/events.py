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
class Run:
    """What a count announced, several at once: words of a command, or files with their names.

    It means what its tokens' own events mean, one after the other, and costs a fraction of them: a tree
    may have a thousand tokens.

    Attributes:
        tokens: each with all of its bytes, which are few, whatever its shape; as a `Reader` gives them,
            they begin and end where a round of the count does.
    """

    tokens: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The message is complete.  A few bytes after it are kept in `Reader.trailing`."""


Event: TypeAlias = Number | Text | BodyStart | BodyData | BodyEnd | Run | MessageEnd
