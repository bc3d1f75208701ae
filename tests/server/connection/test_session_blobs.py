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
from twisted_distcc.server.connection.session_blobs import ClientBlobs

SMALL, LARGE = b"int a;\n", bytes(3 * IN_MEMORY)


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


class BlobsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        self.store = BlobStore(self.folder, 1 << 20, 1 << 24)
        self.blobs = ClientBlobs(self.store, "ada", self.folder)

    def tree(self, *, size: int = len(SMALL)) -> Merkle:
        files = [(b"/p/a.h", digest(SMALL), size), (b"/p/q/b.h", digest(LARGE), len(LARGE))]
        return merkle(files, [(b"/p/link", b"q")], [b"/empty"])

    def add(self, *contents: bytes) -> None:
        for content in contents:
            self.blobs.add(Body.of(content))

    def job(self, inputs: bytes, *, has_tree: bool) -> SessionJob:
        return SessionJob(b"/p", (b"gcc",), b"", inputs, has_tree)

    def contents(self, request: Request) -> dict[bytes, bytes]:
        assert request.tree is not None
        files = [entry for entry in request.tree.entries if isinstance(entry, InputFile)]
        return {file.name: file.content.read(1 << 20) for file in files}

    def test_what_is_missing(self) -> None:
        """First the root is, then what it names, then nothing."""
        tree = self.tree()
        job = self.job(tree.root, has_tree=True)
        self.assertEqual(self.blobs.missing(job), [tree.root])
        self.add(tree.nodes[tree.root])
        self.assertEqual(set(self.blobs.missing(job)) < tree.nodes.keys(), True)
        self.add(*tree.nodes.values())
        self.assertEqual(set(self.blobs.missing(job)), {digest(SMALL), digest(LARGE)})
        self.add(SMALL, LARGE)
        self.assertEqual(list(self.blobs.missing(job)), [])

    def test_a_tree(self) -> None:
        """A request has all files with what they hold, and says which tree that is."""
        tree = self.tree()
        self.add(*tree.nodes.values(), SMALL, LARGE)
        job = self.job(tree.root, has_tree=True)
        self.blobs.missing(job)
        first, second = self.blobs.request(job), self.blobs.request(job)
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
        self.blobs.missing(job)
        request = self.blobs.request(job)
        self.add(*(os.urandom(50_000) for _ in range(30)))
        self.assertEqual(self.contents(request)[b"/p/a.h"], SMALL)
        request.discard()
        self.add(*(os.urandom(50_000) for _ in range(30)))
        self.assertEqual(list(self.blobs.missing(job)), [digest(SMALL)])
        self.assertRaises(OSError, self.contents, request)

    def test_a_size_that_lies(self) -> None:
        """A file that has not the size that its folder says is refused when it is read."""
        tree = self.tree(size=len(SMALL) + 1)
        self.add(*tree.nodes.values(), SMALL, LARGE)
        job = self.job(tree.root, has_tree=True)
        self.blobs.missing(job)
        self.assertRaises(RemoteProtocolError, self.contents, self.blobs.request(job))

    def test_text(self) -> None:
        """A text is a body of the request's own; no text at all need not be sent."""
        for text in (SMALL, LARGE):
            job = self.job(digest(text), has_tree=False)
            self.assertEqual(list(self.blobs.missing(job)), [digest(text)])
            self.add(text)
            for _ in range(2):
                request = self.blobs.request(job)
                self.assertEqual(request.source.read(), text)
                request.discard()
        nothing = self.job(digest(b""), has_tree=False)
        self.assertEqual(list(self.blobs.missing(nothing)), [])
        self.assertEqual(self.blobs.request(nothing).source.length, 0)

    def test_others(self) -> None:
        """What another client has sent is missing."""
        self.add(SMALL)
        others = ClientBlobs(self.store, "eve", self.folder)
        self.assertEqual(list(others.missing(self.job(digest(SMALL), has_tree=False))), [digest(SMALL)])
