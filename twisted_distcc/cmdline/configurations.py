"""Judge a configuration file of clang's (`--config`): does a compile by it mean the same elsewhere?

It has options as they could be on the command line, and they are judged alike, but for those that decide
what is made, or name more files: a client would have to know these, and they stay here.

    # options for all units of the project
    -O2 -g -D_FORTIFY_SOURCE=2
    @more.cfg

`configuration_words` splits the text of one into words, and `words_forbid` judges those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.cmdline.response import split
from twisted_distcc.cmdline.travelling import ROOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted_distcc.cmdline.option_rules import Rule

# A comment begins a line, but not one that goes on; an escaped backslash does not continue its line.
_COMMENT: Final = r"(?<!\\\n)(?<!\\\r\n)^[ \t]*#.*$"
_REMOVED: Final = re.compile(rf"(?P<kept>\\[^\r\n])|\\\r?\n|{_COMMENT}", re.MULTILINE)
_MACRO: Final = "<CFGDIR>"
_ADDED: Final = frozenset({Role.COMPILE, Role.DEBUG, Role.NO_DEBUG, Role.LINK, Role.PREPROCESS})
# Files to read, and folders that are searched before those of the command.
_NAMING: Final = frozenset({"-include", "-imacros", "-I", "-iquote", "-isystem", "-idirafter", "-F"})
# What the macros of a command are searched for: the date, tests for files, and parts of such names.
_PREDEFINED: Final = re.compile(r"__|DATE|TIME|has_")


def configuration_words(text: str) -> list[str]:
    """Return the words of a configuration file; one that begins with `@` names another."""
    return split(_REMOVED.sub(lambda found: found["kept"] or "", text))


def words_forbid(words: Sequence[str]) -> str | None:
    """Return the reason why a compile with the options `words` of such a file stays here, or `None`."""
    rest = iter(words)
    for word in rest:
        rule = OPTIONS.find(word, Family.CLANG)
        argument = word
        if rule is not None:
            argument = next(rest, "") if rule.wants_next(word) else rule.joined_argument(word)
        if rule is None or not _travels(rule, argument) or _MACRO in argument:
            return f"the configuration has {shown(word)}, which stays here"
    return None


def _travels(rule: Rule, argument: str) -> bool:
    if rule.role not in _ADDED or rule.option in _NAMING:
        return False
    if rule.option in ROOTS and not argument.startswith("/"):  # which differs from folder to folder
        return False
    if rule.option == "-D" and _PREDEFINED.search(argument.partition("=")[2]):
        return False
    return rule.form is None or rule.form.admits(argument)
