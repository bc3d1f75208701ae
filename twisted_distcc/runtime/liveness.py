"""Notice when the other end of a session does not answer any more, and when nobody uses the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

SILENCE: Final = 20.0
"""Seconds without a word after which the other end is asked, and after so many more given up."""

# Seconds in which an end that was silent has to answer before it is relied on.
_ANSWER: Final = 5.0


class Liveness:
    """Watches one session; both ends do.

    Args:
        clock: tells the time.
        is_idle: says whether there is nothing that the other end could be silent about.
        ask: asks the other end for an answer.
        dead: is called once, when it has not given one.
        unused: is called once, when the session has been idle for `patience` seconds.
        patience: how long it may be idle.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        is_idle: Callable[[], bool],
        ask: Callable[[], None],
        dead: Callable[[], None],
        unused: Callable[[], None],
        patience: float,
    ) -> None:
        self._clock = clock
        self._is_idle = is_idle
        self._ask = ask
        self._dead = dead
        self._unused = unused
        self._patience = patience
        self._is_asked = False
        self._idle_since: float | None = None
        self._call: IDelayedCall | None = clock.callLater(SILENCE, self._look)
        self._has_heard = False
        self._heard_at = clock.seconds()
        self._waiting: list[Deferred[None]] = []

    def heard(self) -> None:
        """Note that the other end has said something."""
        self._has_heard = True
        self._heard_at = self._clock.seconds()
        self._wake()

    async def answers(self) -> bool:
        """Say whether the other end is there: it was heard of late, or answers soon.

        If it does not, `dead` is called.
        """
        if self._clock.seconds() - self._heard_at < SILENCE:
            return True
        word: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(word)
        late = self._clock.callLater(_ANSWER, self._dead)
        if len(self._waiting) == 1:  # one answer is for all; the other end takes few questions
            self._ask()
        try:
            await word
        finally:
            if late.active():
                late.cancel()
        return self._call is not None

    def stop(self) -> None:
        """Watch no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for word in waiting:
            word.callback(None)

    def _look(self) -> None:
        self._call = None
        has_heard, self._has_heard = self._has_heard, False
        if self._is_idle():
            if self._is_unused(has_heard=has_heard):
                self._unused()
                return
        elif not has_heard and self._is_asked:
            self._dead()
            return
        self._is_asked = not has_heard and not self._is_idle()
        self._call = self._clock.callLater(SILENCE, self._look)
        if self._is_asked:
            self._ask()

    def _is_unused(self, *, has_heard: bool) -> bool:
        now = self._clock.seconds()
        if has_heard or self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since >= self._patience
