"""The table of options against the lists that compilers give of their own options."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role, Takes
from twisted_distcc.cmdline.options import CLANG_OPTIONS, OPTIONS

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
_STAYS = frozenset({Role.LOCAL, Role.BETTER_LOCAL})

_MEANT = re.compile(r"^COLLECT_GCC_OPTIONS=(.*)$", re.MULTILINE)
_UNKNOWN = re.compile(r"unknown argument:? '([^']+)'")
_NAMES_A_FILE = re.compile(r"^  (-[^ =<]+=?)[ =]?<[a-z -]*(?:path|dir|directory|file|pathname)>", re.M)
_ALIAS = re.compile(r"^  (-[^ =<]+=?)[^\n]*\n? +Alias for (-[^ ]+)$", re.MULTILINE)
# A library that is called `d-path=`.
_OTHERS = frozenset({"-ld-path="})

# What of clang's options that name files or folders may leave, by hand: a server opens none of them but
# what it was sent, and starts no program there.
_FILES_THAT_TRAVEL = frozenset(
    {"-I", "-F", "-L", "-MF", "-o", "-imacros", "-include", "-iprefix", "-iquote", "-isysroot"}
    | {"-isystem", "-isystem-after", "-iwithprefix", "-iwithprefixbefore", "-iwithsysroot"}
    | {"-cxx-isystem", "-iframeworkwithsysroot", "-stdlib++-isystem"}
    # Only to a sandbox.
    | {"-fprofile-use=", "-fprofile-remapping-file=", "-include-pch"}
    | {"-fmodule-map-file="}
)
# The same, of which clang's list has told since version 14.
_TOLD_LATER = frozenset({"--config=", "-frandomize-layout-seed-file=", "-fmemory-profile-use="})
# By trying all of clang's and gcc's options, in each spelling, with a folder full of programs.
_PROGRAMS = ("-B", "--prefix", "-ccc-install-dir", "-wrapper")
# Short for many options.
_MANY = "-fdiagnostics-plain-output"
# What gcc adds by itself, or understands by -mgather and -mscatter.
_ADDED = frozenset(
    {"-c", "-pthread", "-march=x86-64", "-march=i686", "-mtune=generic"}
    | {f"-mtune-ctrl={no}use_{what}" for no in ("", "^") for what in ("gather", "scatter")}
)


@cache
def _said(*argv: str) -> str:
    done = subprocess.run(argv, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _listed_by_gcc() -> list[str]:
    """What gcc completes `-` to, but for parameters and for families that the table does not know."""
    words = dict.fromkeys(_said("gcc", "--completion=-").split("\n"))
    families = ("--param", "--machine", "--warn", "--std", "--optimize=")
    return [word for word in words if word and word != _MANY and not word.startswith(families)]


def _listed_by_clang() -> list[str]:
    return [line.split("\t")[0] for line in _said("clang", "--autocomplete=-").splitlines()]


def _travels(word: str, family: Family) -> str | None:
    """What the table calls the option that `word` is; None if it does not travel."""
    rule = OPTIONS.find(word, family)
    if rule is None or rule.role in _STAYS:
        return None
    is_fit = rule.form is None or rule.wants_next(word) or rule.form.admits(rule.joined_argument(word))
    return rule.option if is_fit else None


def _key(word: str, family: Family) -> tuple[str, str]:
    """What the table takes a word for: an option, and its argument."""
    rule = OPTIONS.find(word, family)
    return ("", word) if rule is None else (rule.option, rule.joined_argument(word))


def _stem(word: str) -> str:
    """A name without its argument, which gcc adds where it has a default, and without its `no-`."""
    return word.partition("=")[0].replace("no-", "", 1)


def _meant(typed: list[str]) -> list[tuple[list[str], list[str]]]:
    """What gcc understands by these words, part by part: some of them end it at once."""
    found = _MEANT.search(_said("gcc", "-###", *typed, "-c", "a.c"))
    if found is not None:
        return [(typed, shlex.split(found[1]))]
    if len(typed) == 1:
        return []
    half = len(typed) // 2
    return _meant(typed[:half]) + _meant(typed[half:])


class SpellingTests(SynchronousTestCase):
    def test_gcc(self) -> None:
        """What gcc understands by an option that travels is that very option in the table."""
        flags = [
            word
            for word in _listed_by_gcc()
            if not word.endswith("=") and _travels(word, Family.GCC) and not _wants_next(word)
        ]
        self.assertGreater(len(flags), 2500)
        understood = [
            part for start in range(0, len(flags), 300) for part in _meant(flags[start : start + 300])
        ]
        self.assertGreater(sum(len(typed) for typed, _ in understood), len(flags) - 50)
        for typed, meant in understood:
            words = (word for word in meant if word.startswith("-") and not _wants_next(word))
            self.check(typed, [word for word in words if word not in _ADDED])

    def check(self, typed: list[str], meant: list[str]) -> None:
        keys = {_key(word, Family.GCC) for word in typed}
        stems = set(map(_stem, typed))
        for word in meant:
            self.assertTrue(_key(word, Family.GCC) in keys or _stem(word) in stems, word)

    def test_clang(self) -> None:
        """Of an option with one dash and with two no more than one is known, unless they are one."""
        pairs = {
            (word, twin)
            for word in _listed_by_clang()
            for twin in [word[1:] if word.startswith("--") else f"-{word}"]
            if (_travels(word, Family.CLANG) or _travels(twin, Family.CLANG)) and len(twin) > 2
        }
        twins = [twin for _, twin in sorted(pairs)]
        unknown = set(_UNKNOWN.findall(_said("clang", "-###", *twins, "-c", "a.c")))
        for word, twin in sorted(pairs):
            names = {_travels(word, Family.CLANG), _travels(twin, Family.CLANG)}
            if twin not in unknown | _OTHERS and len(names) > 1:
                self.assertIn(None, names, (word, twin))
                self.assertFalse(self.is_refused(word) or self.is_refused(twin), (word, twin))

    def is_refused(self, word: str) -> bool:
        """Whether the table says of an option that it is bad, in place of nothing."""
        rule = OPTIONS.find(word, Family.CLANG)
        return rule is not None and rule.role is Role.LOCAL

    def test_aliases_of_clang(self) -> None:
        """What clang calls an alias is the option that it is one of, or stays."""
        found = _ALIAS.findall(_said("clang", "--help-hidden"))
        self.assertGreater(len(found), 2)
        for word, meant in found:
            names = {_travels(word, Family.CLANG), _travels(meant, Family.CLANG)} - {None}
            self.assertEqual(len({name.partition("=")[0] for name in names}), 1 if names else 0, word)


def _is_for_some(word: str) -> bool:
    rule = OPTIONS.find(word, Family.CLANG)
    return rule is not None and rule.role in {Role.MAKES, Role.PLUGIN}


class FileTests(SynchronousTestCase):
    def test_clang(self) -> None:
        """Options of clang's that name files or folders stay, but for those that are listed by hand.

        What names a file that is made goes to servers with a sandbox only, and so do plugins.
        """
        named = set(_NAMES_A_FILE.findall(_said("clang", "--help-hidden")))
        self.assertLess(_FILES_THAT_TRAVEL, named | {"-F"})
        travelling = {word for word in named if _travels(word, Family.CLANG) and not _is_for_some(word)}
        self.assertEqual(travelling, (_FILES_THAT_TRAVEL | _TOLD_LATER) & named)

    def test_inside_clang(self) -> None:
        """What may stand behind -Xclang takes no argument, by the list of clang's inner program."""
        listed = _said("clang", "-cc1", "--help-hidden") + _said("clang", "-cc1", "--help")
        for rule in CLANG_OPTIONS.rules:
            has_argument = re.search(rf"(?m)^  {re.escape(rule.name)}[ =]?<", listed)
            self.assertFalse(rule.takes is Takes.NOTHING and has_argument, rule)

    def test_programs(self) -> None:
        """Options by which a driver finds its own programs are one, and stay, in any spelling."""
        for word in _PROGRAMS:
            for spelled in (word, f"{word}=/x", f"{word}/x", f"-{word}=/x", word.replace("--", "-", 1)):
                for family in Family:
                    self.assertIsNone(_travels(spelled, family), spelled)


def _wants_next(word: str) -> bool:
    rule = OPTIONS.find(word, Family.GCC)
    return rule is not None and rule.wants_next(word)
