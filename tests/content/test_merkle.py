"""Trees of files: one digest for all of them, however they are told."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_directories import EMPTY_DIGEST, FILE, D, digest_of
from twisted_distcc.content.directories import Directory, Link, Node, UnsendableTreeError, encode
from twisted_distcc.content.merkle import Base, EncodedFolders, Merkle, merkle


def tree(*names: str) -> Merkle:
    """A tree of files, whose contents are their names."""
    return merkle((name.encode(), digest_of(name.encode()), len(name)) for name in names)


class MerkleTests(SynchronousTestCase):
    def test_a_tree(self) -> None:
        """Each folder is a node, named by its digest and size in the one that it is in."""
        tree = merkle([(b"/s/a.h", D, 5)], [(b"/s/l", b"a.h")], [b"/b"])
        source = encode(Directory([(b"a.h", D, 5)], [], [(b"l", b"a.h")]))
        folders = [(b"b", EMPTY_DIGEST, 0), (b"s", digest_of(source), len(source))]
        root = encode(Directory([], folders))
        self.assertEqual(tree.root, digest_of(root))
        nodes = {EMPTY_DIGEST: b"", digest_of(source): source, digest_of(root): root}
        self.assertEqual(dict(tree.nodes), nodes)

    def test_base(self) -> None:
        """A tree that adds to another is the tree of both; its programs can be executed and stay."""
        base = Base.of([(b"/b/a.h", D, 5), (b"/c/x", D, 1)], [(b"/l", b"b")], [(b"/b/cc", D, 7)])
        folder = encode(Directory([(b"a.h", D, 5)], (), (), [(b"cc", D, 7)]))
        self.assertIn(digest_of(folder), base.tree.nodes)
        more = [(b"/b/a.h", EMPTY_DIGEST, 0), (b"/b/cc", D, 7), (b"/d/e/f.h", D, 3)]
        added = merkle(more, [(b"/l", b"b")], base=base)
        files = [(b"/b/a.h", EMPTY_DIGEST, 0), (b"/c/x", D, 1), (b"/d/e/f.h", D, 3)]
        both = Base.of(files, [(b"/l", b"b")], [(b"/b/cc", D, 7)])
        self.assertEqual(added.root, both.tree.root)
        self.assertEqual({**base.tree.nodes, **added.nodes}, {**base.tree.nodes, **both.tree.nodes})
        with self.assertRaises(UnsendableTreeError):
            Base.of([], [], [(b"cc", D, 7)])

    def test_nothing(self) -> None:
        """A tree of nothing is an empty folder."""
        for tree in (merkle([]), merkle([], [], [b"/"])):
            self.assertEqual(tree, Merkle(EMPTY_DIGEST, {EMPTY_DIGEST: b""}))

    def test_the_root_s_own(self) -> None:
        """Files and links may be in the root."""
        tree = merkle([(b"/a", D, 1)], [(b"/b", b"a")])
        self.assertEqual(
            dict(tree.nodes), {tree.root: encode(Directory([(b"a", D, 1)], [], [(b"b", b"a")]))}
        )

    def test_any_order(self) -> None:
        """The order in which files are told makes no difference."""
        names = ["/a/b", "/a.b", "/a/b.c/d", "/a/b-c/d", "/ä/x"]
        self.assertEqual(tree(*names), tree(*reversed(names)))

    def test_folders_that_are_not_empty(self) -> None:
        """A folder may be named that has files anyway, and one in another."""
        files = [(b"/a/b/c", D, 1)]
        self.assertEqual(merkle(files, [], [b"/a", b"/a/b", b"/a"]), merkle(files))
        self.assertEqual(merkle([], [], [b"/a/b"]), merkle([], [], [b"/a", b"/a/b"]))

    def test_alike_folders(self) -> None:
        """Folders of the same content are one node."""
        tree = merkle([(b"/a/x", D, 1), (b"/b/x", D, 1)])
        self.assertEqual(len(tree.nodes), 2)

    def refuses(self, says: str, files: list[Node], links: list[Link] = [], *folders: bytes) -> None:  # noqa: B006
        with self.assertRaisesRegex(UnsendableTreeError, says):
            merkle(files, links, folders)

    def test_contradictions(self) -> None:
        """One path is one thing."""
        file: Node = (b"/d/a", D, 1)
        self.refuses("'/d'.* twice", [file, file])
        self.refuses("'/d'.* twice", [file, (b"/d/a", EMPTY_DIGEST, 0)])
        self.refuses("'/d'.* two kinds", [file], [(b"/d/a", b"t")])
        self.refuses("'/d'.* two kinds", [file], [], b"/d/a")
        self.refuses("'/d'.* two kinds", [file, (b"/d/a/x", D, 1)])
        self.refuses("'/d'.* two kinds", [(b"/d/l/x", D, 1)], [(b"/d/l", b"t")])

    def test_names(self) -> None:
        """Paths are absolute, plain and UTF-8."""
        for path in (b"", b"a", b"a/b"):
            self.refuses("not an absolute path", [(path, D, 1)])
            self.refuses("not an absolute path", [], [(path, b"t")])
            self.refuses("not an absolute path", [], [], path)
        for path in (b"/a//b", b"/a/../b", b"/./b", b"/a/", b"/", b"//a"):
            self.refuses("called", [(path, D, 1)])
            self.refuses("called", [], [(path, b"t")])
        self.refuses("called", [], [], b"/a/")
        self.refuses(r"'/d\\udcff'.* UTF-8", [(b"/d\xff/\xff", D, 1)])
        self.refuses("target is not UTF-8", [], [(b"/l", b"\xff")])
        self.refuses("out of range", [(b"/a", D, -1)])


class CacheTests(SynchronousTestCase):
    def test_the_same(self) -> None:
        """A tree is the same with a cache, the first time and later."""
        files = [(b"/a/%d" % number, D, number) for number in range(9)]
        links, cache = [(b"/l", b"a")], EncodedFolders()
        for _ in range(3):
            self.assertEqual(merkle(files, links, [b"/e"], cache), merkle(files, links, [b"/e"]))

    def test_it_is_used(self) -> None:
        """What is remembered is not encoded again."""
        cache = EncodedFolders()
        _, first = cache.encode(Directory((FILE,)))
        _, again = cache.encode(Directory((FILE,)))
        self.assertIs(first, again)

    def test_it_forgets(self) -> None:
        """What was not wanted for long is forgotten; what was is not."""
        cache = EncodedFolders(20)
        kept = Directory((FILE,))
        _, first = cache.encode(kept)
        other = Directory(((b"other", D, 1),))
        _, once = cache.encode(other)
        for number in range(100):
            cache.encode(Directory(((b"%d" % number, D, 1),)))
            self.assertIs(cache.encode(kept)[1], first)
        self.assertIsNot(cache.encode(other)[1], once)
        self.assertLess(len(cache._recent) + len(cache._older), 20)
