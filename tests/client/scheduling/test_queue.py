"""Jobs that wait for a slot."""

from __future__ import annotations

import os
from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.hosts import Host, TcpHost
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.client.scheduling.choice import Grant, NobodyLeft
from twisted_distcc.client.scheduling.loads import Loads
from twisted_distcc.client.scheduling.queue import SlotQueue
from twisted_distcc.client.scheduling.slots import LockDirectoryError, SlotDirectory

RED, GREEN = TcpHost("red", limit=1), TcpHost("green", limit=1)
BIG = TcpHost("big", limit=3)


class QueueTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp(), "lock")
        self.clock = Clock()
        self.slots = SlotDirectory(self.path)
        self.somebody = SlotDirectory(self.path)
        self.backoff = Backoff(self.path, 60, self.clock.seconds)
        self.queue = SlotQueue(
            self.clock, self.slots, self.backoff, Loads(self.clock.seconds), pause=0.1
        )

    def acquire(self, *hosts: Host, exclude: tuple[Host, ...] = ()) -> Deferred[Grant | NobodyLeft]:
        return Deferred.fromCoroutine(self.queue.acquire(hosts, frozenset(exclude)))

    def granted(self, answer: Deferred[Grant | NobodyLeft]) -> Grant:
        grant = self.successResultOf(answer)
        assert isinstance(grant, Grant)
        return grant


class OwnSlotsTests(QueueTestCase):
    def test_a_free_slot_is_given_at_once(self) -> None:
        """Who finds a free slot waits for no turn, and leaves nothing on the clock."""
        grant = self.granted(self.acquire(RED))
        self.assertEqual((grant.host, grant.slot.index), (RED, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_first_come_first_served(self) -> None:
        """Slots that are given back go to those who wait, in the order in which they came."""
        grant = self.granted(self.acquire(RED))
        waiting = [self.acquire(RED) for _ in range(3)]
        for position in range(3):
            for later in waiting[position:]:
                self.assertNoResult(later)
            grant.slot.release()
            self.clock.advance(0)
            grant = self.granted(waiting[position])

    def test_who_comes_late_does_not_jump_the_queue(self) -> None:
        """A slot that was just given back goes to who waits, not to who comes in between."""
        grant = self.granted(self.acquire(RED))
        first = self.acquire(RED)
        grant.slot.release()
        late = self.acquire(RED)
        self.assertEqual(self.granted(first).host, RED)
        self.assertNoResult(late)

    def test_who_waits_keeps_nobody_from_another_host(self) -> None:
        """A job that may go where the first one may not gets the slot that is idle."""
        self.granted(self.acquire(RED))
        first = self.acquire(RED)
        self.assertEqual(self.granted(self.acquire(RED, GREEN)).host, GREEN)
        self.assertNoResult(first)

    def test_several_slots_given_back_together(self) -> None:
        """All slots that are released in one turn find somebody who waits in the next."""
        grants = [self.granted(self.acquire(BIG)) for _ in range(3)]
        waiting = [self.acquire(BIG) for _ in range(4)]
        for grant in grants:
            grant.slot.release()
        self.clock.advance(0)
        self.assertEqual([self.granted(each).slot.index for each in waiting[:3]], [0, 1, 2])
        self.assertNoResult(waiting[3])

    def test_jobs_that_finish_at_once(self) -> None:
        """A thousand jobs that give their slot back as soon as they get it all have their turn."""
        grant = self.granted(self.acquire(RED))
        done: list[int] = []

        async def job(number: int) -> None:
            grant = await self.queue.acquire([RED])
            assert isinstance(grant, Grant)
            done.append(number)
            grant.slot.release()

        jobs = [Deferred.fromCoroutine(job(number)) for number in range(1000)]
        grant.slot.release()
        self.clock.pump([0] * 1000)
        for each in jobs:
            self.successResultOf(each)
        self.assertEqual(done, list(range(1000)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_slot_given_back_while_others_are_served(self) -> None:
        """Nobody waits for the next look after a slot was released in the middle of this one."""
        red, green = self.granted(self.acquire(RED)), self.granted(self.acquire(GREEN))
        wants_red = self.acquire(RED)
        wants_green = self.acquire(GREEN)
        wants_green.addCallback(lambda grant: red.slot.release())
        green.slot.release()
        self.clock.advance(0)
        self.assertEqual(self.granted(wants_red).host, RED)


class OthersSlotsTests(QueueTestCase):
    def test_a_slot_that_another_process_gives_back(self) -> None:
        """Slots of other processes are looked for once in a pause, while somebody waits."""
        theirs = self.somebody.try_acquire(RED.lock_name, 1)
        assert theirs is not None
        first, second = self.acquire(RED), self.acquire(RED)
        self.clock.pump([0.1] * 5)
        self.assertNoResult(first)
        theirs.release()
        self.clock.advance(0.09)
        self.assertNoResult(first)
        self.clock.advance(0.01)
        self.granted(first)
        self.assertNoResult(second)

    def test_nothing_is_looked_for_when_nobody_waits(self) -> None:
        """As soon as the last one who waits is served, nothing is left on the clock."""
        theirs = self.somebody.try_acquire(RED.lock_name, 1)
        assert theirs is not None
        answer = self.acquire(RED)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        theirs.release()
        self.clock.advance(0.1)
        self.granted(answer)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_who_wait_look_once(self) -> None:
        """Fifty jobs that may go to the same hosts cost one look at each slot, not fifty."""
        theirs = [self.somebody.try_acquire(BIG.lock_name, 3) for _ in range(3)]
        waiting = [self.acquire(BIG) for _ in range(50)]
        looks: list[int] = []
        look = self.slots.try_slot
        self.patch(self.slots, "try_slot", lambda name, index: looks.append(index) or look(name, index))
        self.clock.advance(0.1)
        self.assertEqual(looks, [0, 1, 2])
        self.assertEqual((len(theirs), len(waiting)), (3, 50))


class NobodyLeftTests(QueueTestCase):
    def test_nobody_is_left_at_once(self) -> None:
        """Whose hosts are all tried does not wait."""
        answer = self.successResultOf(self.acquire(RED, exclude=(RED,)))
        self.assertEqual(answer, NobodyLeft(avoided=(), tried=(RED,)))

    def test_a_host_fails_while_jobs_wait_for_it(self) -> None:
        """When the last host is put aside, who waits for it is told with the next look."""
        self.granted(self.acquire(RED))
        answer = self.acquire(RED, GREEN, exclude=(GREEN,))
        self.backoff.avoid(RED)
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(answer), NobodyLeft(avoided=(RED,), tried=(GREEN,)))

    def test_those_who_are_kept_waiting_do_not_hide_it(self) -> None:
        """A job whose only host is put aside is told so, though another waits for more hosts."""
        self.granted(self.acquire(RED))
        self.granted(self.acquire(GREEN))
        both, red_alone = self.acquire(RED, GREEN), self.acquire(RED)
        self.backoff.avoid(RED)
        self.clock.advance(0.1)
        self.assertNoResult(both)
        self.assertIsInstance(self.successResultOf(red_alone), NobodyLeft)

    def test_a_host_is_good_again_while_a_job_waits(self) -> None:
        """Who waits for a busy host gets an idle one whose time has run out meanwhile."""
        self.granted(self.acquire(RED))
        self.backoff.avoid(GREEN)
        answer = self.acquire(RED, GREEN)
        self.clock.pump([0.1] * 590)
        self.assertNoResult(answer)
        self.clock.pump([0.1] * 20)
        self.assertEqual(self.granted(answer).host, GREEN)


class CancelTests(QueueTestCase):
    def test_who_leaves_takes_no_slot(self) -> None:
        """A cancelled job makes way for who stands behind it."""
        grant = self.granted(self.acquire(RED))
        first, second = self.acquire(RED), self.acquire(RED)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        grant.slot.release()
        self.clock.advance(0)
        self.granted(second)

    def test_who_leaves_after_the_release_takes_no_slot(self) -> None:
        """Cancelling between a release and the next turn loses nothing."""
        grant = self.granted(self.acquire(RED))
        only = self.acquire(RED)
        grant.slot.release()
        only.cancel()
        self.failureResultOf(only, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.slots.in_use(RED.lock_name, 1), 0)

    def test_who_is_sent_off_by_who_is_served(self) -> None:
        """A job that is cancelled by the one before it, in the same round, takes no slot."""
        grants = [self.granted(self.acquire(BIG)) for _ in range(3)]
        first, second, third = (self.acquire(BIG) for _ in range(3))
        first.addCallback(partial(self.cancel_and_keep, second))
        for grant in grants:
            grant.slot.release()
        self.clock.advance(0)
        self.failureResultOf(second, CancelledError)
        self.assertEqual([self.granted(each).slot.index for each in (first, third)], [0, 1])

    @staticmethod
    def cancel_and_keep(other: Deferred[Grant | NobodyLeft], grant: Grant) -> Grant:
        other.cancel()
        return grant

    def test_cancelling_who_has_a_slot_keeps_the_slot(self) -> None:
        """A grant that has been given stays with who got it."""
        answer = self.acquire(RED)
        answer.cancel()
        grant = self.granted(answer)
        self.assertEqual(self.slots.in_use(RED.lock_name, 1), 1)
        grant.slot.release()


class TroubleTests(QueueTestCase):
    def test_a_directory_that_cannot_be_used(self) -> None:
        """Who asks hears what is wrong with the lock directory, and nobody is left waiting."""
        with open(os.path.dirname(self.path), "w"):
            pass
        self.failureResultOf(self.acquire(RED), LockDirectoryError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_directory_that_breaks_while_jobs_wait(self) -> None:
        """All who wait hear of it with the next look, and the queue serves again afterwards."""
        theirs = self.somebody.try_acquire(RED.lock_name, 1)
        assert theirs is not None
        first, second = self.acquire(RED), self.acquire(RED)
        os.rename(self.path, self.path + ".away")
        with open(self.path, "w"):
            pass
        self.clock.advance(0.1)
        for answer in (first, second):
            self.failureResultOf(answer, LockDirectoryError)
        os.unlink(self.path)
        self.granted(self.acquire(RED))
