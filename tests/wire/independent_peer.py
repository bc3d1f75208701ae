"""A client of protocol 4 that was written from `doc/protocol-4.md` alone, to hold the page to its word.

    with Peer.connected("127.0.0.1", 3632) as peer:
        stream = peer.ask(("gcc", "-c", "a.c", "-o", "a.o"), root=peer.keep_tree({"a.c": b"int a;"}))
        result = peer.result(stream)

It blocks, does one thing at a time, and uses nothing of the product.
"""

from __future__ import annotations

import hashlib
import socket
import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FRAME, WINDOW = 8192, 16384


@dataclass
class Result:
    """What came back of a job."""

    status: int
    stderr: bytes
    stdout: bytes
    outputs: dict[str, bytes]
    modes: dict[str, int]
    numbers: dict[str, int]


class StoppedError(Exception):
    """The server has ended a stream, with a code and a text."""


class Received(bytes):
    """What has come of a message, which is read token by token."""

    at = 0

    def token(self, name: str) -> int:
        """Return the number or length of the next token, which has to be this one."""
        head = self[self.at : self.at + 12]
        assert head[:4] == name.encode(), (name, head)
        self.at += 12
        return int(head[4:], 16)

    def bytes_of(self, name: str) -> bytes:
        """Return what the next token carries."""
        length = self.token(name)
        self.at += length
        return self[self.at - length : self.at]


def token(name: str, number: int) -> bytes:
    """Return a token."""
    return b"%s%08x" % (name.encode(), number)


def carried(name: str, data: bytes) -> bytes:
    """Return a token that carries data."""
    return token(name, len(data)) + data


def varint(number: int) -> bytes:
    """Return a number as protocol buffers have it."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def counted(tag: int, data: bytes) -> bytes:
    """Return a field of protocol buffers that has a length."""
    return bytes([tag << 3 | 2]) + varint(len(data)) + data


def node(tag: int, name: bytes, blob: bytes) -> bytes:
    """Return a FileNode or DirectoryNode."""
    size = b"\x10" + varint(len(blob)) if blob else b""  # a field that is zero is left out
    digest = counted(1, hashlib.sha256(blob).hexdigest().encode()) + size
    return counted(tag, counted(1, name) + counted(2, digest))


@dataclass
class Peer:
    """One connection."""

    connection: socket.socket
    greeting: dict[str, int | bytes] = field(default_factory=dict)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    came: defaultdict[int, bytes] = field(default_factory=lambda: defaultdict(bytes))
    credit: dict[int, int] = field(default_factory=dict)
    ended: dict[int, tuple[int, str]] = field(default_factory=dict)
    needed: list[tuple[int, list[bytes]]] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    away: str | None = None
    sent: int = 0
    last: int = 0

    @classmethod
    def connected(cls, host: str, port: int, seconds: float = 30) -> Peer:
        """Connect, and let both ends greet."""
        peer = cls(socket.create_connection((host, port), seconds))
        peer.connection.sendall(
            token("DIST", 4) + token("FRAM", FRAME) + token("WIND", WINDOW) + carried("SERV", b"a peer")
        )
        peer.greet()
        return peer

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    # Bytes and frames.

    def exactly(self, count: int) -> bytes:
        """Read so many bytes."""
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise ConnectionError("the server has hung up")
            data += piece
        return data

    def read_token(self) -> tuple[str, int]:
        """Read a token."""
        head = self.exactly(12)
        return head[:4].decode(), int(head[4:], 16)

    def greet(self) -> None:
        """Read the server's greeting."""
        for expected in ("DONE", "STAT", "SERR", "FRAM", "WIND", "JOBS", "KNOW", "SERV"):
            name, number = self.read_token()
            assert name == expected, (name, expected)
            carries = name in ("SERR", "KNOW", "SERV")
            self.greeting[name] = self.exactly(number) if carries else number
            if name == "SERR" and self.greeting["STAT"]:
                raise PermissionError(self.greeting["SERR"])

    def frame(self, name: str, *numbers: int, rest: bytes = b"") -> None:
        """Send a frame."""
        self.connection.sendall(carried(name, struct.pack(f">{len(numbers)}I", *numbers) + rest))
        self.sent += 12 + 4 * len(numbers) + len(rest)

    def read_frame(self) -> None:
        """Read a frame, and do what it says."""
        name, length = self.read_token()
        assert length <= FRAME
        payload = self.exactly(length)
        if name == "PING":
            self.frame("PONG", rest=payload)
        elif name == "PONG":
            self.pongs.append(payload)
        elif name == "AWAY":
            self.away = payload.decode()
        else:
            self.read_stream_frame(name, int.from_bytes(payload[:4], "big"), payload[4:])

    def read_stream_frame(self, name: str, stream: int, rest: bytes) -> None:
        """Do what a frame says of a stream; one that is closed is passed over."""
        assert 0 < stream <= self.last
        if name == "DATA":
            self.came[stream] += rest
            self.frame("WIND", stream, len(rest))
        elif name == "WIND":
            self.credit[stream] += int.from_bytes(rest, "big")
        elif name == "NEED":
            self.needed.append((stream, [rest[at : at + 32] for at in range(0, len(rest), 32)]))
        else:
            assert name == "STOP", name
            self.ended[stream] = int.from_bytes(rest[:4], "big"), rest[4:].decode()

    # Streams.

    def send(self, message: bytes) -> int:
        """Send a message on a new stream, as the window allows; return the stream's number."""
        self.last += 1
        stream, frame = self.last, int(self.greeting["FRAM"]) - 4
        self.credit[stream] = int(self.greeting["WIND"])
        while message and stream not in self.ended:
            piece = message[: min(frame, self.credit[stream])]
            if not piece:
                self.read_frame()
                continue
            self.frame("DATA", stream, rest=piece)
            self.credit[stream] -= len(piece)
            message = message[len(piece) :]
        return stream

    def stop(self, stream: int) -> None:
        """Want a stream no more."""
        self.frame("STOP", stream, 0, rest=b"not needed")
        self.ended[stream] = 0, ""

    def ping(self) -> None:
        """Ask for an answer, and wait for it."""
        self.frame("PING", rest=b"8 bytes!")
        while not self.pongs:
            self.read_frame()
        assert self.pongs.pop() == b"8 bytes!"

    # Content.

    def keep(self, blob: bytes) -> bytes:
        """Have a blob ready for when the server asks; return its digest."""
        digest = hashlib.sha256(blob).digest()
        self.blobs[digest] = blob
        return digest

    def keep_tree(self, files: Mapping[str, bytes | Mapping[str, object]]) -> bytes:
        """Have a folder and all that is in it ready; return its digest."""
        return self.keep(self.directory(files))

    def directory(self, entries: Mapping[str, object]) -> bytes:
        """Return a Directory of bytes (files), mappings (folders) and strings (links' targets)."""
        encoded = {1: b"", 2: b"", 3: b""}
        for name, entry in sorted((name.encode(), entry) for name, entry in entries.items()):
            if isinstance(entry, str):
                encoded[3] += counted(3, counted(1, name) + counted(2, entry.encode()))
            elif isinstance(entry, bytes):
                self.keep(entry)
                encoded[1] += node(1, name, entry)
            else:
                assert isinstance(entry, Mapping)
                below = self.directory(entry)
                self.keep(below)
                encoded[2] += node(2, name, below)
        return b"".join(encoded.values())

    def upload(self, digests: Sequence[bytes]) -> int:
        """Send blobs."""
        blobs = b"".join(carried("BLOB", self.blobs[digest]) for digest in digests)
        return self.send(token("BLBQ", 4) + token("NBLB", len(digests)) + blobs)

    # Jobs.

    def ask(
        self,
        words: Sequence[str],
        *,
        root: bytes = b"",
        text: bytes = b"",
        directory: str = "/",
        compiler: bytes = b"",
    ) -> int:
        """Send a job whose inputs are a tree or a text; return its stream."""
        arguments = b"".join(carried("ARGV", word.encode()) for word in words)
        inputs = carried("ROOT", root) if root else carried("TEXT", text)
        return self.send(
            token("JOBQ", 4)
            + carried("CDIR", directory.encode())
            + token("ARGC", len(words))
            + arguments
            + carried("COMP", compiler)
            + token("PACK", 0)
            + inputs
        )

    def result(self, stream: int) -> Result:
        """Wait for a result, and answer questions meanwhile."""
        while (result := self.whole(stream)) is None:
            if stream in self.ended:
                raise StoppedError(*self.ended[stream])
            self.read_frame()
            while self.needed:
                _, digests = self.needed.pop()
                self.upload(digests)
        return result

    def whole(self, stream: int) -> Result | None:
        """Return a result, if all of it has come."""
        try:
            return self.parsed(Received(self.came[stream]))
        except (AssertionError, ValueError):  # it is cut off
            return None

    def parsed(self, text: Received) -> Result:
        """Read a result."""
        assert text.token("JOBR") == 4
        status, stderr, stdout = text.token("STAT"), text.bytes_of("SERR"), text.bytes_of("SOUT")
        outputs: dict[str, bytes] = {}
        modes: dict[str, int] = {}
        for _ in range(text.token("NOUT")):
            name = text.bytes_of("NAME").decode()
            modes[name] = text.token("MODE")
            outputs[name] = text.bytes_of("DOTO")
        numbers = {name: text.token(name) for name in ("TIMQ", "TIMR", "TIMC", "FREE", "BUSY")}
        assert text.at == len(text)
        return Result(status, stderr, stdout, outputs, modes, numbers)
