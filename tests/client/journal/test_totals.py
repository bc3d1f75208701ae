"""Totals of units: what is counted, and what counts as one reason."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import BEGAN, local, unit
from twisted_distcc.client.journal.totals import Totals, is_compile, kind_of_reason, percentiles
from twisted_distcc.client.recorded_dispatch import _file_of
from twisted_distcc.cmdline.compilation import StayLocal
from twisted_distcc.cmdline.parse import parse


class TotalsTests(SynchronousTestCase):
    def test_counts(self) -> None:
        """Each unit counts once, by what became of it, by host and by reason."""
        totals = Totals.of(
            [
                unit("a.c", sent=10, received=5, cpu=500_000),
                unit("b.c", after=2, sent=1, faults=(("blue", "hung up"),)),
                unit("c.c", became="text", host="green"),
                local("d.c", after=3),
                local("e.c"),
                unit("f.c", became="failed", host="", faults=(("blue", "hung up"),)),
            ]
        )
        self.assertEqual((totals.units, totals.remote), (6, 3))
        self.assertEqual(totals.became, {"files": 2, "local": 2, "text": 1, "failed": 1})
        self.assertEqual(totals.reasons, [("--coverage writes", 2)])
        told = [(host.host, host.units, host.failures, host.seconds) for host in totals.hosts]
        self.assertEqual(told, [("red", 2, 0, 0.9), ("green", 1, 0, 0.9), ("blue", 0, 2, 0.0)])
        self.assertEqual((totals.sent, totals.received, totals.cpu), (11, 5, 0.5))
        self.assertEqual((totals.began, totals.elapsed), (BEGAN, 3.5))
        self.assertEqual(sum(totals.parts.values()), 5.0)
        self.assertEqual(totals.percentiles["local"], {50: 0.5, 90: 0.5, 99: 0.5})

    def test_others(self) -> None:
        """Commands that compile no unit are counted apart; one that compiles and links is a unit."""
        for command, expected in (
            ("gcc -c a.c b.c", True),
            ("gcc a.c -o a", True),
            ("gcc a.o -o a", False),
            ("gcc -E a.c", False),
            ("gcc -M a.c", False),
            ("gcc -### -c a.c", False),
            ("gcc -dumpmachine", False),
            ("gcc -print-search-dirs", False),
            ("gcc -c", False),
        ):
            verdict = parse(command.split())
            assert isinstance(verdict, StayLocal), command
            record = local(_file_of(tuple(command.split())), verdict.reason)
            self.assertEqual(is_compile(record), expected, (command, verdict.reason))
            totals = Totals.of([unit(), record])
            self.assertEqual((totals.units, totals.others), (1 + expected, 1 - expected))

    def test_nothing(self) -> None:
        """Nothing adds up to nothing."""
        self.assertEqual(Totals.of([]).units, 0)

    def test_percentiles(self) -> None:
        """They are times that were measured."""
        self.assertEqual(percentiles(range(101)), {50: 50, 90: 90, 99: 99})

    def test_kinds(self) -> None:
        """Reasons that differ in a name or a number are one; options and hosts are part of a reason."""
        for file, reason, kind in (
            ("src/a.c", "--coverage writes notes", "--coverage writes notes"),
            ("src/a.c", "a.c is a header", "… is a header"),
            ("src/a.c", "src/a.c is a header", "… is a header"),
            ("a.c", "/usr/include/x.h cannot be read", "… cannot be read"),
            (
                "a.c",
                "the compile failed on the server (exit status 1)",
                "the compile failed on the server (exit status 1)",
            ),
            ("a.c", "red/4 is avoided for 57 s more: gone", "red/4 is avoided for … s more: gone"),
            ("a.c", "10.0.0.1:3632/4 cannot be reached", "10.0.0.1:3632/4 cannot be reached"),
            ("a.c", "-march=native compiles for this", "-march=native compiles for this"),
            ("-c", "", "unknown"),
        ):
            self.assertEqual(kind_of_reason(local(file, reason)), kind)
