"""Where zstd frames are made and expanded: on the spot while that takes no time, else elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY, Body, Spool
from twisted_distcc.content.packing import Packing
from twisted_distcc.content.zstd import compress
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

MIB = 1024 * 1024


class FakePacking(Packing):
    """Does at once what is to be done elsewhere, and notes it."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.elsewhere: list[str] = []

    async def work(self, work: Callable[[], Body]) -> Body:
        self.elsewhere.append("work")
        return work()

    async def expansion(self, work: Callable[[], Body]) -> Body:
        self.elsewhere.append("expansion")
        return work()

    async def filter(self, direction: str, ceiling: int, source: int, target: int) -> int:
        raise AssertionError("no process is wanted for this")


def done(coroutine: Coroutine[Any, Any, Body]) -> Body:
    """The result of what waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        body: Body = ended.value
        return body
    raise AssertionError("it waits")


class FrameTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.packing = FakePacking(self.directory)

    def body(self, data: bytes) -> Body:
        spool = Spool(self.directory)
        spool.write(data)
        return spool.finish()

    def there_and_back(self, data: bytes) -> list[str]:
        """Compress and expand; return what was done elsewhere."""
        frame = done(self.packing.compress_frame(self.body(data)))
        self.assertEqual(done(self.packing.expand_frame(frame, len(data))).read(), data)
        return self.packing.elsewhere

    def test_small(self) -> None:
        """What is small is done on the spot."""
        for data in (b"", b"int a;", os.urandom(IN_MEMORY - 100)):
            self.assertEqual(self.there_and_back(data), [])

    def test_large(self) -> None:
        """What is large is done elsewhere, each where it belongs."""
        self.assertEqual(self.there_and_back(os.urandom(MIB)), ["work", "expansion"])

    def test_what_becomes_large(self) -> None:
        """A small frame of a large content is expanded elsewhere."""
        self.assertEqual(self.there_and_back(bytes(MIB)), ["work", "expansion"])

    def test_refused(self) -> None:
        """What is no frame, or too much, is refused wherever it is expanded, and leaves no file."""
        for data in (b"int a;" * 1000, os.urandom(MIB)):
            frame, ceiling = self.body(compress(data)), len(data) - 1
            self.assertRaises(BodyTooLargeError, done, self.packing.expand_frame(frame, ceiling))
            frame.discard()
        for data in (b"no frame", b"no frame" * MIB):
            frame = self.body(data)
            self.assertRaises(RemoteProtocolError, done, self.packing.expand_frame(frame, MIB))
            frame.discard()
        self.assertEqual(os.listdir(self.directory), [])
