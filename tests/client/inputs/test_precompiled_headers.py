"""Which precompiled headers are sent, and when compilers are asked about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import SYSTEM, Files
from twisted_distcc.client.inputs import precompiled_headers
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer
from twisted_distcc.client.inputs.precompiled_headers import PrecompiledHeaders
from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.unit import NotForServersError, Unit
from twisted_distcc.runtime.processes import ReactorSpawner

COMMAND = "gcc -c s.c -include a.h -include b.h"


@asynccontextmanager
async def at_once() -> AsyncIterator[None]:
    yield


class PrecompiledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.answer = Answer(0, b"", b"")
        self.patch(precompiled_headers, "ask", self.ask)

    async def ask(
        self, _spawn: object, _compiler: object, words: Sequence[str], *_others: object
    ) -> Answer:
        """Answer as a compiler."""
        self.asked.append(words)
        return self.answer

    def look_in(self, *names: str) -> None:
        """Begin, with files of these names in /p."""
        self.files = Files({f"/p/{name}": "" for name in ("s.c", "a.h", "b.h", *names)})
        spawn = ReactorSpawner(MemoryReactorClock())
        self.scanner = Scanner(self.files)
        searches = SearchPaths(self.files, spawn)
        self.headers = PrecompiledHeaders(self.files, spawn, self.scanner, searches)

    def adding(self, command: str) -> Deferred[Unit]:
        """Begin to add to the unit of `command`."""
        invocation = Invocation(tuple(command.split()), "/p", {}, 0o22)
        candidate = Candidate.of(invocation, f"/usr/bin/{invocation.argv[0]}")
        unit = self.scanner.unit(candidate.explicit, "/p", SYSTEM)
        return Deferred.fromCoroutine(self.headers.added(candidate, "/p", unit, at_once))

    def added(self, command: str = COMMAND) -> Unit:
        """Return the unit of `command` with what was added."""
        return self.successResultOf(self.adding(command))

    def failure(self, command: str) -> str:
        """Return why `command` stays here."""
        return str(self.failureResultOf(self.adding(command), NotForServersError).value)

    def test_alone(self) -> None:
        """A file, or one in a folder, is sent without a question."""
        self.look_in("a.h.gch", "b.h.gch/x")
        unit = self.added()
        self.assertEqual(unit.precompiled, {"/p/a.h.gch", "/p/b.h.gch/x"})
        self.assertLessEqual(unit.precompiled, unit.files.keys())
        self.assertEqual(self.asked, [])

    def test_several(self) -> None:
        """Of several in a folder gcc reads one, whatever there is beside, and is asked once."""
        self.look_in("a.h.gch/x", "a.h.gch/y", "b.h.gch/z")
        self.answer = Answer(0, b"", b"x a.h.gch/y\n! ./a.h.gch/x\n s.c\n")
        for _ in range(2):
            self.assertEqual(self.added().precompiled, {"/p/a.h.gch/x"})
        self.assertEqual(len(self.asked), 1)
        telling = "gcc -c s.c -include a.h -Winvalid-pch"
        self.assertIn("in an order that no server has", self.failure(telling))

    def test_by_another_name(self) -> None:
        """A compiler that may be clang would find what gcc never reads."""
        self.look_in("a.h.pch")
        self.assertEqual(self.added().precompiled, frozenset())
        self.assertIn("if the compiler is clang", self.failure("xcc -c s.c -include a.h"))
