"""The contents of files that are blobs, known by their SHA-256, as version 4 of the protocol sends them.

A server takes a job's files from its `blob_store`, which holds their bytes while the job lasts::

    content = store.content(owner, digest, size)
    content.write(descriptor, ceiling, run_filter)

Nothing is packed, so nothing has to be expanded, and what identifies a file is known without reading it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twisted_distcc.content.body import Body, write_all
from twisted_distcc.content.file_content import Hash, RunFilter
from twisted_distcc.errors import BodyTooLargeError

# Packed contents are identified by LZO1X (`packed_content`), which does not end like this.
_MARK: Final = b"sha256"


@dataclass(slots=True, eq=False)  # not frozen: a job has hundreds
class BlobContent:
    """A blob as the content of a file; a `FileContent`.

    Attributes:
        digest: its SHA-256.
        body: its bytes, which are the store's.
    """

    digest: bytes
    body: Body

    @property
    def length(self) -> int:
        """The size in bytes."""
        return self.body.length

    def identify(self, hashed: Hash) -> None:
        """Feed `hashed` with the digest: no byte of the content is read for this."""
        hashed.update(self.digest + _MARK)

    def largest(self) -> int:
        """Return the size in bytes, which is known."""
        return self.body.length

    def read(self, ceiling: int) -> bytes:
        """Return the bytes; see `FileContent`."""
        self._check(ceiling)
        return self.body.read()

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
        """Write the bytes; see `FileContent`."""
        self._check(ceiling)
        for piece in self.body.pieces():
            write_all(descriptor, piece)
        return self.body.length

    def _check(self, ceiling: int) -> None:
        if self.body.length > ceiling:
            raise BodyTooLargeError(f"a blob has {self.body.length} bytes, over {ceiling}")
