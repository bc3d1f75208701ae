"""How busy servers are, as far as they have said.

Servers of protocol 4 tell with each result how many places are free, and how many jobs wait for one.
Other clients use them as well, so this is news of a moment: it is believed for some seconds, and what we
have sent since counts against it::

    loads.told("tcp_red_3632", Load(free=1, waiting=0))
    assert loads.line("tcp_red_3632") == 0       # a job would not have to wait
    loads.given("tcp_red_3632")                  # it is on its way
    assert loads.line("tcp_red_3632") == 1       # the next one would

Of a server that has said nothing lately, nothing bad is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.jobs.model import Load

BELIEVED: Final = 5.0
"""Seconds for which the news of a server is believed."""

# Servers that are remembered.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class _News:
    """What a server has said, and when."""

    load: Load
    at: float


class Loads:
    """The last news of each server, by lock name.

    Args:
        now: tells the time, in seconds since whenever.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._news = Bounded[str, _News](_MOST)

    def told(self, name: str, load: Load) -> None:
        """Note what a server says of itself."""
        self._news[name] = _News(load, self._now())

    def given(self, name: str) -> None:
        """Note that a job is on its way to a server."""
        if (news := self._news.get(name)) is not None:
            free, waiting = news.load.free, news.load.waiting
            load = Load(free - 1, waiting) if free else Load(0, waiting + 1)
            self._news[name] = replace(news, load=load)

    def line(self, name: str) -> int:
        """Return at which place in line a job would be at a server; 0 if it need not wait."""
        news = self._news.get(name)
        if news is None or news.load.free or self._now() - news.at >= BELIEVED:
            return 0
        return 1 + news.load.waiting
