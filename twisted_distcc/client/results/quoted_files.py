"""Check that a compile's messages quote only files that were sent.

gcc shows the line that a message is about, if it finds the file.  For text that was read from a
precompiled header it looks by the name that the file had when that was made, from whatever folder.  If
there is such a file here, and it was not among those that were sent, the line is missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from twisted_distcc.client.inputs.candidate import StaysHere
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.client.results.dependency_rules import SentFiles
from twisted_distcc.jobs.model import Reply
from twisted_distcc.pump.unit import FileSystem

_COLOUR: Final = re.compile(rb"\x1b\[[0-9;]*[mK]")
_PLACE: Final = re.compile(rb"^(?:In file included from | +from )?([^\n:]+):[0-9]+", re.MULTILINE)
# Messages for programs begin so, and may have lines anywhere.
_STRUCTURED: Final = (b"[", b"{")


def check_quoted(found: Found, reply: Reply, files: FileSystem) -> None:
    """Check what the messages in `reply` quote, if a precompiled header may have been read.

    Raises:
        StaysHere: if a file was not sent, or if that cannot be told; `reply` is discarded.
    """
    if not found.unit.precompiled or reply.status:
        return
    said = reply.stderr.read()
    if said.startswith(_STRUCTURED):
        reply.discard()
        raise StaysHere("its messages may quote files that only a precompiled header names")
    has = SentFiles(found.directory, found.unit, found.laid).has
    for name in sorted(set(_named(said))):
        if not has(name) and files.stamp(os.path.join(found.directory, name)) is not None:
            reply.discard()
            raise StaysHere(f"its messages quote {name}, which only a precompiled header names")


def _named(said: bytes) -> Iterator[str]:
    return map(os.fsdecode, _PLACE.findall(_COLOUR.sub(b"", said)))
