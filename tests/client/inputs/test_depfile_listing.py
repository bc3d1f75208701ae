"""What compilers write when they are asked which files they read."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files
from twisted_distcc.client.inputs import depfile_listing
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer
from twisted_distcc.client.inputs.depfile_listing import Listings, prerequisites
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.pump.unit import Unit
from twisted_distcc.runtime.processes import ReactorSpawner

# All that a make rule has to escape, as far as compilers do.
ODD = "a b#c$d.h"


class PrerequisitesTests(SynchronousTestCase):
    def test_several_lines(self) -> None:
        """The files of a rule are all words behind its target, on however many lines."""
        self.assertEqual(prerequisites("x.o: x.c \\\n  a.h\\\n b.h\n"), ["x.c", "a.h", "b.h"])

    def test_nothing(self) -> None:
        """What is no rule names no files."""
        self.assertEqual(prerequisites(""), [])

    def test_compilers(self) -> None:
        """Names with blanks, numbers signs and dollars are read as gcc and clang write them."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / ODD).touch()
        (folder / "x.c").write_text(f'#include "{ODD}"\n')
        for compiler in ("gcc", "clang"):
            command = [compiler, "-nostdinc", "-M", "x.c"]
            said = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True, text=True)
            names = [name for name in prerequisites(said.stdout) if not name.startswith("/")]
            self.assertEqual(names, ["x.c", ODD], compiler)


class ClosedFiles(Files):
    """Files among which one folder may be entered, and not listed."""

    def names(self, path: str) -> frozenset[str] | None:
        """As the seam says."""
        return None if path == "/p/closed" else super().names(path)


class CountingFiles(Files):
    """Files whose folders are counted when they are looked at."""

    looked = 0

    def names(self, path: str) -> frozenset[str] | None:
        """As the seam says."""
        self.looked += 1
        return super().names(path)


SOURCE = "/p/s.c"
HEADER = "/p/two/sys/deep/x.h"
SCANNED = Unit({}, frozenset({"/p/one", "/p/two"}))


class MemoryTests(SynchronousTestCase):
    """A list holds until something changes by which the compiler might give another."""

    def listed(self, files: Files, *headers: str) -> Listings:
        """Have the compiler list `headers` for a source that looks in the folders `one` and `two`."""

        async def ask(*_: object) -> Answer:
            return Answer(0, f"s.o: {' '.join([SOURCE, *headers])}\n".encode(), b"")

        self.patch(depfile_listing, "ask", ask)
        self.candidate = Candidate.of(Invocation(("gcc", "-c", "s.c"), "/p", {}, 0o22), "/usr/bin/gcc")
        listings = Listings(files, ReactorSpawner(MemoryReactorClock()))
        asked = Deferred.fromCoroutine(listings.ask(self.candidate, "/p", SCANNED))
        self.assertEqual(self.successResultOf(asked).files.keys(), {SOURCE, *headers})
        return listings

    def holds(self, listings: Listings) -> bool:
        return listings.known(self.candidate, "/p", SCANNED) is not None

    def test_other_names(self) -> None:
        """What is written beside the files of a list changes nothing."""
        files = Files({SOURCE: "", HEADER: "", "/p/one/a.h": ""})
        listings = self.listed(files, HEADER)
        for path in ("/p/one/y.h", "/p/two/sys/y.h", "/p/out/s.o"):
            files.write(path, "")
        self.assertTrue(self.holds(listings))

    def test_in_an_earlier_folder(self) -> None:
        """A name of the list that appears where it was looked for ends it, however deep it lies."""
        for earlier in ("/p/one/a.h", "/p/one/sys/a.h", "/p/one/sys/deep/a.h"):
            for header in (HEADER, "/p/two/x.h"):
                files = Files({SOURCE: "", header: "", earlier: ""})
                listings = self.listed(files, header)
                files.write(header.replace("two", "one"), "")
                self.assertFalse(self.holds(listings), (earlier, header))

    def test_what_changes(self) -> None:
        """A file of the list that is written anew ends it."""
        files = Files({SOURCE: "", HEADER: "", "/p/one/a.h": ""})
        listings = self.listed(files, HEADER)
        files.write(HEADER, "")
        self.assertFalse(self.holds(listings))

    def test_a_closed_folder(self) -> None:
        """Where nobody can see what appears in a folder, the compiler is asked each time."""
        for header, is_held in (("/p/closed/x.h", False), ("/p/two/x.h", True)):
            files = ClosedFiles({SOURCE: "", header: "", "/p/one/a.h": ""})
            self.assertIs(self.holds(self.listed(files, header)), is_held)

    def test_few_folders(self) -> None:
        """Folders that are not there are not remembered one by one: most of them are not."""
        headers = [f"/p/two/d{number}/x.h" for number in range(50)]
        files = CountingFiles(dict.fromkeys([SOURCE, *headers, "/p/one/a.h"], ""))
        listings = self.listed(files, *headers)
        files.looked = 0
        self.assertTrue(self.holds(listings))
        self.assertLess(files.looked, 2 * len(headers))
