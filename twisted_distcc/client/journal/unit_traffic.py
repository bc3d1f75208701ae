"""Counts the bytes that one unit sends to servers, and gets back."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """Bytes so far, without what the network adds."""

    sent: int = 0
    received: int = 0

    def outward(self, pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Yield `pieces`, and count them as sent."""
        for piece in pieces:
            self.sent += len(piece)
            yield piece
