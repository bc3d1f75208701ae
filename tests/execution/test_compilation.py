"""One compiler over one source, with a spawner that only writes what a compiler would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.execution.compilation import Compiler, NothingMadeError
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.messages.body import IN_MEMORY, Body
from twisted_distcc.messages.model import Reply
from twisted_distcc.processes import CannotStartError, Command, Ended, RunningProcess

LARGE = os.urandom(IN_MEMORY * 2)
FAILED = 1 << 8


def writes(
    object_file: bytes | None, stderr: bytes = b"", stdout: bytes = b""
) -> Callable[[Command], None]:
    """Make the work of a compiler that leaves just this."""

    def work(command: Command) -> None:
        os.write(command.stderr, stderr)
        os.write(command.stdout, stdout)
        if object_file is not None:
            with open(command.argv[-1], "wb") as file:
                file.write(object_file)

    return work


class Process:
    """A compiler that does its work when it starts, and is over at once unless it hangs."""

    def __init__(self, status: int, hangs: bool) -> None:
        self.killed = False
        self._status, self._hangs = status, hangs

    def end(self) -> Deferred[Ended]:
        if self._hangs and not self.killed:
            return Deferred()
        return succeed(Ended(signal.SIGKILL if self.killed else self._status, 1.5, 0.5))

    def kill(self) -> None:
        self.killed = True


class CompilationTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        parent = self.mktemp()
        os.mkdir(parent)
        self.workspaces = Workspaces(parent)
        self.addCleanup(self.workspaces.close)
        self.workspace = self.workspaces.new()
        self.commands: list[Command] = []
        self.processes: list[Process] = []

    def compiling(
        self,
        work: Callable[[Command], None],
        *words: str,
        source: bytes = b"int x;",
        status: int = 0,
        hangs: bool = False,
    ) -> Deferred[tuple[Reply, Ended]]:
        def spawn(command: Command) -> RunningProcess:
            self.commands.append(command)
            work(command)
            self.processes.append(Process(status, hangs))
            return self.processes[-1]

        compilation = parse(words or ("gcc", "-O2", "-c", "dir/x.c", "-o", "x.o"))
        assert isinstance(compilation, Compilation), compilation
        compiler = Compiler(spawn, {"PATH": "/usr/bin"}, self.workspaces.spool)
        return Deferred.fromCoroutine(
            compiler.compile("/usr/bin/gcc", compilation, Body.of(source), self.workspace)
        )

    def compiled(self, *arguments: object, **more: object) -> Reply:
        reply, _ = self.successResultOf(self.compiling(*arguments, **more))  # type: ignore[arg-type]
        return reply


class CommandTests(CompilationTestCase):
    def test_the_compiler_sees_its_own_folder_alone(self) -> None:
        """Its working directory, its temporary files and its outputs lie in the job's folder."""
        self.compiled(writes(b"object"))
        (command,) = self.commands
        self.assertEqual(command.directory, self.workspace.path)
        self.assertEqual(command.environ, {"PATH": "/usr/bin", "TMPDIR": self.workspace.path})

    def test_the_words(self) -> None:
        """The client's options stay; its names of files become the server's."""
        self.compiled(writes(b"object"))
        place = self.workspace.place
        self.assertEqual(
            self.commands[0].argv,
            [
                "/usr/bin/gcc",
                "-O2",
                "-x",
                "cpp-output",
                "-c",
                place("source.i"),
                "-o",
                place("output.o"),
            ],
        )

    def test_the_source_is_there(self) -> None:
        """The source lies where the command says, with the suffix of its language."""
        for command, suffix in ((("g++", "-c", "x.cc"), ".ii"), (("gcc", "-c", "x.s"), ".s")):
            seen: list[bytes] = []

            def work(command: Command, seen: list[bytes] = seen) -> None:
                with open(command.argv[-3], "rb") as file:
                    seen.append(file.read())
                writes(b"o")(command)

            self.compiled(work, *command, source=LARGE)
            self.assertEqual(seen, [LARGE])
            self.assertTrue(str(self.commands[-1].argv[-3]).endswith(suffix))


class ReplyTests(CompilationTestCase):
    def test_success(self) -> None:
        """What the compiler wrote and said is the reply."""
        reply, ended = self.successResultOf(self.compiling(writes(b"object", b"warning", b"note")))
        self.assertEqual([body.read() for body in reply.bodies], [b"warning", b"note", b"object"])
        self.assertEqual((reply.status, ended.user), (0, 1.5))

    def test_failure(self) -> None:
        """A compiler that failed has no object, though it wrote half of one."""
        reply = self.compiled(writes(b"half", b"error"), status=FAILED)
        self.assertEqual([body.read() for body in reply.bodies], [b"error", b"", b""])
        self.assertEqual(reply.exit_code, 1)

    def test_killed(self) -> None:
        """A compiler that crashed is told as the signal."""
        reply = self.compiled(writes(None), status=signal.SIGSEGV)
        self.assertEqual(reply.exit_code, 128 + signal.SIGSEGV)

    def test_success_without_an_object(self) -> None:
        """A client would take an empty object for the result: it reads the reason instead."""
        self.failureResultOf(self.compiling(writes(None, LARGE)), NothingMadeError)
        self.assertEqual(os.listdir(self.workspaces.spool), [])

    def test_an_empty_object(self) -> None:
        """An object of no bytes is one."""
        self.assertEqual(self.compiled(writes(b"")).object_file.length, 0)

    def test_large_results_outlive_the_folder(self) -> None:
        """Large ones are moved out of the job's folder, which is removed before they are sent."""
        reply = self.compiled(writes(LARGE, LARGE, LARGE))
        self.workspace.remove()
        self.assertEqual([body.read() for body in reply.bodies], [LARGE] * 3)
        self.assertEqual([body.data for body in reply.bodies], [None] * 3)
        reply.discard()
        self.assertEqual(os.listdir(self.workspaces.spool), [])


class FaultTests(CompilationTestCase):
    def test_a_compiler_without_room(self) -> None:
        """A compiler that failed for want of room says nothing about the code."""
        said = b"x.c:1:1: fatal error: error writing to cc.s: No space left on device\n" + b" " * 4000
        self.failureResultOf(self.compiling(writes(None, said), status=FAILED), OSError)
        self.assertEqual(self.compiled(writes(b"object", said)).stderr.read(), said)

    def test_cancelled(self) -> None:
        """Cancelling kills the compiler."""
        compiling = self.compiling(writes(None), hangs=True)
        self.assertNoResult(compiling)
        compiling.cancel()
        self.failureResultOf(compiling, CancelledError)
        self.assertTrue(self.processes[0].killed)
        self.assertEqual(os.listdir(self.workspaces.spool), [])

    def test_a_compiler_that_cannot_be_started(self) -> None:
        """The error goes to whoever asked."""

        def work(command: Command) -> None:
            raise CannotStartError("cannot start it")

        self.failureResultOf(self.compiling(work), CannotStartError)
