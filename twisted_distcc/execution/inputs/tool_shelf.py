"""The toolchains that clients have sent, by owner and digest, within a bound.

    alice = Owner("tls:alice")
    with shelf.held(alice, root) as tools:    # `None` if it is not there
        ...
    shelf.lay(alice, root, tree)              # once its files have come

Nothing of one owner serves another, or tells anything to another, unless both share.  What no job uses
is removed when room is needed, whatever was not used for longest first.  Any thread may call any method.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeAlias

from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.errors import EXIT_IO_ERROR, DistccError
from twisted_distcc.execution.inputs.laid_tools import BadToolsError, LaidTools, lay_tools, size_on_disk
from twisted_distcc.execution.workspace import remove_folder
from twisted_distcc.jobs.model import Tree

# How many toolchains one client has.
_MOST_OF_ONE: Final = 16


class NoRoomError(DistccError):
    """A toolchain finds no room beside those that are in use."""

    exit_code = EXIT_IO_ERROR

    def __init__(self) -> None:
        super().__init__("this server has no room for another toolchain now")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a toolchain is.

    Attributes:
        identity: who has brought it; it takes up room of theirs.
        shares: whether it may serve all others who share, as theirs may serve this one.
    """

    identity: str
    shares: bool = False

    @property
    def group(self) -> str:
        """All who share have one name, which is nobody's."""
        return "" if self.shares else self.identity


_Key: TypeAlias = tuple[str, bytes]


@dataclass(slots=True, eq=False)
class _Kept:
    identity: str
    tools: LaidTools
    size: int
    users: int = 0


class ToolShelf:
    """Toolchains in folders that only we can change.

    Args:
        folder: where they are; it is created when it is needed.
        most_bytes: the most bytes of all of them; one client has half.
        shown_as_well: paths that jobs see beside them.
    """

    def __init__(self, folder: str, most_bytes: int, shown_as_well: Sequence[str] = ()) -> None:
        self._folder = folder
        self._shown = shown_as_well
        self._most_bytes = most_bytes
        self._numbers = itertools.count()
        self._lock = Lock()
        self._laying = Lock()
        self._kept: dict[_Key, _Kept] = {}

    @property
    def used(self) -> int:
        """The bytes of all that is kept."""
        with self._lock:
            return self._used(self._kept.values())

    def has(self, owner: Owner, root: bytes) -> bool:
        """Whether the toolchain whose tree has the digest `root` is there for `owner`."""
        with self._lock:
            return (owner.group, root) in self._kept

    @contextmanager
    def held(self, owner: Owner, root: bytes) -> Iterator[LaidTools | None]:
        """Yield the toolchain for `owner` whose tree has the digest `root`, which stays meanwhile.

        `None` if it is not there, or somebody has changed it.
        """
        kept = self._taken((owner.group, root))
        try:
            yield None if kept is None else kept.tools
        finally:
            if kept is not None:
                with self._lock:
                    kept.users -= 1

    def lay(self, owner: Owner, root: bytes, tree: Tree) -> Body:
        """Keep the toolchain that `tree` is, unless it is there; this waits for the disk.

        Returns:
            Nothing, as a body.

        Raises:
            DistccError: if it is none, or too large.
            OSError: if the disk takes no more.
        """
        with self._laying:
            if not self.has(owner, root):
                size = size_on_disk(tree)
                self._make_room(owner.identity, size)
                tools = self._laid(root, tree)
                with self._lock:
                    self._kept[owner.group, root] = _Kept(owner.identity, tools, size)
        return EMPTY

    def _laid(self, root: bytes, tree: Tree) -> LaidTools:
        with suppress(FileExistsError):  # it is there, unless somebody has cleaned up
            os.mkdir(self._folder, 0o700)
        folder = f"{self._folder}/{next(self._numbers)}"
        try:
            return lay_tools(root, tree, folder, self._shown)
        except BaseException:
            remove_folder(folder)
            raise

    def _taken(self, key: _Key) -> _Kept | None:
        """Return what is kept, which has one user more; what somebody has changed is not kept."""
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is None:
                return None
            if kept.tools.is_untouched:
                self._kept[key] = kept  # the last to go
                kept.users += 1
                return kept
        remove_folder(kept.tools.folder)
        return None

    def _make_room(self, identity: str, size: int) -> None:
        """Remove what has to go for another toolchain of `identity`, of so many bytes.

        Raises:
            BadToolsError: if it is too large for this server.
            NoRoomError: if jobs use too much.
        """
        if size > self._share:
            raise BadToolsError(
                f"a toolchain of {size} bytes is too large for this server (--max-toolchains; half of "
                "it for one client)"
            )
        with self._lock:
            left = dict(self._kept)
            for key, one in self._kept.items():
                is_full = self._used(left.values()) + size > self._most_bytes
                is_owners = one.identity == identity and not self._has_share(left, identity, size)
                if not one.users and (is_full or is_owners):
                    del left[key]
            if self._used(left.values()) + size > self._most_bytes:
                raise NoRoomError
            if not self._has_share(left, identity, size):
                raise NoRoomError
            gone = [self._kept.pop(key) for key in self._kept.keys() - left.keys()]
        for one in gone:
            remove_folder(one.tools.folder)

    def _has_share(self, kept: Mapping[_Key, _Kept], identity: str, size: int) -> bool:
        """Whether another toolchain of so many bytes leaves `identity` with no more than half of all."""
        own = [one for one in kept.values() if one.identity == identity]
        return self._used(own) + size <= self._share and len(own) < _MOST_OF_ONE

    @property
    def _share(self) -> int:
        return self._most_bytes // 2

    @staticmethod
    def _used(kept: Iterable[_Kept]) -> int:
        return sum(one.size for one in kept)
