"""Messages that the tests of the wire share, and the ways to put them through it.

In: the files of `tests/vectors`, and events.  Out: bytes, readers, and the events that readers give.
It refuses to know what the right answer is: the tests say that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st

from twisted_distcc.wire.connection import Reader, Writer
from twisted_distcc.wire.events import (
    BodyData,
    BodyEnd,
    BodyStart,
    Event,
    MessageEnd,
    Number,
    Run,
    Text,
)
from twisted_distcc.wire.grammar import DIST, DONE, REPLIES, REQUESTS
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import HEADER_LENGTH

VECTORS: Final = Path(__file__).parent.parent / "vectors"
# The samples whose request was answered; those that begin with `files` are of version 3.
ANSWERED: Final = (
    "plain-success",
    "plain-error",
    "plain-killed",
    "plain-chatty",
    "lzo-success",
    "lzo-error",
    "lzo-chatty",
    "files-success",
    "files-error",
)
RECORDED: Final = (*ANSWERED, "plain-refused")

# The tokens of a run that stand for a body.
BULK: Final = frozenset((b"FILE", b"BLOB", b"ZBLB"))

# Ceilings so low that generated messages meet them.
LOW: Final = Limits(
    arguments=4,
    argument=40,
    command=60,
    source=80,
    object_file=80,
    messages=40,
    files=3,
    name=40,
    names=50,
    trailing=20,
)

# The same examples in every run.
PROPERTY: Final = settings(derandomize=True, deadline=None, database=None, max_examples=300)


def recorded_request(name: str) -> bytes:
    """Give the bytes that the client of the sample `name` sent."""
    return (VECTORS / f"{name}.request").read_bytes()


def recorded_reply(name: str) -> bytes:
    """Give the bytes that the server of the sample `name` sent."""
    return (VECTORS / f"{name}.reply").read_bytes()


def request_reader(limits: Limits | None = None) -> Reader:
    """Give a reader of requests of every version in the tables."""
    return Reader(DIST, REQUESTS, limits or Limits())


def reply_reader(limits: Limits | None = None) -> Reader:
    """Give a reader of replies of every version in the tables."""
    return Reader(DONE, REPLIES, limits or Limits())


def request_writer(limits: Limits | None = None) -> Writer:
    """Give a writer of requests of every version in the tables."""
    return Writer(DIST, REQUESTS, limits or Limits())


def reply_writer(limits: Limits | None = None) -> Writer:
    """Give a writer of replies of every version in the tables."""
    return Writer(DONE, REPLIES, limits or Limits())


def take(reader: Reader, *pieces: bytes) -> list[Event]:
    """Feed `pieces` one after the other, and give the events of all; a run is what it means."""
    events: list[Event] = []
    for piece in pieces:
        reader.feed(piece)
        for event in reader.events():
            events += meant(event)
    return events


def meant(event: Event) -> list[Event]:
    """Give the events that a run stands for, or the one that is none."""
    if not isinstance(event, Run):
        return [event]
    events: list[Event] = []
    for token, data in event.tokens:
        events += body(token, *filter(None, [data])) if token in BULK else [Text(token, data)]
    return events


def put(writer: Writer, events: Iterable[Event]) -> bytes:
    """Give the bytes of `events`."""
    return b"".join(map(writer.send, events))


def merged(events: Iterable[Event]) -> list[Event]:
    """Join the pieces of each body, and undo runs: where they were cut is the network's choice."""
    result: list[Event] = []
    for event in chain.from_iterable(map(meant, events)):
        last = result[-1] if result else None
        if isinstance(event, BodyData) and isinstance(last, BodyData):
            result[-1] = BodyData(last.data + event.data)
        else:
            result.append(event)
    return result


def cut(data: bytes, points: Sequence[int]) -> list[bytes]:
    """Cut `data` at `points`, which are taken modulo its length."""
    borders = sorted({0, len(data), *(point % (len(data) + 1) for point in points)})
    return [data[start:end] for start, end in pairwise(borders)]


def split(message: bytes) -> list[bytes]:
    """Take a right message apart into its tokens, each with its bytes."""
    tokens = []
    while message:
        carries = message[:4] not in {b"DIST", b"ARGC", b"NFIL", b"DONE", b"STAT"}
        end = HEADER_LENGTH + carries * int(message[4:HEADER_LENGTH], 16)
        tokens.append(message[:end])
        message = message[end:]
    return tokens


def body(token: bytes, *pieces: bytes) -> list[Event]:
    """Give the events of a body that comes in `pieces`."""
    start: list[Event] = [BodyStart(token, sum(map(len, pieces)))]
    return [*start, *map(BodyData, pieces), BodyEnd(token)]


def request(version: int, words: Sequence[bytes], *source: bytes) -> list[Event]:
    """Give the events of a request of version 1 or 2."""
    head: list[Event] = [Number(b"DIST", version), Number(b"ARGC", len(words))]
    return [*head, *(Text(b"ARGV", word) for word in words), *body(b"DOTI", *source), MessageEnd()]


def reply(version: int, status: int, errors: bytes, output: bytes, result: bytes) -> list[Event]:
    """Give the events of a reply of version 1 or 2."""
    bodies = {b"SERR": errors, b"SOUT": output, b"DOTO": result}
    events: list[Event] = [Number(b"DONE", version), Number(b"STAT", status)]
    for token, data in bodies.items():
        events += body(token, *filter(None, [data]))
    return [*events, MessageEnd()]


def job(words: Sequence[bytes], files: Iterable[tuple[bytes, bytes, bool]]) -> list[Event]:
    """Give the events of a request of version 3; a file is its name, its data, and whether a link."""
    named: list[Event] = []
    listed = list(files)
    for name, data, is_link in listed:
        named.append(Text(b"NAME", name))
        named += [Text(b"LINK", data)] if is_link else body(b"FILE", *filter(None, [data]))
    head: list[Event] = [Number(b"DIST", 3), Text(b"CDIR", b"/"), Number(b"ARGC", len(words))]
    texts: list[Event] = [Text(b"ARGV", word) for word in words]
    return [*head, *texts, Number(b"NFIL", len(listed)), *named, MessageEnd()]


def answer(status: int, errors: bytes, result: bytes, depends: bytes) -> list[Event]:
    """Give the events of a reply of version 3."""
    events = reply(3, status, errors, b"", result)[:-1]
    events += body(b"DOTD", *filter(None, [depends])) if status == 0 else []
    return [*events, MessageEnd()]


POINTS: Final = st.lists(st.integers(0, 10_000), max_size=20)
_STATUS: Final = st.integers(0, 0xFFFF_FFFF) | st.just(0)
_SHORT: Final = st.binary(max_size=12)
_WORDS: Final = st.lists(_SHORT, min_size=1, max_size=4)
_NAME: Final = st.binary(min_size=1, max_size=12)
_FILES: Final = st.lists(
    st.tuples(_NAME, _SHORT, st.just(False)) | st.tuples(_NAME, _NAME, st.just(True)), max_size=3
)
_REQUEST: Final = st.builds(
    lambda version, words, source: request(version, words, *filter(None, [source])),
    st.sampled_from([1, 2]),
    _WORDS,
    st.binary(max_size=80),
)
_REPLY: Final = st.builds(
    reply, st.sampled_from([1, 2]), _STATUS, _SHORT, _SHORT, st.binary(max_size=80)
)
# Events of whole messages that stay below LOW.
ANY_REQUEST: Final = _REQUEST | st.builds(job, _WORDS, _FILES)
ANY_REPLY: Final = _REPLY | st.builds(answer, _STATUS, _SHORT, _SHORT, _SHORT)
