"""Blobs by owner and digest: found by their owners, within bounds, and not forgotten while held."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.blob_room import _PER_BLOB, BlobStoreFullError
from twisted_distcc.content.blob_store import BlobStore
from twisted_distcc.content.body import IN_MEMORY, Body, Spool
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

KIB = 1024
LARGE = IN_MEMORY + 1
SMALL = 10 * KIB - _PER_BLOB  # in memory ten of these take 100 KiB
FILE = 100 * KIB - _PER_BLOB


def digest_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class StoreTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder, self.spool = os.path.abspath(self.mktemp()), os.path.abspath(self.mktemp())
        os.mkdir(self.spool)
        self.store = self.made(200 * KIB, 2000 * KIB)
        self.random = random.Random(11)

    def made(self, most_memory: int, most_disk: int) -> BlobStore:
        return BlobStore(self.folder, most_memory, most_disk)

    def files(self) -> list[str]:
        return os.listdir(self.folder) + os.listdir(self.spool)

    def body(self, data: bytes) -> Body:
        """The body of what has been received."""
        spool = Spool(self.spool)
        spool.write(data)
        return spool.finish()

    def add(self, owner: str, length: int) -> bytes:
        """Add a blob of bytes at random."""
        return self.store.add(owner, self.body(self.random.randbytes(length)))

    def has(self, owner: str, digest: bytes) -> bool:
        return not self.store.missing(owner, [digest])

    def kept(self, owner: str, digests: list[bytes]) -> str:
        """Draw which of the blobs are there."""
        missing = self.store.missing(owner, digests)
        return "".join(".x"[digest not in missing] for digest in digests)


class AddingTests(StoreTestCase):
    def test_what_is_added_is_found(self) -> None:
        """A blob is found by its SHA-256, in memory or on disk, as it is."""
        for data in (b"", b"int a;", bytes(IN_MEMORY), os.urandom(LARGE)):
            digest = self.store.add("alice", self.body(data))
            self.assertEqual(digest, digest_of(data))
            body = self.store.get("alice", digest)
            assert body is not None
            self.assertEqual((body.read(), body.length), (data, len(data)))
            self.assertEqual(body.path is not None, len(data) > IN_MEMORY)

    def test_where_files_lie(self) -> None:
        """A large blob is one file, of the store's folder, that nobody else may read."""
        digest = self.add("alice", LARGE)
        [name] = self.files()
        body = self.store.get("alice", digest)
        assert body is not None
        self.assertEqual(body.path, f"{self.folder}/{name}")
        self.assertEqual(os.stat(body.path).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.folder).st_mode & 0o777, 0o700)

    def test_a_large_body_in_memory(self) -> None:
        """What is large is put on disk, wherever it was."""
        data = os.urandom(LARGE)
        body = self.store.get("alice", self.store.add("alice", Body.of(data)))
        assert body is not None
        assert body.path is not None
        self.assertEqual((body.read(), body.data), (data, None))
        self.assertEqual(os.stat(body.path).st_mode & 0o777, 0o600)

    def test_twice(self) -> None:
        """What is there already is not kept twice, nor counted twice."""
        for data in (os.urandom(SMALL), os.urandom(FILE)):
            for _ in range(30):
                digest = self.store.add("alice", self.body(data))
        self.assertTrue(self.has("alice", digest))
        self.assertEqual(len(self.files()), 1)
        others = [self.add("alice", SMALL) for _ in range(9)]
        self.assertEqual(self.kept("alice", [*others, digest]), "x" * 10)

    def test_missing(self) -> None:
        """The digests that are not there are told in their order, each once."""
        there, a, b = self.add("alice", 9), digest_of(b"a"), digest_of(b"b")
        self.assertEqual(self.store.missing("alice", [b, there, a, b, there]), [b, a])
        self.assertIsNone(self.store.get("alice", a))

    def test_read(self) -> None:
        """A blob is read into memory up to a ceiling."""
        digest = self.store.add("alice", self.body(b"int a;"))
        self.assertEqual(self.store.read("alice", digest, 6), b"int a;")
        self.assertRaises(BodyTooLargeError, self.store.read, "alice", digest, 5)
        self.assertIsNone(self.store.read("alice", digest_of(b""), 6))
        self.assertIsNone(self.store.read("bob", digest, 6))

    def test_content(self) -> None:
        """A blob is the content of a file, if that has its size."""
        digest = self.store.add("alice", self.body(b"int a;"))
        content = self.store.content("alice", digest, 6)
        assert content is not None
        self.assertEqual((content.digest, content.read(6)), (digest, b"int a;"))
        self.assertIsNone(self.store.content("alice", digest_of(b""), 0))
        self.assertIsNone(self.store.content("bob", digest, 7))
        for size in (5, 7):
            self.assertRaises(RemoteProtocolError, self.store.content, "alice", digest, size)

    def test_a_full_disk(self) -> None:
        """If the disk takes no more, nothing of it is left, neither here nor where it came from."""
        body = self.body(os.urandom(LARGE))
        os.rmdir(self.folder)
        with open(self.folder, "x"):  # so there can be no folder
            pass
        self.assertRaises(OSError, self.store.add, "alice", body)
        self.assertEqual(os.listdir(self.spool), [])

    def test_a_disk_that_fills_up(self) -> None:
        """If the folder is on another disk, which is full, no part of a copy is left there."""
        body = self.body(os.urandom(LARGE))

        def copy_a_part(path: str, to: str) -> None:
            with open(to, "wb") as file:
                file.write(b"part")
            raise OSError(errno.ENOSPC, "full")

        other_disk = patch("os.rename", side_effect=OSError(errno.EXDEV, "another disk"))
        with other_disk, patch("shutil.move", copy_a_part):
            self.assertRaises(OSError, self.store.add, "alice", body)
        self.assertEqual(self.files(), [])

    def test_names(self) -> None:
        """Each memory has a name of its own, so that nobody takes it for one that had other blobs."""
        names = {self.made(0, 0).name for _ in range(9)}
        self.assertEqual((len(names), {len(name) for name in names}), (9, {16}))


class CleanedUpTests(StoreTestCase):
    def test_a_file_that_is_gone(self) -> None:
        """A blob whose file somebody has removed is missing, held or not, until it is added again."""
        large = bytes(LARGE)
        digest = self.store.add("ada", self.body(large))
        for digests in ((), (digest,)):
            held = self.store.hold("ada", digests)
            shutil.rmtree(self.folder)
            self.assertFalse(self.has("ada", digest))
            self.assertEqual(self.store.add("ada", self.body(large)), digest)
            self.assertEqual(self.store.read("ada", digest, LARGE), large)
            held.discard()
        self.assertEqual(len(self.files()), 1)


class OwnerTests(StoreTestCase):
    def test_others_blobs(self) -> None:
        """What one owner has is not there for another."""
        for length in (SMALL, LARGE):
            digest = self.add("alice", length)
            self.assertIsNone(self.store.get("bob", digest))
            self.assertEqual(self.store.missing("bob", [digest]), [digest])

    def test_the_same_blob(self) -> None:
        """Two that have the same have one each: what becomes of one is nothing to the other."""
        data = os.urandom(FILE)
        digest = self.store.add("alice", self.body(data))
        self.store.add("bob", self.body(data))
        self.assertEqual(len(self.files()), 2)
        for _ in range(10):
            self.add("alice", FILE)
        self.assertEqual((self.has("alice", digest), self.has("bob", digest)), (False, True))
        body = self.store.get("bob", digest)
        assert body is not None
        self.assertEqual(body.read(), data)

    def test_others_holds(self) -> None:
        """To hold a digest is no help to somebody else's blob of that digest."""
        digest = self.add("alice", SMALL)
        self.store.hold("bob", [digest])
        for _ in range(10):
            self.add("alice", SMALL)
        self.assertFalse(self.has("alice", digest))


class ForgettingTests(StoreTestCase):
    def test_half(self) -> None:
        """One owner has at most half, in memory and on disk; what was not used for longest goes."""
        for length in (SMALL, FILE):
            digests = [self.add("alice", length) for _ in range(12)]
            self.assertEqual(self.kept("alice", digests), ".." + 10 * "x")
        self.assertEqual(len(self.files()), 10)

    def test_use(self) -> None:
        """What was got or asked for is used."""
        first, second, third, *rest = [self.add("alice", SMALL) for _ in range(10)]
        self.store.get("alice", first)
        self.store.missing("alice", [third])
        self.add("alice", SMALL)
        self.add("alice", SMALL)
        self.assertEqual(self.kept("alice", [first, second, third, *rest]), "x.x." + "x" * 6)

    def test_the_one_that_has_most(self) -> None:
        """When all is used, the owner who has most forgets; who has less than others loses nothing."""
        few = [self.add("carol", SMALL) for _ in range(3)]
        many = [self.add("alice", SMALL) for _ in range(10)]
        some = [self.add("bob", SMALL) for _ in range(9)]
        self.assertEqual(self.kept("carol", few), "xxx")
        self.assertEqual(self.kept("alice", many), ".." + 8 * "x")
        self.assertEqual(self.kept("bob", some), 9 * "x")

    def test_tiny_blobs(self) -> None:
        """A blob takes room however few its bytes are."""
        digests = [self.store.add("alice", Body.of(b"%d" % number)) for number in range(500)]
        missing = self.store.missing("alice", digests)
        self.assertLessEqual(500 - len(missing), 100 * KIB // _PER_BLOB)
        self.assertEqual(digests[: len(missing)], missing)

    def test_too_large(self) -> None:
        """What is above half is refused, and nothing else is forgotten for it."""
        digest = self.add("alice", FILE)
        with self.assertRaisesRegex(BlobStoreFullError, "no room to keep 1023489 bytes"):
            self.add("alice", 1000 * KIB - _PER_BLOB + 1)
        self.assertTrue(self.has("alice", digest))
        self.assertEqual(len(self.files()), 1)
        self.add("alice", 1000 * KIB - _PER_BLOB)
        self.assertFalse(self.has("alice", digest))

    def test_nothing_is_left_of_an_owner(self) -> None:
        """Owners of whom nothing is kept take no memory."""
        for number in range(100):
            self.store.hold(f"user {number}", [self.add(f"user {number}", SMALL)]).discard()
        self.assertLessEqual(len(self.store._memory._shelves), 20)
        self.assertEqual(len(self.store._holders), 0)


class HoldingTests(StoreTestCase):
    def test_held(self) -> None:
        """What a job holds is not forgotten, nor its file removed; afterwards it may be."""
        for length in (SMALL, FILE):
            digests = [self.add("alice", length) for _ in range(3)]
            held = self.store.hold("alice", digests)
            for _ in range(20):
                self.add("alice", length)
            self.assertEqual(self.kept("alice", digests), "xxx")
            for digest in digests:
                body = self.store.get("alice", digest)
                assert body is not None
                self.assertEqual(digest_of(body.read()), digest)
            held.discard()
            for _ in range(10):
                self.add("alice", length)
            self.assertEqual(self.kept("alice", digests), "...")

    def test_held_before_it_is_there(self) -> None:
        """A job holds what it waits for, from when it comes."""
        data = os.urandom(FILE)
        held = self.store.hold("alice", [digest_of(data)])
        digest = self.store.add("alice", self.body(data))
        for _ in range(20):
            self.add("alice", FILE)
        self.assertTrue(self.has("alice", digest))
        held.discard()
        for _ in range(10):
            self.add("alice", FILE)
        self.assertFalse(self.has("alice", digest))

    def test_two_jobs(self) -> None:
        """What two jobs hold is free when both are over, however often each has said so."""
        digest = self.add("alice", SMALL)
        one, two = self.store.hold("alice", [digest]), self.store.hold("alice")
        two.add([digest, digest])
        two.add([digest])
        one.discard()
        one.discard()
        for _ in range(10):
            self.add("alice", SMALL)
        self.assertTrue(self.has("alice", digest))
        two.discard()
        for _ in range(10):
            self.add("alice", SMALL)
        self.assertFalse(self.has("alice", digest))

    def test_a_job_that_is_over(self) -> None:
        """A job that is over holds nothing any more, whatever is still found that it would need."""
        digest = self.add("alice", SMALL)
        held = self.store.hold("alice")
        held.discard()
        held.add([digest])
        for _ in range(10):
            self.add("alice", SMALL)
        self.assertFalse(self.has("alice", digest))

    def test_it_was_used(self) -> None:
        """What a job held until now goes last."""
        digests = [self.add("alice", SMALL) for _ in range(10)]
        self.store.hold("alice", digests[:1]).discard()
        self.add("alice", SMALL)
        self.assertEqual(self.kept("alice", digests), "x." + 8 * "x")

    def test_no_room_beside_what_is_held(self) -> None:
        """When all of an owner's half is held there is no room, and nothing of it is left."""
        held = self.store.hold("alice", [self.add("alice", FILE) for _ in range(10)])
        with self.assertRaisesRegex(BlobStoreFullError, "alice"):
            self.add("alice", LARGE)
        self.assertEqual(len(self.files()), 10)
        bob = self.add("bob", FILE)
        held.discard()
        digest = self.add("alice", LARGE)
        self.assertEqual((self.has("alice", digest), self.has("bob", bob)), (True, True))

    def test_no_room_beside_what_all_hold(self) -> None:
        """What all hold together is bounded, too."""
        self.store.hold("alice", [self.add("alice", FILE) for _ in range(10)])
        bobs = self.store.hold("bob", [self.add("bob", FILE) for _ in range(10)])
        self.assertRaises(BlobStoreFullError, self.add, "carol", LARGE)
        self.assertEqual(len(self.files()), 20)
        bobs.discard()
        self.assertTrue(self.has("carol", self.add("carol", LARGE)))

    def test_who_has_most_holds_all(self) -> None:
        """If the one who has most needs all of it, the next one forgets."""
        self.store.hold("alice", [self.add("alice", SMALL) for _ in range(10)])
        bobs = [self.add("bob", SMALL) for _ in range(8)]
        carols = [self.add("carol", SMALL) for _ in range(4)]
        self.assertEqual(self.kept("bob", bobs), ".." + 6 * "x")
        self.assertEqual(self.kept("carol", carols), 4 * "x")


class ThreadTests(StoreTestCase):
    def test_many_at_once(self) -> None:
        """Threads that add, hold, read and let go find what they hold; nothing is left over or lost."""

        def work(number: int) -> bool:
            chance, owner = random.Random(number), f"user {number % 3}"
            right = True
            for _ in range(20):
                data = chance.randbytes(chance.choice([100, SMALL // 4, LARGE]))
                held = self.store.hold(owner, [digest_of(data)])
                digest = self.store.add(owner, self.body(data))
                right = right and self.store.read(owner, digest, LARGE) == data
                held.discard()
            return right

        with ThreadPoolExecutor(8) as threads:
            self.assertEqual(list(threads.map(work, range(24))), [True] * 24)
        rooms = (self.store._memory, self.store._disk)
        for room in rooms:
            shelves = room._shelves.values()
            self.assertEqual(sum(shelf.used for shelf in shelves), room._used)
            self.assertEqual(room._used_by_held + sum(len(shelf.held) for shelf in shelves), 0)
            self.assertLessEqual(room._used, room._most)
        kept = sum(len(shelf.idle) for shelf in self.store._disk._shelves.values())
        self.assertEqual((len(self.files()), len(self.store._holders)), (kept, 0))
