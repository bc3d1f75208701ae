"""Names in a tree, which a peer chose.

In: names.  Out: nothing, or the sentence by which a tree is refused.  This module refuses to know what
lies where.
"""

from __future__ import annotations

import os
import re
from typing import Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError

LONGEST_PART: Final = 255  # NAME_MAX
LONGEST: Final = 3584
"""Bytes of a path: PATH_MAX, less what leads to the tree itself."""
DEEPEST: Final = 100
"""Parts of a path; the deepest sources lie in some twenty folders."""

# Devices, and what tells of the machine.
_OWN: Final = frozenset({b"dev", b"proc", b"sys"})
# What a loader loads by itself, and what a compiler's driver runs, or takes orders from, where it finds
# it: a link may lead to a program.
_LOADED: Final = re.compile(
    rb"(?s)specs|as|ld|cc1.*|collect2|lto-wrapper|ld\.so.*|.*\.so(\..*)?|.*\.cfg"
)
_SHOWN_LENGTH: Final = 100


class BadTreeError(DistccError):
    """The files that came with a job cannot be laid out; the text says which, and why."""

    exit_code = EXIT_BAD_ARGUMENTS


def refused(name: bytes, why: str) -> BadTreeError:
    """Make the error that says of `name` why it is refused."""
    text = os.fsdecode(name)[:_SHOWN_LENGTH]
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return BadTreeError(f"the job's files cannot be laid out: {shown or 'an empty name'} {why}")


def check_given(name: bytes) -> None:
    """Refuse `name`, as a peer gave it, unless it is the absolute name of something."""
    if not name.startswith(b"/"):
        raise refused(name, "is not an absolute name")
    if b"\0" in name:
        raise refused(name, "holds a NUL character")
    check_length(name)


def check_length(name: bytes) -> None:
    """Refuse `name` if a file system might, or if it has so many parts that it is a burden."""
    parts = name.split(b"/")
    if len(name) > LONGEST or len(parts) > DEEPEST:
        raise refused(name, f"has more than {LONGEST} bytes or {DEEPEST} parts")
    if max(map(len, parts)) > LONGEST_PART:
        raise refused(name, f"has a part of more than {LONGEST_PART} bytes")


def check_place(path: bytes) -> None:
    """Refuse `path`, which leads over no link, if no file of a client can be there."""
    check_length(path)
    if path.split(b"/", 2)[1:2] and path.split(b"/", 2)[1] in _OWN:
        raise refused(path, "is where this server has its devices")


def check_passive(name: bytes) -> None:
    """Refuse `name` if programs look for such files by themselves, and do what these say.

    The tree is the root of the compiler's world: what a compiler runs is not for clients to bring.
    """
    if _LOADED.fullmatch(name.rpartition(b"/")[2]):
        raise refused(name, "has a name by which compilers or loaders would take it for their own")


def parent(path: bytes) -> bytes:
    """Give the folder that plain `path` lies in; `b""` is the root, and lies in itself."""
    return path.rpartition(b"/")[0]
