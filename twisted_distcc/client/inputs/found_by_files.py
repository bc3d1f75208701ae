"""Find what a compile reads because files say so, or names: overlays, maps, options, profiles.

`overlaid` returns the files that overlays have in place of others, whose texts may include more.
`with_unscanned` adds to a `Unit` what is only looked at, or read as it is.  A name that leads nowhere is
a fact as well, and adds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.configurations import configuration_words, words_forbid
from twisted_distcc.cmdline.overlays import mapped_files, overlaid_files
from twisted_distcc.cmdline.profiles import profiles
from twisted_distcc.cmdline.reasons import StaysError, shown
from twisted_distcc.cmdline.travelling import MODULE_MAP, OVERLAY
from twisted_distcc.pump.callers import check_callers_own
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Unit

# What clang reads beside a map.
_PRIVATE: Final = ("module.private.modulemap", "module_private.map")
_FROM_HERE: Final = "-fmodule-map-file-home-is-cwd"
_MOST_MAPS: Final = 10_000


def overlaid(candidate: Candidate, directory: str, files: FileSystem) -> list[str]:
    """Return the files that exist and are found by the overlays of `candidate`.

    Raises:
        NotForServersError: if an overlay is not understood.
    """
    found: list[str] = []
    for name in _values(candidate.compilation, OVERLAY):
        path = os.path.join(directory, name)
        try:
            found += overlaid_files(_text(path, files), os.path.dirname(path))
        except StaysError as reason:
            raise NotForServersError(f"{shown(name)}: {reason}") from reason
    return list(_existing((os.path.join(directory, path) for path in found), files))


def with_unscanned(unit: Unit, c: Compilation, directory: str, files: FileSystem) -> Unit:
    """Return `unit` with the profiles that `c` finds, and with what its maps of modules name.

    Raises:
        NotForServersError: if a map is not understood, or if only the caller can open a file.
    """
    named = [*profiles(c, directory), *_mapped(c, directory, files), *configured(c, files)]
    if not named:
        return unit
    check_callers_own(named, files)
    stamps = {path: stamp for path in named if (stamp := files.stamp(path)) is not None}
    return replace(unit, files={**unit.files, **stamps})


def configured(c: Compilation, files: FileSystem) -> list[str]:
    """Return the configuration files of `c`, a compile of clang's, and those that these name.

    Raises:
        NotForServersError: if a compile by them would not mean the same elsewhere.
    """
    found: list[str] = []
    waiting = list(c.driver_rules) if c.family is Family.CLANG else []
    while waiting:
        path = waiting.pop()
        if path in found:
            raise NotForServersError(f"{path} is named twice among the configuration files")
        found.append(path)
        words = configuration_words(_text(path, files))
        options = [word for word in words if not word.startswith("@")]
        if (reason := words_forbid(options)) is not None:
            raise NotForServersError(f"{path}: {reason}")
        folder = os.path.dirname(path)
        waiting += [os.path.join(folder, word[1:]) for word in words if word.startswith("@")]
    return found


def _mapped(c: Compilation, directory: str, files: FileSystem) -> Iterator[str]:
    """Yield the maps of `c`, further maps that these name, and headers."""
    waiting = [os.path.join(directory, name) for name in _values(c, MODULE_MAP)]
    from_here = any(option.value == _FROM_HERE for option in c.options)
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if len(seen) > _MOST_MAPS:
            raise NotForServersError(f"it reads more than {_MOST_MAPS} maps of modules")
        folder = directory if from_here else os.path.dirname(path)
        try:
            headers, maps = mapped_files(_text(path, files))
        except StaysError as reason:
            raise NotForServersError(f"{shown(path)}: {reason}") from reason
        yield path
        yield from (os.path.join(folder, name) for name in headers)
        beside = (os.path.join(os.path.dirname(path), name) for name in _PRIVATE)
        further = (os.path.join(folder, name) for name in maps)
        waiting += _existing((*further, *beside), files)


def _values(c: Compilation, name: str) -> Iterator[str]:
    return (option.value for option in c.options if option.name == name)


def _existing(paths: Iterable[str], files: FileSystem) -> Iterator[str]:
    return (path for path in paths if files.stamp(path) is not None)


def _text(path: str, files: FileSystem) -> str:
    return os.fsdecode(files.read(path) or b"")
