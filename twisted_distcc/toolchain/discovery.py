"""What a compiler consists of: found from the compiler itself.

In: the path of a compiler that this server trusts.  Out: a `Toolchain`: the files and folders that it
opens when it compiles preprocessed text.  A compiler that is a script may start anything, so it is shown
all that the system has installed.
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
from twisted_distcc.toolchain.elf import NotAProgramError, needed
from twisted_distcc.toolchain.view import View

# What gcc's driver starts to compile and to assemble; clang is one program, with an assembler or not.
_INNER: Final = ("cc1", "cc1plus", "cc1obj", "cc1objplus")
_PROGRAMS: Final = (*_INNER, "as")

# All that a system has installed, for compilers that are scripts.
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives")

# The loader's index of libraries, and the locale of English in UTF-8 in its two spellings.
_BESIDE: Final = ("/etc/ld.so.cache", "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")

# Of a compiler's own folder: its headers, and what clang's sanitizers leave alone.
_OWN: Final = re.compile(r"include|share$")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler with all that it needs.

    Attributes:
        programs: the path by which it is started, and the programs that it starts.
        view: what must be seen for it to work.
        is_whole_system: whether it could not be told apart from the rest of the system.
        libraries: what the programs load, as far as it decides what they make.
        own: the files and folders that it reads of its own: headers and settings.
    """

    programs: tuple[str, ...]
    view: View
    is_whole_system: bool
    libraries: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def compiler(self) -> str:
        """The path by which it is started."""
        return self.programs[0]

    def parts(self) -> tuple[Part, ...]:
        """Return the files that decide what it makes; none if nobody can tell which these are.

        Every compiler has headers of its own: one that does not tell of any is not understood.  Nor is
        a program that only starts a compiler, and may add to its options.

        Raises:
            OSError: if one is not there.
        """
        return parts(self.programs, self.libraries, self.own) if self.own else ()


def discover(compiler: str, environ: Mapping[str, str], beside: Iterable[str]) -> Toolchain:
    """Find out what `compiler` consists of; this starts it some times.

    Args:
        compiler: its path.
        environ: the environment that it will run in.
        beside: other programs that are to work where it runs.

    Raises:
        DistccError: if it cannot be started.
        OSError: if it cannot be read.
    """
    try:
        libraries = [*needed(compiler, environ)]
        asked = _Asked(compiler, environ)
        programs = tuple(asked.programs())
        libraries += [library for one in programs for library in needed(one, environ)]
        others = [library for one in beside for library in needed(one)]
    except NotAProgramError:
        return whole_system(compiler)
    folders = {os.path.dirname(one) for one in programs if os.path.basename(one) in _INNER}
    shown = [compiler, *programs, *beside, *libraries, *others, *folders, *asked.folders(), *_BESIDE]
    return Toolchain(
        (compiler, *programs),
        View.of(shown),
        is_whole_system=False,
        # What is known of numbers when it compiles, clang has of the C library, and gcc of its own.
        libraries=deciding(libraries, mathematics=asked.is_clang),
        own=tuple(asked.own()) if is_driver(compiler) else (),
    )


def whole_system(compiler: str) -> Toolchain:
    """Return `compiler` with all that the system has installed."""
    return Toolchain((compiler,), View.of([*_SYSTEM, *_BESIDE, compiler]), is_whole_system=True)


class _Asked:
    """A compiler that has told about itself."""

    def __init__(self, compiler: str, environ: Mapping[str, str]) -> None:
        self._compiler = compiler
        self._environ = {**environ, "LC_ALL": "C"}  # it is understood in English
        self._told = self._answer("-print-search-dirs")

    def programs(self) -> Iterator[str]:
        """Return the programs that it starts."""
        folders = [*program_folders(self._told), *self._environ.get("PATH", os.defpath).split(":")]
        for name in _PROGRAMS:
            paths = (os.path.join(folder, name) for folder in folders if folder.startswith("/"))
            found = next((path for path in paths if os.access(path, os.X_OK)), None)
            if found is not None:
                yield found

    @property
    def is_clang(self) -> bool:
        """Whether it is clang, which has no folder of gcc's."""
        return not install_folders(self._told)

    def folders(self) -> tuple[str, ...]:
        """Return the folders that it keeps its own files in, and the files that configure it."""
        return (*self._kept, *self._settings, *self._neighbours)

    def own(self) -> Iterator[str]:
        """Return the folders of its own headers, and the files that configure it."""
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
        """Return the files that configure it: clang's options, and specs, which replace gcc's own."""
        if self.is_clang:
            return configuration_files(self._answer("--version"))
        return specs_files(ask([self._compiler, "-v"], self._environ, stderr=True))

    @property
    def _neighbours(self) -> Iterator[str]:
        """Return the folder of the gcc beside whose headers clang looks for the C++ library."""
        if self.is_clang:
            library = self._answer("--rtlib=libgcc", "-print-libgcc-file-name").rstrip("\n")
            if os.path.isabs(library):  # if there is a gcc
                yield os.path.dirname(library)

    def _answer(self, *question: str) -> str:
        return ask([self._compiler, *question], self._environ)
