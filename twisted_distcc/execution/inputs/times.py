"""The times that a job's files are to have, and that the server's own files have to have.

`times_of` reads them from the tree (`jobs.file_times`), and `check_own` compares those of the compiler's
own files, which nobody can change for a job.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from twisted_distcc.content.file_content import Contents
from twisted_distcc.execution.inputs.layout import Layout
from twisted_distcc.execution.inputs.links import is_within
from twisted_distcc.execution.inputs.names import refused
from twisted_distcc.jobs.file_times import TIMES, read_times

NO_TIMES: Final[Mapping[bytes, int]] = MappingProxyType({})
# A line for each of the files of a large tree.
_MOST_BYTES: Final = 16 * 1024 * 1024


def times_of(layout: Layout, contents: Contents) -> Mapping[bytes, int]:
    """Return the times, in seconds, by path; none for most trees.

    Raises:
        DistccError: if they cannot be read.
        OSError: if the disk does not give them.
    """
    told = layout.files.get(TIMES)
    if told is None:
        return NO_TIMES
    with contents.opened():
        return read_times(told.content.read(_MOST_BYTES))


def check_own(times: Mapping[bytes, int], mounts: Collection[bytes], within: bytes = b"") -> None:
    """Check the times of files of the compiler's own, which are at, or below, `mounts` in `within`.

    Raises:
        BadTreeError: if one of them differs.
    """
    for path, seconds in times.items():
        if is_within(path, mounts) and _changed(within + path) != seconds:
            raise refused(path, "has another time on this server, which clang would notice")


def _changed(path: bytes) -> int | None:
    try:
        return int(os.stat(path).st_mtime)
    except OSError:
        return None
