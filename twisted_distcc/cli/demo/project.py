"""A source tree that can be built, and one build of it.

`user_project` recognises a folder that has a CMakeLists.txt, a configure script or a Makefile; a
`Builder` copies it, and builds the copy with the given compilers.  The folder itself is left alone.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from twisted_distcc.errors import DistccError

# Left behind by the user's own builds; with them, make would find nothing to do.
_BUILT_FILES = ("*.o", "*.lo")
_SECONDS_BETWEEN_COUNTS = 0.25
_LINES_OF_A_FAILED_BUILD = 20


class BuildFailedError(DistccError):
    """A project cannot be built; the text has the end of the build's output."""


@dataclass(frozen=True, slots=True)
class Compilers:
    """The C and the C++ compiler, with options if need be, and the launcher before them, if any."""

    c: str
    cxx: str
    launcher: str = ""

    @property
    def c_command(self) -> str:
        """The value for CC."""
        return f"{self.launcher} {self.c}".lstrip()

    @property
    def cxx_command(self) -> str:
        """What CXX is set to."""
        return f"{self.launcher} {self.cxx}".lstrip()


class Recipe(Protocol):
    """How a kind of project is built: two commands, run in its top folder."""

    def prepare(self, compilers: Compilers) -> list[str]:
        """Return the command that comes before the build; empty when there is none."""

    def build(self, compilers: Compilers, jobs: int) -> list[str]:
        """Return the command that builds."""


@dataclass(frozen=True, slots=True)
class Make:
    """A Makefile that takes its compilers from CC and CXX, as make's own rules do."""

    def prepare(self, compilers: Compilers) -> list[str]:
        """Return no command: make needs no preparation."""
        return []

    def build(self, compilers: Compilers, jobs: int) -> list[str]:
        """Return make, with the compilers as variables, which override the Makefile's own."""
        return ["make", f"-j{jobs}", f"CC={compilers.c_command}", f"CXX={compilers.cxx_command}"]


@dataclass(frozen=True, slots=True)
class Configure:
    """A configure script as made by autoconf."""

    def prepare(self, compilers: Compilers) -> list[str]:
        """Return configure, with the compilers, which it writes into the Makefile."""
        commands = [f"CC={compilers.c_command}", f"CXX={compilers.cxx_command}"]
        return ["sh", "./configure", *commands]

    def build(self, compilers: Compilers, jobs: int) -> list[str]:
        """Return make, which uses what configure has set up."""
        return ["make", f"-j{jobs}"]


@dataclass(frozen=True, slots=True)
class CMake:
    """A CMakeLists.txt."""

    def prepare(self, compilers: Compilers) -> list[str]:
        """Return cmake, with the compilers, and with the launcher in the variable for it."""
        launchers = [
            f"-DCMAKE_{language}_COMPILER_LAUNCHER={compilers.launcher}"
            for language in ("C", "CXX")
            if compilers.launcher
        ]
        # In the environment, because there CMake accepts a compiler with options.
        variables = ["env", f"CC={compilers.c}", f"CXX={compilers.cxx}"]
        return [*variables, "cmake", "-S", ".", "-B", "cmake-build", *launchers]

    def build(self, compilers: Compilers, jobs: int) -> list[str]:
        """Return the command by which CMake calls the build tool that it chose."""
        return ["cmake", "--build", "cmake-build", "--parallel", str(jobs)]


# In this order: a tree that was configured before has Makefiles with the paths of its old location.
_RECIPES: tuple[tuple[str, Recipe], ...] = (
    ("CMakeLists.txt", CMake()),
    ("configure", Configure()),
    ("GNUmakefile", Make()),
    ("makefile", Make()),
    ("Makefile", Make()),
)


@dataclass(frozen=True, slots=True)
class Project:
    """A source tree, its name for people, and how it is built."""

    title: str
    source: Path
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Build:
    """A tree after a build: its objects, relative to it, and how many seconds the build took."""

    name: str
    tree: Path
    objects: frozenset[str]
    seconds: float


def user_project(folder: Path) -> Project:
    """Return the project in `folder`, which is recognised by the files at its top."""
    for name, recipe in _RECIPES:
        if (folder / name).is_file():
            return Project(os.path.basename(os.path.abspath(folder)), folder, recipe)
    raise BuildFailedError(f"{folder} has no CMakeLists.txt, no configure script and no Makefile")


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds projects below one folder, always at the same path: objects may contain their path.

    `progress` is called from time to time with the build's name and the number of objects so far.
    """

    folder: Path
    jobs: int
    environment: Mapping[str, str]
    progress: Callable[[str, int], None]

    def prepare(self, name: str, project: Project, compilers: Compilers) -> None:
        """Copy the sources, with their times and without older objects, and configure them."""
        ignored = shutil.ignore_patterns(*_BUILT_FILES)
        shutil.copytree(project.source, self._tree, symlinks=True, ignore=ignored)
        if command := project.recipe.prepare(compilers):
            self._run(f"{name}, configuring", command)

    def build(self, name: str, project: Project, compilers: Compilers) -> Build:
        """Build what was prepared, and move it aside under its name."""
        started = time.monotonic()
        self._run(name, project.recipe.build(compilers, self.jobs))
        seconds = time.monotonic() - started
        finished = self._tree.rename(self.folder / name)
        return Build(name, finished, frozenset(_object_files(finished)), seconds)

    @property
    def _tree(self) -> Path:
        return self.folder / "tree"

    def _run(self, name: str, command: list[str]) -> None:
        log = self.folder / "build.log"
        with log.open("wb") as output, self._started(command, output) as process:
            try:
                _wait(process, lambda: self.progress(name, len(list(_object_files(self._tree)))))
            except BaseException:
                process.terminate()  # make ends its own children; `with` waits for it
                raise
        if process.returncode:
            raise BuildFailedError(f"{name}: {shlex.join(command)} failed:\n{_end_of(log)}")

    def _started(self, command: list[str], output: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=self._tree,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _object_files(tree: Path) -> Iterator[str]:
    """Yield the object files below `tree`, relative to it."""
    for folder, _, names in os.walk(tree):
        for name in names:
            if name.endswith(".o"):
                yield os.path.relpath(os.path.join(folder, name), tree)


def _wait(process: subprocess.Popen[bytes], between: Callable[[], None]) -> None:
    while True:
        try:
            process.wait(_SECONDS_BETWEEN_COUNTS)
        except subprocess.TimeoutExpired:
            between()
        else:
            return


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LINES_OF_A_FAILED_BUILD:])
