"""Check the names in a tree, which a peer chose.

Each check raises a `BadTreeError` that says why the tree is refused.
"""

from __future__ import annotations

import os
import re
from typing import Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError

LONGEST_PART: Final = 255  # NAME_MAX
LONGEST: Final = 3584
"""Bytes of a path: PATH_MAX, less the path of the tree itself."""
DEEPEST: Final = 100
"""Components of a path; the deepest sources are some twenty folders deep."""

# Devices, and information about the machine.
_OWN: Final = frozenset({b"dev", b"proc", b"sys"})
# What is loaded, or obeyed, where it is found, though nobody may execute it: libraries and the loader's
# settings, a driver's, and what the C library reads of locales and of character sets.
_LOADED: Final = re.compile(
    rb"(?s)specs|ld\.so.*|.*\.so(\..*)?|gconv-modules.*|locale-archive|LC_[A-Z]+|.*\.g?mo"
)
# A precompiled header is an image of a compiler's memory; it may be any file of a folder of that name.
# Configuration files have options for clang's driver, which decide what it runs.
_OBEYED: Final = re.compile(rb"(?s).*\.(gch|pch)(/.*)?|.*\.cfg")
_SHOWN_LENGTH: Final = 100


class BadTreeError(DistccError):
    """The files that came with a job cannot be laid out; the text says which, and why."""

    exit_code = EXIT_BAD_ARGUMENTS


def refused(name: bytes, why: str) -> BadTreeError:
    """Return the error that says why `name` is refused."""
    text = os.fsdecode(name)[:_SHOWN_LENGTH]
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return BadTreeError(f"the job's files cannot be laid out: {shown or 'an empty name'} {why}")


def check_given(name: bytes) -> None:
    """Refuse `name`, as given by a peer, unless it is an absolute path below the root."""
    if not name.startswith(b"/"):
        raise refused(name, "is not an absolute name")
    if b"\0" in name:
        raise refused(name, "contains a NUL character")
    check_length(name)


def check_length(name: bytes) -> None:
    """Refuse `name` if a file system might, or if it has too many components."""
    parts = name.split(b"/")
    if len(name) > LONGEST or len(parts) > DEEPEST:
        raise refused(name, f"has more than {LONGEST} bytes or {DEEPEST} parts")
    if max(map(len, parts)) > LONGEST_PART:
        raise refused(name, f"has a part of more than {LONGEST_PART} bytes")


def check_place(path: bytes) -> None:
    """Refuse `path`, which contains no link, if no client's file may be there."""
    check_length(path)
    if path.split(b"/", 2)[1:2] and path.split(b"/", 2)[1] in _OWN:
        raise refused(path, "is where this server has its devices")


def check_passive(name: bytes, *, confined: bool) -> None:
    """Refuse `name` if programs look for such files by themselves and obey them.

    `confined` says that nothing which is obeyed can do harm, as with precompiled headers.

    The tree is the compiler's root, and clients must not change what a compiler does.  Programs that it
    runs, whose names vary between drivers, need not be listed here: no file of a tree can be executed,
    and no link leads to a program.
    """
    is_obeyed = not confined and _OBEYED.fullmatch(name)
    if is_obeyed or _LOADED.fullmatch(name.rpartition(b"/")[2]):
        raise refused(name, "has a name by which compilers or loaders would take it for their own")


def parent(path: bytes) -> bytes:
    """Return the parent of plain `path`; `b""` is the root, and its own parent."""
    return path.rpartition(b"/")[0]
