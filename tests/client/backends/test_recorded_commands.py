"""Commands that are written down: which words are sent, and which compilers' paths are ours."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.host_faults import LackingHostError
from twisted_distcc.client.backends.likeness import Paths
from twisted_distcc.client.backends.recorded_commands import check_path, check_words
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.client.invocation import Invocation

RECORDING = ("-MJ w.json", "-g -grecord-gcc-switches", "-frecord-command-line")


class RecordedCommandsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.work = Path(os.path.realpath(self.mktemp()))
        self.work.mkdir()
        (self.work / "clang-99").touch(mode=0o755)
        (self.work / "clang").symlink_to("clang-99")
        self.called, self.real = str(self.work / "clang"), str(self.work / "clang-99")

    def candidate(self, words: str) -> Candidate:
        argv = tuple(words.split())
        return Candidate.of(Invocation(argv, "/", {}, 0o022), self.called)

    def test_words(self) -> None:
        """They are sent as they were typed, or not at all."""
        other = self.candidate("clang -O2 -c w.c").compilation
        for option in RECORDING:
            candidate = self.candidate(f"clang {option} -c w.c")
            check_words(candidate, candidate.compilation, ())
            for sent, more in ((other, ()), (candidate.compilation, ("-fcolor-diagnostics",))):
                self.assertRaises(StaysHere, check_words, candidate, sent, more)
        for plain in ("clang -c w.c", "gcc -frecord-gcc-switches -g -grecord-gcc-switches -c w.c"):
            check_words(self.candidate(plain), other, ("-fcolor-diagnostics",))

    def test_paths(self) -> None:
        """The compiler is where it is here: without links, or by its name if clang keeps that."""
        for options, typed, called, real in (
            ("", "clang", "/elsewhere", self.real),
            ("-no-canonical-prefixes -canonical-prefixes", "clang", "/elsewhere", self.real),
            ("-no-canonical-prefixes", "clang", self.called, "/elsewhere"),
            ("-no-canonical-prefixes", self.called, self.called, "/elsewhere"),
            ("-no-canonical-prefixes", self.real, self.real, "/elsewhere"),
        ):
            for option in RECORDING:
                candidate = self.candidate(f"{typed} {option} {options} -c w.c")
                check_path(candidate, Paths(called, real))
                for there in (None, Paths("/usr/bin/clang", "/usr/bin/clang"), Paths(real, called)):
                    self.assertRaises(LackingHostError, check_path, candidate, there)
        check_path(self.candidate("clang -g -c w.c"), None)
