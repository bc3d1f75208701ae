"""Find out from a compiler itself what it consists of.

`discover` returns a `Toolchain`: the files and folders that a trusted compiler opens when it compiles
preprocessed text.  A compiler that is a script may start anything, so everything that the system has
installed is visible to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from twisted_distcc.cmdline.compiler_answers import (
    configuration_files,
    install_folders,
    program_folders,
    specs_files,
)
from twisted_distcc.toolchain.blocking_probe import ask
from twisted_distcc.toolchain.digest import Part, deciding, is_driver, parts
from twisted_distcc.toolchain.elf import INDEX, NotAProgramError, needed
from twisted_distcc.toolchain.view import View

# What gcc's driver starts to compile and to assemble; clang is one program, with or without an
# assembler.
_INNER: Final = ("cc1", "cc1plus", "cc1obj", "cc1objplus")
_PROGRAMS: Final = (*_INNER, "as")
# Splits the debug information off for gcc.  It comes with the assembler of the same release, by which it
# is identified.
_SPLITTER: Final = "objcopy"

# Everything that a system has installed, for compilers that are scripts.
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives")

# The loader's index of libraries, and the locale of English in UTF-8 in its two spellings.
_BESIDE: Final = (INDEX, "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")

# In a compiler's own folder: its headers, and the lists of what clang's sanitizers ignore.
_OWN: Final = re.compile(r"include|share$")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler with everything that it needs.

    Attributes:
        programs: the path by which it is started, and the programs that it starts.
        view: the files that must be visible for it to work.
        is_whole_system: whether it could not be separated from the rest of the system.
        libraries: the libraries of the programs, as far as they determine its output.
        own: the files and folders of its own that it reads: headers and settings.
        lean: the part of `view` that most commands need: each mount takes time.
    """

    programs: tuple[str, ...]
    view: View
    is_whole_system: bool
    libraries: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    lean: View | None = None

    def view_for(self, *, makes_more: bool) -> View:
        """Return what must be visible for a command, which may make more than an object."""
        return self.view if makes_more or self.lean is None else self.lean

    @property
    def compiler(self) -> str:
        """The path by which it is started."""
        return self.programs[0]

    def parts(self) -> tuple[Part, ...]:
        """Return the files that determine its output; none if that is unknown.

        Every compiler has headers of its own: one that reports none is not understood.  Neither is a
        program that only starts a compiler, and may add to its options.

        Raises:
            OSError: if one does not exist.
        """
        return parts(self.programs, self.libraries, self.own) if self.own else ()


def discover(compiler: str, environ: Mapping[str, str], beside: Iterable[str]) -> Toolchain:
    """Find out what `compiler` consists of; this starts it a few times.

    Args:
        compiler: its path.
        environ: the environment that it will run in.
        beside: other programs that must work where it runs.

    Raises:
        DistccError: if it cannot be started.
        OSError: if it cannot be read.
    """
    try:
        libraries = [*needed(compiler, environ)]
        asked = _Asked(compiler, environ)
        programs = tuple(asked.programs(*_PROGRAMS))
        splitter = [*asked.programs(_SPLITTER)]
        libraries += [library for one in programs for library in needed(one, environ)]
        others = [library for one in beside for library in needed(one)]
        splitting = [library for one in splitter for library in needed(one, environ)]
    except NotAProgramError:
        return whole_system(compiler)
    folders = {os.path.dirname(one) for one in programs if os.path.basename(one) in _INNER}
    shown = [compiler, *programs, *beside, *libraries, *others, *folders, *asked.folders(), *_BESIDE]
    return Toolchain(
        (compiler, *programs),
        View.of([*shown, *splitter, *splitting]),
        is_whole_system=False,
        # What they know about numbers at compile time, clang has from the C library, and gcc from its
        # own.
        libraries=deciding(libraries, mathematics=asked.is_clang),
        own=tuple(asked.own()) if is_driver(compiler) else (),
        lean=View.of(shown),
    )


def whole_system(compiler: str) -> Toolchain:
    """Return `compiler` with everything that the system has installed."""
    return Toolchain((compiler,), View.of([*_SYSTEM, *_BESIDE, compiler]), is_whole_system=True)


class _Asked:
    """A compiler's answers about itself."""

    def __init__(self, compiler: str, environ: Mapping[str, str]) -> None:
        self._compiler = compiler
        self._environ = {**environ, "LC_ALL": "C"}  # we parse its English answers
        self._told = self._answer("-print-search-dirs")

    def programs(self, *names: str) -> Iterator[str]:
        """Yield the programs of these names that it starts."""
        folders = [*program_folders(self._told), *self._environ.get("PATH", os.defpath).split(":")]
        for name in names:
            paths = (os.path.join(folder, name) for folder in folders if folder.startswith("/"))
            found = next((path for path in paths if os.access(path, os.X_OK)), None)
            if found is not None:
                yield found

    @property
    def is_clang(self) -> bool:
        """Whether it is clang, which has no such folder as gcc."""
        return not install_folders(self._told)

    def folders(self) -> tuple[str, ...]:
        """Return the folders in which it keeps its own files, and its configuration files."""
        return (*self._kept, *self._settings, *self._neighbours)

    def own(self) -> Iterator[str]:
        """Yield the folders of its own headers, and its configuration files."""
        for folder in self._kept:
            names = sorted(os.listdir(folder)) if os.path.isdir(folder) else ()
            yield from (os.path.join(folder, name) for name in names if _OWN.match(name))
        yield from self._settings

    @cached_property
    def _kept(self) -> tuple[str, ...]:
        if not self.is_clang:
            return install_folders(self._told)
        return tuple(self._answer("-print-resource-dir").splitlines())

    @cached_property
    def _settings(self) -> tuple[str, ...]:
        """Return its configuration files: clang's options, and specs, which replace gcc's own."""
        if self.is_clang:
            return configuration_files(self._answer("--version"))
        return specs_files(ask([self._compiler, "-v"], self._environ, stderr=True))

    @property
    def _neighbours(self) -> Iterator[str]:
        """Yield the folder of the gcc beside whose headers clang looks for the C++ library."""
        if self.is_clang:
            library = self._answer("--rtlib=libgcc", "-print-libgcc-file-name").rstrip("\n")
            if os.path.isabs(library):  # if there is a gcc
                yield os.path.dirname(library)

    def _answer(self, *question: str) -> str:
        return ask([self._compiler, *question], self._environ)
