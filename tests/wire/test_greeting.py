"""Greetings: what each end says of itself, and what it hears."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.session_samples import CLIENT, CLIENT_GREETING, KNOW, SERVER, SERVER_GREETING
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.greeting import (
    Answer,
    Hearing,
    Refusal,
    Terms,
    client_greeting,
    refusal,
    server_greeting,
)
from twisted_distcc.wire.limits import Limits

REFUSAL: Final = b"DONE00000004STAT00007100SERR00000007not you"
SAMPLES: Final[tuple[tuple[bytes, Answer], ...]] = (
    (CLIENT_GREETING, CLIENT),
    (SERVER_GREETING, SERVER),
    (REFUSAL, Refusal(113 << 8, "not you")),
)


def _hearing(wire: bytes) -> Hearing:
    return (Hearing.of_client if wire.startswith(b"DIST") else Hearing.of_server)(Limits())


class SampleTests(SynchronousTestCase):
    """Every greeting."""

    def test_said(self) -> None:
        """What an end says is what the specification shows."""
        self.assertEqual(client_greeting(CLIENT), CLIENT_GREETING)
        self.assertEqual(server_greeting(SERVER), SERVER_GREETING)
        self.assertEqual(refusal(113 << 8, "not you"), REFUSAL)

    def test_heard(self) -> None:
        """A greeting that comes in one piece, byte by byte, and with what follows it."""
        for wire, answer in SAMPLES:
            hearing = _hearing(wire)
            hearing.feed(wire)
            self.assertEqual((hearing.answer(), hearing.trailing), (answer, b""))
            hearing = _hearing(wire)
            hearing.feed(wire + b"x" * 100_000)
            self.assertEqual((hearing.answer(), hearing.trailing), (answer, b"x" * 100_000))
            hearing = _hearing(wire)
            for byte in wire[:-1]:
                hearing.feed(bytes([byte]))
                self.assertIs(hearing.answer(), None)
            hearing.feed(wire[-1:])
            self.assertEqual(hearing.answer(), answer)

    def test_bounds(self) -> None:
        """The least and the most that an end may take."""
        for terms in (
            Terms(4096, 4096, 1, KNOW, ""),
            Terms(1 << 20, 1 << 24, 65536, KNOW, "x" * 1024),
        ):
            hearing = _hearing(b"DONE")
            hearing.feed(server_greeting(terms))
            self.assertEqual(hearing.answer(), terms)

    def test_long_name(self) -> None:
        """A name is cut at its ceiling."""
        hearing = _hearing(b"DIST")
        hearing.feed(client_greeting(Terms(name="x" * 2000)))
        self.assertEqual(hearing.answer(), Terms(name="x" * 1024))

    def test_no_failure(self) -> None:
        """A refusal is a failure."""
        self.assertRaises(LocalProtocolError, refusal, 0, "no")

    def test_reason_of_a_success(self) -> None:
        """A greeting with a reason to refuse, and no refusal, is none."""
        hearing = _hearing(b"DONE")
        hearing.feed(SERVER_GREETING.replace(b"SERR00000000", b"SERR00000002no"))
        self.assertRaises(RemoteProtocolError, hearing.answer)
