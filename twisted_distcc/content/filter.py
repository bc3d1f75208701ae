"""A program that compresses or expands one large body, from file to file.

It reads standard input, which is a regular file, writes standard output, and exits with status 0.
`NO_ROOM` means that the output could not be written; any other status means that the body is not LZO1X,
or exceeds its ceiling.  It runs as a process of its own, so that a decompression bomb goes off here,
within limits on memory and on file size, and not in the server::

    python -m twisted_distcc.content.filter expand 1073741824 <body.lzo >body
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

from twisted_distcc.content.lzo import compress, expand
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.python import python_argv

# What the interpreter needs for itself; the expansion may then grow its buffer by doubling.
_INTERPRETER: Final = 256 * 1024 * 1024
_DOUBLINGS: Final = 3

NO_ROOM: Final = os.EX_IOERR
_NOT_A_BODY: Final = os.EX_DATAERR


def filter_argv(direction: str, ceiling: int) -> list[str]:
    """Return the command line that runs this module; `direction` is `compress` or `expand`."""
    return python_argv(__name__, direction, str(ceiling))


def _bound(input_length: int, ceiling: int) -> None:
    memory = _INTERPRETER + _DOUBLINGS * ceiling + 2 * input_length
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (ceiling, ceiling))


def main() -> int:
    """Run the filter that the command line names; see `filter_argv`."""
    return run_filter(sys.argv[1], int(sys.argv[2]), sys.stdin.fileno(), sys.stdout.fileno())


def run_filter(direction: str, ceiling: int, source: int, target: int) -> int:
    """Run a filter in this process, limiting its resources from now on; return the exit status.

    Args:
        direction: `compress` or `expand`.
        ceiling: the most bytes that it may write.
        source: a descriptor of the body.
        target: a descriptor for the result.
    """
    with open(source, "rb", closefd=False) as file:
        body = file.read()
    _bound(len(body), ceiling)
    try:
        result = compress(body) if direction == "compress" else expand(body, ceiling)
    except (RemoteProtocolError, MemoryError):
        return _NOT_A_BODY
    return _write(result, target)


def _write(result: bytes, target: int) -> int:
    try:
        with open(target, "wb", buffering=0, closefd=False) as file:
            view = memoryview(result)
            while view:
                view = view[file.write(view) :]
    except OSError:
        return NO_ROOM
    return 0


if __name__ == "__main__":
    sys.exit(main())
