"""Both ends of a session, and the content that it carries: targets of `targets`.

Each takes bytes, and fails by an exception that is a bug.  For the ends, the first byte says whether the
others are sent as they are, or as steps: two bytes choose what is said and on which stream, and how much
of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.fuzz.checks import check_told
from tests.fuzz.folders import own_folder
from tests.fuzz.server_targets import the_server
from tests.hostile.test_session_servers import Mallory, result
from tests.hostile.test_sessions import HELLO, data, job, upload
from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.content.body import Body
from twisted_distcc.content.directories import Directory, decode, encode
from twisted_distcc.content.tree_walk import Bounds, TreeWalk, walk
from twisted_distcc.content.zstd import compress, expand, expansion
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError
from twisted_distcc.jobs.model import Reply
from twisted_distcc.wire.greeting import Terms, server_greeting
from twisted_distcc.wire.session_frames import AWAY, NEED, PING, PONG, STOP, WIND, frame

_LEAF: Final = encode(Directory(files=[(b"a.h", sha256(b"int a;").digest(), 6)]))
_ROOT: Final = encode(Directory(folders=[(b"d", sha256(_LEAF).digest(), len(_LEAF))]))
_TEXT: Final = b"int i;" * 2000
_CEILING: Final = 1 << 20
_LOW: Final = Bounds(entries=40, directories=12, depth=5, names=600, encoded=2000)
_LATER: Final = 20.0


def _digest(blob: bytes) -> bytes:
    return sha256(blob).digest()


def _client_says(stream: int) -> tuple[bytes, ...]:
    return (
        data(stream, job(_digest(_TEXT), words=(b"gcc", b"-c", b"a.i"))),
        data(stream, job(_digest(_ROOT), has_tree=True, words=(b"gcc", b"-c", b"a.c"))),
        data(stream, job()),
        data(stream, upload(_TEXT)),
        data(stream, upload(_ROOT, _LEAF)),
        data(stream, upload(b"int a;")),
        data(stream, upload(compress(_TEXT), is_packed=True)),
        data(stream, upload(_TEXT, is_packed=True)),
        frame(STOP, stream, 0),
        frame(WIND, stream, 5000),
        frame(PING, rest=bytes(8)),
        frame(AWAY, rest=b"bye"),
    )


def _server_says(stream: int) -> tuple[bytes, ...]:
    return (
        data(stream, result()),
        data(
            stream, result(Reply(0, outputs={"../x": Body.of(bytes(70_000)), "object": Body.of(b"o")}))
        ),
        data(stream, result(Reply(0xFFFF))),
        frame(NEED, stream, rest=_digest(_TEXT)),
        frame(NEED, stream, rest=_digest(_ROOT)),
        frame(STOP, stream, 0),
        frame(STOP, stream, 126, rest=b"\x1b[2J"),
        frame(WIND, stream, 50_000),
        frame(PING, rest=bytes(8)),
        frame(PONG, rest=bytes(8)),
        frame(AWAY, rest=b"bye"),
    )


def _steps(says: Mapping[int, tuple[bytes, ...]], script: bytes) -> Iterator[bytes]:
    """Yield what the script says, and b"" where time passes."""
    for what, how in zip(script[::2], script[1::2], strict=False):
        words = says[how % len(says)]
        if what % 16 >= len(words):
            yield b""
            continue
        word = words[what % 16]
        yield word[: len(word) // 3] if what >= 240 else word


_CLIENT: Final = MappingProxyType({number: _client_says(number + 1) for number in range(8)})
_SERVER: Final = MappingProxyType({number: _server_says(number + 1) for number in range(8)})


def _said(says: Mapping[int, tuple[bytes, ...]], course: int, rest: bytes) -> Iterator[bytes]:
    if course & 1:
        return _steps(says, rest)
    size = 1 + (course >> 2)
    return (rest[start : start + size] for start in range(0, len(rest), size))


def session_served(fed: bytes) -> None:
    """Serve a session of any client: nothing is left of it, neither jobs nor room nor files."""
    course, rest = (fed[0], fed[1:]) if fed else (0, b"")
    server = the_server()
    server.waits = bool(course & 2)
    protocol, transport = server.connect()
    protocol.dataReceived(HELLO)
    for word in _said(_CLIENT, course, rest):
        if transport.aborting:
            break
        if word:
            protocol.dataReceived(word)
        elif transport.producer is not None:
            transport.producer.pauseProducing()
            server.clock.advance(_LATER)
        server.have_turns()
    protocol.connectionLost(Failure(ConnectionDone()))
    server.have_turns()
    server.check_nothing_left()


@lru_cache
def _folder() -> str:
    return str(own_folder())


def session_asked(fed: bytes) -> None:
    """Send jobs to any server: each ends, at the latest with the connection, and leaves nothing."""
    course, rest = (fed[0], fed[1:]) if fed else (0, b"")
    clock = Clock()
    mallory = Mallory(clock, _folder())
    mallory.client.makeConnection(mallory.transport)
    greeted = mallory.client.greeted()
    greeted.addErrback(lambda failure: failure.trap(HostError))
    terms = Terms(jobs=8, know=bytes(16), window=4096, name="mallory")
    mallory.say(server_greeting(terms) if course & 1 else b"")
    asked: list[Deferred[Reply]] = []
    for word in _said(_SERVER, course, rest):
        if mallory.client.is_open and greeted.called and len(asked) < 6:
            asked.append(mallory.ask(_TEXT if len(asked) % 2 else b"%d" % len(asked)))
        if mallory.transport.disconnecting:
            break
        if word:
            mallory.say(word)
        else:
            clock.advance(_LATER)
    if course & 2 and asked:
        asked[0].cancel()
    mallory.client.connectionLost(Failure(ConnectionDone()))
    assert greeted.called
    for one in asked:
        assert one.called
        one.addCallbacks(Reply.discard, _checked)
    assert not clock.getDelayedCalls()
    assert not mallory.client._streams.has_jobs
    assert not os.listdir(_folder())


def _checked(failure: Failure) -> None:
    if failure.check(HostError):
        check_told(failure.value)
    else:
        assert failure.type.__name__ == "CancelledError", failure


def directories(fed: bytes) -> None:
    """Read a folder: what is read is written as it was."""
    for blob in (fed, _LEAF[:6] + fed, _LEAF + fed):
        with suppress(RemoteProtocolError):
            assert encode(decode(blob, 50)) == blob


def tree_walks(fed: bytes) -> None:
    """Walk through folders that name each other, in any order: as one that are all there."""
    blobs = {_digest(b""): b""}
    root = _digest(b"")
    for line in fed.split(b"\n")[:20]:
        made = list(blobs.items())
        children = [made[byte % len(made)] for byte in line[:8]]
        blob = encode(
            Directory(
                files=[
                    (b"f%d" % n, digest, n) for n, (digest, _) in enumerate(children) if line[n] & 64
                ],
                folders=[
                    (b"%d" % n, digest, len(child))
                    for n, (digest, child) in enumerate(children)
                    if not line[n] & 64
                ],
                links=[(b"l", line[:9].hex().encode())] if line else [],
            )
        )
        root = _digest(blob)
        blobs[root] = blob
    whole = _walked(lambda: walk(root, blobs.get, _LOW))
    there: dict[bytes, bytes] = {}
    tree = TreeWalk(root, there.get, _LOW)

    def as_they_come() -> object:
        while tree.walked.missing:
            digest = min(tree.walked.missing)
            there[digest] = blobs[digest]
            missing = set().union(*tree.steps(digest))
            assert missing <= tree.walked.missing
        return tree.walked

    came = _walked(as_they_come)
    assert (whole is None) == (came is None)
    assert whole == came
    assert tree.entries <= 2 * _LOW.entries


def _walked(find: object) -> object:
    try:
        walked = find()  # type: ignore[operator]
    except RemoteProtocolError as error:
        check_told(error)
        return None
    assert len(walked.files) + len(walked.links) <= _LOW.entries
    return sorted(walked.files), sorted(walked.links), sorted(walked.folders)


def zstd_frames(fed: bytes) -> None:
    """Expand a frame within bounds, whole and in pieces; compress it, and get it back."""
    assert expand(compress(fed), len(fed)) == fed
    whole = _expanded(lambda: expand(fed, _CEILING))
    pieces = [fed[:18], *(fed[start : start + 7] for start in range(18, len(fed), 7))]
    assert _expanded(lambda: b"".join(expansion(pieces, _CEILING))) == whole
    assert whole is None or len(whole) <= _CEILING


def _expanded(find: object) -> bytes | None:
    try:
        return bytes(find())  # type: ignore[operator]
    except (RemoteProtocolError, BodyTooLargeError) as error:
        check_told(error)
        return None


SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "session_served": (
            b"\x01\x03\x00\x00\x01\x09\x01\x0c\x00",
            b"\x03\x01\x00\x04\x01\x05\x02\x08\x00\x02\x03\x0f\x00",
            b"\xfc" + data(1, upload(_TEXT)) + data(2, job(_digest(_TEXT))),
        ),
        "session_asked": (
            b"\x01\x00\x00\x00\x01\x00\x02\x07\x00",
            b"\x03\x03\x01\x03\x03\x07\x02\x01\x01\x0a\x00\x0f\x00",
            b"\xfc" + server_greeting(Terms(jobs=8, know=bytes(16))) + data(1, result()),
        ),
        "directories": (_LEAF, _ROOT, encode(Directory(links=[(b"l", b"../x")]))),
        "tree_walks": (
            b"\x00\n\x01\x41\n\x02\x02\n\x03\x01",
            b"\n".join(b"\x00\x01"[:1] * 2 for _ in range(9)),
        ),
        "zstd_frames": (compress(_TEXT), compress(b""), compress(bytes(2 * _CEILING))),
    }
)
TARGETS: Final = (session_served, session_asked, directories, tree_walks, zstd_frames)
