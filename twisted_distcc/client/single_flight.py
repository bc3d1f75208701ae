"""Share one search among all callers that want its result at the same time.

`Shared.get` takes a key and a coroutine function, and returns a Deferred of its result.  A caller can
cancel, and the search goes on for the others; when no caller is left, it is cancelled as well.  Results
are not cached.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """The searches in progress, by key."""

    def __init__(self) -> None:
        self._searches: dict[K, _Search[T]] = {}

    def get(self, key: K, find: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """Return a Deferred of the result of `find`, or of a search for `key` already in progress."""
        search = self._searches.get(key)
        if search is None:
            search = self._searches[key] = _Search()
            wanted = search.join()
            search.begin(find, lambda: self._over(key, search))
            return wanted
        return search.join()

    def _over(self, key: K, search: _Search[T]) -> None:
        if self._searches.get(key) is search:
            del self._searches[key]


class _Search(Generic[T]):
    """One search, and those waiting for it."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[T]] = []
        self._running: Deferred[None] | None = None
        self._over: Callable[[], None] = lambda: None

    def join(self) -> Deferred[T]:
        """Return a Deferred that gets the result."""
        wanted: Deferred[T] = Deferred(self._leave)
        self._waiting.append(wanted)
        return wanted

    def begin(
        self, find: Callable[[], Coroutine[Deferred[Any], Any, T]], over: Callable[[], None]
    ) -> None:
        """Start the search; `over` is called when it can no longer be joined."""
        self._over = over
        self._running = Deferred.fromCoroutine(find()).addBoth(self._give)

    def _leave(self, wanted: Deferred[T]) -> None:
        self._waiting.remove(wanted)
        if not self._waiting:
            self._over()
            if self._running is not None:
                self._running.cancel()

    def _give(self, result: T | Failure) -> None:
        self._over()
        waiting, self._waiting = self._waiting, []
        for wanted in waiting:
            wanted.callback(result)
