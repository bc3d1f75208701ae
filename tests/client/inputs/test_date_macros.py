"""Whether a compile says the time, as real compilers tell it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files, compilation
from twisted_distcc.client.inputs import date_macros
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer
from twisted_distcc.client.inputs.date_macros import DateMacros
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.rewrite import clock_argv
from twisted_distcc.pump.unit import Unit
from twisted_distcc.runtime.processes import ReactorSpawner

SOURCE = "/p/s.c"
WARNING = b"s.c:1:1: warning: it may be late [-Wdate-time]\n"


class MemoryTests(SynchronousTestCase):
    """An answer holds until a file of the unit changes."""

    def setUp(self) -> None:
        self.files = Files({SOURCE: "__TIME__"})
        self.answer = Answer(0, b"", WARNING)
        self.asked = 0
        self.patch(date_macros, "ask", self.ask)
        self.clocks = DateMacros(self.files, ReactorSpawner(MemoryReactorClock()))

    async def ask(self, *_: object) -> Answer:
        """Answer as the test wants."""
        self.asked += 1
        return self.answer

    def candidate(self, words: str = "gcc -c s.c") -> Candidate:
        return Candidate.of(Invocation(tuple(words.split()), "/p", {}, 0o22), "/usr/bin/gcc")

    def unit(self) -> Unit:
        stamp = self.files.stamp(SOURCE)
        assert stamp is not None
        return Unit({SOURCE: stamp}, frozenset({"/p"}), "s.c says __TIME__")

    def says(self, words: str = "gcc -c s.c") -> bool:
        asking = self.clocks.ask(self.candidate(words), "/p", self.unit())
        return self.successResultOf(Deferred.fromCoroutine(asking))

    def test_remembered(self) -> None:
        """What the compiler said is known until a file changes, whatever it was."""
        for said in (WARNING, b""):
            self.answer = Answer(0, b"", said)
            self.assertEqual(self.says(), bool(said))
            self.assertIs(self.clocks.known(self.candidate(), "/p", self.unit()), bool(said))
            self.assertIsNone(self.clocks.known(self.candidate("gcc -DX -c s.c"), "/p", self.unit()))
            self.files.write(SOURCE, "")
            self.assertIsNone(self.clocks.known(self.candidate(), "/p", self.unit()))
            self.files.time_ns += 3_600_000_000_000

    def test_in_doubt(self) -> None:
        """Where the compiler fails, or may not warn, the unit says the time."""
        self.answer = Answer(1 << 8, b"", b"")
        self.assertTrue(self.says())
        self.answer = Answer(0, b"", b"")
        self.assertTrue(self.says("gcc -Wno-date-time -c s.c"))
        self.files.write(SOURCE, '#pragma GCC diagnostic ignored "-Wdate-time"\n__TIME__')
        self.assertTrue(self.says())
        self.assertEqual(self.asked, 1)


class CompilerTests(SynchronousTestCase):
    def test_warnings(self) -> None:
        """gcc and clang warn of each use, in whatever form, and of nothing else."""
        folder = Path(self.mktemp())
        (folder / "system").mkdir(parents=True)
        (folder / "system" / "t.h").write_text("char *t = __TIME__;\n")
        for text, says in (
            ("char *t = __DATE__;", True),
            ("#define CAT(x, y) x##y\nchar *t = CAT(__TIME, STAMP__);", True),
            ("#include <t.h>", True),
            ("#if 0\n__TIME__\n#endif\n#define T __TIME__\n#ifdef __DATE__\n#endif", False),
            ('#undef __TIME__\n#define __TIME__ "x"\nchar *t = __TIME__;', False),
        ):
            (folder / "s.c").write_text(text + "\n")
            for options in ("", " -w -Werror -fno-diagnostics-show-option"):
                for compiler in ("gcc", "clang"):
                    command = f"{compiler}{options} -isystem system -c s.c"
                    words = clock_argv(compilation(command))
                    assert words is not None
                    done = subprocess.run(words, cwd=folder, capture_output=True, check=True)
                    self.assertEqual(b"-Wdate-time" in done.stderr, says, f"{command}: {text}")
