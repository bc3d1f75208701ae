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
from typing import Final

from twisted_distcc.execution.sandbox.asking import ask
from twisted_distcc.execution.sandbox.elf import NotAProgramError, needed
from twisted_distcc.execution.sandbox.view import View

# What gcc's driver starts to compile and to assemble; clang is one program, with an assembler or not.
_INNER: Final = ("cc1", "cc1plus", "cc1obj", "cc1objplus")
_PROGRAMS: Final = (*_INNER, "as")

# All that a system has installed, for compilers that are scripts.
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives")

# The loader's index of libraries, and the locale of English in UTF-8 in its two spellings.
_BESIDE: Final = ("/etc/ld.so.cache", "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")

_INSTALLED: Final = re.compile(r"^install: (/.*)$", re.MULTILINE)
_SEARCHED: Final = re.compile(r"^programs: =(.*)$", re.MULTILINE)
_CONFIGURED: Final = re.compile(r"^Configuration file: (/.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler with all that it needs.

    Attributes:
        programs: the path by which it is started, and the programs that it starts.
        view: what must be seen for it to work.
        is_whole_system: whether it could not be told apart from the rest of the system.
    """

    programs: tuple[str, ...]
    view: View
    is_whole_system: bool

    @property
    def compiler(self) -> str:
        """The path by which it is started."""
        return self.programs[0]

    def digest(self) -> str:
        """Give one SHA-256 of all its programs, in hexadecimal digits; this reads them.

        Raises:
            OSError: if one cannot be read.
        """
        import hashlib  # twistd-stdio starts once per job, mostly without an audit log

        digests = set()
        for program in self.programs:
            with open(program, "rb") as file:
                digests.add(hashlib.file_digest(file, "sha256").digest())
        return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


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
        libraries = [*needed(compiler)]
        asked = _Asked(compiler, environ)
        programs = tuple(asked.programs())
        libraries += [library for one in (*programs, *beside) for library in needed(one)]
    except NotAProgramError:
        return whole_system(compiler)
    folders = {os.path.dirname(one) for one in programs if os.path.basename(one) in _INNER}
    shown = [compiler, *programs, *beside, *libraries, *folders, *asked.folders(), *_BESIDE]
    return Toolchain((compiler, *programs), View.of(shown), is_whole_system=False)


def whole_system(compiler: str) -> Toolchain:
    """Give `compiler` with all that the system has installed."""
    return Toolchain((compiler,), View.of([*_SYSTEM, *_BESIDE, compiler]), is_whole_system=True)


class _Asked:
    """A compiler that has told about itself."""

    def __init__(self, compiler: str, environ: Mapping[str, str]) -> None:
        self._compiler = compiler
        self._environ = environ
        self._told = self._answer("-print-search-dirs")

    def programs(self) -> Iterator[str]:
        """Give the programs that it starts."""
        searched = "".join(_SEARCHED.findall(self._told))
        folders = [*searched.split(":"), *self._environ.get("PATH", os.defpath).split(":")]
        for name in _PROGRAMS:
            paths = (os.path.join(folder, name) for folder in folders if folder.startswith("/"))
            found = next((path for path in paths if os.access(path, os.X_OK)), None)
            if found is not None:
                yield found

    def folders(self) -> Iterator[str]:
        """Give the folders that it keeps its own files in, and the files that configure it."""
        installed = _INSTALLED.findall(self._told)
        yield from installed
        if not installed:  # it is clang
            yield from self._answer("-print-resource-dir").splitlines()
            yield from _CONFIGURED.findall(self._answer("--version"))

    def _answer(self, question: str) -> str:
        return ask([self._compiler, question], self._environ)
