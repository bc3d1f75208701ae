"""What decides how messages look, as far as words and variables tell."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import compilation
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import (
    environment_for_servers,
    split_environment,
    tells_all_of_messages,
)
from twisted_distcc.cmdline.messages import (
    has_known_characters,
    is_cut,
    is_english,
    is_recorded,
    narrowest,
    options_like,
    shaping_options,
    shaping_variables,
)

TOLD = {"GCC_COLORS": "error=01;31:ne", "TERM_URLS": "st", "GCC_EXTRA_DIAGNOSTIC_OUTPUT": "fixits-v2"}
ODD = ({"GCC_COLORS": "error=\x1b[0m"}, {"GCC_COLORS": "a=1\n"}, {"TERM_URLS": "x"}, {"GCC_URLS": "/"})


def installed(name: str) -> bool:
    return name in {"de_DE.UTF-8", "en_US.UTF-8", "en_GB", "C.UTF-8", "de_DE"}


class LanguageTests(SynchronousTestCase):
    def test_english(self) -> None:
        """The C locale is never translated; others are, into what LANGUAGE or their name says."""
        for env in (
            {},
            {"LC_ALL": "C", "LANGUAGE": "de"},
            {"LANG": "xx_YY.UTF-8", "LANGUAGE": "de"},
            {"LANG": "en_US.UTF-8"},
            {"LC_MESSAGES": "C.UTF-8", "LANG": "de_DE.UTF-8"},
            {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "en_US:en"},
        ):
            self.assertTrue(is_english(env, installed), env)
        for env in (
            {"LANG": "de_DE.UTF-8"},
            {"LC_ALL": "C.UTF-8", "LANGUAGE": "de:en"},
            {"LC_MESSAGES": "de_DE", "LANG": "C"},
            {"LANG": "en_GB"},
            {"LANG": "en_US.UTF-8", "LANGUAGE": "en@quot"},
        ):
            self.assertFalse(is_english(env, installed), env)

    def test_characters(self) -> None:
        """Servers know UTF-8 and plain ASCII, which is what a locale that is missing amounts to."""
        for env in ({}, {"LANG": "de_DE.UTF-8"}, {"LANG": "fr_FR"}, {"LC_CTYPE": "C", "LANG": "de_DE"}):
            self.assertTrue(has_known_characters(env, installed), env)
        self.assertFalse(has_known_characters({"LANG": "de_DE"}, installed))


class VariableTests(SynchronousTestCase):
    def test_told(self) -> None:
        """Servers are told what shapes messages, in the form that they take."""
        told = environment_for_servers(TOLD, installed)
        self.assertEqual(told, {"LC_ALL": "C", **TOLD})
        assert isinstance(told, dict)
        argv = ["env", *(f"{name}={value}" for name, value in told.items()), "gcc"]
        self.assertEqual(split_environment(argv), (told, ["gcc"]))
        self.assertTrue(tells_all_of_messages(TOLD))
        self.assertTrue(tells_all_of_messages({"GCC_COLORS": ""}))

    def test_not_told(self) -> None:
        """A value of another form is not told, and not taken."""
        for env in ODD:
            self.assertEqual(environment_for_servers(env, installed), {"LC_ALL": "C"})
            self.assertFalse(tells_all_of_messages(env))
            [(name, value)] = env.items()
            self.assertNotIsInstance(split_environment(["env", f"{name}={value}", "gcc"]), tuple)

    def test_which_count(self) -> None:
        """Terminals, colours and languages count; what make sets for each of its folders does not."""
        counting = {"TERM": "xterm", "COLORTERM": "truecolor", "VTE_VERSION": "1", "LANGUAGE": "de"}
        self.assertEqual(shaping_variables({**counting, "MAKELEVEL": "2", "PWD": "/x"}), counting)


class OptionTests(SynchronousTestCase):
    def test_of_a_command(self) -> None:
        """The words that shape messages, and whether others get into the object."""
        c = compilation("gcc -Wall -fdiagnostics-color=auto -fmessage-length=9 -c x.c")
        self.assertEqual(shaping_options(c), ("-fdiagnostics-color=auto", "-fmessage-length=9"))
        for command in ("gcc -g -c x.c", "gcc -frecord-gcc-switches -c x.c", "gcc -flto -c x.c"):
            self.assertTrue(is_recorded(compilation(command)), command)
        for command in ("clang -g -grecord-command-line -c x.c", "clang -MJ x -c x.c"):
            self.assertTrue(is_recorded(compilation(command)), command)
        for command in ("gcc -O2 -c x.c", "clang -g -c x.c", "clang -flto -c x.c"):
            self.assertFalse(is_recorded(compilation(command)), command)

    def test_like_a_sample(self) -> None:
        """What was said at a terminal tells the options that have it said without one."""
        colours, urls = "-fdiagnostics-color=always", "-fdiagnostics-urls=always"
        self.assertEqual(options_like(b"x.c: warning", Family.GCC), ())
        self.assertEqual(options_like(b"\x1b[01mx.c", Family.GCC), (colours,))
        self.assertEqual(options_like(b"\x1b[m\x1b]8;;https", Family.GENERIC), (colours, urls))
        inner = b' "/usr/bin/clang" "-cc1" "-fmessage-length=70" "-fcolor-diagnostics" "-x" "c"\n'
        self.assertEqual(
            options_like(inner, Family.CLANG), ("-fmessage-length=70", "-fcolor-diagnostics")
        )

    def test_width(self) -> None:
        """The narrowest of all that a compiler may ask counts."""
        self.assertEqual(narrowest({}, 80, None), 80)
        self.assertEqual(narrowest({"COLUMNS": "40"}, 80, 100), 40)
        self.assertEqual(narrowest({"COLUMNS": "0"}, 0, 100), 100)
        self.assertIsNone(narrowest({"COLUMNS": "wide"}, 0, None))

    def test_cut(self) -> None:
        """Quoted lines that may not fit count, without their colours; other lines do not."""
        quoted = b"x.c:1:1: warning: " + b"w" * 90 + b"\n    1 | \x1b[01;35m" + b"q" * 40 + b"\x1b[m\n"
        self.assertFalse(is_cut(quoted, 50))
        self.assertTrue(is_cut(quoted, 49))
        self.assertTrue(is_cut(b"100000 | " + b"q" * 40, 45))
