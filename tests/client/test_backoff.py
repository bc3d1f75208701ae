"""Hosts that failed as hosts are left alone for a while."""

from __future__ import annotations

import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backoff import Backoff
from twisted_distcc.client.hosts import Localhost, SshHost, TcpHost
from twisted_distcc.client.slots import LockDirectoryError

RED = TcpHost("red")
BLUE = SshHost("ada", "blue")


class BackoffTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp(), "lock")
        self.clock = Clock()
        self.clock.advance(1_000_000_000.5)
        self.backoff = self.with_period(60)

    def with_period(self, seconds: float) -> Backoff:
        return Backoff(self.path, seconds, self.clock.seconds)

    def test_nobody_is_avoided_at_first(self) -> None:
        """Without a note, and without a directory, every host is good."""
        self.assertFalse(self.backoff.is_avoided(RED))

    def test_a_failed_host_is_avoided_for_the_period(self) -> None:
        """A host is avoided until the period is over, to the second, and the others are not."""
        self.backoff.avoid(RED)
        self.assertTrue(self.backoff.is_avoided(RED))
        self.assertFalse(self.backoff.is_avoided(BLUE))
        self.clock.advance(59.75)
        self.assertTrue(self.backoff.is_avoided(RED))
        self.clock.advance(0.25)
        self.assertFalse(self.backoff.is_avoided(RED))

    def test_the_last_failure_counts(self) -> None:
        """A host that fails once more is avoided for another whole period."""
        self.backoff.avoid(RED)
        self.clock.advance(50)
        self.backoff.avoid(RED)
        self.clock.advance(50)
        self.assertTrue(self.backoff.is_avoided(RED))

    def test_a_host_that_served_is_forgiven(self) -> None:
        """Forgiving ends the period at once, and leaves no file; it needs no failure before."""
        self.backoff.avoid(RED)
        self.backoff.forgive(RED)
        self.backoff.forgive(RED)
        self.assertFalse(self.backoff.is_avoided(RED))
        self.assertEqual(os.listdir(self.path), [])

    def test_all_processes_know(self) -> None:
        """What one object notes another one reads, under distcc's names."""
        self.backoff.avoid(RED)
        self.backoff.avoid(BLUE)
        self.assertTrue(self.with_period(60).is_avoided(BLUE))
        files = sorted(os.listdir(self.path))
        self.assertEqual(files, ["backoff_ssh_blue_0", "backoff_tcp_red_3632_0"])

    def test_a_period_of_nothing(self) -> None:
        """With a period of 0 no host is ever avoided, and nothing is written."""
        self.backoff.avoid(RED)
        never = self.with_period(0)
        never.avoid(BLUE)
        self.assertFalse(never.is_avoided(RED))
        self.assertFalse(self.backoff.is_avoided(BLUE))

    def test_a_note_from_the_future_runs_out(self) -> None:
        """After the clock has been set back a day, a host is not avoided for that day."""
        self.clock.advance(86_400)
        self.backoff.avoid(RED)
        self.clock.advance(-86_400)
        self.assertFalse(self.backoff.is_avoided(RED))

    def test_a_machine_does_not_avoid_itself(self) -> None:
        """A note about localhost, whoever wrote it, is of no account."""
        os.makedirs(self.path)
        note = os.path.join(self.path, "backoff_localhost_0")
        with open(note, "w"):
            pass
        os.utime(note, (self.clock.seconds(), self.clock.seconds()))
        self.assertFalse(self.backoff.is_avoided(Localhost()))

    def test_a_directory_that_cannot_be_written(self) -> None:
        """A failure that cannot be noted is an error; reading and forgiving are none."""
        with open(os.path.dirname(self.path), "w"):
            pass
        self.assertRaises(LockDirectoryError, self.backoff.avoid, RED)
        self.assertFalse(self.backoff.is_avoided(RED))
        self.backoff.forgive(RED)
