"""A toolchain that came with a job, as files in a folder of this server.

`lay_tools` writes the tree of a toolchain to a folder, and returns the `LaidTools` that jobs see in
their sandboxes, at the client's paths.  Nothing in it is trusted: it is a client's, and runs only where
nothing else can be reached.  In a tree no path leads over a link, so nothing is written through one;
links on the disk are never followed here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted_distcc.errors import EXIT_COMPILER_MISSING, BodyTooLargeError
from twisted_distcc.execution.inputs.disk import run_filter
from twisted_distcc.execution.inputs.layout import Fixture
from twisted_distcc.execution.inputs.links import Links
from twisted_distcc.execution.inputs.names import BadTreeError, check_given, check_place, parent, refused
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Tools, Tree
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.elf import MAGIC, is_for_this_machine
from twisted_distcc.toolchain.view import View

MOST_BYTES: Final = 2 * 1024 * 1024 * 1024
"""The most bytes of one toolchain; clang has 250 MB."""
PER_ENTRY: Final = 4096
"""The bytes that a file, a link or a folder takes on a disk beside its contents, at the most."""
_MOST_ENTRIES: Final = 10_000
# Each is looked at before each job; compilers have some tens.
_MOST_FOLDERS: Final = 1000
_PROGRAM: Final = 0o555
_READ: Final = 0o444
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# The times of a folder that nobody has changed since it was made.
_UNTOUCHED: Final = (0, 0)
# Each file has a time of its own, which no file of a job has: gcc takes files of the same size, time and
# contents for one.
_FIRST_TIME: Final = 1_000_000_000


_Stamp: TypeAlias = tuple[int, int, int, int]


class BadToolsError(BadTreeError):
    """A toolchain is none that this server takes; the text says why."""

    exit_code = EXIT_COMPILER_MISSING


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LaidTools(Tools):
    """A toolchain that is there.

    Attributes:
        folder: where it lies.
        folders: all folders in it.
        stamps: its files, with what tells each from one that somebody has changed.
        fixture: what of it is in the way of a job's files.
        view: what a job sees of it.
    """

    folder: str
    folders: tuple[bytes, ...]
    stamps: tuple[tuple[bytes, _Stamp], ...]
    fixture: Fixture
    view: View

    def real(self, path: str) -> str:
        """Return what `path` leads to in it.

        Raises:
            BadTreeError: if it leads in a circle.
        """
        return os.fsdecode(Links(self.fixture.links).follow(os.fsencode(path)))

    def fault(self, compiler: str) -> str | None:
        """Return why the program at the path `compiler` cannot be started here; `None` if it may be."""
        real = self.real(compiler)
        if os.fsencode(real) not in self.fixture.files:
            return "the toolchain that came with this job does not have its compiler"
        if not is_for_this_machine(self.folder + real):
            return "the toolchain that came with this job is no program for this server's processor"
        return None

    def toolchain(self, compiler: str) -> Toolchain:
        """Return the toolchain with which `compiler` is started."""
        return Toolchain((compiler,), self.view, is_whole_system=False)

    @property
    def is_untouched(self) -> bool:
        """Whether it has the names and the files that were written, and no others."""
        try:
            if any(os.lstat(folder).st_mtime for folder in self._places()):
                return False
            base = os.fsencode(self.folder)
            return all(_stamp(base + path) == stamp for path, stamp in self.stamps)
        except OSError:
            return False

    def settle(self) -> None:
        """Note that it is whole."""
        for folder in self._places():
            os.utime(folder, _UNTOUCHED)

    def _places(self) -> Iterator[bytes]:
        base = os.fsencode(self.folder)
        yield base
        yield from map(base.__add__, self.folders)


def lay_tools(root: bytes, tree: Tree, folder: str, shown_as_well: Iterable[str] = ()) -> LaidTools:
    """Write `tree`, whose root has the digest `root`, to a new `folder`; this waits for the disk.

    Args:
        root: the digest.
        tree: the files of a toolchain.
        folder: the folder, which is made.
        shown_as_well: paths that jobs see beside it.

    Raises:
        DistccError: if it is not a toolchain, or too large.
        OSError: if the disk takes no more.
    """
    _check(tree)
    folders = _folders(tree)
    if len(folders) > _MOST_FOLDERS:
        raise BadToolsError(f"a toolchain of more than {_MOST_FOLDERS} folders is none")
    base = os.fsencode(folder)
    os.mkdir(base, 0o700)
    for path in folders:
        os.mkdir(base + path, 0o700)
    files: set[bytes] = set()
    links: list[tuple[bytes, bytes]] = []
    left = MOST_BYTES
    with tree.contents.opened():
        for entry in tree.entries:
            if isinstance(entry, InputLink):
                links.append((entry.name, entry.target))
            elif entry.name.rpartition(b"/")[2] != FOLDER_MARK:
                left -= _write(base + entry.name, entry, left, _FIRST_TIME + len(files))
                files.add(entry.name)
    for path, target in links:
        os.symlink(target, base + path)
    laid = LaidTools(
        root,
        folder=folder,
        folders=folders,
        stamps=tuple((path, _stamp(base + path)) for path in sorted(files)),
        fixture=_fixture(base, files, links, map(os.fsencode, shown_as_well)),
        view=_view(folder, files, links),
    )
    laid.settle()
    return laid


def size_on_disk(tree: Tree) -> int:
    """Return the bytes that a toolchain takes where it is laid out."""
    return (len(tree.entries) + len(_folders(tree))) * PER_ENTRY + _size(tree)


def _size(tree: Tree) -> int:
    return sum(one.content.largest() for one in tree.entries if isinstance(one, InputFile))


def _check(tree: Tree) -> None:
    """Check the names in a tree, each of which is there once, and how much it is."""
    if len(tree.entries) > _MOST_ENTRIES:
        raise BadToolsError(f"a toolchain of more than {_MOST_ENTRIES} files is none")
    if _size(tree) > MOST_BYTES:
        raise BadToolsError(f"a toolchain of more than {MOST_BYTES} bytes is none")
    for entry in tree.entries:
        check_given(entry.name)
        check_place(entry.name)
        if entry.name.startswith(b"/."):
            raise refused(entry.name, "is where this server has folders of its own")


def _folders(tree: Tree) -> tuple[bytes, ...]:
    """Return all folders of a tree, parents before children."""
    found: set[bytes] = set()
    for entry in tree.entries:
        path = parent(entry.name)
        while path and path not in found:
            found.add(path)
            path = parent(path)
    return tuple(sorted(found))


def _write(path: bytes, file: InputFile, most: int, seconds: int) -> int:
    """Write a file, which can be executed if it is a program, and return its size."""
    descriptor = os.open(path, _NEW, 0o600)
    try:
        length = file.content.write(descriptor, most, run_filter)
        is_program = os.pread(descriptor, len(MAGIC), 0) == MAGIC
        os.fchmod(descriptor, _PROGRAM if is_program else _READ)
        os.utime(descriptor, (seconds, seconds))
    except BodyTooLargeError:
        raise BadToolsError(f"a toolchain of more than {MOST_BYTES} bytes is none") from None
    finally:
        os.close(descriptor)
    return length


def _stamp(path: bytes) -> _Stamp:
    told = os.lstat(path)
    return told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def _fixture(
    base: bytes, files: set[bytes], links: list[tuple[bytes, bytes]], beside: Iterable[bytes]
) -> Fixture:
    def is_program(path: bytes) -> bool:
        told = os.lstat(base + path) if path in files else None
        return told is not None and stat.S_IMODE(told.st_mode) == _PROGRAM

    return Fixture(
        files=frozenset({*files, *beside}),
        links=tuple(links),
        is_program=is_program,
        confines=True,
        within=base,
    )


def _view(folder: str, files: set[bytes], links: list[tuple[bytes, bytes]]) -> View:
    """Return what is seen of a toolchain: all that is in its root."""
    tops = sorted({b"/" + path.split(b"/", 2)[1] for path in files})
    above = [(path, target) for path, target in links if not parent(path)]
    return View(
        tuple((os.fsdecode(path), os.fsdecode(target)) for path, target in above),
        tuple(map(os.fsdecode, tops)),
        folder,
    )
