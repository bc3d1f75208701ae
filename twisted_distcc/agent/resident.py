"""The resident client of one user, which carries out the compiles that tdistcc hands over.

Each connection from tdistcc is one command, and is answered with output, messages and a verdict.  If it
closes before the verdict, the command was interrupted; if it closes after `RUN`, the compiler that
tdistcc became has ended, and its slot is free.

An agent serves only callers that share its context (see `agent.context`); others are turned away, and
do not count as activity.  It retires when it has been idle for a while, or sooner if nobody else is
there, if its installation is gone, or when a tdistcc of another installation calls: it gives up its
socket, finishes its commands, and ends.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.agent.batches import Batches
from twisted_distcc.agent.frames import (
    ELSEWHERE,
    EXIT,
    HEADER_LENGTH,
    LARGEST,
    MESSAGE,
    REQUEST,
    RUN,
    STALE,
    STDERR,
    STDOUT,
    BadFrameError,
    frame,
    parse_header,
)
from twisted_distcc.agent.handed_over import HandedOver, has_context
from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.invocation import Finished, Invocation, Outcome
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.recorded_dispatch import Runs
from twisted_distcc.client.report import Reminders, make_report
from twisted_distcc.client.scheduling.slots import Slot
from twisted_distcc.runtime.peer_credentials import peer_credentials

IDLE: Final = 600.0
"""Seconds without a command after which an agent ends."""
LOOK: Final = 10.0
"""Seconds without a command after which an agent checks whether anybody is left who could call."""


class AgentFactory(Factory):
    """Builds the protocols of an agent.

    Args:
        dispatcher: carries out commands.
        clock: provides `IReactorTime`.
        stamp: the stamp of this installation.
        retire: called once, when the agent should give up its socket; is told whether that is because
            the installation is another one by now.
        ended: called once, when it has retired and no command is left.
        context: the context of this agent, and of all that it serves.
        has_company: returns whether anybody might call this agent; if not, it retires soon.
        idle: seconds without a command after which it retires.
    """

    noisy = False

    def __init__(
        self,
        dispatcher: Runs,
        clock: Any,
        stamp: bytes,
        retire: Callable[[bool], None],
        ended: Callable[[], None],
        context: bytes,
        has_company: Callable[[], bool] = lambda: True,
        idle: float = IDLE,
    ) -> None:
        self.dispatcher = dispatcher
        self.batches = Batches(clock, dispatcher.snapshot)
        self.stamp = stamp
        self.reminders = Reminders(clock.seconds)
        self._clock = clock
        self._retire = retire
        self._ended = ended
        self.context = context
        self._has_company = has_company
        self._idle = idle
        self._idle_since = 0.0
        self._retired = False
        self._connections: set[AgentProtocol] = set()
        self._timer: IDelayedCall | None = None
        self._wait()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a protocol for one command."""
        return AgentProtocol(self)

    def opened(self, connection: AgentProtocol) -> None:
        """Add `connection` to those being served."""
        self._connections.add(connection)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def closed(self, connection: AgentProtocol) -> None:
        """Remove `connection` from those being served."""
        self._connections.discard(connection)
        if self._connections:
            return
        if self._retired:
            self._ended()
        else:
            self._wait()

    def retire(self, *, outdated: bool = False) -> None:
        """Accept no more commands, and end when the current ones have ended."""
        if self._retired:
            return
        self._retired = True
        self._retire(outdated)
        if not self._connections:
            self._ended()

    def interrupt(self) -> Deferred[None]:
        """Accept no more commands, and cancel the current ones; the Deferred fires when all are gone."""
        gone: Deferred[None] = Deferred()
        self._ended = lambda: gone.callback(None)
        if self._retired and not self._connections:
            gone.callback(None)
        self.retire()
        for connection in tuple(self._connections):
            connection.interrupt()
        return gone

    def _wait(self) -> None:
        self._idle_since = self._clock.seconds()
        self._look_later()

    def _look_later(self) -> None:
        left = self._idle_since + self._idle - self._clock.seconds()
        self._timer = self._clock.callLater(min(LOOK, left), self._look)

    def _look(self) -> None:
        idle = self._clock.seconds() - self._idle_since
        if idle < self._idle and self._has_company():
            self._look_later()
        else:
            self.retire()


class AgentProtocol(Protocol):
    """One command of tdistcc."""

    _log = Logger()

    def __init__(self, factory: AgentFactory) -> None:
        self.factory: AgentFactory = factory
        self._buffer = bytearray()
        self._request: HandedOver | None = None
        self._job: Deferred[None] | None = None
        self._slot: Slot | None = None
        self._ended: Callable[[], None] | None = None
        self._is_ours = False
        self._is_lost = False

    def connectionMade(self) -> None:
        """Serve the connection if its peer has our own user and context; turn others away."""
        assert self.transport is not None
        connection = self._connection
        if peer_credentials(connection).uid != os.getuid():
            self._log.warn("a connection of another user is closed")
            self.transport.abortConnection()  # type: ignore[attr-defined]
        elif has_context(connection, self.factory.context):
            self._is_ours = True
            self.factory.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """Collect the one frame that tdistcc sends; anything after it is ignored."""
        if self._request is not None:
            return
        self._buffer += data
        try:
            payload = self._payload()
            if payload is not None:
                self._begin(HandedOver.parse(payload))
        except BadFrameError as error:
            self._log.warn("tdistcc sent no request: {error}", error=error)
            self._lose()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Clean up: the command was interrupted, or has ended."""
        self._is_lost = True
        if self._slot is not None:
            self._slot.release()
        if self._ended is not None:
            self._ended()
        if not self._is_ours:
            return
        if self._job is None:
            self.factory.closed(self)
        else:
            self._job.addBoth(lambda _: self.factory.closed(self))
            self._job.cancel()

    @property
    def _connection(self) -> socket.socket:
        connection: socket.socket = self.transport.getHandle()  # type: ignore[union-attr]
        return connection

    def interrupt(self) -> None:
        """Cancel the command; its tdistcc asks another agent."""
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]

    def _payload(self) -> bytes | None:
        if len(self._buffer) < HEADER_LENGTH:
            return None
        kind, length = parse_header(bytes(self._buffer[:HEADER_LENGTH]))
        if kind != REQUEST:
            raise BadFrameError(kind)
        if len(self._buffer) < HEADER_LENGTH + length:
            return None
        return bytes(self._buffer[HEADER_LENGTH : HEADER_LENGTH + length])

    def _begin(self, request: HandedOver) -> None:
        if not self._is_ours:
            self._write(ELSEWHERE)
            self._lose()
            return
        if request.stamp != self.factory.stamp:
            self.factory.retire(outdated=True)
            self._write(STALE)
            self._lose()
            return
        self._request = request
        self.factory.batches.add(self._carry_out)

    def _carry_out(self) -> None:
        request = self._request
        if request is not None and not self._is_lost:
            self._job = Deferred.fromCoroutine(self._run(request.invocation, request.age))
            self._job.addErrback(self._failed, request.invocation)

    async def _run(self, invocation: Invocation, age: float) -> None:
        reminders, watch = self.factory.reminders, self._watch(age)
        report = make_report(
            invocation.wishes, lambda text: self._write(MESSAGE, text), reminders, watch
        )
        self._answer(await self.factory.dispatcher.run(invocation, report))

    def _watch(self, age: float) -> UnitWatch:
        """Return a watch that knows tdistcc, and its process group, which commands of a build share."""
        process = peer_credentials(self._connection).pid
        try:
            return UnitWatch(build=os.getpgid(process), process=process, age=age)
        except ProcessLookupError:
            return UnitWatch()

    def _answer(self, outcome: Outcome) -> None:
        if isinstance(outcome, Finished):
            self._pass_on(STDOUT, outcome.stdout)
            self._pass_on(STDERR, outcome.stderr)
            self._write(EXIT, b"%d" % outcome.exit_code)
            self._lose()
        else:
            self._slot, self._ended = outcome.slot, outcome.ended
            self._write(RUN, os.fsencode(outcome.compiler))

    def _failed(self, failure: Failure, invocation: Invocation) -> None:
        """Have the compiler run locally, so that a bug of ours fails nobody's build."""
        if self._is_lost:
            return
        self._log.failure("a command failed", failure)
        self._write(MESSAGE, b"tdistcc: the agent failed at this command; its log says why\n")
        self._answer(Dispatcher.in_place(invocation, "the agent failed"))

    def _pass_on(self, kind: bytes, words: bytes) -> None:
        """Send the compiler's output, in as many frames as it takes."""
        for start in range(0, len(words) or 1, LARGEST):
            self._write(kind, words[start : start + LARGEST])

    def _write(self, kind: bytes, payload: bytes = b"") -> None:
        assert self.transport is not None
        self.transport.write(frame(kind, payload))

    def _lose(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
