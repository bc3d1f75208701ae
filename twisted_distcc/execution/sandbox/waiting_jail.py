"""A jail that waits for jobs: `jail --wait`, see `jail.c`.

What jobs of one compiler have in common is done once, before they come: the mounts that show the
compiler, and the filter of system calls, which takes the kernel longer to compile than all namespaces
take to be made.  A job then costs a fork of a tiny process.  Nothing of a job is left to the next one.

Jobs that wait for the same jail see the same of the host, and have their folders in the same *place*: a
folder that exists for them alone.  Nothing but its name is known to all of them, and of that each knows
already.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final, TypeAlias

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.enclosure import FILTER, REPORT, TEMPORARY, Enclosure
from twisted_distcc.execution.sandbox.jail_options import folder, limited, outputs, shown, source
from twisted_distcc.launcher.command import Standby
from twisted_distcc.toolchain.view import View

_MOST: Final = 256
_WAIT: Final = ("--wait", str(REPORT), str(FILTER))  # where the descriptors of the filters are

_Stamp: TypeAlias = tuple[tuple[int, int], ...]


def waiting_jail(program: str, enclosure: Enclosure, filters: tuple[int, int]) -> Standby | None:
    """Return the jail at the path `program` that waits for jobs in such an enclosure.

    `None` if there cannot be one: what a tree or a whole system shows is not known beforehand.

    Args:
        program: its path.
        enclosure: one of a job with a filter.
        filters: descriptors of the outer and the inner half of that.
    """
    if enclosure.root is not None or enclosure.has_proc:
        return None
    view, second = enclosure.view, int(time.monotonic())
    place = place_of(view, enclosure.folder)
    also = (TEMPORARY,) if enclosure.is_temporary else ()
    return _standby(program, view, enclosure.limits, place, also, filters, second)


def request(program: str, enclosure: Enclosure, command: Sequence[str]) -> list[str]:
    """Return what to ask of it to run `command` in `enclosure`."""
    also = ("--also", TEMPORARY) if enclosure.is_temporary else ()
    options = (*folder(enclosure), *also, *source(enclosure), *outputs(enclosure))
    return [program, "--report", str(REPORT), *options, "--", *command]


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
    place: str,
    also: tuple[str, ...],
    filters: tuple[int, int],
    _second: int,
) -> Standby:
    """Return the jail; each second we look anew for what an upgrade may have replaced."""
    options = (*shown(view.links, view.mounts), *limited(limits), "--place", place)
    more = (word for path in also for word in ("--also", path))
    argv = (program, *_WAIT, *options, *more, "--")
    return Standby(argv, filters, _stamp(view.mounts))


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
