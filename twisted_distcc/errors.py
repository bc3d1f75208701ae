"""What can go wrong, by who is at fault.

In: nothing.  Out: the exceptions that cross rooms, and distcc's own exit codes.  This module refuses
to know what anybody does about an error.

A `LocalProtocolError` is ours to mend, a `RemoteProtocolError` is the peer's; any exception that is
not in this module is a bug.
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
    """An error that this project names; its text is written for the person who reads it."""

    exit_code = EXIT_FAILURE


class LocalProtocolError(DistccError):
    """Our own side broke the protocol: out of turn, too long, or the wrong length."""

    exit_code = EXIT_PROTOCOL_ERROR


class RemoteProtocolError(DistccError):
    """The peer sent what the protocol does not allow, or more than a named ceiling."""

    exit_code = EXIT_PROTOCOL_ERROR


class BodyTooLargeError(RemoteProtocolError):
    """A body is, or would expand to, more than its ceiling."""


def sentence(error: DistccError | OSError) -> str:
    """Say for a person what went wrong, without the number that an `OSError` begins with."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot open {error.filename}: {error.strerror}"
    return str(error)
