"""Where the files of a unit lie: links and real paths."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files
from twisted_distcc.pump.laying import lay
from twisted_distcc.pump.unit import Laid, Unit


def _laid(files: Files, paths: list[str], folders: list[str]) -> Laid:
    stamps = {path: stamp for path in paths if (stamp := files.stamp(path)) is not None}
    assert len(stamps) == len(paths)
    return lay(Unit(stamps, frozenset(folders)), files)


class LayingTests(SynchronousTestCase):
    """Units as they are laid out."""

    def test_plain(self) -> None:
        """Files without links lie where they are named, and folders that hold them are not said."""
        files = Files({"/p/s.c": "", "/p/d/a.h": "", "/p/e/x": ""})
        laid = _laid(files, ["/p/s.c", "/p/d/a.h"], ["/p", "/p/d", "/p/e"])
        self.assertEqual(Laid(("/p/d/a.h", "/p/s.c"), (), ("/p/e",)), laid)

    def test_links(self) -> None:
        """Every link on the way is told as it is, and the file once, where it really lies."""
        links = {"/p/i": "../q/inc", "/q/inc/a.h": "b.h", "/q/inc": "v1"}
        files = Files({"/q/v1/b.h": ""}, {**links, "/q/v1/a.h": "b.h"})
        laid = _laid(files, ["/p/i/a.h", "/q/inc/b.h"], ["/p/i"])
        expected = (("/p/i", "../q/inc"), ("/q/inc", "v1"), ("/q/v1/a.h", "b.h"))
        self.assertEqual(Laid(("/q/v1/b.h",), expected, ()), laid)

    def test_folder_that_is_walked_through(self) -> None:
        """A folder before `..` must be there, though nothing in it is wanted."""
        files = Files({"/p/d/x": "", "/p/a.h": "", "/q/y": ""}, {"/p/l": "d/../a.h"})
        laid = _laid(files, ["/p/l"], [])
        self.assertEqual(Laid(("/p/a.h",), (("/p/l", "d/../a.h"),), ("/p/d",)), laid)

    def test_loop(self) -> None:
        """Links that lead in a circle end."""
        files = Files({"/p/s.c": ""})
        files.link = {"/p/l": "m", "/p/m": "l"}.get  # type: ignore[method-assign]
        self.assertEqual(
            ("/p/s.c",), lay(Unit({"/p/s.c": files.stamp("/p/s.c")}, frozenset({"/p/l"})), files).files
        )
