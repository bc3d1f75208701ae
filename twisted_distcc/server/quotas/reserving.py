"""Reserve space for what a request contains, before it is kept."""

from __future__ import annotations

from twisted_distcc.content.body import IN_MEMORY
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.wire.events import BodyStart, Event, Run, Text

_FILE = b"FILE"
_BLOBS = (b"BLOB", b"ZBLB")


def make_room_for(event: Event, hold: Hold) -> None:
    """Reserve space for what `event` contains: words and names in memory, bodies on disk.

    Raises:
        CeilingMetError: if there is none left.
    """
    match event:
        case Text(_, data):
            hold.keep_words(1, len(data))
        case Run(tokens):
            files = sum(len(data) for token, data in tokens if token == _FILE)
            hold.keep_words(len(tokens), sum(len(data) for _, data in tokens) - files)
            hold.store_files(files)
        case BodyStart(token, length) if token == _FILE:
            hold.keep_words(1, 0)
            hold.store_files(length)
        case BodyStart(token, length) if token in _BLOBS:  # of which one message has thousands
            hold.keep_words(1, length if length <= IN_MEMORY else 0)
            hold.store(length)
        case BodyStart(_, length):
            hold.store(length)
        case _:
            pass
