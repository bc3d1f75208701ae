"""The blobs that a server keeps for its clients, by owner and digest.

An owner finds what it has added itself, and nothing else.  Each has blobs of its own, even where two
have the same, so nobody can tell from an answer, or from how long it takes, what others have sent::

    store = BlobStore(folder, most_memory=256 * 1024 * 1024, most_disk=4 * 1024 * 1024 * 1024)
    held = store.hold("alice", [digest])  # what a job needs, whether it is there or not
    if store.missing("alice", [digest]):
        store.add("alice", body)  # what was sent; its digest is computed here
    content = store.content("alice", digest, 6)
    held.discard()  # when the job is over

Small blobs are in memory and large ones in files, and each of the two has a bound (`blob_room`).  What
no job holds is forgotten when room is needed.

Any thread may call any method.  Files are read and written without the lock.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from threading import Lock

from twisted_distcc.content.blob_content import BlobContent
from twisted_distcc.content.blob_room import Room
from twisted_distcc.content.body import IN_MEMORY, Body, spooled
from twisted_distcc.content.file_content import Contents
from twisted_distcc.errors import RemoteProtocolError


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
        self._memory = Room(most_memory)
        self._disk = Room(most_disk)
        self._holders: defaultdict[str, Counter[bytes]] = defaultdict(Counter)

    @property
    def used(self) -> tuple[int, int]:
        """The bytes that all blobs take in memory, and on disk."""
        return self._memory.used, self._disk.used

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
            gone = self._kept(owner, digest, body)
        except BaseException:
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

    def content(self, owner: str, digest: bytes, size: int) -> BlobContent | None:
        """Return a blob as the content of a file; `None` if `owner` has none of this digest.

        Raises:
            RemoteProtocolError: if it is not of the size that a directory says.
        """
        body = self.get(owner, digest)
        if body is not None and body.length != size:
            raise RemoteProtocolError(f"a file has {body.length} bytes, not {size} as its folder says")
        return None if body is None else BlobContent(digest, body)

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
        if body.path is None and body.length <= IN_MEMORY:
            return body
        with suppress(FileExistsError):  # it is there, unless somebody has cleaned up
            os.mkdir(self._folder, 0o700)
        if body.path is None:
            return spooled(body.pieces(), self._folder)
        placed = Body(body.length, path=f"{self._folder}/blob-{next(self._numbers)}")
        assert placed.path is not None
        try:
            body.save(placed.path)
        except OSError:  # part of it may have been copied
            placed.discard()
            raise
        return placed

    def _kept(self, owner: str, digest: bytes, body: Body) -> list[Body]:
        """Keep `body`, and return those that are not kept any longer."""
        with self._lock:
            if self._found(owner, digest) is not None:
                return [body]
            room = self._memory if body.path is None else self._disk
            return room.put(owner, digest, body, digest in self._holders.get(owner, ()))

    def _found(self, owner: str, digest: bytes) -> Body | None:
        if (body := self._memory.find(owner, digest)) is not None:
            return body
        body = self._disk.find(owner, digest)
        if body is None or (body.path is not None and os.path.exists(body.path)):
            return body
        self._disk.remove(owner, digest)  # somebody has cleaned up: whoever needs it is asked again
        return None

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


def _digest(body: Body) -> bytes:
    hashed = sha256()
    for piece in body.pieces():
        hashed.update(piece)
    return hashed.digest()
