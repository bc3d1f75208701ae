"""When the way to a server is opened, and what becomes of it: a table, and the pauses between attempts.

    link = Link()
    link = after(link, Event.WANTED, now, chance)    # a job is for this server
    ...                                              # wait for `link.pause(now)` seconds
    link = after(link, Event.PAUSE_OVER, now, chance)

A session is opened when a job wants it, kept while it is used, closed when it has been idle, and found
dead by a ping.  When a server has hung up, or could not be reached, the next attempt waits: up to a
second after the first failure, twice as long after each further one until a job has been served, and
never more than a few seconds, for jobs wait with it.  How much of that time it waits is left to chance,
so that hundreds of agents that lose a server at the same moment come back one after the other.

Two memories keep jobs from a server that fails.  The host's own (`scheduling.backoff`) lasts a minute or
as long as the user says, begins when a job has failed there, and is shared by all processes: as long
as it lasts, no job is for this server.  The pause here is about the connection alone.  It is over before
the other is, unless the user wants that one to be short, or no job has failed: the server had none, or
said that it is going away.  Jobs for this server wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from twisted_distcc.client.inputs.local_toolchains import HOLDS

FIRST_PAUSE: Final = 1.0
"""Seconds that an attempt waits at most after the first failure."""
LONGEST_PAUSE: Final = 4.0
"""Seconds that an attempt waits at most, after however many."""
_MOST_DOUBLINGS: Final = 10

# Seconds for which a server that has spoken protocol 4 before counts as one that does not, when it hangs
# up on a greeting for the first time: most likely it is being restarted.
_PERHAPS_OLDER: Final = 10.0


class State(Enum):
    """What there is between us and a server."""

    CLOSED = auto()
    """Nothing; the next job opens a session."""
    PAUSING = auto()
    """A job waits for the time of the next attempt."""
    OPENING = auto()
    """We connect, and wait for the server's greeting."""
    OPEN = auto()
    """A session takes jobs."""
    OLDER = auto()
    """The server speaks earlier versions only, as far as we know."""


class Event(Enum):
    """What happens to it."""

    WANTED = auto()
    """A job is for this server, and no session takes it."""
    PAUSE_OVER = auto()
    """It is time for the next attempt."""
    GIVEN_UP = auto()
    """Nobody waits for the session any more."""
    UNREACHABLE = auto()
    """The server could not be reached, or refused us."""
    HUNG_UP = auto()
    """The server hung up instead of greeting us."""
    GREETED = auto()
    """The server has greeted us."""
    SERVED = auto()
    """The server has served a job."""
    RETIRED = auto()
    """We have closed the session, which nobody used."""
    LOST = auto()
    """The session is lost: the server has hung up, is going away, or does not answer."""
    FORGOTTEN = auto()
    """The server may be another one by now."""


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (State.CLOSED, Event.WANTED): State.PAUSING,
        (State.OLDER, Event.WANTED): State.PAUSING,
        (State.PAUSING, Event.PAUSE_OVER): State.OPENING,
        (State.PAUSING, Event.GIVEN_UP): State.CLOSED,
        (State.OPENING, Event.GIVEN_UP): State.CLOSED,
        (State.OPENING, Event.UNREACHABLE): State.CLOSED,
        (State.OPENING, Event.HUNG_UP): State.OLDER,
        (State.OPENING, Event.GREETED): State.OPEN,
        (State.OPEN, Event.SERVED): State.OPEN,
        (State.OPEN, Event.RETIRED): State.CLOSED,
        (State.OPEN, Event.LOST): State.CLOSED,
        (State.OLDER, Event.FORGOTTEN): State.CLOSED,
    }
)


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of the way to one server.

    Attributes:
        state: what there is.
        failures: how often the session was lost, or could not be opened, since a job was served.
        until: when the next attempt may be made, or until when the server counts as an older one.
        has_greeted: whether it spoke protocol 4 when it was called last.
    """

    state: State = State.CLOSED
    failures: int = 0
    until: float = 0.0
    has_greeted: bool = False

    def pause(self, now: float) -> float:
        """Return how many seconds the next attempt has to wait."""
        return max(0.0, self.until - now)

    def is_older(self, now: float) -> bool:
        """Whether the server counts as one that speaks earlier versions only."""
        return self.state is State.OLDER and now < self.until


def after(link: Link, event: Event, now: float, chance: float) -> Link:
    """Return what `link` becomes by `event`; what does not happen in its state changes nothing.

    Args:
        link: what there is.
        event: what happens.
        now: the time, in seconds.
        chance: a random number from 0 to 1, for the length of a pause.
    """
    state = TRANSITIONS.get((link.state, event))
    if state is None:
        return link
    failures, until, has_greeted = link.failures, link.until, link.has_greeted
    match event:
        case Event.LOST | Event.UNREACHABLE:
            failures += 1
            until = now + chance * _longest(failures)
        case Event.HUNG_UP:
            until = now + (_PERHAPS_OLDER if has_greeted else HOLDS)
            has_greeted = False
        case Event.GREETED:
            has_greeted = True
        case Event.FORGOTTEN:
            until = now
        case Event.SERVED:
            failures = 0
    return Link(state, failures, until, has_greeted)


def _longest(failures: int) -> float:
    """Return the longest pause after so many failures."""
    doublings = min(failures - 1, _MOST_DOUBLINGS)
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2**doublings))
