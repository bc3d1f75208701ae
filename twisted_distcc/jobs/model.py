"""The job model that the whole program shares: requests and replies.

A `Request` asks for a compile of preprocessed text, its `source`, or of a `Tree` of files; a `Reply`
says how that ended, and has the `outputs` by name::

    request = Request((b"gcc", b"-c", b"a.i"), Body.of(b"int a;"))
    reply = Reply(0, outputs={OBJECT: Body.of(b"...")})

Neither knows how it is transmitted: `assembly` knows the tokens, `compression` what is compressed.
Bodies are expanded; the content of a tree's files is expanded by whoever reads it.
A request or a reply owns its bodies; call `discard` when done with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.file_content import IN_MEMORY, Contents, FileContent

FOLDER_MARK: Final = b".twisted-distcc"
"""The name of the empty file that gives a tree a folder which holds no other file."""

OBJECT: Final = "object"
"""The name of the main output, which the compiler was asked to make: most often an object file."""
DEPENDENCIES: Final = "dependencies"
"""The name of the dependency file's output, which `-MD` asks for."""
_NAMED: Final = frozenset({OBJECT, DEPENDENCIES})
NO_OUTPUTS: Final[Mapping[str, Body]] = MappingProxyType({})


def is_wait_status(status: int) -> bool:
    """Whether `status` is a wait status with which a program can end: an exit code, or a signal."""
    return status <= 0xFFFF and (os.WIFEXITED(status) or os.WIFSIGNALED(status))


class InputFile(NamedTuple):  # a job has hundreds: it costs half of what a frozen dataclass would
    """A file of a tree."""

    name: bytes
    """Its absolute path at the client."""
    content: FileContent
    """Its content."""


class InputLink(NamedTuple):
    """A symbolic link of a tree."""

    name: bytes
    """Its absolute path at the client."""
    target: bytes
    """Its target, as stored in the link."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The files that a compilation may read, as they are at the client.

    Attributes:
        directory: the client's working directory, absolute.
        entries: the files and links, in the order in which they are, or were, sent.
        contents: the storage of the files' contents, to be opened before they are read.
        digest: tells the entries, with what the files hold, from all others; b"" does not.
    """

    directory: bytes
    entries: tuple[InputFile | InputLink, ...]
    contents: Contents = IN_MEMORY
    digest: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """A toolchain that comes with a job: files at the paths that they have at the client.

    Attributes:
        root: the digest of the root directory of its tree.
        blobs: what is in the tree, by digest, at the end that sends it.
    """

    root: bytes
    blobs: Mapping[bytes, bytes | Body] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A request for one compilation.

    Attributes:
        arguments: the command line, the compiler's name first.
        source: the preprocessed source; empty if there is a tree.
        version: the protocol version it is, or was, sent with; the reply uses the same.
        tree: the files for the server to preprocess; versions 1 and 2 have none.
        compiler: the digest of the client's compiler, which the server's has to have, or "".  Only
            protocol 4 carries it.
        tools: the toolchain that compiles it, if it brings one.  Only protocol 4 carries it.
        makes_more: whether the compile makes more than an object and a dependency file.  Only protocol 4
            carries that back.
    """

    arguments: tuple[bytes, ...]
    source: Body = EMPTY
    version: int = 1
    tree: Tree | None = None
    compiler: str = ""
    makes_more: bool = False
    tools: Tools | None = None

    def discard(self) -> None:
        """Discard the bodies."""
        self.source.discard()
        if self.tree is not None:
            self.tree.contents.discard()


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a job went on its server, in seconds.

    Attributes:
        waited: in line for a place.
        ran: from there to the end of the compiler.
        cpu: of processor time.
    """

    waited: float
    ran: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a server is: places that are free, and jobs that wait for one."""

    free: int
    waiting: int


@dataclass(frozen=True, slots=True, init=False)
class Reply:
    """The outcome of a compilation.

    Attributes:
        status: the compiler's wait status, 0 for success.
        stderr, stdout: what the compiler wrote there.
        outputs: the files that it made, by name.  Protocols 1 to 3 carry `OBJECT` and `DEPENDENCIES`.
        timing: where the time went, if that is known; only protocol 4 carries it.
        load: how busy the server was when it replied, likewise.

    Args:
        status, stderr, stdout, outputs, timing, load: as above.
        object_file, dependencies: two more outputs; an empty one means that there is none, as it does
            in protocols 1 to 3.
    """

    status: int
    stderr: Body
    stdout: Body
    outputs: Mapping[str, Body]
    timing: Timing | None
    load: Load | None

    def __init__(
        self,
        status: int,
        stderr: Body = EMPTY,
        stdout: Body = EMPTY,
        object_file: Body = EMPTY,
        dependencies: Body = EMPTY,
        *,
        outputs: Mapping[str, Body] = NO_OUTPUTS,
        timing: Timing | None = None,
        load: Load | None = None,
    ) -> None:
        named = {OBJECT: object_file, DEPENDENCIES: dependencies}
        made = {name: body for name, body in named.items() if body.length}
        set_field = object.__setattr__
        set_field(self, "status", status)
        set_field(self, "stderr", stderr)
        set_field(self, "stdout", stdout)
        set_field(self, "timing", timing)
        set_field(self, "load", load)
        set_field(self, "outputs", {**outputs, **made} if made else outputs)

    @classmethod
    def sentence(cls, exit_code: int, text: str) -> Reply:
        """Return a reply with a message for the user in place of a compiler's output."""
        return cls(exit_code << 8, stderr=Body.of(os.fsencode(f"{text}\n")))

    def with_outputs(self, outputs: Mapping[str, Body]) -> Reply:
        """Return the same reply with other `outputs`; the other bodies are shared."""
        return replace(self, outputs=outputs)

    def timed(self, timing: Timing) -> Reply:
        """Return the same reply with `timing`; the bodies are shared."""
        return replace(self, timing=timing)

    @property
    def exit_code(self) -> int:
        """The compiler's exit code, or 128 plus the number of the signal that killed it."""
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else 128 - code

    @property
    def object_file(self) -> Body:
        """The object file; empty if the compile failed."""
        return self.outputs.get(OBJECT, EMPTY)

    @property
    def dependencies(self) -> Body:
        """The dependency file; empty if none was asked for, and before version 3."""
        return self.outputs.get(DEPENDENCIES, EMPTY)

    @property
    def bodies(self) -> tuple[Body, ...]:
        """All bodies: standard error and output, object, dependencies, and then any other outputs."""
        named = (self.stderr, self.stdout, self.object_file, self.dependencies)
        if self.outputs.keys() <= _NAMED:
            return named
        return (*named, *(body for name, body in self.outputs.items() if name not in _NAMED))

    def discard(self) -> None:
        """Discard the bodies."""
        for body in self.bodies:
            body.discard()
