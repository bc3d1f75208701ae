"""Seats for jobs, the line before them, and the readers that are held back."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import PLAIN, Terms
from twisted_distcc.server.scheduling.admission import Admission


class Reader:
    """A connection that is read from, or stands still."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


class AdmissionTestCase(SynchronousTestCase):
    """Jobs that write into `seated` when they get a seat, and hold it until `ends` fires."""

    def setUp(self) -> None:
        self.admission = Admission(jobs=2, queue=4)
        self.seated: list[int] = []
        self.ends: list[Deferred[None]] = []
        self.addCleanup(self.end_all)

    def end_all(self) -> None:
        """End what still runs, so that no coroutine is left to the garbage collector."""
        for end in self.ends:
            if not end.called:
                end.callback(None)

    def job(self, identity: str = "", terms: Terms = PLAIN) -> Deferred[None]:
        number = len(self.ends)
        self.ends.append(Deferred())
        return Deferred.fromCoroutine(self._sit(number, identity, terms))

    async def _sit(self, number: int, identity: str, terms: Terms) -> None:
        async with self.admission.seat(Peer(identity), terms):
            self.seated.append(number)
            await self.ends[number]

    def jobs(self, count: int) -> list[Deferred[None]]:
        return [self.job() for _ in range(count)]


class PreparingTests(AdmissionTestCase):
    def prepare(self, identity: str) -> Deferred[None]:
        number = len(self.ends)
        self.ends.append(Deferred())
        return Deferred.fromCoroutine(self._prepare(number, identity))

    async def _prepare(self, number: int, identity: str) -> None:
        async with self.admission.turn(Peer(identity)):
            self.seated.append(number)
            await self.ends[number]

    def test_no_seat(self) -> None:
        """What is done before a job takes no seat, waits for none, and is no job that has begun."""
        self.jobs(2)
        preparing = self.prepare("ada")
        self.assertEqual((self.seated, self.admission.waiting), ([0, 1, 2], 1))
        self.assertEqual((self.admission.running, self.admission.has_begun(Peer("ada"))), (2, False))
        self.ends[2].callback(None)
        self.successResultOf(preparing)
        self.assertEqual((self.admission.running, self.admission.waiting), (2, 0))

    def test_beside_a_client_who_has_much_prepared(self) -> None:
        """However much one client has prepared, it is one thing at a time, and seats stay free."""
        crowd = [self.prepare("eve") for _ in range(24)]
        self.assertEqual(self.seated, [0])
        self.prepare("ada")
        self.job("ada")
        self.assertEqual(self.seated, [0, 24, 25])
        crowd[1].cancel()
        self.failureResultOf(crowd[1], CancelledError)
        self.ends[0].callback(None)
        self.assertEqual(self.seated, [0, 24, 25, 2])

    def test_it_waits(self) -> None:
        """A job that is being prepared counts among those that wait, and holds its client back."""
        reader = Reader()
        self.admission.reading(reader, "eve")
        crowd = [self.prepare("eve") for _ in range(4)]
        self.assertEqual(reader.calls, ["pause"])
        for one in crowd:
            one.cancel()
            self.failureResultOf(one, CancelledError)
        self.assertEqual(reader.calls, ["pause", "resume"])


class SeatTests(AdmissionTestCase):
    def test_never_more_than_jobs(self) -> None:
        """However many ask, no more than `jobs` are seated; the others wait."""
        self.jobs(10)
        self.assertEqual(self.seated, [0, 1])
        self.assertEqual((self.admission.running, self.admission.waiting), (2, 8))

    def test_in_the_order_of_asking(self) -> None:
        """A seat goes to who asked first, whichever seat it is."""
        self.jobs(5)
        for ended, expected in ((1, [0, 1, 2]), (2, [0, 1, 2, 3]), (0, [0, 1, 2, 3, 4])):
            self.ends[ended].callback(None)
            self.assertEqual(self.seated, expected)

    def test_all_seats_come_back(self) -> None:
        """When all is over nobody runs and nobody waits, and the next job is seated at once."""
        jobs = self.jobs(5)
        for end in self.ends:
            end.callback(None)
        for job in jobs:
            self.successResultOf(job)
        self.assertEqual((self.admission.running, self.admission.waiting), (0, 0))
        self.job()
        self.assertEqual(self.seated[-1], 5)

    def test_a_job_that_fails_gives_its_seat_back(self) -> None:
        """A seat is left by whoever leaves it with an exception."""
        first, _, _ = self.jobs(3)
        self.ends[0].errback(ValueError("of a test"))
        self.failureResultOf(first, ValueError)
        self.assertEqual(self.seated, [0, 1, 2])

    def test_a_cancelled_waiter_gives_its_place_up(self) -> None:
        """A job that is cancelled in line is never seated, and those behind it move up."""
        jobs = self.jobs(4)
        jobs[2].cancel()
        self.failureResultOf(jobs[2], CancelledError)
        self.assertEqual(self.admission.waiting, 1)
        self.ends[0].callback(None)
        self.assertEqual(self.seated, [0, 1, 3])

    def test_a_cancelled_job_gives_its_seat_back(self) -> None:
        """A job that is cancelled while it runs makes room for the next."""
        jobs = self.jobs(3)
        jobs[0].cancel()
        self.failureResultOf(jobs[0], CancelledError)
        self.assertEqual(self.seated, [0, 1, 2])

    def test_a_long_line_of_jobs_that_end_at_once(self) -> None:
        """Thousands that are over as soon as they are seated are seated one after the other."""
        self.jobs(2)
        hasty = self.jobs(3000)
        for end in self.ends[2:]:
            end.callback(None)
        self.ends[0].callback(None)
        for job in hasty:
            self.successResultOf(job)
        self.assertEqual(self.seated, list(range(3002)))
        self.assertEqual((self.admission.running, self.admission.waiting), (1, 0))


class CrowdTests(AdmissionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.reader = Reader()
        self.admission.reading(self.reader)

    def test_readers_stand_still_when_the_line_is_full(self) -> None:
        """With the last place in line taken, and not before, reading stops."""
        self.jobs(5)
        self.assertEqual(self.reader.calls, [])
        self.job()
        self.assertEqual(self.reader.calls, ["pause"])

    def test_more_in_line_pause_nobody_twice(self) -> None:
        """A line that grows beyond its length says no more."""
        self.jobs(9)
        self.assertEqual(self.reader.calls, ["pause"])

    def test_readers_go_on_when_half_of_the_line_is_free(self) -> None:
        """Reading goes on at half of the line, so that it does not start and stop with each job."""
        self.jobs(6)
        self.ends[0].callback(None)
        self.assertEqual(self.reader.calls, ["pause"])
        self.ends[1].callback(None)
        self.assertEqual(self.reader.calls, ["pause", "resume"])

    def test_cancelled_waiters_let_readers_go_on(self) -> None:
        """Places that are given up count as free ones."""
        jobs = self.jobs(6)
        for job in jobs[4:]:
            job.cancel()
            self.failureResultOf(job, CancelledError)
        self.assertEqual(self.reader.calls, ["pause", "resume"])

    def test_a_newcomer_to_a_crowd_waits(self) -> None:
        """A connection that begins while it is crowded is held back with the others, and let go."""
        self.jobs(6)
        newcomer = Reader()
        self.admission.reading(newcomer)
        self.assertEqual(newcomer.calls, ["pause"])
        for end in self.ends[:2]:
            end.callback(None)
        self.assertEqual(newcomer.calls, ["pause", "resume"])

    def test_requests_that_are_expanded_wait_too(self) -> None:
        """A request counts from when it is whole, once, until it is in line or given up."""
        self.jobs(5)
        reader, expanding = Reader(), Reader()
        self.admission.reading(reader)
        self.admission.expanding(expanding)
        self.assertEqual((self.admission.waiting, reader.calls), (4, ["pause"]))
        for _ in range(2):
            self.admission.done_expanding(expanding)
            self.assertEqual(self.admission.waiting, 3)
        self.ends[0].callback(None)
        self.assertEqual((self.admission.waiting, reader.calls), (2, ["pause", "resume"]))

    def test_who_is_expanded_is_held_back(self) -> None:
        """Where only requests that are expanded make the crowd, their clients are held back."""
        readers = {who: Reader() for who in ("ada", "bob")}
        for who, reader in readers.items():
            self.admission.reading(reader, who)
        many = [Reader() for _ in range(4)]
        for connection in many:
            self.admission.expanding(connection, "ada")
        self.assertEqual((readers["ada"].calls, readers["bob"].calls), (["pause"], []))
        for connection in many:
            self.admission.done_expanding(connection)
        self.assertEqual(readers["ada"].calls, ["pause", "resume"])

    def test_who_has_finished_reading_is_left_alone(self) -> None:
        """A connection whose request is whole is not paused: its end must be noticed."""
        self.admission.done_reading(self.reader)
        self.jobs(6)
        self.assertEqual(self.reader.calls, [])

    def test_a_reader_may_leave_while_all_are_paused(self) -> None:
        """Pausing one connection may end another."""
        admission = self.admission

        class Leaving(Reader):
            def pause(self) -> None:
                super().pause()
                admission.done_reading(self)

        leaving = [Leaving(), Leaving()]
        for reader in leaving:
            admission.reading(reader)
        self.jobs(6)
        self.assertEqual([reader.calls for reader in leaving], [["pause"], ["pause"]])


class FairnessTests(AdmissionTestCase):
    def owners(self, *identities: str, terms: Terms = PLAIN) -> list[Deferred[None]]:
        return [self.job(identity, terms) for identity in identities]

    def test_slots_leave_seats_free(self) -> None:
        """An identity with one slot has one seat, though more are free, and they are another's."""
        self.owners("a", "a", "a", terms=Terms(slots=1))
        self.assertEqual(self.seated, [0])
        self.owners("b")
        self.assertEqual(self.seated, [0, 3])
        self.ends[0].callback(None)
        self.assertEqual(self.seated, [0, 3, 1])

    def test_a_thousand_jobs_starve_nobody(self) -> None:
        """Who comes after a thousand jobs of another has the next seat but one."""
        self.owners(*["a"] * 1000)
        self.owners("b")
        self.ends[0].callback(None)
        self.ends[1].callback(None)
        self.assertEqual(self.seated, [0, 1, 2, 1000])

    def test_a_slot_comes_back_however_the_job_ends(self) -> None:
        """A job that fails, or is cancelled, gives its slot back with its seat."""
        jobs = self.owners("a", "a", "a", terms=Terms(slots=1))
        self.ends[0].errback(ValueError("of a test"))
        self.failureResultOf(jobs[0], ValueError)
        jobs[1].cancel()
        self.failureResultOf(jobs[1], CancelledError)
        self.assertEqual(self.seated, [0, 1, 2])

    def test_others_are_read_while_it_is_crowded(self) -> None:
        """A full line holds those back whose jobs fill it, and nobody else."""
        a, b = Reader(), Reader()
        self.admission.reading(a, "a")
        self.admission.reading(b, "b")
        self.owners(*["a"] * 6, terms=Terms(slots=1))
        newcomer = Reader()
        self.admission.reading(newcomer, "b")
        self.assertEqual((a.calls, b.calls, newcomer.calls), (["pause"], [], []))
        self.owners("b")
        self.assertEqual((self.seated, b.calls), ([0, 6], []))

    def test_who_has_a_job_in_line_is_held_back_too(self) -> None:
        """While it is crowded each has one job in line, and is read again when that is seated."""
        b, newcomer = Reader(), Reader()
        self.admission.reading(b, "b")
        self.owners(*["a"] * 6)
        self.owners("b")
        self.assertEqual(b.calls, ["pause"])
        self.admission.reading(newcomer, "b")
        self.assertEqual(newcomer.calls, ["pause"])
        self.ends[0].callback(None)
        self.ends[1].callback(None)
        self.assertEqual(self.seated, [0, 1, 2, 6])
        self.assertEqual((b.calls, newcomer.calls), (["pause", "resume"], ["pause", "resume"]))
