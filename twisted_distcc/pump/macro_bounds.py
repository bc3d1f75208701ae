"""Bounds on the work of one expansion: a few lines of text can produce more than fits in memory.

Whatever exceeds them is undecided, and then the compiler is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted_distcc.pump.macro_tokens import Tokens
from twisted_distcc.pump.unit import UndecidedError

_MOST_STEPS = 2_000
"""Steps that the expansion of one text may take, over all its variants."""
_MOST_HANDLED = 500_000
"""Bytes that these steps may handle: `#define D(x) x x` doubles a text with each `D` around it."""
_MOST_NESTED = 40
"""Nesting depth of arguments."""


class Bounds:
    """Counts the work of one expansion.  Each method raises `UndecidedError` if it is too much."""

    def __init__(self) -> None:
        self._steps = 0
        self._handled = 0
        self._nested = 0

    @contextmanager
    def nesting(self) -> Iterator[None]:
        """Enter the arguments of a nested call."""
        self._nested += 1
        if self._nested > _MOST_NESTED:
            raise UndecidedError("the macros of an #include are nested too deeply")
        yield
        self._nested -= 1

    def count(self, steps: int = 1) -> None:
        """Count `steps` steps."""
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise UndecidedError("the macros of an #include are too many to follow")

    def handle(self, *texts: Tokens) -> None:
        """Count the copying of the tokens of `texts`."""
        self._handled += sum(len(token.text) + 1 for tokens in texts for token in tokens)
        if self._handled > _MOST_HANDLED:
            raise UndecidedError("the macros of an #include make too long a text")
