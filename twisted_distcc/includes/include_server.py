"""The socket on which C distcc's client asks for the files of a compile (`INCLUDE_SERVER_PORT`).

It serves connections of one user, with one answer to each question: the paths to send, or none, in
which case distcc preprocesses the source itself.  `answering` finds the paths.

A question is the beginning of a version 3 request: `CDIR`, `ARGC`, and that many `ARGV`.  An answer is
`ARGC`, and that many `ARGV`; an `ARGC` of 0 means that there are no paths.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure

from twisted_distcc.agent.handed_over import has_context
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.pump.unit import NotForServersError
from twisted_distcc.runtime.peer_credentials import peer_credentials
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import Number, Run, Text
from twisted_distcc.wire.tokens import encode_header

PATIENCE: Final = 60.0
"""Seconds within which a question has to be complete; a client sends it in one go."""
_VERSION: Final = encode_header(b"DIST", 3)


@dataclass(frozen=True, slots=True)
class Question:
    """The command that a client is about to compile, and its working directory."""

    argv: tuple[str, ...]
    directory: str


class QuestionReader:
    """Bytes in, a question out; one that exceeds the ceilings is refused."""

    def __init__(self) -> None:
        self._reader = Connection.server().reader
        self._reader.feed(_VERSION)
        self._words: list[str] = []
        self._count = 0
        self._directory = ""

    def feed(self, data: bytes) -> Question | None:
        """Take the next bytes; return the question once it is complete, `None` until then.

        Raises:
            RemoteProtocolError: if this is not a question.
        """
        self._reader.feed(data)
        for event in self._reader.events():
            match event:
                case Number(b"ARGC", count):
                    self._count = count
                case Text(b"CDIR", directory):
                    self._directory = os.fsdecode(directory)
                case Text(b"ARGV", word):
                    self._words.append(os.fsdecode(word))
                case Run(tokens):
                    self._words += [os.fsdecode(word) for token, word in tokens if token == b"ARGV"]
            if self._count and len(self._words) == self._count:
                return self._question()
        return None

    def _question(self) -> Question:
        if not self._directory.startswith("/"):
            raise RemoteProtocolError("a working directory is to be told from the root")
        if any("\0" in word for word in (self._directory, *self._words)):
            raise RemoteProtocolError("a word has a zero byte in it")
        return Question(tuple(self._words), self._directory)


def pack_answer(paths: Sequence[str]) -> bytes:
    """Return an answer encoded."""
    words = [os.fsencode(path) for path in paths]
    tokens = (encode_header(b"ARGV", len(word)) + word for word in words)
    return encode_header(b"ARGC", len(words)) + b"".join(tokens)


class IncludesFactory(Factory):
    """Makes the protocols of an include server.

    Args:
        find: returns the paths that answer a question, or raises `NotForServersError`.
        clock: provides `IReactorTime`.
        left: called with each question that is left to distcc, and the reason.
        context: the context of this process; in another one the same names may mean other files.
    """

    noisy = False

    def __init__(
        self,
        find: Callable[[Question], Coroutine[Deferred[Any], Any, Sequence[str]]],
        clock: Any,
        left: Callable[[Question, str], None],
        context: bytes,
    ) -> None:
        self.find = find
        self.clock = clock
        self.left = left
        self.context = context
        self.answered = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a protocol for one question."""
        return IncludesProtocol(self)


class IncludesProtocol(Protocol, TimeoutMixin):
    """One question."""

    _log = Logger()

    def __init__(self, factory: IncludesFactory) -> None:
        self.factory: IncludesFactory = factory
        self._reader = QuestionReader()
        self._is_near = False
        self._job: Deferred[None] | None = None

    def callLater(self, period: float, function: Callable[[], None]) -> Any:
        return self.factory.clock.callLater(period, function)

    def connectionMade(self) -> None:
        """Serve only our own user."""
        assert self.transport is not None
        self.setTimeout(PATIENCE)
        connection = self.transport.getHandle()  # type: ignore[attr-defined]
        self._is_near = has_context(connection, self.factory.context)
        if peer_credentials(connection).uid != os.getuid():
            self._log.warn("a connection of another user is closed")
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        """Collect the question; anything after it is ignored."""
        if self._job is not None:
            return
        try:
            question = self._reader.feed(data)
        except RemoteProtocolError as error:
            self._log.warn("this is not a valid question: {error}", error=error)
            self.timeoutConnection()
            return
        if question is not None:
            self.setTimeout(None)
            self._job = Deferred.fromCoroutine(self._answer(question))
            self._job.addErrback(self._failed, question)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Cancel the job: nobody is waiting for the answer any more."""
        self.setTimeout(None)
        if self._job is not None:
            self._job.cancel()

    async def _answer(self, question: Question) -> None:
        try:
            if not self._is_near:
                raise NotForServersError("it runs in other namespaces, or with other rights or limits")
            paths = await self.factory.find(question)
        except NotForServersError as error:
            self.factory.left(question, str(error))
            paths = ()
        else:
            self.factory.answered += 1
        self._send(paths)

    def _failed(self, failure: Failure, question: Question) -> None:
        """Answer with no paths, so that a bug of ours fails nobody's build."""
        if failure.check(CancelledError):
            return
        self._log.failure("a question could not be answered", failure)
        self.factory.left(question, "a fault of the include server's own")
        self._send(())

    def _send(self, paths: Sequence[str]) -> None:
        assert self.transport is not None
        self.transport.write(pack_answer(paths))
        self.transport.loseConnection()
