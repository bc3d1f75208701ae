"""A toolchain as files that can be laid out elsewhere, at the paths that they have here.

    tree = travelling_tree(toolchain, Language.CXX)
    tree.files, tree.programs, tree.links

It has what the compiler opens, and starts, for a unit of one language: with gcc, one of four programs of
30 MB each.  What only the linker reads stays here, and what plugins are made with.  A machine that has
these files, the files of a unit, and nothing else, makes of it what this machine would; it needs nothing
installed but a kernel.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.toolchain.digest import FileStamp, file_stamp
from twisted_distcc.toolchain.discovery import Toolchain

# gcc's own compiler for each language; the preprocessed form of a language has the same.
_INNER: Final = {
    Language.C: "cc1",
    Language.CXX: "cc1plus",
    Language.OBJC: "cc1obj",
    Language.OBJCXX: "cc1objplus",
    Language.PREPROCESSED_C: "cc1",
    Language.PREPROCESSED_CXX: "cc1plus",
    Language.PREPROCESSED_OBJC: "cc1obj",
    Language.PREPROCESSED_OBJCXX: "cc1objplus",
    Language.ASSEMBLER_WITH_CPP: "cc1",
    Language.ASSEMBLER: "cc1",
}
# What the driver starts to link.
_LINKING: Final = frozenset({"collect2", "lto1", "lto-wrapper", "g++-mapper-server"})
_ARCHIVE: Final = ".a"
_FOR_PLUGINS: Final = "/plugin/include/"
_MOST_FILES: Final = 5000
_MOST_DIGESTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class ToolFile:
    """A file of a toolchain: its path, the SHA-256 of its content, and its size."""

    path: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class TravellingTree:
    """The files of a toolchain for one language; no path leads over a link.

    Attributes:
        files: those that are only read.
        programs: those that can be executed.
        links: paths with targets.
        stamps: what tells these files from later ones at the same paths.
    """

    files: tuple[ToolFile, ...]
    programs: tuple[ToolFile, ...]
    links: tuple[tuple[str, str], ...]
    stamps: tuple[tuple[str, FileStamp], ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in (*self.files, *self.programs))

    def is_current(self) -> bool:
        """Whether all files are still the same; it looks at each."""
        try:
            return all(file_stamp(path) == stamp for path, stamp in self.stamps)
        except OSError:
            return False


def inner_program(language: Language) -> str:
    """Return the name of gcc's own compiler for `language`: trees for the same one are the same."""
    return _INNER[language]


def travelling_tree(toolchain: Toolchain, language: Language) -> TravellingTree:
    """Return the files of `toolchain` that compile units of `language`; this reads them all.

    Raises:
        ValueError: if it is more than a compiler: the whole system, for instance.
        OSError: if one of them cannot be read.
    """
    if toolchain.is_whole_system:
        raise ValueError("it cannot be separated from the rest of the system")
    own = {os.path.basename(path) for path in toolchain.programs} & {_INNER[language]}
    left_out = _LINKING | (set(_INNER.values()) - own)  # clang has a gcc beside it, whose are of no use
    view = toolchain.view_for(makes_more=False)
    links = dict(view.links)
    files: list[ToolFile] = []
    programs: list[ToolFile] = []
    stamps: list[tuple[str, FileStamp]] = []
    for path in _files(view.mounts, links):
        if os.path.basename(path) in left_out or path.endswith(_ARCHIVE) or _FOR_PLUGINS in path:
            continue
        told = os.stat(path)
        if not stat.S_ISREG(told.st_mode):
            continue
        if len(stamps) >= _MOST_FILES:
            raise ValueError(f"it has more than {_MOST_FILES} files")
        stamp = file_stamp(path)
        stamps.append((path, stamp))
        group = programs if told.st_mode & stat.S_IXUSR else files
        group.append(ToolFile(path, _digest(path, stamp), told.st_size))
    targets = tuple((path, _relative(path, target)) for path, target in sorted(links.items()))
    return TravellingTree(tuple(files), tuple(programs), targets, tuple(stamps))


def _files(mounts: Iterable[str], links: dict[str, str]) -> Iterator[str]:
    """Yield all files at and below `mounts`, and add the links that are there to `links`."""
    for mount in mounts:
        if not os.path.isdir(mount):
            yield mount
            continue
        for folder, folders, names in os.walk(mount):
            for name in (*folders, *names):
                path = f"{folder}/{name}"
                if os.path.islink(path):
                    links[path] = os.readlink(path)
            yield from (path for name in names if not os.path.islink(path := f"{folder}/{name}"))


def _relative(path: str, target: str) -> str:
    """Return a target that leads to the same place: absolute ones may be refused."""
    return os.path.relpath(target, os.path.dirname(path)) if target.startswith("/") else target


@lru_cache(_MOST_DIGESTS)
def _digest(path: str, _stamp: FileStamp) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
