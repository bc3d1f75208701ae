"""A lock for many who wait: they go on one after the other, not one within the other.

It is used like `DeferredLock`::

    async with lock:
        ...

Whoever releases a `DeferredLock` resumes the next one right there.  If that one has little to do, it
releases the lock in turn, within the first; Python gives up when some 150 are that deep.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred


class FlatLock:
    """A lock that is handed over in the order in which it was asked for."""

    def __init__(self) -> None:
        self._is_held = False
        self._is_handing_over = False
        self._waiting: deque[Deferred[None]] = deque()

    async def __aenter__(self) -> None:
        """Wait for the lock."""
        if self._is_held or self._waiting:
            turn: Deferred[None] = Deferred(self._waiting.remove)
            self._waiting.append(turn)
            await turn
        self._is_held = True

    async def __aexit__(self, *exception: object) -> None:
        """Hand the lock over; if that is going on further out, it is done there."""
        self._is_held = False
        if self._is_handing_over:
            return
        self._is_handing_over = True
        try:
            while self._waiting and not self._is_held:
                self._waiting.popleft().callback(None)
        finally:
            self._is_handing_over = False
