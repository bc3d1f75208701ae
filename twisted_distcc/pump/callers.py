"""Files that only the caller can open: no other process may do so in its place.

There are two kinds.  Names in `/dev` and `/proc` mean something different to each process: `/dev/stdin`,
`/dev/fd/63` of a process substitution, `/proc/self/cwd`, and every link that leads there.  And data read
from a pipe, a socket or a device is gone: even peeking would take it from the compiler.  So nothing here
opens a file that may be of either kind.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from twisted_distcc.pump.laying import Links
from twisted_distcc.pump.text import read_text
from twisted_distcc.pump.unit import CallersOwnError
from twisted_distcc.pump.variants import TANGLED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted_distcc.pump.unit import FileSystem, Laid

_PRIVATE = ("/dev/", "/proc/")
_SEEM_PRIVATE = ("/dev", "/proc")
NULL = "/dev/null"
"""A device, but the same for every process; some configurations include it in place of a header."""
# An ordinary folder, and a file that is the same for everybody.
_SHARED = ("/dev/shm/", f"{NULL}/")  # noqa: S108


def is_private(path: str) -> bool:
    """Whether an absolute path without `..` means something different to each process, links aside."""
    if not path.startswith(_SEEM_PRIVATE):  # as nearly all, and hundreds are looked at in each unit
        return False
    path += "/"
    return path.startswith(_PRIVATE) and not path.startswith(_SHARED)


def check_callers_own(paths: Iterable[str], files: FileSystem) -> None:
    """Raise `CallersOwnError` for the first of the absolute `paths` that only the caller can open.

    This includes paths that do not exist, since they may exist for the caller.
    """
    links = Links(files)
    for path in paths:
        before = len(links.links)
        real = links.real(path)
        followed = islice(links.links, before, None)
        is_stream = real != NULL and files.is_stream(real)
        if is_stream or is_private(real) or any(map(is_private, followed)):
            raise CallersOwnError(path)


def check_source(path: str, files: FileSystem) -> None:
    """Raise `CallersOwnError` if the source at `path` literally includes something private."""
    contents = files.read(path) or b""
    if not any(os.fsencode(folder) in contents for folder in _PRIVATE):
        return
    text = read_text(contents)
    if text.forbids == TANGLED:  # nobody has looked
        raise CallersOwnError(path)
    for one in text.asked:
        if is_private(os.path.normpath(os.path.join(os.path.dirname(path), one.name))):
            raise CallersOwnError(one.name)


def check_laid(laid: Laid) -> None:
    """Raise `CallersOwnError` if something private is among the files, or on the way to them."""
    paths = (*laid.files, *laid.folders, *(link for link, _ in laid.links))
    if (path := next(filter(is_private, paths), None)) is not None:
        raise CallersOwnError(path)
