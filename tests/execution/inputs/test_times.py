"""The times that files of a tree are told to have, on the disk, and beside the server's own."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.store import Store
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import lay_out
from twisted_distcc.execution.inputs.names import BadTreeError
from twisted_distcc.execution.inputs.times import NO_TIMES, check_own, times_of
from twisted_distcc.jobs.file_times import TIMES
from twisted_distcc.jobs.plain_trees import pack_tree

FILES = {b"/p/a.h": b"int a;", b"/p/b.h": b"int a;", b"/p/c.h": b""}


class TimesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.folder.mkdir()

    def become(self, root: Root, told: bytes | None) -> dict[str, int]:
        files = FILES if told is None else {**FILES, TIMES: told}
        tree = pack_tree(b"/", files, {})
        layout = lay_out(tree)
        root.become(layout, tree.contents, times_of(layout, tree.contents))
        paths = Path(os.fsdecode(root.path)).rglob("*.h")
        return {path.name: int(path.stat().st_mtime) for path in paths}

    def test_on_the_disk(self) -> None:
        """Files get the times that are told, and others stay apart where they are alike."""
        store = Store(str(self.folder / "store"))
        root = Root(os.fsencode(self.folder / "root"), store)
        told = b"1700000000 /p/a.h\n1600000000 /p/b.h\n5 /elsewhere\n"
        times = {"a.h": 1700000000, "b.h": 1600000000, "c.h": 0}
        self.assertEqual(self.become(root, told), times)
        self.assertEqual(self.become(root, None), {"a.h": 0, "b.h": 1, "c.h": 0})
        self.assertEqual(self.become(root, told.replace(b"17", b"18"))["a.h"], 1800000000)

    def test_untold(self) -> None:
        """Most trees tell none, and what is no list of times is refused."""
        tree = pack_tree(b"/", FILES, {})
        self.assertIs(times_of(lay_out(tree), tree.contents), NO_TIMES)
        bad = pack_tree(b"/", {TIMES: b"now /p/a.h\n"}, {})
        self.assertRaises(RemoteProtocolError, times_of, lay_out(bad), bad.contents)

    def test_own(self) -> None:
        """The compiler's own files have to have these times, and nothing else is looked at."""
        own = self.folder / "stddef.h"
        own.write_text("")
        os.utime(own, (7, 1700000000.9))
        path, mounts = os.fsencode(own), {os.fsencode(self.folder)}
        check_own({path: 1700000000, b"/etc/passwd": 5}, mounts)
        for times in ({path: 1700000001}, {path + b"x": 5}):
            self.assertRaises(BadTreeError, check_own, times, mounts)
