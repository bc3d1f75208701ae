"""Records the compile commands of a real build, and writes a makefile that runs them again.

What enters: a project and a folder to build it in.
What leaves: the compile commands, each with the folder it ran in, and a makefile of them.
What it refuses to know: who will run them: the makefile puts ``$(CLIENT)`` before each.
"""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.projects import build

_SOURCE_SUFFIXES = frozenset({".c", ".cc", ".cpp", ".cxx"})
_RECORDER = """#!/bin/sh
printf '%s\\0' "$PWD" "$@" > "{records}/$$"
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Compilation:
    """One compile of a real build."""

    folder: str
    command: tuple[str, ...]


def record(name: str, directory: Path, *, debug: bool = False) -> list[Compilation]:
    """Build the project `name` in `directory` with the plain compilers; return what it compiled.

    The build stays where it is, so that generated headers are there for the next compile.
    """
    records = directory.with_name(f"{directory.name}-records")
    records.mkdir()
    recorder = records / "recorder"
    recorder.write_text(_RECORDER.format(records=records))
    recorder.chmod(0o755)
    build(name, directory, cc=f"{recorder} gcc", cxx=f"{recorder} g++", debug=debug)
    recorder.unlink()
    found = [parsed(path.read_bytes()) for path in sorted(records.iterdir())]
    return [each for each in found if is_repeatable(each)]


def is_repeatable(compilation: Compilation) -> bool:
    """Whether this compiles what is still there: what a makefile only tried out is gone again."""
    sources = [word for word in compilation.command if Path(word).suffix in _SOURCE_SUFFIXES]
    folder = Path(compilation.folder)
    lasts = folder.is_dir() and all((folder / source).is_file() for source in sources)
    return lasts and "-c" in compilation.command


def parsed(recorded: bytes) -> Compilation:
    folder, *command = map(os.fsdecode, recorded.removesuffix(b"\0").split(b"\0"))
    return Compilation(folder, tuple(command))


def makefile(compilations: Sequence[Compilation]) -> str:
    """Return a makefile whose `all` runs every compilation through ``$(CLIENT)``."""
    targets = [f"job{number}" for number in range(len(compilations))]
    head = f"all: {' '.join(targets)}\n.PHONY: all {' '.join(targets)}\n"
    return head + "".join(map(_rule, targets, compilations))


def _rule(target: str, compilation: Compilation) -> str:
    folder = _quoted(compilation.folder)
    command = " ".join(map(_quoted, compilation.command))
    return f"{target}:\n\t@cd {folder} && exec $(CLIENT) {command}\n"


def _quoted(word: str) -> str:
    return shlex.quote(word).replace("$", "$$")
