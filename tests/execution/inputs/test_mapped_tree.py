"""Trees without walls: what is laid out stays in its folder, wherever links lead."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.content.body import Body
from twisted_distcc.content.output_capture import MOST_OUTPUT
from twisted_distcc.execution.executor import LongRulesError
from twisted_distcc.execution.inputs.mapped_tree import Moved, lay_open
from twisted_distcc.jobs.model import Reply
from twisted_distcc.jobs.plain_trees import pack_tree


class OpenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.root = self.folder / "workspace" / "root"
        self.root.parent.mkdir(parents=True)

    def test_ways_that_lead_out(self) -> None:
        """Where a link to the root, and a way up, lead to a searched folder, none is made outside."""
        tree = pack_tree(b"/p", {b"/include/x.h": b"", b"/p/a.c": b""}, {b"/usr/bin": b"/"})
        searched = "/usr/bin/../../include"
        site = lay_open(tree, str(self.root), [searched])
        self.assertEqual(os.listdir(self.folder), ["workspace"])
        self.assertEqual(os.listdir(self.folder / "workspace"), ["root"])
        self.assertEqual(site.locate(searched), f"{self.root}/include")

    def test_ways_within(self) -> None:
        """A folder keeps the name that a compiler searches it by, and the way there is made."""
        tree = pack_tree(b"/p", {b"/usr/lib/x.h": b"", b"/p/a.c": b""})
        searched = "/usr/bin/deep/../../lib"
        site = lay_open(tree, str(self.root), [searched])
        self.assertEqual(site.locate(searched), f"{self.root}{searched}")
        self.assertTrue((self.root / "usr/bin/deep/../../lib/x.h").exists())

    def test_too_many_rules(self) -> None:
        """A dependency file that no reply can hold is told of, and the object is given up."""
        self.root.mkdir()
        rules, made = self.root / "x.d", self.root / "x.o"
        for path, length in ((rules, MOST_OUTPUT + 1), (made, 100_000)):
            path.touch()
            os.truncate(path, length)
        moved = Moved(str(self.root), "/p", str(rules), Family.GCC)
        reply = Reply(0, object_file=Body.adopt(str(made)))
        self.assertRaises(LongRulesError, moved.restore, reply, str(self.folder))
        self.assertFalse(made.exists())
