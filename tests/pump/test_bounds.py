"""What is remembered beside files: it has bounds too, and what is forgotten is found again."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files
from twisted_distcc.pump import definitions
from twisted_distcc.pump.definitions import Definitions, definitions_in
from twisted_distcc.pump.folders import Folders, Looked
from twisted_distcc.pump.macro_bodies import Definition


class CountingFiles(Files):
    """Files whose links are counted when they are asked for."""

    asked = 0

    def link(self, path: str) -> str | None:
        """As the seam says."""
        self.asked += 1
        return super().link(path)


class CountingDefinitions(Definitions):
    """Definitions, with the number of names that they are remembered for."""

    @property
    def names(self) -> int:
        return len(self._found)


class BoundTests(SynchronousTestCase):
    def test_names_of_macros(self) -> None:
        """More names than are remembered are found all the same, before and after."""
        self.patch(definitions, "_MOST_NAMES", 3)
        known = CountingDefinitions()
        known.put("/a.h", definitions_in(b"".join(b"#define A%d %d\n" % (n, n) for n in range(10))))
        for number in (*range(10), *range(10)):
            found = known.find(b"A%d" % number, {"/a.h"})
            self.assertEqual(found, {Definition(None, b"%d" % number)})
            self.assertLessEqual(known.names, 3)

    def test_paths_with_dots(self) -> None:
        """Of paths with `..` as many are remembered as of folders; others are walked again."""
        files = CountingFiles({f"/p/{number}/x.h": "" for number in range(5)})
        folders = Folders(files, lambda _: None)
        folders.begin()
        paths = {f"/p/{number}/../x.h": "/p/x.h" for number in range(5)}
        for most, asked_again in ((5, 0), (4, 5)):
            clean = {path: folders.clean(path, Looked()) for path in paths}
            self.assertEqual(clean, paths)
            folders.trim(most)
            files.asked = 0
            self.assertEqual({path: folders.clean(path, Looked()) for path in paths}, paths)
            self.assertEqual(files.asked, asked_again)
