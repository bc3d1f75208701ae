"""`twisted-distcc stats`: what it shows of a journal, and what it makes of one that is no good."""

from __future__ import annotations

import json
import os

from tests.cli.journals import JournalTestCase
from tests.client.journal.units import HOSTILE, local, unit
from twisted_distcc.cli.stats import main


class StatsTests(JournalTestCase):
    def test_shown(self) -> None:
        """Counts, reasons, hosts, times and bytes, for people."""
        self.record([unit(), unit(host="blue", sent=2_500_000), local()])
        status, said, _ = self.run_command(main)
        self.assertEqual(status, 0)
        for part in (
            "3 units since 2023-11-14",
            "  on servers, from their files                   2        67 %\n",
            "Why on this machine\n       1  --coverage writes\n",
            "  blue                                 1      50 %    900 ms    700 ms         0\n",
            "  on servers, from their files               1.0 s       1.0 s       1.0 s\n",
            "  waiting for a host                          0 ms         0 %\n",
            "Sent to servers                             2.5 MB\n",
        ):
            self.assertIn(part, said)
        self.assertLessEqual(max(map(len, said.splitlines())), 80)

    def test_json(self) -> None:
        """The same for programs."""
        self.record([unit(), local()])
        told = json.loads(self.run_command(main, "--json")[1])
        self.assertEqual((told["units"], told["became"]["local"], told["damaged"]), (2, 1, 0))

    def test_zero(self) -> None:
        """What was before `--zero` does not count."""
        self.record([unit()])
        self.assertEqual(self.run_command(main, "--zero"), (0, "", ""))
        status, said, error = self.run_command(main)
        self.assertEqual((status, said), (1, ""))
        self.assertIn("no units are recorded in", error)

    def test_hostile(self) -> None:
        """Names with control characters are shown without them."""
        self.record([unit(host=HOSTILE), local(reason=HOSTILE)])
        _, said, _ = self.run_command(main)
        self.is_harmless(said)
        self.assertTrue(self.run_command(main, "--json")[1].isascii())

    def test_no_journal(self) -> None:
        """Without a journal, or with a link in its place, it says so."""
        self.assertIn("no units are recorded", self.run_command(main)[2])
        os.symlink("/etc/passwd", self.journal.path)
        status, said, error = self.run_command(main)
        self.assertEqual((status, said), (1, ""))
        self.assertIn("cannot read", error)

    def test_damaged(self) -> None:
        """Lines that are none are counted."""
        self.record([unit()])
        with open(self.journal.path, "ab") as file:
            file.write(b"\xff\n")
        self.assertIn("1 line of the journal cannot be read", self.run_command(main)[1])
