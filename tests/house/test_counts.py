"""The closing line of `.ci/run`: what trial printed, counted."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

COUNTS = Path(__file__).parents[2] / ".ci" / "counts"

MODULE = """
from twisted.trial.unittest import SynchronousTestCase

class Case(SynchronousTestCase):
    def test_passes(self): pass
    def test_also_passes(self): pass
    def test_fails(self): self.fail("PASSED (successes=99)")
    def test_errs(self): raise ValueError
    def test_skips(self): pass
    test_skips.skip = "for a reason"
    def test_expected(self): self.fail()
    test_expected.todo = "some day"
    def test_unexpected(self): pass
    test_unexpected.todo = "some day"
"""


def counted(text: str, ci: str = "") -> tuple[str, int]:
    """The line and the exit status for what trial printed."""
    done = subprocess.run(
        [COUNTS], input=text, capture_output=True, text=True, check=False, env=os.environ | {"CI": ci}
    )
    return done.stdout, done.returncode


class CountsTests(SynchronousTestCase):
    """`.ci/counts`."""

    def test_passed(self) -> None:
        """All passed: no word of skips, and success."""
        self.assertEqual(counted("Ran 3 tests\n\nPASSED (successes=3)\n"), ("3 passed, 0 failed\n", 0))

    def test_failed(self) -> None:
        """Failures and errors are both failures."""
        text = "FAILED (failures=1, errors=2, successes=30)\nName  Stmts\n"
        self.assertEqual(counted(text), ("30 passed, 3 failed\n", 1))

    def test_skips(self) -> None:
        """A skip is told, and fails in CI alone."""
        text = "PASSED (skips=2, successes=3)\n"
        self.assertEqual(counted(text), ("3 passed, 0 failed, 2 skipped\n", 0))
        self.assertEqual(counted(text, ci="true"), ("3 passed, 0 failed, 2 skipped\n", 1))

    def test_none_ran(self) -> None:
        """No test at all is a failure."""
        self.assertEqual(counted("Ran 0 tests in 0.000s\n\nPASSED\n"), ("0 passed, 0 failed\n", 1))

    def test_no_summary(self) -> None:
        """Without trial's summary nothing counts as passed."""
        self.assertEqual(counted("make: *** [Makefile:30: test] Error 1\n"), ("0 passed, 0 failed\n", 1))

    def test_real_trial(self) -> None:
        """What the installed trial prints is understood, and a test's own words are not counted."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "test_sample.py").write_text(MODULE)
        done = subprocess.run(
            [sys.executable, "-m", "twisted.trial", "--reporter=text", "test_sample"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(counted(done.stdout), ("3 passed, 3 failed, 1 skipped\n", 1))
