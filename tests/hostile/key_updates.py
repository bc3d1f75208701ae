"""A client that asks for new keys without end, and reads nothing: OpenSSL's own library, by `ctypes`.

In: the port of a server on loopback, the files of a user's credentials, a file of bytes that are sent
first, and how many updates to ask for.  Out: a line of how many were sent until the server had enough,
or all of them.  pyOpenSSL has no word for `SSL_key_update`::

    python key_updates.py 3633 certificate.pem key.pem request 50000
"""

from __future__ import annotations

import ctypes
import ctypes.util
import socket
import sys
from typing import Final

_REQUESTED: Final = 1  # SSL_KEY_UPDATE_REQUESTED
_IN_A_ROW: Final = 30  # OpenSSL takes 32 updates between two records of data
_PEM: Final = 1

_ssl: Final = ctypes.CDLL(ctypes.util.find_library("ssl"))
for _function in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(_ssl, _function).restype = ctypes.c_void_p


def connect(port: int, certificate: str, key: str) -> tuple[ctypes.c_void_p, socket.socket]:
    """Return a connection whose handshake is done, and what lies under it."""
    context = ctypes.c_void_p(_ssl.SSL_CTX_new(ctypes.c_void_p(_ssl.TLS_client_method())))
    assert _ssl.SSL_CTX_use_certificate_file(context, certificate.encode(), _PEM) == 1
    assert _ssl.SSL_CTX_use_PrivateKey_file(context, key.encode(), _PEM) == 1
    under = socket.socket()
    under.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    under.connect(("127.0.0.1", port))
    connection = ctypes.c_void_p(_ssl.SSL_new(context))
    assert _ssl.SSL_set_fd(connection, under.fileno()) == 1
    assert _ssl.SSL_connect(connection) == 1
    return connection, under


def ask(connection: ctypes.c_void_p, most: int) -> int:
    """Ask for updates until the server has enough; return how many were sent."""
    for sent in range(most):
        if sent % _IN_A_ROW == 0 and _ssl.SSL_write(connection, b"x", 1) != 1:
            return sent
        if _ssl.SSL_key_update(connection, _REQUESTED) != 1 or _ssl.SSL_do_handshake(connection) != 1:
            return sent
    return most


def main() -> None:
    """Do as the command line says."""
    port, certificate, key, request, most = sys.argv[1:]
    connection, _under = connect(int(port), certificate, key)
    with open(request, "rb") as file:
        data = file.read()
    assert _ssl.SSL_write(connection, data, len(data)) == len(data)
    print(ask(connection, int(most)), flush=True)


if __name__ == "__main__":
    main()
