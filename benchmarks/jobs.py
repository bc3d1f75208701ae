"""One job, as a text and as a tree of files: whole requests, as bytes, and a client that sends them.

What enters: a compile, and a server.
What leaves: what a client would send for it, by protocol 1 and by protocol 3, and whether a server
did it.
What it refuses to know: how this project sends and reads messages.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.loading import LoadFailedError
from benchmarks.recording import Compilation
from benchmarks.servers import LOOPBACK, Server
from benchmarks.units import files_read, preprocessor_output
from twisted_distcc.content.lzo import compress

_READ = 1 << 20
_DONE = b"STAT00000000"
_SHOWN = 400  # bytes of a reply that tell what went wrong


def text_request(compilation: Compilation) -> bytes:
    """Return the request that holds the preprocessed text."""
    words = _words(compilation.command)
    text = preprocessor_output(compilation, "-E")
    return b"".join((_number(b"DIST", 1), *words, _bytes(b"DOTI", text)))


def tree_request(compilation: Compilation) -> bytes:
    """Return the request that holds all files, for a server that preprocesses."""
    files = files_read(compilation)
    head = (_number(b"DIST", 3), _bytes(b"CDIR", os.fsencode(compilation.folder)))
    tokens = (token for path in files for token in _file(path))
    return b"".join((*head, *_words(compilation.command), _number(b"NFIL", len(files)), *tokens))


def ask(server: Server, request: bytes) -> None:
    """Have `server` do the job, and wait for the end of its answer."""
    with closing(socket.create_connection((LOOPBACK, server.port))) as connection:
        connection.sendall(request)
        reply = b"".join(iter(lambda: connection.recv(_READ), b""))
    if reply[12:24] != _DONE:
        raise LoadFailedError(f"port {server.port} answered {reply[:_SHOWN]!r}")


def _number(name: bytes, value: int) -> bytes:
    return b"%s%08x" % (name, value)


def _bytes(name: bytes, data: bytes) -> bytes:
    return _number(name, len(data)) + data


def _words(command: Sequence[str]) -> Iterator[bytes]:
    yield _number(b"ARGC", len(command))
    yield from (_bytes(b"ARGV", os.fsencode(word)) for word in command)


def _file(path: Path) -> Iterator[bytes]:
    yield _bytes(b"NAME", os.fsencode(path))
    yield _bytes(b"FILE", compress(path.read_bytes()))
