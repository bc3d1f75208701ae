"""What of a toolchain has its place in every tree.

In: a `Toolchain`.  Out: the `Fixture` that trees are laid out around.  This module refuses to know what
they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.inputs.layout import Fixture
from twisted_distcc.execution.sandbox.bubblewrap import DEVICES
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.search_folders import search_folders
from twisted_distcc.toolchain.view import View


def fixture_of(toolchain: Toolchain, environ: Mapping[str, str]) -> Fixture:
    """Return what jobs of `toolchain` see whatever they bring; the first time, this waits."""
    return _fixture_of(toolchain, tuple(environ.items()))


@lru_cache
def _fixture_of(toolchain: Toolchain, environ: tuple[tuple[str, str], ...]) -> Fixture:
    mounts = toolchain.view.mounts
    folders = {path for path in mounts if os.path.isdir(path)}
    if toolchain.is_whole_system:
        folders.add("/proc")
    system = View.of([*folders, *_searched(toolchain.compiler, environ)]).mounts
    return Fixture(
        frozenset(map(os.fsencode, folders)),
        frozenset(os.fsencode(path) for path in (*mounts, *DEVICES) if path not in folders),
        tuple((os.fsencode(link), os.fsencode(target)) for link, target in toolchain.view.links),
        tuple(os.fsencode(path) for path in system if path not in folders),
        _is_program,
    )


def _is_program(path: bytes) -> bool:
    """Say whether what a job sees at `path` can be executed; in `/proc` there is the job itself."""
    return path.startswith(b"/proc/") or (os.access(path, os.X_OK) and not os.path.isdir(path))


def _searched(compiler: str, environ: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Return the folders that `compiler` searches for headers by default, in all its languages."""
    for language in (Language.C, Language.CXX):
        with suppress(DistccError):
            yield from search_folders(compiler, language, dict(environ))
