"""Raise this process's limit on open files for the connections that a server takes."""

from __future__ import annotations

import resource
from typing import Final

_PER_CONNECTION: Final = 3
"""A socket, the file of a body being received or sent, and a socket in a TLS handshake."""
_BESIDE: Final = 200
"""For running compilers, threads, logs and libraries."""


def make_room(connections: int) -> int:
    """Raise the limit on open files for this many connections; return how many it now allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _BESIDE + _PER_CONNECTION * connections
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(connections, max(0, soft - _BESIDE) // _PER_CONNECTION)
