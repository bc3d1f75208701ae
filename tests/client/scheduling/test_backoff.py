"""Hosts that failed as hosts are left alone for a while."""

from __future__ import annotations

import os
from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.hosts import Localhost, SshHost, TcpHost
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.client.scheduling.slots import LockDirectoryError

RED = TcpHost("red")
BLUE = SshHost("ada", "blue")


class _BackoffTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp(), "lock")
        self.clock = Clock()
        self.clock.advance(1_000_000_000.5)
        self.backoff = self.with_period(60)

    def with_period(self, seconds: float) -> Backoff:
        return Backoff(self.path, seconds, self.clock.seconds)

    def in_network(self, name: str) -> Backoff:
        return Backoff(self.path, 60, self.clock.seconds, name)


class BackoffTests(_BackoffTestCase):
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

    def test_another_network(self) -> None:
        """A host that is out of reach in one network namespace is not avoided in another."""
        one, other = self.in_network("net:[1]"), self.in_network("net:[2]")
        one.avoid(RED)
        self.assertTrue(self.in_network("net:[1]").is_avoided(RED))
        self.assertFalse(other.is_avoided(RED))
        other.avoid(RED)
        one.forgive(RED)
        self.assertTrue(other.is_avoided(RED))

    def test_usable(self) -> None:
        """Of a whole farm those remain that are not avoided, also when another process notes one."""
        hosts = (RED, BLUE, Localhost())
        self.assertEqual(list(self.backoff.usable(hosts)), [*hosts])
        self.with_period(60).avoid(BLUE)
        self.assertEqual(list(self.backoff.usable(hosts)), [RED, Localhost()])
        self.backoff.avoid(RED)
        self.assertEqual(list(self.backoff.usable(hosts)), [Localhost()])
        self.with_period(60).forgive(BLUE)
        self.assertEqual(list(self.backoff.usable(hosts)), [BLUE, Localhost()])

    def test_a_farm_is_one_question(self) -> None:
        """However many hosts there are, and though slots lie beside notes, the kernel is asked once."""
        os.makedirs(self.path)
        long_ago = self.clock.seconds()
        os.utime(self.path, (long_ago, long_ago))
        hosts = [TcpHost(f"host{number}") for number in range(50)]
        self.assertEqual(len(self.backoff.usable(hosts)), 50)
        with patch("os.stat", wraps=os.stat) as stat, patch("os.listdir", wraps=os.listdir) as listed:
            self.backoff.usable(hosts)
        self.assertEqual((stat.call_count, listed.call_count), (1, 0))

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


class WordTests(_BackoffTestCase):
    """Words for one machine, which distcc does not tell apart."""

    BAD = SshHost(None, "blue")
    GOOD = SshHost(None, "blue", command="/usr/local/bin/twistd-stdio")

    def test_another_word_is_not_avoided(self) -> None:
        """A word that failed is avoided, whatever its limit, and a corrected one is not."""
        self.backoff.avoid(self.BAD, "hung up")
        self.assertTrue(self.backoff.is_avoided(SshHost(None, "blue", limit=9)))
        for corrected in (self.GOOD, SshHost("ada", "blue"), SshHost(None, "blue", compress=True)):
            self.assertFalse(self.backoff.is_avoided(corrected))

    def test_each_word_has_its_own_time(self) -> None:
        """Several words that failed are avoided for the period, each from its own failure on."""
        self.backoff.avoid(self.BAD, "hung up")
        self.clock.advance(30)
        self.backoff.avoid(self.GOOD, "is slow")
        self.assertTrue(self.backoff.is_avoided(self.BAD))
        self.clock.advance(31)
        self.assertFalse(self.backoff.is_avoided(self.BAD))
        self.assertTrue(self.backoff.is_avoided(self.GOOD))

    def test_a_word_that_served_leaves_the_other_avoided(self) -> None:
        """What one word did says nothing for the other."""
        self.backoff.avoid(self.BAD, "hung up")
        self.backoff.avoid(self.GOOD, "is slow")
        self.backoff.forgive(self.GOOD)
        self.assertTrue(self.backoff.is_avoided(self.BAD))
        self.assertFalse(self.backoff.is_avoided(self.GOOD))
        self.backoff.forgive(self.BAD)
        self.assertEqual(os.listdir(self.path), [])

    def test_why(self) -> None:
        """The reason is told in one line, with the time that is left."""
        self.backoff.avoid(self.BAD, "hung up:\n no \x1b[2Jroute")
        self.clock.advance(20)
        self.assertEqual(
            self.backoff.why(self.BAD), "@blue is avoided for 40 s more: hung up: no ?[2Jroute"
        )

    def test_what_distcc_noted(self) -> None:
        """distcc's note, or its touch of ours, holds for every word, and has no reason."""
        note = os.path.join(self.path, "backoff_ssh_blue_0")
        self.backoff.avoid(self.BAD, "hung up")
        self.clock.advance(20)
        now = self.clock.seconds()
        os.utime(note, (now, now))
        for host in (self.BAD, self.GOOD):
            self.assertEqual(
                self.backoff.why(host), f"{host} is avoided for 60 s more: distcc noted that it failed"
            )
        self.backoff.forgive(self.GOOD)
        self.assertFalse(self.backoff.is_avoided(self.BAD))
