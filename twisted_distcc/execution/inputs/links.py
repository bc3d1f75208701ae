"""Follow the symbolic links of a tree, without ever leaving it.

`Links` takes links by the names that a peer gave them, and says where a path leads.  The root's parent
is the root, as in the kernel, so no link leads out.  Nothing here touches the disk.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable
from typing import Final

from twisted_distcc.execution.inputs.names import (
    BadTreeError,
    check_given,
    check_length,
    check_passive,
    check_place,
    parent,
    refused,
)
from twisted_distcc.jobs.model import InputLink

_IN_A_ROW: Final = 40  # the kernel's limit
# Steps for all paths of a tree: half a second.  Ten thousand links to files take a tenth of that.
_MOST_STEPS: Final = 2_000_000


class CircleError(BadTreeError):
    """Following a path's links leads in a circle."""


class Links:
    """The links of a tree, by paths that contain no link, and the target stored in each.

    Args:
        targets: links that exist already, and that no other may contradict.
        confined: as for `names.check_passive`.
    """

    def __init__(self, targets: Iterable[tuple[bytes, bytes]] = (), *, confined: bool = False) -> None:
        self.targets = dict(targets)
        self._confined = confined
        self._steps = 0

    def add_all(self, links: Iterable[InputLink], mounts: Collection[bytes]) -> None:
        """Add a tree's links, in any order; whatever is inside `mounts` is not the tree's.

        Raises:
            BadTreeError: if they contradict each other, or existing ones.
        """
        # A link's name may go through another link, which is usually shorter.
        ordered = sorted(links, key=lambda link: link.name.count(b"/"))
        for link in ordered:
            self._add(link, mounts)
        if ordered:
            self._check_settled((*self.targets, *mounts))

    def follow(self, path: bytes, mounts: Collection[bytes] = ()) -> bytes:
        """Return where the absolute `path` leads; `b""` is the root.

        Raises:
            BadTreeError: if it leads in a circle, or up from a folder inside one of `mounts`: only the
            kernel
                knows where that is, as it may be a link of the server's.
        """
        here = b""
        left = path.split(b"/")[::-1]
        followed = 0
        while left:
            self._step(path)
            name = left.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                if mounts and is_within(parent(here), mounts):
                    raise refused(path, "leads up within a folder of this server's")
                here = parent(here)
                continue
            there = b"%b/%b" % (here, name)
            target = self.targets.get(there)
            if target is None:
                here = there
                continue
            followed += 1
            if followed > _IN_A_ROW:
                raise CircleError(str(refused(path, "leads over links in a circle")))
            left.extend(target.split(b"/")[::-1])
            here = b"" if target.startswith(b"/") else here
        return here

    def end(self, path: bytes, mounts: Collection[bytes]) -> bytes | None:
        """Return where `path` leads, as `follow` does; `None` if in a circle, which is nowhere."""
        try:
            return self.follow(path, mounts)
        except CircleError:
            return None

    def _step(self, path: bytes) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise refused(path, "is one of too many links")

    def _add(self, link: InputLink, mounts: Collection[bytes]) -> None:
        check_given(link.name)
        _check_target(link)
        folder, _, name = link.name.rpartition(b"/")
        if name in (b"", b".", b".."):
            raise refused(link.name, "is not the name of a link")
        folder = self.follow(folder)
        path = b"%b/%b" % (folder, name)
        check_place(path)
        check_passive(path, confined=self._confined)
        leads = _plainly(folder, link.target)
        # A link to itself: C distcc's clients use it to say that the server has its own file of that
        # name.
        if leads == path or is_within(path, mounts):
            return
        if _plainly(folder, self.targets.setdefault(path, link.target)) != leads:
            raise refused(link.name, "is a link to two places, or to another one on this server")

    def _check_settled(self, paths: Iterable[bytes]) -> None:
        """Refuse links at paths by which existing entries are named."""
        for path in paths:
            if self.follow(parent(path)) != parent(path):
                raise refused(path, "is in a folder that is a link")


def is_within(path: bytes, mounts: Collection[bytes]) -> bool:
    """Whether `path`, which contains no links, is one of `mounts` or inside one."""
    while path:
        if path in mounts:
            return True
        path = parent(path)
    return False


def _check_target(link: InputLink) -> None:
    if not link.target or b"\0" in link.target:
        raise refused(link.name, "is a link to nothing")
    check_length(link.target)


def _plainly(folder: bytes, target: bytes) -> bytes:
    """Return where a link in `folder` leads, assuming that nothing on the way is a link."""
    path = target if target.startswith(b"/") else b"%b/%b" % (folder, target)
    # Two slashes at the beginning are a case of their own (POSIX, 4.13); here they are the root.
    return posixpath.normpath(b"/" + path.lstrip(b"/")).rstrip(b"/")
