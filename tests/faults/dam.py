"""What leads to a server, and lets only so many bytes through.

In: a test, the port of a server, and how many bytes pass.  Out: a port of its own, and when it is full.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.far import Relay, relayed
from tests.live import LiveTestCase


class Dam(Relay):
    """Passes on so many bytes, in both directions together.

    Attributes:
        is_full: fires when no more pass.
    """

    noisy = False

    def __init__(self, port: int, most: int) -> None:
        super().__init__(port)
        self.is_full: Deferred[None] = Deferred()
        self._left = most

    @classmethod
    async def before(cls, test: LiveTestCase, port: int, most: int) -> tuple[Dam, int]:
        """Return a dam before this port, and its own."""
        dam = cls(port, most)
        return dam, await relayed(test, dam)

    def pass_on(self, data: bytes, other: Any) -> None:
        self._left -= len(data)
        if self._left >= 0:
            super().pass_on(data, other)
        elif not self.is_full.called:
            self.is_full.callback(None)
