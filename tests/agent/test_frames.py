"""The bytes between tdistcc and its agent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.agent.frames import (
    LARGEST,
    BadFrameError,
    frame,
    pack_request,
    parse_header,
    unpack_request,
)

words = st.binary(max_size=20).map(lambda word: word.replace(b"\0", b""))


class FrameTests(SynchronousTestCase):
    def test_header(self) -> None:
        """A frame tells its kind and its length before its payload."""
        self.assertEqual(frame(b"O", b"text"), b"O00000004text")
        self.assertEqual(parse_header(b"O00000004"), (b"O", 4))

    def test_what_is_no_header(self) -> None:
        """Nine bytes that tell no length, a negative one, or too much, are refused."""
        for header in (b"GET / HTT", b"O-0000001", b"O%08x" % (LARGEST + 1), b"O       "):
            with self.assertRaises(BadFrameError):
                parse_header(header)

    def test_the_largest(self) -> None:
        """The largest length is let pass."""
        self.assertEqual(parse_header(b"O%08x" % LARGEST), (b"O", LARGEST))


class RequestTests(SynchronousTestCase):
    @given(
        words,
        st.integers(0),
        st.integers(0, 0o777),
        words,
        words,
        st.lists(words, min_size=1),
        st.lists(words),
    )
    def test_there_and_back(
        self,
        stamp: bytes,
        began: int,
        umask: int,
        terminals: bytes,
        directory: bytes,
        argv: list[bytes],
        variables: list[bytes],
    ) -> None:
        """What is packed comes out as it went in, whatever bytes it is made of."""
        request = (stamp, began, umask, terminals, directory, argv, variables)
        self.assertEqual(unpack_request(pack_request(*request)), request)

    def test_what_is_no_request(self) -> None:
        """A payload with too little in it, or with a count that it does not hold, is refused."""
        for payload in (
            b"",
            b"s\x0022\0,\0/\x001\0cc",
            b"s 1\x0022\0,\0/",
            b"s 1\x0022\0,\0/\x000",
            b"s 1\x0022\0,\0/\x002\0cc",
            b"s 1\x009\0,\0/\x001\0cc",
        ):
            with self.assertRaises(BadFrameError, msg=payload):
                unpack_request(payload)

    @given(st.binary(max_size=60))
    def test_rubbish(self, payload: bytes) -> None:
        """Any bytes are a request or are refused."""
        try:
            argv = unpack_request(payload)[5]
        except BadFrameError:
            return
        self.assertTrue(argv)
