"""A compiler's search path for headers: how to query it, and how to parse the answer.

`question` returns the arguments for a compilation, and `SearchPath.parse` takes what the compiler wrote.
`cmdline.compiler_answers` reads the text, the client runs the compiler, and `chains` finds out which
folders exist now.

The query omits the folders of `-I`, `-iquote`, `-isystem` and `-idirafter`, and macros of `-D`, so one
query serves all units of a build that differ in nothing else.  For a command with less common options,
all folders are queried.  Run it with `LC_ALL=C` (the answer is translated otherwise), and without the
variables that `cmdline.environment.search_options` turns into options.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compiler_answers import configuration_files, gcc_markers, header_search
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.travelling import ROOTS
from twisted_distcc.pump.unit import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted_distcc.cmdline.compilation import Compilation, Option
    from twisted_distcc.pump.unit import FileSystem

# The four kinds of folders that `chains` puts into the compilers' order.
_FOLDER_OPTIONS = ("-iquote", "-I", "-isystem", "-idirafter")

# Options that name files to read before the source.
_INCLUDING = frozenset({"-include", "-imacros"})

# Folders with rules of their own: only the compiler can tell their position.
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

_MACROS_AND_FILES = _INCLUDING | {"-D", "-U"}

_PASSED_ON = ("-Wp,", "-Xpreprocessor")
_PASSING_ON = frozenset(_PASSED_ON)

_MAY_MATTER = frozenset(
    {
        Role.COMPILE,
        Role.BETTER_LOCAL,
        Role.PREPROCESS,
        Role.FOR_CLANG,
        Role.DRIVER_RULES,
        Role.OWN_PROCESSOR,
    }
)

# Common options whose arguments vary and that make no difference here.
_NEVER_MATTERS = ("-W", "-frandom-seed", "-ffile-", "-fdebug-", "-fmacro-", "-fdiagnostics-")


def preprocessor_options(c: Compilation) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the name, value and words of each option that only the preprocessor needs, in order.

    Arguments of `-Wp,` and `-Xpreprocessor` are treated as options in their own right.
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
    """Return the folders in the command, as written, by the four kinds of option."""
    named: dict[str, list[str]] = {kind: [] for kind in _FOLDER_OPTIONS}
    for name, value, _ in preprocessor_options(c):
        if name in named:
            named[name].append(value)
    return named


def included_files(c: Compilation) -> list[str]:
    """Return the files that the command includes before the source, as written."""
    return [value for name, value, _ in preprocessor_options(c) if name in _INCLUDING]


def asks_for_all_folders(c: Compilation) -> bool:
    """Whether only the compiler can put the folders of this command in order."""
    return any(
        name in _RARE_FOLDERS
        or (name in _FOLDER_OPTIONS and words[0].startswith(_PASSED_ON))
        or (name in _FOLDER_OPTIONS and value.startswith(("=", "$SYSROOT")))
        or (name == "-I" and value == "-")
        for name, value, words in preprocessor_options(c)
    )


def question(c: Compilation) -> tuple[str, ...]:
    """Return the compiler's arguments for listing its search folders and predefined macros.

    Compilations with the same arguments get the same answer, in every folder.

    Raises:
        UndecidedError: if the answer would be valid in one working directory only.
    """
    everything = asks_for_all_folders(c)
    words = [word for option in c.options for word in _asked(option, c, everything=everything)]
    _check_anywhere(c, everything=everything)
    return (*words, "-v", "-E", "-dM", "-x", c.language.unpreprocessed.value, "/dev/null")


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
        places = name in ROOTS or (everything and name in _FOLDER_OPTIONS)
        if places and not value.startswith(("/", "=", "$SYSROOT")):
            raise UndecidedError(f"what {' '.join(words)} means depends on the working directory")


@dataclass(frozen=True, slots=True, eq=False)
class SearchPath:
    """A compiler's search path.  Instances are compared by identity.

    Attributes:
        quote, angled: folders in the compiler's order: those searched only for `"name"`, and those
            searched for `<name>` and then for `"name"`.
        absent: folders that it would have searched if they existed.
        frameworks: whether framework folders are among them.
        clang: whether it is clang.
        needed: files from which it derives its folders.
        macros: the predefined macros, as lines `#define NAME BODY`.
        configurations: files from which clang has read options.
    """

    quote: tuple[str, ...]
    angled: tuple[str, ...]
    absent: tuple[str, ...] = ()
    frameworks: bool = False
    clang: bool = False
    needed: tuple[str, ...] = ()
    macros: bytes = b""
    configurations: tuple[str, ...] = ()

    @classmethod
    def parse(cls, stdout: bytes, stderr: bytes, directory: str) -> SearchPath:
        """Parse the answer to `question`, asked in `directory`.

        Raises:
            UndecidedError: if it is not such an answer.
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
            configurations=configuration_files(said),
        )

    def holds(self, files: FileSystem) -> bool:
        """Whether the answer is still valid: no folder that was missing has appeared."""
        return all(files.folder_stamp(folder) is None for folder in self.absent)


def _below(directory: str, folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(os.path.join(directory, folder) for folder in folders)
