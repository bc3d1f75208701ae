"""Reap orphaned processes that the kernel hands to this one, as it does to a container's first process.

A compile that is given up is killed with everything that it started, and a process that dies after its
parent becomes a child of the first process of the PID namespace.  If that is this process, nobody else
will ever wait for it, and it stays a zombie.  The exit statuses of programs that we start ourselves are
left alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any, Final

from twisted_distcc.launcher.starting import reap_adopted

_FIRST: Final = 1
_GET_CHILD_SUBREAPER: Final = 37
# Seconds after which a child of our own, which may hide others, has surely been waited for.
_AGAIN: Final = 0.1


def reap_what_is_left_to_us(reactor: Any) -> bool:
    """Reap processes that are handed to this one from now on; return whether any can be.

    This takes over the handler of SIGCHLD, and must be called in the main thread.
    """
    if not _is_reaper():
        return False
    signal.signal(signal.SIGCHLD, lambda *_: reactor.callFromThread(_reap, reactor))
    _reap(reactor)
    return True


def _reap(reactor: Any) -> None:
    if reap_adopted():
        reactor.callLater(_AGAIN, _reap, reactor)


def _is_reaper() -> bool:
    if os.getpid() == _FIRST:
        return True
    is_one = ctypes.c_int()
    told = ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(is_one), 0, 0, 0)
    return told == 0 and is_one.value != 0
