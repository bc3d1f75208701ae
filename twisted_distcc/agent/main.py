"""An agent as a program: `python -m twisted_distcc.agent.main`, started by tdistcc.

It serves the listening socket that it gets as descriptor 3, until it retires.  Everything else that
tdistcc had open has been closed; standard error is the agent's log.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from twisted.internet.tcp import Port as StreamPort
from twisted.internet.unix import Port as UnixPort
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

from twisted_distcc.agent.context import context_of, has_company
from twisted_distcc.agent.helpers import (
    Ended,
    Helped,
    Helper,
    HelperProcess,
    Helpers,
    most_processes,
)
from twisted_distcc.agent.resident import IDLE, AgentFactory
from twisted_distcc.agent.socket_path import is_current, stamp
from twisted_distcc.agent.spawning import LISTENER
from twisted_distcc.client.backends.sent_files import SentFiles
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.client.discovering import Discovery
from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.journal.journal_writer import JournalWriter
from twisted_distcc.client.journal.state_writer import StateWriter
from twisted_distcc.client.recorded_dispatch import Recorded
from twisted_distcc.launcher.signals import STRAY, heed
from twisted_distcc.observe.logs import LogFile
from twisted_distcc.runtime.launching import LauncherSpawner
from twisted_distcc.runtime.threads import ReactorThreads

# Nearly all that an agent makes stays, or goes without the garbage collector, which by default looks
# through it so often that a compile takes a fifth more time.
_SELDOM: Final = (20_000, 20, 50)


class _Port(UnixPort):
    """A port that does not remove its path when it closes: by then the path may be another agent's."""

    def connectionLost(self, reason: Failure) -> None:
        """Close the port."""
        StreamPort.connectionLost(self, reason)


class Listener:
    """The agent's socket, and its path in the file system.

    Raises:
        OSError: if the descriptor is not a listening socket, or its path is gone.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._path: str = self._socket.getsockname()
        self._identity = self._identify()

    def adopt(self, reactor: Any, factory: AgentFactory) -> None:
        """Make `reactor` accept connections for `factory`."""
        self._socket.setblocking(False)
        self._port = _Port._fromListeningDescriptor(reactor, self._socket.fileno(), factory)
        self._port.mode = 0o600  # Twisted's own lets everybody connect
        self._port.startListening()
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, which others may inherit."""
        return int(self._port.fileno())

    def close(self) -> None:
        """Accept no more connections."""
        self._port.stopListening()

    def spare_lock_directory(self) -> str:
        """Return a directory for the lock files of a user who has none; it is ours alone."""
        return f"{os.path.dirname(self._path)}/slots"

    def sent_directory(self) -> str:
        """Return a directory for what servers have of us; it outlives agents, and not the login."""
        return f"{os.path.dirname(self._path)}/sent"

    def forget(self) -> None:
        """Remove the path unless it is another agent's, so that the next tdistcc starts a new agent."""
        with contextlib.suppress(OSError), _lock(os.path.dirname(self._path)):
            if self._identify() == self._identity:
                os.unlink(self._path)

    def _identify(self) -> tuple[int, int]:
        """Return the identity of the file at the path; it is not reused while we hold the socket."""
        found = os.stat(self._path)
        return found.st_dev, found.st_ino


@contextlib.contextmanager
def _lock(folder: str) -> Iterator[None]:
    """Hold the lock that guards the starting and retiring of agents."""
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def main() -> None:
    """Serve until the agent retires."""
    from twisted.internet import reactor

    context = context_of("self")
    prepare_process()
    try:
        listener = Listener(LISTENER)
    except OSError as error:
        sys.exit(f"agent: {error}")
    serve(reactor, listener, context)


def prepare_process() -> None:
    """Set what is a process's own: its umask, how many files it may open, its log."""
    os.umask(0o022)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    globalLogBeginner.beginLoggingTo([LogFile(None).from_level("warning")], redirectStandardIO=False)


def serve(
    reactor: Any, listener: Listener, context: bytes, idle: float = IDLE, most: int | None = None
) -> None:
    """Run `reactor` until the agent on `listener` has ended.

    Args:
        reactor: the reactor.
        listener: its socket.
        context: its context.
        idle: seconds without a command after which it retires.
        most: how many processes it may be.
    """

    def start(ended: Ended) -> Helper:
        return HelperProcess.start(reactor, listener.fileno(), context, ended)

    def retire(_outdated: bool) -> None:
        listener.forget()
        listener.close()
        helpers.let_go()

    def outdated() -> None:
        factory.retire()

    process = AgentProcess(reactor, listener)
    helpers = Helpers(reactor, start, most or most_processes(), outdated)
    helped = Helped(process.dispatcher, helpers)
    own = stamp()
    factory = AgentFactory(
        helped,
        reactor,
        own,
        retire,
        reactor.stop,
        context,
        lambda: is_current(own) and has_company(),
        idle,
    )
    process.run(factory)


class AgentProcess:
    """What each process of an agent carries out commands with.

    Args:
        reactor: the reactor.
        listener: the socket that the commands come from.

    Attributes:
        dispatcher: carries out commands, and records them.
    """

    def __init__(self, reactor: Any, listener: Listener) -> None:
        gc.freeze()
        gc.set_threshold(*_SELDOM)
        self._reactor = reactor
        self._listener = listener
        spawn = LauncherSpawner(reactor)
        spawn.prepare()
        dispatcher = Dispatcher.on(reactor, spawn, listener.spare_lock_directory)
        sessions = Sessions(reactor, files=SentFiles(listener.sent_directory()))
        dispatcher = replace(dispatcher, sessions=sessions, discovery=Discovery(reactor, spawn))
        threads = ReactorThreads(reactor)
        self._journal, self._monitors = JournalWriter(reactor, threads), StateWriter(reactor, threads)
        self.dispatcher = Recorded(dispatcher, self._journal, self._monitors)

    def run(self, factory: AgentFactory) -> None:
        """Run the reactor until `factory`, which accepts the commands, has ended."""
        reactor = self._reactor
        self._listener.adopt(reactor, factory)
        reactor.addSystemEventTrigger("before", "shutdown", factory.interrupt)
        heed((signal.SIGHUP, signal.SIGQUIT), lambda _: reactor.callFromThread(reactor.stop))
        heed(STRAY)
        reactor.run()
        self._journal.flush()
        self._monitors.close()


if __name__ == "__main__":
    main()
