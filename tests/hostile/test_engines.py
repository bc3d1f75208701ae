"""Engines that mean harm: floods, and answers without end, cost a client little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.backends.test_engines import EngineTestCase, request
from tests.hostile.hostile_engine import HEAD, begun, frame
from tests.reapi.double import HANG, Begun, Double, settle
from twisted_distcc.client.backends.host_faults import BadReplyError, HostError, LackingHostError
from twisted_distcc.content.body import EMPTY
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.execution import execute
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_messages import framed
from twisted_distcc.reapi.grpc_status import Code, GrpcError
from twisted_distcc.reapi.storage import Storage

NAME = BlobName.of(b"object")

HEADS = st.sampled_from([bytes.fromhex("88"), HEAD, b"\x00\x0bgrpc-status\x010", b"\xff" * 9])
FRAMES = st.builds(
    frame,
    kind=st.integers(0, 12),
    payload=st.binary(max_size=30) | HEADS | st.binary(max_size=20).map(framed),
    stream=st.sampled_from([0, 1, 1, 1, 2, 3, 99]),
    flags=st.sampled_from([0, 1, 4, 5, 8, 32]),
)


class EngineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.double = Double(self.clock)
        self.connection = GrpcConnection(self.clock, "red:1", "http")
        self.double.connect(type("F", (), {"buildProtocol": lambda *_: self.connection})())

    def begin(self, work: Any) -> Deferred[Any]:
        running = Deferred.fromCoroutine(work)
        settle(self.clock)
        return running

    def executing(self) -> Deferred[Any]:
        return self.begin(execute(self.connection, "", NAME, (), skip_cache=False))

    def test_endless_news(self) -> None:
        """News of a job that never end are read and dropped, and cost no memory."""
        self.double.script["Execute"] = [[schema.Operation(name="x" * 100_000) for _ in range(30)]]
        failure = self.failureResultOf(self.executing(), GrpcError)
        self.assertIs(failure.value.code, Code.UNAVAILABLE)

    def test_many_news(self) -> None:
        """However small they are, news of a job have an end."""
        self.double.script["Execute"] = [[schema.Operation()] * 70_000]
        self.failureResultOf(self.executing(), RemoteProtocolError)

    def test_empty_pieces(self) -> None:
        """A blob that comes in pieces of nothing is given up."""
        self.double.script["Read"] = [[schema.ReadResponse()] * 1000]
        fetched = self.begin(Storage(self.connection, "", 60).fetch(NAME, None))
        self.failureResultOf(fetched, RemoteProtocolError)

    def test_endless_blob(self) -> None:
        """A blob that has more bytes than were asked for is given up at once."""
        endless = [schema.ReadResponse(data=bytes(1000)) for _ in range(1000)]
        self.double.script["Read"] = [endless]
        fetched = self.begin(Storage(self.connection, "", 60).fetch(NAME, None))
        self.failureResultOf(fetched, RemoteProtocolError)

    def test_huge_message(self) -> None:
        """A message of more than 4 MiB is refused by its first five bytes."""
        self.double.script["Execute"] = [HANG]
        executed = self.executing()
        self.connection.dataReceived(begun(1))
        self.connection.dataReceived(frame(0, b"\0\0\x40\0\1", stream=1))
        failure = self.failureResultOf(executed, GrpcError)
        self.assertIs(failure.value.code, Code.INTERNAL)

    def test_pings(self) -> None:
        """Whoever pings without end, and reads no answer, is cut off."""
        self.double.script["Execute"] = [HANG]
        executed = self.executing()
        self.connection._output.pauseProducing()  # as a transport does that is full
        for _ in range(100):
            self.connection.dataReceived(frame(6, b"12345678") * 1000)
        self.assertIs(self.failureResultOf(executed, GrpcError).value.code, Code.UNKNOWN)
        self.assertFalse(self.connection.is_open)

    def test_what_is_of_no_use(self) -> None:
        """What no call gets on by comes to an end, though the answers to it are read."""
        for useless in (
            frame(6, b"12345678"),
            frame(4, b"\0\4\0\0\xff\xff"),
            frame(8, b"\0\0\0\1"),
            frame(0, b"", stream=1),
            frame(0, b"\xff" + bytes(255), stream=1, flags=8),
            frame(77, b"anything"),
        ):
            self.setUp()
            self.double.script["Execute"] = [HANG]
            executed = self.executing()
            self.connection.dataReceived(begun(1))
            for _ in range(1000):
                if self.connection.is_open:
                    self.connection.dataReceived(useless * 1000)
            self.assertFalse(self.connection.is_open)
            failure = self.failureResultOf(executed, GrpcError)
            self.assertIs(failure.value.code, Code.UNKNOWN, failure.value)

    def test_long_headers(self) -> None:
        """Headers beyond all measure end the connection, with a fault that says so."""
        self.double.script["Execute"] = [HANG]
        executed = self.executing()
        self.connection.dataReceived(frame(1, bytes.fromhex("88"), stream=1))
        for _ in range(200):
            self.connection.dataReceived(frame(9, b"\0\x7f\x81\x3e" + bytes(16000), stream=1))
        self.failureResultOf(executed, GrpcError)

    def test_pushed(self) -> None:
        """What nobody asked for is a breach: a pushed stream, an answer to no call."""
        for sent in (frame(5, b"\0\0\0\2\x88", stream=1, flags=4), frame(0, b"data", stream=77)):
            self.setUp()
            self.double.script["Execute"] = [Begun(schema.Operation(name="a"))]
            executed = self.executing()
            self.connection.dataReceived(sent)
            self.failureResultOf(executed, GrpcError)

    @settings(derandomize=True, deadline=None, database=None, max_examples=100)
    @given(st.lists(FRAMES | st.binary(max_size=40), max_size=6))
    def test_any_bytes(self, sent: list[bytes]) -> None:
        """Whatever comes, a call ends with a fault, or waits: nothing else is raised."""
        self.setUp()
        self.double.script["Execute"] = [HANG]
        executed = self.executing()
        for data in sent:
            if self.connection.is_open:
                self.connection.dataReceived(data)
        self.connection.close()
        settle(self.clock)
        self.failureResultOf(executed, GrpcError, RemoteProtocolError)

    def test_words(self) -> None:
        """What an engine says is shown short, and without what would move a terminal's cursor."""
        error = GrpcError(Code.INTERNAL, "\x1b[2J\r\n" + "x" * 10_000)
        self.assertTrue(str(error).isprintable())
        self.assertLess(len(str(error)), 400)
        self.assertEqual(framed(b""), bytes(5))


HONEST = {"w.o": b"object", "w.su": b"stack"}


class MoreOutputsTests(EngineTestCase):
    """Engines that return other folders than a command leaves: nothing else is taken of them."""

    def returned(self, change: Callable[[Any, Any], None], made: Mapping[str, bytes] = HONEST) -> Any:
        """Have an engine return its folder after a `change` to it; return the reply, or the error."""

        def run(command: Any, action: Any) -> Any:
            result = self.double.left(command, action, made)
            folder = result.output_directories[0]
            tree = schema.Tree.FromString(self.double.blobs[folder.tree_digest.hash])
            root = schema.Directory.FromString(tree.root)
            change(result, root)
            data = schema.Tree(root=root.SerializeToString(), children=tree.children).SerializeToString()
            self.double.blobs[BlobName.of(data).digest.hex()] = data
            if folder.tree_digest.size_bytes < 1 << 30:
                folder.tree_digest.CopyFrom(BlobName.of(data).message())
            return result

        self.double.run = run
        self.double.results.clear()
        job = self.begin(request("gcc -fstack-usage -fdump-tree-all -c w.c -o w.o"))
        settle(self.clock, 1)
        if isinstance(job.result, Failure):
            return self.failureResultOf(job, HostError).value
        return self.successResultOf(job)

    def test_honest(self) -> None:
        """What is as it should be is taken."""
        reply = self.returned(lambda result, root: None)
        self.assertEqual(list(reply.outputs), ["/src/w.su", "object"])

    def test_others(self) -> None:
        """Another name, a link, a folder or too many files are told by one name, without contents."""
        name = BlobName.of(b"object").message()
        for change, path in (
            (lambda result, root: root.files.add(name="w.gcno", digest=name), "/src/w.gcno"),
            (lambda result, root: root.files.add(name="W.O", digest=name), "/src/W.O"),
            (lambda result, root: root.symlinks.add(name="w.d", target="/etc/passwd"), "/src/w.d"),
            (lambda result, root: root.directories.add(name="w.d", digest=name), "/src/w.d"),
        ):
            self.assertEqual(self.returned(change).outputs, {path: EMPTY})
        many = {f"w.c.{number:03}t.{'x' * (1 + number // 1000)}": b"dump" for number in range(1000)}
        reply = self.returned(lambda result, root: None, HONEST | many)
        self.assertEqual(list(reply.outputs.values()), [EMPTY])

    def test_no_files(self) -> None:
        """A link in the place of an output is not the output, and the source is nobody's to change."""

        def link(result: Any, root: Any) -> None:
            [place] = [number for number, file in enumerate(root.files) if file.name == "w.o"]
            del root.files[place]
            root.symlinks.add(name="w.o", target="/etc/passwd")

        def other_source(result: Any, root: Any) -> None:
            [source] = [file for file in root.files if file.name == "w.c"]
            source.digest.CopyFrom(BlobName.of(b"object").message())

        self.assertEqual(self.returned(link).outputs, {"/src/w.o": EMPTY})
        self.assertEqual(self.returned(other_source).outputs, {"/src/w.c": EMPTY})

    def test_fewer(self) -> None:
        """A folder without what was sent, or no folder at all, is no answer to rely on."""

        def without_source(result: Any, root: Any) -> None:
            del root.files[:]

        def without_folder(result: Any, root: Any) -> None:
            del result.output_directories[:]

        for change in (without_source, without_folder):
            self.assertIsInstance(self.returned(change), LackingHostError)

    def test_breaches(self) -> None:
        """Paths for names, outputs beyond all measure and folders nobody asked for are bad replies."""
        name = BlobName.of(b"object").message()
        huge = BlobName(bytes(32), 1 << 40).message()
        half = BlobName(bytes(32), 600 << 20).message()

        def halves(result: Any, root: Any) -> None:
            for file in root.files:
                if file.name != "w.c":
                    file.digest.CopyFrom(half)

        for change in (
            lambda result, root: root.files.add(name="../w.su", digest=name),
            lambda result, root: root.files.add(name="/src/w.su", digest=name),
            lambda result, root: root.files.add(name="w.c.005t.original", digest=huge),
            halves,
            lambda result, root: result.output_directories.add(path="../..", tree_digest=name),
            lambda result, root: result.output_directories.add(path=".", tree_digest=name),
            lambda result, root: result.output_files.add(path="w.o", digest=name),
            lambda result, root: result.output_directories[0].tree_digest.CopyFrom(huge),
        ):
            self.assertIsInstance(self.returned(change), BadReplyError)
