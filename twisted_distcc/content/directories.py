"""Folders as content: each names what is in it by digest.

A `Directory` is encoded as the Remote Execution API's message of that name in its canonical form, so
that the same files have the same digest everywhere.  Folders name folders, so the digest of one covers
all that is below it (see `merkle`)::

    digest = hashlib.sha256(b"int a;").digest()
    data = encode(Directory(files=[(b"a.h", digest, 6)]))
    assert decode(data).files == [(b"a.h", digest, 6)]

The encoding is protocol buffers'.  The messages have few fields, so this module reads and writes them
itself, which is faster than the general library where canonical form has to be checked as well, and
starts without it::

    message Directory     {repeated FileNode files = 1;  repeated DirectoryNode directories = 2;
                           repeated SymlinkNode symlinks = 3;}
    message FileNode      {string name = 1;  Digest digest = 2;  bool is_executable = 4;}
    message DirectoryNode {string name = 1;  Digest digest = 2;}
    message SymlinkNode   {string name = 1;  string target = 2;}
    message Digest        {string hash = 1;  int64 size_bytes = 2;}

A field is its number and type in one byte, its length as a varint (seven bits to a byte, the lowest
first), and its content.  Each folder has exactly one canonical form, and `encode` defines it: `decode`
reads leniently, and then accepts only what `encode` writes for what it read.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from twisted_distcc.content.directory_names import SeenNames, names_fault, targets_fault
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError

Node: TypeAlias = tuple[bytes, bytes, int]
"""A file or a folder: its name, the SHA-256 of its content (32 bytes), and its size in bytes."""
Link: TypeAlias = tuple[bytes, bytes]
"""A symbolic link: its name and its target."""

_LARGEST_SIZE: Final = 2**63 - 1
_DIGEST: Final = 32
_HEX: Final = 2 * _DIGEST

PART: Final = 500
"""The most entries of a part of a directory that is read in parts."""


class UnsendableTreeError(LocalProtocolError):
    """Our own files cannot be a tree: a name is not UTF-8, or two files would have the same name."""


class Directory(NamedTuple):
    """A folder; each group is sorted by name, and no name occurs twice.

    Only `encode` knows programs, which are files that can be executed: no session carries any.
    """

    files: Sequence[Node] = ()
    folders: Sequence[Node] = ()
    links: Sequence[Link] = ()
    programs: Sequence[Node] = ()

    @property
    def entries(self) -> int:
        """How many files, folders, links and programs it has."""
        return len(self.files) + len(self.folders) + len(self.links) + len(self.programs)


def encode(directory: Directory) -> bytes:
    """Return the canonical form of `directory`.

    Raises:
        UnsendableTreeError: if it has none.
    """
    nodes = [*directory.files, *directory.folders, *directory.programs]
    fault = _node_fault(nodes) or _fault(directory)
    if fault is not None:
        raise UnsendableTreeError(f"a folder {fault}")
    return _encoded(directory)


def decode(data: bytes, most: int = 100_000) -> Directory:
    """Return the directory whose canonical form is `data`; the rest is as with `decode_parts`."""
    parts = list(decode_parts(data, most))
    if len(parts) == 1:
        return parts[0]
    return Directory(*(tuple(chain.from_iterable(groups)) for groups in zip(*parts, strict=True)))


def decode_parts(data: bytes, most: int = 100_000) -> Iterator[Directory]:
    """Yield the directory whose canonical form is `data` in parts of at most `PART` entries.

    It is one only if the last part comes.  An empty directory has one part.

    Args:
        data: what a peer sent.
        most: the most entries that it may have.

    Raises:
        RemoteProtocolError: if `data` is not the canonical form of any directory, or if there are more.
    """
    at, left, seen = 0, most, SeenNames()
    while True:
        part, end = _part(data, at, min(left, PART))
        if end < len(data) and not part.entries:
            raise RemoteProtocolError(f"a directory is malformed, or has over {most} entries")
        if end - at < len(data) and (fault := seen.fault(_names(part))) is not None:
            raise RemoteProtocolError(f"a directory {fault}")
        yield part
        if end == len(data):
            return
        at, left = end, left - part.entries


def _part(data: bytes, at: int, most: int) -> tuple[Directory, int]:
    """Return at most so many entries from `at` on, and where they end."""
    try:
        part, end = _parsed(data, at, most)
    except (IndexError, ValueError):  # it ends too early, or a digest is not hexadecimal
        raise RemoteProtocolError("a directory is malformed") from None
    if (fault := _fault(part)) is not None:
        raise RemoteProtocolError(f"a directory {fault}")
    if _encoded(part) != data[at:end]:
        raise RemoteProtocolError("a directory is not in canonical form")
    return part, end


def _fault(directory: Directory) -> str | None:
    """Return what is wrong with what is in `directory`, or `None`."""
    return names_fault(_names(directory)) or targets_fault([target for _, target in directory.links])


def _names(directory: Directory) -> list[list[bytes]]:
    """Return the names of each kind of entry."""
    return [[entry[0] for entry in group] for group in directory]


def _node_fault(nodes: list[Node]) -> str | None:
    if not all(len(digest) == _DIGEST and 0 <= size <= _LARGEST_SIZE for _, digest, size in nodes):
        return f"has a digest that is not of {_DIGEST} bytes, or a size out of range"
    return None


# -- The encoding ---------------------------------------------------------------------------------------

_FILE: Final = 1 << 3 | 2  # the number of a field, and the type of what has a length
_FOLDER: Final = 2 << 3 | 2
_LINK: Final = 3 << 3 | 2
_FIRST: Final = 1 << 3 | 2
_SECOND: Final = 2 << 3 | 2
_SIZE: Final = b"\x10"  # the second field of a digest; its type is a number
_EXECUTABLE: Final = b"\x20\x01"  # the fourth field of a file, which is true


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _counted(tag: int, length: int) -> bytes:
    return bytes((tag,)) + _varint(length)


# What is between name and digest, by the bytes of the size's field: 0 for an empty file, else 2 to 10.
_MIDDLES: Final = [_counted(_SECOND, 2 + _HEX + sized) + _counted(_FIRST, _HEX) for sized in range(11)]
_BITS: Final = 4  # that a number of these bytes has


def _head(tag: int, name: int, rest: int) -> bytes:
    """Return what is before the name of an entry: how long the name is, and what is after it."""
    counted = _counted(_FIRST, name)
    return _counted(tag, len(counted) + name + rest) + counted


class _Heads(dict[int, bytes]):
    """What is before the name of a node, by the length of the name and that of the size's field."""

    def __init__(self, tag: int) -> None:
        self._tag = tag

    def __missing__(self, lengths: int) -> bytes:
        name, sized = lengths >> _BITS, lengths & (1 << _BITS) - 1
        self[lengths] = _head(self._tag, name, len(_MIDDLES[sized]) + _HEX + sized)
        return self[lengths]


_FILE_HEADS: Final = _Heads(_FILE)
_FOLDER_HEADS: Final = _Heads(_FOLDER)


def _encoded(directory: Directory) -> bytes:
    parts: list[bytes] = []
    if directory.programs:
        parts += _with_programs(directory)
    else:
        _add_nodes(parts, directory.files, _FILE_HEADS)
    _add_nodes(parts, directory.folders, _FOLDER_HEADS)
    for name, target in directory.links:
        counted = _counted(_SECOND, len(target))
        parts += (_head(_LINK, len(name), len(counted) + len(target)), name, counted, target)
    return b"".join(parts)


def _with_programs(directory: Directory) -> Iterator[bytes]:
    """Yield the files of a directory, some of which are programs, in the order of their names."""
    kinds = {**dict.fromkeys(directory.files, b""), **dict.fromkeys(directory.programs, _EXECUTABLE)}
    for node in sorted(kinds):
        name, digest, size = node
        sized = _SIZE + _varint(size) if size else b""
        rest = _MIDDLES[len(sized)] + hexlify(digest) + sized + kinds[node]
        yield _head(_FILE, len(name), len(rest)) + name + rest


def _add_nodes(parts: list[bytes], nodes: Sequence[Node], heads: _Heads) -> None:
    for name, digest, size in nodes:
        if size < 0x80:
            sized = bytes((0x10, size)) if size else b""
        elif size < 0x4000:  # as most headers are
            sized = bytes((0x10, size & 0x7F | 0x80, size >> 7))
        else:
            sized = _SIZE + _varint(size)
        head = heads[len(name) << _BITS | len(sized)]
        parts += (head, name, _MIDDLES[len(sized)], hexlify(digest), sized)


def _parsed(data: bytes, at: int, most: int) -> tuple[Directory, int]:
    """Read at most so many entries from `at` on, without looking closely; return where they end, too.

    Raises:
        IndexError, ValueError: if it cannot be read at all.
    """
    files, at = _entries(data, at, _FILE, most)
    folders, at = _entries(data, at, _FOLDER, most - len(files))
    links, at = _entries(data, at, _LINK, most - len(files) - len(folders))
    targets = [(name, _content(rest)) for name, rest in links]
    return Directory(_nodes(files), _nodes(folders), targets), at


def _entries(data: bytes, at: int, tag: int, most: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Read entries of one kind: names, and what is after each; and where they end."""
    end, entries = len(data), []
    for _ in range(most):
        if at >= end or data[at] != tag:
            break
        # No length that is canonical takes more than two bytes.
        length, at = data[at + 1], at + 2
        if length > 0x7F:
            length, at = length & 0x7F | data[at] << 7, at + 1
        end_of_entry = at + length
        length, at = data[at + 1], at + 2
        if length > 0x7F:
            length, at = length & 0x7F | data[at] << 7, at + 1
        end_of_name = at + length
        # Without this, short entries with long names would take memory without end.
        if end_of_name > end_of_entry:
            raise ValueError("a name is longer than what it is in")
        entries.append((data[at:end_of_name], data[end_of_name:end_of_entry]))
        at = end_of_entry
    return entries, at


def _nodes(entries: list[tuple[bytes, bytes]]) -> list[Node]:
    digests = unhexlify(b"".join([rest[4 : 4 + _HEX] for _, rest in entries]))
    if len(digests) < _DIGEST * len(entries):
        raise ValueError("a digest is too short")
    places = range(0, _DIGEST * len(entries), _DIGEST)
    return [
        (name, digests[place : place + _DIGEST], _number(rest[5 + _HEX :]))
        for (name, rest), place in zip(entries, places, strict=True)
    ]


def _number(varint: bytes) -> int:
    if len(varint) > 9:  # 63 bits
        raise ValueError("a number is too long")
    number = 0
    for byte in reversed(varint):
        number = number << 7 | byte & 0x7F
    return number


def _content(counted: bytes) -> bytes:
    """Return what is after a tag and a length of one or two bytes."""
    return counted[2:] if counted[1] <= 0x7F else counted[3:]
