"""Give up what the kernel lets this thread and its children gain: capabilities, and `no_new_privs`.

Python has no functions for these calls (prctl(2), capset(2)), so they go through `ctypes`.  Users and
groups are switched in `privileges`.
"""

from __future__ import annotations

import ctypes
import os
from itertools import count
from typing import Final

_SET_NO_NEW_PRIVS: Final = 38
_GET_NO_NEW_PRIVS: Final = 39
_READ_BOUNDING_SET: Final = 23
_DROP_FROM_BOUNDING_SET: Final = 24
_AMBIENT_SET: Final = 47
_CLEAR_ALL: Final = 4

_VERSION_3: Final = 0x20080522  # capset(2): sets of 64 bits, as two halves of 32
_SETS: Final = 3 * 2  # effective, permitted and inheritable
_THIS_THREAD: Final = 0
_UNCHANGED: Final = -1

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


def empty_bounding_set() -> None:
    """Remove every capability from the bounding set, so that no program can give us any."""
    for capability in count():
        held = _libc.prctl(_READ_BOUNDING_SET, capability, 0, 0, 0)
        if held < 0:  # the kernel has no capability with this number
            return
        if held and _libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0) < 0:
            return  # in some containers; after `gain_nothing`, no program gives us any


def gain_nothing() -> None:
    """Give up all capabilities, and what a set-user-ID program would gain (no_new_privs).

    Raises:
        OSError: if the kernel refuses.
    """
    if _libc.prctl(_AMBIENT_SET, _CLEAR_ALL, 0, 0, 0) < 0:
        raise _error()
    header, none = (ctypes.c_uint32 * 2)(_VERSION_3, _THIS_THREAD), (ctypes.c_uint32 * _SETS)()
    if _libc.capset(header, none) < 0 or _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0:
        raise _error()


def gains_nothing() -> bool:
    """Ask the kernel whether `gain_nothing` is in effect."""
    header, sets = (ctypes.c_uint32 * 2)(_VERSION_3, _THIS_THREAD), (ctypes.c_uint32 * _SETS)()
    return (
        _libc.prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
        and _libc.capget(header, sets) == 0
        and not any(sets)
    )


def file_system_ids() -> tuple[int, int]:
    """Return the user and group ids with which files are opened."""
    return _libc.setfsuid(_UNCHANGED), _libc.setfsgid(_UNCHANGED)


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
