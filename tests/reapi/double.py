"""An engine in memory, which does what it is told: well, badly, or not at all.

`Double` is an endpoint.  It has storage, and `run` says what becomes of an action.  What is in `script`
for a method comes first: messages, a `Fault`, `HANG`, what is only `Begun`, or bytes that are `Raw`::

    double.script["Execute"] = [Fault(Code.UNAVAILABLE, "no worker"), HANG]

It counts what it is asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from posixpath import normpath
from typing import Any, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.content.merkle import merkle
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.grpc_messages import MessageAssembly, framed
from twisted_distcc.reapi.grpc_status import Code

HANG: Final = object()
_WINDOW: Final = 8 * 1024 * 1024
_BUFFER: Final = 64 * 1024
_ANY: Final = "type.googleapis.com/build.bazel.remote.execution.v2.ExecuteResponse"


@dataclass(frozen=True, slots=True)
class Fault:
    """The end of a call that fails."""

    code: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes in place of HTTP/2."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that has this message, and never ends."""

    message: Any


class _Transport:
    """The client's end: what it writes reaches the double a moment later."""

    def __init__(self, double: Double, protocol: Protocol) -> None:
        self._double = double
        self.protocol = protocol
        self.is_open = True
        self._producer: Any = None
        self._held = 0

    def write(self, data: bytes) -> None:
        """Take as much as comes, and say when it is too much, as real transports do."""
        self._held += len(data)
        self._double.clock.callLater(0, self._taken, data)
        if self._held > _BUFFER:
            self._producer.pauseProducing()

    def _taken(self, data: bytes) -> None:
        self._held -= len(data)
        self._double.take(self, data)
        if self._held <= _BUFFER:
            self._producer.resumeProducing()

    def registerProducer(self, producer: object, _streaming: bool) -> None:
        self._producer = producer

    def abortConnection(self) -> None:
        self.lose(Failure(connectionDone.value))

    def lose(self, reason: Failure) -> None:
        if self.is_open:
            self.is_open = False
            self._double.clock.callLater(0, self.protocol.connectionLost, reason)


@implementer(IStreamClientEndpoint)
@dataclass
class Double:
    """The engine."""

    clock: Clock
    run: Callable[[Any, Any], Any] = lambda command, action: schema.ActionResult()
    blobs: dict[str, bytes] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    script: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    asked: Counter[str] = field(default_factory=Counter)
    heads: list[dict[str, str]] = field(default_factory=list)
    transports: list[_Transport] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        assert isinstance(protocol, Protocol)
        transport = _Transport(self, protocol)
        self.transports.append(transport)
        self.begin()
        protocol.makeConnection(transport)  # type: ignore[arg-type]
        return succeed(protocol)

    def begin(self) -> None:
        """Begin a connection."""
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._http.initiate_connection()
        self._http.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW, SettingCodes.MAX_FRAME_SIZE: _WINDOW}
        )
        self._http.increment_flow_control_window(_WINDOW)
        self._calls: dict[int, tuple[str, MessageAssembly, list[bytes]]] = {}

    def take(self, transport: Any, data: bytes) -> None:
        """Take bytes of the client's, and answer."""
        if not transport.is_open:
            return
        for event in self._http.receive_data(data):
            match event:
                case RequestReceived(stream_id=stream, headers=headers):
                    self.heads.append(dict(headers))
                    name = dict(headers)[":path"].rpartition("/")[2]
                    self._calls[stream] = name, MessageAssembly(64 << 20), []
                case DataReceived(stream_id=stream, data=piece, flow_controlled_length=length):
                    self._http.acknowledge_received_data(length, stream)
                    if stream in self._calls:
                        _, assembly, messages = self._calls[stream]
                        messages.extend(assembly.feed(piece))
                case StreamEnded(stream_id=stream):
                    name, _, messages = self._calls.pop(stream)
                    self._answer(transport, stream, name, messages)
                case StreamReset(stream_id=stream):
                    self._calls.pop(stream, None)
        self._send(transport, self._http.data_to_send())

    def _send(self, transport: _Transport, data: bytes) -> None:
        if data and transport.is_open:
            transport.protocol.dataReceived(data)

    def _answer(self, transport: _Transport, stream: int, name: str, messages: list[bytes]) -> None:
        self.asked[name] += 1
        scripted = self.script[name]
        answer = scripted.pop(0) if scripted else getattr(self, f"_{name}")(messages)
        match answer:
            case Raw(data=data):
                self._send(transport, data)
            case Fault(code=code, said=said):
                self._http.send_headers(
                    stream,
                    [
                        (":status", "200"), ("content-type", "application/grpc"),
                        ("grpc-status", str(int(code))), ("grpc-message", said),
                    ],
                    end_stream=True,
                )  # fmt: skip
            case Begun(message=message):
                self._begin(stream, [message])
            case _ if answer is not HANG:
                self._succeed(stream, answer if isinstance(answer, list) else [answer])

    def _succeed(self, stream: int, answers: list[Any]) -> None:
        self._begin(stream, answers)
        self._http.send_headers(stream, [("grpc-status", "0")], end_stream=True)

    def _begin(self, stream: int, answers: list[Any]) -> None:
        self._http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        for answer in answers:
            data = framed(answer if isinstance(answer, bytes) else answer.SerializeToString())
            for start in range(0, len(data), 16384):
                self._http.send_data(stream, data[start : start + 16384])

    # The methods.

    def _GetCapabilities(self, _messages: list[bytes]) -> Any:
        told = schema.ServerCapabilities()
        told.execution_capabilities.exec_enabled = True
        told.execution_capabilities.digest_function = schema.SHA256
        return told

    def _FindMissingBlobs(self, messages: list[bytes]) -> Any:
        wanted = schema.FindMissingBlobsRequest.FromString(messages[0]).blob_digests
        missing = [one for one in wanted if one.hash not in self.blobs]
        return schema.FindMissingBlobsResponse(missing_blob_digests=missing)

    def _BatchUpdateBlobs(self, messages: list[bytes]) -> Any:
        for one in schema.BatchUpdateBlobsRequest.FromString(messages[0]).requests:
            assert sha256(one.data).hexdigest() == one.digest.hash
            self.blobs[one.digest.hash] = one.data
        return schema.BatchUpdateBlobsResponse()

    def _Write(self, messages: list[bytes]) -> Any:
        parts = [schema.WriteRequest.FromString(message) for message in messages]
        data = b"".join(part.data for part in parts)
        assert parts[-1].finish_write
        self.blobs[sha256(data).hexdigest()] = data
        return schema.WriteResponse(committed_size=len(data))

    def _Read(self, messages: list[bytes]) -> Any:
        name = schema.ReadRequest.FromString(messages[0]).resource_name.split("/")[-2]
        if name not in self.blobs:
            return Fault(Code.NOT_FOUND, "no such blob")
        return schema.ReadResponse(data=self.blobs[name])

    def _CancelOperation(self, messages: list[bytes]) -> Any:
        self.cancelled.append(schema.CancelOperationRequest.FromString(messages[0]).name)
        return b""

    def _GetActionResult(self, messages: list[bytes]) -> Any:
        request = schema.GetActionResultRequest.FromString(messages[0])
        return self.results.get(request.action_digest.hash) or Fault(Code.NOT_FOUND, "no result")

    def _Execute(self, messages: list[bytes]) -> Any:
        request = schema.ExecuteRequest.FromString(messages[0])
        name = request.action_digest.hash
        if name in self.results and not request.skip_cache_lookup:
            return done(self.results[name], cached_result=True)
        if name not in self.blobs:
            return Fault(Code.INTERNAL, "the action is missing")
        action = schema.Action.FromString(self.blobs[name])
        if action.command_digest.hash not in self.blobs:
            return Fault(Code.INTERNAL, "the command is missing")
        result = self.run(schema.Command.FromString(self.blobs[action.command_digest.hash]), action)
        if isinstance(result, Fault) or result is HANG:
            return result
        self.results[name] = result
        return [schema.Operation(name="operations/1"), done(result)]

    def left(self, command: Any, action: Any, made: Mapping[str, bytes]) -> Any:
        """Return the folders that a job was asked for, in which it has `made` these files.

        Names are relative to the working directory.
        """
        result = schema.ActionResult()
        for path in command.output_directories:
            folder = normpath(f"/{command.working_directory}/{path}")
            nodes = list(self._nodes(action.input_root_digest.hash, ""))
            for name, data in made.items():
                blob = BlobName.of(data)
                self.blobs[blob.digest.hex()] = data
                nodes.append((normpath(f"/{command.working_directory}/{name}"), blob))
            result.output_directories.add(path=path, tree_digest=self._tree(nodes, folder))
        return result

    def _nodes(self, digest: str, path: str) -> Iterator[tuple[str, BlobName | None]]:
        """Yield all files in a folder, and the folders."""
        folder = schema.Directory.FromString(self.blobs[digest])
        yield path, None
        for file in folder.files:
            yield (
                f"{path}/{file.name}",
                BlobName(bytes.fromhex(file.digest.hash), file.digest.size_bytes),
            )
        for one in folder.directories:
            yield from self._nodes(one.digest.hash, f"{path}/{one.name}")

    def _tree(self, nodes: list[tuple[str, BlobName | None]], folder: str) -> Any:
        """Keep the folder as a tree, and return its digest."""
        below = [(path.removeprefix(folder), blob) for path, blob in nodes if path.startswith(folder)]
        files = [(path.encode(), *blob) for path, blob in below if blob is not None]
        made = merkle(files, (), [path.encode() for path, blob in below if path and blob is None])
        inner = [data for digest, data in made.nodes.items() if digest != made.root]
        tree = schema.Tree(root=made.nodes[made.root], children=inner).SerializeToString()
        self.blobs[sha256(tree).hexdigest()] = tree
        return BlobName.of(tree).message()


def done(result: Any, **fields: Any) -> Any:
    """Return the last news of a job, with its result."""
    return operation(schema.ExecuteResponse(result=result, **fields))


def operation(response: Any, kind: str = _ANY) -> Any:
    """Return the last news of a job."""
    news = schema.Operation(name="operations/1", done=True)
    news.response.type_url = kind
    news.response.value = response.SerializeToString()
    return news


def settle(clock: Clock, seconds: float = 0.0) -> None:
    """Let everything happen that is due, and what follows from it at once."""
    clock.advance(seconds)
    for _ in range(1000):
        if not any(call.getTime() <= clock.seconds() for call in clock.getDelayedCalls()):
            return
        clock.advance(0)
    raise AssertionError("it does not come to rest")
