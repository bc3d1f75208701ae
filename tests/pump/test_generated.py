"""A few of the programs that dice make, held against both compilers."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.generated import program
from tests.pump.judging import Trial

# Seeds that the scanner was wrong about once; with others, which are as good as any.
_ONCE_WRONG = (17, 117, 283, 294, 3796)
_OTHERS = range(12)


class GeneratedTests(SynchronousTestCase):
    def test_programs(self) -> None:
        """What the scanner says of a program is right, or it says that it does not know."""
        folder = os.path.realpath(self.mktemp())
        os.mkdir(folder)
        trial = Trial(folder)
        kinds = set()
        for seed in (*_ONCE_WRONG, *_OTHERS):
            verdict = trial.judge(program(seed))
            kinds.add(verdict.kind)
            self.assertNotEqual(verdict.kind, "wrong", f"{seed}: {verdict.told}")
        self.assertIn("right", kinds)
