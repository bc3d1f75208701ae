"""Blobs as the contents of files: identified by digest, written as they are."""

from __future__ import annotations

import hashlib
import os

from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_packed_content import no_filter
from twisted_distcc.content.blob_content import BlobContent
from twisted_distcc.content.blob_store import BlobStore
from twisted_distcc.content.body import PIECE, Body, Spool
from twisted_distcc.content.file_content import FileContent
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.errors import BodyTooLargeError
from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import lay_out
from twisted_distcc.jobs.model import InputFile, Tree

LARGE = os.urandom(2 * PIECE + 1)


def identity(content: FileContent) -> bytes:
    hashed = hashlib.sha256()
    content.identify(hashed)
    return hashed.digest()


class ContentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)

    def content(self, data: bytes) -> BlobContent:
        spool = Spool(self.directory)
        spool.write(data)
        return BlobContent(hashlib.sha256(data).digest(), spool.finish())

    def write(self, content: BlobContent, ceiling: int) -> bytes:
        path = self.mktemp()
        with open(path, "wb") as file:
            written = content.write(file.fileno(), ceiling, no_filter)
        with open(path, "rb") as file:
            data = file.read()
        self.assertEqual(written, len(data))
        return data

    def test_there_and_back(self) -> None:
        """What is written and read is the blob, in memory or on disk; its size is known before."""
        for data in (b"", b"int a;", LARGE):
            content = self.content(data)
            self.assertEqual((content.length, content.largest()), (len(data), len(data)))
            self.assertEqual((self.write(content, len(data)), content.read(len(data))), (data, data))

    def test_too_much(self) -> None:
        """Nothing is written or read of a blob that is above its ceiling, by a byte."""
        for data in (b"int a;", LARGE):
            content = self.content(data)
            with open(self.mktemp(), "wb") as file:
                ceiling = len(data) - 1
                self.assertRaises(BodyTooLargeError, content.write, file.fileno(), ceiling, no_filter)
                self.assertEqual(os.fstat(file.fileno()).st_size, 0)
            self.assertRaises(BodyTooLargeError, content.read, ceiling)

    def test_a_full_disk(self) -> None:
        """That there is no room to write is told as such."""
        descriptor = os.open("/dev/full", os.O_WRONLY)
        self.addCleanup(os.close, descriptor)
        self.assertRaises(OSError, self.content(LARGE).write, descriptor, len(LARGE), no_filter)

    def test_identity(self) -> None:
        """The digest identifies a blob, and nothing else does: not packed bytes that are alike."""
        one, other = self.content(b"int a;"), self.content(b"int b;")
        self.assertEqual(identity(one), identity(BlobContent(one.digest, Body(6, path="/not/read"))))
        self.assertNotEqual(identity(one), identity(other))
        self.assertNotEqual(identity(one), identity(PackedContent.packed(one.digest)))

    def test_on_disk(self) -> None:
        """The files of a tree may be blobs, which its store holds meanwhile."""
        store = BlobStore(f"{self.directory}/blobs", 1 << 20, 1 << 20)
        held = store.hold("alice")
        entries = []
        for name, data in ((b"/src/small.h", b"int a;"), (b"/src/large.h", LARGE)):
            held.add([hashlib.sha256(data).digest()])
            digest = store.add("alice", self.content(data).body)
            content = store.content("alice", digest, len(data))
            assert content is not None
            entries.append(InputFile(name, content))
        tree = Tree(b"/src", tuple(entries), held)
        root = Root(os.fsencode(f"{self.directory}/tree"))
        root.become(lay_out(tree), tree.contents)
        for name, data in (("small", b"int a;"), ("large", LARGE)):
            with open(f"{self.directory}/tree/src/{name}.h", "rb") as file:
                self.assertEqual(file.read(), data)
