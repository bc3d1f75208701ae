"""A helper of an agent as a program: `python -m twisted_distcc.agent.helper`, started by a busy agent.

Its standard input has the context of the agent, then nothing, and ends when the agent lets the helper
go, or ends.  Descriptor 3 is the socket that both accept connections from.  A helper that has little to
do ends, too.  See `agent.helpers`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.agent.helpers import OUTDATED
from twisted_distcc.agent.main import AgentProcess, Listener, prepare_process
from twisted_distcc.agent.resident import AgentFactory
from twisted_distcc.agent.socket_path import stamp
from twisted_distcc.agent.spawning import LISTENER

# Seconds after which a helper looks at what it has done, and the share of them below which it ends.
_LOOK: Final = 10.0
_QUIET: Final = 0.2


class Quiet:
    """Tells when this process has little to do.

    Args:
        leave: called then.
        cpu: returns the seconds of processor time that this process has used.
    """

    def __init__(self, leave: Callable[[], None], cpu: Callable[[], float] = time.process_time) -> None:
        self._leave = leave
        self._cpu = cpu
        self._used = cpu()

    def look(self) -> None:
        """Look at what this process has done since it was last called, which it is regularly."""
        used = self._cpu()
        if used - self._used < _QUIET * _LOOK:
            self._leave()
        self._used = used


@implementer(IReadDescriptor)
class Lifeline:
    """Standard input, which ends when the agent lets us go, or has ended.

    Args:
        reactor: reads from it.
        ended: called then.
    """

    def __init__(self, reactor: Any, ended: Callable[[], None]) -> None:
        self._reactor = reactor
        self._ended = ended

    def fileno(self) -> int:
        """Return its descriptor."""
        return 0

    def doRead(self) -> None:
        """Note its end: nothing else is to be read."""
        self._reactor.removeReader(self)
        self._ended()

    def logPrefix(self) -> str:
        """Return a name for it."""
        return "lifeline"

    def connectionLost(self, reason: Failure) -> None:
        """Leave it open: nobody else needs the descriptor."""


def read_context() -> bytes:
    """Return the context of the agent."""
    return _read(int.from_bytes(_read(4), "big"))


def _read(length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = os.read(0, length - len(found))
        if not piece:
            sys.exit("helper: the agent has ended")
        found += piece
    return found


def main() -> int:
    """Serve until the agent ends, or there is little to do."""
    from twisted.internet import reactor

    prepare_process()
    context = read_context()
    return serve(reactor, Listener(LISTENER), context)


def serve(reactor: Any, listener: Listener, context: bytes) -> int:
    """Run `reactor` until the helper on `listener` has ended; return its exit code."""
    status = 0

    def retire(outdated: bool) -> None:
        nonlocal status
        listener.close()
        if outdated:
            status = OUTDATED
            listener.forget()

    process = AgentProcess(reactor, listener)
    factory = AgentFactory(process.dispatcher, reactor, stamp(), retire, reactor.stop, context)
    reactor.addReader(Lifeline(reactor, factory.retire))
    LoopingCall(Quiet(factory.retire).look).start(_LOOK, now=False)
    process.run(factory)
    return status


if __name__ == "__main__":
    sys.exit(main())
