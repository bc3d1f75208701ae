"""The packets exchanged by a launcher and its owner.

Each kind of packet has a function that packs it; those that carry more than a number also have one that
unpacks it.  A packet is one message on a sequenced-packet socket; its first byte is its kind, and a
number identifies the program that it is about.  Both ends belong to one installation, and start and end
together.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

LARGEST: Final = 128 * 1024
"""The most bytes of a packet: what the kernel accepts at once by default."""

READY: Final = b"R"
START: Final = b"S"
KILL: Final = b"K"
FAILED: Final = b"F"
ENDED: Final = b"E"

_HEAD: Final = struct.Struct("=cq")
_FAILED: Final = struct.Struct("=cqi")
_ENDED: Final = struct.Struct("=cqidd")


def kind_and_number(packet: bytes) -> tuple[bytes, int]:
    """Return a packet's kind, and the number of the program that it is about."""
    kind, number = _HEAD.unpack_from(packet)
    return kind, number


def pack_ready() -> bytes:
    """Return a packet that says that programs can be started from now on."""
    return _HEAD.pack(READY, 0)


MOST_STREAMS: Final = 16
"""The most descriptors that a program may be given; the kernel would pass 253."""


def pack_start(
    number: int,
    streams: int,
    umask: int,
    directory: bytes,
    argv: Sequence[bytes],
    variables: Sequence[bytes],
    *,
    expendable: bool = False,
) -> bytes:
    """Return a packet that asks for a program to be started; its streams are sent along with it.

    Args:
        number: identifies the program from now on.
        streams: how many streams it gets, at most `MOST_STREAMS`.
        umask: its umask.
        directory: its working directory; empty is the launcher's.
        argv: its path and arguments.
        variables: its environment, each as `NAME=value`.
        expendable: whether the kernel should kill it first when memory runs out.

    Raises:
        ValueError: if any of them contains a NUL, which no program can be given: a packet with one
            would start a different program.
    """
    numbers = (b"%d" % number for number in (streams, umask, expendable, len(argv)))
    words = (*numbers, directory, *argv, *variables)
    body = b"\0".join(words)
    if body.count(b"\0") >= len(words):
        raise ValueError("a NUL in what a program is to be given")
    return _HEAD.pack(START, number) + body


def unpack_start(packet: bytes) -> tuple[int, int, bool, bytes, list[bytes], dict[bytes, bytes]]:
    """Return streams, umask, expendable, directory, argv and environment of a `pack_start` packet."""
    streams, umask, expendable, count, directory, *words = packet[_HEAD.size :].split(b"\0")
    end = int(count)
    pairs = (variable.partition(b"=") for variable in words[end:])
    variables = {name: value for name, _, value in pairs}
    return int(streams), int(umask), expendable == b"1", directory, words[:end], variables


def pack_kill(number: int) -> bytes:
    """Return a packet that asks for a program to be killed, with its whole process group."""
    return _HEAD.pack(KILL, number)


def pack_failed(number: int, error: int) -> bytes:
    """Return a packet that says that a program cannot be started; `error` is the errno."""
    return _FAILED.pack(FAILED, number, error)


def unpack_failed(packet: bytes) -> int:
    """Return the errno of a `pack_failed` packet."""
    error: int = _FAILED.unpack(packet)[2]
    return error


def pack_ended(number: int, status: int, user: float, system: float) -> bytes:
    """Return a packet that says that a program has ended: wait status, processor time in seconds."""
    return _ENDED.pack(ENDED, number, status, user, system)


def unpack_ended(packet: bytes) -> tuple[int, float, float]:
    """Return the status, user time and system time of a `pack_ended` packet."""
    _, _, status, user, system = _ENDED.unpack(packet)
    return status, user, system
