"""The content of a file of this machine, in memory, in each form in which it is sent.

A client reads a file once and sends it often.  Sessions name it by its digest and seldom send it at all;
version 3 of the protocol sends it packed, each time.  Both forms are made when they are first wanted::

    content = LocalContent(b"int a;")
    content.digest             # SHA-256, 32 bytes
    packed_form(content)       # a `PackedContent`, made once
"""

from __future__ import annotations

import sys
from hashlib import sha256

from twisted_distcc.content.body import write_all
from twisted_distcc.content.file_content import FileContent, Hash, RunFilter
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.errors import BodyTooLargeError


class LocalContent:
    """The bytes `data` of a file; a `FileContent`.

    Attributes:
        data: the bytes.
    """

    __slots__ = ("_digest", "_packed", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._digest: bytes | None = None
        self._packed: PackedContent | None = None

    @property
    def length(self) -> int:
        """The number of bytes, of all forms that have been made."""
        return len(self.data) + (0 if self._packed is None else self._packed.length)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the bytes."""
        if self._digest is None:
            self._digest = sha256(self.data).digest()
        return self._digest

    @property
    def is_packed(self) -> bool:
        """Whether the packed form has been made, which takes long."""
        return self._packed is not None

    def packed(self) -> PackedContent:
        """Return the packed form."""
        if self._packed is None:
            self._packed = PackedContent.of(self.data)
        return self._packed

    def identify(self, hashed: Hash) -> None:
        """Feed `hashed` with the digest."""
        hashed.update(self.digest)

    def largest(self) -> int:
        """Return the number of bytes."""
        return len(self.data)

    def read(self, ceiling: int) -> bytes:
        """Return the bytes; see `FileContent`."""
        if len(self.data) > ceiling:
            raise BodyTooLargeError(
                f"a file of {len(self.data)} bytes is beyond the {ceiling} that may be"
            )
        return self.data

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
        """Write the bytes; see `FileContent`."""
        write_all(descriptor, self.read(ceiling))
        return len(self.data)


def packed_form(content: FileContent) -> PackedContent:
    """Return `content` as version 3 of the protocol sends it."""
    match content:
        case LocalContent():
            return content.packed()
        case PackedContent():
            return content
        case _:
            return PackedContent.of(content.read(sys.maxsize))
