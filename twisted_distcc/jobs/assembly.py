"""Assemble wire events into whole messages, and encode messages as pieces for the wire.

An `Assembly` takes the events of one message, and builds a `Request` or a `Reply`, whose bodies are as
received; `compression` expands them.  `request_pieces` and `reply_pieces` do the reverse::

    for event in reader.events():
        assembly.take(event)
    request = assembly.request()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from twisted_distcc.content.body import EMPTY, Body, Folder, Spool
from twisted_distcc.content.packed_content import PackedSpool
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Reply, Request
from twisted_distcc.jobs.tree_entries import TreeSpool, entry_events
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, MessageEnd, Number, Run, Text
from twisted_distcc.wire.grammar import FILES

_ARGUMENT: Final = b"ARGV"
_FILE: Final = b"FILE"
_OUTPUTS: Final = ((OBJECT, b"DOTO"), (DEPENDENCIES, b"DOTD"))
WRITE: Final = 128 * 1024
"""The approximate number of bytes per write."""


class Assembly:
    """Collects the events of one message: `take` each, then call `request` or `reply`.

    Args:
        directory: where large bodies lie; `None` is the system's temporary folder.
    """

    def __init__(self, directory: Folder = None) -> None:
        self._directory = directory
        self._spool: Spool | PackedSpool | None = None  # takes the body that comes
        self._tree = TreeSpool(directory)
        self._wanted = True
        self._arguments: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._bodies: dict[bytes, Body] = {}

    @property
    def arguments(self) -> tuple[bytes, ...]:
        """The words of the command so far."""
        return tuple(self._arguments)

    @property
    def has_begun(self) -> bool:
        """Whether the message's first token has arrived, so that its sender speaks the protocol."""
        return bool(self._numbers)

    @property
    def version(self) -> int:
        """The protocol version of the message, a request or a reply, that has begun."""
        return next(iter(self._numbers.values()))

    def take(self, event: Event) -> None:
        """Take the next event.

        Raises:
            OSError: if the disk takes no more; the bodies that follow are then ignored.
        """
        match event:
            case Number(token, value):
                self._numbers[token] = value
            case Text(token, data) if self._wanted:
                self._text(token, data)
            case Run(tokens) if self._wanted:
                self._run(tokens)
            case BodyStart(token, length) if self._wanted:
                self._spool = self._spool_for(token, length)
            case BodyData(data) if self._spool is not None:
                self._write(self._spool, data)
            case BodyEnd(token) if self._spool is not None:
                self._end(token, self._spool)
            case _:
                pass

    def pass_over(self) -> None:
        """Ignore the rest of the message, which is then read to its end only to be polite."""
        self._wanted = False
        self._arguments.clear()
        self.discard()

    def discard(self) -> None:
        """Discard all bodies."""
        if self._spool is not None:
            self._spool.discard()
            self._spool = None
        self._tree.discard()
        for body in self._bodies.values():
            body.discard()
        self._bodies.clear()

    def request(self) -> Request:
        """Return the request, once all its events have been taken."""
        if self.version == FILES:
            return Request(self.arguments, version=FILES, tree=self._tree.finish())
        source = self._bodies.pop(b"DOTI", EMPTY)
        return Request(self.arguments, source, self.version)

    def reply(self) -> Reply:
        """Return the reply, once all its events have been taken."""
        take = self._bodies.pop
        stderr, stdout = take(b"SERR", EMPTY), take(b"SOUT", EMPTY)
        # A missing output is sent as an empty one.
        outputs = {name: body for name, token in _OUTPUTS if (body := take(token, EMPTY)).length}
        return Reply(self._numbers[b"STAT"], stderr, stdout, outputs=outputs)

    def _text(self, token: bytes, data: bytes) -> None:
        if token == _ARGUMENT:
            self._arguments.append(data)
        else:
            self._tree.text(token, data)

    def _run(self, tokens: Sequence[tuple[bytes, bytes]]) -> None:
        if tokens[0][0] == _ARGUMENT:
            self._arguments.extend(data for _, data in tokens)
        else:
            self._write(self._tree.contents, self._tree.run(tokens))

    def _spool_for(self, token: bytes, length: int) -> Spool | PackedSpool:
        if token != _FILE:
            return Spool(self._directory)
        self._tree.file(length)
        return self._tree.contents

    def _end(self, token: bytes, spool: Spool | PackedSpool) -> None:
        if isinstance(spool, Spool):
            self._bodies[token] = spool.finish()
        self._spool = None

    def _write(self, spool: Spool | PackedSpool, data: bytes) -> None:
        try:
            spool.write(data)
        except OSError:
            self.pass_over()
            raise


def request_pieces(writer: Writer, request: Request) -> Iterator[bytes]:
    """Yield `request` encoded; its bodies must be compressed as its version requires."""
    yield writer.send(Number(b"DIST", request.version))
    if request.tree is not None:
        yield writer.send(Text(b"CDIR", request.tree.directory))
    yield writer.send(Number(b"ARGC", len(request.arguments)))
    yield writer.send(Run(tuple((_ARGUMENT, argument) for argument in request.arguments)))
    if request.tree is None:
        yield from body_pieces(writer, b"DOTI", request.source)
    else:
        yield writer.send(Number(b"NFIL", len(request.tree.entries)))
        yield from map(writer.send, entry_events(request.tree))
    writer.send(MessageEnd())


def reply_pieces(writer: Writer, reply: Reply, version: int) -> Iterator[bytes]:
    """Yield `reply` encoded; its bodies must be compressed as `version` requires."""
    yield writer.send(Number(b"DONE", version))
    yield writer.send(Number(b"STAT", reply.status))
    yield from body_pieces(writer, b"SERR", reply.stderr)
    yield from body_pieces(writer, b"SOUT", reply.stdout)
    yield from body_pieces(writer, b"DOTO", reply.object_file)
    if version == FILES and reply.status == 0:
        yield from body_pieces(writer, b"DOTD", reply.dependencies)
    writer.send(MessageEnd())


def body_pieces(writer: Writer, token: bytes, body: Body) -> Iterator[bytes]:
    yield writer.send(BodyStart(token, body.length))
    for piece in body.pieces():
        yield writer.send(BodyData(piece))
    writer.send(BodyEnd(token))


def joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces into writes of about `WRITE` bytes."""
    gathered: list[bytes] = []
    length = 0
    for piece in pieces:
        gathered.append(piece)
        length += len(piece)
        if length >= WRITE:
            yield b"".join(gathered)
            gathered, length = [], 0
    if gathered:
        yield b"".join(gathered)
