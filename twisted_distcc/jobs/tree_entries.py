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
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, Run, Text

# Bytes of entries that are encoded at once.
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
        for entries in _runs(tree.entries):
            first = entries[0]
            if isinstance(first, InputFile) and first.content.length > _RUN:
                yield from _large_file(first.name, packed_form(first.content))
            else:
                yield Run(tuple(token for entry in entries for token in _tokens(entry)))


def _runs(entries: Iterable[InputFile | InputLink]) -> Iterator[list[InputFile | InputLink]]:
    """Split `entries` into runs that are large enough for a write; a large file is a run by itself."""
    run: list[InputFile | InputLink] = []
    length = 0
    for entry in entries:
        size = len(entry.name)
        size += entry.content.length if isinstance(entry, InputFile) else len(entry.target)
        if run and length + size > _RUN:
            yield run
            run, length = [], 0
        run.append(entry)
        length += size
    if run:
        yield run


def _tokens(entry: InputFile | InputLink) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(entry, InputFile):
        return (b"NAME", entry.name), (b"FILE", packed_form(entry.content).data())
    return (b"NAME", entry.name), (b"LINK", entry.target)


def _large_file(name: bytes, content: PackedContent) -> Iterator[Event]:
    yield Text(b"NAME", name)
    yield BodyStart(b"FILE", content.length)
    for piece in content.pieces():
        yield BodyData(piece)
    yield BodyEnd(b"FILE")
