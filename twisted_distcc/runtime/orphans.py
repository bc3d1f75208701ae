"""Processes that are left to this one, as to the first of a container: reaped when they end.

In: a reactor.  Out: no zombies.  A compile that is given up is killed with all that it started, and what
dies after its parent becomes a child of the first process of the PID namespace.  If that is this one,
nobody else will ever wait for it.  The exit statuses of programs that we start ourselves are left alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any, Final

from twisted_distcc.launcher.starting import reap_adopted

_FIRST: Final = 1
_GET_CHILD_SUBREAPER: Final = 37
# Seconds after which one of our own, which others may be behind, has surely been waited for.
_AGAIN: Final = 0.1


def reap_what_is_left_to_us(reactor: Any) -> bool:
    """From now on reap in `reactor` what others leave to this process; return whether they can.

    It takes the handler of SIGCHLD, and needs the main thread.
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
