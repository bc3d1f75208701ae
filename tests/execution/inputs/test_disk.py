"""Trees on the disk: what is there after each job, and nothing else; and what of it is shared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content import packed_content
from twisted_distcc.content.lzo import compress
from twisted_distcc.content.packed_content import PackedContent, PackedSpool
from twisted_distcc.content.store import Store
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.execution.inputs import trees
from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import NOTHING, Fixture, lay_out
from twisted_distcc.execution.inputs.names import BadTreeError
from twisted_distcc.execution.inputs.trees import Trees
from twisted_distcc.jobs.model import InputFile, Tree
from twisted_distcc.jobs.plain_trees import pack_tree

Files = Mapping[bytes, bytes]


def found(root: Path) -> dict[str, bytes | None]:
    """Give all that is below `root`, by its path: files with contents, links with `->` and a target."""
    all_of_it: dict[str, bytes | None] = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            shown = "/" + str(path.relative_to(root))
            if path.is_symlink():
                all_of_it[shown] = b"->" + os.fsencode(os.readlink(path))
            else:
                all_of_it[shown] = None if path.is_dir() else path.read_bytes()
    return all_of_it


HARMS: tuple[Callable[[Path], object], ...] = (
    lambda root: (root / "p/b.h").unlink(),
    lambda root: (root / "q/d").write_text(""),
    lambda root: (root / "e").mkdir(),
    shutil.rmtree,
)


class DiskTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        self.folder.mkdir()
        self.outside = self.folder / "outside"
        self.outside.mkdir()
        (self.outside / "theirs").write_bytes(b"theirs")
        self.path = self.folder / "root"

    def root(self, store: Store | None = None) -> Root:
        return Root(os.fsencode(self.path), store)

    def become(
        self, root: Root, files: Files, links: Files | None = None, fixture: Fixture = NOTHING
    ) -> dict[str, bytes | None]:
        tree = pack_tree(b"/", files, links or {})
        root.become(lay_out(tree, fixture), tree.contents)
        return found(self.path)


class RootTests(DiskTestCase):
    def test_a_tree(self) -> None:
        """Files with their contents, folders, links as they are said, and empty mount points."""
        fixture = Fixture(frozenset({b"/gcc"}), frozenset({b"/bin/gcc"}), ((b"/lib", b"gcc"),))
        files = {b"/p/a.c": b"int a;\n", b"/p/\xff.h": b"", b"/p/big": b"x" * 300_000}
        there = self.become(self.root(), files, {b"/p/up": b"../../.."}, fixture)
        self.assertEqual(there, {
            "/.job-0": None, "/p": None, "/p/a.c": b"int a;\n", os.fsdecode(b"/p/\xff.h"): b"",
            "/p/big": b"x" * 300_000, "/p/up": b"->../../..", "/gcc": None, "/bin": None,
            "/bin/gcc": b"", "/lib": b"->gcc",
        })  # fmt: skip

    def test_contents_in_a_file(self) -> None:
        """Contents that came as a file are read just so."""
        spool, files = PackedSpool(str(self.outside)), {}
        entries = []
        for number in range(100):
            files[f"/{number}"] = data = os.urandom(2000)
            packed = compress(data)
            entries.append(InputFile(b"/%d" % number, spool.add(len(packed))))
            spool.write(packed)
        spool.finish()
        self.root().become(lay_out(Tree(b"/", tuple(entries), spool)), spool)
        self.assertEqual({path: found(self.path)[path] for path in files}, files)
        spool.discard()

    def test_the_next_one(self) -> None:
        """A tree in the place of another is itself, and nothing of the other, whatever changed kind."""
        root = self.root(Store(str(self.folder / "files")))
        trees: list[tuple[Files, Files]] = [
            ({b"/a": b"1", b"/b/c": b"2", b"/d/e/f": b"3"}, {b"/l": b"/a", b"/m": b"/b"}),
            ({b"/a/x": b"1", b"/b": b"2", b"/l": b"l"}, {b"/d": b"/a", b"/m": b"/c"}),
            ({b"/d/e/f": b"4", b"/m/l": b"2"}, {b"/a": b"/m", b"/b": b"/m"}),
            ({}, {}),
        ]
        for files, links in (*trees, *trees[::-1]):
            fresh = Root(os.fsencode(self.folder / "fresh"))
            tree = pack_tree(b"/", files, links)
            fresh.become(lay_out(tree), tree.contents)
            self.assertEqual(self.become(root, files, links), found(self.folder / "fresh"))
            fresh.remove()

    def test_what_stays(self) -> None:
        """What two trees have in common is not touched."""
        root = self.root()
        self.become(root, {b"/p/a": b"1", b"/p/b": b"2"})
        before = os.stat(self.path / "p/a")
        self.become(root, {b"/p/a": b"1", b"/p/c": b"2"})
        after = os.stat(self.path / "p/a")
        self.assertEqual((before.st_ino, before.st_ctime_ns), (after.st_ino, after.st_ctime_ns))

    def test_files_that_are_alike(self) -> None:
        """Files of the same contents are several, of several times: `#pragma once` tells them so."""
        store = Store(str(self.folder / "files"))
        names = [b"/a", b"/b", b"/c"]
        for root in (self.root(store), Root(os.fsencode(self.folder / "second"), store)):
            tree = pack_tree(b"/", dict.fromkeys(names, b"#pragma once\n"))
            root.become(lay_out(tree), tree.contents)
            told = [os.stat(root.path + name) for name in names]
            self.assertEqual(len({one.st_ino for one in told}), 3)
            self.assertEqual(len({int(one.st_mtime) for one in told}), 3)

    def test_nothing_can_be_executed(self) -> None:
        """No file of a tree can be, by whichever name, whether it is written or linked."""
        store = Store(str(self.folder / "files"))
        for root in (self.root(store), Root(os.fsencode(self.folder / "second"), store)):
            fixture = Fixture(files=frozenset({b"/usr/bin/gcc"}))
            tree = pack_tree(b"/", dict.fromkeys((b"/usr/bin/xcc", b"/usr/bin/as"), b"#!/bin/sh\n"), {})
            root.become(lay_out(tree, fixture), tree.contents)
            paths = [path for path in Path(os.fsdecode(root.path)).rglob("*") if path.is_file()]
            self.assertEqual([path for path in paths if path.stat().st_mode & 0o111], [])
            self.assertEqual(len(paths), 3)

    def test_what_cannot_be_expanded(self) -> None:
        """A file that is not LZO1X is refused, and one that only a program may expand is by one."""
        tree = Tree(b"/", (InputFile(b"/a", PackedContent.packed(b"\xff" * 4)),))
        with self.assertRaises(RemoteProtocolError):
            self.root().become(lay_out(tree), tree.contents)
        self.patch(packed_content, "_IN_MEMORY", 1000)
        root = Root(os.fsencode(self.folder / "second"))
        tree = pack_tree(b"/", {b"/a": bytes(3_000_000)})
        root.become(lay_out(tree), tree.contents)
        self.assertEqual((self.folder / "second/a").read_bytes(), bytes(3_000_000))

    def test_nothing_outside(self) -> None:
        """Links that lead out are made as they are said, and nothing is written by way of them."""
        theirs = os.fsencode(self.outside)
        root = self.root(Store(str(self.folder / "files")))
        for links in ({b"/out": theirs}, {b"/out": b"../outside"}, {b"/p": theirs, b"/out": b"p"}):
            self.become(root, {b"/out/theirs": b"ours", b"/out/new": b"ours"}, links)
            self.become(root, {b"/out/theirs": b"ours"})
            self.assertEqual(found(self.outside), {"/theirs": b"theirs"})


PARTS = st.sampled_from([b"a", b"b", b"c", b"..", b"root"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: b"/" + b"/".join(parts))
TREES = st.tuples(
    st.dictionaries(PATHS, st.sampled_from([b"1", b"2"]), max_size=5),
    st.dictionaries(PATHS, PATHS | PATHS.map(lambda path: path[1:]), max_size=3),
)


class AnyTreesTests(DiskTestCase):
    @given(st.lists(TREES, min_size=1, max_size=3))
    def test_one_after_the_other(self, trees: list[tuple[Files, Files]]) -> None:
        """Whatever comes after whatever: each tree is what a fresh one is, and nothing else changes."""
        root = self.root(Store(str(self.folder / "files")))
        try:
            for files, links in trees:
                try:
                    there = self.become(root, files, links)
                except BadTreeError:
                    continue
                fresh = Root(os.fsencode(self.folder / "fresh"))
                tree = pack_tree(b"/", files, links)
                fresh.become(lay_out(tree), tree.contents)
                self.assertEqual(there, found(self.folder / "fresh"))
                fresh.remove()
            self.assertEqual(found(self.outside), {"/theirs": b"theirs"})
            self.assertEqual(set(os.listdir(self.folder)), {"files", "outside", "root"})
        finally:
            root.remove()


class StoreTests(DiskTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = Store(str(self.folder / "files"), most_bytes=10)

    def give(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)
        place = os.fsencode(self.folder / name)
        self.store.release(self.store.take(place, name.encode(), len(data)))

    def had(self, name: str) -> bytes | None:
        place = self.folder / f"{name}-again"
        held = self.store.link_to(os.fsencode(place), name.encode())
        if held is None:
            return None
        self.assertEqual(place.stat().st_size, held.length)
        data = place.read_bytes()
        place.unlink()
        self.store.release(held)
        return data

    def test_the_latest(self) -> None:
        """Those that were used of late can be had again; others make room."""
        self.give("a", b"aaaa")
        self.give("b", b"bbbb")
        self.assertEqual(self.had("a"), b"aaaa")
        self.give("c", b"cccc")
        self.assertEqual([self.had("a"), self.had("b"), self.had("c")], [b"aaaa", None, b"cccc"])
        self.assertEqual(len(os.listdir(self.folder / "files")), 2)

    def test_too_large(self) -> None:
        """One that there is no room for is not kept, nor are others for its sake in the end."""
        self.give("a", b"a" * 11)
        self.assertEqual((self.had("a"), os.listdir(self.folder / "files")), (None, []))
        self.give("b", b"b")
        self.assertEqual(self.had("b"), b"b")

    def test_the_same_twice(self) -> None:
        """One that two jobs bring at once is kept, and counted, once."""
        self.give("a", b"aaaa")
        (self.folder / "a").unlink()
        self.give("a", b"aaaa")
        self.give("b", b"bbbb")
        self.assertEqual([self.had("a"), self.had("b")], [b"aaaa", b"bbbb"])
        self.assertEqual(self.store.bytes, 8)

    def test_gone(self) -> None:
        """One that somebody has removed is not had, and that is no error."""
        self.give("a", b"aaaa")
        for file in (self.folder / "files").iterdir():
            file.unlink()
        self.assertIsNone(self.had("a"))

    def test_kept_anew(self) -> None:
        """After that it is kept again, even if the whole folder is gone."""
        self.give("a", b"aaaa")
        shutil.rmtree(self.folder / "files")
        for _ in range(2):
            self.assertIsNone(self.had("a"))
            self.give("a", b"aaaa")
        self.assertEqual(self.had("a"), b"aaaa")


class TreesTests(DiskTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.trees = Trees(str(self.folder))

    def test_kept(self) -> None:
        """A folder is used again for the next job, and by one job at a time."""
        tree = pack_tree(b"/", {b"/a": b"1"})
        with self.trees.laid("gcc", lay_out(tree), tree.contents, "ada") as first:
            with self.trees.laid("gcc", lay_out(tree), tree.contents, "ada") as second:
                self.assertNotEqual(first, second)
            with self.trees.laid("gcc", lay_out(tree), tree.contents, "ada") as third:
                self.assertEqual(third, second)
            with self.trees.laid("clang", lay_out(tree), tree.contents, "ada") as other:
                self.assertNotIn(other, {first, second})

    def test_large_ones(self) -> None:
        """One of many files, or of many bytes, is removed: it would lie there for long."""
        self.patch(trees, "_MOST_ENTRIES", 3)
        self.patch(trees, "_MOST_BYTES", 2)
        for files in ({b"/a": b"", b"/b": b"", b"/c": b""}, {b"/a": b"123"}):
            tree = pack_tree(b"/", files)
            with self.trees.laid("gcc", lay_out(tree), tree.contents, "ada") as path:
                self.assertEqual(len(found(Path(path))), len(files) + 1)
            self.assertFalse(os.path.exists(path))

    def test_not_kept(self) -> None:
        """One whose job went wrong is removed, half written ones too."""
        tree = pack_tree(b"/", {b"/a": b"1"})
        laid = self.trees.laid("gcc", lay_out(tree), tree.contents, "ada")
        laid.__enter__()
        self.assertFalse(laid.__exit__(KeyError, KeyError(), None))
        bad = Tree(b"/", (InputFile(b"/p/a", PackedContent.packed(b"\xff" * 4)),))
        half_written = self.trees.laid("gcc", lay_out(bad), bad.contents, "ada")
        self.assertRaises(RemoteProtocolError, half_written.__enter__)
        self.assertEqual(set(os.listdir(self.folder)), {"files", "outside"})

    def test_cleaned_up(self) -> None:
        """A folder that somebody has removed something from, or added to, is used no more."""
        files = {b"/p/a.h": b"1", b"/p/b.h": b"2", b"/q/c": b"3"}
        for harm in HARMS:
            kept = self.brought("ada", files)
            harm(kept)
            again = self.brought("ada", files)
            self.assertNotEqual(again, kept)
            self.assertEqual(set(found(again)), {"/.job-0", "/p", "/p/a.h", "/p/b.h", "/q", "/q/c"})
            self.assertFalse(kept.exists())

    def test_cleaned_up_meanwhile(self) -> None:
        """A job that runs meanwhile fails, whatever it has made."""
        tree = pack_tree(b"/", {b"/p/a.h": b"1", b"/p/b.h": b"2", b"/q/c": b"3"})
        for harm in HARMS:
            with (
                self.assertRaises(OSError),
                self.trees.laid("gcc", lay_out(tree), tree.contents, "ada") as root,
            ):
                harm(Path(root))
            self.assertFalse(os.path.exists(root))

    def brought(self, owner: str, files: Files, kind: str = "gcc", links: Files | None = None) -> Path:
        """Have a job of one owner's, which brings these files, and give its folder."""
        tree = pack_tree(b"/", files, links or {})
        with self.trees.laid(kind, lay_out(tree), tree.contents, owner) as root:
            return Path(root)

    def test_kept_for_its_owner(self) -> None:
        """Nothing shows one owner what another has brought: no file, folder or link is both's."""
        files, links = {b"/p/a": b"1", b"/q/b": b"2"}, {b"/l": b"p"}

        def all_of(root: Path) -> set[int]:
            return {path.lstat().st_ino for path in (root, *root.rglob("*"))}

        first = self.brought("ada", files, links=links)
        self.assertEqual((first / "p/a").stat().st_nlink, 2)  # and one that is kept for the next
        self.assertEqual((first / "p/a").stat().st_mtime, 0)
        second = self.brought("bob", files, links=links)
        self.assertEqual(all_of(first) & all_of(second), set())
        before = all_of(first)
        self.assertEqual(self.brought("ada", files, links=links), first)
        self.assertEqual(all_of(first), before)

    def test_counted_once(self) -> None:
        """Trees of many kinds that have one file in common are counted as one, and all of them stay."""
        self.patch(trees, "_MOST_BYTES_OF_ALL", 1000)
        roots = [self.brought("ada", {b"/a": bytes(900)}, str(kind)) for kind in range(9)]
        self.assertTrue(all(root.exists() for root in roots))

    def test_one_bound_for_all(self) -> None:
        """Whoever brings them, for whichever compiler: the trees that were used first go first."""
        self.patch(trees, "_MOST_BYTES_OF_ALL", 1000)
        self.trees._store = Store(str(self.folder / "small"), most_bytes=500)
        roots = [self.brought(str(who), {b"/a": b"%d" % who * 300}, str(who)) for who in range(5)]
        self.assertEqual([root.exists() for root in roots], [False, False, True, True, True])

    def test_one_bound_for_what_holds_nothing(self) -> None:
        """Neither folders and links nor the trees themselves become ever more."""
        self.patch(trees, "_MOST_ENTRIES_OF_ALL", 12)
        links = {b"/%d" % number: b"a" for number in range(5)}
        roots = [self.brought(str(who), {}, links=links) for who in range(3)]
        self.assertEqual([root.exists() for root in roots], [False, True, True])
        self.patch(trees, "_MOST_TREES", 1)
        roots = [self.brought("eve", {}, str(kind)) for kind in range(3)]
        self.assertEqual([root.exists() for root in roots], [False, False, True])

    def test_what_is_removed_is_counted_no_more(self) -> None:
        """When all trees are gone, what the store itself has is all that is counted."""
        self.brought("ada", {b"/a": b"same", b"/b": b"same", b"/c": b"other"})
        self.brought("ada", {b"/a": b"new"})
        store = self.trees._store
        assert store is not None
        self.assertEqual(store.bytes, len("same") + len("other") + len("new"))
        for _, root in self.trees._idle:
            root.remove()
        self.assertEqual(store.bytes, store._own_bytes)
