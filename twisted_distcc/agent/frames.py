"""What tdistcc and its agent say to each other, as bytes.

In: values, or bytes.  Out: the other of the two.  A frame is a letter, eight hexadecimal digits that
give a length, and that many bytes.  tdistcc says one thing, a request; the agent says some words, and
then one verdict.

tdistcc starts with this module, so it imports nothing.
"""

HEADER_LENGTH = 9
# The kernel lets a program have some megabytes of arguments and environment; outputs are bounded too.
LARGEST = 1 << 28
_LONGEST_CODE = 3
_MOST_CODE = 255
_MOST_UMASK = 0o777

REQUEST = b"R"

STDOUT = b"O"
STDERR = b"E"
MESSAGE = b"M"
"""Words of our own, which do not belong to the compiler's output."""
EXIT = b"X"
"""A verdict: it is done, and this is the exit code."""
RUN = b"L"
"""A verdict: become this compiler, and keep the connection open until it has ended."""
STALE = b"S"
"""A verdict: this agent is of another installation, and retires; start another one."""
ELSEWHERE = b"N"
"""A verdict: this agent does not have the caller's context (see `agent.context`); do without one."""


class BadFrameError(Exception):
    """The bytes are no frame, or a frame is too long."""


def frame(kind: bytes, payload: bytes) -> bytes:
    """Give the bytes of one frame."""
    return b"%s%08x%s" % (kind, len(payload), payload)


def parse_header(header: bytes) -> tuple[bytes, int]:
    """Give the kind and the length that the first nine bytes of a frame tell.

    Raises:
        BadFrameError: if they tell none.
    """
    try:
        length = int(header[1:], 16)
    except ValueError:
        raise BadFrameError(header) from None
    if not 0 <= length <= LARGEST:
        raise BadFrameError(header)
    return header[:1], length


def parse_exit_code(payload: bytes) -> int:
    """Return the exit code that a verdict tells.

    Raises:
        BadFrameError: if no program ends with it.
    """
    if not (len(payload) <= _LONGEST_CODE and payload.isdigit() and int(payload) <= _MOST_CODE):
        raise BadFrameError(payload)
    return int(payload)


def pack_request(
    stamp: bytes,
    umask: int,
    terminals: bytes,
    directory: bytes,
    argv: list[bytes],
    variables: list[bytes],
) -> bytes:
    """Join what makes up a request; none of it can hold a NUL.

    Args:
        stamp: tells the installation; see `agent.stamp`.
        umask: the umask.
        terminals: the terminals; see `agent.handover.own_terminals`.
        directory: the working directory.
        argv: the command line.
        variables: the environment, each as `NAME=value`.
    """
    head = [stamp, b"%o" % umask, terminals, directory, b"%d" % len(argv)]
    return b"\0".join([*head, *argv, *variables])


def unpack_request(payload: bytes) -> tuple[bytes, int, bytes, bytes, list[bytes], list[bytes]]:
    """Give what `pack_request` joined.

    Raises:
        BadFrameError: if it joined nothing like this.
    """
    try:
        stamp, umask, terminals, directory, count, *words = payload.split(b"\0")
        end, mask = int(count), int(umask, 8)
        if not (0 < end <= len(words) and 0 <= mask <= _MOST_UMASK):
            raise BadFrameError(b"%b %b" % (umask, count))
        return stamp, mask, terminals, directory, words[:end], words[end:]
    except ValueError as error:
        raise BadFrameError(str(error)) from None
