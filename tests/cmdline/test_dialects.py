"""The table against what gcc and clang themselves list as their options.

Both are asked for all that they know, hidden options too: whatever they take, no file of a peer's
choice gets to a compiler on a server, and what takes an argument is in the table by decision.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import WITH_FILES
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import serve_argv

_FAMILIES = {"gcc": Family.GCC, "clang": Family.CLANG}
_CLASSES_OF_GCC = ("common", "optimizers", "target", "warnings", "c", "c++", "objc", "driver")
_VALUED = re.compile(r"-[fmWgO][\w+-]*=")

# By hand: options whose argument is text, though it may look like the name of a file.
_TEXTS = """
    -fdebug-compilation-dir -fdebug-compilation-dir= -ffile-compilation-dir=
    -fcoverage-compilation-dir= -ffile-prefix-map= -fdebug-prefix-map= -fmacro-prefix-map=
    -fcoverage-prefix-map= -fprofile-prefix-map= -frandom-seed= -funique-source-file-identifier=
    -finstrument-functions-exclude-file-list=
"""
# By hand: options of other languages and of developers, which travel with nothing but a number.
_UNDECIDED = """
    -fada-spec-parent= -fhelp= -flang-info-include-translate= -fbootclasspath= -fcheck= -fclasspath=
    -fcoarray= -fcompile-resource= -fconvert= -fencoding= -fextdirs= -ffpe-trap= -finit-character=
    -finit-integer= -finit-logical= -finit-real= -fmax-array-constructor= -fmax-stack-var-size=
    -fmax-subrecord-length= -foutput-class-dir= -frecord-marker= -fuse-lipo= -moverride= -fdbg-cnt=
    -Woverloaded-virtual= -mzos-hlq-clang= -mzos-hlq-csslib= -mzos-hlq-le= -mzos-sys-include=
"""
# Options of clang whose values it completes, and which all travel.
_COMPLETED = """
    -std= -fsanitize= -fno-sanitize= -fsanitize-recover= -fvisibility= -ffp-contract= -ftls-model=
    -fcf-protection= -ftrivial-auto-var-init= -march= -mtune= -mcmodel= -ffp-model= -flto= -fveclib=
"""


@cache
def _options(compiler: str) -> frozenset[str]:
    """The options that a compiler lists, without arguments: `-fvisibility=`."""
    if compiler == "gcc":
        listed = "".join(_said("gcc", f"--help={name}") for name in _CLASSES_OF_GCC)
        return frozenset(re.findall(r"(?m)^  (--?[\w+-]+=?)", listed))
    return frozenset(
        line.partition("\t")[0].strip()
        for beginning in ("-", "--")
        for line in _said("clang", f"--autocomplete={beginning}").splitlines()
    )


def _said(*argv: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False).stdout


def _spellings(option: str, argument: str) -> Iterator[list[str]]:
    yield [option + argument]
    yield [f"{option}={argument}"]
    yield [option, argument]
    yield [f"-{option}={argument}"]
    yield [option + f"word,{argument}"]


class DialectTests(SynchronousTestCase):
    """gcc and clang as they are installed here."""

    def test_both_answer(self) -> None:
        """They list hundreds of options, as many as the other tests take for granted."""
        for compiler in _FAMILIES:
            self.assertGreater(len(_options(compiler)), 900)
            valued = [option for option in _options(compiler) if _VALUED.fullmatch(option)]
            self.assertGreater(len(valued), 100)

    def test_no_path_gets_through(self) -> None:
        """No option, listed or not, takes a path or @file to a compiler on a server, but as text."""
        names = {rule.name for rule in OPTIONS.rules}
        for compiler in _FAMILIES:
            for option in sorted(_options(compiler) | names):
                for argument in ("/of/a/peer", "@of-a-peer"):
                    for words in _spellings(option, argument):
                        self.check_served(compiler, words, argument)

    def check_served(self, compiler: str, words: list[str], argument: str) -> None:
        verdict = parse([compiler, *words, "-c", "a.c"], arrived=True)
        if isinstance(verdict, StayLocal):
            return
        for option in verdict.options:
            rule = OPTIONS.find(option.words[0], verdict.family)
            if rule is not None and rule.form is Form.TEXT and rule.role not in WITH_FILES:
                self.assertIn(rule.name, _TEXTS.split())
                self.assertFalse(option.value.startswith("@"), words)
                return
        served = serve_argv(verdict, compiler, "in", "out")
        self.assertFalse([word for word in served if argument in word], (words, served))

    def test_decided(self) -> None:
        """Each listed option with a joined argument has a row of its own, or is listed here."""
        for compiler, family in _FAMILIES.items():
            for option in sorted(_options(compiler) - set(_UNDECIDED.split())):
                if _VALUED.fullmatch(option):
                    rule = OPTIONS.find(option, family)
                    assert rule is not None, option
                    self.assertGreater(len(rule.name), len("-f"), option)

    def test_the_undecided(self) -> None:
        """What is listed here as undecided travels with a number, and with nothing else."""
        for option in _UNDECIDED.split():
            self.assertIsInstance(parse(["gcc", f"{option}1", "-c", "a.c"]), Compilation, option)
            self.assertIsInstance(parse(["gcc", f"{option}x", "-c", "a.c"]), StayLocal, option)

    def test_switches(self) -> None:
        """Each listed option without an argument is known, unless it is of another language."""
        unknown = {
            option
            for compiler, family in _FAMILIES.items()
            for option in _options(compiler)
            if option[:2] in {"-f", "-m", "-W"} and "=" not in option
            if not re.search("[,:<]", option) and OPTIONS.find(option, family) is None
        }
        self.assertEqual(set(), unknown)

    def test_values_that_clang_completes(self) -> None:
        """Whatever value clang offers for an option of a family travels."""
        asked = 0
        for option in _COMPLETED.split():
            for value in _said("clang", f"--autocomplete={option}").split():
                asked += 1
                verdict = parse(["clang", option + value, "-c", "a.c"])
                self.assertIsInstance(verdict, Compilation, option + value)
        self.assertGreater(asked, 50)
