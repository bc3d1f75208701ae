"""Parse what gcc and clang print about themselves.

This is the only parser of `-v`, `--version` and `-print-search-dirs`.  It takes the text that a compiler
printed and returns facts; who asked, and how, makes no difference.  The client's scanner and the
server's sandbox both ask compilers, so this module is below both of them::

    found = header_search(stderr)  # of `gcc -v -E -x c /dev/null`
    found.angled  # ("/usr/lib/gcc/x86_64-linux-gnu/12/include", "/usr/local/include", ...)

Run the compiler with `LC_ALL=C`: otherwise its answers are translated.
"""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass

# Possessive quantifiers never backtrack, so this is linear.
_HEADER_SEARCH = re.compile(
    r'^#include "\.\.\." search starts here:\n(?P<quote>(?: .*\n)*+)'
    r"(?:#include <\.\.\.> search starts here:\n)?(?P<angled>(?: .*\n)*+)"  # clang prints none if empty
    r"End of search list\.$",
    re.MULTILINE,
)
_ABSENT = re.compile(r'^ignoring nonexistent directory "(.*)"$', re.MULTILINE)
_FRAMEWORKS = " (framework directory)"

_INSTALLED = re.compile(r"^install: (/.*)$", re.MULTILINE)
_PROGRAMS = re.compile(r"^programs: =(.*)$", re.MULTILINE)
_CONFIGURATION = re.compile(r"^Configuration file: (/.*)$", re.MULTILINE)
_SPECS = re.compile(r"^Reading specs from (/.*)$", re.MULTILINE)
_INSTALLATION = re.compile(r"^Selected GCC installation: (.+)$", re.MULTILINE)
_MULTILIB = re.compile(r"^Selected multilib: ([^;\n]*);", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HeaderSearch:
    """The folders that a compiler searches for headers, in its order and as it names them.

    Attributes:
        quote: folders searched only for `"name"`.
        angled: folders searched for `<name>`, and for `"name"` after those of `quote`.
        absent: folders that it would search if they existed.
        has_frameworks: whether it searches folders of frameworks, which are omitted here.
    """

    quote: tuple[str, ...]
    angled: tuple[str, ...]
    absent: tuple[str, ...]
    has_frameworks: bool


def header_search(said: str) -> HeaderSearch | None:
    """Return where the compiler searches for headers, from `-v` with `-E`; `None` if it does not say."""
    listing = _HEADER_SEARCH.search(said)
    if listing is None:
        return None
    quote, angled = listing["quote"].splitlines(), listing["angled"].splitlines()
    return HeaderSearch(
        _folders(quote),
        _folders(angled),
        tuple(_ABSENT.findall(said)),
        any(line.endswith(_FRAMEWORKS) for line in (*quote, *angled)),
    )


def _folders(lines: list[str]) -> tuple[str, ...]:
    return tuple(line[1:] for line in lines if not line.endswith(_FRAMEWORKS))


def install_folders(said: str) -> tuple[str, ...]:
    """Return the folder of gcc's own files, from `-print-search-dirs`; clang prints none."""
    return tuple(_INSTALLED.findall(said))


def program_folders(said: str) -> list[str]:
    """Return where the compiler looks for the programs that it starts, from `-print-search-dirs`."""
    return "".join(_PROGRAMS.findall(said)).split(":")


def configuration_files(said: str) -> tuple[str, ...]:
    """Return the configuration files that clang has read, from `--version` or `-v`."""
    return tuple(_CONFIGURATION.findall(said))


def specs_files(said: str) -> tuple[str, ...]:
    """Return the specs files that gcc has read instead of its own specs, from `-v`."""
    return tuple(_SPECS.findall(said))


def gcc_markers(said: str) -> tuple[str, ...]:
    """Return the files by which clang recognizes the GCC installation that it uses, from `-v`."""
    found = _INSTALLATION.search(said)
    if found is None:
        return ()
    multilib = _MULTILIB.search(said)
    folders = (found[1], os.path.join(found[1], multilib[1]) if multilib else found[1])
    return tuple(sorted({f"{folder.removesuffix('/.')}/crtbegin.o" for folder in folders}))
