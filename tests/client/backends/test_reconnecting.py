"""When a server is called: what there is between us and it, and how long we wait after a failure."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.reconnecting import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    TRANSITIONS,
    Event,
    Link,
    State,
    after,
)
from twisted_distcc.client.inputs.local_toolchains import HOLDS

OPENED = Event.WANTED, Event.PAUSE_OVER, Event.GREETED


CLOSED = Link()


def became(*events: Event, link: Link = CLOSED, now: float = 0.0, chance: float = 1.0) -> Link:
    """Return what a link becomes by one event after another."""
    for event in events:
        link = after(link, event, now, chance)
    return link


class TableTests(SynchronousTestCase):
    def test_reachable(self) -> None:
        """Every state can be reached and left, and every event does something somewhere."""
        self.assertEqual({state for state, _ in TRANSITIONS}, set(State))
        self.assertEqual(set(TRANSITIONS.values()), set(State))
        self.assertEqual({event for _, event in TRANSITIONS}, set(Event))

    def test_out_of_place(self) -> None:
        """What does not happen in a state changes nothing."""
        for state in State:
            for event in Event:
                if (state, event) not in TRANSITIONS:
                    link = Link(state, failures=2, until=7.0)
                    self.assertIs(after(link, event, 5.0, 0.5), link)


class PauseTests(SynchronousTestCase):
    def test_none(self) -> None:
        """The first attempt waits for nothing, nor does one after a session that nobody used."""
        self.assertEqual(became().pause(0.0), 0.0)
        self.assertEqual(became(*OPENED, Event.RETIRED).pause(0.0), 0.0)

    def test_longer(self) -> None:
        """Each failure doubles the longest pause, up to a bound, until a job is served."""
        link, pauses = Link(), []
        for _ in range(40):
            link = became(Event.WANTED, Event.PAUSE_OVER, Event.UNREACHABLE, link=link)
            pauses.append(link.pause(0.0))
        self.assertEqual(pauses[:4], [FIRST_PAUSE, 2 * FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE])
        self.assertEqual(pauses[-1], LONGEST_PAUSE)
        greeted = became(*OPENED, Event.LOST, link=link)
        self.assertEqual(greeted.pause(0.0), LONGEST_PAUSE)
        served = became(*OPENED, Event.SERVED, Event.LOST, link=link)
        self.assertEqual(served.pause(0.0), FIRST_PAUSE)

    def test_chance(self) -> None:
        """How much of the longest pause is waited for is left to chance; time that passes counts."""
        pauses = [became(*OPENED, Event.LOST, chance=tenths / 10).pause(0.0) for tenths in range(11)]
        self.assertEqual(pauses, [tenths / 10 for tenths in range(11)])
        self.assertEqual(became(*OPENED, Event.LOST, now=5.0).pause(5.75), 0.25)
        self.assertEqual(became(*OPENED, Event.LOST, now=5.0).pause(7.0), 0.0)


class OlderTests(SynchronousTestCase):
    def test_older(self) -> None:
        """A server that hangs up on the greeting is asked again after ten minutes."""
        link = became(Event.WANTED, Event.PAUSE_OVER, Event.HUNG_UP)
        self.assertTrue(link.is_older(HOLDS - 1))
        self.assertFalse(link.is_older(HOLDS))
        self.assertEqual(became(Event.WANTED, link=link).state, State.PAUSING)

    def test_forgotten(self) -> None:
        """It is asked at once if it may be another one by now."""
        link = became(Event.WANTED, Event.PAUSE_OVER, Event.HUNG_UP, Event.FORGOTTEN)
        self.assertFalse(link.is_older(0.0))
        self.assertEqual(link.pause(0.0), 0.0)

    def test_restarting(self) -> None:
        """One that has spoken protocol 4 before is asked again soon, and is believed the next time."""
        link = became(*OPENED, Event.RETIRED, Event.WANTED, Event.PAUSE_OVER, Event.HUNG_UP)
        self.assertTrue(link.is_older(5.0))
        self.assertFalse(link.is_older(15.0))
        link = became(Event.WANTED, Event.PAUSE_OVER, Event.HUNG_UP, link=link, now=15.0)
        self.assertTrue(link.is_older(500.0))
