"""Files that are read and compressed once: which are kept, and which are noticed to have changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred, execute, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.inputs.file_cache import CachedFile, FileCache, FileChangedError
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.unit import Stamp

LATER = 10_000_000_000


class ReadingDisk(Disk):
    """The real files, a while after they were written; `was_read` are the files that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.was_read: list[str] = []
        self.later = LATER

    def read(self, path: str) -> bytes | None:
        self.was_read.append(os.path.basename(path))
        return super().read(path)

    def now_ns(self) -> int:
        return super().now_ns() + self.later


class PackedFilesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.folder.mkdir()
        self.files = ReadingDisk()
        self.packed = FileCache(self.files, execute)

    def file(self, name: str, contents: bytes) -> str:
        (self.folder / name).write_bytes(contents)
        return str(self.folder / name)

    def stamps(self, *paths: str) -> dict[str, Stamp]:
        found = {path: Disk().stamp(path) for path in paths}
        return {path: stamp for path, stamp in found.items() if stamp is not None}

    def begin(self, wanted: dict[str, Stamp]) -> Deferred[list[CachedFile]]:
        return Deferred.fromCoroutine(self.packed.of(wanted, packed=True))

    def pack(self, *paths: str) -> list[CachedFile]:
        return self.successResultOf(self.begin(self.stamps(*paths)))

    def test_in_order(self) -> None:
        """Files come in the order in which they are wanted, by their names, compressed."""
        paths = [self.file(name, name.encode() * 100) for name in ("b", "a")] + [self.file("c", b"")]
        packed = self.pack(*paths)
        self.assertEqual([os.fsdecode(file.file.name) for file in packed], paths)
        contents = [file.file.content.read(1000) for file in packed]
        self.assertEqual(contents, [b"b" * 100, b"a" * 100, b""])

    def test_read_once(self) -> None:
        """A file that is the same is not read again; one that has changed is."""
        one, two = self.file("one", b"1"), self.file("two", b"2")
        self.pack(one, two)
        self.file("two", b"22")
        packed = self.pack(two, one)
        self.assertEqual([file.file.content.read(9) for file in packed], [b"22", b"1"])
        self.assertEqual(self.files.was_read, ["one", "two", "two"])

    def test_many_at_once(self) -> None:
        """However many wait for one who reads, all get theirs, and a shared file is read once."""
        begun: list[Deferred[None]] = []

        def in_thread(work: Callable[[], None]) -> Deferred[None]:
            begun.append(Deferred().addCallback(lambda _: work()))
            return begun[-1]

        self.packed = FileCache(self.files, in_thread)
        shared = self.file("shared", b"x" * 100_000)
        own = [self.file(f"own{number}", b"%d" % number) for number in range(1000)]
        running = [self.begin(self.stamps(shared, path)) for path in own]
        running[5].cancel()
        self.failureResultOf(running.pop(5), CancelledError)
        [only] = begun
        only.callback(None)
        for one, path in zip(running, [*own[:5], *own[6:]], strict=True):
            names = [os.fsdecode(file.file.name) for file in self.successResultOf(one)]
            self.assertEqual(names, [shared, path])
        self.assertEqual(self.files.was_read.count("shared"), 1)

    def test_what_has_just_changed(self) -> None:
        """A file that may change once more without another stamp is read again."""
        self.files.later = 0
        path = self.file("one", b"1")
        self.pack(path)
        self.pack(path)
        self.assertEqual(self.files.was_read, ["one", "one"])

    def test_what_had_just_changed(self) -> None:
        """What counts is how old a file was when it was read, however long that took."""
        self.files.later = 0

        def aside(work: Callable[[], None]) -> Deferred[None]:
            work()
            self.files.later = LATER
            return succeed(None)

        self.packed = FileCache(self.files, aside)
        path = self.file("large", bytes(100_000))
        self.pack(path)
        self.pack(path)
        self.assertEqual(self.files.was_read, ["large", "large"])

    def test_changed_since(self) -> None:
        """A file that is not what it was when it was found is an error that names it."""
        path = self.file("one", b"1")
        wanted = self.stamps(path)
        self.file("one", b"22")
        error = self.failureResultOf(self.begin(wanted), FileChangedError)
        self.assertIn(path, str(error.value))

    def test_gone_since(self) -> None:
        """A file that is gone is an error that names it."""
        path = self.file("one", b"1")
        wanted = self.stamps(path)
        os.unlink(path)
        error = self.failureResultOf(self.begin(wanted), FileChangedError)
        self.assertIn(path, str(error.value))

    def test_bounded(self) -> None:
        """Beyond the bound, what was not wanted for longest is forgotten."""
        self.packed = FileCache(self.files, execute, most=2_000)
        one, two, three = (self.file(name, os.urandom(100)) for name in ("one", "two", "three"))
        self.pack(one)
        self.pack(two)
        self.pack(one)
        self.pack(three)
        self.files.was_read.clear()
        self.pack(one, two, three)
        self.assertEqual(self.files.was_read, ["two"])

    def test_more_than_fits(self) -> None:
        """Files that together are beyond the bound are given all the same."""
        self.packed = FileCache(self.files, execute, most=1)
        paths = [self.file(name, name.encode()) for name in ("one", "two")]
        self.assertEqual([file.file.content.read(9) for file in self.pack(*paths)], [b"one", b"two"])

    def test_large_ones_aside(self) -> None:
        """What takes long is done in a thread, one at a time, and who waits finds it done."""
        works: list[tuple[Callable[[], None], Deferred[None]]] = []

        def aside(work: Callable[[], None]) -> Deferred[None]:
            works.append((work, Deferred()))
            return works[-1][1]

        self.packed = FileCache(self.files, aside)
        wanted = self.stamps(self.file("large", bytes(100_000)))
        both = [self.begin(wanted), self.begin(wanted)]
        [(work, done)] = works
        work()
        done.callback(None)
        self.assertEqual(*map(self.successResultOf, both))
        self.assertEqual((len(works), self.files.was_read), (1, ["large"]))

    def test_given_up(self) -> None:
        """Whoever is interrupted while a thread works leaves the turn to the next."""
        waiting: list[Deferred[None]] = []

        def aside(work: Callable[[], None]) -> Deferred[None]:
            waiting.append(Deferred())
            return waiting[-1]

        self.packed = FileCache(self.files, aside)
        wanted = self.stamps(self.file("large", bytes(100_000)))
        first, _second = self.begin(wanted), self.begin(wanted)
        first.addErrback(lambda _: None)
        first.cancel()
        self.assertEqual(len(waiting), 2)
