"""Descriptors for as many connections as a server takes.

In: how many connections.  Out: this process's limit on open files, raised as far as need be, or as far
as can be.
"""

from __future__ import annotations

import resource
from typing import Final

_PER_CONNECTION: Final = 3
"""A socket, the file of a body that comes or goes, and the socket of somebody in a TLS handshake."""
_BESIDE: Final = 200
"""For compilers that run, threads, logs and libraries."""


def make_room(connections: int) -> int:
    """Raise the limit on open files for so many connections; give for how many there is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _BESIDE + _PER_CONNECTION * connections
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(connections, max(0, soft - _BESIDE) // _PER_CONNECTION)
