"""What decides how a compiler's messages look: options, variables, and the terminal.

From a command, an environment and sample messages, the functions find which options and variables
matter, and which options make a compiler that writes to no terminal write the same.  Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import locale_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted_distcc.cmdline.compilation import Compilation

_SHAPING_OPTIONS = (
    "-fdiagnostics",
    "-fno-diagnostics",
    "-fcolor-diagnostics",
    "-fno-color-diagnostics",
    "-fansi-escape-codes",
    "-fmessage-length",
)
_SHAPING_VARIABLES = re.compile(
    "(LANG|LC_|LOCPATH|NLS|TERM|COLOR|CLICOLOR|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|VTE_|KONSOLE|WT_|TMUX|STY"
    "|SSH_|GCC_|CLANG_)"
)
# Options that write the command into the object; gcc's debug information contains it as well.
_RECORDING_OPTIONS = ("-frecord-", "-grecord-", "-flto")

# Languages that need no catalog.  `en_GB` and `en@quot` have some.
_ENGLISH = re.compile(r"(C|POSIX|en|en_US)(\.[\w-]*)?", re.ASCII)
_KNOWN_CHARACTERS = re.compile(r"C|POSIX|.*\.utf-?8(@.*)?", re.IGNORECASE | re.ASCII)

_COLOUR = b"\x1b["
_LINK = b"\x1b]8;"
_FROM_CLANG = re.compile(rb' "(-fcolor-diagnostics|-fansi-escape-codes|-fmessage-length=[0-9]+)"')

# What a line holds besides its characters; how a line begins that may quote the source; what the margin
# may take.
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;:]*[mK]|\]8;[^\x07\x1b]*(?:\x07|\x1b\\))")
_BEGINS_QUOTATION = (b" ", b"+", *(b"%d" % digit for digit in range(10)))
_MARGIN = 2


def shaping_options(c: Compilation) -> tuple[str, ...]:
    """Return the words of the command that decide how messages look."""
    return tuple(word for word in c.arguments if word.startswith(_SHAPING_OPTIONS))


def shaping_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that may decide how messages look, in compilers of today and tomorrow."""
    return {name: value for name, value in env.items() if _SHAPING_VARIABLES.match(name)}


def is_recorded(c: Compilation) -> bool:
    """Whether the object may contain the options of the command that made it."""
    if c.family is Family.CLANG:
        return c.recording is not None
    recording = any(word.startswith(_RECORDING_OPTIONS) for word in c.arguments)
    return recording or c.debug


def is_english(env: Mapping[str, str], has_locale: Callable[[str], bool]) -> bool:
    """Whether messages are certain not to be translated."""
    locale = locale_for(env, "LC_MESSAGES")
    if locale in {"C", "POSIX"} or not has_locale(locale):
        return True
    languages = env.get("LANGUAGE") or locale
    return all(_ENGLISH.fullmatch(language) for language in filter(None, languages.split(":")))


def has_known_characters(env: Mapping[str, str], has_locale: Callable[[str], bool]) -> bool:
    """Whether messages use the characters of a locale that servers have."""
    locale = locale_for(env, "LC_CTYPE")
    return _KNOWN_CHARACTERS.fullmatch(locale) is not None or not has_locale(locale)


def options_like(said: bytes, family: Family) -> tuple[str, ...]:
    """Return the options that make a compiler write as it did at a terminal.

    `said` is what gcc printed there, or the inner commands that clang printed (`-###`), which contain
    all of this.
    """
    if family is Family.CLANG:
        return tuple(found.decode("ascii") for found in _FROM_CLANG.findall(said))
    colours = ("-fdiagnostics-color=always",) if _COLOUR in said else ()
    return (*colours, "-fdiagnostics-urls=always") if _LINK in said else colours


def narrowest(env: Mapping[str, str], *terminals: int | None) -> int | None:
    """Return the fewest columns that gcc may think the terminal has; `None` if there is no limit.

    Which descriptor it asks depends on its version.
    """
    columns = env.get("COLUMNS", "")
    known = [int(columns)] if re.fullmatch("[0-9]{1,6}", columns) else []
    known += [width for width in terminals if width]
    return min(filter(None, known), default=None)


def is_cut(said: bytes, columns: int) -> bool:
    """Whether a terminal of that many columns may show less of the source than `said` quotes."""
    lines = _ESCAPES.sub(b"", said).splitlines()
    return any(len(line) + _MARGIN > columns for line in lines if line[:1] in _BEGINS_QUOTATION)
