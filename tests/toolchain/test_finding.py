"""Which compiler a name means on the server, and which names get none."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import EXIT_COMPILER_MISSING
from twisted_distcc.policy.command_list import CommandList
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.toolchain.finding import Compilers, name_behind


class CompilersTestCase(SynchronousTestCase):
    """Two folders on the search path, `first` and `second`, and one that is not, `elsewhere`."""

    def setUp(self) -> None:
        self.root = os.path.abspath(self.mktemp())
        for folder in ("first", "second", "elsewhere"):
            os.makedirs(self.at(folder))
        self.folders = (self.at("first"), self.at("second"))
        self.compilers = Compilers(self.folders)

    def at(self, name: str) -> str:
        return os.path.join(self.root, name)

    def program(self, name: str, mode: int = 0o755) -> str:
        path = self.at(name)
        with open(path, "w"):
            pass
        os.chmod(path, mode)
        return path

    def link(self, name: str, target: str) -> str:
        os.symlink(target, self.at(name))
        return self.at(name)

    def assert_found(self, name: str, path: str, compilers: Compilers | None = None) -> None:
        self.assertEqual((compilers or self.compilers).resolve(name), path)

    def assert_refused(self, name: str, reason: str, compilers: Compilers | None = None) -> None:
        verdict = (compilers or self.compilers).resolve(name)
        assert isinstance(verdict, Refused), verdict
        self.assertEqual(verdict.exit_code, EXIT_COMPILER_MISSING)
        self.assertIn(reason, str(verdict))


class KnownNamesTests(CompilersTestCase):
    def test_a_bare_name(self) -> None:
        """The first folder of the path that has it wins."""
        self.program("second/gcc")
        self.assert_found("gcc", self.at("second/gcc"))
        self.program("first/gcc")
        self.assert_found("gcc", self.at("first/gcc"))

    def test_cross_compilers_and_versions(self) -> None:
        """Names with a target and a version are compilers' names too."""
        for name in ("aarch64-linux-gnu-gcc-12", "clang++-14", "c++", "x86_64-w64-mingw32-g++-posix"):
            self.assert_found(name, self.program(f"first/{name}"))

    def test_the_path_of_the_very_file(self) -> None:
        """An absolute path counts if it is the file that the bare name means."""
        path = self.program("first/gcc")
        self.assert_found(path, path)
        self.assert_found(self.link("elsewhere/gcc", path), path)

    def test_the_path_of_another_file(self) -> None:
        """A compiler that is not on the path, or hidden by another, is not run."""
        self.program("first/gcc")
        for other in (self.program("second/gcc"), self.program("elsewhere/gcc"), self.at("no/gcc")):
            self.assert_refused(other, f"this server's gcc is {self.at('first/gcc')}")

    def test_a_relative_path(self) -> None:
        """A path that depends on a folder of the client's means nothing here."""
        self.program("first/gcc")
        for name in ("./gcc", "first/gcc", "../first/gcc"):
            self.assert_refused(name, "another file or none")

    def test_what_is_no_compiler(self) -> None:
        """Other programs are refused, wherever they are and however they are spelled."""
        for name in ("sh", "rm", "gccx", "gcc;rm", "", "gcc ", "-gcc\n", "as", "ld", "ccache", "distcc"):
            if name and "/" not in name:
                self.program(f"first/{name}")
            self.assert_refused(name, "not a compiler that this server knows")

    def test_a_compiler_that_is_not_there(self) -> None:
        """A known name without a file says that it is not installed."""
        self.assert_refused("gcc-99", "no gcc-99: it is not installed, or not on its PATH")
        self.assert_refused("/usr/bin/gcc-99", "no gcc-99")

    def test_what_cannot_be_executed(self) -> None:
        """A folder and a file without the right to run it are passed over."""
        os.mkdir(self.at("first/gcc"))
        self.assert_refused("gcc", "not installed")
        self.program("second/gcc")
        self.assert_found("gcc", self.at("second/gcc"))
        os.chmod(self.at("second/gcc"), 0o644)
        self.assert_refused("gcc", "not installed")

    def test_masquerade_links_are_passed_over(self) -> None:
        """Links that lead back to distcc, to us, or to ccache are not compilers."""
        for wrapper in ("distcc", "tdistcc", "ccache"):
            self.link("first/gcc", self.program(f"elsewhere/{wrapper}"))
            self.assert_refused("gcc", "not installed")
            os.unlink(self.at("first/gcc"))
        self.link("first/gcc", self.at("elsewhere/ccache"))
        path = self.program("second/gcc")
        self.assert_found("gcc", path)
        self.assert_refused(self.at("first/gcc"), "another file")

    def test_a_link_to_a_link(self) -> None:
        """A chain that ends in distcc is one of those links."""
        self.program("elsewhere/distcc")
        self.link("elsewhere/cc", self.at("elsewhere/distcc"))
        self.link("first/gcc", self.at("elsewhere/cc"))
        self.assert_refused("gcc", "not installed")

    def test_odd_names(self) -> None:
        """Names that no file system can hold are refused, and break nothing."""
        self.program("first/gcc")
        for name in ("/x\0/gcc", "/" + "x" * 5000 + "/gcc", "/\udcff/gcc"):
            self.assert_refused(name, "another file or none")


class CommandListTests(CompilersTestCase):
    def listed(self, *commands: str, words: int = 1, root: str = "") -> Compilers:
        return Compilers(self.folders, CommandList(commands, words), root=root)

    def test_the_listed_file_is_what_runs(self) -> None:
        """Whatever path the client gave, the administrator's is run, on the path or not."""
        path = self.program("elsewhere/mycc")
        for name in ("mycc", "/usr/bin/mycc", path):
            self.assert_found(name, path, self.listed(path))

    def test_what_is_not_listed(self) -> None:
        """A compiler that is installed but not on the list is refused."""
        self.program("first/gcc")
        self.assert_refused("gcc", "not on this server's list", self.listed("/usr/bin/clang"))

    def test_words(self) -> None:
        """The number of words is that of the list."""
        path = self.program("elsewhere/gcc")
        compilers = self.listed(path, words=2)
        self.assert_found("elsewhere/gcc", path, compilers)
        self.assert_refused("gcc", "not on this server's list", compilers)

    def test_listed_and_not_there(self) -> None:
        """A listed command that is not there says so, not that it is forbidden."""
        self.assert_refused("gcc", "which is on its list", self.listed("/no/such/gcc"))

    def test_below_a_sysroot(self) -> None:
        """Listed paths are taken below the root."""
        path = self.program("elsewhere/gcc")
        self.assert_found("gcc", path, self.listed("/elsewhere/gcc", root=self.root))


class SysrootTests(CompilersTestCase):
    def test_absolute_paths_are_taken_below_it(self) -> None:
        """The client's absolute path names the file below the root."""
        path = self.program("first/gcc")
        compilers = Compilers(self.folders, root=self.root)
        self.assert_found("/first/gcc", path, compilers)
        self.assert_found("gcc", path, compilers)
        self.assert_refused("/second/gcc", "another file", compilers)


class AnyCommandTests(CompilersTestCase):
    def test_any_name_and_any_path(self) -> None:
        """With the rule off, other names on the path and any executable path are run."""
        compilers = Compilers(self.folders, any_command=True)
        self.assert_found("mycc", self.program("second/mycc"), compilers)
        path = self.program("elsewhere/othercc")
        self.assert_found(path, path, compilers)
        self.assert_refused("othercc", "not installed", compilers)
        self.assert_refused("/no/such/thing", "not installed", compilers)


class GenericNameTests(CompilersTestCase):
    def test_what_cc_stands_for(self) -> None:
        """`cc` is a link to a link to a compiler, whose name tells which one it is."""
        self.program("elsewhere/x86_64-linux-gnu-gcc-12")
        self.link("second/gcc", "../elsewhere/x86_64-linux-gnu-gcc-12")
        self.link("elsewhere/alternative", self.at("second/gcc"))
        cc = self.link("first/cc", self.at("elsewhere/alternative"))
        self.assertEqual(name_behind("cc", cc), "gcc")
        self.assertEqual(name_behind("/usr/bin/cc", cc), "gcc")

    def test_the_driver_stays_the_same(self) -> None:
        """`c++` may be a link to clang++, which is a link to clang: the first name is taken."""
        self.program("elsewhere/clang")
        self.link("second/clang++", "../elsewhere/clang")
        self.assertEqual(
            name_behind("c++", self.link("first/c++", self.at("second/clang++"))), "clang++"
        )

    def test_what_stands_for_itself(self) -> None:
        """A name that says what it is stays, and so does `cc` where it is a program of its own."""
        self.program("first/real-gcc")
        gcc = self.link("second/gcc-12", self.at("first/real-gcc"))
        self.assertEqual(name_behind("gcc-12", gcc), "gcc-12")
        self.assertEqual(name_behind("cc", self.program("first/cc")), "cc")

    def test_links_in_a_circle(self) -> None:
        """Links that lead to each other come to an end."""
        self.link("first/cc", self.at("second/cc"))
        self.assertEqual(name_behind("cc", self.link("second/cc", self.at("first/cc"))), "cc")
