"""A tree of files, gathered as it comes, and laid out for the wire.

In: the names, links and bytes of a request of version 3, in the order of the wire; or a `Tree`.  Out: a
`Tree` whose contents are one body, whatever the number of its files; or the events of its entries.  This
module refuses to know what the names mean: they are bytes that somebody sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from twisted_distcc.content.body import Part, Spool, in_pieces
from twisted_distcc.jobs.model import Tree, TreeFile, TreeLink
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, Run, Text

# So many bytes of entries are made at once.
_RUN: Final = 128 * 1024


class TreeSpool:
    """Takes a tree as it comes.

    Args:
        directory: where the contents lie once they are no longer small.
    """

    def __init__(self, directory: str | None = None) -> None:
        self._directory = directory
        self._texts: dict[bytes, bytes] = {}  # the last of each token
        self._entries: list[TreeFile | TreeLink] = []
        self._length = 0
        self.contents: Spool = Spool(directory)
        """Takes the bytes of one file after the other."""

    def text(self, token: bytes, data: bytes) -> None:
        """Take the working directory, the name of the next entry, or where it leads."""
        if token == b"LINK":
            self._entries.append(TreeLink(self._texts[b"NAME"], data))
        else:
            self._texts[token] = data

    def file(self, length: int) -> None:
        """Take a file of `length` bytes, which come next."""
        self._entries.append(TreeFile(self._texts[b"NAME"], self._length, length))
        self._length += length

    def run(self, tokens: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Take some entries whole, and give the bytes of their files, for `contents`."""
        pairs = iter(tokens)
        bodies: list[bytes] = []
        for (_, name), (token, data) in zip(pairs, pairs, strict=True):
            if token == b"LINK":
                self._entries.append(TreeLink(name, data))
            else:
                self._entries.append(TreeFile(name, self._length, len(data)))
                self._length += len(data)
                bodies.append(data)
        return b"".join(bodies)

    def finish(self) -> Tree:
        """Give the tree, which belongs to the caller.

        Raises:
            OSError: if the disk takes no more.
        """
        contents, self.contents = self.contents.finish(), Spool(self._directory)
        return Tree(self._texts[b"CDIR"], tuple(self._entries), contents)

    def discard(self) -> None:
        """Give up what was taken so far."""
        self.contents.discard()
        self._texts.clear()
        self._entries.clear()


def entry_events(tree: Tree) -> Iterator[Event]:
    """Give the events of the entries of `tree`, in their order.

    Raises:
        OSError: if its contents cannot be read.
    """
    with tree.contents.opened() as read:
        for entries in _runs(tree.entries):
            first = entries[0]
            if isinstance(first, TreeFile) and first.length > _RUN:
                yield from _large_file(first, read)
            else:
                yield Run(tuple(token for entry in entries for token in _tokens(entry, read)))


def _runs(entries: Iterable[TreeFile | TreeLink]) -> Iterator[list[TreeFile | TreeLink]]:
    """Cut `entries` where they are enough for a write; a large file is one by itself."""
    run: list[TreeFile | TreeLink] = []
    length = 0
    for entry in entries:
        size = len(entry.name) + (entry.length if isinstance(entry, TreeFile) else len(entry.target))
        if run and length + size > _RUN:
            yield run
            run, length = [], 0
        run.append(entry)
        length += size
    if run:
        yield run


def _tokens(entry: TreeFile | TreeLink, read: Part) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(entry, TreeFile):
        return (b"NAME", entry.name), (b"FILE", read(entry.start, entry.length))
    return (b"NAME", entry.name), (b"LINK", entry.target)


def _large_file(file: TreeFile, read: Part) -> Iterator[Event]:
    yield Text(b"NAME", file.name)
    yield BodyStart(b"FILE", file.length)
    for piece in in_pieces(read, file.start, file.length):
        yield BodyData(piece)
    yield BodyEnd(b"FILE")
