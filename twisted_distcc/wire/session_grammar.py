"""The messages of protocol 4, as data in the form of `grammar`.

A session begins with a greeting from each end.  After that its streams carry messages: a job and its
result, or an upload.  Every message has an opening of its own and a table with one version, so the
readers and writers of the other protocols walk them too::

    reader = Reader(JOBQ, JOBS, limits)
    writer = Writer(JOBR, RESULTS, limits)

`session_frames` says what carries the streams.  None of this is in `grammar.REQUESTS`: who reads those
does not speak version 4, and says so.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from twisted_distcc.wire.grammar import (
    ARGC,
    ARGV,
    CDIR,
    NAME,
    SERR,
    SOUT,
    STAT,
    Either,
    Field,
    Messages,
    Repeat,
    Shape,
    WhenZero,
)

SESSIONS: Final = 4
SESSION_OPENING: Final = b"DIST00000004"
"""The first bytes of a client's greeting, by which a server tells it from a request."""

LEAST_FRAME: Final = 4096
LEAST_WINDOW: Final = 4096

FRAM: Final = Field(b"FRAM", Shape.NUMBER, "frame", least=LEAST_FRAME)
WIND: Final = Field(b"WIND", Shape.NUMBER, "window", least=LEAST_WINDOW)
MOST_JOBS: Final = Field(b"JOBS", Shape.NUMBER, "streams", least=1)
KNOW: Final = Field(b"KNOW", Shape.TEXT, "memory", least=16)
SERV: Final = Field(b"SERV", Shape.TEXT, "words")
REASON: Final = Field(b"SERR", Shape.TEXT, "words")

JOBQ: Final = Field(b"JOBQ", Shape.NUMBER)
COMP: Final = Field(b"COMP", Shape.TEXT, "digest", least=32, or_zero=True)
TOOL: Final = Field(b"TOOL", Shape.TEXT, "digest", least=32)
PACK: Final = Field(b"PACK", Shape.NUMBER, "flag")
ROOT: Final = Field(b"ROOT", Shape.TEXT, "digest", least=32)
TEXT: Final = Field(b"TEXT", Shape.TEXT, "digest", least=32)

JOBR: Final = Field(b"JOBR", Shape.NUMBER)
NOUT: Final = Field(b"NOUT", Shape.NUMBER, "outputs")
MODE: Final = Field(b"MODE", Shape.NUMBER, "mode")
OUTPUT: Final = Field(b"DOTO", Shape.BULK, "object_file", together="object_file")
ZOTO: Final = Field(b"ZOTO", Shape.BULK, "object_file", together="object_file")
TIMQ: Final = Field(b"TIMQ", Shape.NUMBER)
TIMR: Final = Field(b"TIMR", Shape.NUMBER)
TIMC: Final = Field(b"TIMC", Shape.NUMBER)
FREE: Final = Field(b"FREE", Shape.NUMBER)
BUSY: Final = Field(b"BUSY", Shape.NUMBER)

BLBQ: Final = Field(b"BLBQ", Shape.NUMBER)
NBLB: Final = Field(b"NBLB", Shape.NUMBER, "files")
BLOB: Final = Field(b"BLOB", Shape.BULK, "source", together="source")
ZBLB: Final = Field(b"ZBLB", Shape.BULK, "source", together="source")

_OUTPUT: Final = (NAME, MODE, Either((OUTPUT, ZOTO)))

# The client's greeting opens with DIST and the server's with DONE, as any request and reply.
CLIENT_GREETINGS: Final[Messages] = MappingProxyType({SESSIONS: (FRAM, WIND, SERV)})
SERVER_GREETINGS: Final[Messages] = MappingProxyType(
    {SESSIONS: (STAT, REASON, WhenZero(b"STAT", (FRAM, WIND, MOST_JOBS, KNOW, SERV)))}
)
JOBS: Final[Messages] = MappingProxyType(
    {SESSIONS: (CDIR, Repeat(ARGC, (ARGV,)), Either((COMP, TOOL)), PACK, Either((ROOT, TEXT)))}
)
RESULTS: Final[Messages] = MappingProxyType(
    {SESSIONS: (STAT, SERR, SOUT, Repeat(NOUT, _OUTPUT), TIMQ, TIMR, TIMC, FREE, BUSY)}
)
UPLOADS: Final[Messages] = MappingProxyType({SESSIONS: (Repeat(NBLB, (Either((BLOB, ZBLB)),)),)})
