"""What a monitor shows of what is in flight, and of what has ended."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import BEGAN, local, unit
from twisted_distcc.cli.monitor.build_view import HERE, HostView, InFlight, View
from twisted_distcc.client.journal.state_format import BLOCKED, COMPILE, PREPROCESS, State
from twisted_distcc.client.journal.unit_record import COMPILER, UnitRecord

LIMITS = {HERE: 2, "red": 3, "blue": 1}


def view(*states: State, build: tuple[UnitRecord, ...] = (), now: float = BEGAN + 10) -> View:
    ages = {state.process: float(state.process) for state in states}
    return View.of(states, ages, build, LIMITS, now, cores=2)


def host(name: str, shown: View) -> HostView:
    [found] = [one for one in shown.hosts if one.name == name]
    return found


class InFlightTests(SynchronousTestCase):
    def test_slots(self) -> None:
        """Each unit is in its slot, with what is done and since when; the other slots are idle."""
        shown = view(State(7, "a.c", "red", 1, COMPILE), State(8, "b.c", HERE, 0, COMPILE))
        self.assertEqual([one.name for one in shown.hosts], ["red", "blue", HERE])
        self.assertEqual(host("red", shown).slots, (None, InFlight("a.c", "compiling", 7.0), None))
        self.assertEqual(host("blue", shown).slots, (None,))
        self.assertEqual(host(HERE, shown).slots, (InFlight("b.c", "compiling", 8.0), None))
        self.assertEqual((shown.in_flight, shown.waiting), (2, []))

    def test_no_host(self) -> None:
        """What is blocked, or is prepared here, has no host yet; C distcc shows the latter here."""
        shown = view(State(1, "a.c", "", 0, BLOCKED), State(2, "b.c", HERE, 0, PREPROCESS))
        self.assertEqual([job.phase for job in shown.waiting], ["waiting", "preparing"])
        self.assertEqual(shown.in_flight, 2)

    def test_odd(self) -> None:
        """Hosts that are not listed, slots that two clients count, and slots of no sense are shown."""
        shown = view(
            State(1, "a.c", "green", 0, COMPILE),
            State(2, "b.c", "blue", 0, COMPILE),
            State(3, "c.c", "blue", 0, COMPILE),
            State(4, "d.c", "red", 2**31 - 1, COMPILE),
            State(5, "e.c", "red", -5, COMPILE),
        )
        self.assertEqual(shown.in_flight, 5)
        self.assertEqual(len(host("blue", shown).slots), 2)
        self.assertEqual(len(host("red", shown).jobs), 2)
        self.assertLess(len(host("red", shown).slots), 6)


class BuildTests(SynchronousTestCase):
    def test_counts(self) -> None:
        """Units are counted by what became of them, and by host: in all, and in the last minute."""
        build = (
            unit("a.c", host="red/3"),
            unit("b.c", after=300, host="red/3"),
            local("c.c", after=300),
            unit("d.c", after=300, became="failed", host=""),
        )
        shown = view(build=build, now=BEGAN + 310)
        self.assertEqual((shown.remote, shown.local, shown.failed), (2, 1, 1))
        self.assertEqual((host("red", shown).done, host("red", shown).rate), (2, 1))
        self.assertEqual((host(HERE, shown).done, host(HERE, shown).rate), (1, 1))
        self.assertEqual(shown.reasons, [("--coverage writes", 1)])

    def test_elapsed(self) -> None:
        """A build lasts until now if something is in flight, else until its last unit ended."""
        state = State(1, "a.c", "red", 0, COMPILE)
        self.assertEqual(view(build=(unit(),)).elapsed, 1.0)
        self.assertEqual(view(state, build=(unit(),)).elapsed, 10.0)
        self.assertEqual(view(state).elapsed, 0.0)

    def test_saved(self) -> None:
        """What is saved is what servers worked, on as many processors as are here, less the time."""
        parts = ((COMPILER, 40_000_000),)
        self.assertEqual(view(build=(unit(parts=parts),) * 4).saved, 4 * 40 / 2 - 40)
        self.assertEqual(view(build=(unit(parts=parts, cpu=30_000_000),) * 4).saved, 4 * 30 / 2 - 40)
        self.assertEqual(view(build=(local(),)).saved, 0.0)
