"""Where the names of a tree lead: what a peer may say, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.execution.inputs.layout import NOTHING, Fixture, Layout, lay_out
from twisted_distcc.execution.inputs.names import DEEPEST, LONGEST, BadTreeError
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Tree
from twisted_distcc.jobs.plain_trees import pack_tree

GCC = Fixture(
    folders=frozenset({b"/usr/lib/gcc/12"}),
    files=frozenset({b"/usr/bin/gcc-12", b"/dev/null"}),
    links=((b"/lib", b"usr/lib"), (b"/usr/bin/gcc", b"gcc-12")),
    system=(b"/usr/include", b"/usr/local/include"),
)


def laid(
    *files: bytes,
    links: Mapping[bytes, bytes] | None = None,
    directory: bytes = b"/p",
    fixture: Fixture = NOTHING,
) -> Layout:
    return lay_out(pack_tree(directory, dict.fromkeys(files, b""), links or {}), fixture)


class CoverTests(SynchronousTestCase):
    """What can be mounted whole."""

    def covers(self, *files: bytes, links: Mapping[bytes, bytes] | None = None) -> set[bytes]:
        return set(laid(*files, links=links, fixture=GCC).covers)

    def test_nothing_else_there(self) -> None:
        """A folder of the root is mounted whole if the tree has only mounts there, and links to them."""
        for files in ((b"/p/a.c",), (b"/usr/lib/gcc/12/x.h",), (b"/p/a.c", b"/usr/" + FOLDER_MARK)):
            self.assertEqual(self.covers(*files), {b"/usr", b"/dev"}, files)
        self.assertEqual(self.covers(links={b"/lib": b"usr/lib"}), {b"/usr", b"/dev"})

    def test_something_there(self) -> None:
        """Files, folders and links of the tree's own are covered by nothing."""
        for name in (b"/usr/include/a.h", b"/usr/include/" + FOLDER_MARK):
            covers = {b"/usr/bin", b"/usr/lib", b"/dev"}
            self.assertEqual(self.covers(name), covers, name)
        system = {b"/usr/include", b"/usr/local"}
        self.assertEqual(self.covers(b"/usr/a.h"), {b"/usr/bin", b"/usr/lib", b"/dev", *system})
        covers = {b"/usr/bin/gcc-12", b"/usr/lib", b"/dev", *system}
        self.assertEqual(self.covers(links={b"/usr/bin/x": b"y"}), covers)


class PlaceTests(SynchronousTestCase):
    """What is laid out."""

    def test_plainly(self) -> None:
        """Files lie at their names, with all folders above them, the working directory among these."""
        layout = laid(b"/p/a.c", b"/usr/include/x/y.h", b"/top")
        self.assertEqual(set(layout.files), {b"/p/a.c", b"/usr/include/x/y.h", b"/top"})
        folders = (b"/.job-0", b"/p", b"/usr", b"/usr/include", b"/usr/include/x")
        self.assertEqual(layout.folders, folders)

    def test_roundabout_names(self) -> None:
        """Names are resolved: doubled slashes, dots, and more ways up than there are folders."""
        for name in (b"//p//a.c", b"/p/./a.c", b"/p/sub/../a.c", b"/../../p/a.c", b"/p/../../p/a.c"):
            self.assertEqual(set(laid(name).files), {b"/p/a.c"}, name)

    def test_names_over_links(self) -> None:
        """A name may lead over links, whichever way these are said and in whatever order they come."""
        links = {b"/w/src": b"../p", b"/w": b"/deep/down", b"/p/inc": b"/q/./../q"}
        layout = laid(b"/w/src/inc/a.h", links=links)
        self.assertEqual(set(layout.files), {b"/deep/p/inc/a.h"})
        layout = laid(b"/w/src/inc/a.h", links={**links, b"/w/src": b"../../p"})
        self.assertEqual(set(layout.files), {b"/q/a.h"})
        self.assertIn(b"/deep/down", layout.folders)
        self.assertEqual(layout.links[b"/deep/down/src"], b"../../p")

    def test_links_out(self) -> None:
        """A link that leads out of the root leads to the root, as for the kernel."""
        layout = laid(b"/out/etc/passwd", links={b"/out": b"../../../.."})
        self.assertEqual(set(layout.files), {b"/etc/passwd"})

    def test_odd_names(self) -> None:
        """Bytes that are no text, blanks, line ends, and names in two cases are names like others."""
        names = {b"/p/\xff\xfe", b"/p/ ", b"/p/a\nb", b"/p/A", b"/p/a", b"/p/...", b"/p/-o"}
        self.assertEqual(set(laid(*names).files), names)

    def test_markers(self) -> None:
        """A marker makes its folder, and is no file."""
        layout = laid(b"/p/a.c", b"/usr/local/include/" + FOLDER_MARK)
        self.assertEqual(set(layout.files), {b"/p/a.c"})
        self.assertIn(b"/usr/local/include", layout.folders)

    def test_the_same_link_twice(self) -> None:
        """A link that is given twice, by two names or in two ways to say the same, is one."""
        entries = (
            InputLink(b"/a", b"/p"), InputLink(b"/a", b"p"), InputLink(b"/a", b"p/."),
            InputLink(b"/p/b", b"x"), InputLink(b"/a/b", b"x"),
        )  # fmt: skip
        layout = lay_out(Tree(b"/a", entries))
        self.assertEqual(dict(layout.links), {b"/a": b"/p", b"/p/b": b"x"})

    def test_its_own_folder(self) -> None:
        """The job gets a folder that nothing of the tree is in."""
        layout = laid(b"/.job-0", b"/.job-1/x", links={b"/.job-2": b"/p"})
        self.assertEqual(layout.own, b"/.job-3")


class FixtureTests(SynchronousTestCase):
    """What the server shows has its place beside the tree."""

    def test_beside(self) -> None:
        """Mount points are there, and links that lead to them."""
        layout = laid(b"/p/a.c", fixture=GCC)
        self.assertEqual(layout.points, GCC.files)
        for folder in (b"/usr/lib/gcc/12", b"/usr/bin", b"/dev"):
            self.assertIn(folder, layout.folders)
        self.assertEqual(dict(layout.links), dict(GCC.links))

    def test_what_is_in_it(self) -> None:
        """What a tree has of the compiler's own is left out, by whichever name, its links too."""
        links = {b"/lib": b"/usr/lib", b"/usr/lib/gcc/12/l": b"/p", b"/q": b"/usr/lib/gcc"}
        names = (b"/usr/lib/gcc/12/include/stddef.h", b"/lib/gcc/12/x.h", b"/q/12/y.h")
        layout = laid(*names, b"/usr/bin/gcc-12", b"/q/other.h", links=links, fixture=GCC)
        self.assertEqual(set(layout.files), {b"/usr/lib/gcc/other.h"})
        self.assertEqual(set(layout.links), {b"/lib", b"/usr/bin/gcc", b"/q"})

    def test_system_folders(self) -> None:
        """They are shown to whoever brings nothing in any of them, not even a marker."""
        self.assertEqual(laid(b"/p/a.c", fixture=GCC).system, GCC.system)
        for name in (b"/usr/include/a.h", b"/usr/local/include/" + FOLDER_MARK, b"/usr/local/include"):
            self.assertEqual(laid(b"/p/a.c", name, fixture=GCC).system, (), name)
        self.assertEqual(laid(links={b"/usr/include": b"/p"}, fixture=GCC).system, ())

    def test_links_to_themselves(self) -> None:
        """C distcc's clients say by such a link that the server has something of its own."""
        links = {b"/usr/include": b"../../../../usr/include", b"/usr/lib/gcc/12": b"/usr/lib/gcc/12"}
        layout = laid(b"/p/a.c", links=links, fixture=GCC)
        self.assertEqual(layout.system, GCC.system)
        self.assertNotIn(b"/usr/include", layout.links)


class RefusalTests(SynchronousTestCase):
    """What is refused, with a sentence that names it."""

    def assert_refused(self, why: str, *files: bytes, **links: bytes) -> None:
        self.assert_refused_beside(NOTHING, why, *files, **links)

    def assert_refused_beside(self, fixture: Fixture, why: str, *files: bytes, **links: bytes) -> None:
        named = {name.replace("_", "/").encode(): target for name, target in links.items()}
        with self.assertRaisesRegex(BadTreeError, why):
            laid(*files, links=named, fixture=fixture)

    def test_names(self) -> None:
        """Relative, empty, with a NUL, too long, too deep, of nothing, and of the root itself."""
        for name in (b"a.c", b"", b"../a.c", b"\0/a"):
            self.assert_refused("is not an absolute name", name)
        for name in (b"/p/a\0b", b"/p\0/a"):
            self.assert_refused("NUL|not the name", name)
        self.assert_refused("has a part of more|not the name", b"/p/" + b"x" * 256)
        self.assert_refused("has a part of more", b"/" + b"x" * 256 + b"/a")
        self.assert_refused("has more than", b"/x" * (DEEPEST + 1))
        self.assert_refused("has more than", (b"/" + b"x" * 200) * (LONGEST // 200 + 1))
        for name in (b"/", b"/p/", b"/p/.", b"/p/.."):
            self.assert_refused("is not the name of a file", name)

    def test_names_that_links_lengthen(self) -> None:
        """Links cannot make a path deep that no name is."""
        deep = b"/x" * (DEEPEST - 10)
        self.assert_refused("has more than", b"/p" + b"/y" * 20 + b"/a", _p=deep)

    def test_devices(self) -> None:
        """Nothing of a client is in folders that the kernel fills, by whichever name."""
        for name in (b"/dev/null", b"/proc/self/x", b"/sys/x", b"/p/../dev/x", b"/q/null"):
            self.assert_refused("is where this server has its devices", name, _q=b"/dev")
        self.assert_refused("has its devices", _dev=b"/p")

    def test_what_programs_load(self) -> None:
        """No tree brings what a loader or a compiler's driver obeys, by whichever name, nor a link."""
        for name in (
            b"/etc/ld.so.preload", b"/usr/lib/specs", b"/usr/lib/x/libc.so.6", b"/p/x.so",
            b"/p/clang.cfg", b"/usr/share/locale/C.UTF-8/LC_MESSAGES/gcc-12.mo", b"/p/a.h.gch",
            b"/usr/lib/locale/C.utf8/LC_CTYPE", b"/usr/lib/locale/locale-archive", b"/p/a.pch",
            b"/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache", b"/p/a.h.gch/any",
        ):  # fmt: skip
            self.assert_refused("take it for their own", name)
            with self.assertRaisesRegex(BadTreeError, "take it for their own"):
                laid(links={name: b"/p/a"})
        names = {b"/p/specs.h", b"/p/a.sox", b"/p/so", b"/p/x.cfg.h", b"/p/old.so/a.h", b"/p/gch"}
        self.assertEqual(set(laid(*names).files), names)
        precompiled = b"/p/a.h.gch", b"/p/a.pch", b"/p/b.h.gch/any"
        self.assertEqual(
            set(laid(*precompiled, fixture=replace(GCC, confines=True)).files), set(precompiled)
        )
        own = b"/usr/lib/gcc/12/plugin/gtype.so"
        self.assertEqual(laid(own, fixture=GCC).files, {})

    def test_links_to_programs(self) -> None:
        """No link leads to a program of the server's, however long the way; one to data may be."""
        fixture = replace(GCC, is_program=lambda path: path.endswith((b"/gcc-12", b"/cc1")))
        for target in (b"/usr/bin/gcc-12", b"bin/gcc", b"/p/../lib/gcc/12/cc1", b"/a/cc1", b"b"):
            links = {"_usr_xcc": target, "_a": b"/usr/lib/gcc/12", "_usr_b": b"/a/../12/cc1"}
            why = "is a link to a program of this server's"
            self.assert_refused_beside(fixture, why, **links)
        for target in (b"/usr/lib/gcc/12/plugin/../x", b"/lib/gcc/12/a/b/../../c"):
            why = "leads up within a folder of this server's"
            self.assert_refused_beside(fixture, why, _p_x=target)
        links = {b"/p/stddef.h": b"/usr/lib/gcc/12/include/stddef.h", b"/p/gcc": b"/lib/gcc/12"}
        self.assertEqual(laid(links=links, fixture=fixture).links.keys() & links.keys(), links.keys())

    def test_contradictions(self) -> None:
        """Nothing is two things at once, nor one thing twice, by whichever names."""
        self.assert_refused("is a file and a folder", b"/p/a", b"/p/a/b")
        self.assert_refused("is a file and a folder", b"/p")
        self.assert_refused("is there twice", b"/p/a", b"/p/./a")
        self.assert_refused("is there twice", b"/p/a", b"/q/a", _q=b"p")
        self.assert_refused("is a file and a link", b"/p/a", _p_a=b"b")
        self.assert_refused("is a link to two places", _q=b"p", _p_q=b"/a", _q_q=b"/b")

    def test_circles(self) -> None:
        """Links in a circle are refused where a name leads over them, and harmless elsewhere."""
        self.assert_refused("in a circle", b"/a/x", _a=b"/b", _b=b"/a")
        self.assertEqual(laid(b"/p/x", links={b"/a": b"/b", b"/b": b"/a"}).files.keys(), {b"/p/x"})

    def test_links_of_nothing(self) -> None:
        """A link has a name and a target, neither of which is longer than a system bears."""
        for target in (b"", b"a\0b"):
            self.assert_refused("is a link to nothing", _a=target)
        self.assert_refused("has more than", _a=b"x/" * LONGEST)
        for name in ("_", "_p_.", "_p_..", "_.."):
            self.assert_refused("is not the name of a link", **{name: b"x"})

    def test_links_in_links(self) -> None:
        """A link that turns the folder of another one into a link is refused."""
        self.assert_refused("in a folder that is a link", _d=b"/p/q/r", _d_e=b"/x", _p_q=b"/s")

    def test_links_over_the_compiler(self) -> None:
        """No link stands at, or above, what the server shows, unless the server has the same."""
        self.assert_refused_beside(GCC, "another one on this server", _lib=b"/elsewhere")
        for name in ("_usr", "_usr_lib", "_usr_lib_gcc", "_usr_bin"):
            self.assert_refused_beside(GCC, "in a folder that is a link", **{name: b"/oldroot/etc"})
        self.assert_refused_beside(GCC, "is a file and a folder", b"/usr/lib/gcc")
        self.assert_refused_beside(GCC, "is a file and a link", b"/usr/bin/gcc")

    def test_many(self) -> None:
        """What would take a server long is given up: folders without end, and links over links."""
        folders = (b"/%d" % number + b"/x" * 90 + b"/a" for number in range(300))
        self.assert_refused("in more than 20000 folders", *folders)
        links = {f"_{number}": b"/." * 40 + b"/%d" % (number + 1) for number in range(30)}
        names = (b"/0/in-%d/x" % number for number in range(10_000))
        self.assert_refused("is one of too many links", *names, **links)

    def test_the_sentence(self) -> None:
        """It is one line, and fit for a terminal, whatever the name."""
        with self.assertRaises(BadTreeError) as caught:
            laid(b"\x1b[31m\n" + b"x" * 3000)
        text = str(caught.exception)
        self.assertTrue(text.isprintable(), text)
        self.assertLess(len(text), 250)


PARTS = st.sampled_from([b"a", b"b", b"c", b"..", b".", b""])
PATHS = st.lists(PARTS, min_size=1, max_size=5).map(lambda parts: b"/" + b"/".join(parts))
TARGETS = PATHS | PATHS.map(lambda path: path.lstrip(b"/") or b".")


class AnyTreeTests(SynchronousTestCase):
    @given(st.lists(PATHS, max_size=6), st.dictionaries(PATHS, TARGETS, max_size=4), PATHS)
    def test_sound(self, names: list[bytes], links: dict[bytes, bytes], directory: bytes) -> None:
        """Whatever is not refused has plain paths, below folders that are there and are no links."""
        entries = [*(InputFile(name, PackedContent.of(b"")) for name in names)]
        tree = Tree(directory, (*entries, *(InputLink(*link) for link in links.items())))
        try:
            layout = lay_out(tree)
        except BadTreeError:
            return
        kinds = (set(layout.folders), set(layout.files), set(layout.links))
        paths = set().union(*kinds)
        self.assertEqual(sum(map(len, kinds)), len(paths))
        for path in paths:
            self.assertTrue(path.startswith(b"/"))
            self.assertTrue({b"", b".", b".."}.isdisjoint(path[1:].split(b"/")), path)
            self.assertIn(path.rpartition(b"/")[0], kinds[0] | {b""})
