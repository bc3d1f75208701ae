"""Trees made of plain bytes, and the plain bytes of trees.

In: names and bytes.  Out: a `Tree`; or the reverse.  It is for few files, and for programs that build
on this one: the client has its files packed already, and the server lays them out on a disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.content.body import Body
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError
from twisted_distcc.jobs.model import Tree, TreeFile, TreeLink

_NONE: Final[Mapping[bytes, bytes]] = MappingProxyType({})
# What one file may become in memory.
_AT_ONCE: Final = 64 * 1024 * 1024


def pack_tree(
    directory: bytes, files: Mapping[bytes, bytes], links: Mapping[bytes, bytes] = _NONE
) -> Tree:
    """Make a tree.

    Args:
        directory: the client's working directory; it is absolute, as all names are.
        files: the bytes of each file, by its name.
        links: where each symbolic link leads, by its name.
    """
    packed = {name: compress(data) for name, data in files.items()}
    entries: list[TreeFile | TreeLink] = []
    start = 0
    for name, data in packed.items():
        entries.append(TreeFile(name, start, len(data)))
        start += len(data)
    entries += [TreeLink(name, target) for name, target in links.items()]
    return Tree(directory, tuple(entries), Body.of(b"".join(packed.values())))


def unpack_tree(tree: Tree, ceiling: int) -> Iterator[tuple[TreeFile, bytes]]:
    """Give each file of `tree` with its bytes, of which there are at most `ceiling` together.

    Raises:
        BodyTooLargeError: if there are more, or one file may be more than 64 MiB; the text names the
            file that was too much.
        RemoteProtocolError: if a file is not LZO1X; the text names it.
        OSError: if the tree's contents cannot be read.
    """
    left = ceiling
    with tree.contents.opened() as read:
        for file in tree.entries:
            if isinstance(file, TreeFile):
                data = _expanded(file, read(file.start, file.length), left)
                left -= len(data)
                yield file, data


def _expanded(file: TreeFile, packed: bytes, ceiling: int) -> bytes:
    try:
        if largest_expansion(packed) > _AT_ONCE:
            raise BodyTooLargeError(f"too large to be expanded in memory ({len(packed)} bytes)")
        return expand(packed, ceiling)
    except RemoteProtocolError as error:
        raise type(error)(f"the file {shown(os.fsdecode(file.name))}: {error}") from error
