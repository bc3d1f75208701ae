"""Report the server's state to a service manager (sd_notify(3)).

Without a service manager, which sets an environment variable, nothing is sent.
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
        OSError: if it cannot be sent.
    """
    place = environ.get(_VARIABLE)
    if not place:
        return
    # A leading `@` denotes an abstract socket, whose name begins with NUL for the kernel.
    name = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), os.fsencode(name))
