"""What is known about compilers, and for how long.

To look at the hundreds of files that a compiler consists of takes about a millisecond, and may block.
What was found out is therefore valid for as long as the compiler's own file is unchanged, but for a
second at most: after that, all files are looked at once more, for whoever asks next::

    if (known := facts.remembered(compiler)) is None:
        value = await run.aside(lambda: facts.find_out(compiler))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Generic, TypeVar

from twisted_distcc.bounded import Bounded
from twisted_distcc.toolchain.digest import FileStamp, file_stamp

T = TypeVar("T")

# How many seconds a fact is valid without looking at all files of the compiler.
_FRESH: Final = 1.0
# How many compilers' facts are kept; if clients may name any program, one has many names.
_MOST_COMPILERS: Final = 100


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A fact, the compiler that it is about, and when that was last looked at."""

    value: T
    stamp: FileStamp
    at: float


class CompilerFacts(Generic[T]):
    """Facts of one kind, such as compilers' digests.

    Args:
        find_out: returns the fact about a compiler; it may block.
        seconds: a clock that tells how old a fact is.
        stamp: identifies the compiler at a path, such that a replaced one differs.
    """

    def __init__(
        self,
        find_out: Callable[[str], T],
        seconds: Callable[[], float],
        stamp: Callable[[str], FileStamp] = file_stamp,
    ) -> None:
        self._find_out = find_out
        self._seconds = seconds
        self._stamp = stamp
        self._facts: Bounded[str, Fact[T]] = Bounded(_MOST_COMPILERS)
        self._finding = Lock()

    def remembered(self, compiler: str) -> Fact[T] | None:
        """Return the fact about a compiler, unless it has to be found out; this does not block.

        Raises:
            OSError: if the compiler is gone.
        """
        fact = self._facts.get(compiler)
        is_fresh = fact is not None and self._seconds() - fact.at < _FRESH
        return fact if fact and is_fresh and fact.stamp == self._stamp(compiler) else None

    def find_out(self, compiler: str) -> T:
        """Return the fact, found out now or by somebody else meanwhile; this may block.

        Raises:
            DistccError: if the compiler cannot be started.
            OSError: if it cannot be read.
        """
        with self._finding:
            if (known := self.remembered(compiler)) is not None:
                return known.value
            stamp = self._stamp(compiler)
            value = self._find_out(compiler)
            self._facts[compiler] = Fact(value, stamp, self._seconds())
            return value
