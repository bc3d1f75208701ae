"""The files that a command makes besides its object and its dependency file.

`foreseen` returns them, known before the compiler runs: each with its name as the compiler is told it,
and what compilers do if there is such a file already.  For `gcc -c -g -gsplit-dwarf w.c -o obj/w.o`::

    (Foreseen("obj/w.dwo", Existing.REPLACED, 80),)

A client decides by it what may travel, a server which files it collects, and a client which it writes.
What a compiler makes and what is not here is kept back, and that unit is compiled where it was typed.
What is here need not be made.

Such a command runs elsewhere as it was typed, in the client's own folder, so that what names these files
(the object names its `.dwo`) names them right.

Most options have their file beside the object, with another suffix; the names are those of gcc 11 and
later.  What is done with files that exist was found out with gcc 12 and clang 14; where it depends on
the version it is disputed, and a file that exists is left to the compiler.
"""

from __future__ import annotations

import enum
import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from twisted_distcc.cmdline.assembler_files import written_by_assembler
from twisted_distcc.cmdline.compilation import Stage
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import AS_TYPED, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted_distcc.cmdline.compilation import Compilation, Option


class Existing(enum.Enum):
    """What compilers do with the regular file that has the name of an output."""

    REPLACED = enum.auto()
    """It is replaced by a new file; the old one keeps its other names, mode, owner and contents."""
    OVERWRITTEN = enum.auto()
    """It gets new contents, and stays the same file."""
    DISPUTED = enum.auto()
    """One compiler replaces it, and another overwrites it."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A file that a compiler may make.

    Attributes:
        path: its name, relative to the working directory or absolute.
        existing: what is done if there is such a file.
        order: its place in the order in which the compiler completes its files.
        is_dump: whether the name goes on, as those of gcc's dumps do: `w.c.005t.original`.
    """

    path: str
    existing: Existing
    order: int
    is_dump: bool = False

    def covers(self, path: str) -> bool:
        """Whether it is the file of this `path`."""
        if not self.is_dump:
            return path == self.path
        return path.startswith(self.path) and bool(_DUMP.fullmatch(path, len(self.path)))


_DUMP: Final = re.compile(r"\.[0-9]{3}[tril]\.[\w+-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What gcc and clang do with the files of one kind.

    Attributes:
        gcc, clang: what they do if there is such a file.
        in_gcc, in_clang: its place in the order in which they complete their files.
    """

    gcc: Existing
    in_gcc: int
    clang: Existing
    in_clang: int

    def by(self, family: Family) -> tuple[Existing, int]:
        """Return what compilers of `family` do, and the place in their order."""
        match family:
            case Family.GCC:
                return self.gcc, self.in_gcc
            case Family.CLANG:
                return self.clang, self.in_clang
            case _:
                return (self.gcc if self.gcc is self.clang else Existing.DISPUTED), self.in_gcc


# Those of steps are for commands that leave a file for each step, of which the preprocessor is one.
_OBJECT: Final = _Kind(Existing.REPLACED, 90, Existing.REPLACED, 20)
_OBJECT_OF_STEPS: Final = _Kind(Existing.REPLACED, 90, Existing.OVERWRITTEN, 76)
_DEPENDENCIES: Final = _Kind(Existing.OVERWRITTEN, 70, Existing.OVERWRITTEN, 60)
_DEPENDENCIES_OF_STEPS: Final = _Kind(Existing.OVERWRITTEN, 5, Existing.OVERWRITTEN, 3)
_COVERAGE: Final = _Kind(Existing.OVERWRITTEN, 20, Existing.OVERWRITTEN, 5)
_STACK: Final = _Kind(Existing.OVERWRITTEN, 50, Existing.OVERWRITTEN, 40)
# If the assembly is a file of its own, clang completes this first.
_STACK_OF_STEPS: Final = _Kind(Existing.OVERWRITTEN, 50, Existing.OVERWRITTEN, 6)
_CALLS: Final = _Kind(Existing.OVERWRITTEN, 60, Existing.OVERWRITTEN, 45)
_SPLIT: Final = _Kind(Existing.REPLACED, 80, Existing.OVERWRITTEN, 30)
_SPLIT_OF_STEPS: Final = _Kind(Existing.REPLACED, 80, Existing.OVERWRITTEN, 77)
_INFORMATION: Final = _Kind(Existing.OVERWRITTEN, 30, Existing.OVERWRITTEN, 30)
_DUMPS: Final = _Kind(Existing.OVERWRITTEN, 28, Existing.OVERWRITTEN, 70)
_REMARKS: Final = _Kind(Existing.OVERWRITTEN, 25, Existing.OVERWRITTEN, 50)
_MESSAGES: Final = _Kind(Existing.REPLACED, 70, Existing.REPLACED, 70)
_TIMES: Final = _Kind(Existing.OVERWRITTEN, 75, Existing.OVERWRITTEN, 75)
_LISTING: Final = _Kind(Existing.OVERWRITTEN, 85, Existing.OVERWRITTEN, 15)
_COMPLEXITY: Final = _Kind(Existing.DISPUTED, 55, Existing.DISPUTED, 55)
_INDEX: Final = _Kind(Existing.OVERWRITTEN, 25, Existing.OVERWRITTEN, 15)
# Later versions of clang append.
_FRAGMENT: Final = _Kind(Existing.DISPUTED, 80, Existing.DISPUTED, 80)
_TEXT: Final = _Kind(Existing.OVERWRITTEN, 10, Existing.REPLACED, 2)
_BITCODE: Final = _Kind(Existing.REPLACED, 40, Existing.REPLACED, 4)
_ASSEMBLY: Final = _Kind(Existing.OVERWRITTEN, 40, Existing.REPLACED, 7)

_SPLIT_SUFFIX: Final = ".dwo"
# Suffixes, by option, of files beside the object.
_BESIDE: Final[Mapping[str, tuple[str, _Kind]]] = MappingProxyType(
    {
        "-gsplit-dwarf": (_SPLIT_SUFFIX, _SPLIT),
        "-gsplit-dwarf=split": (_SPLIT_SUFFIX, _SPLIT),
        "--coverage": (".gcno", _COVERAGE),
        "-ftest-coverage": (".gcno", _COVERAGE),
        "-fstack-usage": (".su", _STACK),
        "-fcallgraph-info": (".ci", _CALLS),
        "-fcallgraph-info=": (".ci", _CALLS),
        "-ftime-trace": (".json", _TIMES),
        "-fcyclomatic-complexity": (".cyclo", _COMPLEXITY),
    }
)

_OF_STEPS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {".su": _STACK_OF_STEPS, _SPLIT_SUFFIX: _SPLIT_OF_STEPS}
)

# Options whose argument is the file's name.
_NAMED: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "-aux-info": _INFORMATION,
        "-foptimization-record-file=": _REMARKS,
        "-serialize-diagnostics": _MESSAGES,
        "-MJ": _FRAGMENT,
        "-fopt-info": _REMARKS,
        "-ftime-trace=": _TIMES,
        "-fprofile-note=": _COVERAGE,
        "-fthin-link-bitcode=": _INDEX,
        "-fdump-go-spec=": _INFORMATION,
        "-Wa,": _LISTING,
        "-Xassembler": _LISTING,
    }
)
_PASSED_ON: Final = ("-Wa,", "-Xassembler")
# Without a name, or with one of these, it writes to the standard streams.
_OPTIMIZATIONS: Final = "-fopt-info"
_STREAMS: Final = frozenset({"stdout", "stderr"})
_SAVING: Final = ("-save-temps", "-save-temps=cwd", "-save-temps=obj")
_DUMPING: Final = (
    *("-fdump-tree-", "-fdump-rtl-", "-fdump-ipa-", "-fdump-lang-", "-da"),
    *("-fdump-statistics", "-fdump-earlydebug", "-fdump-debug"),
)
_FOLDER_IN_FRONT: Final = ("-fdebug-compilation-dir", "-ffile-compilation-dir=")
_IN_FORM: Final = "-fsave-optimization-record="
_REMARKING: Final = (_IN_FORM, "-fsave-optimization-record", "-foptimization-record-passes=")


def foreseen(c: Compilation) -> tuple[Foreseen, ...]:
    """Return the files that `c` may make besides its object and its dependency file."""
    return tuple(file for option in c.options if option.role in AS_TYPED for file in _made(option, c))


def own_order(c: Compilation) -> tuple[int, int]:
    """Return the places of object and dependency file in the order in which `c` completes its files."""
    in_steps = saves_intermediates(c)
    rules = _DEPENDENCIES_OF_STEPS if in_steps else _DEPENDENCIES
    made = _OBJECT_OF_STEPS if in_steps else _OBJECT
    if c.stage is Stage.ASSEMBLY:
        made = _ASSEMBLY
    return made.by(c.family)[1], rules.by(c.family)[1]


def named_files(option: Option) -> tuple[str, ...]:
    """Return the files that are made by an option which names them; none for other options."""
    if option.name in _PASSED_ON:
        return tuple(written_by_assembler(option))
    if option.name in _DUMPING or option.name == _OPTIMIZATIONS:
        _, _, name = option.value.partition("=")  # -fopt-info-vec=file
        return (name,) if name and name not in _STREAMS else ()
    return (option.value,) if option.name in _NAMED else ()


def saves_intermediates(c: Compilation) -> bool:
    """Whether each step of `c` leaves a file of its own."""
    return any(option.name in _SAVING for option in c.options)


def _made(option: Option, c: Compilation) -> Iterator[Foreseen]:
    family, stem = c.family, os.path.splitext(c.output)[0]
    if option.name in _BESIDE:
        suffix, kind = _BESIDE[option.name]
        if saves_intermediates(c) or c.stage is Stage.ASSEMBLY:
            kind = _OF_STEPS.get(suffix, kind)
        yield Foreseen(_in_front(suffix, c) + stem + suffix, *kind.by(family))
    elif names := named_files(option):
        kind = _NAMED.get(option.name, _DUMPS)
        yield from (Foreseen(name, *kind.by(family)) for name in names)
    elif option.name in _SAVING:
        yield from _saved(option.name, stem, c)
    elif option.name in _DUMPING:
        yield Foreseen(stem + os.path.splitext(c.source)[1], *_DUMPS.by(family), is_dump=True)
    elif option.name in _REMARKING:
        yield from _remarks(option, stem, c)


def _in_front(suffix: str, c: Compilation) -> str:
    """Return what clang puts in front of the name of split debug information, without a slash.

    It does so where the object has its default name.
    """
    if suffix != _SPLIT_SUFFIX or c.family is not Family.CLANG:
        return ""
    named = any(option.role is Role.OUTPUT for option in c.options)
    folders = [option.value for option in c.options if option.name in _FOLDER_IN_FRONT]
    return folders[-1] if folders and not named else ""


def _saved(option: str, stem: str, c: Compilation) -> Iterator[Foreseen]:
    """Yield the intermediate files: gcc names them after the object, and clang after the source."""
    folder, name = os.path.split(stem)
    source = os.path.splitext(os.path.basename(c.source))[0]
    by_gcc = name if option == "-save-temps=cwd" else stem
    by_clang = os.path.join(folder, source) if option == "-save-temps=obj" else source
    text = [] if c.language.is_preprocessed else [(c.language.preprocessed_suffix, _TEXT)]
    code = [] if c.language.is_assembler else [(".s", _ASSEMBLY), (".bc", _BITCODE)]
    for suffix, kind in (*text, *code):
        if c.family is not Family.CLANG and suffix != ".bc":
            yield Foreseen(by_gcc + suffix, *kind.by(c.family))
        if c.family is not Family.GCC:
            yield Foreseen(by_clang + suffix, *kind.by(c.family))


def _remarks(option: Option, stem: str, c: Compilation) -> Iterator[Foreseen]:
    form = (option.name == _IN_FORM and option.value) or "yaml"
    if c.family is not Family.CLANG:
        source = os.path.splitext(c.source)[1]
        yield Foreseen(f"{stem}{source}.opt-record.json.gz", *_REMARKS.by(c.family))
    if c.family is not Family.GCC:
        yield Foreseen(f"{stem}.opt.{form}", *_REMARKS.by(c.family))
