"""`pump COMMAND…`, or `twisted-distcc pump COMMAND…`: run a build whose C distcc has servers preprocess.

An include server runs for as long as the build, which finds it by `INCLUDE_SERVER_PORT`; the exit status
is the build's.  With `--startup` the include server runs on its own until `--shutdown` (`pump_alone`).
`includes` answers the questions that distcc asks it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from signal import set_wakeup_fd
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import globalLogBeginner

from twisted_distcc.agent.context import context_of
from twisted_distcc.agent.handover import own_umask
from twisted_distcc.agent.socket_path import UnsafeFolderError, runtime_folder
from twisted_distcc.cli.beside import Beside, CannotRunError, SignalsHandedOn
from twisted_distcc.cli.pump_alone import SOCKET, exports, log_into, shut_down
from twisted_distcc.client.hosts import HostList, Localhost
from twisted_distcc.client.hosts_grammar import find_hosts
from twisted_distcc.client.inputs.candidate import read_text
from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.inputs.sources import Sources
from twisted_distcc.errors import EXIT_FAILURE, DistccError
from twisted_distcc.includes.answering import Answers, Surroundings
from twisted_distcc.includes.include_server import IncludesFactory, Question
from twisted_distcc.includes.mirror import Mirror
from twisted_distcc.launcher.signals import heed
from twisted_distcc.launcher.starting import hand_on_nothing
from twisted_distcc.observe.logs import LogFile
from twisted_distcc.runtime.orphans import reap_what_is_left_to_us
from twisted_distcc.runtime.processes import ReactorSpawner
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.server.daemon.detaching import detached, ready

# Copies are kept at such a depth that distcc's client strips just the folder's own name.
_MEMORY: Final = "/dev/shm"  # noqa: S108  (a folder of our own is made in it)
_DISK: Final = "/tmp"  # noqa: S108  (the same)
# distcc's client appends a byte to it for each compile that failed on a server but not here.
_DISCREPANCIES: Final = "discrepancy_counter"
_MOST_REASONS: Final = 5

Find: TypeAlias = Callable[[Question], Coroutine[Deferred[Any], Any, Sequence[str]]]


def program() -> None:
    """Run the program `pump`."""
    sys.exit(main(sys.argv[1:], "pump"))


def main(arguments: Sequence[str], name: str = "twisted-distcc pump") -> int:
    """Run the build, or start or stop an include server, and return the exit status.

    `name` is the command as the user typed it.
    """
    parser = _parser(name)
    options = parser.parse_args(arguments)
    if options.startup + options.shutdown + bool(options.command) != 1:
        parser.error("give the command of a build, or --startup, or --shutdown")
    globalLogBeginner.beginLoggingTo([LogFile(None).from_level("warning")], redirectStandardIO=False)
    try:
        if options.shutdown:
            return shut_down(os.environ)
        hosts = find_hosts(os.environ, read_text)
        for hint in hints(hosts, os.environ):
            _say(hint)
        left = _Left(options.verbose)
        if options.startup:
            return _start_up(hosts.localslots_cpp, left)
        with SignalsHandedOn() as signals, _build_of(hosts.localslots_cpp, left) as build:
            return build.run([options.command, *options.arguments], signals)
    except CannotRunError as error:
        _say(str(error))
        return error.exit_code
    except (DistccError, UnsafeFolderError, OSError) as error:
        _say(str(error))
        return EXIT_FAILURE


@contextmanager
def _build_of(slots: int, left: _Left) -> Iterator[_Build]:
    """Make the folders of a build, and remove them afterwards."""
    with _own_folder(runtime_folder()) as place, _copies_folder() as copies:
        yield _Build(place, copies, slots, own_umask(), left)


def _start_up(slots: int, left: _Left) -> int:
    """Start an include server that outlives us, and print the variables by which to find it."""
    umask = own_umask()
    with detached(), _build_of(slots, left) as build:
        replace(build, umask=umask).serve()
    return 0


def hints(hosts: HostList, environ: Mapping[str, str]) -> Iterator[str]:
    """Say which hosts distcc will not have preprocess anything, and how to change that."""
    if environ.get("DISTCC_POTENTIAL_HOSTS") and "DISTCC_HOSTS" not in environ:
        yield "DISTCC_POTENTIAL_HOSTS is for lsdistcc, which is not supported: set DISTCC_HOSTS"
    yield from map(str, hosts.warnings)
    remote = [host for host in hosts.hosts if not isinstance(host, Localhost)]
    if plain := [host for host in remote if not (host.pump and host.compress)]:
        names = ", ".join(map(str, plain))
        yield f"distcc preprocesses here what it sends to {names}: write ,lzo,cpp after a host"
    if not remote:
        yield "distcc has no hosts: set DISTCC_HOSTS, as in DISTCC_HOSTS='server,lzo,cpp'"


@contextmanager
def _own_folder(within: str) -> Iterator[str]:
    """Make a temporary folder that only this user may enter."""
    folder = tempfile.mkdtemp(prefix="twisted-distcc-pump-", dir=within)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _copies_folder() -> Iterator[str]:
    """Make the folder for copies, in memory if possible."""
    if os.access(_MEMORY, os.W_OK):
        with _own_folder(_MEMORY) as folder:
            yield folder
        return
    with _own_folder(_DISK) as above:
        folder = f"{above}/copies"
        os.mkdir(folder)
        yield folder


@dataclass(slots=True)
class _Left:
    """The compiles that were left for distcc to preprocess, and why."""

    verbose: bool
    reasons: Counter[str] = field(default_factory=Counter)

    def __call__(self, question: Question, reason: str) -> None:
        self.reasons[reason] += 1
        if self.verbose:
            _say(f"distcc preprocesses {shlex.join(question.argv)} in {question.directory}: {reason}")


@dataclass(frozen=True, slots=True)
class _Build:
    """One build.

    Attributes:
        place: the folder of its socket.
        copies: the folder for copies of the files to be sent.
        slots: how many preprocessors may run here at once.
        umask: the umask of the build.
        left: the compiles that are left to distcc.
    """

    place: str
    copies: str
    slots: int
    umask: int
    left: _Left

    def run(self, command: Sequence[str], signals: SignalsHandedOn) -> int:
        """Run the command beside an include server, and return its exit status."""
        reactor = _reactor()
        factory, port = self._listen(reactor)
        environ = {**os.environ, "INCLUDE_SERVER_PORT": self.socket}
        build = Beside(reactor, command, environ)
        hand_on_nothing()
        statuses: list[int] = []
        build.ended.addCallback(statuses.append)
        build.ended.addCallback(lambda _: port.stopListening())
        build.ended.addBoth(lambda _: reactor.stop())
        signals.to(build)
        reactor.callWhenRunning(reap_what_is_left_to_us, reactor)
        set_wakeup_fd(reactor.waker.o, warn_on_full_buffer=False)  # or a signal may wait for an event
        reactor.run(installSignalHandlers=False)
        set_wakeup_fd(-1)
        self._report(factory.answered)
        return statuses[0]

    def serve(self) -> None:
        """Print the variables by which to find us, and answer until a signal tells us to stop."""
        reactor = _reactor()
        factory, _ = self._listen(reactor)
        hand_on_nothing()
        heed((signal.SIGHUP, signal.SIGQUIT), lambda _: reactor.callFromThread(reactor.stop))
        sys.stdout.write(exports(os.getpid(), self.place))
        sys.stdout.flush()
        ready()
        log_into(self.place)
        reactor.run()
        self._report(factory.answered)

    @property
    def socket(self) -> str:
        """The path of the socket on which questions arrive."""
        return f"{self.place}/{SOCKET}"

    def _listen(self, reactor: Any) -> tuple[IncludesFactory, IListeningPort]:
        factory = IncludesFactory(self._find(reactor), reactor, self.left, _context())
        return factory, reactor.listenUNIX(self.socket, factory, mode=0o600)

    def _find(self, reactor: Any) -> Find:
        spawn, threads = ReactorSpawner(reactor), ReactorThreads(reactor)
        sources = Sources(spawn, threads)
        searches = SearchPaths(sources.files, spawn)
        mirror = Mirror(self.copies, sources.files, threads)
        surroundings = Surroundings(os.environ, self.umask, self.slots)
        answers = Answers(surroundings, sources, searches, mirror)
        return lambda question: answers.paths(question.argv, question.directory)

    def _report(self, answered: int) -> None:
        """Print a summary of the build's compiles, if it had any."""
        reasons = self.left.reasons
        if answered or reasons:
            _say(f"compiles for servers to preprocess: {answered}; for distcc: {reasons.total()}")
        for reason, count in reasons.most_common(_MOST_REASONS):
            _say(f"{count} for distcc: {reason}")
        if failed := _size(f"{self.place}/{_DISCREPANCIES}"):
            _say(
                f"{failed} failed on a server and not here, and distcc went on without remote"
                " preprocessing: are the system's headers the same there?"
            )


def _context() -> bytes:
    """Return the context that is served; no real one is empty."""
    try:
        return context_of("self")
    except OSError:  # without a `/proc`
        return b""


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _say(text: str) -> None:
    print(f"twisted-distcc pump: {text}", file=sys.stderr, flush=True)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=name,
        usage=f"{name} [--verbose] COMMAND [ARGUMENT]...\n"
        f"       eval `{name} --startup`; COMMAND [ARGUMENT]...; {name} --shutdown",
        description="Run the command of a build, and have the servers preprocess what C distcc sends.",
        epilog=f"example: DISTCC_HOSTS='server/8,lzo,cpp' {name} make -j8 CC='distcc gcc'",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--startup",
        action="store_true",
        help="start an include server; print the variables to set for it",
    )
    parser.add_argument(
        "--shutdown", action="store_true", help="end the include server that these variables lead to"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="say which compiles distcc preprocesses itself, and why"
    )
    parser.add_argument(
        "command", metavar="COMMAND", nargs="?", help="the build command, such as make -j8"
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
