"""The outputs that a compile will leave, and how compilers write each of them.

`planned_outputs` returns the outputs of a `Candidate`, in the order in which its compiler completes
them; `check_outputs` raises `StaysHere` if only the compiler itself can write one.  `gcc -MD -c a.c` has
two: `a.d`, which is overwritten if it exists, and then `a.o`, which is replaced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.client.inputs.candidate import Candidate, StaysHere, check_own
from twisted_distcc.client.results.outputs import LeftToCompilerError, is_new
from twisted_distcc.cmdline.compilation import Compilation, Stage
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.foreseen import Existing, foreseen, saves_intermediates
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.jobs.expected_outputs import ExpectedOutputs
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT
from twisted_distcc.pump.unit import FileSystem

# With these clang starts an external assembler, as gcc does.
_EXTERNAL_AS: Final = frozenset({"-fno-integrated-as", "-no-integrated-as"})


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """A file that a compile will leave.

    Attributes:
        name: its name among the outputs of a reply.
        path: its absolute path.
        existing: what compilers do with a file that exists already.
    """

    name: str
    path: str
    existing: Existing


def planned_outputs(candidate: Candidate) -> tuple[PlannedOutput, ...]:
    """Return the outputs of `candidate`, in the order in which its compiler completes them."""
    compilation = candidate.compilation
    made = PlannedOutput(OBJECT, candidate.output, _existing_object(compilation))
    if candidate.dependencies is None:
        return (made,)
    rules = PlannedOutput(DEPENDENCIES, candidate.dependencies, Existing.OVERWRITTEN)
    return (made, rules) if _writes_dependencies_last(compilation) else (rules, made)


def made_outputs(candidate: Candidate, directory: str, made: Iterable[str]) -> tuple[PlannedOutput, ...]:
    """Return the outputs that a server has made, in their order.

    Args:
        candidate: the compile.
        directory: its working directory, as the server was told it.
        made: their names.

    Raises:
        StaysHere: if the command does not make one of them.
    """
    planned = {output.name: output for output in planned_outputs(candidate)}
    expected = ExpectedOutputs.of(candidate.compilation, directory)
    return tuple(planned.get(name) or _other(candidate, expected, name) for name in made)


def _other(candidate: Candidate, expected: ExpectedOutputs, name: str) -> PlannedOutput:
    found = expected.foreseen(name)
    if found is None:
        raise StaysHere(f"it makes {shown(name)}, which was not foreseen")
    return PlannedOutput(name, candidate.absolute(found.path), found.existing)


def check_outputs(candidate: Candidate, files: FileSystem) -> None:
    """Check, before any host is asked, that we can write all outputs among `files`.

    Raises:
        StaysHere: if only the compiler can write one of them.
    """
    own = planned_outputs(candidate)
    others = [
        PlannedOutput(one.path, candidate.absolute(one.path), one.existing)
        for one in foreseen(candidate.compilation)
        if not one.is_dump
    ]
    _check_apart(own, others)
    for output in (*own, *others):
        _check(output, candidate, files)


def _check_apart(own: Sequence[PlannedOutput], others: Sequence[PlannedOutput]) -> None:
    """Check that object and dependency file are not to be in one file with anything else.

    None of them is a link, as each is checked by itself: in one folder, their names tell.
    """
    named = [output.path for output in (*own, *others)]
    are_together = len(set(map(os.path.dirname, named))) == 1
    paths = list(map(os.path.normpath if are_together else os.path.realpath, named))
    for path in paths[: len(own)]:
        if paths.count(path) > 1:
            raise StaysHere(f"{path} is to have two of its outputs")


def _check(output: PlannedOutput, candidate: Candidate, files: FileSystem) -> None:
    path = output.path
    try:
        is_there = not is_new(path, output.existing)
    except LeftToCompilerError as reason:
        raise StaysHere(str(reason)) from reason
    check_own(path, files)
    if is_there:
        _check_not_source(path, candidate.absolute(candidate.compilation.source))


def _check_not_source(path: str, source: str) -> None:
    with contextlib.suppress(OSError):  # a source that is missing has its own messages
        if os.path.samefile(path, source):
            raise StaysHere(f"{path} is the source")


def _existing_object(compilation: Compilation) -> Existing:
    if compilation.stage is not Stage.OBJECT or compilation.language.is_assembler:
        return Existing.DISPUTED
    if compilation.family is Family.GCC or not saves_intermediates(compilation):
        return Existing.REPLACED
    # clang assembles in a step of its own then.
    return Existing.OVERWRITTEN if compilation.family is Family.CLANG else Existing.DISPUTED


def _writes_dependencies_last(compilation: Compilation) -> bool:
    """Whether the dependency file is written after the object, or the assembly, is complete.

    A compiler that starts an assembler writes it first, and so may one of an unknown kind.
    """
    if compilation.stage is Stage.ASSEMBLY:
        return True
    in_one = not compilation.language.is_assembler and _EXTERNAL_AS.isdisjoint(compilation.arguments)
    return compilation.family is Family.CLANG and in_one
