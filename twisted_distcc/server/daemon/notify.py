"""Telling a service manager how far we are (sd_notify(3)).

In: a state, and the environment that a service manager started us in.  Out: one datagram; without a
service manager, nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"

_VARIABLE: Final = "NOTIFY_SOCKET"


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send `state` to the service manager that waits for it, if there is one.

    Raises:
        OSError: if it cannot be told.
    """
    place = environ.get(_VARIABLE)
    if not place:
        return
    # A name that begins with `@` is of the abstract kind, which the kernel begins with NUL.
    name = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), os.fsencode(name))
