"""What a compiler consists of: found from the compiler itself.

In: the path of a compiler that this server trusts.  Out: a `Toolchain`: the files and folders that it
opens when it compiles preprocessed text, and the digest by which it is known.  A compiler that is a
script may start anything, so whoever runs it sees all that the system has installed.
"""

from __future__ import annotations

import hashlib
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
_CONFIGURED: Final = re.compile(r"^Configuration file: (/.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler with all that it needs.

    Attributes:
        compiler: the path by which it is started.
        view: what must be seen for it to work.
        digest: SHA-256 of the programs that make it up, in hexadecimal digits.
        is_whole_system: whether it could not be told apart from the rest of the system.
    """

    compiler: str
    view: View
    digest: str
    is_whole_system: bool


def discover(compiler: str, environ: Mapping[str, str], beside: Iterable[str]) -> Toolchain:
    """Find out what `compiler` consists of; this starts it several times, and reads its programs.

    Args:
        compiler: its path.
        environ: the environment that it will run in.
        beside: other programs that are to work where it runs.

    Raises:
        OSError: if it cannot be read or started.
    """
    asked = _Asked(compiler, environ)
    try:
        programs = (compiler, *asked.programs())
        libraries = [library for one in (*programs, *beside) for library in needed(one)]
    except NotAProgramError:
        return whole_system(compiler)
    folders = {os.path.dirname(one) for one in programs[1:] if os.path.basename(one) in _INNER}
    shown = [*programs, *beside, *libraries, *folders, *asked.folders(), *_BESIDE]
    return Toolchain(compiler, View.of(shown), _digest(programs), is_whole_system=False)


def whole_system(compiler: str) -> Toolchain:
    """Give `compiler` with all that the system has installed.

    Raises:
        OSError: if it cannot be read.
    """
    view = View.of([*_SYSTEM, *_BESIDE, compiler])
    return Toolchain(compiler, view, _digest([compiler]), is_whole_system=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A compiler that tells about itself."""

    compiler: str
    environ: Mapping[str, str]

    def programs(self) -> Iterator[str]:
        """Give the programs that it starts."""
        for name in _PROGRAMS:
            path = self._answer(f"-print-prog-name={name}").strip()
            found = path if "/" in path else self._on_path(path)
            if found and os.path.isfile(found):
                yield found

    def folders(self) -> Iterator[str]:
        """Give the folders that it keeps its own files in, and files that configure it."""
        yield from _INSTALLED.findall(self._answer("-print-search-dirs"))
        resources = self._answer("-print-resource-dir").strip()
        if resources.startswith("/"):
            yield resources
        yield from _CONFIGURED.findall(self._answer("--version"))

    def _answer(self, question: str) -> str:
        return ask([self.compiler, question], self.environ)

    def _on_path(self, name: str) -> str | None:
        folders = self.environ.get("PATH", os.defpath).split(":")
        paths = (os.path.join(folder, name) for folder in folders)
        return next((path for path in paths if name and os.path.isfile(path)), None)


def _digest(programs: Iterable[str]) -> str:
    """Give one digest of all `programs`, whatever their names."""
    digests = set()
    for program in programs:
        with open(program, "rb") as file:
            digests.add(hashlib.file_digest(file, "sha256").digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()
