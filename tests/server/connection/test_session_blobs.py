"""The inputs of a session's jobs, made of what one client has sent."""

from __future__ import annotations

import os
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.blob_store import BlobStore
from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.content.merkle import Merkle, merkle
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.model import InputFile, Request
from twisted_distcc.jobs.session_messages import SessionJob
from twisted_distcc.server.connection.session_blobs import ClientBlobs, JobInputs, KnownTree, KnownTrees
from twisted_distcc.server.quotas.holdings import Hold, Holdings

SMALL, LARGE = b"int a;\n", bytes(3 * IN_MEMORY)


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


class BlobsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        self.store = BlobStore(self.folder, 1 << 20, 1 << 24)
        self.hold = Hold(Holdings(), "ada")
        self.blobs = ClientBlobs(self.store, "ada", self.folder, KnownTrees())

    def tree(self, *, size: int = len(SMALL)) -> Merkle:
        files = [(b"/p/a.h", digest(SMALL), size), (b"/p/q/b.h", digest(LARGE), len(LARGE))]
        return merkle(files, [(b"/p/link", b"q")], [b"/empty"])

    def add(self, *contents: bytes) -> None:
        for content in contents:
            self.blobs.add(Body.of(content))

    def job(self, inputs: bytes, *, has_tree: bool) -> SessionJob:
        return SessionJob(b"/p", (b"gcc",), b"", inputs, has_tree)

    def missing(self, job: SessionJob, blobs: ClientBlobs | None = None) -> set[bytes]:
        inputs = self.begun(job, blobs)
        inputs.discard()
        return inputs.lacking

    def begun(self, job: SessionJob, blobs: ClientBlobs | None = None) -> JobInputs:
        inputs = (blobs or self.blobs).inputs(job, self.hold)
        self.costs = list(inputs.begin())
        return inputs

    def request(self, job: SessionJob) -> Request:
        return self.begun(job).request()

    def contents(self, request: Request) -> dict[bytes, bytes]:
        assert request.tree is not None
        files = [entry for entry in request.tree.entries if isinstance(entry, InputFile)]
        return {file.name: file.content.read(1 << 20) for file in files}

    def test_what_is_missing(self) -> None:
        """First the root is, then what it names, then nothing."""
        tree = self.tree()
        job = self.job(tree.root, has_tree=True)
        self.assertEqual(self.missing(job), {tree.root})
        self.add(tree.nodes[tree.root])
        self.assertLess(self.missing(job), tree.nodes.keys())
        self.add(*tree.nodes.values())
        self.assertEqual(self.missing(job), {digest(SMALL), digest(LARGE)})
        self.add(SMALL, LARGE)
        self.assertEqual(self.missing(job), set())

    def test_a_tree(self) -> None:
        """A request has all files with what they hold, and says which tree that is."""
        tree = self.tree()
        self.add(*tree.nodes.values(), SMALL, LARGE)
        job = self.job(tree.root, has_tree=True)
        first, second = self.request(job), self.request(job)
        self.assertEqual(
            self.contents(first),
            {b"/p/a.h": SMALL, b"/p/q/b.h": LARGE, b"/empty/.twisted-distcc": b""},
        )
        assert first.tree is not None
        assert second.tree is not None
        self.assertEqual((first.tree.digest, first.tree.directory), (tree.root, b"/p"))
        self.assertIs(first.tree.entries, second.tree.entries)
        self.assertEqual(first.tree.contents.length, len(SMALL) + len(LARGE))

    def test_kept_for_a_job(self) -> None:
        """What a request is made of stays until it is given up, whatever else comes."""
        tree = self.tree()
        self.add(*tree.nodes.values(), SMALL, LARGE)
        job = self.job(tree.root, has_tree=True)
        request = self.request(job)
        self.add(*(os.urandom(50_000) for _ in range(30)))
        self.assertEqual(self.contents(request)[b"/p/a.h"], SMALL)
        request.discard()
        self.add(*(os.urandom(50_000) for _ in range(30)))
        self.assertEqual(self.missing(job), {digest(SMALL)})
        self.assertRaises(OSError, self.contents, request)

    def test_a_size_that_lies(self) -> None:
        """A file that has not the size that its folder says is refused when it is read."""
        tree = self.tree(size=len(SMALL) + 1)
        self.add(*tree.nodes.values(), SMALL, LARGE)
        job = self.job(tree.root, has_tree=True)
        self.assertRaises(RemoteProtocolError, self.contents, self.request(job))

    def test_text(self) -> None:
        """A text is a body of the request's own; no text at all need not be sent."""
        for text in (SMALL, LARGE):
            job = self.job(digest(text), has_tree=False)
            self.assertEqual(self.missing(job), {digest(text)})
            self.add(text)
            for _ in range(2):
                request = self.request(job)
                self.assertEqual(request.source.read(), text)
                request.discard()
        nothing = self.job(digest(b""), has_tree=False)
        self.assertEqual(self.missing(nothing), set())
        self.assertEqual(self.request(nothing).source.length, 0)

    def test_others(self) -> None:
        """What another client has sent is missing."""
        self.add(SMALL)
        others = ClientBlobs(self.store, "eve", self.folder, KnownTrees())
        job = self.job(digest(SMALL), has_tree=False)
        self.assertEqual(self.missing(job, others), {digest(SMALL)})

    def test_as_they_come(self) -> None:
        """What a job lacks is found as its folders come, one by one, and stays when it has come."""
        tree = self.tree()
        inputs = self.begun(self.job(tree.root, has_tree=True))
        while inputs.lacking:
            one = min(inputs.lacking)
            data = {**tree.nodes, digest(SMALL): SMALL, digest(LARGE): LARGE}[one]
            self.add(data, *(os.urandom(50_000) for _ in range(30)))
            list(inputs.came({one}))
        self.assertEqual(self.contents(inputs.request())[b"/p/a.h"], SMALL)

    def test_in_steps(self) -> None:
        """However large a folder is, and however many there are, no step is long."""
        for folders, files in ((1, 5000), (50, 100)):
            nodes = [
                (b"/p/%d/%d.h" % (folder, file), digest(SMALL), len(SMALL))
                for folder in range(folders)
                for file in range(files)
            ]
            tree = merkle(nodes, [], [])
            self.add(*tree.nodes.values(), SMALL)
            job = self.job(tree.root, has_tree=True)
            request = self.request(job)
            assert request.tree is not None
            self.assertEqual({entry.name for entry in request.tree.entries}, {node[0] for node in nodes})
            self.assertLess(max(self.costs), 600)
            self.assertGreater(sum(self.costs), 5000)
            self.request(job)
            self.assertLess(sum(self.costs), 500)  # it is known


def known(count: int) -> KnownTree:
    """Return a tree of so many entries."""
    return KnownTree((), frozenset(), 0, count, 0)


class KnownTreesTests(SynchronousTestCase):
    def test_bound(self) -> None:
        """Those that were not used for longest are forgotten, however few they are."""
        trees = KnownTrees(most=100)
        trees.keep("ada", b"1", known(20))
        trees.keep("ada", b"2", known(20))
        self.assertIsNotNone(trees.get("ada", b"1"))
        trees.keep("ada", b"3", known(20))
        self.assertEqual([trees.get("ada", root) is not None for root in (b"1", b"2", b"3")], [1, 0, 1])

    def test_too_large(self) -> None:
        """A tree that is larger than the bound is not kept, and nothing is counted for it."""
        trees = KnownTrees(most=50)
        trees.keep("ada", b"1", known(60))
        trees.keep("ada", b"2", known(1))
        self.assertIsNone(trees.get("ada", b"1"))
        self.assertIsNotNone(trees.get("ada", b"2"))

    def test_owners(self) -> None:
        """A tree of one client is unknown for another."""
        trees = KnownTrees()
        trees.keep("ada", b"1", known(1))
        self.assertIsNone(trees.get("eve", b"1"))
