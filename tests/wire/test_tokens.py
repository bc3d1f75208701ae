"""The twelve bytes at the head of a token."""

from __future__ import annotations

from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import PROPERTY
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.tokens import (
    HEADER_LENGTH,
    LARGEST,
    decode_header,
    encode_header,
    spell,
)

WRONG: Final = (
    b"DIST0000000A",
    b"DIST+0000001",
    b"DIST-0000001",
    b"DIST 0000001",
    b"DIST0000001 ",
    b"DIST0000001\n",
    b"DIST0000_001",
    b"DIST0x000001",
    b"DIST0000000g",
    b"DIST\x00\x00\x00\x00\x00\x00\x00\x01",
    "DIST0000000\u0661".encode()[:HEADER_LENGTH],
    b"dist00000001",
    b"Dist00000001",
    b"DIS100000001",
    b"DIS 00000001",
    b"\xc4IST00000001",
    b"GET / HTTP/1",
    b"SSH-2.0-Open",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
    b"",
    b"DIST",
    b"DIST0000001",
)


class EncodingTests(SynchronousTestCase):
    """Names and numbers become headers."""

    def test_form(self) -> None:
        """A header is four letters and eight lower-case hexadecimal digits."""
        self.assertEqual(encode_header(b"ARGC", 0xABCDEF), b"ARGC00abcdef")
        self.assertEqual(encode_header(b"DOTI", 0), b"DOTI00000000")
        self.assertEqual(encode_header(b"DOTI", LARGEST), b"DOTIffffffff")

    def test_too_large(self) -> None:
        """A number that needs a ninth digit, or a sign, is our own fault."""
        for value in (LARGEST + 1, -1):
            error = self.assertRaises(LocalProtocolError, encode_header, b"DOTI", value)
            self.assertEqual(str(error), f"{value} does not fit into a DOTI token")

    def test_too_large_and_unspeakable(self) -> None:
        """The fault is the same whatever the bytes of the name are."""
        self.assertRaises(LocalProtocolError, encode_header, b"\xff\xfe\xfd\xfc", -1)


class DecodingTests(SynchronousTestCase):
    """Headers become names and numbers."""

    def test_form(self) -> None:
        """A name and a number come back."""
        self.assertEqual(decode_header(b"ARGC00abcdef"), (b"ARGC", 0xABCDEF))
        self.assertEqual(decode_header(b"ZZZZffffffff"), (b"ZZZZ", LARGEST))

    def test_wrong(self) -> None:
        """Upper-case digits, signs, spaces, other protocols and short pieces are the peer's fault."""
        for header in WRONG:
            error = self.assertRaises(RemoteProtocolError, decode_header, header)
            self.assertIn(repr(header), str(error))

    def test_tls(self) -> None:
        """What begins as TLS does is called so: the client has mistaken the port."""
        for header in WRONG:
            error = self.assertRaises(RemoteProtocolError, decode_header, header)
            self.assertEqual("that is TLS" in str(error), header.startswith(b"\x16\x03"), header)

    @PROPERTY
    @given(st.binary(min_size=HEADER_LENGTH, max_size=HEADER_LENGTH))
    @example(b"ABCD0000000a")
    def test_any_bytes(self, header: bytes) -> None:
        """Any twelve bytes are refused, or are the one form of what they mean."""
        try:
            name, value = decode_header(header)
        except RemoteProtocolError:
            return
        self.assertEqual(encode_header(name, value), header)

    @PROPERTY
    @given(st.text("ABCXYZ", min_size=4, max_size=4), st.integers(0, LARGEST))
    def test_both_ways(self, name: str, value: int) -> None:
        """What was encoded is decoded to the same."""
        self.assertEqual(decode_header(encode_header(name.encode(), value)), (name.encode(), value))


class SpellingTests(SynchronousTestCase):
    """Names are shown to people."""

    def test_letters(self) -> None:
        """Letters are themselves."""
        self.assertEqual(spell(b"DIST"), "DIST")

    def test_other_bytes(self) -> None:
        """Other bytes are escaped, so that no two names look the same."""
        self.assertEqual(spell(b"D\xffST"), "D\\xffST")
