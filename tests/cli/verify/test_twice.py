"""One compile, here and through a stand-in for the client."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.twice import Finding, Twice
from twisted_distcc.cli.verify.units import Command, Unit, units_of

SAID = 'echo "tdistcc: {}" >>"$DISTCC_LOG"\n'


class TwiceTests(SynchronousTestCase):
    """`Twice.compare` of a source that has a header, a warning and a dependency file."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.scratch = self.root / "scratch"
        self.scratch.mkdir(parents=True)
        (self.root / "a.h").write_text("#define A 1\n")
        self.source = self.root / "a.c"
        self.source.write_text('#include "a.h"\nint f(void) { int unused; return A; }\n')

    def compare(self, there: str = "", *options: str) -> Finding:
        """What is found when the client does `there` before it compiles."""
        tdistcc = self.root / "tdistcc"
        tdistcc.write_text(f'#!/bin/sh\n{there}\nexec "$@"\n')
        tdistcc.chmod(0o755)
        argv = ("gcc", "-O2", "-Wall", "-MMD", *options, "-c", "a.c", "-o", "a.o")
        (unit,) = units_of([Command(str(self.root), argv, dict(os.environ))])
        assert isinstance(unit, Unit)
        return Twice(str(tdistcc), {"CHANGED": "yes"}, self.scratch).compare(unit)

    def test_same(self) -> None:
        """Equal runs differ in nothing, and a client that says nothing did all of it elsewhere."""
        finding = self.compare()
        assert finding.there is not None
        self.assertEqual(finding.different, {})
        self.assertEqual(finding.reason, "")
        self.assertIn(b"unused", finding.there.left["standard error"])
        self.assertEqual(finding.there.left["dependency file"], b"a.o: a.c a.h\n")

    def test_untouched(self) -> None:
        """The build's own files are as they were, and nothing is left beside them."""
        (self.root / "a.o").write_text("mine")
        self.compare()
        self.assertEqual((self.root / "a.o").read_text(), "mine")
        self.assertEqual(sorted(os.listdir(self.root)), ["a.c", "a.h", "a.o", "scratch", "tdistcc"])
        self.assertEqual(os.listdir(self.scratch), [])

    def test_object(self) -> None:
        """Another object is found."""
        self.assertEqual(set(self.compare('set -- "$@" -O0 -w').wrong), {"object", "standard error"})

    def test_dependencies(self) -> None:
        """Another dependency file is found, and so is none."""
        there = 'case "$*" in *-MMD*) compiler=$1; shift; set -- "$compiler" -MP "$@";; esac'
        self.assertEqual(set(self.compare(there).wrong), {"dependency file"})
        there = "gcc -O2 -Wall -c a.c -o a.o; exit"
        self.assertEqual(self.compare(there).wrong, {"dependency file": "only here"})

    def test_messages(self) -> None:
        """Words on either stream are found."""
        self.assertEqual(set(self.compare("echo more").wrong), {"standard output"})
        self.assertEqual(set(self.compare("echo more >&2").wrong), {"standard error"})

    def test_fails_there(self) -> None:
        """A compile that fails only there is found by its status and its missing files."""
        wrong = self.compare("exit 3").wrong
        self.assertEqual(wrong["exit status"], "0 here, 3 there")
        self.assertEqual(wrong["object"], "only here")

    def test_fails_here(self) -> None:
        """What does not compile here is not sent at all."""
        self.source.write_text("int f(void) { return nonsense; }\n")
        finding = self.compare(f"touch {self.root}/asked")
        self.assertIsNone(finding.there)
        self.assertIn(b"nonsense", finding.here.left["standard error"])
        self.assertFalse((self.root / "asked").exists())

    def test_reasons(self) -> None:
        """What the client says of work of this machine's is the reason; the last that it says."""
        self.assertEqual(self.compare(SAID.format("compiling a.c on far")).reason, "")
        there = SAID.format("preprocessing here: far cannot") + SAID.format("compiling here: no host")
        self.assertEqual(self.compare(there).reason, "compiling here: no host")

    def test_own_words(self) -> None:
        """What the client says in its own name is told apart from what the compiler says."""
        # The shell's own `>&` knows descriptors below ten alone.
        finding = self.compare('echo "tdistcc: no agent" >>"/dev/fd/$UNCACHED_ERR_FD"')
        self.assertEqual((finding.different, finding.said), ({}, "tdistcc: no agent\n"))

    def test_environment(self) -> None:
        """The client alone gets the changes, and explains itself; a failed compile is not repeated."""
        there = 'env >"$DISTCC_LOG.env"; cp "$DISTCC_LOG.env" ' + str(self.root / "environment")
        self.compare(there)
        lines = (self.root / "environment").read_text().splitlines()
        for line in ("CHANGED=yes", "DISTCC_VERBOSE=1", "DISTCC_SKIP_LOCAL_RETRY=1"):
            self.assertIn(line, lines)

    def test_unstable(self) -> None:
        """What differs between two compiles on this machine as well is no fault of the farm's."""
        counter = self.root / "gcc"
        counter.write_text('#!/bin/sh\necho >>"$0.calls"\nwc -l <"$0.calls"\nexec /usr/bin/gcc "$@"\n')
        counter.chmod(0o755)
        self.patch(os, "environ", os.environ | {"PATH": f"{self.root}:{os.environ['PATH']}"})
        finding = self.compare('set -- "$@" -w')
        self.assertEqual(set(finding.different), {"standard output", "standard error"})
        self.assertEqual(set(finding.wrong), {"standard error"})
