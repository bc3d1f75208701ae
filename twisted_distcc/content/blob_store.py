"""The blobs that a server keeps for its clients, by owner and digest.

An owner finds what it has added itself, and nothing else.  Each has blobs of its own, even where two
have the same, so nobody can tell from an answer, or from how long it takes, what others have sent::

    store = BlobStore(folder, most_memory=256 * 1024 * 1024, most_disk=4 * 1024 * 1024 * 1024)
    held = store.hold("alice", [digest])  # what a job needs, whether it is there or not
    if store.missing("alice", [digest]):
        store.add("alice", body)  # what was sent; its digest is computed here
    content = BlobContent(digest, store.get("alice", digest))
    held.discard()  # when the job is over

Small blobs are in memory and large ones in files.  Both have a bound, of which one owner gets half at
most.  What no job holds is forgotten when room is needed: the blob that was not used for longest, of the
owner that is over its half, or else of the one that has most.  So nobody loses anything to others while
all have equal parts.

Any thread may call any method.  Files are read and written without the lock.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Final

from twisted_distcc.content.blob_content import BlobContent
from twisted_distcc.content.body import IN_MEMORY, Body, Spool
from twisted_distcc.content.file_content import Contents
from twisted_distcc.errors import EXIT_IO_ERROR, DistccError

# What Python needs for a blob beside its bytes: else millions of tiny ones would count for nothing.
_PER_BLOB: Final = 512


class BlobStoreFullError(DistccError):
    """There is no room for a blob: it is too large, or open jobs hold too many others."""

    exit_code = EXIT_IO_ERROR


class BlobStore:
    """Recently used blobs, and those that open jobs hold.

    Attributes:
        name: 16 random bytes that tell this memory from others: the `KNOW` of a greeting.

    Args:
        folder: where large blobs lie; it is created if it is missing.
        most_memory: the most bytes of small blobs, with what Python needs for them.
        most_disk: the most bytes of large blobs.
    """

    def __init__(self, folder: str, most_memory: int, most_disk: int) -> None:
        os.makedirs(folder, 0o700, exist_ok=True)
        self.name: bytes = os.urandom(16)
        self._folder = folder
        self._numbers = itertools.count()
        self._lock = Lock()
        self._memory = _Room(most_memory)
        self._disk = _Room(most_disk)
        self._holders: defaultdict[str, Counter[bytes]] = defaultdict(Counter)

    def add(self, owner: str, body: Body) -> bytes:
        """Keep `body`, which is the store's from now on, for `owner`; return its SHA-256.

        Unless it is held, it may be forgotten at any time.

        Raises:
            BlobStoreFullError: if there is no room for it.
            OSError: if it cannot be read, or the disk takes no more.
        """
        try:
            digest = _digest(body)
            body = self._placed(body)
        except BaseException:
            body.discard()
            raise
        try:
            gone = self._kept(owner, digest, body)
        except BlobStoreFullError:
            body.discard()
            raise
        for forgotten in gone:
            forgotten.discard()
        return digest

    def get(self, owner: str, digest: bytes) -> Body | None:
        """Return a blob, which stays the store's; `None` if `owner` has none of this digest.

        Its file may go at any time, unless it is held.
        """
        with self._lock:
            return self._found(owner, digest)

    def read(self, owner: str, digest: bytes, ceiling: int) -> bytes | None:
        """Return the bytes of a blob; `None` if `owner` has none of this digest.

        Raises:
            BodyTooLargeError: if there are more than `ceiling`.
            OSError: if they cannot be read.
        """
        body = self.get(owner, digest)
        return None if body is None else BlobContent(digest, body).read(ceiling)

    def missing(self, owner: str, digests: Iterable[bytes]) -> list[bytes]:
        """Return those of `digests`, each once, of which `owner` has no blob."""
        with self._lock:
            return [digest for digest in dict.fromkeys(digests) if self._found(owner, digest) is None]

    def hold(self, owner: str, digests: Iterable[bytes] = ()) -> HeldBlobs:
        """Forget none of these blobs, once they are there, until what is returned is discarded."""
        held = HeldBlobs(self, owner)
        held.add(digests)
        return held

    def _placed(self, body: Body) -> Body:
        """Return `body` where it is to stay."""
        if body.path is not None:
            path = f"{self._folder}/blob-{next(self._numbers)}"
            body.save(path)
            return Body(body.length, path=path)
        if body.length <= IN_MEMORY:
            return body
        spool = Spool(self._folder)
        spool.write(body.read())
        return spool.finish()

    def _kept(self, owner: str, digest: bytes, body: Body) -> list[Body]:
        """Keep `body`, and return those that are not kept any longer."""
        with self._lock:
            if self._found(owner, digest) is not None:
                return [body]
            room = self._memory if body.path is None else self._disk
            return room.put(owner, digest, body, digest in self._holders.get(owner, ()))

    def _found(self, owner: str, digest: bytes) -> Body | None:
        return self._memory.find(owner, digest) or self._disk.find(owner, digest)

    def _add_holder(self, owner: str, digests: Iterable[bytes]) -> None:
        holders = self._holders[owner]
        for digest in digests:
            holders[digest] += 1
            self._memory.hold(owner, digest)
            self._disk.hold(owner, digest)

    def _remove_holder(self, owner: str, digests: Iterable[bytes]) -> None:
        holders = self._holders[owner]
        for digest in digests:
            holders[digest] -= 1
            if not holders[digest]:
                del holders[digest]
                self._memory.release(owner, digest)
                self._disk.release(owner, digest)
        if not holders:
            del self._holders[owner]


class HeldBlobs(Contents):
    """The blobs that one job needs: the storage of its files' contents."""

    def __init__(self, store: BlobStore, owner: str) -> None:
        super().__init__()
        self._store = store
        self._owner = owner
        self._digests: set[bytes] = set()
        self._discarded = False

    def add(self, digests: Iterable[bytes]) -> None:
        """Hold these as well, unless the job is over."""
        with self._store._lock:
            if not self._discarded:
                new = set(digests) - self._digests
                self._digests |= new
                self._store._add_holder(self._owner, new)

    def discard(self) -> None:
        """Let the store forget them again; to do so twice does nothing."""
        with self._store._lock:
            digests, self._digests, self._discarded = self._digests, set(), True
            self._store._remove_holder(self._owner, digests)


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


class _Room:
    """Room for blobs, in memory or on disk."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._share = most // 2
        self._shelves: dict[str, _Shelf] = {}
        self._used = 0
        self._used_by_held = 0

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
        """Have room for one more blob; return those that were forgotten for it."""
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


def _digest(body: Body) -> bytes:
    hashed = sha256()
    for piece in body.pieces():
        hashed.update(piece)
    return hashed.digest()
