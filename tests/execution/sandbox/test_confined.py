"""Jobs in their sandboxes: what is made of what they leave, with programs for compilers."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.execution.executor import NothingMadeError
from twisted_distcc.execution.resource_limits import LimitMetError, Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.confined import Sandbox
from twisted_distcc.execution.sandbox.confined_job import SandboxFailedError
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.model import Reply
from twisted_distcc.toolchain.discovery import Toolchain, whole_system
from twisted_distcc.toolchain.elf import needed
from twisted_distcc.toolchain.view import View

PROGRAMS = ("/bin/sh", "/bin/cat", "/bin/head", "/bin/ln", "/bin/mkfifo", "/bin/ls")
SEEN = Toolchain(
    PROGRAMS,
    View.of([*PROGRAMS, *(library for one in PROGRAMS for library in needed(one))]),
    is_whole_system=False,
)
SOURCE = Body.of(b"a source\n")
MIB = 1024 * 1024
# Makes 200 files, where there is place for 80.
MANY = "i=0; while [ $i != 200 ]; do : >f$i; i=$((i + 1)); done; exit 1"


class PlaceTestCase(SynchronousTestCase):
    program = "jail"

    def setUp(self) -> None:
        self.spool = Path(os.path.abspath(self.mktemp()))
        self.spool.mkdir()

    def sandbox(self, **limits: int) -> Sandbox:
        environ = {"PATH": "/usr/bin:/bin"}
        return build(Limits(**limits), environ, str(self.spool), program=self.program)

    def ran(self, script: str, sandbox: Sandbox | None = None, seen: Toolchain = SEEN) -> Reply:
        """Run a script in the place of a compiler, in the folder /client."""
        place = sandbox or self.sandbox()
        with place.enclose(seen, ["/bin/sh", "-c", script], "source.i", SOURCE, "/client") as job:
            return attempt(job)

    def left(self) -> list[str]:
        return os.listdir(self.spool)


class ReplyTests(PlaceTestCase):
    exit_255 = 255 << 8

    def test_what_it_leaves(self) -> None:
        """Its words and its object are the reply; it works where the client is."""
        reply = self.ran("pwd; echo warning >&2; cat source.i source.i >output.o; ls")
        self.assertEqual(reply.stdout.read(), b"/client\noutput.o\nsource.i\n")
        self.assertEqual(reply.stderr.read(), b"warning\n")
        self.assertEqual(reply.object_file.read(), b"a source\n" * 2)
        self.assertEqual(self.left(), [])

    def test_large_ones(self) -> None:
        """A large source comes in, a large object goes out by a file, which is given up with it."""
        path = self.spool.parent / "large"
        path.write_bytes(os.urandom(IN_MEMORY * 3))
        place = self.sandbox(space=IN_MEMORY * 4)
        argv = ["/bin/sh", "-c", "cat source.i >output.o"]
        with place.enclose(SEEN, argv, "source.i", Body.adopt(str(path))) as job:
            reply = attempt(job)
        self.assertEqual(reply.object_file.read(), path.read_bytes())
        reply.discard()
        self.assertEqual(self.left(), [])

    def test_statuses(self) -> None:
        """Exit codes are its own, and so is the signal that killed it; neither has an object."""
        for script, status in (
            ("exit 3", 3 << 8), ("exit 128", 128 << 8), ("kill -SEGV $$", signal.SIGSEGV),
            ("kill -KILL $$", signal.SIGKILL), ("exit 255", self.exit_255),
        ):  # fmt: skip
            reply = self.ran(f"echo half >output.o; {script}")
            self.assertEqual((reply.status, reply.object_file.length), (status, 0), script)
        self.assertEqual(self.left(), [])

    def test_no_objects(self) -> None:
        """Nothing, an empty file, a link, a fifo, and a folder are no objects."""
        for script in (
            ":", ": >output.o", "ln -s source.i output.o", "mkfifo output.o",
            "ln -s output.o output.o",
        ):  # fmt: skip
            with self.assertRaises(NothingMadeError, msg=script):
                self.ran(script)
        self.assertEqual(self.left(), [])

    def test_no_walls(self) -> None:
        """When no sandbox can be made nothing was compiled, and what failed is told."""
        nowhere = Toolchain(PROGRAMS, View((), ("/no/such/folder",)), is_whole_system=False)
        with self.assertRaisesRegex(SandboxFailedError, "cannot make a sandbox now: .*/no/such/folder"):
            self.ran(":", seen=nowhere)

    def test_no_compiler(self) -> None:
        """One that cannot be executed fails nothing but this server."""
        with self.sandbox().enclose(SEEN, ["/bin/no-such"], "source.i", SOURCE) as job:
            self.assertRaisesRegex(SandboxFailedError, "/bin/no-such", attempt, job)

    def test_what_it_leaves_running(self) -> None:
        """Programs that a compiler leaves are ended, and change no output afterwards."""
        script = "(while :; do echo more; done >>output.o) & echo x >output.o; exit 0"
        reply = self.ran(script)
        self.assertEqual(reply.status, 0)
        self.assertEqual(self.left(), [])
        reply.discard()

    def test_a_job_that_never_ran(self) -> None:
        """One that is given up before it began leaves nothing."""
        with self.sandbox().enclose(SEEN, ["/bin/sh"], "source.i", SOURCE):
            self.assertEqual(len(self.left()), 1)
        self.assertEqual(self.left(), [])

    def test_proc(self) -> None:
        """There is no `/proc`, but for a compiler that sees all that is installed: that has its own."""
        self.assertIn(b"No such file", self.ran("ls -d /proc; exit 1").stderr.read())
        seen = whole_system("/bin/sh")
        said = self.ran("echo x >output.o; ls /proc", seen=seen).stdout.read().split()
        self.assertIn(b"self", said)
        self.assertLess(len([name for name in said if name.isdigit()]), 6)

    def test_standing(self) -> None:
        """When memory runs out a compiler dies before the server does."""
        script = "cat /proc/self/oom_score_adj >output.o"
        reply = self.ran(script, seen=whole_system("/bin/sh"))
        self.assertEqual(reply.object_file.read(), b"1000\n")


class BubblewrapReplyTests(ReplyTests):
    """The same with bubblewrap, which tells signals as a shell does."""

    program = "bubblewrap"
    exit_255 = 127

    def test_no_compiler(self) -> None:
        """A shell says that there is none, as it says it anywhere."""
        with self.sandbox().enclose(SEEN, ["/bin/no-such"], "source.i", SOURCE) as job:
            self.assertEqual(attempt(job).status, 127 << 8)


class LimitTests(PlaceTestCase):
    """Each limit is met by a small program, and told as that limit."""

    def assert_met(self, script: str, option: str, **limits: int) -> None:
        with self.assertRaises(LimitMetError) as caught:
            self.ran(script, self.sandbox(**limits))
        self.assertEqual(caught.exception.limit, option)
        self.assertIn(f"--{option}", str(caught.exception))
        self.assertEqual(self.left(), [])

    def test_each(self) -> None:
        """Memory, time, files one by one and together, and open files."""
        head = "head -c 8m /dev/urandom"
        self.assert_met("while :; do :; done", "sandbox-cpu", cpu=1)
        self.assert_met(f"{head} >output.o", "sandbox-file-size", file_size=MIB)
        self.assert_met(f"{head} >more || exit 1", "sandbox-space", space=MIB)
        nested = "{ " * 20 + "cat" + "; } <source.i" * 20
        self.assert_met(nested, "sandbox-open-files", open_files=20)

    def test_none(self) -> None:
        """A program within its limits meets none, whatever it says, nor does one that failed."""
        self.assertEqual(self.ran("echo x >output.o; echo Cannot allocate memory >&2").status, 0)
        self.assertEqual(self.ran("echo error: no such thing >&2; exit 1").status, 1 << 8)

    def test_lower_ones_than_ours(self) -> None:
        """Where the server itself may use less there is no word of that in the compiler's."""
        argv = ["/bin/sh", "-c", "echo x >output.o; ulimit -n"]
        with self.sandbox().enclose(SEEN, argv, "source.i", SOURCE) as job:
            lower = ("/bin/sh", "-c", 'ulimit -n 40; exec "$@"', "sh", *job.command.argv)
            reply = attempt(replace(job, command=replace(job.command, argv=lower)))
        self.assertEqual((reply.stdout.read(), reply.stderr.read()), (b"40\n", b""))

    def test_many_files(self) -> None:
        """Empty files take no space, and memory, so the kernel counts them."""
        self.assert_met(MANY, "sandbox-space", space=MIB)


class BubblewrapLimitTests(LimitTests):
    """The same with bubblewrap, where a server counts the files while a job runs."""

    program = "bubblewrap"

    def test_many_files(self) -> None:
        """A server that does not look while a job runs finds none (see `tests.hostile.test_bombs`)."""
        self.assertEqual(self.ran(MANY, self.sandbox(space=MIB)).status, 1 << 8)
