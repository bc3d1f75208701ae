"""The events of a session: what the peer did, as `session.Session` tells it.

A `PING` is no event: a session answers it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from twisted_distcc.wire.greeting import Terms


@dataclass(frozen=True, slots=True)
class Greeted:
    """The peer's greeting came, with what it says of itself."""

    terms: Terms


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not take this client; it closes the connection, and nothing more will come.

    Attributes:
        status: a wait status, which is never 0.
        reason: why, fit to be shown.
    """

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes of a stream's message.  `Session.consumed` makes room for as many more.

    For a server the first one of a stream opens it.
    """

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Needed:
    """The job on this stream waits for these blobs."""

    stream: int
    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The peer ended a stream, and it is forgotten: a client wants it no more, or a server refuses it.

    It may be a stream that we closed, if not all that we sent on it had gone.

    Attributes:
        stream: its number.
        code: from a server one of distcc's exit codes, or 0 if the server is going away.
        text: why, fit to be shown.
    """

    stream: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Away:
    """The peer takes no new streams from now on, or opens none; open ones come to their end."""

    text: str


SessionEvent: TypeAlias = Greeted | Refused | Data | Needed | Stopped | Away
