"""Parse a command line: may it be compiled elsewhere, and what would it read and write?

`parse` turns the words of a command, as typed or as received, into a `Compilation`, or a `StayLocal`
with the reason; it never raises, whatever the words.  It opens no file: a function that it is given
reads response files.

A client asks whether a command may leave; a server asks whether a command that arrived may run.  It is
the same question with the same answer, so the reason for a refusal is the same on both sides.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.assembler_files import check_listings, check_verbose
from twisted_distcc.cmdline.classify import allowed_roles, classify
from twisted_distcc.cmdline.compilation import (
    BITCODE,
    Compilation,
    Dependencies,
    Language,
    Option,
    Stage,
    StayLocal,
    precompiles,
)
from twisted_distcc.cmdline.compilers import Compiler, Family, recognise
from twisted_distcc.cmdline.devices import check_made, check_no_device, is_device
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.reasons import StaysError, shown
from twisted_distcc.cmdline.response import EXPANSION_LIMIT, TooManyResponseFilesError, expand
from twisted_distcc.cmdline.source_language import language_of, makes_header
from twisted_distcc.cmdline.travelling import OWN_PROCESSOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

# Targets for which clang 13 and later assemble themselves by default; for others they start `as`.
_ASSEMBLED_BY_CLANG = (
    *("x86_64", "i386", "i486", "i586", "i686", "aarch64", "arm", "thumb", "mips", "powerpc", "ppc"),
    *("riscv", "s390x", "systemz", "wasm"),
)
_NOT_ON = ("aix", "nacl")
_WITH_GCC = frozenset({"--sysroot", "--gcc-toolchain=", "--gcc-install-dir="})


def parse(
    argv: Sequence[str],
    read_file: Callable[[str], str | None] = lambda _path: None,
    *,
    family: Family | None = None,
    arrived: bool = False,
    with_files: bool = False,
    confined: bool = False,
    brings_tools: bool = False,
) -> Compilation | StayLocal:
    """Judge the command `argv`.

    `read_file` returns the text of a response file, or None if there is none.  `family` is for callers
    that know better than the name what a compiler is: `cc` may be either.  `arrived` is for a server: it
    accepts what is harmless although it should have stayed where it was typed.  `with_files` is for a
    server that gets the client's files as well, and preprocesses them.  `confined` is for one that runs
    compilers in a sandbox.  `brings_tools` is for both: the compiler goes there, too, if need be.
    """
    confined = with_files and confined
    allowed = allowed_roles(arrived=arrived, confined=confined, brings_tools=brings_tools)
    try:
        return _parse(argv, read_file, family, allowed, arrived=arrived, with_files=with_files)
    except StaysError as stays:
        return StayLocal(str(stays))
    except TooManyResponseFilesError:
        return StayLocal(f"more than {EXPANSION_LIMIT} response files are named")


def _parse(
    argv: Sequence[str],
    read_file: Callable[[str], str | None],
    family: Family | None,
    allowed: AbstractSet[Role],
    *,
    arrived: bool,
    with_files: bool,
) -> Compilation:
    if not argv or not argv[0]:
        raise StaysError("no compiler is named")
    compiler = recognise(argv[0]) or Compiler(Family.GENERIC, cxx=False)
    family = family or compiler.family
    arguments = tuple(expand(argv[1:], read_file))
    options = tuple(classify(arguments, family, allowed, with_files=with_files))
    _check_sysroot(options)
    if arrived:
        _check_processor(options)
    if with_files:
        check_no_device(options)
    check_made(options)
    stage = _stage(options, family)
    source = _source(options)
    language = language_of(options, source, family, cxx=compiler.cxx)
    if language is Language.LLVM and Role.MAKES not in allowed:
        raise StaysError(f"{shown(source)} is LLVM's own code, which is compiled in sandboxes alone")
    if precompiles(options) and Role.MAKES not in allowed:
        raise StaysError(f"{shown(source)} is a header, which is precompiled in sandboxes alone")
    debug = _debug(options)
    _check_assembler(language, stage)
    check_listings(options, language, family)
    if not arrived and family is not Family.CLANG:
        check_verbose(options, is_assembly=stage is Stage.ASSEMBLY)
    alone = arrived and not with_files
    return Compilation(
        compiler=argv[0],
        arguments=arguments,
        source=source,
        language=language,
        output=_output(options, source, _default_suffix(options, stage, language)),
        stage=stage,
        dependencies=None if alone else _dependencies(options, source, language, family),
        debug=debug,
        family=family,
        options=options,
    )


# Options -> what they decide together


def _values(options: Sequence[Option], *roles: Role) -> list[str]:
    return [option.value for option in options if option.role in roles]


def _stage(options: Sequence[Option], family: Family) -> Stage:
    names = {option.name for option in options if option.role is Role.STAGE}
    if not names and not makes_header(options, family):
        raise StaysError("neither -c nor -S is given, so the command links")
    return Stage.ASSEMBLY if "-S" in names else Stage.OBJECT


def _source(options: Sequence[Option]) -> str:
    operands = _values(options, Role.SOURCE)
    if not operands:
        raise StaysError("no source is named")
    if len(operands) > 1:
        raise StaysError(f"more than one input is named: {shown(operands[0])} and {shown(operands[1])}")
    (source,) = operands
    if source == "-":
        raise StaysError("the source comes from standard input")
    if is_device(source):
        raise StaysError(f"the source {shown(source)} is a device of this machine")
    return source


def _check_sysroot(options: Sequence[Option]) -> None:
    """Refuse folders in which clang would look for an assembler, beside a gcc that it finds there."""
    names = {option.name for option in options}
    if not (roots := names & _WITH_GCC):
        return
    targets = [option.value for option in options if option.name == "-target"]
    if "-fno-integrated-as" in names or not all(map(_is_assembled_by_clang, targets)):
        raise StaysError(f"{min(roots)} is where clang looks for an assembler, as it has none for this")


def _check_processor(options: Sequence[Option]) -> None:
    """Refuse to compile for the server's processor: rules have to say what the client's is."""
    if any(option.role is Role.DRIVER_RULES for option in options):
        return
    for option in options:
        if option.role is Role.OWN_PROCESSOR:
            raise StaysError(f"{option.name} {OWN_PROCESSOR}")


def _is_assembled_by_clang(target: str) -> bool:
    processor, _, system = target.partition("-")
    return processor.startswith(_ASSEMBLED_BY_CLANG) and not any(map(system.__contains__, _NOT_ON))


def _debug(options: Sequence[Option]) -> bool:
    roles = [o.role for o in options if o.role is Role.DEBUG or o.role is Role.NO_DEBUG]
    return bool(roles) and roles[-1] is Role.DEBUG


def _check_assembler(language: Language, stage: Stage) -> None:
    if language.is_assembler and stage is Stage.ASSEMBLY:
        raise StaysError("-S of an assembler source writes no file")


def _default_suffix(options: Sequence[Option], stage: Stage, language: Language) -> str:
    if all(option.name != BITCODE for option in options):
        return ".s" if stage is Stage.ASSEMBLY else ".o"
    if language.is_assembler:
        raise StaysError(f"{BITCODE} makes no bitcode of assembler sources")
    return ".ll" if stage is Stage.ASSEMBLY else ".bc"


def _output(options: Sequence[Option], source: str, suffix: str) -> str:
    names = _values(options, Role.OUTPUT)
    if not names and precompiles(options):
        raise StaysError(f"compilers disagree on how to name what {shown(source)} is precompiled into")
    if not names:
        return _default_name(source, suffix)
    output = names[-1]
    if output in {"", "-"}:
        raise StaysError("the output goes to standard output")
    if is_device(output):
        raise StaysError(f"the output {shown(output)} is a device of this machine")
    if output.startswith("@"):
        raise StaysError(f"the output {shown(output)} would be taken for a response file")
    return output


def _default_name(source: str, suffix: str) -> str:
    """Return the default name for a file made from `source` in the working directory."""
    name = os.path.basename(source)
    if name.startswith(".") and name.count(".") == 1:
        raise StaysError(f"compilers disagree on how to name what they make from {shown(name)}")
    return _replace_suffix(name, suffix)


def _replace_suffix(path: str, suffix: str) -> str:
    folder, name = os.path.split(path)
    stem = name.rpartition(".")[0] if "." in name else name
    return os.path.join(folder, stem + suffix)


# Dependencies


def _dependencies(
    options: Sequence[Option], source: str, language: Language, family: Family
) -> Dependencies | None:
    """Return the dependency file, and the options that make the preprocessor write the same."""
    rules = [o for o in options if o.role in {Role.MAKE_RULES, Role.FOR_PREPROCESSOR}]
    if not rules:
        _check_no_stray_dependencies(options)
        return None
    if language.is_preprocessed:
        return None  # no compiler writes rules for text that includes nothing
    targets = [o for o in options if o.role is Role.MAKE_TARGET]
    phony = ("-MP",) if any(o.role is Role.MAKE_PHONY for o in options) else ()
    return Dependencies(
        path=_dependency_path(options, rules, source),
        options=(
            *_asking(rules, family),
            *(word for target in targets for word in target.words),
            *(() if targets else ("-MQ", _default_target(options, rules, source, family))),
            *phony,
        ),
    )


def _asking(rules: Sequence[Option], family: Family) -> Iterator[str]:
    """Yield what asks for the rules that `rules` ask for; clang warns of one option of two."""
    typed = [rule for rule in rules if rule.role is Role.MAKE_RULES]
    if family is Family.CLANG and len({rule.name for rule in typed}) > 1:
        yield from (word for rule in typed for word in rule.words)
    elif any(rule.name == "-MMD" or rule.words[0].startswith("-Wp,-MMD") for rule in rules):
        yield "-MMD"
    else:
        yield "-MD"


def _check_no_stray_dependencies(options: Sequence[Option]) -> None:
    for option in options:
        if option.role in {Role.MAKE_FILE, Role.MAKE_TARGET, Role.MAKE_PHONY}:
            word = shown(option.words[0])
            raise StaysError(f"{word} is given without -MD or -MMD, which compilers disagree on")


def _dependency_path(options: Sequence[Option], rules: Sequence[Option], source: str) -> str:
    files = _values(options, Role.MAKE_FILE)
    passed_on = _values(rules, Role.FOR_PREPROCESSOR)
    if passed_on and (files or len(rules) > 1):
        raise StaysError("the dependency file is named twice, which compilers disagree on")
    outputs = _values(options, Role.OUTPUT)
    if passed_on or files:
        path = (passed_on or files)[-1]
    elif outputs:
        path = _replace_suffix(outputs[-1], ".d")
    else:
        path = _default_name(source, ".d")
    if path in {"", "-"} or is_device(path):
        raise StaysError("the dependencies go to standard output or a device")
    return path


def _default_target(
    options: Sequence[Option], rules: Sequence[Option], source: str, family: Family
) -> str:
    """Return the target of the rules if no -MT or -MQ names one: the output, or what it would be."""
    by_source = _default_name(source, ".o")
    if by_source.startswith("@"):  # that of `dir/@x.c`: compilers read more options from the file x.o
        raise StaysError(f"the target {shown(by_source)} would be taken for a response file")
    outputs = _values(options, Role.OUTPUT)
    if not outputs or outputs[-1] == by_source:
        return by_source
    if not _values(rules, Role.FOR_PREPROCESSOR) or family is Family.CLANG:
        return outputs[-1]
    if family is Family.GENERIC:
        raise StaysError("gcc and clang name other targets in the dependencies that -Wp asks for")
    return by_source  # behind gcc's -Wp the preprocessor does not know the output
