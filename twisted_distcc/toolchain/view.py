"""What a job can see of the file system: links to create, and files and folders to mount.

A `View` of some paths, as the compiler opens them, has the links and mounts that show these and nothing
else.  A path may lead over links (`/bin/gcc` is really `/usr/bin/x86_64-linux-gnu-gcc-12`): each link is
recreated, and what they lead to is mounted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_MOST_LINKS: Final = 40  # as the kernel follows


@dataclass(frozen=True, slots=True)
class View:
    """Links by their paths, and the real paths to mount, all absolute and sorted.

    What is mounted is this machine's own, or lies, at the same paths, in the folder `within`.
    """

    links: tuple[tuple[str, str], ...]
    mounts: tuple[str, ...]
    within: str = ""

    @classmethod
    def of(cls, paths: Iterable[str]) -> View:
        """Return the view that shows `paths`; those that do not exist are left out."""
        links: dict[str, str] = {}
        mounts = {real for path in paths if (real := _follow(path, links)) is not None}
        shown = tuple(path for path in sorted(mounts) if not _below_any(path, mounts - {path}))
        kept = tuple((path, to) for path, to in sorted(links.items()) if not _below_any(path, shown))
        return cls(kept, shown)

    def is_free(self, path: str) -> bool:
        """Whether a folder at `path` would neither hide anything in this view nor be inside it."""
        taken = {*self.mounts, *(link for link, _ in self.links)}
        return not any(_is_below(path, one) or _is_below(one, path) for one in taken)


def _follow(path: str, links: dict[str, str]) -> str | None:
    """Return the real path of `path`, recording the links that lead there; `None` if none exists."""
    here = "/"
    left = path.split("/")[::-1]
    followed = 0
    while left:
        name = left.pop()
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        if not os.path.islink(there):
            here = there
            continue
        followed += 1
        links[there] = target = os.readlink(there)
        if followed > _MOST_LINKS:
            return None
        left.extend(target.split("/")[::-1])
        here = "/" if target.startswith("/") else here
    return here if os.path.exists(here) else None


def _below_any(path: str, others: Iterable[str]) -> bool:
    return any(_is_below(path, other) for other in others)


def _is_below(path: str, other: str) -> bool:
    """Whether `path` is `other` or inside it."""
    return path == other or path.startswith(other.rstrip("/") + "/")
