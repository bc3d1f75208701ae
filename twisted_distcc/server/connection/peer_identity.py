"""Who is at the other end of a connection, by what the kernel, or ssh, tells of it.

In: a connected socket; or what sshd leaves in the environment of what it starts.  Out: a `Peer`.  What a
peer may do is not decided here.
"""

from __future__ import annotations

import _socket  # `socket` itself costs more than all else here, and twistd-stdio starts once per job
import os
import pwd
from collections.abc import Mapping
from typing import Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.policy.peer import STDIO, Peer, ssh_peer, tcp_peer, uid_peer
from twisted_distcc.runtime.peer_credentials import peer_credentials

_LONGEST_NAME: Final = 100


class BadIdentityError(DistccError):
    """An `--identity` that cannot be one; the text says why."""

    exit_code = EXIT_BAD_ARGUMENTS


def socket_peer(connection: _socket.socket) -> Peer:
    """Give the other end of `connection`: an address of a network, or a user of this machine.

    Raises:
        OSError: if it is gone already.
    """
    if connection.family == _socket.AF_UNIX:
        return uid_peer(peer_credentials(connection).uid)
    host, port = connection.getpeername()[:2]
    return tcp_peer(host, port)


def session_peer(name: str | None, environ: Mapping[str, str]) -> Peer | None:
    """Give the peer that ssh let in, by the forced command's `name` or the account that we run as.

    `None` says that neither is there.

    Raises:
        BadIdentityError: if `name` can be no one's.
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
    except KeyError:  # as in a container that is run under a number without a name
        return str(uid)


def is_network(connection: _socket.socket | None) -> bool:
    """Whether `connection` comes from a network, and nobody but `--allow` has let it in."""
    return connection is not None and connection.family in (_socket.AF_INET, _socket.AF_INET6)


def stream_peer(connection: _socket.socket | None, name: str | None, environ: Mapping[str, str]) -> Peer:
    """Give whoever is at our standard streams.

    Args:
        connection: the socket that standard input is, if it is one.
        name: what `--identity` says.
        environ: our environment.

    Raises:
        BadIdentityError: if `name` can be no one's, or the peer comes from a network, where it is its
            address.
        OSError: if it is gone already.
    """
    if connection is not None and is_network(connection):
        if name is not None:
            raise BadIdentityError("--identity is for ssh: whoever comes over TCP is an address")
        return socket_peer(connection)
    session = session_peer(name, environ)
    if session is not None or connection is None:
        return session or STDIO
    return socket_peer(connection)
