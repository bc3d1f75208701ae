"""One file of a tree, expanded.

In: its bytes as they came, LZO1X.  Out: a file.  What may burst is expanded by a program of its own,
whose memory is bounded: the format does not say how much there is.  Of what takes much memory little
goes on at a time, whatever the number of jobs.  This module refuses to know where the file lies.
"""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from threading import BoundedSemaphore
from typing import Final

from twisted_distcc.content.body import Part
from twisted_distcc.content.filter import NO_ROOM, filter_argv
from twisted_distcc.content.lzo import expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError
from twisted_distcc.jobs.model import TreeFile
from twisted_distcc.launcher.command import Command
from twisted_distcc.toolchain.questions import run_here

# What may be taken in memory at once; a source is smaller, but for a few amalgamations.
_IN_MEMORY: Final = 64 * 1024 * 1024
# So many bytes become 4 MiB at the most; most headers have fewer.
_SMALL: Final = 16 * 1024
# As many as `messages.bulk` lets expand bodies: a thread may need some hundred megabytes for one file,
# and a program gigabytes.  Each job waits in a thread of its own.
_TURNS: Final = BoundedSemaphore(2)


def write_expanded(file: TreeFile, read: Part, descriptor: int, ceiling: int) -> int:
    """Write what `file` expands to into an empty file; give the length, at most `ceiling`.

    `read` gives its bytes as they came, which are not taken into memory before it is their turn.

    Raises:
        BodyTooLargeError: if it is more, or may be.
        DistccError: if it is not LZO1X.
        OSError: if the disk takes no more.
    """
    with nullcontext() if file.length <= _SMALL else _TURNS:
        return _write(read(file.start, file.length), descriptor, ceiling)


def _write(packed: bytes, descriptor: int, ceiling: int) -> int:
    if largest_expansion(packed) > _IN_MEMORY:
        return _by_filter(packed, descriptor, ceiling)
    data = expand(packed, ceiling)
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    return len(data)


def _by_filter(packed: bytes, descriptor: int, ceiling: int) -> int:
    source = os.memfd_create("packed", os.MFD_CLOEXEC)
    try:
        os.write(source, packed)
        os.lseek(source, 0, os.SEEK_SET)
        ended = run_here(Command(filter_argv("expand", ceiling), stdin=source, stdout=descriptor))
    finally:
        os.close(source)
    code = os.waitstatus_to_exitcode(ended.status)
    if code == NO_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if code:
        raise BodyTooLargeError(f"a file of a job is not LZO1X, or expands to more than {ceiling} bytes")
    return os.fstat(descriptor).st_size
