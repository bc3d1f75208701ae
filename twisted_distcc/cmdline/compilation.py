"""The meaning of a command line: the values that `parse` returns and `rewrite` uses.

How a command line is spelled is left to `options`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.option_rules import AS_TYPED, DEMANDING, PLUGINS, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from twisted_distcc.cmdline.compilers import Family
    from twisted_distcc.cmdline.option_rules import Spelling


class Language(enum.Enum):
    """A language that can be compiled elsewhere; the value is its name after the option `-x`."""

    C = "c"
    CXX = "c++"
    OBJC = "objective-c"
    OBJCXX = "objective-c++"
    ASSEMBLER_WITH_CPP = "assembler-with-cpp"
    PREPROCESSED_C = "cpp-output"
    PREPROCESSED_CXX = "c++-cpp-output"
    PREPROCESSED_OBJC = "objective-c-cpp-output"
    PREPROCESSED_OBJCXX = "objective-c++-cpp-output"
    ASSEMBLER = "assembler"
    LLVM = "ir"
    """LLVM's own code, which clang takes."""

    @property
    def is_preprocessed(self) -> bool:
        """Whether a source in this language is sent as it is."""
        return self not in _PREPROCESSED_FORM

    @property
    def preprocessed(self) -> Language:
        """The language that the preprocessor turns this one into; itself if there is nothing to do."""
        return _PREPROCESSED_FORM.get(self, self)

    @property
    def unpreprocessed(self) -> Language:
        """The language that may have been preprocessed to become this one; C for LLVM's own code."""
        return next((one for one, form in _PREPROCESSED_FORM.items() if self in (one, form)), Language.C)

    @property
    def preprocessed_suffix(self) -> str:
        """The suffix of a preprocessed source, from which compilers infer its language."""
        return _SUFFIX_OF_PREPROCESSED[self.preprocessed]

    @property
    def is_assembler(self) -> bool:
        """Whether only the assembler reads it, once it is preprocessed."""
        return self.preprocessed is Language.ASSEMBLER


_PREPROCESSED_FORM = {
    Language.C: Language.PREPROCESSED_C,
    Language.CXX: Language.PREPROCESSED_CXX,
    Language.OBJC: Language.PREPROCESSED_OBJC,
    Language.OBJCXX: Language.PREPROCESSED_OBJCXX,
    Language.ASSEMBLER_WITH_CPP: Language.ASSEMBLER,
}

_SUFFIX_OF_PREPROCESSED = {
    Language.PREPROCESSED_C: ".i",
    Language.PREPROCESSED_CXX: ".ii",
    Language.PREPROCESSED_OBJC: ".mi",
    Language.PREPROCESSED_OBJCXX: ".mii",
    Language.ASSEMBLER: ".s",
    Language.LLVM: ".ll",
}

# What gcc or clang take for sources of these languages; every other operand is for the linker.
LANGUAGE_OF_SUFFIX = {
    ".c": Language.C,
    ".i": Language.PREPROCESSED_C,
    ".cc": Language.CXX,
    ".cp": Language.CXX,
    ".cxx": Language.CXX,
    ".cpp": Language.CXX,
    ".CPP": Language.CXX,
    ".c++": Language.CXX,
    ".C": Language.CXX,
    ".ii": Language.PREPROCESSED_CXX,
    ".m": Language.OBJC,
    ".mi": Language.PREPROCESSED_OBJC,
    ".mm": Language.OBJCXX,
    ".M": Language.OBJCXX,
    ".mii": Language.PREPROCESSED_OBJCXX,
    ".s": Language.ASSEMBLER,
    ".S": Language.ASSEMBLER_WITH_CPP,
    ".sx": Language.ASSEMBLER_WITH_CPP,
    ".ll": Language.LLVM,
    ".bc": Language.LLVM,
}


BITCODE = "-emit-llvm"
EMIT_PCH = "-emit-pch"
"""The option of clang's that has it write LLVM's own code in place of an object or assembly."""


class Stage(enum.Enum):
    """Where the compiler stops; the value is the option for it."""

    OBJECT = "-c"
    ASSEMBLY = "-S"


@dataclass(frozen=True, slots=True)
class Option:
    """One option with its argument, or one operand, as typed, never split again."""

    role: Role
    words: tuple[str, ...]
    value: str
    name: str = ""
    """Its name, however it is spelled: `-I` for `--include-directory=x`; empty for an operand."""
    spellings: tuple[Spelling, ...] = ()
    """All ways to write its name."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The make rules that the compile writes to a file beside its object."""

    path: str
    """The file that a local compile in one step writes."""
    options: tuple[str, ...]
    """Options by which the preprocessor alone writes the same bytes; `-MF` and a file are to follow."""


@dataclass(frozen=True)  # without slots: what follows from the options is asked often, and found once
class Compilation:
    """One source that is compiled or assembled into one output, which can happen elsewhere."""

    compiler: str
    """The first word, as typed."""
    arguments: tuple[str, ...]
    """The words after it, with response files expanded."""
    source: str
    """The one source, as typed."""
    language: Language
    """The language of the source file, before preprocessing."""
    output: str
    """The file that the compiler writes: as typed, or its default in the working directory."""
    stage: Stage
    dependencies: Dependencies | None
    debug: bool
    """Whether the object contains debug information, and with it the working directory."""
    family: Family
    options: tuple[Option, ...]
    """`arguments`, classified: the same words in the same order."""

    @cached_property
    def demanding(self) -> str | None:
        """What only a server with a sandbox takes, which gets the client's files; as typed."""
        demands = self._has_demanding_source or self.precompiles
        return self._first(DEMANDING) or (self.source if demands else None)

    @cached_property
    def _has_demanding_source(self) -> bool:
        """Whether it is code of LLVM, or assembly with debug information, which names its folder."""
        return self.language is Language.LLVM or (self.language.is_assembler and self.debug)

    def _first(self, roles: AbstractSet[Role]) -> str | None:
        return next((" ".join(one.words) for one in self.options if one.role in roles), None)

    @cached_property
    def precompiles(self) -> bool:
        """Whether it makes a precompiled header, in which clang writes names and times of headers."""
        return precompiles(self.options)

    @cached_property
    def is_bitcode(self) -> bool:
        """Whether LLVM's own code takes the place of the object, or of the assembly."""
        return any(option.name == BITCODE for option in self.options)

    @cached_property
    def listed_inputs(self) -> tuple[str, ...]:
        """The files that options other than the preprocessor's have the compiler read, as typed."""
        inputs = (Role.INPUT, Role.DRIVER_RULES)
        return tuple(option.value for option in self.options if option.role in inputs)

    @cached_property
    def driver_rules(self) -> tuple[str, ...]:
        """The files of rules for gcc's driver, or of options for clang's, as typed."""
        return tuple(option.value for option in self.options if option.role is Role.DRIVER_RULES)

    @cached_property
    def plugins(self) -> tuple[str, ...]:
        """The files of code that options have the compiler load, as typed."""
        return tuple(option.value for option in self.options if option.role is Role.PLUGIN)

    @cached_property
    def loads_code(self) -> bool:
        """Whether options are about code that the compiler loads."""
        return any(option.role in PLUGINS for option in self.options)

    @cached_property
    def recording(self) -> str | None:
        """What has the compiler write the command itself down, with the compiler's path; as typed."""
        return self._first(frozenset({Role.RECORDS}))

    @cached_property
    def runs_as_typed(self) -> bool:
        """Whether it has to run with the client's own files and names: it makes more than an object."""
        return any(option.role in AS_TYPED for option in self.options) or self.precompiles


def precompiles(options: Sequence[Option]) -> bool:
    """Whether a command of clang's with these `options` makes a precompiled header."""
    return any(
        option.name == EMIT_PCH or (option.role is Role.LANGUAGE and option.value.endswith("-header"))
        for option in options
    )


@dataclass(frozen=True, slots=True)
class StayLocal:
    """The command must run on the machine where it was typed."""

    reason: str
    """One sentence that tells the user why, without a full stop."""
