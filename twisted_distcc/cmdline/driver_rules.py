"""Judge a file of rules for gcc's driver (`-specs=`): does a compile by them mean the same elsewhere?

`rules_forbid` takes the text of such a file, and returns the reason why not, or `None`.  Rules are in
sections (gcc manual, "Spec Files"), each of which decides what one program is told: rules for linking
do not matter, and those for the preprocessor, the compiler and the assembler may only add options that
could be on the command line as well, and write nothing.

    *cc1_options:
    + %{!fpic:%{!fPIC:-fPIE}}

Rules may load plugins, as options do; `rules_load` returns these.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import Final

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import PLUGINS, Role
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.reasons import shown

_COMPILING: Final = frozenset(
    [
        "cpp",
        "cpp_options",
        "cpp_unique_options",
        "cc1",
        "cc1_cpu",
        "cc1_options",
        "cc1plus",
        "asm",
        "asm_options",
        "self_spec",
    ]
)
_LINKING: Final = re.compile(r"link.*|lib.*|startfile|endfile|post_link|lto_wrapper")

_SECTION: Final = re.compile(r"\A(?:\*(\w+)|(\S+)):[ \t]*\Z")
_COMMAND: Final = re.compile(r"%(?:include|rename)")
# Functions of the driver whose results depend on nothing but the command.
_FUNCTION: Final = re.compile(r"%:([\w-]+)")
_SAME_ANYWHERE: Final = frozenset({"version-compare", "debug-level-gt", "debug-level-lt", "gt", "lt"})
# A word that begins with a dash, outside of a condition, where options have none.
_WORD: Final = re.compile(r"(?<![\w%-])-[^\s{}:;|&]+")

# Says where the compiler's own folder for plugins is, which goes along with the compiler and plugins.
_OF_PLUGINS: Final = "find-plugindir"
_LOADED: Final = re.compile(r"(?<![\w%-])-fplugin=([^\s{}:;|&]+)")

_ADDED: Final = PLUGINS | {Role.COMPILE, Role.LINK}
_MACROS: Final = ("-D", "-U")


def rules_load(text: str) -> tuple[str, ...]:
    """Return the plugins that the rules `text` have the compiler load, if only on a condition."""
    return tuple(_LOADED.findall(text))


def rules_forbid(text: str) -> str | None:
    """Return the reason why a compile by the rules `text` stays local, or None."""
    functions = _SAME_ANYWHERE | {_OF_PLUGINS} if rules_load(text) else _SAME_ANYWHERE
    section: str | None = ""
    for line in text.splitlines():
        if _COMMAND.match(line):
            return f"the rules have {shown(line)}, which is about other rules"
        if found := _SECTION.match(line):
            section = found[1]
            if section is None or not _is_known(section):
                return f"the rules have a section {shown(line)}, which is not about options"
        elif section in _COMPILING and (reason := _line_forbids(line, functions)):
            return reason
    return None


def _is_known(section: str) -> bool:
    return section in _COMPILING or _LINKING.fullmatch(section) is not None


def _line_forbids(line: str, functions: AbstractSet[str]) -> str | None:
    """Return what in a rule, for a program that takes part in compiling, depends on this machine."""
    for name in _FUNCTION.findall(line):
        if name not in functions:
            return f"the rules use the function {shown(name)}, which depends on this machine"
    for word in _WORD.findall(line):
        if not _travels(word):
            return f"the rules add {shown(word)}, which stays here"
    return None


def _travels(word: str) -> bool:
    rule = OPTIONS.find(word, Family.GCC)
    if rule is None or rule.wants_next(word):
        return False
    if rule.name in _MACROS:
        return True
    argument = rule.joined_argument(word)
    return rule.role in _ADDED and (rule.form is None or rule.form.admits(argument))
