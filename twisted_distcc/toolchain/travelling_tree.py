"""A toolchain as files that can be laid out elsewhere, at the paths that they have here.

    tree = travelling_tree(toolchain, Language.CXX)
    tree.files, tree.programs, tree.links

It has what the compiler opens, and starts, for a unit of one language: with gcc, one of four programs of
30 MB each.  What only the linker reads stays here, and what plugins are made with.  A machine that has
these files, the files of a unit, and nothing else, makes of it what this machine would; it needs nothing
installed but a kernel.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.toolchain.digest import FileStamp, file_digest, file_stamp
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.elf import INDEX, needed
from twisted_distcc.toolchain.view import View

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
    Language.LLVM: "",
}
# What is in gcc's own folder for other languages, for linking, and for making plugins.
_OTHERS: Final = re.compile(r"/(?:ada\w*|finclude|include/d|go|plugin)/")
_ARCHIVE: Final = ".a"
SIGN: Final = "crtbegin.o"
"""A file that only gcc's own folder has."""
_MOST_FILES: Final = 5000


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

    def joined(self, other: TravellingTree) -> TravellingTree:
        """Return the files of both."""
        return TravellingTree(
            tuple({file.path: file for file in (*self.files, *other.files)}.values()),
            tuple({file.path: file for file in (*self.programs, *other.programs)}.values()),
            tuple(sorted({*self.links, *other.links})),
            tuple({*self.stamps, *other.stamps}),
        )

    def is_current(self) -> bool:
        """Whether all files are still the same; it looks at each."""
        try:
            return all(file_stamp(path) == stamp for path, stamp in self.stamps)
        except OSError:
            return False


def inner_program(language: Language) -> str:
    """Return the name of gcc's own compiler for `language`: trees for the same one are the same."""
    return _INNER[language]


def travelling_tree(
    toolchain: Toolchain, language: Language, environ: Mapping[str, str]
) -> TravellingTree:
    """Return the files of `toolchain` that compile units of `language`; this reads them all.

    The loader's index is among them only if its libraries are not found without it in `environ`: it
    changes whenever anything is installed, and with it the digest of the tree.

    Raises:
        ValueError: if it is more than a compiler: the whole system, for instance.
        OSError: if one of them cannot be read.
    """
    if toolchain.is_whole_system:
        raise ValueError("it cannot be separated from the rest of the system")
    inner = {os.path.basename(path) for path in toolchain.programs} & {_INNER[language]}
    view = toolchain.view_for(makes_more=True)
    mounts = [path for path in view.mounts if path != INDEX or _needs_index(toolchain, environ)]
    links = dict(view.links)
    gccs = _gccs(mounts)
    paths = [path for path in _files(mounts, links) if not _is_of_others(path, gccs, inner)]
    if len(paths) > _MOST_FILES:
        raise ValueError(f"it has more than {_MOST_FILES} files")
    return _read(paths, links)


def files_seen(view: View) -> TravellingTree:
    """Return all files in `view`; this reads them.

    Raises:
        OSError: if one of them cannot be read.
    """
    links = dict(view.links)
    return _read(list(_files(view.mounts, links)), links)


def _read(paths: Iterable[str], links: Mapping[str, str]) -> TravellingTree:
    stamps = tuple((path, file_stamp(path)) for path in paths)
    files = [ToolFile(path, file_digest(path, stamp), stamp[-1]) for path, stamp in stamps]
    targets = tuple((path, _relative(path, target)) for path, target in sorted(links.items()))
    return TravellingTree(
        tuple(file for file in files if not _is_executable(file.path)),
        tuple(file for file in files if _is_executable(file.path)),
        targets,
        stamps,
    )


def _gccs(mounts: Iterable[str]) -> tuple[str, ...]:
    """Return those of `mounts` that are folders of a gcc's own, or of its programs alone."""
    return tuple(f"{mount}/" for mount in mounts if any(map(os.path.isfile, _signs(mount))))


def _signs(mount: str) -> Iterator[str]:
    return (f"{mount}/{name}" for name in (SIGN, *filter(None, _INNER.values())))


def _is_executable(path: str) -> bool:
    return bool(os.stat(path).st_mode & stat.S_IXUSR)


def _is_of_others(path: str, gccs: tuple[str, ...], inner: AbstractSet[str]) -> bool:
    """Whether a file is for linking, or in one of the folders of `gccs` for other programs than `inner`.

    clang, which has a gcc beside it, starts none of its programs.
    """
    if path.endswith(_ARCHIVE):
        return True
    if not path.startswith(gccs):
        return False
    is_program = _is_executable(path) and os.path.basename(path) not in inner
    return is_program or _OTHERS.search(path) is not None


def _needs_index(toolchain: Toolchain, environ: Mapping[str, str]) -> bool:
    """Whether any program of `toolchain` needs the loader's index to find its libraries."""
    return any(
        set(needed(path, environ)) != set(needed(path, environ, by_index=False))
        for path in toolchain.programs
    )


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
            paths = (f"{folder}/{name}" for name in names)
            yield from (path for path in paths if os.path.isfile(path) and not os.path.islink(path))


def _relative(path: str, target: str) -> str:
    """Return a target that leads to the same place: absolute ones may be refused."""
    return os.path.relpath(target, os.path.dirname(path)) if target.startswith("/") else target


def environment_within(tree: TravellingTree, environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` as far as it decides what a compiler does where there is nothing but `tree`.

    It leaves out what tells users apart and nothing else: folders in which a compiler looks for programs
    and finds none, and a home without any configuration for it.
    """
    paths = (*(file.path for file in (*tree.files, *tree.programs)), *(path for path, _ in tree.links))
    told = dict(environ)
    folders = {os.path.dirname(path) for path in paths}
    if searched := told.get("PATH"):
        told["PATH"] = _searched(searched, folders) or searched
    home = told.get("HOME", "")
    if home.startswith("/") and not _has_any(os.path.join(os.path.realpath(home), ""), folders):
        del told["HOME"]
    return told


def _searched(path: str, folders: AbstractSet[str]) -> str | None:
    """Return those of `folders` that the search path `path` leads to; `None` if it has relative ones."""
    listed = path.split(":")
    if not all(folder.startswith("/") for folder in listed):
        return None
    return ":".join(dict.fromkeys(real for one in listed if (real := os.path.realpath(one)) in folders))


def _has_any(above: str, folders: Iterable[str]) -> bool:
    return any(f"{folder}/".startswith(above) for folder in folders)
