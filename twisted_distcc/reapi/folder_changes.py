"""What an action has changed in a folder that was among its inputs, if an engine returns all of it.

    folder = folder_at("/src", root, blobs)              # as it was sent
    for path, made in changes("/src", folder, tree, blobs):
        ...                                              # `made` is the new content of a file, or `None`

An engine returns a folder as a `Tree`, with what was there before and what has come since.  If anything
is missing that was there before, the engine does not return all, and nobody knows what else it left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeAlias

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi.blob import BlobName, checked_blob, checked_digest
from twisted_distcc.reapi.schema import Directory, Tree
from twisted_distcc.reapi.storage import Blobs, parsed

Change: TypeAlias = tuple[str, BlobName | None]
"""A path with the new content of a file; `None` stands for a new link, or folder."""


class PartialFolderError(RemoteProtocolError):
    """An engine returns less of a folder than there was."""

    def __init__(self) -> None:
        super().__init__("it returns only a part of a folder")


def folder_at(path: str, root: BlobName, blobs: Blobs) -> bytes:
    """Return the folder at the absolute `path`, which is below `root`, encoded."""
    folder = _sent(root, blobs)
    for name in filter(None, path.split("/")):
        inner = {one.name: one.digest for one in parsed(Directory, folder).directories}
        folder = _sent(_name(inner[name]), blobs)
    return folder


def changes(path: str, before: bytes, tree: bytes, blobs: Blobs, most: int) -> Iterator[Change]:
    """Yield what has changed in a folder.

    Args:
        path: that of the folder.
        before: the folder as it was sent, encoded.
        tree: what an engine has returned, the message `Tree`.
        blobs: have the folders in it, as they were sent.
        most: the most bytes of a file.

    Raises:
        PartialFolderError: if something is missing.
        RemoteProtocolError: if `tree` cannot be read.
    """
    returned = parsed(Tree, tree)
    inner = {sha256(folder).digest(): folder for folder in returned.children}
    return _Comparison(blobs, inner, most).changes(path, before, returned.root)


class _Comparison:
    """Folders before and after; only those that were there before are looked into."""

    def __init__(self, before: Blobs, after: Mapping[bytes, bytes], most: int) -> None:
        self._before = before
        self._after = after
        self._most = most

    def changes(self, path: str, before: bytes, after: bytes) -> Iterator[Change]:
        if before == after:
            return
        old, new = parsed(Directory, before), parsed(Directory, after)
        files = {file.name: file.digest.hash for file in old.files}
        for file in new.files:
            if files.pop(file.name, None) != file.digest.hash:
                yield _path(path, file.name), checked_blob(file.digest, self._most)
        links = {link.name: link.target for link in old.symlinks}
        for link in new.symlinks:
            if links.pop(link.name, None) != link.target:
                yield _path(path, link.name), None
        if files or links:
            raise PartialFolderError
        yield from self._below(path, old, new)

    def _below(self, path: str, old: Any, new: Any) -> Iterator[Change]:
        folders = {one.name: _name(one.digest) for one in old.directories}
        for one in new.directories:
            inner = _path(path, one.name)
            if (before := folders.pop(one.name, None)) is None:
                yield inner, None
            else:
                yield from self.changes(inner, _sent(before, self._before), self._found(one.digest))
        for name, before in folders.items():  # an empty one need not be returned
            yield from self.changes(_path(path, name), _sent(before, self._before), b"")

    def _found(self, digest: Any) -> bytes:
        found = self._after.get(checked_digest(digest))
        if found is None:
            raise RemoteProtocolError("a tree lacks one of its folders")
        return found


def _name(message: Any) -> BlobName:
    return BlobName(bytes.fromhex(message.hash), message.size_bytes)


def _sent(name: BlobName, blobs: Blobs) -> bytes:
    folder = blobs[name]
    assert isinstance(folder, bytes)
    return folder


def _path(folder: str, name: str) -> str:
    if name in ("", ".", "..") or "/" in name:
        raise RemoteProtocolError("a name in a folder is none")
    return f"{folder.rstrip('/')}/{name}"
