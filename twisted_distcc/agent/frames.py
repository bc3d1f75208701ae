"""The protocol between tdistcc and its agent.

It consists of frames: a letter, eight hexadecimal digits for a length, and that many bytes.  tdistcc
sends one frame, a request; the agent sends any output and messages, and then one verdict.

This module is on tdistcc's start path, so it imports nothing.
"""

HEADER_LENGTH = 9
# The kernel allows a few megabytes of arguments and environment; outputs are bounded, too.
LARGEST = 1 << 28
_LONGEST_CODE = 3
_MOST_CODE = 255
_MOST_UMASK = 0o777

REQUEST = b"R"

STDOUT = b"O"
STDERR = b"E"
MESSAGE = b"M"
"""A message of our own, which is not part of the compiler's output."""
EXIT = b"X"
"""A verdict: the command is done, with this exit code."""
RUN = b"L"
"""A verdict: exec this compiler, and keep the connection open until it has ended."""
STALE = b"S"
"""A verdict: this agent belongs to another installation and is retiring; start another one."""
ELSEWHERE = b"N"
"""A verdict: this agent does not share the caller's context (see `agent.context`); do without one."""


class BadFrameError(Exception):
    """The bytes are not a frame, or a frame is too long."""


def frame(kind: bytes, payload: bytes) -> bytes:
    """Return one frame, encoded."""
    return b"%s%08x%s" % (kind, len(payload), payload)


def parse_header(header: bytes) -> tuple[bytes, int]:
    """Return the kind and the length in the nine-byte header of a frame.

    Raises:
        BadFrameError: if it is not a header.
    """
    try:
        length = int(header[1:], 16)
    except ValueError:
        raise BadFrameError(header) from None
    if not 0 <= length <= LARGEST:
        raise BadFrameError(header)
    return header[:1], length


def parse_exit_code(payload: bytes) -> int:
    """Return the exit code in a verdict.

    Raises:
        BadFrameError: if it is not a valid exit code.
    """
    if not (len(payload) <= _LONGEST_CODE and payload.isdigit() and int(payload) <= _MOST_CODE):
        raise BadFrameError(payload)
    return int(payload)


def pack_request(
    stamp: bytes,
    began: int,
    umask: int,
    terminals: bytes,
    directory: bytes,
    argv: list[bytes],
    variables: list[bytes],
) -> bytes:
    """Return the payload of a request, whose parts must not contain a NUL.

    Args:
        stamp: identifies the installation; see `agent.stamp`.
        began: when tdistcc began, in microseconds of the system's monotonic clock.  It travels with
            the stamp, so that agents of earlier versions see another installation, as they should.
        umask: the umask.
        terminals: the terminals; see `agent.handover.own_terminals`.
        directory: the working directory.
        argv: the command line.
        variables: the environment, each as `NAME=value`.
    """
    head = [b"%s %d" % (stamp, began), b"%o" % umask, terminals, directory, b"%d" % len(argv)]
    return b"\0".join([*head, *argv, *variables])


def unpack_request(payload: bytes) -> tuple[bytes, int, int, bytes, bytes, list[bytes], list[bytes]]:
    """Return the parts of a payload that `pack_request` made.

    Raises:
        BadFrameError: if the payload is malformed.
    """
    try:
        first, umask, terminals, directory, count, *words = payload.split(b"\0")
        stamp, _, began = first.rpartition(b" ")
        end, mask = int(count), int(umask, 8)
        if not (0 < end <= len(words) and 0 <= mask <= _MOST_UMASK):
            raise BadFrameError(b"%b %b" % (umask, count))
        return stamp, int(began), mask, terminals, directory, words[:end], words[end:]
    except ValueError as error:
        raise BadFrameError(str(error)) from None
