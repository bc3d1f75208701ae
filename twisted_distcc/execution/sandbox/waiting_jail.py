"""A jail that waits for jobs: `jail --wait`, see `jail.c`.

What jobs of one compiler have in common is done once, before they come: the mounts that show the
compiler, and the filter of system calls, which takes the kernel longer to compile than all namespaces
take to be made.  A job then costs a fork of a tiny process.  Nothing of a job is left to the next one.

Jobs that wait for the same jail see the same of the host, and have their folders in the same *place*: a
folder that exists for them alone.  Nothing but its name is known to all of them, and of that each knows
already.

The root of a job that brings a tree is the folder of that tree, over which everything is mounted that
the jail shows.  It waits outside the root of all jobs, with the folder of all trees in sight.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final, TypeAlias

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.enclosure import (
    FILTER,
    REPORT,
    TEMPORARY,
    Enclosure,
    needed_covers,
)
from twisted_distcc.execution.sandbox.jail_options import folder, limited, outputs, shown, source
from twisted_distcc.launcher.command import Standby
from twisted_distcc.toolchain.view import View

_MOST: Final = 256
_TREES: Final = "/.trees"  # where a jail that waits has the folder of all trees
_WAIT: Final = ("--wait", str(REPORT), str(FILTER))  # where the descriptors of the filters are

_Stamp: TypeAlias = tuple[tuple[int, int], ...]


def waiting_jail(program: str, enclosure: Enclosure, filters: tuple[int, int]) -> Standby | None:
    """Return the jail at the path `program` that waits for jobs in such an enclosure.

    `None` if there is none: whole systems are seldom used, and what a job changes lies on the host.

    Args:
        program: its path.
        enclosure: one of a job with a filter.
        filters: descriptors of the outer and the inner half of that.
    """
    if enclosure.is_changeable or enclosure.has_proc:
        return None
    view, second = enclosure.view, int(time.monotonic())
    return _standby(program, view, enclosure.limits, _own(enclosure), filters, second)


def _own(enclosure: Enclosure) -> tuple[str, ...]:
    """Return the options for where the jobs of such a jail have their own files."""
    if enclosure.root is not None:
        return ("--trees", os.path.dirname(enclosure.root))
    return ("--place", place_of(enclosure.view, enclosure.folder), *_also(enclosure))


def request(program: str, enclosure: Enclosure, command: Sequence[str]) -> list[str]:
    """Return what to ask of it to run `command` in `enclosure`."""
    options = (*_root(enclosure), *folder(enclosure), *_also(enclosure), *source(enclosure))
    return [program, "--report", str(REPORT), *options, *outputs(enclosure), "--", *command]


def _root(enclosure: Enclosure) -> tuple[str, ...]:
    if enclosure.root is None:
        return ()
    root = f"{_TREES}/{os.path.basename(enclosure.root)}"
    return ("--root", root, *shown((), needed_covers(enclosure.covers, enclosure.view.mounts)))


def _also(enclosure: Enclosure) -> tuple[str, ...]:
    return ("--also", TEMPORARY) if enclosure.root is None and enclosure.is_temporary else ()


@lru_cache(_MOST)
def place_of(view: View, path: str) -> str:
    """Return the first folder on the way to the free `path` that nothing in `view` needs.

    Whoever has not sent its name does not see it: it has another place.
    """
    ends = (end for end, character in enumerate(f"{path}/") if character == "/" and end)
    return next((path[:end] for end in ends if view.is_free(path[:end])), path)


@lru_cache(_MOST)
def _standby(
    program: str,
    view: View,
    limits: Limits,
    own: tuple[str, ...],
    filters: tuple[int, int],
    _second: int,
) -> Standby:
    """Return the jail; each second we look anew for what an upgrade may have replaced."""
    options = (*shown(view.links, view.mounts, view.within), *limited(limits), *own)
    return Standby(
        (program, *_WAIT, *options, "--"),
        filters,
        _stamp((*(view.within + path for path in view.mounts), own[1])),
    )


def _stamp(paths: Sequence[str]) -> _Stamp:
    """Return which files are at `paths`."""
    found: list[tuple[int, int]] = []
    for path in paths:
        told = (0, 0)
        with suppress(OSError):
            status = os.stat(path)
            told = status.st_dev, status.st_ino
        found.append(told)
    return tuple(found)
