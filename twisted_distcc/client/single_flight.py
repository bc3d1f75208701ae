"""One answer for all who want it at the same time.

In: keys, and a way to find an answer.  Out: Deferreds with it.  Whoever gives up is forgotten, and the
search goes on for the others; when nobody is left who wants it, it is given up as well.  Nothing is
remembered here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """Searches that are going on, by their keys."""

    def __init__(self) -> None:
        self._searches: dict[K, _Search[T]] = {}

    def get(self, key: K, find: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """Return what `find` gives or raises, or what a search for the same key gives that goes on."""
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
    """One search, and who waits for its end."""

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
        """Begin; `over` is called when nobody can join any more."""
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
