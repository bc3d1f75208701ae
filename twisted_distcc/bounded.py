"""A memory that forgets: what it holds grows no further than its bound, however long a process lives.

In: keys and values.  Out: those that were put last::

    known = Bounded[str, int](most=2)
    for number, name in enumerate("abc"):
        known[name] = number
    assert known == {"b": 1, "c": 2}

Whoever reads it has to do without what it has forgotten: that is found out anew.
"""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dictionary that keeps the `most` entries that were put last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)  # or an old one would keep its place
        super().__setitem__(key, value)
        while len(self) > self._most:
            del self[next(iter(self))]
