"""Trees that a peer sent: what is in them, what is missing, and what is too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_directories import (
    DIGESTS,
    EMPTY_DIGEST,
    FILE,
    NAMES,
    SIZES,
    TARGETS,
    D,
    digest_of,
    quietly,
)
from tests.content.test_merkle import tree
from twisted_distcc.content.directories import Directory, Link, Node, decode, encode
from twisted_distcc.content.merkle import merkle
from twisted_distcc.content.tree_walk import Bounds, walk
from twisted_distcc.errors import RemoteProtocolError

FOLDERS = st.recursive(
    st.just({}),
    lambda below: st.dictionaries(NAMES, below | st.tuples(DIGESTS, SIZES) | TARGETS, max_size=4),
    max_leaves=12,
)


def flattened(folder: dict[str, Any], path: str = "") -> Iterator[tuple[bytes, Any]]:
    """What is in a folder, by path; of folders, those that are empty."""
    for name, entry in folder.items():
        inside = f"{path}/{name}"
        if isinstance(entry, dict) and entry:
            yield from flattened(entry, inside)
        else:
            yield inside.encode(), entry


class WalkTests(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """What a tree was made of is found in it."""
        files: list[Node] = [(b"/a/b/c.h", D, 5), (b"/a/d.h", D, 0), (b"/e.h", EMPTY_DIGEST, 9)]
        links: list[Link] = [(b"/a/b/l", b"../d.h"), (b"/m", b"/a")]
        tree = merkle(files, links, [b"/a/e", b"/f/g"])
        walked = walk(tree.root, tree.nodes.get)
        self.assertEqual(sorted(walked.files), files)
        self.assertEqual(sorted(walked.links), links)
        self.assertEqual((walked.folders, walked.missing), ([b"/a/e", b"/f/g"], set()))

    @quietly
    @given(FOLDERS, st.randoms(use_true_random=False))
    def test_any_tree(self, folder: dict[str, Any], chance: Any) -> None:
        """So it is with any tree, whose digest depends on no order."""
        paths = list(flattened(folder))
        files = sorted((path, *entry) for path, entry in paths if isinstance(entry, tuple))
        links = sorted((path, entry.encode()) for path, entry in paths if isinstance(entry, str))
        folders = sorted(path for path, entry in paths if isinstance(entry, dict))
        tree = merkle(files, links, folders)
        walked = walk(tree.root, tree.nodes.get)
        self.assertEqual((sorted(walked.files), sorted(walked.links)), (files, links))
        self.assertEqual((sorted(walked.folders), walked.missing), (folders, set()))
        for shuffled in (files, links, folders):
            chance.shuffle(shuffled)
        self.assertEqual(merkle(files, links, folders), tree)

    def test_nothing(self) -> None:
        """In an empty tree there is nothing, not even a folder."""
        walked = walk(EMPTY_DIGEST, {EMPTY_DIGEST: b""}.get)
        self.assertEqual(
            (walked.files, walked.links, walked.folders, walked.missing), ([], [], [], set())
        )

    def test_missing(self) -> None:
        """A directory that is not there is named, and those beside it are read."""
        tree_of_two = tree("/a/x", "/b/y")
        nodes = dict(tree_of_two.nodes)
        root = decode(nodes[tree_of_two.root])
        (_, first, _), (_, second, _) = root.folders
        del nodes[first]
        walked = walk(tree_of_two.root, nodes.get)
        self.assertEqual([path for path, _, _ in walked.files], [b"/b/y"])
        self.assertEqual((walked.missing, walked.folders), ({first}, []))
        self.assertEqual(walk(D, nodes.get).missing, {D})
        self.assertEqual(walk(tree_of_two.root, {}.get).missing, {tree_of_two.root})
        self.assertNotIn(second, walked.missing)

    def test_an_order(self) -> None:
        """Files come folder by folder, each folder's own before those below it."""
        made = tree("/b/y", "/a/x/1", "/a/w", "/c", "/a/x/0")
        paths = [path for path, _, _ in walk(made.root, made.nodes.get).files]
        self.assertEqual(paths, [b"/c", b"/a/w", b"/a/x/0", b"/a/x/1", b"/b/y"])

    def refuses(self, says: str, nodes: dict[bytes, bytes], root: bytes, bounds: Bounds) -> None:
        with self.assertRaisesRegex(RemoteProtocolError, says):
            walk(root, nodes.get, bounds)

    def chain(
        self, depth: int, directory: Directory, twice: bool = False
    ) -> tuple[dict[bytes, bytes], bytes]:
        """Nest a directory in others, each of which names the one below it once, or twice."""
        encoded = encode(directory)
        nodes = {digest_of(encoded): encoded}
        for _ in range(depth):
            names = (b"d", b"e") if twice else (b"d",)
            encoded = encode(Directory([], [(name, digest_of(encoded), len(encoded)) for name in names]))
            nodes[digest_of(encoded)] = encoded
        return nodes, digest_of(encoded)

    def test_depth(self) -> None:
        """A file may be in a folder 200 deep, and not in one 201 deep."""
        nodes, root = self.chain(200, Directory([FILE]))
        self.assertEqual(walk(root, nodes.get).files, [(b"/d" * 200 + b"/a.h", D, 5)])
        nodes, root = self.chain(201, Directory([FILE]))
        self.refuses("more than 200 folders", nodes, root, Bounds())

    def test_doubling(self) -> None:
        """A small tree that would become millions of folders is refused, whatever is below."""
        nodes, root = self.chain(180, Directory([FILE]), twice=True)
        self.refuses("20000 folders", nodes, root, Bounds())
        nodes, root = self.chain(60, Directory([], [(b"gone", D, 1), (b"gone2", D, 1)]), twice=True)
        self.refuses("20000 folders", nodes, root, Bounds())

    def test_directories(self) -> None:
        """The root counts, and so does what is missing."""
        nodes, root = self.chain(9, Directory([], [(b"gone", D, 1)]))
        self.assertEqual(walk(root, nodes.get, Bounds(directories=11)).missing, {D})
        self.refuses("more than 10 folders", nodes, root, Bounds(directories=10))

    def test_entries(self) -> None:
        """Files, folders and links count, as often as they are named."""
        nodes, root = self.chain(3, Directory([FILE], [], [(b"l", b"t")]), twice=True)
        entries = 2 + 4 + 8 + 8 * 2
        self.assertEqual(len(walk(root, nodes.get, Bounds(entries=entries)).files), 8)
        self.refuses("entries", nodes, root, Bounds(entries=entries - 1))

    def test_a_large_folder(self) -> None:
        """No more of a folder is read than there may still be."""
        encoded = encode(Directory([(b"%03d" % number, D, 1) for number in range(200)]))
        nodes = {D: encoded}
        self.refuses("over 100 entries", nodes, D, Bounds(entries=100))
        self.refuses("more than 1000 bytes", nodes, D, Bounds(encoded=1000))

    def test_names(self) -> None:
        """The bytes of all paths count, each whole, and those of targets."""
        nodes, root = self.chain(3, Directory([FILE], [], [(b"l", b"target")]))
        names = len("/d/d/d/d/d/d/d/d/d/a.h/d/d/d/ltarget")
        walk(root, nodes.get, Bounds(names=names))
        self.refuses("names", nodes, root, Bounds(names=names - 1))

    def test_sizes(self) -> None:
        """A directory has the size that its parent says, each time."""
        child = encode(Directory([FILE]))
        nodes = {digest_of(child): child}
        right, wrong = (b"a", digest_of(child), len(child)), (b"b", digest_of(child), len(child) + 1)
        self.refuses(
            "as its parent says", nodes | {D: encode(Directory([], [right, wrong]))}, D, Bounds()
        )

    def test_not_a_directory(self) -> None:
        """A blob that is none is refused."""
        self.refuses("malformed|canonical", {D: b"int a;"}, D, Bounds())

    def test_a_folder_is_read_once(self) -> None:
        """However often a directory is named, it is got once."""
        nodes, root = self.chain(5, Directory([FILE]), twice=True)
        got: list[bytes] = []

        def get(digest: bytes) -> bytes | None:
            got.append(digest)
            return nodes[digest]

        self.assertEqual(len(walk(root, get).files), 32)
        self.assertEqual(sorted(got), sorted(nodes))
