"""Collect a tree of files as it arrives, and encode one for the wire.

A server feeds a `TreeSpool` the names, links and packed bytes of a version 3 request, in wire order, and
gets a `Tree`; a client gets the events of a tree's entries from `entry_events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from twisted_distcc.content.body import Folder
from twisted_distcc.content.local_content import packed_form
from twisted_distcc.content.packed_content import PackedContent, PackedSpool
from twisted_distcc.jobs.model import InputFile, InputLink, Tree
from twisted_distcc.wire.batch import Token
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, Run, Text

# Bytes of entries from which on they are encoded; a larger file is by itself.
_RUN: Final = 128 * 1024


class TreeSpool:
    """Collects a tree as it arrives.

    Args:
        directory: where the contents are kept once they are no longer small.
    """

    def __init__(self, directory: Folder = None) -> None:
        self._directory = directory
        self._texts: dict[bytes, bytes] = {}  # the last of each token
        self._entries: list[InputFile | InputLink] = []
        self.contents: PackedSpool = PackedSpool(directory)
        """Collects the bytes of one file after the other."""

    def text(self, token: bytes, data: bytes) -> None:
        """Take the working directory, the name of the next entry, or a link's target."""
        if token == b"LINK":
            self._entries.append(InputLink(self._texts[b"NAME"], data))
        else:
            self._texts[token] = data

    def file(self, length: int) -> None:
        """Begin a file whose bytes are the next `length`, as sent."""
        self._entries.append(InputFile(self._texts[b"NAME"], self.contents.add(length)))

    def run(self, tokens: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Take some complete entries, and return the bytes of their files, for `contents`."""
        pairs, add = iter(tokens), self.contents.add
        bodies: list[bytes] = []
        for (_, name), (token, data) in zip(pairs, pairs, strict=True):
            if token == b"LINK":
                self._entries.append(InputLink(name, data))
            else:
                self._entries.append(InputFile(name, add(len(data))))
                bodies.append(data)
        return b"".join(bodies)

    def finish(self) -> Tree:
        """Return the tree, which belongs to the caller.

        Raises:
            OSError: if the disk takes no more.
        """
        self.contents.finish()
        contents, self.contents = self.contents, PackedSpool(self._directory)
        return Tree(self._texts[b"CDIR"], tuple(self._entries), contents)

    def discard(self) -> None:
        """Discard what was taken so far."""
        self.contents.discard()
        self._texts.clear()
        self._entries.clear()


def entry_events(tree: Tree) -> Iterator[Event]:
    """Yield the events of the entries of `tree`, in order.

    Raises:
        OSError: if its contents cannot be read.
    """
    with tree.contents.opened():
        run: list[Token] = []
        length = 0
        for entry in tree.entries:
            if isinstance(entry, InputLink):
                token, data = b"LINK", entry.target
            elif (packed := packed_form(entry.content)).length <= _RUN:
                token, data = b"FILE", packed.data()
            else:
                yield Run(tuple(run))
                yield from _large_file(entry.name, packed)
                run, length = [], 0
                continue
            run += ((b"NAME", entry.name), (token, data))
            length += len(entry.name) + len(data)
            if length > _RUN:
                yield Run(tuple(run))
                run, length = [], 0
        yield Run(tuple(run))


def _large_file(name: bytes, content: PackedContent) -> Iterator[Event]:
    yield Text(b"NAME", name)
    yield BodyStart(b"FILE", content.length)
    for piece in content.pieces():
        yield BodyData(piece)
    yield BodyEnd(b"FILE")
