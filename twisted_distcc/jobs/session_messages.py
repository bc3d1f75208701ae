"""The messages of a session: a job, its result, and uploads of what a server lacks.

A job names its inputs by their digests; an upload has blobs, whoever needs them.  Each is a message of
tokens, which a `Reader` takes apart and a `Writer` puts together, as the messages of protocols 1 to 3::

    pieces = job_pieces(Writer(JOBQ, JOBS, limits), job)
    ...
    assembly = JobAssembly()
    for event in reader.events():
        assembly.take(event)
    assert assembly.job() == job
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Set
from dataclasses import dataclass
from typing import Final

from twisted_distcc.content.body import EMPTY, Body, Folder, Spool
from twisted_distcc.jobs.assembly import body_pieces
from twisted_distcc.jobs.model import Load, Reply, Timing
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, MessageEnd, Number, Run, Text
from twisted_distcc.wire.session_grammar import SESSIONS
from twisted_distcc.wire.tokens import LARGEST

# What compilers give their outputs, but for the client's own umask.
_MODE: Final = 0o666


@dataclass(frozen=True, slots=True)
class SessionJob:
    """A job as it is sent.

    Attributes:
        directory: the client's working directory, absolute.
        arguments: the command line, as in `Request`.
        compiler: the digest of the client's compiler, 32 bytes; empty if it is not known.
        inputs: the digest of the root directory, or of the preprocessed source.
        has_tree: which of the two.
        packs: whether outputs are to be compressed on the way.
        toolchain: the digest of the root directory of a toolchain that comes with the job, in place of
            `compiler`; empty if none does.
    """

    directory: bytes
    arguments: tuple[bytes, ...]
    compiler: bytes
    inputs: bytes
    has_tree: bool
    packs: bool = False
    toolchain: bytes = b""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob on its way.

    Attributes:
        body: its bytes.
        is_packed: whether they are a zstd frame.
    """

    body: Body
    is_packed: bool


def job_pieces(writer: Writer, job: SessionJob) -> Generator[bytes, None, None]:
    """Yield `job` in pieces for the wire."""
    yield writer.send(Number(b"JOBQ", SESSIONS))
    yield writer.send(Text(b"CDIR", job.directory))
    yield writer.send(Number(b"ARGC", len(job.arguments)))
    yield writer.send(Run(tuple((b"ARGV", argument) for argument in job.arguments)))
    yield writer.send(Text(b"TOOL", job.toolchain) if job.toolchain else Text(b"COMP", job.compiler))
    yield writer.send(Number(b"PACK", job.packs))
    yield writer.send(Text(b"ROOT" if job.has_tree else b"TEXT", job.inputs))
    writer.send(MessageEnd())


def upload_pieces(writer: Writer, count: int, blobs: Iterable[Blob]) -> Generator[bytes, None, None]:
    """Yield an upload of so many `blobs` in pieces for the wire."""
    yield writer.send(Number(b"BLBQ", SESSIONS))
    yield writer.send(Number(b"NBLB", count))
    for blob in blobs:
        yield from body_pieces(writer, b"ZBLB" if blob.is_packed else b"BLOB", blob.body)
    writer.send(MessageEnd())


def result_pieces(
    writer: Writer, reply: Reply, load: Load, packed: Set[str] = frozenset()
) -> Generator[bytes, None, None]:
    """Yield `reply` and the server's `load` in pieces for the wire.

    The outputs named in `packed` are zstd frames.
    """
    yield writer.send(Number(b"JOBR", SESSIONS))
    yield writer.send(Number(b"STAT", reply.status))
    yield from body_pieces(writer, b"SERR", reply.stderr)
    yield from body_pieces(writer, b"SOUT", reply.stdout)
    yield writer.send(Number(b"NOUT", len(reply.outputs)))
    for name, body in reply.outputs.items():
        yield writer.send(Text(b"NAME", name.encode(errors="replace")))
        yield writer.send(Number(b"MODE", _MODE))
        yield from body_pieces(writer, b"ZOTO" if name in packed else b"DOTO", body)
    timing = reply.timing or Timing(0, 0, 0)
    for token, seconds in ((b"TIMQ", timing.waited), (b"TIMR", timing.ran), (b"TIMC", timing.cpu)):
        yield writer.send(Number(token, min(LARGEST, round(seconds * 1_000_000))))
    yield writer.send(Number(b"FREE", load.free))
    yield writer.send(Number(b"BUSY", load.waiting))
    writer.send(MessageEnd())


class JobAssembly:
    """Gathers the events of a job."""

    def __init__(self) -> None:
        self._arguments: list[bytes] = []
        self._texts: dict[bytes, bytes] = {}
        self._packs = False

    def take(self, event: Event) -> None:
        """Take the next event."""
        match event:
            case Number(b"PACK", value):
                self._packs = bool(value)
            case Text(b"ARGV", data):
                self._arguments.append(data)
            case Text(token, data):
                self._texts[token] = data
            case Run(tokens):
                self._arguments.extend(data for _, data in tokens)
            case _:
                pass

    def job(self) -> SessionJob:
        """Return the job, once all its events were taken."""
        texts, has_tree = self._texts, b"ROOT" in self._texts
        inputs = texts[b"ROOT" if has_tree else b"TEXT"]
        directory, arguments = texts[b"CDIR"], tuple(self._arguments)
        compiler, toolchain = texts.get(b"COMP", b""), texts.get(b"TOOL", b"")
        return SessionJob(directory, arguments, compiler, inputs, has_tree, self._packs, toolchain)


class BodyAssembly:
    """Gathers one body after the other, as they come.

    Args:
        directory: where large ones lie; `None` is the system's temporary folder.
    """

    def __init__(self, directory: Folder) -> None:
        self._directory = directory
        self._spool: Spool | None = None

    def take(self, event: Event) -> Body | None:
        """Take the next event; return the body that it completes.

        Raises:
            OSError: if the disk takes no more.
        """
        match event:
            case BodyStart():
                self._spool = Spool(self._directory)
            case BodyData(data) if self._spool is not None:
                self._spool.write(data)
            case BodyEnd() if self._spool is not None:
                body, self._spool = self._spool.finish(), None
                return body
            case _:
                pass
        return None

    def discard(self) -> None:
        """Give up a body that is not whole."""
        if self._spool is not None:
            self._spool.discard()
            self._spool = None


class UploadAssembly:
    """Gathers the blobs of an upload.

    Args:
        directory: where large ones lie; `None` is the system's temporary folder.
    """

    def __init__(self, directory: Folder) -> None:
        self._body = BodyAssembly(directory)
        self._blobs: list[Blob] = []

    def take(self, event: Event) -> None:
        """Take the next event.

        Raises:
            OSError: if the disk takes no more.
        """
        if isinstance(event, Run):
            self._blobs.extend(_blob(token, Body.of(data)) for token, data in event.tokens)
        elif (body := self._body.take(event)) is not None and isinstance(event, BodyEnd):
            self._blobs.append(_blob(event.token, body))

    def blobs(self) -> list[Blob]:
        """Return the blobs, once all events were taken; their bodies become the caller's."""
        blobs, self._blobs = self._blobs, []
        return blobs

    def discard(self) -> None:
        """Give up all bodies."""
        self._body.discard()
        for blob in self.blobs():
            blob.body.discard()


def _blob(token: bytes, body: Body) -> Blob:
    return Blob(body, is_packed=token == b"ZBLB")


class ResultAssembly:
    """Gathers the events of a result.

    Args:
        directory: where large bodies lie; `None` is the system's temporary folder.
    """

    def __init__(self, directory: Folder) -> None:
        self._body = BodyAssembly(directory)
        self._numbers: dict[bytes, int] = {}
        self._name = ""
        self._said: dict[bytes, Body] = {}
        self._outputs: dict[str, Body] = {}
        self.packed: set[str] = set()
        """The names of the outputs that are zstd frames."""

    def take(self, event: Event) -> None:
        """Take the next event.

        Raises:
            OSError: if the disk takes no more.
        """
        match event:
            case Number(token, value):
                self._numbers[token] = value
            case Text(b"NAME", data):
                self._name = data.decode(errors="replace")
            case _:
                body = self._body.take(event)
                if body is not None and isinstance(event, BodyEnd):
                    self._keep(event.token, body)

    def reply(self) -> Reply:
        """Return the reply, once all its events were taken."""
        said, outputs = self._said, self._outputs
        self._said, self._outputs = {}, {}
        stderr, stdout = said.get(b"SERR", EMPTY), said.get(b"SOUT", EMPTY)
        waited, ran, cpu = (self._numbers[token] / 1_000_000 for token in (b"TIMQ", b"TIMR", b"TIMC"))
        timing, load = Timing(waited, ran, cpu), Load(self._numbers[b"FREE"], self._numbers[b"BUSY"])
        status = self._numbers[b"STAT"]
        return Reply(status, stderr, stdout, outputs=outputs, timing=timing, load=load)

    def discard(self) -> None:
        """Give up all bodies."""
        self._body.discard()
        for body in (*self._said.values(), *self._outputs.values()):
            body.discard()
        self._said.clear()
        self._outputs.clear()

    def _keep(self, token: bytes, body: Body) -> None:
        if token in (b"SERR", b"SOUT"):
            self._said[token] = body
            return
        if (before := self._outputs.pop(self._name, None)) is not None:
            before.discard()
        self._outputs[self._name] = body
        (self.packed.add if token == b"ZOTO" else self.packed.discard)(self._name)
