"""Build trees from plain bytes, and read trees back as plain bytes.

This is for a few files, and for programs that build on this package: our own client has its files packed
already, and our server writes them to disk::

    tree = pack_tree(b"/src", {b"/src/a.c": b"int a;"})
    assert [data for _, data in unpack_tree(tree, ceiling=1024)] == [b"int a;"]
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.content.file_content import FileContent
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError
from twisted_distcc.jobs.model import InputFile, InputLink, Tree

_NONE: Final[Mapping[bytes, bytes]] = MappingProxyType({})
# The most bytes that one file may expand to in memory.
_AT_ONCE: Final = 64 * 1024 * 1024


def pack_tree(
    directory: bytes, files: Mapping[bytes, bytes], links: Mapping[bytes, bytes] = _NONE
) -> Tree:
    """Return a tree of these files and links.

    Args:
        directory: the client's working directory; like all names, it is absolute.
        files: the bytes of each file, by its name.
        links: the target of each symbolic link, by its name.
    """
    entries: list[InputFile | InputLink] = []
    entries += [InputFile(name, PackedContent.of(data)) for name, data in files.items()]
    entries += [InputLink(name, target) for name, target in links.items()]
    return Tree(directory, tuple(entries))


def unpack_tree(tree: Tree, ceiling: int) -> Iterator[tuple[InputFile, bytes]]:
    """Yield each file of `tree` with its bytes, at most `ceiling` of them in total.

    Raises:
        BodyTooLargeError: if there are more, or one file may exceed 64 MiB; the text names the file
            that was too large.
        RemoteProtocolError: if a file is not LZO1X; the text names it.
        OSError: if the tree's contents cannot be read.
    """
    left = ceiling
    with tree.contents.opened():
        for file in tree.entries:
            if isinstance(file, InputFile):
                data = _read(file, left)
                left -= len(data)
                yield file, data


def _read(file: InputFile, ceiling: int) -> bytes:
    try:
        return _read_in_memory(file.content, ceiling)
    except RemoteProtocolError as error:
        raise type(error)(f"the file {shown(os.fsdecode(file.name))}: {error}") from error


def _read_in_memory(content: FileContent, ceiling: int) -> bytes:
    if content.largest() > _AT_ONCE:
        raise BodyTooLargeError(f"too large to be expanded in memory ({content.length} bytes)")
    return content.read(ceiling)
