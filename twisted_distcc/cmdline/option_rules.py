"""The grammar of the tables of options: what a row says, and how the row for a word is found.

The tables are in `travelling`, `valued` and `staying`, and `options` joins them.

The longest row wins: `-gsplit-dwarf` is not `-g`.  A word without a row stays local, so what is listed
is what may travel; and a compiler elsewhere gets to see an option's argument only if it has the form
that its row requires.  Rows say how an option takes its argument if that decides which word is the
source; a row that keeps the whole command local need not.  Long spellings (`--include`) take a joined
argument after `=`.

An option has one row with all of its spellings, `-I|--include-directory`, so that all are judged alike.
The first is the name by which the rest of the program knows it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted_distcc.cmdline.compilers import Family
    from twisted_distcc.cmdline.forms import Form


class Takes(enum.Enum):
    """Where an option's argument is."""

    NOTHING = enum.auto()
    JOINED = enum.auto()
    """In the same word, and may be empty."""
    SEPARATE = enum.auto()
    """In the next word."""
    EITHER = enum.auto()
    """In the same word, or in the next one when the word is the bare name."""


class Role(enum.Enum):
    """Who needs an option, or what it decides."""

    # Enum's own is a call of Python's, and each unit needs it a hundred times.
    __hash__ = object.__hash__

    SOURCE = enum.auto()
    """Not an option: an operand."""
    PREPROCESS = enum.auto()
    """Only for the preprocessor, which has run before the job leaves."""
    COMPILE = enum.auto()
    """The compiler, and the preprocessor too, whose macros may depend on it."""
    DEBUG = enum.auto()
    """As `COMPILE`, and turns debug information on."""
    NO_DEBUG = enum.auto()
    """As `COMPILE`, and turns debug information off."""
    LINK = enum.auto()
    """Only for the linker, which does not run; a compiler may warn of it, once and locally."""
    LANGUAGE = enum.auto()
    STAGE = enum.auto()
    OUTPUT = enum.auto()
    MAKE_RULES = enum.auto()
    """`-MD` or `-MMD`: write a dependency file."""
    MAKE_FILE = enum.auto()
    MAKE_TARGET = enum.auto()
    MAKE_PHONY = enum.auto()
    FOR_PREPROCESSOR = enum.auto()
    """The argument is a list of options for the preprocessor, separated by commas."""
    FOR_ASSEMBLER = enum.auto()
    """The argument is a list of options for the assembler, separated by commas."""
    DRIVER_RULES = enum.auto()
    """The argument is a file of rules for gcc's driver, which decide what it runs, or of options."""
    INPUT = enum.auto()
    """As `COMPILE`; the argument is a file that the compiler reads."""
    OWN_PROCESSOR = enum.auto()
    """As `COMPILE`, and means whatever processor the compiler runs on."""
    FOR_CLANG = enum.auto()
    """The argument is an option of clang's inner program."""
    FOR_LLVM = enum.auto()
    """The argument is an option of LLVM, any of which may load or write files."""
    MAKES = enum.auto()
    """As `COMPILE`, and makes other files, or names the object: a server needs the client's files."""
    RECORDS = enum.auto()
    """As `MAKES`, and writes the command itself down: a server has to run the very same words."""
    PROFILED = enum.auto()
    """As `MAKES`, and reads the profile that is named after the object, or says where that is."""
    PLUGIN = enum.auto()
    """As `MAKES`; the argument is a file of code that the compiler loads."""
    FOR_PLUGIN = enum.auto()
    """The argument is for such code."""
    LOCAL = enum.auto()
    """The command stays local; the row says why."""
    BETTER_LOCAL = enum.auto()
    """As `LOCAL`, but only for exact results: a server that is asked nevertheless may run it."""


WITH_FILES = frozenset({Role.PREPROCESS, Role.LINK, Role.MAKE_FILE, Role.MAKE_TARGET})
"""Roles of options that are sent only to a server that gets the client's files, and preprocesses."""

CONFINED = frozenset({Role.DRIVER_RULES, Role.INPUT, Role.OWN_PROCESSOR})
"""Roles of options that may have anything run, read or written: sent only to such a server, if it has a
sandbox."""

AS_TYPED = frozenset({Role.MAKES, Role.RECORDS, Role.PROFILED, Role.PLUGIN})
"""Roles of options with which a command runs elsewhere as it was typed, in the client's own folders."""

PLUGINS = frozenset({Role.PLUGIN, Role.FOR_PLUGIN})
"""Roles of options about code that the compiler loads, which goes only where the compiler goes, too."""

DEMANDING = CONFINED | AS_TYPED
"""Roles of options that only such a server takes; in its sandbox a job has the client's own folders."""


Spelling: TypeAlias = tuple[str, Takes]
"""One way to write an option."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One spelling of a row: an option, or a family of options with the same beginning."""

    name: str
    takes: Takes
    role: Role
    form: Form | None = None
    """What its argument must be like for a server; `None` if no server gets it."""
    reason: str = ""
    """For roles that keep a command local, or away from some servers: what the option does, to be read
    after its name."""
    only: Family | None = None
    """The only family of compilers that the row is for; None for all."""
    spellings: tuple[Spelling, ...] = ()
    """All spellings of the option, including its own, and where their arguments are."""

    @property
    def option(self) -> str:
        """The name of the option: its first spelling."""
        return self.spellings[0][0] if self.spellings else self.name

    def matches(self, word: str) -> bool:
        """Whether `word` is this option, with or without a joined argument."""
        if self.takes is Takes.NOTHING or self.takes is Takes.SEPARATE:
            return word == self.name
        return word.startswith(self.name) and not self._runs_on(word)

    def _runs_on(self, word: str) -> bool:
        """Whether `word` is a longer long option: `--includes` is not `--include`."""
        spelled_out = self.name.startswith("--") and self.takes is Takes.EITHER
        return spelled_out and word[len(self.name) :][:1] not in {"", "="}

    def wants_next(self, word: str) -> bool:
        """Whether the word after `word` is its argument."""
        return self.takes is Takes.SEPARATE or (self.takes is Takes.EITHER and word == self.name)

    def joined_argument(self, word: str) -> str:
        """The argument within `word`."""
        argument = word[len(self.name) :]
        return argument.removeprefix("=") if self.name.startswith("--") else argument


_HEAD = 4
"""How many characters the table uses to narrow down the length of a row's name."""


def _order(rule: Rule) -> tuple[bool, bool]:
    return rule.only is None, rule.takes is not Takes.NOTHING


class Table:
    """Rows, found by the longest matching name; of two, the one for that very family, or word, wins."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_name: dict[str, list[Rule]] = {}
        for rule in sorted(self.rules, key=_order):
            self._by_name.setdefault(rule.name, []).append(rule)
        lengths: dict[str, set[int]] = {}
        for name in self._by_name:
            lengths.setdefault(name[:_HEAD], set()).add(len(name))
        self._lengths = {
            head: sorted(found.union(self._shorter(head)), reverse=True)
            for head, found in lengths.items()
        }

    def _shorter(self, head: str) -> list[int]:
        """Return the lengths of the names that `head` begins with."""
        return [length for length in range(1, _HEAD) if head[:length] in self._by_name]

    def find(self, word: str, family: Family) -> Rule | None:
        """Return the row for `word` on the command line of a compiler of `family`."""
        for length in self._lengths.get(word[:_HEAD], range(_HEAD, 0, -1)):
            for rule in self._by_name.get(word[:length], ()):
                if (rule.only is None or rule.only is family) and rule.matches(word):
                    return rule
        return None


def rows(
    takes: Takes,
    role: Role,
    names: str,
    form: Form | None = None,
    *,
    only: Family | None = None,
    reason: str = "",
) -> list[Rule]:
    """Return rows that differ only in their names; `|` separates the spellings of one option.

    A spelling that ends in `=` has its argument in the same word, whatever the others do.  A long one
    without it also takes an argument in the next word, if the option takes one at all.
    """
    return [
        Rule(name, taken, role, form, reason, only, spellings)
        for option in names.split()
        for spellings in [tuple(_spelled(name, takes) for name in option.split("|"))]
        for name, taken in spellings
    ]


def _spelled(name: str, takes: Takes) -> Spelling:
    if takes is Takes.NOTHING:
        return name, takes
    if name.endswith("="):
        return name, Takes.JOINED
    return name, Takes.EITHER if takes is Takes.JOINED and name.startswith("--") else takes


def local(reason: str, names: str, *, only: Family | None = None) -> list[Rule]:
    """Return rows that keep a command local; a name that ends in `*` matches all that begin so."""
    return [
        Rule(name, takes, Role.LOCAL, reason=reason, only=only, spellings=spellings)
        for option in names.split()
        for spellings in [tuple(map(_beginning, option.split("|")))]
        for name, takes in spellings
    ]


def _beginning(name: str) -> Spelling:
    return name.removesuffix("*"), Takes.JOINED if name.endswith("*") else Takes.NOTHING


def better_local(
    reason: str, names: str, form: Form | None = None, *, only: Family | None = None
) -> list[Rule]:
    """Return rows that keep a command local only because its result would differ elsewhere."""
    alike = local(reason, names, only=only)
    return [replace(rule, role=Role.BETTER_LOCAL, form=form) for rule in alike]
