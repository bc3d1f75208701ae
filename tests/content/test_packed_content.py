"""The contents of files, packed: kept, read, expanded within bounds, and told from others."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from threading import BoundedSemaphore

from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_lzo import burst
from twisted_distcc.content import packed_content
from twisted_distcc.content.body import IN_MEMORY, PIECE
from twisted_distcc.content.file_content import Contents, Hash, RunFilter
from twisted_distcc.content.filter import NO_ROOM
from twisted_distcc.content.local_content import packed_form
from twisted_distcc.content.lzo import compress, expand
from twisted_distcc.content.packed_content import PackedContent, PackedSpool
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

MIB = 1024 * 1024


def no_filter(*_: object) -> int:
    raise AssertionError("no program is wanted for this")


class Plain:
    """Content that is kept as it is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def identify(self, hashed: Hash) -> None:
        hashed.update(self._data)

    def largest(self) -> int:
        return self.length

    def read(self, ceiling: int) -> bytes:
        assert self.length <= ceiling
        return self._data

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
        return os.write(descriptor, self.read(ceiling))


class ContentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()

    def write(self, content: PackedContent, ceiling: int, run_filter: RunFilter = no_filter) -> int:
        with open(self.path, "wb") as file:
            return content.write(file.fileno(), ceiling, run_filter)

    def written(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def test_there_and_back(self) -> None:
        """What is packed is read and written as it was, and takes what LZO1X makes of it."""
        for data in (b"", b"int a;\n" * 99, os.urandom(300_000)):
            content = PackedContent.of(data)
            self.assertEqual((content.data(), content.length), (compress(data), len(compress(data))))
            self.assertEqual(content.read(len(data)), data)
            self.assertEqual(self.write(content, len(data)), len(data))
            self.assertEqual(self.written(), data)

    def test_too_much(self) -> None:
        """Neither memory nor the disk takes more than the ceiling, to the byte."""
        content = PackedContent.of(bytes(1000))
        self.assertEqual(len(content.read(1000)), 1000)
        self.assertRaises(BodyTooLargeError, content.read, 999)
        self.assertRaises(BodyTooLargeError, self.write, content, 999)
        self.assertEqual(self.written(), b"")

    def test_what_is_none(self) -> None:
        """What is not LZO1X is refused."""
        content = PackedContent.packed(b"\xff" * 20)
        self.assertRaises(RemoteProtocolError, content.read, MIB)
        self.assertRaises(RemoteProtocolError, self.write, content, MIB)

    def test_what_may_burst(self) -> None:
        """What may become more than memory should hold is written by a filter, with its ceiling."""
        content = PackedContent.packed(burst(MIB))
        self.assertGreater(content.largest(), 64 * MIB)
        asked = []

        def run_filter(direction: str, ceiling: int, source: int, target: int) -> int:
            asked.append((direction, ceiling, os.read(source, 2 * MIB) == content.data()))
            return 0 if os.write(target, b"expanded") else 1

        self.assertEqual(self.write(content, 12345, run_filter), len(b"expanded"))
        self.assertEqual((asked, self.written()), ([("expand", 12345, True)], b"expanded"))

    def test_a_filter_that_fails(self) -> None:
        """A full disk is the disk's fault, and anything else the peer's."""
        content = PackedContent.packed(burst(MIB))
        full = self.assertRaises(OSError, self.write, content, MIB, lambda *_: NO_ROOM)
        self.assertEqual(full.errno, errno.ENOSPC)
        for code in (os.EX_DATAERR, -9):
            self.assertRaises(BodyTooLargeError, self.write, content, MIB, lambda *_, code=code: code)

    def test_in_turn(self) -> None:
        """A large file is read and expanded when it is its turn; a small one waits for nobody."""
        turns = BoundedSemaphore(1)
        self.patch(packed_content, "_TURNS", turns)
        free: list[bool] = []
        for size in (40_000, 1000):
            packed = compress(os.urandom(size))

            def read(start: int, length: int, packed: bytes = packed) -> bytes:
                if is_free := turns.acquire(blocking=False):
                    turns.release()
                free.append(is_free)
                return packed[start : start + length]

            kept = PackedSpool()
            kept.part = read
            self.write(PackedContent(kept, 0, len(packed)), 1_000_000)
        self.assertEqual(free, [False, True])

    def test_identity(self) -> None:
        """Contents are told from others by all their bytes as they are kept, however many."""
        for data in (b"", b"int a;\n", os.urandom(2 * PIECE)):
            hashed = hashlib.sha256()
            PackedContent.of(data).identify(hashed)
            self.assertEqual(hashed.digest(), hashlib.sha256(compress(data)).digest())

    def test_packed_form(self) -> None:
        """What is packed is sent as it is; what is kept otherwise is packed for that."""
        content = PackedContent.of(b"int a;")
        self.assertIs(packed_form(content), content)
        self.assertEqual(packed_form(Plain(b"int a;")).data(), content.data())


class SpoolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)

    def files(self) -> list[str]:
        return os.listdir(self.directory)

    def spool(self, *datas: bytes) -> tuple[PackedSpool, list[PackedContent]]:
        spool = PackedSpool(self.directory)
        contents = []
        for data in datas:
            packed = compress(data)
            contents.append(spool.add(len(packed)))
            spool.write(packed)
        spool.finish()
        return spool, contents

    def test_contents(self) -> None:
        """Each file has its own bytes again, from memory and from disk, where they are one file."""
        for size, files in ((100, 0), (IN_MEMORY, 1)):
            datas = (os.urandom(size), b"", os.urandom(size))
            spool, contents = self.spool(*datas)
            self.assertEqual(spool.length, sum(content.length for content in contents))
            with spool.opened():
                self.assertEqual([content.read(MIB) for content in contents], [*datas])
            self.assertEqual(len(self.files()), files)
            spool.discard()
            self.assertEqual(self.files(), [])

    def test_given_up_before_it_is_whole(self) -> None:
        """Nothing is left of a spool that was discarded while it was filled."""
        spool = PackedSpool(self.directory)
        spool.write(bytes(IN_MEMORY + 1))
        self.assertEqual(len(self.files()), 1)
        spool.discard()
        self.assertEqual(self.files(), [])

    def test_discarded(self) -> None:
        """Discarded contents cannot be opened; whoever has them open reads on, and closes them."""
        spool, [content] = self.spool(os.urandom(2 * IN_MEMORY))
        before = len(os.listdir("/proc/self/fd"))
        with spool.opened():
            spool.discard()
            self.assertEqual(len(content.read(MIB)), 2 * IN_MEMORY)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertRaises(FileNotFoundError, spool.opened().__enter__)
        self.assertRaises(FileNotFoundError, spool.opened().__enter__)

    def test_several_readers(self) -> None:
        """They are open for as long as anybody reads them, in whichever thread."""
        spool, [content] = self.spool(os.urandom(2 * IN_MEMORY))
        self.addCleanup(spool.discard)
        read: list[bytes] = []

        def work() -> None:
            with spool.opened():
                read.append(content.data())

        with spool.opened():
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            self.assertEqual(read, [content.data()])
        self.assertRaises(AssertionError, content.data)

    def test_short(self) -> None:
        """A file whose bytes are not all there is an error, and not a shorter file."""
        spool, [content] = self.spool(os.urandom(2 * IN_MEMORY))
        [name] = self.files()
        os.truncate(os.path.join(self.directory, name), content.length - 1)
        with spool.opened():
            error = self.assertRaises(OSError, content.read, MIB)
            self.assertIn("1 bytes too early", str(error))
        spool.discard()

    def test_in_memory(self) -> None:
        """Contents of a client's own need not be opened, and nothing is given up with them."""
        content, contents = PackedContent.of(b"int a;"), Contents()
        contents.discard()
        with contents.opened():
            self.assertEqual(expand(content.data(), 6), b"int a;")
