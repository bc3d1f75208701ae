"""A dictionary of bounded size, for processes that live long: it forgets the oldest entries::


    known = Bounded[str, int](most=2)
    for number, name in enumerate("abc"):
        known[name] = number
    assert known == {"b": 1, "c": 2}

Forgotten entries have to be computed again, so it is for caches.
"""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dictionary that keeps the `most` entries that were set last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)  # otherwise it would keep its old position
        super().__setitem__(key, value)
        while len(self) > self._most:
            del self[next(iter(self))]
