"""An empty network for all jobs of a server, as making one for each costs more than the rest of a jail.

`shared_network` returns descriptors of a user namespace and of a network namespace that belongs to it.
Nothing is in that network, not even a loopback interface that is up, and nothing can be brought there: a
job has a user namespace of its own below, and its seccomp filter lets it make no socket.  Where there is
no filter, each job gets a network of its own.

The namespaces last as long as the descriptors are open, here or in a jail.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache

from twisted_distcc.launcher.starting import INHERITED_UMASK, NOTHING, reap, start

_MADE = b"made\n"


def shared_network(program: str) -> tuple[int, int] | None:
    """Return descriptors of the two namespaces, made by the jail at the path `program`.

    They are made once for each user that this process has been.  `None` if they cannot be made.
    """
    return _shared_network(program, os.geteuid())


@lru_cache
def _shared_network(program: str, _: int) -> tuple[int, int] | None:
    end, waits = os.pipe()
    said, says = os.pipe()
    try:
        argv = [program, "--namespaces"]
        pid = start(argv, {}, None, INHERITED_UMASK, (end, says, NOTHING))
    except OSError:
        _close(end, waits, said, says)
        return None
    _close(end, says)
    try:
        return _open(pid) if os.read(said, len(_MADE)) == _MADE else None
    finally:
        _close(waits, said)
        reap(pid)


def _open(pid: int) -> tuple[int, int] | None:
    """Open the namespaces of the process `pid`, which waits for that."""
    with suppress(OSError):
        user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        return user, os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    return None


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
