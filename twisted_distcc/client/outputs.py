"""The files that a compile leaves, put where the compiler would have put them.

In: contents, the names that the command gives them, and how compilers write such a file.  Out: files
that cannot be told from those of a local compile, or `LeftToCompilerError`: the compiler then does it
itself, and whatever there is to complain of, it says in its own words.

What gcc 12 and clang 14 do, as strace shows:

- `as` removes an object that is not empty, also a link, and creates a new file.  It writes into one
  that is empty, and through a link that leads to an empty file or to nothing.
- clang writes a new file beside the object and renames it, provided that the old one is writable.
  Where no file can be made beside it, or its name is too long, clang writes into the old one.
- Assembling by clang, and `gcc -S`, write into the file that is there.
- Both write dependencies into the file that is there, through links.

Where they do the same we do it; where they differ, and where there is anything but a regular file, the
compiler does.  A new file gets its name when it is complete, so that nobody ever sees half of it.
"""

from __future__ import annotations

import contextlib
import enum
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

_MODE: Final = 0o666
# What clang adds to the name of an object while it writes it, as in `a-0123abcd.o.tmp`.
_CLANG_ADDS: Final = len("-0123abcd.tmp")
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4095
_DEFAULT_ACL: Final = "system.posix_acl_default"


class Existing(enum.Enum):
    """What compilers do with the regular file that has the name of an output."""

    REPLACED = enum.auto()
    """A new file takes its name; the old one keeps its other names, mode, owner and contents."""
    OVERWRITTEN = enum.auto()
    """It gets new contents, and stays the file that it is."""
    DISPUTED = enum.auto()
    """One compiler replaces it, and another overwrites it."""


class LeftToCompilerError(Exception):
    """An output is not for us to write; the text says which and why."""


def is_new(path: str, existing: Existing) -> bool:
    """Return whether there is nothing at `path`, rather than a file that we treat as `existing`.

    Raises:
        LeftToCompilerError: if compilers treat what is there in another way.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise LeftToCompilerError(f"cannot examine {path}: {error.strerror}") from error
    except ValueError as error:
        raise LeftToCompilerError(f"the name of an output has a NUL byte in it: {path!r}") from error
    reason = _unlike(path, found, existing) if found else None
    if reason is None and not (found and existing is Existing.OVERWRITTEN):
        reason = _closed(os.path.dirname(path))
    if reason is not None:
        raise LeftToCompilerError(reason)
    return found is None


def _unlike(path: str, found: os.stat_result, existing: Existing) -> str | None:
    """Return why compilers do not treat `found` as `existing`, or not all of them."""
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a regular file"
    if existing is Existing.OVERWRITTEN:
        return None
    if existing is Existing.DISPUTED:
        return f"{path} exists, and compilers disagree on whether to replace it"
    if not found.st_size:
        return f"{path} is empty, and compilers disagree on whether to replace it"
    if _is_long(path):
        return f"{path} exists, and its name is too long for every compiler to replace it"
    return None if os.access(path, os.W_OK) else f"{path} is read-only"


def _is_long(path: str) -> bool:
    in_bytes = os.fsencode(path)
    longest = max(len(os.path.basename(in_bytes)) - _LONGEST_NAME, len(in_bytes) - _LONGEST_PATH)
    return longest + _CLANG_ADDS > 0


def _closed(folder: str) -> str | None:
    return None if os.access(folder, os.W_OK | os.X_OK) else f"no file can be made in {folder}"


class Outputs:
    """The outputs of one compile: add each, then show all of them.

    Args:
        umask: the umask of whoever compiles.
    """

    def __init__(self, umask: int) -> None:
        self._umask = umask
        self._ready: list[tuple[str, str]] = []

    def add(self, path: str, existing: Existing, contents: Iterable[bytes]) -> None:
        """Make `contents` ready as the file `path`, or overwrite that file right away.

        Raises:
            LeftToCompilerError: if the compiler has to write it.
        """
        with _left_to_compiler(path):
            if is_new(path, existing) or existing is Existing.REPLACED:
                _fill(self._new_file(path, existing), contents)
            else:
                # These flags exactly: by O_CREAT the kernel protects files in sticky folders.
                _fill(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC), contents)

    def show(self) -> None:
        """Give all that is ready its name: dependencies first, as clang renames the object at the end.

        Raises:
            LeftToCompilerError: if one of them cannot have it.
        """
        while self._ready:
            temporary, path = self._ready[0]
            with _left_to_compiler(path):
                os.rename(temporary, path)
            del self._ready[0]

    def discard(self) -> None:
        """Remove what was made ready and not shown."""
        for temporary, _ in self._ready:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        self._ready.clear()

    def _new_file(self, path: str, existing: Existing) -> int:
        """Create a file beside `path` with the mode that a compiler's would have; return it, open."""
        folder = os.path.dirname(path)
        inherits = _has_default_acl(folder)
        mode = _MODE if inherits else _MODE & ~self._umask
        temporary = f"{folder}/.{os.urandom(8).hex()}.tdistcc"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, mode)
        self._ready.insert(
            0 if existing is Existing.OVERWRITTEN else len(self._ready), (temporary, path)
        )
        if not inherits:
            _undo_own_umask(descriptor, mode)
        return descriptor


@contextlib.contextmanager
def _left_to_compiler(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LeftToCompilerError(f"cannot write {path}: {error.strerror or error}") from error


def _has_default_acl(folder: str) -> bool:
    """Return whether the ACL of `folder`, rather than the umask, decides the mode of new files."""
    try:
        return bool(os.getxattr(folder, _DEFAULT_ACL))
    except OSError:
        return False


def _undo_own_umask(descriptor: int, mode: int) -> None:
    """Give a new file of `mode` the bits that this process's umask has taken from it."""
    if mode & ~os.fstat(descriptor).st_mode:
        with contextlib.suppress(OSError):  # as on a file system that has no modes
            os.fchmod(descriptor, mode)


def _fill(descriptor: int, contents: Iterable[bytes]) -> None:
    with open(descriptor, "wb", buffering=0) as file:
        for piece in contents:
            left = memoryview(piece)
            while left:
                left = left[file.write(left) :]
