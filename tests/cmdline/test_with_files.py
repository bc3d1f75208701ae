"""Commands for a server that preprocesses: what it takes, what it runs, and in which environment."""

from __future__ import annotations

import shlex

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation, Language, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import (
    environment_for_servers,
    search_options,
    split_environment,
    temporary_folder_for_servers,
)
from twisted_distcc.cmdline.option_rules import WITH_FILES, Takes
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import serve_tree_argv, tree_argv


def arrived(command: str) -> Compilation | StayLocal:
    return parse(shlex.split(command), arrived=True, with_files=True)


class ServedTests(SynchronousTestCase):
    """What a server makes of what arrived."""

    def check(self, command: str, expected: str) -> None:
        verdict = arrived(command)
        assert isinstance(verdict, Compilation), verdict
        argv = serve_tree_argv(verdict, "/bin/cc", "/j/o", "/j/d")
        self.assertEqual(argv, shlex.split(expected), command)

    def test_options_stay(self) -> None:
        """All words stand where they stood, the linker's too, but for those about outputs."""
        self.check(
            "gcc -O2 -DX -I . -o a.o -x c -c a.c -Wa,--noexecstack -lm -Wl,-z,now",
            "/bin/cc -O2 -DX -I . -x c -c a.c -Wa,--noexecstack -lm -Wl,-z,now -o /j/o",
        )

    def test_dependencies(self) -> None:
        """Rules go to the server's own file, under the name that the command gives them."""
        for command, expected in (
            ("gcc -MD -c a.c -o b/a.o", "/bin/cc -c a.c -MD -MQ b/a.o -MF /j/d -o /j/o"),
            ("gcc -MMD -MP -MFx -MT t -c a.c", "/bin/cc -c a.c -MMD -MT t -MP -MF /j/d -o /j/o"),
            ("gcc -Wp,-MD,x.d -c a.c -o b.o", "/bin/cc -c a.c -MD -MQ a.o -MF /j/d -o /j/o"),
            ("clang -Wp,-MD,x.d -c a.c -o b.o", "/bin/cc -c a.c -MD -MQ b.o -MF /j/d -o /j/o"),
            ("gcc -MD -S a.c", "/bin/cc -S a.c -MD -MQ a.o -MF /j/d -o /j/o"),
        ):
            self.check(command, expected)

    def test_what_is_asked(self) -> None:
        """A client asks for its command as typed; its object is named, for C distccd's sake."""
        for command, expected in (
            ("gcc -MD -Ix -c a.c -o b.o -lm", "gcc -MD -Ix -c a.c -o b.o -lm"),
            ("gcc -c d/a.c", "gcc -c d/a.c -o a.o"),
            ("gcc -MD -S a.c", "gcc -MD -S a.c"),
        ):
            verdict = parse(shlex.split(command))
            assert isinstance(verdict, Compilation)
            self.assertEqual(shlex.join(tree_argv(verdict)), expected)


class RefusedTests(SynchronousTestCase):
    def test_files_of_options(self) -> None:
        """No argument that a driver would hand on as `@file` gets through, of no option."""
        for rule in OPTIONS.rules:
            words = [rule.name, "@x"] if rule.takes is Takes.SEPARATE else [f"{rule.name}@x"]
            for family in (Family.GCC, Family.CLANG):
                if rule.role in WITH_FILES and OPTIONS.find(words[0], family) is rule:
                    verdict = parse(
                        ["cc", *words, "-c", "a.c"], family=family, arrived=True, with_files=True
                    )
                    self.assertIsInstance(verdict, StayLocal, str(words))

    def test_devices(self) -> None:
        """A preprocessor is given no device to read, by whichever name, nor one as its source."""
        for words in ("-include /dev/urandom", "-I/proc/self", "-imacros /x/../dev/x", "-I=/dev/fd"):
            verdict = arrived(f"gcc {words} -c a.c")
            assert isinstance(verdict, StayLocal), words
            self.assertIn("names a device", verdict.reason)
        self.assertIsInstance(arrived("gcc -c /proc/self/fd/0 -x c"), StayLocal)
        self.assertIsInstance(arrived("gcc -I/devices -Idev -D/dev -c a.c"), Compilation)

    def test_clients_are_not_bound(self) -> None:
        """What no server may be given is no matter where the client preprocesses itself."""
        self.assertIsInstance(parse(["gcc", "-I/dev/shm/x", "-I@x", "-c", "a.c"]), Compilation)


class EnvironmentTests(SynchronousTestCase):
    def test_split(self) -> None:
        """Few variables are set, to few values, and only by `env` in front."""
        self.assertEqual(split_environment(["gcc", "A=B"]), ({}, ["gcc", "A=B"]))
        words = ["env", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=17", "gcc", "-c"]
        told = {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "17"}
        self.assertEqual(split_environment(words), (told, ["gcc", "-c"]))
        self.assertEqual(split_environment(["env"]), ({}, ()))
        for word in (
            "LD_PRELOAD=x", "LC_ALL=de_DE", "LC_ALL=C.UTF-8\n", "SOURCE_DATE_EPOCH=-1", "PATH=", "=x",
            "SOURCE_DATE_EPOCH=", "TMPDIR=/", "TMPDIR=/dev/shm", "TMPDIR=/proc", "TMPDIR=x",
            "TMPDIR=/a b", "TMPDIR=/a\n", "TMPDIR=//x", "GCC_EXEC_PREFIX=/x", "LC_ALL=C/../x", "A=1",
        ):  # fmt: skip
            self.assertIsInstance(split_environment(["env", word, "gcc"]), StayLocal, word)

    def test_temporary(self) -> None:
        """Of the folders that gcc would try, servers are told the first that is there."""
        for env, there, told in (
            ({}, {"/tmp"}, "/tmp"), ({"TMPDIR": "/a/b-1"}, {"/a/b-1", "/tmp"}, "/a/b-1"),
            ({"TMPDIR": "/a", "TEMP": "/c/"}, {"/c/", "/tmp"}, "/c/"),
            ({"TMPDIR": "", "TMP": "/b", "TEMP": "/c"}, {"/b", "/c"}, "/b"),
            ({}, {"/var/tmp"}, "/var/tmp"),
        ):  # fmt: skip
            self.assertEqual(temporary_folder_for_servers(env, there.__contains__), told)
            self.assertEqual(
                split_environment(["env", f"TMPDIR={told}", "cc"]), ({"TMPDIR": told}, ["cc"])
            )
        for env, there in (
            ({}, {""}),
            ({"TMPDIR": "a"}, {"a", "/tmp"}),
            ({"TMP": "/dev/shm"}, {"/dev/shm"}),
        ):
            self.assertIsInstance(temporary_folder_for_servers(env, there.__contains__), StayLocal)

    def test_told(self) -> None:
        """Servers are told the characters of the locale, if it is installed, and the date."""
        for env, locale in (
            ({}, "C"), ({"LANG": "de_DE.UTF-8"}, "C.UTF-8"), ({"LANG": "x.UTF-8", "LC_ALL": "C"}, "C"),
            ({"LC_CTYPE": "en_US.utf8", "LC_ALL": ""}, "C.UTF-8"), ({"LANG": "missing.UTF-8"}, "C"),
            ({"LANG": "de_DE@euro"}, "C"), ({"LC_ALL": "C.UTF-8"}, "C.UTF-8"),
        ):  # fmt: skip
            told = environment_for_servers(env, lambda name: not name.startswith("missing"))
            self.assertEqual(told, {"LC_ALL": locale}, env)
        epoch = environment_for_servers({"SOURCE_DATE_EPOCH": "17"}, lambda _: True)
        self.assertEqual(epoch, {"LC_ALL": "C", "SOURCE_DATE_EPOCH": "17"})
        bad = environment_for_servers({"SOURCE_DATE_EPOCH": "now"}, lambda _: True)
        self.assertIsInstance(bad, StayLocal)

    def test_what_is_told_is_taken(self) -> None:
        """A server takes all that a client tells."""
        for env in ({}, {"LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "0"}):
            told = environment_for_servers(env, lambda _: True)
            assert isinstance(told, dict)
            words = [f"{name}={value}" for name, value in told.items()]
            self.assertEqual(split_environment(["env", *words, "cc"]), (told, ["cc"]))

    def test_searched(self) -> None:
        """`CPATH` is searched like `-I`, the others like `-isystem`; an empty name is this folder."""
        env = {"CPATH": "/a:", "C_INCLUDE_PATH": "/c", "CPLUS_INCLUDE_PATH": "/x:/y"}
        c = ["-I", "/a", "-I", ".", "-isystem", "/c"]
        self.assertEqual(search_options(env, Language.C), c)
        self.assertEqual(search_options(env, Language.ASSEMBLER_WITH_CPP), c)
        self.assertEqual(search_options(env, Language.CXX)[4:], ["-isystem", "/x", "-isystem", "/y"])
        self.assertEqual(search_options({"CPATH": ""}, Language.C), [])
