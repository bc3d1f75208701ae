"""Identify a compiler: one digest of everything that determines its output for an input.

`parts` lists the files that a compiler consists of, with their stamps; `digest_of` returns one SHA-256
of their contents.  The same digest on two machines means the same output for the same input.  Where the
parts are does not matter and is left out, but the names of headers are included.  How the parts are
found is left to `discovery`.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

FileStamp: TypeAlias = tuple[int, int, int, int]

# Change this if the same files should get another digest.
_EDITION: Final = b"toolchain 1\n"

# Files whose digests are remembered: some hundred for each compiler.
_MOST_DIGESTS: Final = 10_000

# What all programs of a system share, and what a compiler's results do not depend on.
_C_LIBRARY: Final = re.compile(r"(ld|ld64|ld-linux.*|ld-musl.*|libc|libdl|libpthread|librt)[-.]")
_MATHEMATICS: Final = re.compile(r"libm[-.]")

# Strings in every gcc driver (a name in its table of specs), and in every clang (the name of a tool
# within it, and of a variable that it reads); a program that only starts a compiler has none.
_DRIVERS: Final = (b"cc1_options", b"-cc1as", b"CCC_OVERRIDE_OPTIONS")


@dataclass(frozen=True, slots=True)
class Part:
    """A file that matters: its role, its path, and its state."""

    role: str
    path: str
    stamp: FileStamp


def file_stamp(path: str) -> FileStamp:
    """Return what distinguishes the file at `path` from any later one there.

    Raises:
        OSError: if there is none.
    """
    told = os.stat(path)
    return told.st_dev, told.st_ino, told.st_mtime_ns, told.st_size


def is_driver(path: str) -> bool:
    """Whether the program at `path` is the driver of a gcc or clang, and not a wrapper around one.

    Raises:
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
        return any(program.find(word) >= 0 for word in _DRIVERS)


def deciding(libraries: Iterable[str], *, mathematics: bool) -> tuple[str, ...]:
    """Return `libraries` without the C library, except its mathematics if compilers compute with it."""

    def decides(name: str) -> bool:
        return not _C_LIBRARY.match(name) and (mathematics or not _MATHEMATICS.match(name))

    return tuple(sorted({path for path in libraries if decides(os.path.basename(path))}))


def parts(programs: Iterable[str], libraries: Iterable[str], own: Iterable[str]) -> tuple[Part, ...]:
    """Return the parts of a compiler: its programs, their libraries, and its own files and folders.

    Raises:
        OSError: if one does not exist.
    """
    rows = [
        *(("program", path) for path in programs),
        *(("library", path) for path in libraries),
        *(row for path in own for row in _files(path)),
    ]
    return tuple(Part(role, path, file_stamp(path)) for role, path in sorted(set(rows)))


def digest_of(found: Iterable[Part]) -> str:
    """Return one SHA-256 of the contents of these parts, in hexadecimal digits; this reads them.

    Raises:
        OSError: if one cannot be read.
    """
    import hashlib  # twistd-stdio starts once per job, and is rarely asked

    rows = {os.fsencode(f"{file_digest(part.path, part.stamp).hex()} {part.role}\n") for part in found}
    return hashlib.sha256(_EDITION + b"".join(sorted(rows))).hexdigest()


@dataclass(frozen=True, slots=True)
class _File:
    """A file, whatever path leads to it."""

    stamp: FileStamp
    path: str = field(compare=False)


def file_digest(path: str, stamp: FileStamp) -> bytes:
    """Return the SHA-256 of the file at `path`, which is read only once for each stamp.

    Compilers have most of their 100 MB and more in common with those for other languages.

    Raises:
        OSError: if it cannot be read.
    """
    return _content_digest(_File(stamp, path))


@lru_cache(_MOST_DIGESTS)
def _content_digest(file: _File) -> bytes:
    import hashlib

    with open(file.path, "rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _files(path: str) -> Iterator[tuple[str, str]]:
    """Yield the file at `path`, or all files below that folder, with their names relative to it."""
    if not os.path.isdir(path):
        yield f"file {os.path.basename(path)}", path
    above = len(os.path.dirname(path)) + 1
    for folder, _, names in os.walk(path):
        for name in names:
            yield f"header {folder[above:]}/{name}", f"{folder}/{name}"
