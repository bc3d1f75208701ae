"""The commands that one compilation becomes, word by word."""

from __future__ import annotations

import shlex

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import preprocess_argv, remote_argv, serve_argv, serve_tree_argv


def _understood(command: str) -> Compilation:
    verdict = parse(shlex.split(command))
    assert isinstance(verdict, Compilation), verdict
    return verdict


class PreprocessTests(SynchronousTestCase):
    """The local step."""

    def check(self, command: str, expected: str, dependencies: str | None = "t.d") -> None:
        argv = preprocess_argv(_understood(command), "t.i", dependencies)
        self.assertEqual(shlex.split(expected), argv, command)

    def test_options_stay(self) -> None:
        """All but stage, output and dependencies is passed on, in order."""
        self.check(
            "gcc -O2 -DX -I . -x c -c a.c -o a.o -Wa,--noexecstack -lm",
            "gcc -O2 -DX -I . -x c a.c -Wa,--noexecstack -lm -E -o t.i",
        )

    def test_dependencies(self) -> None:
        """Rules go into the given file, under the name that the one-step compile gives them."""
        self.check("gcc -MD -MP -MF a.dep -c a.c -o b.o", "gcc a.c -MD -MQ b.o -MP -MF t.d -E -o t.i")
        self.check("gcc -Wp,-MMD,a.dep -c a.c -o b.o", "gcc a.c -MMD -MQ a.o -MF t.d -E -o t.i")

    def test_no_dependencies(self) -> None:
        """No rules are written where none are asked for, or none are wanted."""
        self.check("gcc -c a.c", "gcc a.c -E -o t.i")
        self.check("gcc -MD -MT x -c a.c", "gcc a.c -E -o t.i", dependencies=None)


class RemoteTests(SynchronousTestCase):
    """What a server is asked."""

    def check(self, command: str, expected: str) -> None:
        argv = remote_argv(_understood(command), "/the/folder")
        self.assertEqual(shlex.split(expected), argv, command)
        self.assertIsInstance(parse(argv), Compilation)

    def test_what_is_dropped(self) -> None:
        """The preprocessor's, the linker's and the dependencies' options stay at home."""
        self.check(
            "gcc -O2 -DX -I. -include x.h -isystem y -Wp,-DY -Xpreprocessor -DZ -nostdinc "
            "-MD -MF f -MT t -MP -Wl,-x -L. -static -c a.c -Wa,--noexecstack",
            "gcc -O2 -Wa,--noexecstack -x cpp-output -c a.c -o a.o",
        )

    def test_libraries(self) -> None:
        """gcc may write the name of a library into an object, and clang does not."""
        self.check("gcc -g -lm -l z -c a.c", "gcc -g -lm -l z -x cpp-output -c a.c -o a.o")
        self.check("clang -lm -l z -c a.c", "clang -Qunused-arguments -x cpp-output -c a.c -o a.o")

    def test_language(self) -> None:
        """-x names what the text is by then."""
        self.check("g++ -c a.cc", "g++ -x c++-cpp-output -c a.cc -o a.o")
        self.check("g++ -c a.c", "g++ -x c++-cpp-output -c a.c -o a.o")
        self.check("gcc -x c++ -c a.c", "gcc -x c++-cpp-output -c a.c -o a.o")
        self.check("gcc -c a.S", "gcc -x assembler -c a.S.s -o a.o")
        self.check("gcc -c a.mm", "gcc -x objective-c++-cpp-output -c a.mm -o a.o")
        self.check("gcc -S a.i", "gcc -x cpp-output -S a.i -o a.s")

    def test_names_for_c_distccd(self) -> None:
        """A source that C distccd would not know by its name gets another suffix."""
        self.check("gcc -x c -c a.inc", "gcc -x cpp-output -c a.inc.i -o a.o")
        self.check("g++ -c a.CPP", "g++ -x c++-cpp-output -c a.CPP.ii -o a.o")

    def test_debug_folder(self) -> None:
        """clang is told the folder that its objects name; gcc finds it in the text."""
        folder = "-fdebug-compilation-dir=/the/folder"
        self.check("clang -g -c a.i", f"clang {folder} -g -x cpp-output -c a.i -o a.o")
        self.check("clang -c a.i", "clang -x cpp-output -c a.i -o a.o")
        self.check("clang -g -g0 -c a.i", "clang -g -g0 -x cpp-output -c a.i -o a.o")
        self.check("gcc -g -c a.c", "gcc -g -x cpp-output -c a.c -o a.o")

    def test_debug_folder_of_the_user(self) -> None:
        """A folder that the user names comes last, and wins."""
        self.check(
            "clang -g -fdebug-compilation-dir /x -c a.i",
            "clang -fdebug-compilation-dir=/the/folder -g -fdebug-compilation-dir /x "
            "-x cpp-output -c a.i -o a.o",
        )

    def test_unused_arguments(self) -> None:
        """clang does not complain of options that the local step has used."""
        self.check("clang -c a.c", "clang -Qunused-arguments -x cpp-output -c a.c -o a.o")
        self.check(
            "clang -g -c a.c",
            "clang -fdebug-compilation-dir=/the/folder -Qunused-arguments -g "
            "-x cpp-output -c a.c -o a.o",
        )


class ServeTests(SynchronousTestCase):
    """What a server runs."""

    def check(self, command: str, expected: str) -> None:
        argv = serve_argv(_understood(command), "/usr/bin/gcc-12", "/job/in.i", "/job/out.o")
        self.assertEqual(shlex.split(expected), argv, command)

    def test_own_request(self) -> None:
        """Input and output are the server's, wherever they stood."""
        expected = "/usr/bin/gcc-12 -O2 -x cpp-output -c /job/in.i -o /job/out.o"
        self.check("gcc -O2 -x cpp-output -c a.c -o a.o", expected)
        self.check("gcc -o a.o -x cpp-output -O2 -c a.c", expected)

    def test_request_of_c_distcc(self) -> None:
        """C distcc names the source, not the text, and leaves a few options in."""
        expected = "/usr/bin/gcc-12 -pipe -x cpp-output -c /job/in.i -o /job/out.o"
        self.check("gcc -c a.c -o a.o -pipe -iquote . --sysroot=/", expected)
        self.check("gcc -x c -c a.c -o a.o -pipe", expected)

    def test_odd_names(self) -> None:
        """An object named after its source is neither a response file nor an option to servers."""
        for source, expected in ("src/@a.c", "./@a.o"), ("src/-a.c", "./-a.o"), ("src/a.c", "a.o"):
            argv = remote_argv(_understood(f"gcc -c {source}"), "/the/folder")
            self.assertEqual(argv[-1], expected)
            _understood(shlex.join(argv))

    def test_twice(self) -> None:
        """A request that was rewritten once does not change when it is rewritten again."""
        c = _understood("gcc -O2 -DX -g -c src/a.cc -o b.o")
        argv = remote_argv(c, "/the/folder")
        self.assertEqual(argv, remote_argv(_understood(shlex.join(argv)), "/the/folder"))


class ArrivedTests(SynchronousTestCase):
    """What a server makes of commands that would better have stayed local."""

    def test_served_with_the_option(self) -> None:
        """`cmake` asks compilers with `-v`: a server that is asked all the same answers so."""
        c = parse(["gcc", "-v", "-c", "a.c", "-o", "a.o"], arrived=True)
        assert isinstance(c, Compilation)
        self.assertIn("-v", serve_argv(c, "/usr/bin/gcc", "in.i", "out.o"))

    def test_no_dependencies_on_a_server(self) -> None:
        """Dependencies belong to preprocessing: a server neither writes nor disputes them."""
        c = parse(["gcc", "-MF", "x.d", "-c", "a.c", "-o", "a.o"], arrived=True)
        assert isinstance(c, Compilation)
        self.assertIsNone(c.dependencies)
        self.assertNotIn("x.d", serve_argv(c, "/usr/bin/gcc", "in.i", "out.o"))


class ServeTreeTests(SynchronousTestCase):
    """On the server, a command that brings its files."""

    def check(self, command: str, expected: str) -> None:
        arrived = parse(shlex.split(command), arrived=True, with_files=True)
        assert isinstance(arrived, Compilation), arrived
        argv = serve_tree_argv(arrived, "/bin/cc", "/job/o", "/job/d")
        self.assertEqual(argv, shlex.split(expected), command)

    def test_dependencies(self) -> None:
        """Rules go where the server wants them, under the name that they have at the client."""
        self.check(
            "gcc -I. -MMD -MP -MF x.d -g -c a.c -o a.o",
            "/bin/cc -I. -g -c a.c -MMD -MQ a.o -MP -MF /job/d -o /job/o",
        )

    def test_no_rules(self) -> None:
        """What asks for rules of text that includes nothing is passed on: compilers may warn of it."""
        self.check(
            "clang -MD -MT x -MF x.d -c a.i -o a.o",
            "/bin/cc -MD -MT x -MF x.d -c a.i -o /job/o",
        )
        self.check("gcc -Wp,-MD,x.d -c a.s -o a.o", "/bin/cc -c a.s -o /job/o")
