"""Layouts that are remembered, for whom, and until when."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.execution.inputs.layout import NOTHING, Fixture, lay_out
from twisted_distcc.execution.inputs.layouts import Layouts
from twisted_distcc.jobs.model import InputFile, Tree


def tree(name: bytes = b"/p/a.h", digest: bytes = b"one", directory: bytes = b"/p") -> Tree:
    return Tree(directory, (InputFile(name, LocalContent(b"int a;")),), digest=digest)


class LayoutsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.layouts = Layouts()
        self.first = self.layouts.of(tree(), "ada", NOTHING)

    def test_again(self) -> None:
        """A tree of the same digest has the very layout that it had."""
        self.assertIs(self.layouts.of(tree(), "ada", NOTHING), self.first)
        self.assertEqual(self.first.folders, lay_out(tree()).folders)

    def test_others(self) -> None:
        """Another client, folder, tree or compiler has another one, even if it is equal."""
        beside = Fixture(folders=frozenset({b"/usr"}))
        for layout in (
            self.layouts.of(tree(), "eve", NOTHING),
            self.layouts.of(tree(directory=b"/q"), "ada", NOTHING),
            self.layouts.of(tree(b"/p/b.h", b"two"), "ada", NOTHING),
            self.layouts.of(tree(), "ada", beside),
        ):
            self.assertIsNot(layout, self.first)

    def test_no_digest(self) -> None:
        """A tree that nothing tells from others is laid out each time."""
        one, other = (self.layouts.of(tree(digest=b""), "ada", NOTHING) for _ in range(2))
        self.assertIsNot(one, other)

    def test_large(self) -> None:
        """A tree of very many entries is laid out each time: to remember it takes much memory."""
        entries = tuple(InputFile(b"/p/%d" % number, LocalContent(b"")) for number in range(6001))
        large = Tree(b"/p", entries, digest=b"large")
        one, other = (self.layouts.of(large, "ada", NOTHING) for _ in range(2))
        self.assertIsNot(one, other)

    def test_forgotten(self) -> None:
        """What was not wanted for longest is forgotten, and laid out anew."""
        for number in range(64):
            self.layouts.of(tree(digest=b"%d" % number), "ada", NOTHING)
            self.assertIs(self.layouts.of(tree(), "ada", NOTHING), self.first)
        for number in range(64, 200):
            self.layouts.of(tree(digest=b"%d" % number), "ada", NOTHING)
        self.assertIsNot(self.layouts.of(tree(), "ada", NOTHING), self.first)
