"""Folders in canonical form, held against protocol buffers' own library."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from typing import Any, Final
from unittest.mock import patch

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content import directories as module
from twisted_distcc.content.directories import Directory, UnsendableTreeError, decode, encode
from twisted_distcc.errors import RemoteProtocolError

STRING, INT64, BOOL, MESSAGE = 9, 3, 8, 11
# The fields of the Remote Execution API's messages: number, type, whose message, and whether repeated.
FIELDS: Final = {
    "Digest": {"hash": (1, STRING, "", False), "size_bytes": (2, INT64, "", False)},
    "NodeProperties": {},
    "FileNode": {
        "name": (1, STRING, "", False),
        "digest": (2, MESSAGE, "Digest", False),
        "is_executable": (4, BOOL, "", False),
        "node_properties": (6, MESSAGE, "NodeProperties", False),
    },
    "DirectoryNode": {"name": (1, STRING, "", False), "digest": (2, MESSAGE, "Digest", False)},
    "SymlinkNode": {
        "name": (1, STRING, "", False),
        "target": (2, STRING, "", False),
        "node_properties": (4, MESSAGE, "NodeProperties", False),
    },
    "Directory": {
        "files": (1, MESSAGE, "FileNode", True),
        "directories": (2, MESSAGE, "DirectoryNode", True),
        "symlinks": (3, MESSAGE, "SymlinkNode", True),
        "node_properties": (5, MESSAGE, "NodeProperties", False),
    },
}


def message_classes() -> dict[str, Any]:
    """The classes that protocol buffers' library makes of `FIELDS`."""
    file = descriptor_pb2.FileDescriptorProto(name="re.proto", package="re", syntax="proto3")
    for message, fields in FIELDS.items():
        described = file.message_type.add(name=message)
        for name, (number, kind, of, repeated) in fields.items():
            label = 3 if repeated else 1
            field = described.field.add(name=name, number=number, type=kind, label=label)
            if of:
                field.type_name = f".re.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"re.{name}"))
        for name in FIELDS
    }


MESSAGES: Final = message_classes()


def as_message(directory: Directory) -> Any:
    message = MESSAGES["Directory"]()
    for nodes, group in ((directory.files, message.files), (directory.folders, message.directories)):
        for name, digest, size in nodes:
            node = group.add(name=name.decode())
            node.digest.hash, node.digest.size_bytes = digest.hex(), size
    for name, target in directory.links:
        message.symlinks.add(name=name.decode(), target=target.decode())
    return message


def by_protobuf(directory: Directory) -> bytes:
    return bytes(as_message(directory).SerializeToString(deterministic=True))


def digest_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


ALPHABET: Final = st.characters(exclude_categories=["Cs"], exclude_characters="/\0")
NAMES: Final = (
    st.text(ALPHABET, min_size=1, max_size=8)
    | st.integers(1, 255).map("n".__mul__)  # where a length takes one byte more
).filter(lambda name: name not in {".", ".."})
SIZES: Final = (
    st.integers(0, 300) | st.integers(0, 2**63 - 1) | st.sampled_from([127, 128, 16383, 16384])
)
DIGESTS: Final = st.binary(min_size=32, max_size=32)
TARGETS: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Folders of all kinds of entries."""
    names = [name.encode() for name in draw(st.lists(NAMES, unique=True, max_size=12))]
    kinds = {name: draw(st.sampled_from("fdl")) for name in names}
    files, folders = (
        tuple((name, draw(DIGESTS), draw(SIZES)) for name in sorted(names) if kinds[name] == kind)
        for kind in "fd"
    )
    links = tuple((name, draw(TARGETS).encode()) for name in sorted(names) if kinds[name] == "l")
    return Directory(files, folders, links)


def plain(directory: Directory) -> Directory:
    return Directory(*map(tuple, directory))


quietly = settings(derandomize=True, deadline=None, database=None)

D = bytes(range(32))
EMPTY_DIGEST = digest_of(b"")
FILE: Final = (b"a.h", D, 5)
HEX = D.hex().encode()


class EncodingTests(SynchronousTestCase):
    @quietly
    @given(directories())
    def test_protocol_buffers_library(self, directory: Directory) -> None:
        """The library writes the same bytes, and both read them as the same folder."""
        encoded = encode(directory)
        self.assertEqual(encoded, by_protobuf(directory))
        self.assertEqual(plain(decode(encoded)), directory)
        self.assertEqual(MESSAGES["Directory"].FromString(encoded), as_message(directory))

    def test_bytes(self) -> None:
        """One folder, byte by byte."""
        directory = Directory([FILE], [(b"sub", D, 300)], [(b"z", b"../a.h")])
        file = b"\x0a\x4b" + b"\x0a\x03a.h" + b"\x12\x44" + b"\x0a\x40" + HEX + b"\x10\x05"
        folder = b"\x12\x4c" + b"\x0a\x03sub" + b"\x12\x45" + b"\x0a\x40" + HEX + b"\x10\xac\x02"
        link = b"\x1a\x0b" + b"\x0a\x01z" + b"\x12\x06../a.h"
        self.assertEqual(encode(directory), file + folder + link)

    def test_programs(self) -> None:
        """Files that can be executed are among the others, by name, and say so in field 4."""
        directory = Directory([FILE, (b"z.h", D, 0)], (), (), [(b"cc1", D, 300)])
        plain = encode(Directory([FILE, (b"cc1", D, 300), (b"z.h", D, 0)]))
        one, other = (encode(Directory([found])) for found in (FILE, (b"z.h", D, 0)))
        length = len(plain) - len(one) - len(other)
        program = b"\x0a" + bytes([length]) + plain[len(one) + 2 : -len(other)] + b"\x20\x01"
        self.assertEqual(encode(directory), one + program + other)
        with self.assertRaises(UnsendableTreeError):
            encode(Directory([FILE], (), (), [FILE]))
        with self.assertRaises(RemoteProtocolError):
            decode(encode(directory))

    def test_an_empty_folder(self) -> None:
        """The folder with nothing in it is no bytes."""
        self.assertEqual(encode(Directory()), b"")
        self.assertEqual(decode(b""), Directory([], [], []))

    def test_lengths_of_names_and_sizes(self) -> None:
        """Every length of a name, with every length of a size, is as the library has it."""
        for size in [0, *(2**power - 1 for power in range(1, 64)), *(2**power for power in range(63))]:
            name = b"n" * (1 + size % 255)
            directory = Directory(
                ((name, D, size),), ((name + b"d", D, size),) if len(name) < 255 else ()
            )
            self.assertEqual(encode(directory), by_protobuf(directory))
            self.assertEqual(plain(decode(encode(directory))), directory)
        for length in range(1, 256):
            directory = Directory(((b"n" * length, D, 99),), (), ((b"k" * length, b"t" * 16 * length),))
            self.assertEqual(encode(directory), by_protobuf(directory))
            self.assertEqual(plain(decode(encode(directory))), directory)

    def test_what_has_no_form(self) -> None:
        """Names, targets, digests and sizes that a peer would refuse are not sent."""
        bad_names = (
            b"",
            b".",
            b"..",
            b"a/b",
            b"/",
            b"a\0b",
            b"n" * 256,
            b"\xff",
            b"\xed\xa0\x80",
            b"\xc3",
        )
        for name in bad_names:
            for bad in (
                Directory([(name, D, 1)]),
                Directory([], [(name, D, 1)]),
                Directory([], [], [(name, b"t")]),
            ):
                self.assertRaises(UnsendableTreeError, encode, bad)
        for target in (b"", b"a\0", b"\xff", b"t" * 4097):
            self.assertRaises(UnsendableTreeError, encode, Directory([], [], [(b"l", target)]))
        for digest, size in ((b"", 1), (D[1:], 1), (D * 2, 1), (D, -1), (D, 2**63)):
            self.assertRaises(UnsendableTreeError, encode, Directory([(b"a", digest, size)]))

    def test_split_characters(self) -> None:
        """Names that are UTF-8 only when they are joined are none."""
        self.assertRaises(UnsendableTreeError, encode, Directory([(b"a\xc3", D, 1), (b"\xa9b", D, 1)]))

    def test_order(self) -> None:
        """What is not sorted, or is there twice, has no form."""
        a, b = (b"a", D, 1), (b"b", D, 1)
        for bad in (
            Directory([b, a]),
            Directory([a, a]),
            Directory([a], [a]),
            Directory([a], [], [(b"a", b"t")]),
            Directory([], [a], [(b"a", b"t")]),
            Directory([], [], [(b"b", b"t"), (b"a", b"t")]),
        ):
            self.assertRaises(UnsendableTreeError, encode, bad)


def varint(number: int, longer: int = 0) -> bytes:
    """A number as protocol buffers write it, or in so many bytes more than it needs."""
    made = []
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    for _ in range(longer):
        made[-1] |= 128
        made.append(0)
    return bytes(made)


def counted(tag: int, content: bytes, longer: int = 0) -> bytes:
    """A field that has a length."""
    return bytes((tag,)) + varint(len(content), longer) + content


def node(
    tag: int = 0x0A,
    name: bytes = b"a.h",
    digest: bytes = HEX,
    sized: bytes = b"\x10\x05",
    after: bytes = b"",
) -> bytes:
    """A file or a folder, written by hand."""
    return counted(tag, counted(0x0A, name) + counted(0x12, counted(0x0A, digest) + sized) + after)


class HostileTests(SynchronousTestCase):
    def refuses(self, data: bytes) -> None:
        with self.assertRaises(RemoteProtocolError, msg=repr(data)):
            decode(data)

    def test_the_right_one(self) -> None:
        """What the other tests change is right before that."""
        self.assertEqual(plain(decode(node())), Directory((FILE,), (), ()))

    def test_names(self) -> None:
        """No name is empty, leads elsewhere, or is longer than a file system takes."""
        for name in (b"", b".", b"..", b"a/b", b"..//", b"a\0b", b"n" * 256, b"\xff", b"\xed\xa0\x80"):
            self.refuses(node(name=name))
            self.refuses(node(0x12, name=name))
            self.refuses(counted(0x1A, counted(0x0A, name) + counted(0x12, b"target")))

    def test_digests(self) -> None:
        """A digest is 64 hexadecimal digits in lower case."""
        for digest in (b"", HEX[1:], HEX + b"0", HEX + b"00", HEX.upper(), b"g" * 64, b" " + HEX[1:]):
            self.refuses(node(digest=digest))
            self.refuses(node(digest=digest) + node(name=b"b"))
        self.refuses(counted(0x0A, counted(0x0A, b"a.h")))
        self.refuses(counted(0x0A, counted(0x12, counted(0x0A, HEX))))

    def test_sizes(self) -> None:
        """A size is not negative, and is written as short as can be."""
        self.assertEqual(decode(node(sized=b"\x10" + varint(2**63 - 1))).files[0][2], 2**63 - 1)
        for size in (2**63, 2**64 - 1, 2**70):
            self.refuses(node(sized=b"\x10" + varint(size)))
        for sized in (
            b"\x10\x00",
            b"\x10" + varint(5, longer=1),
            b"\x10",
            b"\x10\x85",
            b"\x10\x05\x10\x05",
        ):
            self.refuses(node(sized=sized))
        self.refuses(node(sized=b"\x10" + b"\xff" * 10_000))

    def test_other_properties(self) -> None:
        """Neither files that can be executed, nor properties, nor fields that nobody knows."""
        for after in (b"\x20\x01", b"\x20\x00", b"\x32\x00", b"\x38\x01", counted(0x7A, b"x")):
            self.refuses(node(after=after))
            self.refuses(node(0x12, after=after))
            self.refuses(node() + after)
            self.refuses(node(sized=b"\x10\x05" + after))
            self.refuses(counted(0x1A, counted(0x0A, b"l") + counted(0x12, b"t") + after))

    def test_order(self) -> None:
        """Entries are sorted, fields too, and each is there once."""
        a, b = node(name=b"a"), node(name=b"b")
        link = counted(0x1A, counted(0x0A, b"l") + counted(0x12, b"t"))
        self.assertEqual(decode(a + b + node(0x12, b"c") + link).entries, 4)
        for data in (b + a, a + a, node(0x12, b"c") + a, link + a, link + node(0x12, b"c"), link + link):
            self.refuses(data)
        self.refuses(a + node(0x12, b"a"))
        self.refuses(counted(0x1A, counted(0x12, b"t") + counted(0x0A, b"l")))
        self.refuses(counted(0x0A, counted(0x12, counted(0x0A, HEX)) + counted(0x0A, b"a")))

    def test_overlong_lengths(self) -> None:
        """A length is written in as few bytes as it needs."""
        content = counted(0x0A, b"a.h") + counted(0x12, counted(0x0A, HEX))
        for longer in (1, 2, 3):
            self.refuses(counted(0x0A, content, longer))
            self.refuses(
                counted(0x0A, counted(0x0A, b"a.h", longer) + counted(0x12, counted(0x0A, HEX)))
            )
            self.refuses(
                counted(0x0A, counted(0x0A, b"a.h") + counted(0x12, counted(0x0A, HEX), longer))
            )
            self.refuses(
                counted(0x0A, counted(0x0A, b"a.h") + counted(0x12, counted(0x0A, HEX, longer)))
            )
            self.refuses(counted(0x1A, counted(0x0A, b"l") + counted(0x12, b"t", longer)))

    def test_links(self) -> None:
        """A link has a target that a file system takes."""
        for target in (b"", b"a\0", b"\xff", b"t" * 4097):
            self.refuses(counted(0x1A, counted(0x0A, b"l") + counted(0x12, target)))
        self.refuses(counted(0x1A, counted(0x0A, b"l")))

    def test_pieces(self) -> None:
        """No part of a folder is one, unless an entry ends there."""
        data = encode(Directory([FILE, (b"b.h", D, 70_000)], [(b"sub", D, 300)], [(b"z", b"../a.h")]))
        ends = [0, 77, 77 + 79, 77 + 79 + 78]
        for length in range(len(data)):
            if length not in ends:
                self.refuses(data[:length])
        for end in ends:
            decode(data[:end])

    def test_a_digest_that_is_cut_short(self) -> None:
        """Nor if what is missing is the end of the last digest, with no size after it."""
        data = encode(Directory([(b"empty.h", EMPTY_DIGEST, 0)]))
        for length in range(1, len(data)):
            self.refuses(data[:length])

    def test_short_entries_with_long_names(self) -> None:
        """Entries with names beyond their own end are refused before they take memory."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.refuses(b"\x0a\x03\x0a\xff\x7f" * 2000)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1024 * 1024)

    def test_too_many(self) -> None:
        """No more entries are read than were asked for."""
        data = node(name=b"a") + node(name=b"b")
        self.assertEqual(len(decode(data, 2).files), 2)
        self.assertRaises(RemoteProtocolError, decode, data, 1)
        self.assertRaises(RemoteProtocolError, decode, data, 0)
        data = encode(Directory([FILE], [(b"d", D, 1)], [(b"l", b"t")]))
        self.assertEqual(decode(data, 3).entries, 3)
        for most in (0, 1, 2):
            self.assertRaises(RemoteProtocolError, decode, data, most)


class PartsTests(HostileTests):
    """Directories that are read in parts of one entry: the same is refused."""

    def setUp(self) -> None:
        self.patch(module, "PART", 1)

    def test_across_parts(self) -> None:
        """What is wrong between two parts is noticed, and what is right comes in parts."""
        names = [b"%03d" % number for number in range(10)]
        whole = b"".join(node(name=name) for name in names)
        parts = list(module.decode_parts(whole))
        self.assertEqual([part.files[0][0] for part in parts], names)
        self.assertEqual([name for name, _, _ in decode(whole).files], names)
        self.refuses(whole + node(name=b"001"))
        self.refuses(whole + node(0x12, b"zz") + node(0x12, b"001"))
        self.refuses(whole + node(0x12, b"001"))
        self.refuses(whole + b"?")
        with self.assertRaises(RemoteProtocolError):
            decode(whole, most=9)


class AnyBytesTests(SynchronousTestCase):
    @settings(quietly, max_examples=300)
    @given(directories(), st.randoms(use_true_random=False))
    def test_changed_bytes(self, directory: Directory, chance: random.Random) -> None:
        """Whatever is accepted is what the library writes for it, and says the same."""
        data = bytearray(encode(directory))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data) + 1)
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        self.check(bytes(data))

    @settings(quietly, max_examples=300)
    @given(st.binary(max_size=200))
    @example(b"\x0a")
    @example(b"\x0a\x00")
    @example(b"\x1a\x02\x0a\x00")
    def test_any_bytes(self, data: bytes) -> None:
        """So too for bytes that never were a folder."""
        self.check(data)

    def check(self, data: bytes) -> None:
        directory = self.decoded(data)
        if directory is not None:
            self.assertEqual(by_protobuf(directory), data)
        with patch.object(module, "PART", 1):
            in_parts = self.decoded(data)
        self.assertEqual(in_parts and plain(in_parts), directory and plain(directory))

    def decoded(self, data: bytes) -> Directory | None:
        try:
            return decode(data)
        except RemoteProtocolError:
            return None
