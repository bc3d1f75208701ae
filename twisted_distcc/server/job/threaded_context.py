"""Enter and leave a job's context managers without holding up other jobs.

`entered_aside` makes an asynchronous context manager of one that blocks, using an `Aside`, which runs
work in a thread, for example; `entered` does so for one that does not block.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from threading import Lock
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Aside(Protocol):
    """Runs work that blocks; the work continues if whoever waits for it is cancelled."""

    async def aside(self, work: Callable[[], T]) -> T:
        """Run `work`, and return its result."""
        ...


@asynccontextmanager
async def entered(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter a context manager that does not block."""
    with context as value:
        yield value


@asynccontextmanager
async def entered_aside(run: Aside, context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a context manager without holding up other jobs."""
    threaded = _Threaded(context)
    try:
        yield await run.aside(threaded.enter)
    finally:
        await run.aside(threaded.leave_because(sys.exc_info()[1]))


class _Threaded(Generic[T]):
    """A context that is left once it has been entered, even if nobody waits for that any more."""

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
        """Return a function that leaves the context, because of `error`, or because all is done."""

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
