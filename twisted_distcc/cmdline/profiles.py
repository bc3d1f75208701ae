"""Where gcc looks for the profile of a compile, which it does by the name of the object.

`profiles` returns all paths at which it may look.  In the folder `/src` that is for

    gcc -fprofile-use -c w.c -o obj/w.o              /src/obj/w.gcda
    gcc -fprofile-use=/prof -c w.c -o obj/w.o        /prof/#src#obj#w.gcda

That there is none is not an error: gcc warns of it.  The rule is that of gcc 11 and 12; earlier ones
also write `#` for the slashes of an object's absolute path.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Final

from twisted_distcc.cmdline.option_rules import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted_distcc.cmdline.compilation import Compilation

_SUFFIX: Final = ".gcda"
_FOLDERS: Final = ("-fprofile-use=", "-fprofile-dir=")
# What `-fauto-profile` reads, if it names no file.
_SAMPLED: Final = "fbdata.afdo"
_PREFIX: Final = "-fprofile-prefix-path="


def profiles(c: Compilation, directory: str) -> tuple[str, ...]:
    """Return the absolute paths at which `c` may read a profile in the working directory `directory`."""
    if not any(option.role is Role.PROFILED for option in c.options):
        return ()
    stem = os.path.splitext(c.output)[0]
    full = os.path.join(directory, stem)
    folders = [option.value for option in c.options if option.name in _FOLDERS]
    prefixes = [option.value for option in c.options if option.name == _PREFIX]
    names = {stem, *map(_mangled, _without(full, prefixes))}
    inside = (f"{folder}/{name}" for folder in folders for name in names)
    paths = (path + _SUFFIX for path in (full, *inside))
    return tuple(os.path.join(directory, path) for path in (*paths, _SAMPLED))


def _without(full: str, prefixes: list[str]) -> Iterator[str]:
    yield full
    for prefix in prefixes:
        if full.startswith(prefix):
            yield full[len(prefix) :].lstrip("/")


def _mangled(path: str) -> str:
    return "#".join("^" if part == ".." else part for part in path.split("/"))
