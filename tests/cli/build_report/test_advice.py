"""What is said about a build: what would help, most of all first."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import local, unit
from twisted_distcc.cli.build_report.advice import advice
from twisted_distcc.client.journal.totals import Totals
from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    HOST,
    INPUTS,
    LOCAL_SLOT,
    QUEUE,
    TRANSFER,
    UnitRecord,
)

SECOND = 1_000_000


def said(units: Sequence[UnitRecord], slots: int = 0) -> list[str]:
    return [one.text for one in advice(units, Totals.of(units), slots)]


class AdviceTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """A build that went well needs no advice."""
        self.assertEqual(said([unit(), unit(host="blue")], slots=8), [])

    def test_reasons(self) -> None:
        """Units that stayed are told by reason, the longest first; links and the like are not."""
        units = [local(reason="--coverage writes")] * 3 + [local(reason="-march=native compiles")] * 4
        units += [local("prog", reason="neither -c nor -S is given, so the command links")] * 9
        expected = [
            "4 units stayed here (2.0 s): -march=native compiles",
            "3 units stayed here (1.5 s): --coverage writes",
        ]
        self.assertEqual(said(units), expected)

    def test_text(self) -> None:
        """So are units whose files were not sent."""
        texts = [unit(became="text", reason="red/4 has no sandbox")]
        self.assertEqual(said(texts), ["1 unit preprocessed here (100 ms): red/4 has no sandbox"])

    def test_waits(self) -> None:
        """Whatever units wait for is named, with what to do about it."""
        for part, word in (
            (HOST, "add hosts"),
            (LOCAL_SLOT, "this machine"),
            (QUEUE, "were full"),
            (TRANSFER, "the network"),
        ):
            waited = unit(parts=((INPUTS, SECOND), (part, 5 * SECOND), (COMPILER, SECOND)))
            [text] = said([waited])
            self.assertIn(word, text)
            self.assertIn("5.0 s", text)

    def test_slow_host(self) -> None:
        """A host that takes much longer is to be listed last, if it has done enough to tell."""
        slow = unit(host="blue", parts=((COMPILER, 2 * 900_000),))
        self.assertEqual(said([unit()] * 5 + [slow] * 5), ["blue takes twice as long: list it last"])
        self.assertEqual(said([unit()] * 5 + [slow] * 4), [])

    def test_failures(self) -> None:
        """A host that failed is told with what it did last."""
        faults = (("blue", "hung up"),)
        self.assertEqual(said([unit(faults=faults)]), ["blue failed once: it hung up"])
        self.assertEqual(said([unit(faults=faults)] * 2), ["blue failed twice: it hung up"])

    def test_width(self) -> None:
        """A build that leaves slots idle is told to run more at once."""
        units = [unit(after=number) for number in range(20)]
        expected = ["at most 1 units ran at once, but the hosts take 8: use -j8"]
        self.assertEqual(said(units, slots=8), expected)
        self.assertEqual(said([unit() for _ in range(20)], slots=8), [])
