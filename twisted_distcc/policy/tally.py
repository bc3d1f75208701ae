"""Quotas: how much of one resource is taken, and by whom.

One client gets at most half of a resource, so that no single client can keep the others out.
"""

from __future__ import annotations

from collections import Counter


class Tally:
    """How much of one resource is taken, and by whom."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling: int = ceiling
        """The most that all clients together may have."""
        self._taken: Counter[str] = Counter()
        self._total = 0
        self.refused: int = 0
        """How often somebody wanted more than there was."""

    @property
    def share(self) -> int:
        """The most that one client may have."""
        return (self.ceiling + 1) // 2

    @property
    def total(self) -> int:
        """How much all have together."""
        return self._total

    def taken(self, who: str) -> int:
        """Return how much `who` has."""
        return self._taken[who]

    def take(self, who: str, amount: int) -> bool:
        """Take `amount` for `who`; return False if that exceeds the rest or its share."""
        if self._total + amount > self.ceiling or self._taken[who] + amount > self.share:
            self.refused += 1
            return False
        self._taken[who] += amount
        self._total += amount
        return True

    def give_back(self, who: str, amount: int) -> None:
        """Give back `amount` of what `who` has taken."""
        self._total -= amount
        self._taken[who] -= amount
        if not self._taken[who]:
            del self._taken[who]  # clients come and go
