"""The times of a tree's files, for compilers that compare them.

Files of a tree have no times of their own, as hardly any compiler looks at them.  clang does where it
reads a precompiled header: it takes only headers of the size and the time that they had when that was
made.  Then a tree has one file more, `TIMES`, with a line for each file, of seconds and a path::

    1796050857 /home/ada/project/all.h
    1672934400 /usr/include/c++/12/vector
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from twisted_distcc.errors import RemoteProtocolError

TIMES: Final = b"/.tdistcc/times"
"""The path of the file."""

_LINE: Final = re.compile(rb"([0-9]{1,11}) (/[^\n]*)\n")


def write_times(times: Mapping[bytes, int]) -> bytes | None:
    """Return the contents of the file; `None` if the times of such files cannot be told."""
    made = b"".join([b"%d %b\n" % (seconds, path) for path, seconds in sorted(times.items())])
    try:
        return made if read_times(made) == times else None
    except RemoteProtocolError:
        return None


def read_times(contents: bytes) -> dict[bytes, int]:
    """Return the times, in seconds, by path.

    Raises:
        RemoteProtocolError: if `contents` is not such a file.
    """
    times: dict[bytes, int] = {}
    at = 0
    while at < len(contents):
        found = _LINE.match(contents, at)
        if found is None:
            raise RemoteProtocolError("the times of a job's files are malformed")
        times[found[2]] = int(found[1])
        at = found.end()
    return times
