"""What a bounded memory keeps."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.bounded import Bounded


class BoundedTests(SynchronousTestCase):
    def test_the_last(self) -> None:
        """It keeps as many as it may, and forgets the one that was put first."""
        known = Bounded[int, str](2)
        for number in range(5):
            known[number] = str(number)
        self.assertEqual(known, {3: "3", 4: "4"})

    def test_again(self) -> None:
        """Putting an entry again makes it the last, and takes no second place."""
        known = Bounded[str, int](2)
        for name in "abac":
            known[name] = 1
        self.assertEqual(list(known), ["a", "c"])
