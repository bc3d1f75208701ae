"""Write the files that a compile leaves exactly as the compiler would have written them.

`Outputs` takes contents, the names in the command, and how compilers write such a file.  The result
cannot be distinguished from that of a local compile; otherwise it raises `LeftToCompilerError`, and the
compiler does it itself, and reports any problem in its own words.

What gcc 12 and clang 14 do, as strace shows:

- `as` removes a non-empty object, even if it is a link, and creates a new file.  It writes into one
  that is empty, and through a link that leads to an empty file or to nothing.
- clang writes a new file beside the object and renames it, provided that the old one is writable.
  If no file can be created beside it, or its name is too long, clang writes into the old one.
- Assembling by clang, and `gcc -S`, write into the file that is there.
- Both write dependencies into the file that is there, through links.

Where they agree we do the same; where they differ, and where there is anything but a regular file, the
compiler does it.  A new file gets its name when it is complete, so that nobody ever sees half of it.

Others may be able to write to the folder (`-o /tmp/w.o`), and change what is there between our check and
our write.  So the folder is opened once, all names are looked up relative to its descriptor, no link is
followed there, and a file is only written into if it is the very file that was checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Final

from twisted_distcc.cmdline.foreseen import Existing

_MODE: Final = 0o666
# What clang adds to the name of an object while writing it, as in `a-0123abcd.o.tmp`.
_CLANG_ADDS: Final = len("-0123abcd.tmp")
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4095
_DEFAULT_ACL: Final = "system.posix_acl_default"
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
# Do not block on a pipe that has replaced the file.
_OLD: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LeftToCompilerError(Exception):
    """An output must be written by the compiler; the text says which and why."""


def is_new(path: str, existing: Existing) -> bool:
    """Return whether `path` does not exist; if it does, it must be a file to treat as `existing`.

    Raises:
        LeftToCompilerError: if compilers treat it differently.
    """
    with _left_to_compiler(path), contextlib.closing(_Place.of(path)) as place:
        return place.look(existing) is None


@dataclass(frozen=True, slots=True)
class _Place:
    """The name of an output in its folder.

    Attributes:
        path: the path of the output, for messages.
        folder: a descriptor of the folder, wherever its path leads by now.
        name: the output's name in it.
    """

    path: str
    folder: int
    name: str

    @classmethod
    def of(cls, path: str) -> _Place:
        """Open the folder of the absolute `path`.

        Raises:
            LeftToCompilerError: if there is none.
            OSError, ValueError: if it cannot be opened, or the path is not valid.
        """
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        folder, name = os.path.split(path)
        try:
            return cls(path, os.open(folder, _FOLDER), name or ".")
        except FileNotFoundError:
            raise LeftToCompilerError(f"no file can be made in {folder}") from None

    def close(self) -> None:
        """Close the folder."""
        os.close(self.folder)

    def look(self, existing: Existing) -> os.stat_result | None:
        """Return the status of the file, which must be one to treat as `existing`; `None` if none.

        Raises:
            LeftToCompilerError: if compilers treat it differently.
        """
        found = self._found()
        reason = self._unlike(found, existing) if found else None
        if reason is None and not (found and existing is Existing.OVERWRITTEN):
            reason = self._closed()
        if reason is not None:
            raise LeftToCompilerError(reason)
        return found

    def _found(self) -> os.stat_result | None:
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _unlike(self, found: os.stat_result, existing: Existing) -> str | None:
        """Return why not all compilers treat `found` as `existing`; `None` if they do."""
        if not stat.S_ISREG(found.st_mode):
            return f"{self.path} is not a regular file"
        if existing is Existing.OVERWRITTEN:
            return f"{self.path} is another user's" if self._is_protected(found) else None
        if existing is Existing.DISPUTED:
            return f"{self.path} exists, and compilers disagree on whether to replace it"
        if not found.st_size:
            return f"{self.path} is empty, and compilers disagree on whether to replace it"
        if _is_long(self.path):
            return f"{self.path} exists, and its name is too long for every compiler to replace it"
        is_writable = os.access(self.name, os.W_OK, dir_fd=self.folder)
        return None if is_writable else f"{self.path} is read-only"

    def _is_protected(self, found: os.stat_result) -> bool:
        """Whether the kernel may keep a compiler from writing into `found` (`fs.protected_regular`)."""
        folder = os.fstat(self.folder)
        is_sticky = bool(folder.st_mode & stat.S_ISVTX)
        return is_sticky and found.st_uid not in (os.geteuid(), folder.st_uid)

    def _closed(self) -> str | None:
        is_open = os.access(".", os.W_OK | os.X_OK, dir_fd=self.folder)
        return None if is_open else f"no file can be made in {os.path.dirname(self.path)}"

    def overwrite(self, found: os.stat_result, contents: Iterable[bytes]) -> None:
        """Write `contents` into the file `found`; any other file there is left alone.

        What is too long is cut off afterwards: ext4 writes a file that was emptied to the disk at once.
        """
        descriptor = os.open(self.name, _OLD, dir_fd=self.folder)
        with open(descriptor, "wb", buffering=0) as file:
            before = os.fstat(descriptor)
            if not os.path.samestat(before, found):
                raise LeftToCompilerError(f"{self.path} is another file than a moment ago")
            written = _fill(file, contents)
            if written < before.st_size or not written:
                file.truncate()

    def show(self, temporary: str, *, replaces: bool) -> None:
        """Give the file `temporary`, in the same folder, this name.

        An old file is removed first, as `as` does: ext4 writes a file to the disk at once if another one
        is renamed over it.
        """
        if replaces:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.name, dir_fd=self.folder)
        os.rename(temporary, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def has_default_acl(self) -> bool:
        """Whether the folder's ACL, rather than the umask, decides the mode of new files."""
        try:
            return bool(os.getxattr(f"/proc/self/fd/{self.folder}", _DEFAULT_ACL))
        except OSError:
            return False


def _is_long(path: str) -> bool:
    in_bytes = os.fsencode(path)
    longest = max(len(os.path.basename(in_bytes)) - _LONGEST_NAME, len(in_bytes) - _LONGEST_PATH)
    return longest + _CLANG_ADDS > 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """An output that is complete, under a temporary name in its folder.

    Attributes:
        temporary: that name.
        place: what it will be called.
        replaces: whether there is an old file of that name.
    """

    temporary: str
    place: _Place
    replaces: bool


class Outputs:
    """The outputs of one compile: `add` each, then `show` all of them, and `discard` in any case.

    Args:
        umask: the umask of whoever compiles.
    """

    def __init__(self, umask: int) -> None:
        self._umask = umask
        self._ready: list[_Ready] = []
        self._open = contextlib.ExitStack()

    def add(self, path: str, existing: Existing, contents: Iterable[bytes]) -> None:
        """Prepare `contents` as the file `path`, or overwrite that file right away.

        Raises:
            LeftToCompilerError: if the compiler has to write it.
        """
        with _left_to_compiler(path):
            place = self._open.enter_context(contextlib.closing(_Place.of(path)))
            found = place.look(existing)
            if found is not None and existing is not Existing.REPLACED:
                place.overwrite(found, contents)
                return
            with self._new_file(place, existing, replaces=found is not None) as file:
                _fill(file, contents)

    def show(self) -> None:
        """Rename all prepared files into place: dependencies first, as clang renames the object last.

        Raises:
            LeftToCompilerError: if one of them cannot be renamed.
        """
        while self._ready:
            ready = self._ready[0]
            with _left_to_compiler(ready.place.path):
                ready.place.show(ready.temporary, replaces=ready.replaces)
            del self._ready[0]

    def discard(self) -> None:
        """Remove files that were prepared but not shown, and close the folders."""
        for ready in self._ready:
            with contextlib.suppress(OSError):
                os.unlink(ready.temporary, dir_fd=ready.place.folder)
        self._ready.clear()
        self._open.close()

    def _new_file(self, place: _Place, existing: Existing, *, replaces: bool) -> FileIO:
        """Create a file beside `place` with the mode that a compiler's would have; return it open."""
        inherits = place.has_default_acl()
        mode = _MODE if inherits else _MODE & ~self._umask
        ready = _Ready(f".{os.urandom(8).hex()}.tdistcc", place, replaces)
        descriptor = os.open(ready.temporary, _NEW, mode, dir_fd=place.folder)
        self._ready.insert(0 if existing is Existing.OVERWRITTEN else len(self._ready), ready)
        if not inherits:
            _undo_own_umask(descriptor, mode)
        return FileIO(descriptor, "wb")


@contextlib.contextmanager
def _left_to_compiler(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LeftToCompilerError(f"cannot write {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise LeftToCompilerError(f"the name of an output has a NUL byte in it: {path!r}") from error


def _undo_own_umask(descriptor: int, mode: int) -> None:
    """Restore the bits of `mode` that this process's umask has removed from a new file."""
    if mode & ~os.fstat(descriptor).st_mode:
        with contextlib.suppress(OSError):  # as on a file system that has no modes
            os.fchmod(descriptor, mode)


def _fill(file: FileIO, contents: Iterable[bytes]) -> int:
    """Write `contents`, and return how many bytes they are."""
    length = 0
    for piece in contents:
        left = memoryview(piece)
        length += len(left)
        while left:
            left = left[file.write(left) :]
    return length
