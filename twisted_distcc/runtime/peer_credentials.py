"""The process at the other end of a UNIX connection, as reported by `SO_PEERCRED` (see unix(7))."""

from __future__ import annotations

import _socket  # `socket` itself costs more than all else that `twistd-stdio` imports
import struct
from typing import Final, NamedTuple

_UCRED: Final = struct.Struct("iII")


class PeerCredentials(NamedTuple):
    """The peer's process ID (0 if it is in a PID namespace that we cannot see), user and group."""

    pid: int
    uid: int
    gid: int


def peer_credentials(connection: _socket.socket) -> PeerCredentials:
    """Return the credentials of the peer of the UNIX `connection`.

    Raises:
        OSError: if the connection is gone already.
    """
    packed = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size)
    return PeerCredentials(*_UCRED.unpack(packed))
