"""Who is at the other end of a connection, according to the kernel or ssh.

The functions make a `Peer` from a connected socket, or from what sshd leaves in the environment of the
programs that it starts.  `policy` decides what a peer may do.
"""

from __future__ import annotations

import _socket  # `socket` costs more than all else here, and twistd-stdio starts once per job
import os
import pwd
from collections.abc import Mapping
from typing import Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.policy.peer import STDIO, Peer, ssh_peer, tcp_peer, uid_peer
from twisted_distcc.runtime.peer_credentials import peer_credentials

_LONGEST_NAME: Final = 100


class BadIdentityError(DistccError):
    """An `--identity` that is invalid; the text says why."""

    exit_code = EXIT_BAD_ARGUMENTS


def socket_peer(connection: _socket.socket) -> Peer:
    """Return the other end of `connection`: a network address, or a user of this machine.

    Raises:
        OSError: if it is gone already.
    """
    if connection.family == _socket.AF_UNIX:
        return uid_peer(peer_credentials(connection).uid)
    host, port = connection.getpeername()[:2]
    return tcp_peer(host, port)


def session_peer(name: str | None, environ: Mapping[str, str]) -> Peer | None:
    """Return the peer that ssh let in, by the forced command's `name` or the account that we run as.

    `None` means that there is neither.

    Raises:
        BadIdentityError: if `name` is not a valid name.
    """
    connection = environ.get("SSH_CONNECTION", "")
    if name is None:
        return ssh_peer(_login(), connection) if connection else None
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or " " in name:
        raise BadIdentityError(f"--identity {name!r}: write a name, such as alice or build@red")
    return ssh_peer(name, connection)


def _login() -> str:
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # such as in a container whose user has a number but no name
        return str(uid)


def is_network(connection: _socket.socket | None) -> bool:
    """Whether `connection` comes from a network, where only `--allow` can let it in."""
    return connection is not None and connection.family in (_socket.AF_INET, _socket.AF_INET6)


def stream_peer(connection: _socket.socket | None, name: str | None, environ: Mapping[str, str]) -> Peer:
    """Return the peer at our standard streams.

    Args:
        connection: the socket that standard input is, if it is one.
        name: the value of `--identity`.
        environ: our environment.

    Raises:
        BadIdentityError: if `name` is not a valid name, or is given for a peer that comes from a
        network,
            whose identity is its address.
        OSError: if the peer is gone already.
    """
    if connection is not None and is_network(connection):
        if name is not None:
            raise BadIdentityError("--identity is for ssh: a TCP client is known by its address")
        return socket_peer(connection)
    session = session_peer(name, environ)
    if session is not None or connection is None:
        return session or STDIO
    return socket_peer(connection)
