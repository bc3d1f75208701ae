"""Units that are laid one after the other: what is remembered of links, and for how long."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.pump.folder_links import Layer
from twisted_distcc.pump.laying import lay
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.unit import Laid, Unit

LATER = 10_000_000_000


class CountingDisk(Disk):
    """The real files, a while after they were written; `asked` are the paths that may be links."""

    def __init__(self, later: int = LATER) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._later = later

    def link(self, path: str) -> str | None:
        self.asked.append(path)
        return super().link(path)

    def now_ns(self) -> int:
        return super().now_ns() + self._later


class LayerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.realpath(self.mktemp()))
        for name in ("one", "two"):
            (self.folder / name).mkdir(parents=True)
            (self.folder / name / "x.h").touch()
        (self.folder / "link").symlink_to("one")
        self.files = CountingDisk()
        self.layer = Layer(self.files)

    def lay(self) -> Laid:
        """Lay the unit, which has to come out as without any memory."""
        path = str(self.folder / "link" / "x.h")
        stamp = Disk().stamp(path)
        assert stamp is not None
        unit = Unit({path: stamp}, frozenset())
        laid = self.layer.lay(unit)
        self.assertEqual(laid, lay(unit, Disk()))
        return laid

    def test_the_same_twice(self) -> None:
        """What is laid the second time is the same, and no name is asked about again."""
        first = self.lay()
        self.assertEqual(first.files, (str(self.folder / "one" / "x.h"),))
        self.assertEqual(first.links, ((str(self.folder / "link"), "one"),))
        self.files.asked.clear()
        self.assertEqual(self.lay(), first)
        # The folders above are not ours alone: others may write there meanwhile.
        self.assertEqual([path for path in self.files.asked if path.startswith(f"{self.folder}/")], [])

    def test_a_link_that_leads_elsewhere(self) -> None:
        """A link that was replaced leads where it leads now."""
        self.lay()
        (self.folder / "link").unlink()
        (self.folder / "link").symlink_to("two")
        self.assertEqual(self.lay().files, (str(self.folder / "two" / "x.h"),))

    def test_a_link_in_place_of_a_folder(self) -> None:
        """A folder that has become a link is one."""
        (self.folder / "link").unlink()
        (self.folder / "link").mkdir()
        (self.folder / "link" / "x.h").touch()
        self.assertEqual(self.lay().links, ())
        (self.folder / "link").rename(self.folder / "other")
        (self.folder / "link").symlink_to("two")
        self.assertEqual(self.lay().links, ((str(self.folder / "link"), "two"),))

    def test_a_folder_that_has_just_changed(self) -> None:
        """A folder that may change once more without another stamp is asked about again."""
        self.files = CountingDisk(later=0)
        self.layer = Layer(self.files)
        self.lay()
        self.files.asked.clear()
        self.lay()
        self.assertIn(str(self.folder / "link"), self.files.asked)
