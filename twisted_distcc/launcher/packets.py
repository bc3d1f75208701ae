"""What is said between a process and its launcher.

In: values, or one packet.  Out: the other of the two.  A packet is one message of a sequenced-packet
socket; its first byte tells the kind, and a number names the program that it is about.  Both ends
belong to one installation, and start and end together.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

LARGEST: Final = 128 * 1024
"""Bytes of a packet: what the kernel takes at once without being asked for more."""

READY: Final = b"R"
START: Final = b"S"
KILL: Final = b"K"
FAILED: Final = b"F"
ENDED: Final = b"E"

_HEAD: Final = struct.Struct("=cq")
_FAILED: Final = struct.Struct("=cqi")
_ENDED: Final = struct.Struct("=cqidd")


def kind_and_number(packet: bytes) -> tuple[bytes, int]:
    """Give a packet's kind, and the number of the program that it is about."""
    kind, number = _HEAD.unpack_from(packet)
    return kind, number


def pack_ready() -> bytes:
    """Say that programs can be started from now on."""
    return _HEAD.pack(READY, 0)


MOST_STREAMS: Final = 16
"""Descriptors that a program may be given; the kernel would carry 253."""


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
    """Ask for a program; its streams travel beside the packet.

    Args:
        number: names the program from now on.
        streams: how many streams it gets, at most `MOST_STREAMS`.
        umask: its umask.
        directory: its working directory; empty is the launcher's.
        argv: its path and arguments.
        variables: its environment, each as `NAME=value`.
        expendable: whether it is to die first when memory runs out.

    Raises:
        ValueError: if any of them holds a NUL, which no program can be given: a packet with one would
            ask for another program.
    """
    numbers = (b"%d" % number for number in (streams, umask, expendable, len(argv)))
    words = (*numbers, directory, *argv, *variables)
    body = b"\0".join(words)
    if body.count(b"\0") >= len(words):
        raise ValueError("a NUL in what a program is to be given")
    return _HEAD.pack(START, number) + body


def unpack_start(packet: bytes) -> tuple[int, int, bool, bytes, list[bytes], dict[bytes, bytes]]:
    """Give streams, umask, expendable, directory, argv and environment of what `pack_start` made."""
    streams, umask, expendable, count, directory, *words = packet[_HEAD.size :].split(b"\0")
    end = int(count)
    pairs = (variable.partition(b"=") for variable in words[end:])
    variables = {name: value for name, _, value in pairs}
    return int(streams), int(umask), expendable == b"1", directory, words[:end], variables


def pack_kill(number: int) -> bytes:
    """Ask for a program to be killed, with its whole process group."""
    return _HEAD.pack(KILL, number)


def pack_failed(number: int, error: int) -> bytes:
    """Tell that a program cannot be started, by the system's number of the error."""
    return _FAILED.pack(FAILED, number, error)


def unpack_failed(packet: bytes) -> int:
    """Give the error of what `pack_failed` made."""
    error: int = _FAILED.unpack(packet)[2]
    return error


def pack_ended(number: int, status: int, user: float, system: float) -> bytes:
    """Tell that a program has ended: its wait status, and seconds of processor time."""
    return _ENDED.pack(ENDED, number, status, user, system)


def unpack_ended(packet: bytes) -> tuple[int, float, float]:
    """Give status, user and system time of what `pack_ended` made."""
    _, _, status, user, system = _ENDED.unpack(packet)
    return status, user, system
