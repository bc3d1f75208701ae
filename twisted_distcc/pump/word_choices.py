"""One token for any of several words, so that names of many macros need no step per combination.

With `#define N a` and `#define N b`, either of which may be in force, `N/N.h` becomes a text with two
such tokens.  Once the name is complete, each is replaced by each of its words: `a/a.h`, `a/b.h` etc.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product

from twisted_distcc.pump.lexing import BLANK, MARK
from twisted_distcc.pump.unit import UndecidedError

_ONE_OF = re.compile(rb"\x01(\d+)\x01")

_MOST_NAMES = 5_000
"""The most names that one text may become."""
_MOST_BLANKS = 6
"""The most blanks in one name; each may be present or not."""


class WordChoices:
    """The tokens of one expansion that stand for several words."""

    def __init__(self) -> None:
        self._words: list[frozenset[bytes]] = []

    def add(self, words: Iterable[bytes]) -> bytes:
        """Return a new token for any of `words`."""
        self._words.append(frozenset(words))
        return MARK + b"%d" % (len(self._words) - 1) + MARK

    def each_in(self, text: bytes) -> set[bytes]:
        """Return `text` with every combination of words."""
        found: set[bytes] = set()
        waiting = [text]
        while waiting:
            one = waiting.pop()
            place = _ONE_OF.search(one)
            if place is None:
                found.add(one)
                continue
            before, after = one[: place.start()], one[place.end() :]
            waiting += [before + word + after for word in self._words[int(place[1])]]
            if len(found) + len(waiting) > _MOST_NAMES:
                raise UndecidedError("the names that the macros of an #include make are too many")
        return found

    def spelled(self, header: bytes) -> Iterator[bytes]:
        """Yield a header with each word, and with and without each blank."""
        for text in self.each_in(header):
            first, *others = text.split(BLANK)
            if len(others) > _MOST_BLANKS:
                raise UndecidedError("the macros of an #include make a name with many blanks")
            for blanks in product((b" ", b""), repeat=len(others)):
                yield first + b"".join(a + b for a, b in zip(blanks, others, strict=True))
