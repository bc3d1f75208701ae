"""How long a client may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINGER: Final = 10.0
"""Seconds: an answer in the middle of a request is sent, and so long the client may go on sending."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take, in seconds.

    Attributes:
        idle: between two pieces of a request, or of a reply that it takes.
        receive: for a whole request, from its first byte (or from when it was last held back).
        send: for taking a whole reply.
    """

    idle: float = 60.0
    receive: float = 600.0
    send: float = 600.0
