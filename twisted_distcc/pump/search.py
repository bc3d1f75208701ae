"""Where a compiler looks for headers: the question that is put to it, and what its answer means.

In: a compilation; what the compiler wrote.  Out: words; a `SearchPath`.  `cmdline.compiler_answers`
reads the text, the client runs the compiler, and `chains` finds out which folders exist now.

The folders of `-I`, `-iquote`, `-isystem` and `-idirafter`, and macros of `-D`, are not asked for: so
one question serves all units of a build that differ in nothing else.  A command with rarer options has
all its folders asked for.  Ask with `LC_ALL=C` (the answer is translated otherwise), and without the
variables that `cmdline.environment.search_options` speaks for.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compiler_answers import gcc_markers, header_search
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.pump.unit import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted_distcc.cmdline.compilation import Compilation, Option
    from twisted_distcc.pump.unit import FileSystem

# The four kinds of folders that `chains` orders as compilers do.
_FOLDER_OPTIONS = ("-iquote", "-I", "-isystem", "-idirafter")

# Options that name files to be read before the source.
_INCLUDING = frozenset({"-include", "-imacros"})

# Folders by rules of their own: where they stand is for the compiler to say.
_RARE_FOLDERS = frozenset(
    [
        "-iprefix",
        "-iwithprefix",
        "-iwithprefixbefore",
        "-imultilib",
        "-imultiarch",
        "-iframework",
        "-iframeworkwithsysroot",
        "-iwithsysroot",
        "-cxx-isystem",
        "-stdlib++-isystem",
        "-isystem-after",
        "-F",
    ]
)

# Their arguments are paths: the answer depends on the working directory if those do.
_ROOTS = frozenset({"-isysroot", "--sysroot", "-resource-dir"})

_MACROS_AND_FILES = _INCLUDING | {"-D", "-U"}

_PASSED_ON = ("-Wp,", "-Xpreprocessor")
_PASSING_ON = frozenset(_PASSED_ON)

_MAY_MATTER = frozenset({Role.COMPILE, Role.BETTER_LOCAL, Role.PREPROCESS, Role.FOR_CLANG})

# Options that compilers get often, each time with another argument, and that change nothing here.
_NEVER_MATTERS = ("-W", "-frandom-seed", "-ffile-", "-fdebug-", "-fmacro-", "-fdiagnostics-")


def preprocessor_options(c: Compilation) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give name, value and words of each option that only the preprocessor needs, in their order.

    What is behind `-Wp,` and `-Xpreprocessor` is given as if it stood by itself.
    """
    for option in c.options:
        if option.role is Role.PREPROCESS:
            if option.name in _PASSING_ON:
                yield from _passed_on(option, c)
            else:
                yield option.name, option.value, option.words


def _passed_on(option: Option, c: Compilation) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    pieces = option.value.split(",") if option.name == "-Wp," else [option.value]
    for piece in pieces:
        rule = OPTIONS.find(piece, c.family)
        if rule is not None:
            yield rule.option, rule.joined_argument(piece), option.words


def named_folders(c: Compilation) -> dict[str, list[str]]:
    """Give the folders that the command names, as it does, by their four kinds."""
    named: dict[str, list[str]] = {kind: [] for kind in _FOLDER_OPTIONS}
    for name, value, _ in preprocessor_options(c):
        if name in named:
            named[name].append(value)
    return named


def included_files(c: Compilation) -> list[str]:
    """Give the files that the command has read before the source, as it names them."""
    return [value for name, value, _ in preprocessor_options(c) if name in _INCLUDING]


def asks_for_all_folders(c: Compilation) -> bool:
    """Tell whether the folders of this command are for the compiler to put in order."""
    return any(
        name in _RARE_FOLDERS
        or (name in _FOLDER_OPTIONS and words[0].startswith(_PASSED_ON))
        or (name in _FOLDER_OPTIONS and value.startswith(("=", "$SYSROOT")))
        or (name == "-I" and value == "-")
        for name, value, words in preprocessor_options(c)
    )


def question(c: Compilation) -> tuple[str, ...]:
    """Give the words after the compiler's name that make it tell its folders and predefined macros.

    Compilations with the same words get the same answer, in every folder.

    Raises:
        UndecidedError: if the answer would hold in one working directory alone.
    """
    everything = asks_for_all_folders(c)
    words = [word for option in c.options for word in _asked(option, c, everything=everything)]
    _check_anywhere(c, everything=everything)
    return (*words, "-v", "-E", "-dM", "-x", c.language.value, "/dev/null")


def _asked(option: Option, c: Compilation, *, everything: bool) -> tuple[str, ...]:
    if option.role not in _MAY_MATTER:
        return ()
    if option.name in _PASSING_ON:
        names = [name for name, _, _ in _passed_on(option, c)]
    elif option.words[0].startswith(_NEVER_MATTERS):
        return ()
    else:
        names = [option.name]
    skipped = _MACROS_AND_FILES if everything else _MACROS_AND_FILES.union(_FOLDER_OPTIONS)
    return () if skipped.issuperset(names) else option.words


def _check_anywhere(c: Compilation, *, everything: bool) -> None:
    for name, value, words in preprocessor_options(c):
        places = name in _ROOTS or (everything and name in _FOLDER_OPTIONS)
        if places and not value.startswith(("/", "=", "$SYSROOT")):
            raise UndecidedError(f"what {' '.join(words)} means depends on the working directory")


@dataclass(frozen=True, slots=True, eq=False)
class SearchPath:
    """What a compiler answered.  Two are the same only if they are one.

    Attributes:
        quote, angled: folders, in the compiler's order: those that it looks in for `"name"` alone, and
            those that it looks in for `<name>` and then for `"name"`.
        absent: folders that it would have looked in if they were there.
        frameworks: whether there are folders of frameworks among them.
        clang: whether it is clang.
        needed: files by which it knows where its folders are.
        macros: the predefined ones, as lines `#define NAME BODY`.
    """

    quote: tuple[str, ...]
    angled: tuple[str, ...]
    absent: tuple[str, ...] = ()
    frameworks: bool = False
    clang: bool = False
    needed: tuple[str, ...] = ()
    macros: bytes = b""

    @classmethod
    def parse(cls, stdout: bytes, stderr: bytes, directory: str) -> SearchPath:
        """Understand the answer to `question`, asked in `directory`.

        Raises:
            UndecidedError: if this is none.
        """
        said = os.fsdecode(stderr)
        found = header_search(said)
        if found is None:
            raise UndecidedError("the compiler does not say where it looks for headers")
        return cls(
            quote=_below(directory, found.quote),
            angled=_below(directory, found.angled),
            absent=_below(directory, found.absent),
            frameworks=found.has_frameworks,
            clang="__clang__" in os.fsdecode(stdout),
            needed=gcc_markers(said),
            macros=stdout,
        )

    def holds(self, files: FileSystem) -> bool:
        """Tell whether the compiler would still answer so: no folder that it missed has appeared."""
        return all(files.folder_stamp(folder) is None for folder in self.absent)


def _below(directory: str, folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(os.path.join(directory, folder) for folder in folders)
