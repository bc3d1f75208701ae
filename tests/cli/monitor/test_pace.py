"""A monitor looks as often as it should, and never works much."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.monitor.pace import pause_after


class PaceTests(SynchronousTestCase):
    def test_pause(self) -> None:
        """What is quick is done at every interval; what is not has a tenth of the time."""
        self.assertEqual(pause_after(0.01, 0.5), 0.5)
        self.assertAlmostEqual(pause_after(0.2, 0.5), 1.8)
