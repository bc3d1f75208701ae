"""A short search by hypothesis for bytes that break a target; what was found once stays an example."""

from __future__ import annotations

from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.agent.test_resident import STAMP
from tests.fuzz.targets import LOW, SEEDS, TARGETS
from tests.wire.samples import ANY_REPLY, ANY_REQUEST, put, reply_writer, request_writer, split
from twisted_distcc.agent.frames import EXIT, REQUEST, RUN, frame, pack_request
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.wire.connection import Reader
from twisted_distcc.wire.events import Event, MessageEnd
from twisted_distcc.wire.grammar import DIST, DONE, REPLIES, REQUESTS

# Bytes that broke a target once, by its name: a search found them, or a reader of what it had found.
_FOUND: Final = {
    "rules": [b"\1a.o:a.c\n"],  # which no compiler writes
    "answers": [b"\1a\tb", "\1a\u200eb".encode()],
    "notes": [
        b"%b red/1 it hung up\n1000000000000000000 red/1 it hung up\n" % (b"1" * digits)
        for digits in (400, 5000)
    ],
    "policies": [b"x=" + b"[" * 5000],
    "judging": [b"\ngcc\x0f\n-c\na.c"],
    "handed_over": [
        b"\xff" + frame(REQUEST, pack_request(STAMP, 0, umask, terminals, directory, [b"gcc"], []))
        for umask, terminals, directory in (
            (-1, b",80", b"/p"),
            (0, b",99999", b"/p"),
            (0, b",80", b"p"),
        )
    ],
    # Names of kinds that the library has no reader for.
    "certificates": [b"ada\n\x30\x04\xa5\x02\xa1\x00", b"ada\n\x30\x02\xa3\x00"],
    "listened_to": [frame(RUN, b""), frame(EXIT, b"x"), frame(EXIT, b"256"), frame(EXIT, b"-1")],
    "sources": [
        # Each macro led to the next by a call within a call.
        b"".join(b"#define A%d A%d\n" % (n, n + 1) for n in range(1900))
        + b"#define BOOST_PP_TUPLE_ELEM(a, b) x\n#include BOOST_PP_TUPLE_ELEM(0, A0)\n",
    ],
}
_SHORT = settings(derandomize=True, deadline=None, database=None, max_examples=150)
_ANY_SEED = st.sampled_from([seed for seeds in SEEDS.values() for seed in seeds])


def _spliced(seed: bytes, start: int, end: int, new: bytes) -> bytes:
    return seed[: start % (len(seed) + 1)] + new + seed[end % (len(seed) + 1) :]


_MUTATED = st.builds(
    _spliced, _ANY_SEED, st.integers(0, 200), st.integers(0, 200), st.binary(max_size=9)
)


class TargetTests(SynchronousTestCase):
    def test_found(self) -> None:
        """What broke a target once breaks it no more."""
        for name, broke in _FOUND.items():
            for data in broke:
                TARGETS[name](data)

    def test_seeds(self) -> None:
        """Each target takes what every search begins with, and beginnings of it."""
        self.assertEqual(SEEDS.keys(), TARGETS.keys())
        for name, target in TARGETS.items():
            for seed in SEEDS[name]:
                for end in (*range(0, len(seed), 1 + len(seed) // 50), len(seed)):
                    target(seed[:end])

    @_SHORT
    @given(st.binary(max_size=200) | _MUTATED)
    @example(b"gcc\n-MD\n-c\nx/@a.c")  # so was what make is to know it by
    @example(b"cc\n-c\nx/@a.S")  # its object was taken for a response file
    def test_any_bytes(self, data: bytes) -> None:
        """No bytes break a target."""
        for target in TARGETS.values():
            target(data)


class ReaderMachine(RuleBasedStateMachine):
    """A reader that is fed tokens of real messages, and rubbish, in any order."""

    @rule(is_request=st.booleans(), events=ANY_REQUEST, answers=ANY_REPLY)
    @precondition(lambda self: not hasattr(self, "reader"))
    def begin(self, is_request: bool, events: list[Event], answers: list[Event]) -> None:
        """Take one message to cut tokens from, in either role."""
        if is_request:
            self.reader, message = Reader(DIST, REQUESTS, LOW), put(request_writer(LOW), events)
        else:
            self.reader, message = Reader(DONE, REPLIES, LOW), put(reply_writer(LOW), answers)
        self.tokens = split(message)
        self.fault = ""
        self.events: list[Event] = []

    @rule()
    @precondition(lambda self: getattr(self, "tokens", None))
    def next_token(self) -> None:
        """Go on as the message does."""
        self.feed(self.tokens.pop(0))

    @rule(number=st.integers(0, 9))
    @precondition(lambda self: getattr(self, "tokens", None))
    def another_token(self, number: int) -> None:
        """Feed a token that is not due, or is."""
        self.feed(self.tokens[number % len(self.tokens)])

    @rule(data=st.binary(max_size=30))
    @precondition(lambda self: hasattr(self, "reader"))
    def rubbish(self, data: bytes) -> None:
        """Feed anything."""
        self.feed(data)

    @rule()
    @precondition(lambda self: hasattr(self, "reader"))
    def hang_up(self) -> None:
        """Closing is right after the end of a message, and nowhere else."""
        try:
            self.reader.close()
        except RemoteProtocolError:
            self.fault = self.fault or "hung up"
        else:
            assert self.events[-1] == MessageEnd()

    @invariant()
    def memory(self) -> None:
        """No more is kept than one small token."""
        if hasattr(self, "reader"):
            assert len(self.reader._buffer) <= max(LOW.argument, LOW.name, LOW.trailing, 12)

    def feed(self, data: bytes) -> None:
        self.reader.feed(data)
        try:
            self.events.extend(self.reader.events())
        except RemoteProtocolError as error:
            self.fault = self.fault or str(error)
        else:
            assert not self.fault, "it goes on after a fault"
        assert self.events.count(MessageEnd()) <= 1


class ReaderTests(SynchronousTestCase):
    def test_any_course(self) -> None:
        """Whatever a peer does, a reader ends at most once, never recovers, and stays small."""
        from hypothesis.stateful import run_state_machine_as_test

        run_state_machine_as_test(
            ReaderMachine,
            settings=settings(
                derandomize=True, deadline=None, database=None, max_examples=60, stateful_step_count=20
            ),
        )
