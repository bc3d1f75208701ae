"""What one client has sent to a server, and the inputs of its jobs made of that.

A job names its inputs by digest.  `ClientBlobs` says which of them are missing; when none is, it makes
the `Request`, and keeps what that is made of until the request is given up.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.content.blob_content import BlobContent
from twisted_distcc.content.blob_store import BlobStore
from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.file_content import Hash, RunFilter
from twisted_distcc.content.tree_walk import Walked, walk
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Request, Tree
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.wire.session_grammar import SESSIONS

# Trees that are remembered as they were walked: those of the jobs that a client sends again and again.
_MOST_TREES: Final = 256
_EMPTY_DIGEST: Final = sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class _KnownTree:
    """A tree whose directories were all there; `digests` are those of its files."""

    entries: tuple[InputFile | InputLink, ...]
    digests: tuple[bytes, ...]
    size: int


class ClientBlobs:
    """The blobs that the client `owner` has sent.

    Args:
        store: has the blobs of all clients.
        owner: the client's identity.
        directory: where bodies lie.
    """

    def __init__(self, store: BlobStore, owner: str, directory: str | None) -> None:
        self._store = store
        self._owner = owner
        self._directory = directory
        self._trees: Bounded[bytes, _KnownTree] = Bounded(_MOST_TREES)

    def add(self, body: Body) -> bytes:
        """Take `body`, and return its digest."""
        return self._store.add(self._owner, body)

    def missing(self, job: SessionJob) -> Sequence[bytes]:
        """Return the digests of what is missing for `job`, as far as it is known by now.

        Raises:
            RemoteProtocolError: if its inputs are not a tree, or too large.
        """
        if not job.has_tree:
            return self._missing((job.inputs,))
        known = self._trees.get(job.inputs)
        if known is None:
            walked = walk(job.inputs, self._encoded)
            digests = tuple({digest for _, digest, _ in walked.files})
            if walked.missing:
                return [*walked.missing, *self._missing(digests)]
            size = sum(size for _, _, size in walked.files)
            known = self._trees[job.inputs] = _KnownTree(self._entries(walked), digests, size)
        return self._missing(known.digests)

    def request(self, job: SessionJob) -> Request:
        """Return `job` as a request; nothing of it may be missing.

        What it is made of is kept until the request is discarded.

        Raises:
            OSError: if the disk takes no more.
        """
        if not job.has_tree:
            return Request(job.arguments, self._source(job.inputs), SESSIONS)
        known = self._trees[job.inputs]
        contents = self._store.hold(self._owner, known.digests)
        contents.length = known.size
        tree = Tree(job.directory, known.entries, contents, job.inputs)
        return Request(job.arguments, version=SESSIONS, tree=tree)

    def _missing(self, digests: Sequence[bytes]) -> Sequence[bytes]:
        return [one for one in self._store.missing(self._owner, digests) if one != _EMPTY_DIGEST]

    def _encoded(self, digest: bytes) -> bytes | None:
        if digest == _EMPTY_DIGEST:
            return b""
        body = self._store.get(self._owner, digest)
        return None if body is None else body.read()

    def _source(self, digest: bytes) -> Body:
        """Return a body of the caller's own with the bytes of a blob."""
        return self._body(digest).twin(self._directory)

    def _body(self, digest: bytes) -> Body:
        if digest == _EMPTY_DIGEST:
            return EMPTY
        body = self._store.get(self._owner, digest)
        assert body is not None, "a job is not begun before all of its inputs are there"
        return body

    def _entries(self, walked: Walked) -> tuple[InputFile | InputLink, ...]:
        store, owner = self._store, self._owner
        entries: list[InputFile | InputLink] = [
            InputFile(path, _StoredContent(store, owner, digest, size))
            for path, digest, size in walked.files
        ]
        nothing = BlobContent(_EMPTY_DIGEST, EMPTY)
        entries.extend(InputFile(b"%b/%b" % (path, FOLDER_MARK), nothing) for path in walked.folders)
        entries.extend(InputLink(path, target) for path, target in walked.links)
        return tuple(entries)


@dataclass(slots=True, eq=False)  # not frozen: a job has hundreds
class _StoredContent:
    """The content of a file, looked up in the store when it is read; a `FileContent`."""

    store: BlobStore
    owner: str
    digest: bytes
    length: int

    def identify(self, hashed: Hash) -> None:
        BlobContent(self.digest, EMPTY).identify(hashed)

    def largest(self) -> int:
        return self.length

    def read(self, ceiling: int) -> bytes:
        return self._content().read(ceiling)

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
        return self._content().write(descriptor, ceiling, run_filter)

    def _content(self) -> BlobContent:
        if self.digest == _EMPTY_DIGEST and not self.length:
            return BlobContent(_EMPTY_DIGEST, EMPTY)
        content = self.store.content(self.owner, self.digest, self.length)
        if content is None:
            raise OSError(errno.ENOENT, "a file of a job is not kept any more")
        return content
