"""Jobs in their sandboxes: what is made of what they leave, with programs for compilers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.execution.executor import NothingMadeError
from twisted_distcc.execution.resource_limits import LimitMetError, Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.confined import Sandbox
from twisted_distcc.execution.sandbox.confined_job import ConfinedJob, SandboxFailedError
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.model import Reply
from twisted_distcc.launcher.command import Ended
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


class PlaceTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.spool = Path(os.path.abspath(self.mktemp()))
        self.spool.mkdir()

    def sandbox(self, **limits: int) -> Sandbox:
        return build(Limits(**limits), {"PATH": "/usr/bin:/bin"}, str(self.spool))

    def ran(self, script: str, sandbox: Sandbox | None = None, seen: Toolchain = SEEN) -> Reply:
        """Run a script in the place of a compiler, in the folder /client."""
        place = sandbox or self.sandbox()
        with place.enclose(seen, ["/bin/sh", "-c", script], "source.i", SOURCE, "/client") as job:
            return attempt(job)

    def left(self) -> list[str]:
        return os.listdir(self.spool)


class ReplyTests(PlaceTestCase):
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
            ("kill -KILL $$", signal.SIGKILL), ("exit 255", 127),
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
        """When bubblewrap fails nothing was compiled, and its last words say why."""
        nowhere = Toolchain(PROGRAMS, View((), ("/no/such/folder",)), is_whole_system=False)
        with self.assertRaisesRegex(SandboxFailedError, "cannot make a sandbox now: .*/no/such/folder"):
            self.ran(":", seen=nowhere)

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


class AccountTests(PlaceTestCase):
    """What bubblewrap and the shell are said to have said, where a job could write in their place."""

    def collected(self, said: bytes, times: bytes) -> tuple[Reply, float]:
        with self.sandbox().enclose(SEEN, ["/bin/sh"], "source.i", SOURCE) as job:
            os.write(job.said.descriptor, said)
            os.write(job.times.descriptor, times)
            return self._reply(job), job.cost(Ended(0, 1.0, 0.5))

    def _reply(self, job: ConfinedJob) -> Reply:
        Path(job.output).write_bytes(b"object")
        return job.collect(Ended(0, 0, 0))

    def test_costs(self) -> None:
        """The compiler's own time counts beside that of bubblewrap."""
        told = b"0m0.00s 0m0.01s\n1m2.50s 0m0.25s\n"
        self.assertEqual(self.collected(b'{ "exit-code": 0 }\n', told)[1], 1.5 + 62.75)

    def test_lies(self) -> None:
        """Numbers without end are no numbers, and take no time to read."""
        digits = b"9" * 60_000
        for times in (b"", digits, digits + b"m0.00s 0m0.00s\n", b"1m1.2.3s 0m0s\n", b" " * 60_000):
            self.assertEqual(self.collected(b'"exit-code": 0\n', times)[1], 1.5, times[:20])
        with self.assertRaises(SandboxFailedError):
            self.collected(b'"exit-code": ' + digits, b"")


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
        script = "ulimit -n 10; " + Limits().script(own_processes=True) + "; echo x >output.o"
        self.assertEqual(self.ran(script).stderr.read(), b"")
