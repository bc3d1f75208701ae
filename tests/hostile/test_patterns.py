"""Regular expressions on what a peer sends: none takes time that grows with the square of a text.

Each pattern of the product is either listed here with whose text it sees, or in a module that sees none
of a peer's.  The texts are so long that a pattern of quadratic time would be busy for ten minutes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import string
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

import twisted_distcc
from tests.pump.fakes import SYSTEM, Files, compilation
from twisted_distcc.client.hosts_grammar import parse_hosts
from twisted_distcc.client.inputs.depfile_listing import prerequisites
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import split_environment
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.execution.path_mapping import restored_rules
from twisted_distcc.pump.callers import check_source
from twisted_distcc.pump.definitions import definitions_in
from twisted_distcc.pump.probing import calls_oddly
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.search import SearchPath
from twisted_distcc.pump.text import Text, read_text, written_from
from twisted_distcc.pump.unit import CallersOwnError, UndecidedError
from twisted_distcc.pump.variants import TANGLED, variants

_LENGTH: Final = 200_000

# Modules whose patterns see what a client or a server sends, or what a compiler in the hands of a client
# says.
_PEERS: Final = frozenset(
    {
        "cli.doctor.host_checks",
        "cli.doctor.host_faults_mended",
        "cli.probing.host_reports",
        "client.results.dependency_rules",
        "client.results.quoted_files",
        "client.terminal",
        "cmdline.compilers",
        "cmdline.environment",
        "cmdline.foreseen",
        "cmdline.forms",
        "cmdline.messages",
        "cmdline.preprocessed",
        "cmdline.rewrite",
        "execution.inputs.names",
        "execution.path_mapping",
        "discovery.service_record",
        "execution.sandbox.bubblewrap",
        "execution.sandbox.changes",
        "execution.sandbox.jail",
        "jobs.file_times",
        "server.job.job_causes",
        "tls.certificate_names",
        "tls.faults",
        "wire.tokens",
    }
)
# Those that see only what lies, or runs, on the machine of whoever reads it, with his own rights.
_OWN: Final = frozenset(
    {
        "cli.demo.library",
        "cli.demo.local_farm",
        "cli.masquerade",
        "cli.verify.twice",
        "client.backends.engine_access",
        "client.backends.engine_job",
        "client.backends.engine_tls",
        "client.hosts_grammar",
        "client.inputs.depfile_listing",
        "client.inputs.own_processor",
        "client.inputs.precompiled_headers",
        "client.inputs.preprocessing",
        "client.journal.totals",
        "cmdline.compiler_answers",
        "cmdline.configurations",
        "cmdline.driver_rules",
        "cmdline.overlays",
        "policy.reading",
        "pump.code_readings",
        "pump.definitions",
        "pump.laying",
        "pump.header_names",
        "pump.lexing",
        "pump.macro_tokens",
        "pump.macros",
        "pump.pasting",
        "pump.probing",
        "pump.text",
        "pump.variants",
        "pump.word_choices",
        "tls.authority.subject_names",
        "toolchain.digest",
        "toolchain.elf",
        "toolchain.discovery",
        "toolchain.travelling_tree",
    }
)


_METHODS: Final = "(fullmatch|match|search|finditer|findall|sub|subn)"
_USE: Final = re.compile(rf"\b(_[A-Z_0-9]+)\.{_METHODS}\b")
# `form.fullmatch(value)`, `_PATTERNS[self].fullmatch(argument)`
_USE_OF_SOME: Final = re.compile(rf"(?:\b[a-z]\w*|\])\.{_METHODS}\(")


def _patterns(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _patterns(inner)


def _modules() -> Iterator[tuple[str, ModuleType]]:
    for found in pkgutil.walk_packages(twisted_distcc.__path__, "twisted_distcc."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            if any(True for value in vars(module).values() for _ in _patterns(value)):
                yield found.name.removeprefix("twisted_distcc."), module


def _uses(module: ModuleType) -> Iterator[tuple[re.Pattern[Any], str]]:
    """Each pattern of a module, with what is done with it, by its name or by way of a variable."""
    source = inspect.getsource(module)
    methods = set(_USE.findall(source))
    of_some = set(_USE_OF_SOME.findall(source))
    for name, value in vars(module).items():
        used = {method for of, method in methods if of == name} or of_some
        for pattern in _patterns(value):
            for method in used:
                yield pattern, method


def _texts(pattern: str) -> Iterator[str]:
    """Long texts of what a pattern itself speaks of: one character, or two in turn, and an odd end."""
    letters = {letter for letter in pattern if letter in string.punctuation} | set(" \t\n\r\\a1\x1b")
    for letter in sorted(letters):
        for unit in (letter, f"{letter}a", f"\\{letter}", f"{letter} "):
            yield unit * (_LENGTH // len(unit)) + "\v"
    for word in re.findall(r"[A-Za-z]{2,}", pattern):
        yield f"{word}-" * (_LENGTH // (len(word) + 1)) + "\v"
        yield f".{word}" * (_LENGTH // (len(word) + 1)) + "\v"


class PatternTests(SynchronousTestCase):
    """A quadratic pattern would make these tests take ten minutes each."""

    def test_all_are_known(self) -> None:
        """Somebody has thought of each module's patterns, and of whose text they see."""
        found = {name for name, _ in _modules()}
        self.assertEqual(found - _PEERS - _OWN, set())
        self.assertEqual((_PEERS | _OWN) - found, set())

    def test_linear(self) -> None:
        """Patterns for a peer's text are through with a long one, as they are used."""
        for name, module in _modules():
            if name in _PEERS:
                for pattern, method in _uses(module):
                    self.check(pattern, method)

    def check(self, pattern: re.Pattern[Any], method: str) -> None:
        is_text = isinstance(pattern.pattern, str)
        spelled = pattern.pattern if is_text else pattern.pattern.decode("latin-1")
        for text in _texts(spelled):
            subject: Any = text if is_text else text.encode("latin-1")
            if method in {"match", "fullmatch"}:
                getattr(pattern, method)(subject)
            else:
                pattern.sub(subject[:0], subject)


class FoldingTests(SynchronousTestCase):
    """The dependency file of a compile in another folder, whose target a client chooses."""

    def test_targets(self) -> None:
        """A word, its blanks and its escapes may be as long as the file is."""
        for unit in (b"a", b" ", b"\\ ", b"\\\n", b"\t", b"a ", b"$$", b"\\", b"\v", b" \\\n "):
            target = unit * (_LENGTH // len(unit))
            for family in (Family.GCC, Family.CLANG):
                folded = restored_rules(b"a.o" + target + b": a.c\n", b"/root", family)
                self.assertTrue(folded.startswith(b"a.o"), unit)
                self.assertTrue(folded.endswith(b"a.c\n"), unit)

    def test_words(self) -> None:
        """Only blanks and line breaks part words: what else is white stays in a name."""
        for name in (b"a\tb", b"a\vb", b"a\rb", b"a\fb", b"a\\ b", b"a\\\tb"):
            for family in (Family.GCC, Family.CLANG):
                rules = b"a.o: " + name + b" c.h\n"
                self.assertEqual(restored_rules(rules, b"/root", family), rules)

    def test_listings(self) -> None:
        """So it is with what the compiler here lists for a client."""
        for unit in ("a", " ", "\\ ", "\\\n", "\t", "$$", "\\"):
            listed = prerequisites("a.o: x" + unit * (_LENGTH // len(unit)) + "\v")
            self.assertTrue(listed[0].startswith("x"))


class SourceTests(SynchronousTestCase):
    """Sources are the user's own, but others wrote most of them: none may stop all of his compiles."""

    def read(self, unit: bytes, head: bytes = b"", tail: bytes = b"") -> Text:
        source = head + unit * (_LENGTH // 2 // len(unit)) + tail
        definitions_in(source)
        for text in variants(source):
            calls_oddly(text, [b"f"])
        return read_text(source)

    def test_comments(self) -> None:
        """A text is not looked through where comments begin again and again before one ends."""
        for unit in (b"#/*", b"#include x/*", b"#define f /*", b"## /*", b"__has_include(/*", b"# 1 /*"):
            for tail in (b"", b"*/"):
                self.assertEqual(self.read(unit, tail=tail).forbids, TANGLED)
        self.assertEqual(self.read(b"#/* x */ ").forbids, "")
        with self.assertRaises(CallersOwnError):
            check_source("/s.c", Files({"/s.c": "/proc/self/" + "#/*" * _LENGTH}))

    def test_long_lines(self) -> None:
        """Probes, calls, names and literals may fill one line."""
        units = (
            b"__has_include ",
            b"__has_include(<",
            b"f(<a>) ",
            b"defined f ",
            b'#include "a" ',
            b'"\\',
        )
        units += (
            b".incbin ",
            b'L"',
            b'R"a(',
            b"# ",
            b"'\\",
            b"defined(",
            b"__has_include(f) ",
            b"__DATE__'",
        )
        for unit in units:
            for head in (b"#if ", b"#define f(a) __DATE__ "):
                self.read(unit, head)

    def test_many_lines(self) -> None:
        """Lines that say where text comes from are as many as a preprocessed text has."""
        source = b'# 1 "a.c"\n' * _LENGTH
        self.assertEqual(written_from(source), {"a.c"})

    def test_macros(self) -> None:
        """Macros that double a text, or a name, with each call are not followed to its end."""
        doubling = (
            b"#define D(x) %b\n#define J(x, y) x##y\n#define S(x) #x\n#define X(x) S(x)\n#include %b\n"
        )
        for body in (b"x x", b"J(x,x)"):
            for within in (b"%b", b"X(%b)"):
                nested = b"D(" * 39 + b"a" + b")" * 39
                source = doubling % (body, within % nested)
                files = Files({"/p/s.c": source.decode()})
                with self.assertRaises(UndecidedError):
                    Scanner(files).unit(compilation("gcc -c s.c"), "/p", SYSTEM)

    def test_search_lists(self) -> None:
        """A compiler may say that it searches nowhere at length."""
        said = b'#include "..." search starts here:\n' + b" \n" * _LENGTH
        with self.assertRaises(UndecidedError):
            SearchPath.parse(b"", said, "/")


class HostListTests(SynchronousTestCase):
    def test_many(self) -> None:
        """A list may have more words than there are hosts in the world."""
        hosts = parse_hosts("red +x ,down " * (_LENGTH // 5))
        self.assertEqual((len(hosts.hosts), len(hosts.bad), len(hosts.down)), (_LENGTH // 5,) * 3)


class ArgumentTests(SynchronousTestCase):
    """Words of a command that are as long as a request lets them be."""

    def test_forms(self) -> None:
        """No form of an argument is slow to turn down."""
        for form in Form:
            for letter in "a=.(,@":
                form.admits(letter * _LENGTH + "\n")

    def test_environment(self) -> None:
        """No value of a variable is slow to turn down."""
        for name in ("GCC_COLORS", "SOURCE_DATE_EPOCH", "LC_ALL"):
            for unit in ("a", "a=", "a:", "1;", "a=1:"):
                split_environment(["env", f"{name}={unit * (_LENGTH // len(unit))}\n", "gcc"])
