"""A user's surroundings with a network, servers and a compiler in memory, for the story of one compile.

In: what servers are to do, and what the preprocessor is to give.  Out: what the story asked of them,
said and left.  It refuses to know what the right course is: the tests say that.  Files are real, below
the test's own folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as RefusedError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.likeness import Likeness, Paths
from twisted_distcc.client.backends.server_capabilities import Ask, ServerCapabilities
from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, RunHere
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.scheduling.slots import LockDirectoryError, SlotDirectory
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import InputFile, Reply, Request, Tree
from twisted_distcc.policy.access import everyone
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.processes import CannotStartError, Command, Ended
from twisted_distcc.server.connection.server_protocol import DistccServerFactory

OBJECT = b"\x7fELF made by a server"
PREPROCESSED = b'# 1 "hello.c"\nint main(void) { return 0; }\n'


class FakeProcess:
    """A program that ends when the test says so, or is killed."""

    def __init__(self) -> None:
        self.killed = False
        self.status: int | None = None
        self._waiting: list[Deferred[Ended]] = []

    def end(self) -> Deferred[Ended]:
        waiting: Deferred[Ended] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        self._tell()
        return waiting

    def kill(self) -> None:
        if self.status is None:
            self.killed = True
            self.finish(9)

    def finish(self, status: int = 0) -> None:
        self.status = status
        self._tell()

    def _tell(self) -> None:
        if self.status is not None:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(Ended(self.status, 0.0, 0.0))


# What gcc writes when it is asked where it searches, which is nowhere.
SEARCHES = b"""\
#include "..." search starts here:
#include <...> search starts here:
End of search list.
"""


@dataclass
class FakePreprocessor:
    """Starts preprocessors that write what the test wants, and answer that they search nowhere.

    `listed` is what they name when they are asked which files they read, `clock` what they say when they
    are asked whether these say the time, `date` what the date is, and those that get the word `fails`
    fail.
    """

    text: bytes = PREPROCESSED
    says: bytes = b""
    clock: bytes = b""
    date: bytes = b""
    rules: bytes = b"hello.o: hello.c\n"
    searches: bytes = SEARCHES
    listed: bytes = b"hello.o: hello.c\n"
    status: int = 0
    fails: str = ""
    held: bool = False
    absent: bool = False
    commands: list[Command] = field(default_factory=list)
    processes: list[FakeProcess] = field(default_factory=list)

    def __call__(self, command: Command) -> FakeProcess:
        if self.absent:
            raise CannotStartError("cannot start the compiler")
        process = FakeProcess()
        self.commands.append(command)
        self.processes.append(process)
        self._write(command)
        if not self.held:
            process.finish(1 << 8 if self.fails in command.argv else self.status)
        return process

    @property
    def kinds(self) -> list[str]:
        """Tell of each command whether it `asked`, `listed`, `timed`, `dated` or `preprocessed`."""
        words = {"-dM": "asked", "-M": "listed", "-Wdate-time": "timed", "-P": "dated"}
        kinds = [[words[word] for word in command.argv if word in words] for command in self.commands]
        return [kind[0] if kind else "preprocessed" for kind in kinds]

    def _write(self, command: Command) -> None:
        argv = [os.fsdecode(word) for word in command.argv]
        if "-o" not in argv:
            self._say(command, argv)
            return
        Path(argv[argv.index("-o") + 1]).write_bytes(self.text)
        if "-MF" in argv:
            Path(argv[argv.index("-MF") + 1]).write_bytes(self.rules)
        os.write(command.stderr, self.clock if "-Wdate-time" in argv else self.says)

    def _say(self, command: Command, argv: Sequence[str]) -> None:
        if "-dM" in argv:
            os.write(command.stderr, self.searches)
        else:
            os.write(command.stdout, self.date if "-P" in argv else self.listed)


Script = Callable[["FakeNetwork", IProtocolFactory, Any, float], None]
"""What a host does when it is called: with a factory of protocols, a connector and a patience."""


class FakeNetwork(MemoryReactorClock):
    """A reactor whose hosts follow scripts; `called` are those that were called, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: dict[str, Script] = {}
        self.called: list[str] = []
        self.joined: list[tuple[FakeTransport, IOPump]] = []

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: object = None
    ) -> Any:
        connector = super().connectTCP(host, port, factory, timeout, bindAddress)
        self.called.append(host)
        self.callLater(0, self.scripts[host], self, factory, connector, timeout)
        return connector

    def getThreadPool(self) -> FakeNetwork:
        return self

    def callInThreadWithCallback(
        self, tell: Callable[[bool, object], None], work: Callable[..., object], *arguments: object
    ) -> None:
        """Do at once what is for a thread."""
        try:
            result = work(*arguments)
        except Exception:
            tell(False, Failure())
        else:
            tell(True, result)

    def callFromThread(self, tell: Callable[..., object], *arguments: object) -> None:
        tell(*arguments)

    def join(self, factory: IProtocolFactory, server: Protocol) -> None:
        """Connect a client of `factory` with `server`."""
        client = factory.buildProtocol(None)  # type: ignore[arg-type]
        ours, theirs = FakeTransport(client, False), FakeTransport(server, True)
        self.joined.append((ours, connect(server, theirs, client, ours)))

    def settle(self) -> None:
        """Let everything happen that waits for nothing but its turn."""
        moved = True
        while moved:
            due = [call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()]
            self.advance(0)
            moved = bool(due) + sum(pump.flush() for _, pump in self.joined) > 0

    @property
    def open_connections(self) -> int:
        """How many connections the client has not closed."""
        return sum(not transport.disconnected for transport, _ in self.joined)


def refusing(network: FakeNetwork, factory: IProtocolFactory, connector: Any, timeout: float) -> None:
    """Nobody listens there."""
    factory.clientConnectionFailed(connector, Failure(RefusedError()))  # type: ignore[attr-defined]


def silent(network: FakeNetwork, factory: IProtocolFactory, connector: Any, timeout: float) -> None:
    """Packets to it are lost."""

    def give_up() -> None:
        failure = Failure(ConnectTimeoutError())
        factory.clientConnectionFailed(connector, failure)  # type: ignore[attr-defined]

    network.callLater(timeout, give_up)


class Speaker(Protocol):
    """A server that says `words` at the first byte that it hears, and hangs up, or does not."""

    def __init__(self, words: bytes, *, hangs_up: bool = True) -> None:
        self._words = words
        self._hangs_up = hangs_up

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        words, self._words = self._words, b""
        self.transport.write(words)
        if self._hangs_up:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        pass


def speaking(words: bytes, *, hangs_up: bool = True) -> Script:
    """A server that says `words` whatever it is asked."""
    return lambda network, factory, *_: network.join(factory, Speaker(words, hangs_up=hangs_up))


@dataclass
class Sent:
    """A tree as it reached a server: its working directory, its files and its links."""

    directory: str
    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Tree) -> Sent:
        sent = cls(os.fsdecode(tree.directory))
        for entry in tree.entries:
            name = os.fsdecode(entry.name)
            if isinstance(entry, InputFile):
                with tree.contents.opened():
                    sent.files[name] = entry.content.read(1 << 20)
            else:
                sent.links[name] = os.fsdecode(entry.target)
        return sent


class FakeServer:
    """The real protocol of our server.

    `reply` makes its answers, `requests` is what it was asked, `trees` what came with each, `replies`
    are the answers to come, and `stopped` counts the jobs that their client gave up.
    """

    def __init__(self, reply: Callable[[Request], Reply | Deferred[Reply]]) -> None:
        self.requests: list[tuple[tuple[bytes, ...], bytes]] = []
        self.trees: list[Sent | None] = []
        self.replies: list[Deferred[Reply]] = []
        self.stopped = 0
        self._reply = reply

    def __call__(self, network: FakeNetwork, factory: IProtocolFactory, *_: object) -> None:
        bulk = Bulk(FakePreprocessor(), _no_thread)
        server = DistccServerFactory(self._compile, network, bulk, admit=everyone).buildProtocol(None)
        network.join(factory, server)

    async def _compile(self, request: Request, peer: Peer) -> Reply:
        self.requests.append((request.arguments, request.source.read()))
        self.trees.append(Sent.of(request.tree) if request.tree else None)
        reply = self._reply(request)
        if isinstance(reply, Deferred):
            self.replies.append(reply)
            return await self._awaited(reply)
        return reply

    async def _awaited(self, reply: Deferred[Reply]) -> Reply:
        try:
            return await reply
        except CancelledError:
            self.stopped += 1
            raise


def _no_thread(work: Callable[[], Body]) -> Deferred[Body]:
    raise AssertionError("bodies of these tests are small")


def good_server() -> FakeServer:
    """A server that compiles."""
    return FakeServer(lambda _: Reply(0, object_file=Body.of(OBJECT)))


def failing_server() -> FakeServer:
    """A server whose compiler finds an error in the source."""
    return FakeServer(lambda _: Reply(1 << 8, stderr=Body.of(b"hello.c: error\n")))


def refusing_server(exit_code: int) -> FakeServer:
    """A server that answers with a sentence and an exit code of its own."""
    return FakeServer(lambda _: Reply.sentence(exit_code, "the server refuses this job"))


def held_server() -> FakeServer:
    """A server whose compiler is never done, unless the test says so."""
    return FakeServer(lambda _: Deferred())


@dataclass
class Told:
    """A report that remembers."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    reminded: list[str] = field(default_factory=list)
    watch: UnitWatch = field(default_factory=UnitWatch)

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def remind(self, text: str, reason: str) -> None:
        self.reminded.append(f"{text}: {reason}")

    def fail(self, text: str) -> bytes:
        self.warned.append(text)
        return b""


@dataclass
class FakeAbilities:
    """Says `of_all` hosts what the test wants.

    `are_known` says that it did so before, and `is_told_apart` that the compiler here is no script.
    """

    of_all: Likeness = Likeness.UNTOLD
    are_known: bool = True
    is_told_apart: bool = True
    when_asked: Callable[[], object] = lambda: None

    async def digest(self, compiler: LocalCompiler) -> str | None:
        return "ab" * 32

    where: Paths | None = None
    forgotten: list[RemoteHost] = field(default_factory=list)

    @property
    def are_exact(self) -> bool:
        return self.of_all is Likeness.EXACT

    async def can_tell(self, compiler: LocalCompiler) -> bool:
        return self.is_told_apart

    async def are_hopeless(self, hosts: Iterable[RemoteHost], compiler: LocalCompiler) -> bool:
        return self.are_known and not self.are_exact

    async def has_exact(self, hosts: Iterable[RemoteHost], compiler: LocalCompiler) -> bool:
        return self.are_known and self.are_exact

    def forget(self, host: RemoteHost, compiler: LocalCompiler) -> None:
        self.forgotten.append(host)

    async def paths(self, host: RemoteHost, compiler: LocalCompiler) -> Paths | None:
        return self.where

    async def likeness(self, host: RemoteHost, ask: Ask, compiler: LocalCompiler) -> Likeness:
        self.when_asked()
        return self.of_all


class DispatchTestCase(SynchronousTestCase):
    """One user on a machine in memory: the hosts are 10.0.0.1, 10.0.0.2 … as `serve` lists them."""

    def setUp(self) -> None:
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.work, self.tmp, self.bin, self.distcc = (
            self.folder / name for name in ("work", "tmp", "bin", "distcc")
        )
        for folder in (self.work, self.tmp, self.bin, self.distcc):
            folder.mkdir(parents=True)
        self.gcc = self.bin / "gcc"
        self.gcc.touch(mode=0o755)
        (self.work / "hello.c").write_text("int main(void) { return 0; }\n")
        self.environ = {
            "PATH": str(self.bin),
            "HOME": str(self.folder),
            "DISTCC_DIR": str(self.distcc),
            "TMPDIR": str(self.tmp),
            "DISTCC_HOSTS": "",
        }
        self.told = Told()
        self.spare = self.folder / "spare"
        self.network = FakeNetwork()
        self.preprocessor = FakePreprocessor()
        self.capabilities = FakeAbilities()
        self.dispatcher = replace(
            Dispatcher.on(self.network, self.preprocessor, self.spare_lock_directory),
            capabilities=cast(ServerCapabilities, self.capabilities),
        )

    def spare_lock_directory(self) -> str:
        """Name a directory for users who have none."""
        if not self.spare.is_dir():
            raise LockDirectoryError("no directory for lock files")
        return str(self.spare)

    def serve(self, *scripts: Script, more: str = "", options: str = "/1") -> None:
        """Have a host for each of `scripts`, all of them listed, `more` before them."""
        names = [f"10.0.0.{number}" for number in range(1, len(scripts) + 1)]
        self.network.scripts.update(zip(names, scripts, strict=True))
        self.environ["DISTCC_HOSTS"] = " ".join([more, *(name + options for name in names)])

    def invocation(self, *argv: str) -> Invocation:
        words = argv or ("gcc", "-c", "hello.c", "-o", "hello.o")
        return Invocation(words, str(self.work), dict(self.environ), 0o022)

    def begin(self, invocation: Invocation) -> Deferred[Outcome]:
        """Begin one compile, and let it go as far as it can."""
        running = Deferred.fromCoroutine(self.dispatcher.run(invocation, self.told))
        self.network.settle()
        return running

    def compile(self, *argv: str, umask: int = 0o022) -> Outcome:
        """See one compile to its end."""
        invocation = replace(self.invocation(*argv), umask=umask)
        return self.successResultOf(self.begin(invocation))

    def finished(self, outcome: Outcome) -> Finished:
        self.assertIsInstance(outcome, Finished, self.told)
        assert isinstance(outcome, Finished)
        return outcome

    def here(self, outcome: Outcome) -> RunHere:
        """Take an outcome that is to be compiled here, in a slot that is given back."""
        self.assertIsInstance(outcome, RunHere, self.told)
        assert isinstance(outcome, RunHere)
        self.assertEqual(outcome.compiler, str(self.gcc))
        if outcome.slot is not None:
            outcome.slot.release()
        return outcome

    def taken(self, name: str) -> int:
        """Count the slots that are taken on the host of this lock name."""
        return SlotDirectory(str(self.distcc / "lock")).in_use(name, 8)

    def avoided(self) -> list[str]:
        """Name the hosts that a note says to avoid."""
        notes = (self.distcc / "lock").glob("backoff_tcp_*_0")
        return sorted(note.name.removeprefix("backoff_tcp_").split("_")[0] for note in notes)

    def nothing_is_left(self, *outputs: str) -> None:
        """Assert that of all compiles so far only `outputs` are left."""
        self.network.settle()
        self.assertEqual(sorted(os.listdir(self.work)), sorted(["hello.c", *outputs]))
        self.assertEqual(os.listdir(self.tmp), [])
        hosts = ["localhost", *(f"tcp_{name}_3632" for name in self.network.scripts)]
        self.assertEqual([host for host in hosts if self.taken(host)], [])
        self.assertEqual(self.network.open_connections, 0)
        self.assertTrue(all(process.status is not None for process in self.preprocessor.processes))
        self.assertEqual(self.network.getDelayedCalls(), [])
