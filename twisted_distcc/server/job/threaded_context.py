"""Contexts that jobs are prepared in, entered where that holds no other job up.

In: a context, and whoever does work aside.  Out: the same context, to be waited for.  This module
refuses to know what is prepared.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from threading import Lock
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Aside(Protocol):
    """Does work that waits; the work goes on if whoever waits for it is cancelled."""

    async def aside(self, work: Callable[[], T]) -> T:
        """Do `work`."""
        ...


@asynccontextmanager
async def entered(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter a context that takes no time."""
    with context as value:
        yield value


@asynccontextmanager
async def entered_aside(run: Aside, context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter a context, and leave it, where that holds no other job up."""
    threaded = _Threaded(context)
    try:
        yield await run.aside(threaded.enter)
    finally:
        await run.aside(threaded.leave_because(sys.exc_info()[1]))


class _Threaded(Generic[T]):
    """A context that is left once it was entered, even if nobody waits for that any more."""

    def __init__(self, context: AbstractContextManager[T]) -> None:
        self._context = context
        self._lock = Lock()
        self._is_entered = False
        self._is_over = False
        self._error: BaseException | None = None

    def enter(self) -> T:
        value = self._context.__enter__()
        with self._lock:
            self._is_entered = True
            is_over = self._is_over
        if is_over:
            self._leave()
        return value

    def leave_because(self, error: BaseException | None) -> Callable[[], None]:
        """Give the work of leaving it, on account of `error` or because all is done."""

        def leave() -> None:
            with self._lock:
                self._is_over = True
                self._error = error
                is_entered = self._is_entered
            if is_entered:
                self._leave()

        return leave

    def _leave(self) -> None:
        error = self._error
        try:
            self._context.__exit__(type(error) if error else None, error, None)
        except BaseException as raised:
            if raised is not error:
                raise
