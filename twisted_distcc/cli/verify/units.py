"""Select the commands of a build that are worth repeating.

`units_of` returns a `Unit` for each command that compiles one source into one object, and a `Stays` with
the reason for each compile that no client would send.  This module runs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from twisted_distcc.client.inputs.candidate import read_text
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import recognise
from twisted_distcc.cmdline.foreseen import foreseen
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.toolchain.finding import WRAPPERS, find_compiler, name_behind

_COMPILES = frozenset({"-c", "-S", "--compile", "--assemble"})


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a build runs it: its folder, words and environment."""

    directory: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unit:
    """A source that a build compiles.

    Attributes:
        command: the command, without wrappers before the compiler (`ccache`, `tdistcc`).
        compiler: the path of the compiler that the command runs here.
        source: the source's path as typed.
        outputs: the absolute path of each file that the compile writes, by kind.
        precompiles: whether other compiles read what it makes.
    """

    command: Command
    compiler: str
    source: str
    outputs: Mapping[str, str]
    precompiles: bool = False

    @property
    def path(self) -> str:
        """The source's absolute path."""
        return os.path.join(self.command.directory, self.source)


@dataclass(frozen=True, slots=True)
class Stays:
    """A compile that no client sends to a server, and why."""

    command: Command
    reason: str


def units_of(commands: Iterable[Command]) -> list[Unit | Stays]:
    """Return what `commands` compile, without duplicates; other commands are ignored.

    So are those whose source or folder no longer exists, such as a configure script's trial compiles.
    """
    once = {(command.directory, command.argv): command for command in map(_plain, commands)}
    judged = (_judged(command) for command in once.values() if _compiles(command))
    return [each for each in judged if each is not None]


def _plain(command: Command) -> Command:
    """Remove wrappers: both runs should start with the compiler itself."""
    argv = command.argv
    while len(argv) > 1 and os.path.basename(argv[0]) in WRAPPERS:
        argv = argv[1:]
    return replace(command, argv=argv)


def _compiles(command: Command) -> bool:
    argv = command.argv
    return bool(argv) and recognise(argv[0]) is not None and not _COMPILES.isdisjoint(argv)


def _judged(command: Command) -> Unit | Stays | None:
    name = command.argv[0]
    compiler = find_compiler(name, command.directory, command.environ.get("PATH", os.defpath))
    if compiler is None:
        return Stays(command, f"{name} not found")
    argv = (name_behind(name, compiler), *command.argv[1:])
    understood = parse(argv, lambda path: read_text(os.path.join(command.directory, path)))
    if isinstance(understood, StayLocal):
        return Stays(command, understood.reason)
    if any(one.is_dump for one in foreseen(understood)):
        return Stays(command, "it dumps the compiler's passes, whose files are not known beforehand")
    outputs = _outputs(command.directory, understood)
    unit = Unit(command, compiler, understood.source, outputs, understood.precompiles)
    return unit if os.path.exists(unit.path) else None


def _outputs(directory: str, compilation: Compilation) -> dict[str, str]:
    outputs = {"object": _absolute(directory, compilation.output)}
    if compilation.dependencies is not None:
        outputs["dependency file"] = _absolute(directory, compilation.dependencies.path)
    others = [one.path for one in foreseen(compilation)]
    return {**outputs, **{os.path.basename(path): _absolute(directory, path) for path in others}}


def _absolute(directory: str, path: str) -> str:
    """Return one name for one file: units that write the same file must not do so at once."""
    return os.path.join(
        os.path.realpath(os.path.join(directory, os.path.dirname(path))), os.path.basename(path)
    )
