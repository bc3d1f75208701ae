"""Engines that mean harm, at the end of a real build: the object is right, and the agent stays small."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tests.agent.home import HomeTestCase
from tests.hostile.hostile_engine import OUTPUT, Attack, HostileEngine, begun, frame
from tests.reapi.double import done
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.grpc_messages import framed

_BLOB: Final = b"blob" * 1000
_MANY: Final = 200_000
# Bytes of memory that an agent may take at the most, whoever attacks it; 40 MiB are Python's.
_MOST: Final = 300 * 1024 * 1024


def left(*paths: str, digest: Any = None, **fields: Any) -> Attack:
    """Return a result with output files of these paths."""
    files = [schema.OutputFile(path=path, contents=_BLOB, digest=digest) for path in paths]
    return [done(schema.ActionResult(output_files=files, **fields))]


def stored(name: BlobName) -> Attack:
    """Return a result whose object has to be fetched."""
    file = schema.OutputFile(path=OUTPUT, digest=name.message())
    return [done(schema.ActionResult(output_files=[file]))]


def raw(response: bytes) -> Attack:
    """Return a result that these bytes are."""
    news = schema.Operation(name="1", done=True)
    news.response.type_url = "x.ExecuteResponse"
    news.response.value = response
    return [news]


def flood(one: bytes) -> Attack:
    """Return a flood of one frame after the head of an answer."""
    return lambda stream: begun(stream) + one * _MANY


def on_stream(kind: int, payload: bytes, count: int = 1, flags: int = 0) -> Attack:
    """Return an attack by so many frames on the stream of the call."""
    return lambda stream: begun(stream) + frame(kind, payload, stream, flags) * count


def continued(stream: int) -> bytes:
    """Return headers that do not end."""
    return frame(1, b"\x88", stream) + frame(9, b"", stream) * _MANY


def expanding(stream: int) -> bytes:
    """Return a head of some kilobytes that are hundreds of megabytes of headers."""
    name = b"\x40\x01a\x7f\x81\x1e" + bytes(4000)  # which is kept, and then named again and again
    again = b"\xbe" * 16000
    return frame(1, b"\x88" + name, stream) + frame(9, again, stream) * 7 + frame(9, again, stream, 4)


_OTHER: Final = BlobName.of(b"blub" * 1000)
# A result with two million outputs; what is parsed of it takes 150 MB.
_MANY_OUTPUTS: Final = b"\x0a\x80\x92\xf4\x01" + b"\x12\x00" * 2_000_000

RESULTS: Final[dict[str, Attack]] = {
    "absolute": left("/tmp/planted"),
    "above": left("../../../planted"),
    "another content": left(OUTPUT, digest=_OTHER.message()),
    "another size": stored(BlobName(BlobName.of(_BLOB).digest, 3)),
    "another blob": stored(_OTHER),
    "huge": stored(BlobName(_OTHER.digest, 1 << 50)),
    "no digest": left(OUTPUT, digest=schema.Digest(hash="../" * 20, size_bytes=4)),
    "a link": raw(b"\x0a\x0f\x62\x0d\x0a\x01o\x12\x08/etc/foo"),
    "many outputs": raw(_MANY_OUTPUTS),
    "endless news": [schema.Operation()] * 70_000,
}
FRAMES: Final[dict[str, Attack]] = {
    "a large frame": on_stream(0, bytes(1 << 20)),
    "pings": flood(frame(6, b"12345678")),
    "resets": on_stream(3, b"\0\0\0\x08", _MANY),
    "empty pieces": on_stream(0, b"", _MANY),
    "empty messages": on_stream(0, framed(b"") * 3000, 30),
    "continuations": continued,
    "headers": expanding,
    "rubbish": lambda _: bytes(range(256)) * 1000,
}


def peak(pid: int) -> int:
    """Return the most bytes of memory that a process has ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


class LiveEngineTests(HomeTestCase):
    async def assert_compiled_here(self, attacks: dict[str, Attack]) -> None:
        from twisted.internet import reactor

        for name, attack in attacks.items():
            engine = HostileEngine(reactor, attack, {sha256(_BLOB).hexdigest(): _BLOB})
            self.addCleanup(engine.close)
            engine.blobs[_OTHER.digest.hex()] = _BLOB
            child = await self.succeeds(
                "tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o", DISTCC_HOSTS=engine.word
            )
            self.is_right()
            self.assertGreater(engine.jobs, 0, f"{name}: {child.stderr}")
            self.assertLessEqual(engine.jobs, 2, name)
            self.assertRegex(child.stderr, r"127\.0\.0\.1:\d+ ", name)
            self.assertLess(max(map(peak, self.agents())), _MOST, name)
        self.assertEqual(self.left(), ["hello.c", "hello.o"])

    async def test_results(self) -> None:
        """Names, digests, sizes and numbers that no compile leaves: it is compiled here."""
        await self.assert_compiled_here(RESULTS)

    async def test_frames(self) -> None:
        """Floods, bombs and rubbish on the wire: it is compiled here."""
        await self.assert_compiled_here(FRAMES)
