"""A tree of files, gathered as it comes, and laid out for the wire.

In: the names, links and bytes of a request of version 3, in the order of the wire; or a `Tree`.  Out: a
`Tree` whose contents are one body, whatever the number of its files; or the events of its entries.  This
module refuses to know what the names mean: they are bytes that somebody sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted_distcc.messages.body import Spool
from twisted_distcc.messages.model import Tree, TreeFile, TreeLink
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, Text


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
        for entry in tree.entries:
            yield Text(b"NAME", entry.name)
            if isinstance(entry, TreeLink):
                yield Text(b"LINK", entry.target)
            else:
                yield BodyStart(b"FILE", entry.length)
                yield BodyData(read(entry.start, entry.length))
                yield BodyEnd(b"FILE")
