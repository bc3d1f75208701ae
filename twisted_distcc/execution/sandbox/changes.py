"""Read what a job has changed in its root, as the jail passes it out.

The jail writes a line for each change, then its path, and for a file its contents::

    file 644 1796039266692528455 1168 18
    /project/obj/w.dwo…
    other 755 1796039266692528455 40 12
    /project/new
    end

The numbers are the mode, the time of the last change in nanoseconds, and the lengths of contents and
path.  What is no plain file with one name, such as a link, a folder that was not there before, or a file
that was removed, is `other`, and has no contents.  The jail tells the truth; the paths, and everything
else, are the job's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Final

from twisted_distcc.content.body import IN_MEMORY, PIECE, Body, spooled
from twisted_distcc.errors import DistccError

_LINE: Final = re.compile(rb"(file|other) ([0-7]{1,4}) (\d{1,20}) (\d{1,20}) (\d{1,5})\n")
_LONGEST_LINE: Final = 64


class BadChangesError(DistccError):
    """The list of a job's changes is incomplete."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        path: the absolute path in the job's root.
        changed: when, in nanoseconds.
        length: the bytes of a plain file; `None` for anything else.
        at: where its contents begin in the list.
    """

    path: str
    changed: int
    length: int | None
    at: int


def read_changes(path: str) -> list[Change]:
    """Return the changes in the list at `path`.

    Raises:
        BadChangesError: if the list has no end.
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        return list(_changes(file))


def _changes(file: BufferedReader) -> Iterator[Change]:
    while (line := file.readline(_LONGEST_LINE)) != b"end\n":
        found = _LINE.fullmatch(line)
        if found is None:
            raise BadChangesError("the list of what a job has changed is incomplete")
        kind, _, changed, length, name = found.groups()
        path = os.fsdecode(file.read(int(name)))
        is_file = kind == b"file"
        yield Change(path, int(changed), int(length) if is_file else None, file.tell())
        if is_file:
            file.seek(int(length), os.SEEK_CUR)


def contents_of(change: Change, path: str, keep: str) -> Body:
    """Return the contents of a plain file from the list at `path`; large ones are in the folder `keep`.

    Raises:
        OSError: if the disk takes no more.
    """
    assert change.length is not None
    with open(path, "rb") as file:
        file.seek(change.at)
        if change.length <= IN_MEMORY:
            return Body.of(file.read(change.length))
        return spooled(_pieces(file, change.length), keep)


def _pieces(file: BufferedReader, left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(left, PIECE))):
        left -= len(piece)
        yield piece
