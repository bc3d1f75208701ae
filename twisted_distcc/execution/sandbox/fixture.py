"""The parts of a toolchain that are visible in every tree.

`fixture_of` turns a `Toolchain` into the `Fixture` around which trees are laid out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Final

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.inputs.layout import Fixture
from twisted_distcc.execution.sandbox.enclosure import DEVICES
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.search_folders import search_folders
from twisted_distcc.toolchain.view import View

# What any job may see if headers lie there.
_INSTALLED: Final = "/usr/"


def fixture_of(toolchain: Toolchain, environ: Mapping[str, str], *, confines: bool) -> Fixture:
    """Return what jobs of `toolchain` see apart from their own files; the first call blocks."""
    return _fixture_of(toolchain, tuple(environ.items()), confines)


@lru_cache
def _fixture_of(toolchain: Toolchain, environ: tuple[tuple[str, str], ...], confines: bool) -> Fixture:
    mounts = toolchain.view.mounts
    folders = {path for path in mounts if os.path.isdir(path)}
    if toolchain.is_whole_system:
        folders.add("/proc")
    searched = View.of(_searched(toolchain.compiler, environ)).mounts
    system = View.of([*folders, *searched, *led_to(searched)]).mounts
    return Fixture(
        frozenset(map(os.fsencode, folders)),
        frozenset(os.fsencode(path) for path in (*mounts, *DEVICES) if path not in folders),
        tuple((os.fsencode(link), os.fsencode(target)) for link, target in toolchain.view.links),
        tuple(os.fsencode(path) for path in system if path not in folders),
        _is_program,
        confines,
    )


def _is_program(path: bytes) -> bool:
    """Whether what a job sees at `path` can be executed; in `/proc` there is the job itself."""
    return path.startswith(b"/proc/") or (os.access(path, os.X_OK) and not os.path.isdir(path))


def _searched(compiler: str, environ: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Return the folders that `compiler` searches for headers by default, in all its languages."""
    for language in (Language.C, Language.CXX):
        with suppress(DistccError):
            yield from search_folders(compiler, language, dict(environ))


def led_to(folders: Iterable[str]) -> set[str]:
    """Return the folders below `/usr` to which links in `folders` lead, or to whose files.

    Debian's `asm/errno.h`, say, is a link to a file in `/usr/lib/linux`.
    """
    ends = [os.path.realpath(link) for folder in folders for link in _links(folder)]
    found = {end if os.path.isdir(end) else os.path.dirname(end) for end in ends}
    return {folder for folder in found if folder.startswith(_INSTALLED)}


def _links(folder: str) -> Iterator[str]:
    """Yield the links in `folder` and below, as far as it can be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield entry.path
            elif entry.is_dir():
                yield from _links(entry.path)
