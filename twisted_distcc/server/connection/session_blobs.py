"""What one client has sent to a server, and the inputs of its jobs made of that.

A job names its inputs by digest.  `JobInputs` says which of them are lacking; when none is, it makes the
`Request`::

    inputs = blobs.inputs(job, hold)
    while inputs.lacking:
        inputs.came(...)  # the digests of what was added since
    request = inputs.request()

All that the job names is kept from then on, until the inputs or the request are discarded.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from twisted_distcc.content.blob_content import BlobContent
from twisted_distcc.content.blob_store import BlobStore
from twisted_distcc.content.body import EMPTY, Body, Folder
from twisted_distcc.content.file_content import Hash, RunFilter
from twisted_distcc.content.tree_walk import TreeWalk
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Request, Tree
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.wire.session_grammar import SESSIONS

_EMPTY_DIGEST: Final = sha256(b"").digest()
# Entries of all trees that are remembered; each takes some 300 bytes.
_MOST_ENTRIES: Final = 250_000
# A tree counts as so many entries more.
_PER_TREE: Final = 16
# What a server holds of one entry: its path, and where its content is.
_WORDS_PER_ENTRY: Final = 2


@dataclass(frozen=True, slots=True)
class KnownTree:
    """A tree whose directories were all there.

    Attributes:
        entries: what is in it.
        digests: those of its files.
        size: the bytes of its files.
        count, names: as `entries` and `names` of `TreeWalk`.
    """

    entries: tuple[InputFile | InputLink, ...]
    digests: frozenset[bytes]
    size: int
    count: int
    names: int


class KnownTrees:
    """Trees as they were walked: those of the jobs that clients send again and again.

    Args:
        most: the most entries that they have together.
    """

    def __init__(self, most: int = _MOST_ENTRIES) -> None:
        self._most = most
        self._entries = 0
        self._trees: dict[tuple[str, bytes], KnownTree] = {}

    def get(self, owner: str, root: bytes) -> KnownTree | None:
        """Return a tree of `owner`, which has now been used."""
        known = self._trees.pop((owner, root), None)
        if known is not None:
            self._trees[owner, root] = known
        return known

    def keep(self, owner: str, root: bytes, tree: KnownTree) -> None:
        """Remember a tree, and forget those that were not used for longest."""
        if (owner, root) in self._trees:
            return
        self._trees[owner, root] = tree
        self._entries += tree.count + _PER_TREE
        while self._entries > self._most:
            forgotten = self._trees.pop(next(iter(self._trees)))
            self._entries -= forgotten.count + _PER_TREE


class ClientBlobs:
    """The blobs that the client `owner` has sent.

    Args:
        store: has the blobs of all clients.
        owner: the client's identity.
        directory: where bodies lie.
        trees: remembers the trees of all clients.
    """

    def __init__(self, store: BlobStore, owner: str, directory: Folder, trees: KnownTrees) -> None:
        self.store = store
        self.owner = owner
        self.directory = directory
        self.trees = trees

    def add(self, body: Body) -> bytes:
        """Take `body`, and return its digest; any thread may do that."""
        return self.store.add(self.owner, body)

    def inputs(self, job: SessionJob, hold: Hold) -> JobInputs:
        """Return the inputs of `job`, for whose names there is room in `hold`.

        Raises:
            RemoteProtocolError: if they are not a tree, or too large.
            CeilingMetError: if there is no room.
        """
        return JobInputs(self, job, hold)

    def tree(self, walk: TreeWalk) -> KnownTree:
        """Return the tree that was walked, of which no directory is missing."""
        walked, store, owner = walk.walked, self.store, self.owner
        entries: list[InputFile | InputLink] = [
            InputFile(path, _StoredContent(store, owner, digest, size))
            for path, digest, size in walked.files
        ]
        nothing = BlobContent(_EMPTY_DIGEST, EMPTY)
        entries.extend(InputFile(b"%b/%b" % (path, FOLDER_MARK), nothing) for path in walked.folders)
        entries.extend(InputLink(path, target) for path, target in walked.links)
        digests = frozenset(digest for _, digest, _ in walked.files)
        size = sum(size for _, _, size in walked.files)
        return KnownTree(tuple(entries), digests, size, walk.entries, walk.names)


class JobInputs:
    """The inputs of one job.

    Attributes:
        lacking: the digests of those that are not there, as far as they are known by now.
    """

    def __init__(self, blobs: ClientBlobs, job: SessionJob, hold: Hold) -> None:
        self.lacking: set[bytes] = set()
        self._blobs = blobs
        self._job = job
        self._hold = hold
        self._held = blobs.store.hold(blobs.owner)
        self._known = blobs.trees.get(blobs.owner, job.inputs) if job.has_tree else None
        self._walk: TreeWalk | None = None
        try:
            self._begin()
        except BaseException:
            self.discard()
            raise

    def _begin(self) -> None:
        if self._known is not None:
            self._make_room(self._known.count, self._known.names)
            self._want(self._known.digests)
        elif self._job.has_tree:
            self._walk = TreeWalk(self._job.inputs, self._encoded)
            self._read_on(self._walk, self._job.inputs)
        else:
            self._want((self._job.inputs,))

    def came(self, digests: AbstractSet[bytes]) -> None:
        """Note that blobs of these `digests` were added.

        Raises:
            RemoteProtocolError: if the inputs are not a tree, or too large.
            CeilingMetError: if there is no room for the names in it.
        """
        for digest in self.lacking & digests:
            self.lacking.discard(digest)
            if self._walk is not None:
                self._read_on(self._walk, digest)

    def request(self) -> Request:
        """Return the job as a request; nothing may be lacking.

        Raises:
            OSError: if the disk takes no more.
        """
        arguments = self._job.arguments
        if not self._job.has_tree:
            source = self._body(self._job.inputs).twin(self._blobs.directory)
            self.discard()
            return Request(arguments, source, SESSIONS)
        known = self._tree()
        self._held.length = known.size
        tree = Tree(self._job.directory, known.entries, self._held, self._job.inputs)
        return Request(arguments, version=SESSIONS, tree=tree)

    def discard(self) -> None:
        """Let the store forget what the job names."""
        self._held.discard()

    def _tree(self) -> KnownTree:
        if self._known is not None:
            return self._known
        assert self._walk is not None, "a tree is known, or was walked"
        tree = self._blobs.tree(self._walk)
        self._blobs.trees.keep(self._blobs.owner, self._job.inputs, tree)
        return tree

    def _read_on(self, walk: TreeWalk, digest: bytes) -> None:
        """Read on in the tree, where the directory of this digest is missing if it is one."""
        if digest not in walk.walked.missing:
            return
        files, entries, names = len(walk.walked.files), walk.entries, walk.names
        self._want(walk.resume(digest))
        self._make_room(walk.entries - entries, walk.names - names)
        self._want(digest for _, digest, _ in walk.walked.files[files:])

    def _make_room(self, entries: int, names: int) -> None:
        self._hold.keep_words(_WORDS_PER_ENTRY * entries, names)

    def _want(self, digests: Iterable[bytes]) -> None:
        wanted = set(digests)
        wanted.discard(_EMPTY_DIGEST)
        self._held.add(wanted)
        self.lacking.update(self._blobs.store.missing(self._blobs.owner, wanted))

    def _encoded(self, digest: bytes) -> bytes | None:
        if digest == _EMPTY_DIGEST:
            return b""
        body = self._blobs.store.get(self._blobs.owner, digest)
        return None if body is None else body.read()

    def _body(self, digest: bytes) -> Body:
        if digest == _EMPTY_DIGEST:
            return EMPTY
        body = self._blobs.store.get(self._blobs.owner, digest)
        assert body is not None, "a job is not begun before all of its inputs are there"
        return body


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
