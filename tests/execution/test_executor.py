"""One compile in a folder of its own; what a compiler would write, the test writes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.execution.executor import NothingMadeError
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.jobs.model import Reply
from twisted_distcc.launcher.command import CannotStartError, Command, Ended

LARGE = os.urandom(IN_MEMORY * 2)
WORDS = b"warning\n" * (IN_MEMORY // 4)
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


class CompilationTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        parent = self.mktemp()
        os.mkdir(parent)
        self.workspaces = Workspaces(parent)
        self.addCleanup(self.workspaces.close)
        self.place = Unconfined(self.workspaces, {"PATH": "/usr/bin"})
        self.commands: list[Command] = []

    def compiled(
        self,
        work: Callable[[Command], None],
        *words: str,
        source: bytes = b"int x;",
        status: int = 0,
    ) -> Reply:
        compilation = parse(words or ("gcc", "-O2", "-c", "dir/x.c", "-o", "x.o"))
        assert isinstance(compilation, Compilation), compilation
        with self.place.prepare("/usr/bin/gcc", compilation, Body.of(source), "ada") as job:
            self.commands.append(job.command)
            work(job.command)
            return job.collect(Ended(status, 1.5, 0.5))

    def folders(self) -> list[str]:
        return sorted(set(os.listdir(self.workspaces.path)) - {"lock", "spool"})


class CommandTests(CompilationTestCase):
    def test_the_compiler_sees_its_own_folder_alone(self) -> None:
        """Its working directory, its temporary files and its outputs lie in the job's folder."""
        self.compiled(writes(b"object"))
        (command,) = self.commands
        folder = f"{self.workspaces.path}/1"
        self.assertEqual(command.directory, folder)
        self.assertEqual(command.environ, {"PATH": "/usr/bin", "TMPDIR": folder})

    def test_the_words(self) -> None:
        """The client's options stay; its names of files become the server's."""
        self.compiled(writes(b"object"))
        folder = self.commands[0].directory
        self.assertEqual(
            self.commands[0].argv,
            [
                "/usr/bin/gcc",
                "-O2",
                "-x",
                "cpp-output",
                "-c",
                f"{folder}/source.i",
                "-o",
                f"{folder}/output.o",
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
        reply = self.compiled(writes(b"object", b"warning", b"note"))
        self.assertEqual([body.read() for body in reply.bodies], [b"warning", b"note", b"object", b""])
        self.assertEqual(reply.status, 0)

    def test_failure(self) -> None:
        """A compiler that failed has no object, though it wrote half of one."""
        reply = self.compiled(writes(b"half", b"error"), status=FAILED)
        self.assertEqual([body.read() for body in reply.bodies], [b"error", b"", b"", b""])
        self.assertEqual(reply.exit_code, 1)

    def test_killed(self) -> None:
        """A compiler that crashed is told as the signal."""
        reply = self.compiled(writes(None), status=signal.SIGSEGV)
        self.assertEqual(reply.exit_code, 128 + signal.SIGSEGV)

    def test_success_without_an_object(self) -> None:
        """A client would take an empty object for the result: it reads the reason instead."""
        with self.assertRaises(NothingMadeError):
            self.compiled(writes(None, WORDS))
        self.assertEqual(os.listdir(self.workspaces.spool), [])

    def test_an_empty_object(self) -> None:
        """An object of no bytes is one."""
        self.assertEqual(self.compiled(writes(b"")).object_file.length, 0)

    def test_large_results_outlive_the_folder(self) -> None:
        """Large ones are moved out of the job's folder, which is cleared before they are sent."""
        reply = self.compiled(writes(LARGE, WORDS, WORDS))
        self.assertEqual(os.listdir(f"{self.workspaces.path}/1"), [])
        self.assertEqual([body.read() for body in reply.bodies], [WORDS, WORDS, LARGE, b""])
        self.assertEqual([body.data for body in reply.bodies[:3]], [None] * 3)
        reply.discard()
        self.assertEqual(os.listdir(self.workspaces.spool), [])


class FaultTests(CompilationTestCase):
    def test_a_compiler_without_room(self) -> None:
        """A compiler that failed for want of room says nothing about the code."""
        said = b"x.c:1:1: fatal error: error writing to cc.s: No space left on device\n" + b" " * 4000
        with self.assertRaisesRegex(OSError, "No space left on device"):
            self.compiled(writes(None, said), status=FAILED)
        self.assertEqual(self.compiled(writes(b"object", said)).stderr.read(), said)

    def test_a_job_that_comes_to_nothing(self) -> None:
        """Its folder is empty again, for the next one."""

        def work(command: Command) -> None:
            writes(b"half", WORDS)(command)
            raise CancelledError

        with self.assertRaises(CancelledError):
            self.compiled(work)
        self.assertEqual(self.folders(), ["1"])
        self.assertEqual(os.listdir(f"{self.workspaces.path}/1"), [])

    def test_a_compiler_that_nobody_watches(self) -> None:
        """What it may still write goes into no other job's folder."""

        def work(command: Command) -> None:
            raise CannotStartError("the launcher has ended")

        with self.assertRaises(CannotStartError):
            self.compiled(work)
        self.assertEqual(self.folders(), [])
