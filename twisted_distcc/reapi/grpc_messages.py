"""Messages in the body of a gRPC call: a flag, a length, and as many bytes, one after the other.

framed(b"…")                       # as it is sent
assembly = MessageAssembly(most=4 * 1024 * 1024)
for message in assembly.feed(data): ...
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from twisted_distcc.errors import RemoteProtocolError

_HEAD: Final = struct.Struct(">BI")


def framed(message: bytes) -> bytes:
    """Return `message` as it is sent, uncompressed."""
    return _HEAD.pack(0, len(message)) + message


class MessageAssembly:
    """The messages of one answer, as its bytes come.

    Args:
        most: the bytes of one message at the most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    @property
    def is_whole(self) -> bool:
        """Whether no message is incomplete."""
        return not self._held

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes, and yield the messages that are whole.

        Raises:
            RemoteProtocolError: if one is compressed, which nobody asked for, or too long.
        """
        held = self._held
        held += data
        while len(held) >= _HEAD.size:
            is_compressed, length = _HEAD.unpack_from(held)
            if is_compressed:
                raise RemoteProtocolError("a message is compressed, though nobody asked for that")
            if length > self._most:
                raise RemoteProtocolError(f"a message has {length} bytes, and may have {self._most}")
            end = _HEAD.size + length
            if len(held) < end:
                return
            message = bytes(memoryview(held)[_HEAD.size : end])
            del held[:end]
            yield message
