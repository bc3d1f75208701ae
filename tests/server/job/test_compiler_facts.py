"""Facts about compilers: how long they are valid, for whom, and how many are kept."""

from __future__ import annotations

import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.server.job.compiler_facts import CompilerFacts


class FactTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.stamp = Clock(), 1
        self.asked: list[str] = []
        self.facts = CompilerFacts(self.look, self.clock.seconds, lambda _: (0, 0, 0, self.stamp))

    def look(self, compiler: str) -> str | None:
        self.asked.append(compiler)
        return None if compiler == "odd" else f"{compiler} {self.stamp}"

    def test_a_second(self) -> None:
        """A fact is valid for a second, also that there is nothing to know."""
        for compiler in ("gcc", "odd"):
            self.assertIsNone(self.facts.remembered(compiler))
            value = self.facts.find_out(compiler)
            self.clock.advance(0.99)
            known = self.facts.remembered(compiler)
            assert known is not None
            self.assertEqual(known.value, value)
            self.clock.advance(0.01)
            self.assertIsNone(self.facts.remembered(compiler))
        self.assertEqual(self.asked, ["gcc", "odd"])

    def test_a_compiler_that_was_replaced(self) -> None:
        """It is another one at once."""
        self.assertEqual(self.facts.find_out("gcc"), "gcc 1")
        self.stamp = 2
        self.assertIsNone(self.facts.remembered("gcc"))
        self.assertEqual(self.facts.find_out("gcc"), "gcc 2")

    def test_a_compiler_that_is_gone(self) -> None:
        """Whoever asks is told."""
        facts = CompilerFacts(self.look, self.clock.seconds)
        path = os.path.abspath(self.mktemp())
        with open(path, "w"):
            facts.find_out(path)
        os.unlink(path)
        self.assertRaises(OSError, facts.remembered, path)
        self.assertRaises(OSError, facts.find_out, path)
