"""Blobs at an engine: in batches and in pieces, and believed by their digests only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.reapi.double import HANG, Double, Fault, settle
from twisted_distcc.content.body import Body
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_status import Code, GrpcError
from twisted_distcc.reapi.storage import Storage, batched


class StorageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.double = Double(self.clock)
        connection = GrpcConnection(self.clock, "red:1", "http")
        self.double.connect(type("F", (), {"buildProtocol": lambda *_: connection})())
        self.storage = Storage(connection, "main", 60, batch=1000)

    def done(self, work: Any) -> Any:
        running = Deferred.fromCoroutine(work)
        settle(self.clock)
        return self.successResultOf(running)

    def fails(self, work: Any, kind: type[Exception]) -> Any:
        running = Deferred.fromCoroutine(work)
        settle(self.clock)
        return self.failureResultOf(running, kind).value

    def test_sent_and_fetched(self) -> None:
        """Small blobs go together and large ones in pieces, from memory or from disk; all come back."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(bytes(300_000))
        data: list[bytes | Body] = [b"a", b"b", b"c" * 700, b"d" * 5000, Body(300_000, path=path)]
        blobs = {BlobName.of(one if isinstance(one, bytes) else bytes(300_000)): one for one in data}
        self.assertEqual(self.done(self.storage.missing(blobs)), set(blobs))
        self.done(self.storage.send(blobs))
        self.assertEqual(self.done(self.storage.missing(blobs)), set())
        self.assertEqual((self.double.asked["BatchUpdateBlobs"], self.double.asked["Write"]), (2, 2))
        for name, one in blobs.items():
            found = self.done(self.storage.fetch(name, None))
            self.assertEqual(found.read(), one if isinstance(one, bytes) else bytes(300_000))
            found.discard()

    def test_much(self) -> None:
        """More than anybody takes at once goes in the end, over one connection."""
        blobs = {BlobName.of(bytes([n]) * 700_000): bytes([n]) * 700_000 for n in range(12)}
        self.storage = replace(self.storage, batch=3_000_000)
        self.done(self.storage.send(blobs))
        self.assertEqual(len(self.double.blobs), 12)

    def test_batches(self) -> None:
        """A batch stays below its size with what is around each blob; larger blobs are in none."""
        names = [BlobName(bytes([size % 256]) * 32, size) for size in (500, 400, 200, 799, 801, 0)]
        blobs = dict.fromkeys(names, b"")
        self.assertEqual(
            [[name.size for name in batch] for batch in batched(blobs, 1000)],
            [[500], [400, 200], [799], [0]],
        )

    def test_refused(self) -> None:
        """One blob of a batch that is refused is a fault."""
        refused = schema.BatchUpdateBlobsResponse()
        refused.responses.add().status.code = Code.RESOURCE_EXHAUSTED
        self.double.script["BatchUpdateBlobs"] = [refused]
        fault = self.fails(self.storage.send({BlobName.of(b"a"): b"a"}), GrpcError)
        self.assertIs(fault.code, Code.RESOURCE_EXHAUSTED)

    def test_early_end(self) -> None:
        """An engine that has a blob by now may end its transfer before it is whole."""
        self.double.script["Write"] = [schema.WriteResponse(committed_size=2000)]
        self.done(self.storage.send({BlobName.of(b"e" * 2000): b"e" * 2000}))

    def test_stored_in_part(self) -> None:
        """A blob that is stored in part is a fault, and so is a write that fails."""
        blobs = {BlobName.of(b"e" * 2000): b"e" * 2000}
        self.double.script["Write"] = [schema.WriteResponse(committed_size=7), Fault(Code.DATA_LOSS)]
        for code in (Code.INTERNAL, Code.DATA_LOSS):
            self.assertIs(self.fails(self.storage.send(blobs), GrpcError).code, code)

    def test_another_blob(self) -> None:
        """What is fetched is what its digest says: not another blob, nor more or less of it."""
        name = BlobName.of(b"object")
        for data in (b"OBJECT", b"objec", b"objects", b"", b"object" * 100_000):
            self.double.script["Read"] = [schema.ReadResponse(data=data)]
            self.fails(self.storage.fetch(name, None), RemoteProtocolError)
        self.double.script["Read"] = [b"\xff\xff"]
        self.fails(self.storage.fetch(name, None), RemoteProtocolError)

    def test_slow(self) -> None:
        """A blob that does not come has its time, and a large one has more."""
        for size, seconds in ((10, 61), (100_000_000, 1061)):
            self.double.script["Read"] = [HANG]
            running = Deferred.fromCoroutine(self.storage.fetch(BlobName(bytes(32), size), None))
            settle(self.clock, seconds - 2)
            self.assertNoResult(running)
            settle(self.clock, 2)
            self.assertIs(self.failureResultOf(running, GrpcError).value.code, Code.DEADLINE_EXCEEDED)

    def test_odd_answers(self) -> None:
        """A digest that is none is a breach; what we did not ask about is passed over."""
        answers = [
            schema.FindMissingBlobsResponse(missing_blob_digests=[schema.Digest(hash=hash_)])
            for hash_ in ("zz", "", "0" * 63, "0" * 64)
        ]
        self.double.script["FindMissingBlobs"] = [*answers]
        for _ in range(3):
            self.fails(self.storage.missing([BlobName.of(b"a")]), RemoteProtocolError)
        self.assertEqual(self.done(self.storage.missing([BlobName.of(b"a")])), set())
