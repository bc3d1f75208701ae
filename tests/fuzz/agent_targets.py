"""What callers say to an agent, and what an agent says to tdistcc: targets of `targets`.

In: bytes.  Out: nothing, or a failure.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.agent.test_resident import STAMP, FakeDispatcher, FakeUnixTransport, request
from tests.fuzz.checks import check_told
from twisted_distcc.agent.context import AloneError, context_of
from twisted_distcc.agent.frames import (
    EXIT,
    LARGEST,
    MESSAGE,
    RUN,
    STDERR,
    STDOUT,
    BadFrameError,
    frame,
)
from twisted_distcc.agent.handover import _listen
from twisted_distcc.agent.resident import AgentFactory, AgentProtocol
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.includes.include_server import Question, QuestionReader
from twisted_distcc.wire.tokens import encode_header

_WIDEST: Final = 0xFFFF
_MOST: Final = 60_000  # what the kernel keeps for a socket


class _Agent:
    """An agent in memory, whose dispatcher never answers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.dispatcher = FakeDispatcher()
        self.ends = socket.socketpair()
        self.factory = AgentFactory(
            self.dispatcher,  # type: ignore[arg-type]
            self.clock,
            STAMP,
            lambda outdated: None,
            lambda: None,
            context_of("self"),
        )

    def connect(self) -> tuple[AgentProtocol, FakeUnixTransport]:
        protocol = self.factory.buildProtocol(None)
        assert isinstance(protocol, AgentProtocol)
        transport = FakeUnixTransport(self.ends[0])
        protocol.makeConnection(transport)
        return protocol, transport


@lru_cache
def _agent() -> _Agent:
    return _Agent()


def handed_over(data: bytes) -> None:
    """Hand bytes over to an agent: it takes one command that can be run, or hangs up."""
    size, rest = (data[0] + 1, data[1:]) if data else (1, b"")
    agent = _agent()
    agent.dispatcher.__init__()  # type: ignore[misc]
    protocol, _ = agent.connect()
    for start in range(0, len(rest), size):
        protocol.dataReceived(rest[start : start + size])
        assert len(protocol._buffer) <= LARGEST
    agent.clock.advance(0)
    assert len(agent.dispatcher.invocations) <= 1
    for one in agent.dispatcher.invocations:
        assert one.argv
        assert 0 <= one.umask <= 0o777
        assert one.terminal is None or 0 <= one.terminal.columns <= _WIDEST
        assert one.wishes.keys() >= one.environ.keys()
        assert one.absolute("x").startswith("/")
    protocol.connectionLost(Failure(ConnectionError()))
    assert agent.dispatcher.cancelled == len(agent.dispatcher.invocations)


def asked_for_files(data: bytes) -> None:
    """Ask an include server: it gets one whole question, or none."""
    size, rest = (data[0] + 1, data[1:]) if data else (1, b"")
    whole, cut = QuestionReader(), QuestionReader()
    try:
        question = whole.feed(rest)
        if question is not None:
            assert question.argv
            assert question.directory.startswith("/")
        for start in range(0, len(rest), size):
            if (again := cut.feed(rest[start : start + size])) is not None:
                assert isinstance(again, Question)
                break
    except RemoteProtocolError as error:
        check_told(error)


def listened_to(data: bytes) -> None:
    """Listen to an agent: there is a verdict, or another way is found."""
    ours, theirs = socket.socketpair()
    with ours, theirs, open(os.devnull, "wb") as nowhere:
        theirs.sendall(data[:_MOST])
        theirs.close()
        with suppress(BadFrameError, AloneError):
            verdict = _listen(ours, nowhere.fileno())  # type: ignore[arg-type]
            assert verdict is None or verdict.compiler or 0 <= verdict.exit_code <= 255


_QUESTION: Final = (
    encode_header(b"CDIR", 2) + b"/p" + encode_header(b"ARGC", 2)
    + encode_header(b"ARGV", 3) + b"gcc" + encode_header(b"ARGV", 3) + b"a.c"
)  # fmt: skip
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "handed_over": (b"\xff" + request(), b"\3" + request("gcc", "-c", "a.c", stamp=b"older")),
        "asked_for_files": (b"\xff" + _QUESTION, b"\2" + _QUESTION),
        "listened_to": (
            frame(MESSAGE, b"hm\n") + frame(STDOUT, b"a") + frame(STDERR, b"b") + frame(EXIT, b"1"),
            frame(RUN, b"/usr/bin/gcc"),
        ),
    }
)
TARGETS: Final = (handed_over, asked_for_files, listened_to)
