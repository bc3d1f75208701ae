"""Who is at the other end of a UNIX connection, as the kernel tells it (`SO_PEERCRED` of unix(7))."""

from __future__ import annotations

import _socket  # `socket` itself costs more than all else that `twistd-stdio` imports
import struct
from typing import Final, NamedTuple

_UCRED: Final = struct.Struct("iII")


class PeerCredentials(NamedTuple):
    """The process at the other end, 0 in PID namespaces that we cannot see; its user and its group."""

    pid: int
    uid: int
    gid: int


def peer_credentials(connection: _socket.socket) -> PeerCredentials:
    """Return who has made the UNIX `connection`.

    Raises:
        OSError: if it is gone already.
    """
    packed = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size)
    return PeerCredentials(*_UCRED.unpack(packed))
