"""How long a client may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINGER: Final = 10.0
"""Seconds that a client may go on sending after an answer in the middle of its request."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take, in seconds.

    Attributes:
        idle: between two pieces of a request, or of a reply.
        receive: for a whole request, from its first byte (or from when it was last held back).
        send: for receiving a whole reply.
    """

    idle: float = 60.0
    receive: float = 600.0
    send: float = 600.0
