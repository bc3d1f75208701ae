"""Which files a program opens when it starts: read from its header, and told by its loader."""

from __future__ import annotations

import contextlib
import os
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain.elf import NotAProgramError, interpreter, needed

LOADER = b"/lib/ld-linux.so.9\0"


def program(order: str, *, wide: bool, loader: bytes = LOADER, others: int = 1) -> bytes:
    """Make the smallest file with these program headers: `others` of another kind, then the loader's."""
    head = 64 if wide else 52
    size = 56 if wide else 32
    kinds = [1] * others + [3] * bool(loader)
    offset = head + size * len(kinds)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if wide else "I"
    rest = struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH", 2, 62, 1, 0, head, 0, 0, head, size, len(kinds), 0, 0, 0
    )
    rows = (_row(order, wide, kind, offset, len(loader)) for kind in kinds)
    return ident + rest + b"".join(rows) + loader + bytes(64)


def _row(order: str, wide: bool, kind: int, offset: int, length: int) -> bytes:
    if wide:
        return struct.pack(f"{order}IIQQQQQQ", kind, 4, offset, 0, 0, length, length, 1)
    return struct.pack(f"{order}IIIIIIII", kind, offset, 0, 0, length, length, 4, 1)


class InterpreterTests(SynchronousTestCase):
    def read(self, data: bytes) -> str | None:
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        return interpreter(path)

    def test_every_layout(self) -> None:
        """32 and 64 bits, least and most significant byte first."""
        for order in "<>":
            for wide in (False, True):
                made = program(order, wide=wide)
                self.assertEqual(self.read(made), "/lib/ld-linux.so.9", (order, wide))
                self.assertIsNone(self.read(program(order, wide=wide, loader=b"")), (order, wide))

    def test_no_programs(self) -> None:
        """Scripts, nothing, halves of a header and another byte order are no programs."""
        whole = program("<", wide=True)
        for data in (
            b"",
            b"#!/bin/sh\nexec gcc\n",
            b"\x7fELF",
            whole[:40],
            whole[:5] + b"\3" + whole[6:],
        ):
            with self.assertRaises(NotAProgramError):
                self.read(data)

    @given(
        st.binary(min_size=58, max_size=300),
        st.sampled_from([b"\1", b"\2"]),
        st.sampled_from([b"\1", b"\2"]),
    )
    def test_any_header(self, data: bytes, width: bytes, order: bytes) -> None:
        """Whatever a header claims of tables and lengths, reading it ends."""
        with contextlib.suppress(NotAProgramError):
            found = self.read(b"\x7fELF" + width + order + data)
            self.assertTrue(found is None or os.path.isabs(found), found)

    def test_cut_short(self) -> None:
        """A table that ends early has no loader in what is missing; one without a name is none."""
        whole = program("<", wide=True)
        for length in range(64, 64 + 56 + 40):
            self.assertIsNone(self.read(whole[:length]))
        for data in (whole[: 64 + 56 * 2], program("<", wide=True, loader=b"ld.so\0")):
            with self.assertRaises(NotAProgramError):
                self.read(data)

    def test_far_away(self) -> None:
        """A table, or a loader's name, that begins beyond the end of the file is not there."""
        for place in (32, 64 + 56 + 8):
            made = bytearray(program("<", wide=True))
            struct.pack_into("<Q", made, place, 2**64 - 1)
            try:
                self.assertIsNone(self.read(bytes(made)))
            except NotAProgramError:
                self.assertGreater(place, 64)

    def test_rows_of_no_size(self) -> None:
        """A table of rows without length is read once, not for ever."""
        made = bytearray(program("<", wide=True))
        struct.pack_into("<HH", made, 54, 0, 0xFFFF)
        self.assertIsNone(self.read(bytes(made)))


class NeededTests(SynchronousTestCase):
    def test_the_shell(self) -> None:
        """The loader and the C library, which are there, by the paths under which they are opened."""
        loader, *libraries = needed("/bin/sh")
        self.assertEqual(loader, interpreter("/bin/sh"))
        self.assertTrue(any("libc" in library for library in libraries))
        for path in (loader, *libraries):
            self.assertTrue(os.path.isfile(path), path)

    def test_a_program_without_a_loader(self) -> None:
        """A static program needs nothing."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(program("<", wide=True, loader=b""))
        self.assertEqual(needed(path), ())
