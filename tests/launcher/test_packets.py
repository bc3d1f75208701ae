"""Packets between a process and its launcher: what one end packs, the other unpacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.launcher.packets import (
    ENDED,
    FAILED,
    KILL,
    START,
    kind_and_number,
    pack_ended,
    pack_failed,
    pack_kill,
    pack_start,
    unpack_ended,
    unpack_failed,
    unpack_start,
)

WORD = st.binary(max_size=20).map(lambda word: word.replace(b"\0", b""))
NAME = WORD.map(lambda name: name.replace(b"=", b""))
NUMBER = st.integers(0, 2**63 - 1)


class RoundTripTests(SynchronousTestCase):
    @given(
        NUMBER,
        st.integers(-1, 0o777),
        st.booleans(),
        WORD,
        st.lists(WORD, min_size=1),
        st.dictionaries(NAME, WORD),
    )
    def test_start(
        self,
        number: int,
        umask: int,
        expendable: bool,
        folder: bytes,
        argv: list[bytes],
        environ: dict[bytes, bytes],
    ) -> None:
        """Empty words, line ends, and values that hold `=` arrive as they were."""
        variables = [name + b"=" + value for name, value in environ.items()]
        packet = pack_start(number, 5, umask, folder, argv, variables, expendable=expendable)
        self.assertEqual(kind_and_number(packet), (START, number))
        self.assertEqual(unpack_start(packet), (5, umask, expendable, folder, argv, environ))

    @given(NUMBER)
    def test_kill(self, number: int) -> None:
        """A number is all that killing needs."""
        self.assertEqual(kind_and_number(pack_kill(number)), (KILL, number))

    @given(NUMBER, st.integers(0, 200))
    def test_failed(self, number: int, error: int) -> None:
        """The system's number of an error arrives."""
        packet = pack_failed(number, error)
        self.assertEqual((kind_and_number(packet), unpack_failed(packet)), ((FAILED, number), error))

    @given(NUMBER, st.integers(0, 2**16 - 1), st.floats(0, 1e9), st.floats(0, 1e9))
    def test_ended(self, number: int, status: int, user: float, system: float) -> None:
        """Status and times arrive, to the last bit."""
        packet = pack_ended(number, status, user, system)
        self.assertEqual(kind_and_number(packet), (ENDED, number))
        self.assertEqual(unpack_ended(packet), (status, user, system))


class NulTests(SynchronousTestCase):
    def test_no_word_can_become_two(self) -> None:
        """A NUL anywhere is refused: behind it a word of one kind would become one of another."""
        for folder, argv, variables in (
            (b"/\0tmp", [b"true"], []),
            (b"/", [b"true\0", b"x"], []),
            (b"/", [b"true"], [b"A=b\0LD_PRELOAD=c"]),
        ):
            with self.assertRaisesRegex(ValueError, "NUL"):
                pack_start(1, 3, 0o022, folder, argv, variables)
