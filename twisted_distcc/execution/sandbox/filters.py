"""The filters of system calls for this machine, in files in memory that stay open for jobs to come."""

from __future__ import annotations

import os
from functools import cache

from twisted_distcc.execution.sandbox import seccomp
from twisted_distcc.launcher.starting import NOTHING


@cache
def whole_filter() -> bytes | None:
    """Return the filter; `None` if there is none for this machine."""
    return seccomp.program(os.uname().machine)


@cache
def kept_filter() -> int:
    """Return a descriptor of the filter, or the null device in its place."""
    program = whole_filter()
    return NOTHING if program is None else _kept(program)


@cache
def filter_halves() -> tuple[int, int] | None:
    """Return descriptors of its outer and inner half; see `seccomp.halves`."""
    halves = seccomp.halves(os.uname().machine)
    return None if halves is None else (_kept(halves[0]), _kept(halves[1]))


def _kept(program: bytes) -> int:
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.pwrite(descriptor, program, 0)
    return descriptor
