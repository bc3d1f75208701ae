"""Which names and targets a folder's entries may have; see `directories`.

What is wrong is said as the end of a sentence about a folder.
"""

from __future__ import annotations

from itertools import islice
from operator import lt
from typing import Final

_LONGEST_NAME: Final = 255  # NAME_MAX
_LONGEST_TARGET: Final = 4096  # PATH_MAX
_UNSORTED: Final = "has a name twice, or is not sorted"
_TWO_KINDS: Final = "has one name for two kinds of entry"


def names_fault(groups: list[list[bytes]]) -> str | None:
    """Return what is wrong with the names of each kind of entry, or `None`."""
    names = [name for group in groups for name in group]
    return _name_fault(names) or _order_fault(groups, names)


def _name_fault(names: list[bytes]) -> str | None:
    # A slash is neither in a name nor part of a character, so names can be checked all at once.
    joined = b"/".join(names)
    if joined.count(b"/") >= max(1, len(names)) or b"\0" in joined:
        return "has a name with a slash or a NUL character"
    if max(map(len, names), default=0) > _LONGEST_NAME:
        return f"has a name of more than {_LONGEST_NAME} bytes"
    if not {b"", b".", b".."}.isdisjoint(names):
        return "has an entry that is called '', '.' or '..'"
    return None if _is_text(joined) else "has a name that is not UTF-8"


def _order_fault(groups: list[list[bytes]], names: list[bytes]) -> str | None:
    for group in groups:
        if not all(map(lt, group, islice(group, 1, None))):
            return _UNSORTED
    return None if len(set(names)) == len(names) else _TWO_KINDS


def targets_fault(targets: list[bytes]) -> str | None:
    """Return what is wrong with the targets of links, or `None`."""
    if not all(0 < len(target) <= _LONGEST_TARGET and b"\0" not in target for target in targets):
        return f"has a link whose target is empty, over {_LONGEST_TARGET} bytes, or has a NUL character"
    return None if _is_text(b"/".join(targets)) else "has a link whose target is not UTF-8"


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class SeenNames:
    """The names in the parts of a folder so far."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._last = (0, b"")

    def fault(self, groups: list[list[bytes]]) -> str | None:
        """Return what is wrong with the names of the next part, after those before, or `None`."""
        kinds = [(kind, name) for kind, group in enumerate(groups) for name in group]
        names = {name for _, name in kinds}
        if kinds[0] <= self._last:
            return _UNSORTED
        if not self._names.isdisjoint(names):
            return _TWO_KINDS
        self._last = kinds[-1]
        self._names |= names
        return None
