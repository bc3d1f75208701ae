"""The parser's word against what real gcc and clang do.

Each command of the corpus is one test.  It runs in a folder of its own: what changed there must be
what the parser said.  Then it goes the distributed way, with the server in another folder, and the
files must be the same, byte by byte.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.cmdline import corpus
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import preprocess_argv, remote_argv, serve_argv

if TYPE_CHECKING:
    from collections.abc import Callable

_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

# By hand, so that the table of the parser is compared with something.
_PREPROCESSED = {"main.c": "two.i", "main.cc": "two.ii"}

# How gcc and clang complain.
_NO_SUCH_FILE = re.compile(r"(?:no such file or directory: '|error: )(first\.c|second\.c)")
_UNKNOWN_OPTION = re.compile(r"unrecognized command|unknown argument|unsupported option")


@cache
def _missing(compiler: str, language: str) -> str:
    """Why this compiler cannot be asked on this machine; empty if it can."""
    if shutil.which(compiler) is None:
        return f"{compiler} is not installed"
    asked = subprocess.run(
        [compiler, "-x", language, "-fsyntax-only", os.devnull],
        env=_ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    return f"{compiler} has no compiler for {language}" if asked.returncode else ""


def _require(compiler: str, language: str = "c") -> None:
    if reason := _missing(compiler, language):
        raise SkipTest(reason)


class CompilerCase(SynchronousTestCase):
    """A folder for the client, one for the server."""

    def setUp(self) -> None:
        self.top = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top)
        self.client = self.top / "client"
        self.server = self.top / "server"
        self.server.mkdir()
        for name, text in corpus.FILES.items():
            path = self.client / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def read_file(self, name: str) -> str | None:
        path = self.client / name
        return path.read_text() if path.is_file() else None

    def understood(self, argv: list[str]) -> Compilation:
        verdict = parse(argv, self.read_file)
        self.assertIsInstance(verdict, Compilation, verdict)
        assert isinstance(verdict, Compilation)
        return verdict

    def run_in(self, folder: Path, argv: list[str]) -> None:
        done = subprocess.run(
            argv, cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, check=False
        )
        self.assertEqual(0, done.returncode, f"{shlex.join(argv)}\n{done.stderr}")

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.client)): path.read_bytes()
            for path in self.client.rglob("*")
            if path.is_file()
        }

    def distributed(self, c: Compilation) -> tuple[bytes, bytes | None]:
        """The output and the dependency file of the distributed way."""
        text = self.top / f"text{c.language.preprocessed_suffix}"
        rules = self.top / "rules.tmp"
        if c.language.is_preprocessed:
            shutil.copy(self.client / c.source, text)
        else:
            self.run_in(self.client, preprocess_argv(c, str(text), str(rules)))
        received = parse(remote_argv(c, str(self.client)))
        self.assertIsInstance(received, Compilation, received)
        assert isinstance(received, Compilation)
        source = f"job{received.language.preprocessed_suffix}"
        shutil.move(text, self.server / source)
        self.run_in(self.server, serve_argv(received, c.compiler, source, "job.out"))
        dependencies = rules.read_bytes() if rules.exists() else None
        return (self.server / "job.out").read_bytes(), dependencies


class CorpusTests(CompilerCase):
    """Every command of the corpus does what the parser says, here and elsewhere."""

    def check(self, argv: list[str]) -> None:
        c = self.understood(argv)
        _require(c.compiler, c.language.value)
        before = self.files()
        self.run_in(self.client, argv)
        after = self.files()

        said = {os.path.normpath(c.output)}
        if c.dependencies is not None:
            said.add(os.path.normpath(c.dependencies.path))
        written = {name for name in after if after[name] != before.get(name)}
        self.assertEqual(said, written)
        output = after[os.path.normpath(c.output)]
        if "-flto" not in " ".join(argv):  # bitcode hides its strings
            self.assert_read(c.source, output)

        for name in written:
            (self.client / name).unlink()
        elsewhere, dependencies = self.distributed(c)
        self.assertEqual(output, elsewhere)
        if c.dependencies is None:
            self.assertIsNone(dependencies)
        else:
            self.assertEqual(after[os.path.normpath(c.dependencies.path)], dependencies)

    def assert_read(self, source: str, output: bytes) -> None:
        for name in corpus.FILES:
            marker = f"source of {name}".encode()
            marked = marker + b"\0" in output or marker + b'"' in output
            self.assertEqual(name == os.path.normpath(source), marked, name)


class LocatingTests(CompilerCase):
    """An object that tells columns is that of the local compile in two steps."""

    def check(self, compiler: str, flags: list[str], source: str) -> None:
        _require(compiler, "c++" if source.endswith(".cc") else "c")
        text = _PREPROCESSED[source]
        self.run_in(self.client, [compiler, *flags, "-E", source, "-o", text])
        self.run_in(self.client, [compiler, *flags, "-c", text, "-o", "two.o"])
        c = self.understood([compiler, *flags, "-c", source, "-o", "main.o"])
        self.assertEqual("-g" in " ".join(flags), c.debug)
        elsewhere, _ = self.distributed(c)
        self.assertEqual((self.client / "two.o").read_bytes(), elsewhere)


class RowTests(SynchronousTestCase):
    """Rows that travel take the next word for an argument exactly where the compilers do."""

    def check(self, compiler: str, family: Family) -> None:
        _require(compiler)
        local = {Role.LOCAL, Role.BETTER_LOCAL}
        rules = [
            r
            for r in OPTIONS.rules
            if OPTIONS.find(r.name, family) is r and r.role not in local and not r.name.endswith("=")
        ]
        asked = 0
        for rule in rules:
            taken = self.takes_next(compiler, rule.name)
            if taken is not None:
                asked += 1
                self.assertEqual(rule.wants_next(rule.name), taken, rule.name)
        self.assertGreater(asked, len(rules) // 2)

    def takes_next(self, compiler: str, word: str) -> bool | None:
        """Whether the word after `word` is its argument; None where the compiler does not say."""
        argv = [compiler, "-fsyntax-only", "first.c", word, "second.c"]
        with tempfile.TemporaryDirectory() as folder:  # some of them make a file
            done = subprocess.run(
                argv, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                check=False, cwd=folder,
            )  # fmt: skip
        missing = set(_NO_SUCH_FILE.findall(done.stderr))
        if "first.c" not in missing or _UNKNOWN_OPTION.search(done.stderr):
            return None
        return "second.c" not in missing

    def test_gcc(self) -> None:
        """Of gcc's options."""
        self.check("gcc", Family.GCC)

    def test_clang(self) -> None:
        """Of clang's options."""
        self.check("clang", Family.CLANG)


def _add_test(case: type, number: int, about: str, check: Callable[..., None]) -> None:
    check.__doc__ = about
    check.__name__ = f"test_{number:03}"
    setattr(case, check.__name__, check)


def _of_corpus(argv: list[str]) -> Callable[[CorpusTests], None]:
    return lambda self: self.check(argv)


def _of_locating(compiler: str, flags: list[str], source: str) -> Callable[[LocatingTests], None]:
    return lambda self: self.check(compiler, flags, source)


for _number, _argv in enumerate(corpus.distributable()):
    _add_test(CorpusTests, _number, shlex.join(_argv), _of_corpus(_argv))

for _number, (_compiler, _flags, _source) in enumerate(corpus.locating()):
    _add_test(
        LocatingTests,
        _number,
        shlex.join([_compiler, *_flags, _source]),
        _of_locating(_compiler, _flags, _source),
    )
