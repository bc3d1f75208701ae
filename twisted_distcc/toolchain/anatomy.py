"""Say what a compiler consists of, briefly enough to compare two of them by eye.

`anatomy` turns the parts of a compiler into names with short digests::

    {"program cc1": "6f2c…", "library libmpfr.so.6.2.0": "09ab…", "headers": "77e1…"}

Two compilers with one digest have equal anatomies; where digests differ, so do some of these.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from twisted_distcc.toolchain.digest import Part

_DIGITS: Final = 16
# A compiler has some tens of programs and libraries.
_MOST: Final = 60


def anatomy(parts: Iterable[Part]) -> dict[str, str]:
    """Return a short digest of each program, library and file, and one of all headers; this reads them.

    Raises:
        OSError: if one cannot be read.
    """
    rows: defaultdict[str, set[bytes]] = defaultdict(set)
    for part in parts:
        rows[_name(part)].add(os.fsencode(f"{_content(part.path)} {part.role}\n"))
    digests = {name: _digest(found) for name, found in sorted(rows.items())}
    return dict(list(digests.items())[:_MOST])


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of what is not the same in two anatomies: programs first, libraries last."""
    names = sorted(ours.keys() | theirs.keys(), key=_rank)
    return tuple(name for name in names if ours.get(name) != theirs.get(name))


def _rank(name: str) -> tuple[bool, bool, str]:
    return not name.startswith("program "), name.startswith("library "), name


def _name(part: Part) -> str:
    role = part.role.partition(" ")[0]
    if role == "header":
        return "headers"
    return f"{role} {os.path.basename(os.path.realpath(part.path))}"


def _content(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(rows: set[bytes]) -> str:
    return hashlib.sha256(b"".join(sorted(rows))).hexdigest()[:_DIGITS]
