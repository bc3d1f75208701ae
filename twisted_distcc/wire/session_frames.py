"""The frames of protocol 4: data, and the way to bytes and back.

After the greetings a session is nothing but frames.  A frame is a token whose digits are the length of
its payload, and a payload is some four-byte numbers and then a rest of one form::

    frame(STOP, 7, 110, rest=encode_words("no such compiler"))   # STOP00000018, 7, 110, the text

    reader = FrameReader(FROM_SERVER, most=65536, limits=Limits())
    reader.feed(data)
    while (received := reader.next()) is not None:
        kind, numbers, rest = received                           # (STOP, (7, 110), b"no such compiler")

The table says which frames there are; what they do to a session is for `session` to say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, TypeAlias

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import HEADER_LENGTH, decode_header, encode_header, spell

DIGEST_LENGTH: Final = 32
PING_LENGTH: Final = 8
LARGEST_WINDOW: Final = 2**31 - 1
NUMBER_LENGTH: Final = 4


class Rest(Enum):
    """What follows the numbers of a payload."""

    NOTHING = auto()
    BYTES = auto()
    """Any bytes, at least one."""
    DIGESTS = auto()
    """One digest or more, of 32 bytes each."""
    EIGHT = auto()
    """Eight bytes."""
    WORDS = auto()
    """A text for people, in UTF-8."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One kind of frame.

    Attributes:
        token: the four letters.
        numbers: the names of the four-byte numbers that the payload begins with.
        rest: what follows them.
        by_client: whether a client sends such frames; a server sends all of them.
    """

    token: bytes
    numbers: tuple[str, ...]
    rest: Rest
    by_client: bool = True


DATA: Final = Frame(b"DATA", ("stream",), Rest.BYTES)
WIND: Final = Frame(b"WIND", ("stream", "count"), Rest.NOTHING)
NEED: Final = Frame(b"NEED", ("stream",), Rest.DIGESTS, by_client=False)
STOP: Final = Frame(b"STOP", ("stream", "code"), Rest.WORDS)
PING: Final = Frame(b"PING", (), Rest.EIGHT)
PONG: Final = Frame(b"PONG", (), Rest.EIGHT)
AWAY: Final = Frame(b"AWAY", (), Rest.WORDS)

Frames: TypeAlias = Mapping[bytes, Frame]
FROM_SERVER: Final[Frames] = MappingProxyType(
    {kind.token: kind for kind in (DATA, WIND, NEED, STOP, PING, PONG, AWAY)}
)
FROM_CLIENT: Final[Frames] = MappingProxyType(
    {token: kind for token, kind in FROM_SERVER.items() if kind.by_client}
)

Received: TypeAlias = tuple[Frame, tuple[int, ...], bytes]
"""A frame that has come whole: its kind, its numbers, and its rest."""

_NUMBERS: Final = tuple(struct.Struct(f">{count}I") for count in range(3))


def frame(kind: Frame, *numbers: int, rest: bytes = b"") -> bytes:
    """Return a frame with its payload."""
    return frame_head(kind, *numbers, length=len(rest)) + rest


def frame_head(kind: Frame, *numbers: int, length: int) -> bytes:
    """Return a frame up to its rest, which has `length` bytes."""
    packed = _NUMBERS[len(numbers)].pack(*numbers)
    return encode_header(kind.token, len(packed) + length) + packed


def need_frames(stream: int, digests: Iterable[bytes], most: int) -> list[bytes]:
    """Return the frames that ask for `digests`, each with a payload of at most `most` bytes.

    Raises:
        LocalProtocolError: if something is no digest.
    """
    wanted = list(digests)
    if any(len(digest) != DIGEST_LENGTH for digest in wanted):
        raise LocalProtocolError(f"a digest has {DIGEST_LENGTH} bytes")
    each = (most - NUMBER_LENGTH) // DIGEST_LENGTH
    batches = (wanted[start : start + each] for start in range(0, len(wanted), each))
    return [frame(NEED, stream, rest=b"".join(batch)) for batch in batches]


def split_digests(data: bytes) -> tuple[bytes, ...]:
    """Return the digests that stand one after the other in `data`."""
    starts = range(0, len(data), DIGEST_LENGTH)
    return tuple(data[start : start + DIGEST_LENGTH] for start in starts)


def encode_words(text: str) -> bytes:
    """Return `text` as the bytes of a rest, without what is beyond the ceiling."""
    words = text.encode("utf-8", "backslashreplace")[: Limits().words]
    return words.decode("utf-8", "ignore").encode()  # half a character may stand at the end


def decode_words(data: bytes) -> str:
    """Return the text in `data`, with escapes for what a terminal might take for a command.

    Raises:
        RemoteProtocolError: if the bytes are not UTF-8.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError(f"expected UTF-8 text, got {data[:60]!r}") from None
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


class FrameReader:
    """Take frames apart: `feed` it bytes, and take what is whole by `next`.

    It holds a frame until that is whole, and what was fed with it.

    Args:
        frames: those that the peer may send.
        most: the largest payload.
        limits: for the ceiling on texts.
    """

    def __init__(self, frames: Frames, most: int, limits: Limits) -> None:
        self._frames = frames
        self._most = most
        self._limits = limits
        self._buffer = bytearray()
        self._kind: Frame | None = None  # of the frame whose payload is being read
        self._length = HEADER_LENGTH  # of what must come before anything can be taken

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer."""
        self._buffer += data

    def next(self) -> Received | None:
        """Return the next frame that is whole.

        Raises:
            RemoteProtocolError: if the bytes are not a frame that the peer may send.  A payload that
                is too long is refused by its header.
        """
        if self._kind is None:
            if len(self._buffer) < HEADER_LENGTH:
                return None
            self._enter()
        return None if len(self._buffer) < self._length else self._payload()

    def clear(self) -> None:
        """Forget all bytes."""
        self._buffer.clear()

    def _enter(self) -> None:
        token, length = decode_header(bytes(self._buffer[:HEADER_LENGTH]))
        kind = self._frames.get(token)
        if kind is None:
            raise RemoteProtocolError(f"{spell(token)} is not a frame that this end takes")
        if length > self._most:
            raise RemoteProtocolError(
                f"{spell(token)} of {length} is over {self._most}, the largest frame"
            )
        if not self._is_form(kind.rest, length - NUMBER_LENGTH * len(kind.numbers)):
            raise RemoteProtocolError(f"no {spell(token)} has a payload of {length} bytes")
        self._kind, self._length = kind, length
        del self._buffer[:HEADER_LENGTH]

    def _is_form(self, rest: Rest, length: int) -> bool:
        match rest:
            case Rest.BYTES:
                return length > 0
            case Rest.NOTHING:
                return length == 0
            case Rest.DIGESTS:
                return length > 0 and length % DIGEST_LENGTH == 0
            case Rest.EIGHT:
                return length == PING_LENGTH
            case Rest.WORDS:
                return 0 <= length <= self._limits.words

    def _payload(self) -> Received:
        kind, length = self._kind, self._length
        assert kind is not None
        numbers = _NUMBERS[len(kind.numbers)]
        with memoryview(self._buffer) as view:
            received = kind, numbers.unpack_from(view), bytes(view[numbers.size : length])
        del self._buffer[:length]
        self._kind, self._length = None, HEADER_LENGTH
        return received
