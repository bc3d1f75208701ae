"""What one client has sent to a server, and the inputs of its jobs made of that.

A job names its inputs by digest.  `JobInputs` says which of them are lacking; when none is, it makes the
`Request`::

    inputs = blobs.inputs(job, hold)
    await slices.do(inputs.begin(), client)
    while inputs.lacking:
        await slices.do(inputs.came(...), client)  # the digests of what was added since
    request = inputs.request()

All that the job names is kept from then on, until the inputs or the request are discarded.  A tree may
have a hundred thousand entries, so whatever takes longer with each is done in steps (`runtime.slices`).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
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
# Digests that are looked up in one step, which takes as long as so many entries of a folder.
_AT_ONCE: Final = 500
_LOOKING_UP: Final = 100


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
    digests: AbstractSet[bytes]
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
        """Return the inputs of `job`, for whose names room is made in `hold`."""
        return JobInputs(self, job, hold)


class _Walked:
    """What a walk has found in a tree, as the entries of a job.

    Args:
        blobs: has the files.
        root: the digest of the tree.
        encoded: returns a directory by its digest, if it is there.
    """

    def __init__(
        self, blobs: ClientBlobs, root: bytes, encoded: Callable[[bytes], bytes | None]
    ) -> None:
        self.walk = TreeWalk(root, encoded)
        self._blobs = blobs
        self._files: list[InputFile] = []
        self._digests: set[bytes] = set()
        self._size = 0

    def new_files(self) -> list[bytes]:
        """Take the files that the walk has found since the last time; return their digests."""
        store, owner = self._blobs.store, self._blobs.owner
        new = self.walk.walked.files[len(self._files) :]
        self._files += [
            InputFile(path, _StoredContent(store, owner, digest, size)) for path, digest, size in new
        ]
        digests = [digest for _, digest, _ in new]
        self._digests.update(digests)
        self._size += sum([size for _, _, size in new])
        return digests

    def tree(self) -> KnownTree:
        """Return the tree, of which no directory is missing."""
        walk, nothing = self.walk, BlobContent(_EMPTY_DIGEST, EMPTY)
        marks = [InputFile(b"%b/%b" % (path, FOLDER_MARK), nothing) for path in walk.walked.folders]
        links = [InputLink(path, target) for path, target in walk.walked.links]
        entries: tuple[InputFile | InputLink, ...] = (*self._files, *marks, *links)
        return KnownTree(entries, self._digests, self._size, walk.entries, walk.names)


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
        self._walked: _Walked | None = None

    def begin(self) -> Iterator[int]:
        """Find out what is lacking, in steps.

        Yields:
            What each step has cost, in entries of folders.

        Raises:
            RemoteProtocolError: if the inputs are not a tree, or too large.
            CeilingMetError: if there is no room for the names in it.
        """
        if self._known is not None:
            self._make_room(self._known.count, self._known.names)
            yield from self._want_many(self._known.digests)
        elif self._job.has_tree:
            self._walked = _Walked(self._blobs, self._job.inputs, self._encoded)
            yield from self._read_on(self._walked, self._job.inputs)
        else:
            self._want((self._job.inputs,))

    def came(self, digests: AbstractSet[bytes]) -> Iterator[int]:
        """Note that blobs of these `digests` were added; like `begin`."""
        for digest in self.lacking & digests:
            self.lacking.discard(digest)
            if self._walked is not None:
                yield from self._read_on(self._walked, digest)

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
        assert self._walked is not None, "a tree is known, or was walked"
        tree = self._walked.tree()
        self._blobs.trees.keep(self._blobs.owner, self._job.inputs, tree)
        return tree

    def _read_on(self, walked: _Walked, digest: bytes) -> Iterator[int]:
        """Read on in the tree, where the directory of this digest is missing if it is one."""
        walk = walked.walk
        if digest not in walk.walked.missing:
            return
        entries, names = walk.entries, walk.names
        for missing in walk.steps(digest):
            self._want(missing)
            self._make_room(walk.entries - entries, walk.names - names)
            self._want(walked.new_files())
            yield walk.entries - entries + 1
            entries, names = walk.entries, walk.names

    def _want_many(self, digests: Iterable[bytes]) -> Iterator[int]:
        left = iter(digests)
        while some := tuple(islice(left, _AT_ONCE)):
            self._want(some)
            yield _LOOKING_UP

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
