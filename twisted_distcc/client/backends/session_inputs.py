"""What a job looks like on a session: digests, and where to find what they are digests of.

`laid_out` turns a `Request` into the `SessionJob` that names its inputs, and into the blobs that the
server may lack.  `SentContent` remembers which of them it has, as far as this end can tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from sys import maxsize
from typing import Final, NamedTuple, TypeAlias

from twisted_distcc.client.backends.sent_files import SentFiles
from twisted_distcc.content.body import Body
from twisted_distcc.content.directories import Link, Node
from twisted_distcc.content.file_content import FileContent
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.content.merkle import EncodedFolders, merkle
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.compression import PACKED_FROM
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, Request, Tree
from twisted_distcc.jobs.session_messages import Blob, SessionJob

# What a server has of us, by digest: as many files as the largest projects have.
_MOST_SENT: Final = 200_000
_MARK: Final = b"/" + FOLDER_MARK

Inputs: TypeAlias = Mapping[bytes, bytes | Body]
"""The inputs of a job by their digests: bytes in memory, or the body of a preprocessed source."""


async def blobs_of(inputs: Inputs, digests: Iterable[bytes], packing: Packing | None) -> list[Blob]:
    """Return the inputs of these `digests` as they are sent: compressed, where there is a `packing`.

    Raises:
        OSError: if the disk takes no more.
    """
    bodies = [
        Body.of(one) if isinstance(one, bytes) else one for one in map(inputs.__getitem__, digests)
    ]
    if packing is None:
        return [Blob(body, is_packed=False) for body in bodies]
    return [await _packed(body, packing) for body in bodies]


async def _packed(body: Body, packing: Packing) -> Blob:
    if body.length < PACKED_FROM:
        return Blob(body, is_packed=False)
    return Blob(await packing.compress_frame(body), is_packed=True)


class SentContent:
    """The digests of what was sent to one server.

    A server names its memory when it greets; what was sent to another memory counts no more.

    Args:
        files: keep them for other processes, if there are any.
        caller: says who calls which server.
    """

    def __init__(self, files: SentFiles | None = None, caller: str = "") -> None:
        self._memory = b""
        self._digests: set[bytes] = set()
        self._files = files
        self._caller = caller
        self._name = ""  # of the file

    def lacking(self, digests: Iterable[bytes]) -> list[bytes]:
        """Return those of `digests` that do not count as sent."""
        sent = self._digests
        return [digest for digest in digests if digest not in sent]

    def begin(self, memory: bytes) -> None:
        """Begin a session with a server whose memory is called `memory`."""
        if memory != self._memory:
            self._memory = memory
            self._name = sha256(memory + os.fsencode(self._caller)).hexdigest()
            self._digests = set() if self._files is None else self._files.read(self._name)

    def add(self, digests: Iterable[bytes]) -> None:
        """Count `digests` as sent."""
        if len(self._digests) > _MOST_SENT:
            self.forget()
        new = self.lacking(digests)
        self._digests.update(new)
        if self._files is not None and new:
            self._files.add(self._name, new)

    def forget(self) -> None:
        """Count nothing as sent: the server asks for what it lacks, or has it."""
        self._digests.clear()
        if self._files is not None:
            self._files.forget(self._name)


def laid_out(
    request: Request, folders: EncodedFolders, *, packs: bool = False
) -> tuple[SessionJob, Inputs]:
    """Return the job that `request` is on a session, and its inputs by their digests.

    Args:
        request: what is asked.
        folders: remembers the folders of earlier jobs, most of which are in this one as well.
        packs: whether its outputs are to be compressed on the way.

    Raises:
        LocalProtocolError: if a name in its tree cannot be sent.
        OSError: if its source cannot be read.
    """
    compiler = bytes.fromhex(request.compiler)
    tools = b"" if request.tools is None else request.tools.root
    if request.tree is None:
        digest = _digest(request.source)
        job = SessionJob(b"/", request.arguments, compiler, digest, False, packs)
        return job, {digest: request.source}
    root, inputs = _tree(request.tree, folders)
    directory = request.tree.directory
    return SessionJob(directory, request.arguments, compiler, root, True, packs, tools), inputs


class TreeEntries(NamedTuple):
    """What is in a tree, as `merkle` takes it, and the contents of its files by their digests."""

    files: list[Node]
    links: list[Link]
    folders: list[bytes]
    contents: dict[bytes, bytes]


def tree_entries(tree: Tree) -> TreeEntries:
    """Return what is in `tree`.

    Raises:
        LocalProtocolError: if a content cannot be read.
    """
    inputs: dict[bytes, bytes] = {}
    files: list[Node] = []
    links: list[Link] = []
    folders: list[bytes] = []
    for entry in tree.entries:
        if not isinstance(entry, InputFile):
            links.append((entry.name, entry.target))
        elif entry.name.endswith(_MARK):
            folders.append(entry.name[: -len(_MARK)])
        else:
            content = _local(entry.content)
            digest, data = content.digest, content.data
            files.append((entry.name, digest, len(data)))
            inputs[digest] = data
    return TreeEntries(files, links, folders, inputs)


def _tree(tree: Tree, known: EncodedFolders) -> tuple[bytes, Inputs]:
    files, links, folders, contents = tree_entries(tree)
    made = merkle(files, links, folders, known)
    return made.root, {**contents, **made.nodes}


def _local(content: FileContent) -> LocalContent:
    return content if isinstance(content, LocalContent) else LocalContent(content.read(maxsize))


def _digest(body: Body) -> bytes:
    hashed = sha256()
    for piece in body.pieces():
        hashed.update(piece)
    return hashed.digest()
