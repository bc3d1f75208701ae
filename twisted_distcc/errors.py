"""The exceptions that cross rooms, by who is at fault, and distcc's own exit codes.

A `LocalProtocolError` is our fault, a `RemoteProtocolError` the peer's; any exception that is not
derived from one in this module is a bug.
"""

from __future__ import annotations

# distcc's own exit codes, which build scripts look at (distcc(1), "EXIT CODES").
EXIT_FAILURE = 100
EXIT_BAD_ARGUMENTS = 101
EXIT_BIND_FAILED = 102
EXIT_CONNECT_FAILED = 103
EXIT_COMPILER_CRASHED = 104
EXIT_OUT_OF_MEMORY = 105
EXIT_BAD_HOSTS = 106
EXIT_IO_ERROR = 107
EXIT_TRUNCATED = 108
EXIT_PROTOCOL_ERROR = 109
EXIT_COMPILER_MISSING = 110
EXIT_RECURSIVE = 111
EXIT_PRIVILEGES = 112
EXIT_ACCESS_DENIED = 113
EXIT_IN_USE = 114
EXIT_NO_SUCH_FILE = 115
EXIT_NO_HOSTS = 116
EXIT_TIMEOUT = 118
EXIT_CALLED_FOR_PREPROCESSING = 120


class DistccError(Exception):
    """An error that this project raises; its text is written for the user."""

    exit_code = EXIT_FAILURE


class LocalProtocolError(DistccError):
    """Our own side broke the protocol: out of turn, too long, or the wrong length."""

    exit_code = EXIT_PROTOCOL_ERROR


class RemoteProtocolError(DistccError):
    """The peer sent what the protocol does not allow, or exceeded a named ceiling."""

    exit_code = EXIT_PROTOCOL_ERROR


class BodyTooLargeError(RemoteProtocolError):
    """A body exceeds its ceiling, or would if it were expanded."""


def sentence(error: DistccError | OSError) -> str:
    """Return a message for the user, without the number that an `OSError` begins with."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot open {error.filename}: {error.strerror}"
    return str(error)
