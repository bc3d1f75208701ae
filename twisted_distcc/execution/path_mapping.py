"""Compile files that are below another folder than at the client, without a trace of that.

`moved` maps a command into the folder that stands for the client's root; `restored` and
`restored_rules` map messages and dependencies back to what they would be at the client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from twisted_distcc.cmdline.compilation import Compilation, Option
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role

_NO_PATHS = frozenset({"-D", "-U", "-stdlib="})
_PREINCLUDED = "stdc-predef.h"

# One word of a rule; a blank in it follows a backslash.  Linear: it begins with what words are made of,
# so it fails at once elsewhere, and what it has taken it never gives back.
_WORD = re.compile(rb"(?:[^ \n\\]++|\\[^\n])++")
# The columns at which the two compilers end a line: tested with gcc 5 to 12 and clang 13 and 14.
_GCC_COLUMNS = 72
_CLANG_COLUMNS = 75


def moved(
    c: Compilation, root: str, locate: Callable[[str], str | None], searched: Sequence[str]
) -> Compilation:
    """Return `c` mapped into the folder `root`.

    Args:
        c: a command, as the client gave it.
        root: the folder that stands for the client's root.
        locate: returns the path here of one of the client's absolute paths; `None` if there is none.
        searched: the folders that the compiler searches by default.
    """
    options = [_moved_option(option, root, locate) for option in c.options]
    if any(map(locate, searched)) and not any(option.name == "-nostdinc" for option in options):
        options = [*_preincluded(c, locate, searched), *options, *_searching(locate, searched)]
    # gcc uses the last map that matches, so the user's own come after this.
    here = Option(Role.COMPILE, (f"-ffile-prefix-map={root}/=/",), "")
    return replace(c, options=(here, *options))


def _searching(locate: Callable[[str], str | None], searched: Sequence[str]) -> Iterator[Option]:
    """Yield options that search the client's own folders in place of this machine's."""
    yield Option(Role.PREPROCESS, ("-nostdinc",), "")
    for folder in searched:
        yield Option(Role.PREPROCESS, ("-isystem", locate(folder) or folder), folder)


def _preincluded(
    c: Compilation, locate: Callable[[str], str | None], searched: Sequence[str]
) -> Iterator[Option]:
    """Yield options to include what gcc includes first by default, but not with explicit folders."""
    if c.family is Family.CLANG or "-ffreestanding" in c.arguments:
        return
    if any(locate(f"{folder}/{_PREINCLUDED}") for folder in searched):
        # By its name alone: by another path it would be another file among the dependencies.
        yield Option(Role.PREPROCESS, ("-include", _PREINCLUDED), _PREINCLUDED)


def _moved_option(option: Option, root: str, locate: Callable[[str], str | None]) -> Option:
    value = option.value
    if not value.startswith("/"):
        return option
    if option.name.endswith("-prefix-map="):
        here: str | None = root + value
    elif option.role is Role.SOURCE or (option.role is Role.PREPROCESS and option.name not in _NO_PATHS):
        here = locate(value)
    else:
        here = None
    if here is None:
        return option
    *before, last = option.words
    return replace(option, words=(*before, last.removesuffix(value) + here), value=here)


def restored(text: bytes, root: bytes) -> bytes:
    """Return a compiler's messages without the folder that its files were in."""
    return text.replace(root, b"")


def restored_rules(text: bytes, root: bytes, family: Family) -> bytes:
    """Return a dependency file as it would have been written without the folder `root`."""
    lines = re.split(rb"(?<!\\)\n", restored(text, _as_in_rules(root)))
    fold = _fold_as_clang if family is Family.CLANG else _fold_as_gcc
    return b"\n".join(fold(line) if line else line for line in lines)


def _as_in_rules(path: bytes) -> bytes:
    """Return `path` as compilers write it for make."""
    return re.sub(rb"([ #])", rb"\\\1", path.replace(b"$", b"$$"))


def _words(rule: bytes) -> Iterator[bytes]:
    return (found[0] for found in _WORD.finditer(rule))


def _fold_as_gcc(rule: bytes) -> bytes:
    pieces: list[bytes] = []
    column = 0
    for word in _words(rule):
        if column and column + len(word.rstrip(b":")) > _GCC_COLUMNS:
            pieces.append(b" \\\n ")
            column = 1
        elif column:
            pieces.append(b" ")
            column += 1
        pieces.append(word)
        column += len(word)
    return b"".join(pieces)


def _fold_as_clang(rule: bytes) -> bytes:
    pieces: list[bytes] = []
    column = 0
    for word in _words(rule):
        length = len(re.sub(rb"\\([ #])|\$(\$)", rb"_", word))
        if column and column + length + 1 + 2 > _CLANG_COLUMNS:
            pieces.append(b" \\\n ")
            column = 2
        pieces.append(b" " + word if column else word)
        column += length + (1 if column else 0)
    return b"".join(pieces)
