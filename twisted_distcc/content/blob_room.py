"""Room for blobs, and which of them are forgotten when more is needed.

A `BlobStore` has one room for blobs in memory and one for those on disk.  One owner gets half of each at
most.  The blob that goes first is the one that was not used for longest, of the owner who is over that
half, or else of the one who has most: whoever has less than others loses nothing to them.  What open
jobs hold stays, so there may be no room at all::

    room = Room(1024 * 1024)
    for forgotten in room.put("alice", digest, body, is_held=False):
        forgotten.discard()

This is bookkeeping: no file is touched, and threads take turns elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.content.body import Body
from twisted_distcc.errors import EXIT_IO_ERROR, DistccError

# What Python needs for a blob beside its bytes: else millions of tiny ones would count for nothing.
_PER_BLOB: Final = 512


class BlobStoreFullError(DistccError):
    """There is no room for a blob: it is too large, or open jobs hold too many others."""

    exit_code = EXIT_IO_ERROR


@dataclass(slots=True)
class _Shelf:
    """One owner's blobs in a room.

    Attributes:
        idle: those that may be forgotten, the one that was not used for longest first.
        held: those that may not.
        used: the bytes that all take.
        used_by_held: the bytes that those take which may not be forgotten.
    """

    idle: dict[bytes, Body] = field(default_factory=dict)
    held: dict[bytes, Body] = field(default_factory=dict)
    used: int = 0
    used_by_held: int = 0


class Room:
    """Room for blobs.

    Args:
        most: the most bytes that they take together, with what Python needs for them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._share = most // 2
        self._shelves: dict[str, _Shelf] = {}
        self._used = 0
        self._used_by_held = 0

    @property
    def used(self) -> int:
        """The bytes that they take by now."""
        return self._used

    def find(self, owner: str, digest: bytes) -> Body | None:
        """Return a blob, which has now been used."""
        shelf = self._shelves.get(owner)
        if shelf is None:
            return None
        if digest in shelf.idle:
            body = shelf.idle[digest] = shelf.idle.pop(digest)
            return body
        return shelf.held.get(digest)

    def put(self, owner: str, digest: bytes, body: Body, is_held: bool) -> list[Body]:
        """Have one more blob; return those that were forgotten for it.

        Raises:
            BlobStoreFullError: if there is no room for it beside those that are held.
        """
        shelf = self._shelves.get(owner) or _Shelf()
        size = _size(body)
        if shelf.used_by_held + size > self._share or self._used_by_held + size > self._most:
            raise BlobStoreFullError(f"there is no room to keep {body.length} bytes for {owner}")
        self._shelves[owner] = shelf
        shelf.idle[digest] = body
        shelf.used += size
        self._used += size
        if is_held:
            self.hold(owner, digest)
        return list(self._forgotten(owner, shelf))

    def hold(self, owner: str, digest: bytes) -> None:
        """Do not forget a blob, if it is here."""
        shelf = self._shelves.get(owner)
        if shelf is not None and digest in shelf.idle:
            body = shelf.held[digest] = shelf.idle.pop(digest)
            shelf.used_by_held += _size(body)
            self._used_by_held += _size(body)

    def release(self, owner: str, digest: bytes) -> None:
        """Have a blob that may be forgotten again, if it is here."""
        shelf = self._shelves.get(owner)
        if shelf is not None and digest in shelf.held:
            body = shelf.idle[digest] = shelf.held.pop(digest)
            shelf.used_by_held -= _size(body)
            self._used_by_held -= _size(body)

    def remove(self, owner: str, digest: bytes) -> None:
        """Have a blob no more that is here."""
        self.release(owner, digest)
        shelf = self._shelves[owner]
        body = shelf.idle.pop(digest)
        shelf.used -= _size(body)
        self._used -= _size(body)
        if not shelf.used:
            del self._shelves[owner]

    def _forgotten(self, owner: str, shelf: _Shelf) -> Iterator[Body]:
        """Forget blobs until the bounds are met, which those that are held do not exceed."""
        while shelf.used > self._share:
            yield self._forget(owner)
        while self._used > self._most:
            yield self._forget(self._largest())

    def _largest(self) -> str:
        """Return whose blobs take most, of those who have any that may be forgotten."""
        owners = (owner for owner, shelf in self._shelves.items() if shelf.idle)
        return max(owners, key=lambda owner: self._shelves[owner].used)

    def _forget(self, owner: str) -> Body:
        shelf = self._shelves[owner]
        body = shelf.idle.pop(next(iter(shelf.idle)))
        shelf.used -= _size(body)
        self._used -= _size(body)
        if not shelf.used:
            del self._shelves[owner]
        return body


def _size(body: Body) -> int:
    return body.length + _PER_BLOB
