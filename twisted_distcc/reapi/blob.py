"""Blobs of the Remote Execution API: a SHA-256 and a size, and how both are written.

blob = BlobName.of(b"int a;")
blob.message()                          # the message `Digest`
checked_blob(message, most=1024)        # one that a peer sent
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi.schema import Digest

_HEX: Final = 64


class BlobName(NamedTuple):
    """The name of a blob: its SHA-256, 32 bytes, and its size in bytes."""

    digest: bytes
    size: int

    @classmethod
    def of(cls, data: bytes) -> BlobName:
        """Return the name of `data`."""
        return cls(sha256(data).digest(), len(data))

    def message(self) -> Any:
        """Return the message for this name."""
        return Digest(hash=self.digest.hex(), size_bytes=self.size)

    @property
    def resource(self) -> str:
        """The end of the name by which `ByteStream` knows it."""
        return f"blobs/{self.digest.hex()}/{self.size}"


def checked_digest(message: Any) -> bytes:
    """Return the SHA-256 in a message that a peer sent.

    Raises:
        RemoteProtocolError: if it has none.
    """
    try:
        digest = bytes.fromhex(message.hash) if len(message.hash) == _HEX else b""
    except ValueError:
        digest = b""
    if len(digest) * 2 != _HEX:
        raise RemoteProtocolError("a digest is not a SHA-256")
    return digest


def checked_blob(message: Any, most: int) -> BlobName:
    """Return the name of a blob that a peer sent.

    Raises:
        RemoteProtocolError: if it is none, or the blob has more than `most` bytes.
    """
    digest = checked_digest(message)
    if not 0 <= message.size_bytes <= most:
        raise RemoteProtocolError(f"a blob has {message.size_bytes} bytes, and may have {most}")
    return BlobName(digest, message.size_bytes)
