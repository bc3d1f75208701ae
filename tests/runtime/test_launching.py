"""Commands that a real launcher starts: the same as started in place, and what becomes of them."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import deferLater

from tests.live import LiveTestCase, is_running, until
from twisted_distcc.runtime import launching
from twisted_distcc.runtime.launching import LauncherSpawner
from twisted_distcc.runtime.processes import (
    CannotStartError,
    Command,
    Ended,
    ReactorSpawner,
    RunningProcess,
    run,
)

LOOPS, AT_ONCE = 8, 200
LISTS_ITS_DESCRIPTORS = "import os; print(*sorted(os.listdir('/proc/self/fd')))"
# An owner of three programs, each with a child, and an end in two ways.
OWNER = """
import sys
from twisted.internet import reactor
from twisted_distcc.runtime.launching import LauncherSpawner
from twisted_distcc.runtime.processes import Command
spawn = LauncherSpawner(reactor)
for _ in range(3):
    spawn(Command(("/bin/sh", "-c", "sleep 1000 & echo $$; echo $!; wait"), stdout=1))
reactor.run()
"""


def exit_code(ended: Ended) -> int:
    return os.waitstatus_to_exitcode(ended.status)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children_of_ours() -> set[int]:
    return set(map(int, Path("/proc/thread-self/children").read_text().split()))


class LaunchingTestCase(LiveTestCase):
    """Whatever runs is gone after the test."""

    def setUp(self) -> Deferred[None]:
        self.output = self.place()
        self.spawn = LauncherSpawner(IReactorFDSet(reactor))
        self.addCleanup(self.spawn.close)
        return deferLater(reactor, 0)  # the reactor has opened by then what it opens at its start

    def shell(self, script: str) -> RunningProcess:
        """Start a shell script, with its output in the file `self.output`."""
        with open(self.output, "ab") as file:
            command = Command(("/bin/sh", "-c", script), stdout=file.fileno(), stderr=file.fileno())
            return self.spawn(command)

    async def said(self, lines: int = 1) -> list[str]:
        """Wait until programs have said so many lines."""

        def words() -> list[str] | None:
            text = self.output.read_text()
            return text.split("\n")[:-1] if text.count("\n") >= lines else None

        found = await until(words, "the programs say something")
        assert found is not None
        return found

    async def pid_of_a_launched_one(self) -> int:
        """Start a program that lasts."""
        self.lasting = self.shell("echo $$; exec sleep 1000")
        return int((await self.said())[0])


class StandingTests(LaunchingTestCase):
    async def test_who_dies_first(self) -> None:
        """What is expendable is so by way of the launcher as well, and what comes after it is not."""
        ours = Path("/proc/self/oom_score_adj").read_text().strip()
        for expendable in (True, False):
            with open(self.output, "ab") as file:
                argv = ("/bin/cat", "/proc/self/oom_score_adj")
                process = self.spawn(Command(argv, stdout=file.fileno(), expendable=expendable))
            await process.end()
        self.assertEqual(await self.said(2), ["1000", ours])


class PlaceTests(LaunchingTestCase):
    async def test_one_launcher_for_all(self) -> None:
        """Every program is a child of one launcher, whether another one runs beside it or not."""
        await self.shell("echo $PPID").end()
        await gatherResults([self.shell("read x; echo $PPID; sleep 0.1").end() for _ in range(2)])
        [launcher] = set(await self.said(3))
        self.assertEqual(parent(int(launcher)), os.getpid())

    async def test_prepared(self) -> None:
        """A launcher that was started before anybody needed it is the one that is used."""
        before = children_of_ours()
        self.spawn.prepare()
        [launcher] = children_of_ours() - before
        self.spawn.prepare()
        await self.shell("echo $PPID").end()
        self.assertEqual(await self.said(), [str(launcher)])

    async def test_too_large_for_a_packet(self) -> None:
        """A command that no packet takes is started in place, and whole."""
        words = ["x" * 1000] * 200
        with open(self.output, "wb") as file:
            argv = ("/bin/sh", "-c", "echo $PPID $#", *words)
            await self.spawn(Command(argv, stdout=file.fileno())).end()
        self.assertEqual(await self.said(), [f"{os.getpid()} 199"])

    async def test_no_launcher_to_be_had(self) -> None:
        """Where no launcher can be started, programs still can, and nothing stays open."""
        with patch.object(launching, "_ARGV", ("/no/such/python",)):
            before = os.listdir("/proc/self/fd")
            process = self.shell("echo $PPID")
            self.assertEqual(exit_code(await process.end()), 0)
        self.assertEqual(await self.said(), [str(os.getpid())])
        self.assertEqual(os.listdir("/proc/self/fd"), before)

    async def test_a_launcher_that_cannot_serve(self) -> None:
        """One that ends before it has served, as where its files may not be read, is not tried again."""
        with patch.object(launching, "_ARGV", ("/bin/false",)):
            await self.shell("echo $PPID").end()
        await self.shell("echo $PPID").end()
        self.assertEqual(await self.said(2), 2 * [str(os.getpid())])

    async def test_a_launcher_that_never_serves(self) -> None:
        """One that does not serve in time is done without."""
        with (
            patch.object(launching, "_ARGV", ("/bin/cat",)),  # what it hears, it says to nobody
            patch.object(launching, "_PATIENCE", 0),
        ):
            await self.shell("echo $PPID").end()
        self.assertEqual(await self.said(), [str(os.getpid())])

    async def test_who_stays_behind(self) -> None:
        """A launcher whose socket takes no more does not keep a program from its start."""
        launcher = parent(await self.pid_of_a_launched_one())
        os.kill(launcher, signal.SIGSTOP)
        processes = [self.shell("exit 5") for _ in range(400)]
        os.kill(launcher, signal.SIGCONT)
        ended = await gatherResults([process.end() for process in processes])
        self.assertEqual({exit_code(each) for each in ended}, {5})


class SameTests(LaunchingTestCase):
    """What `ReactorSpawner` does, a launcher does."""

    @contextmanager
    def command(self) -> Iterator[Command]:
        script = 'pwd; echo "$A-$HOME"; umask; read x; echo "$x"; echo wrong >&2; exit 7'
        source = self.place()
        source.write_text("a line\n")
        with open(source, "rb") as stdin, open(self.output, "ab") as output:
            yield Command(
                ("sh", "-c", script, os.fsdecode(b"\xff")),
                environ={"A": "b=c", "PATH": "/usr/bin:/bin"},
                directory="/usr",
                stdin=stdin.fileno(),
                stdout=output.fileno(),
                stderr=output.fileno(),
                umask=0o027,
            )

    async def test_surroundings(self) -> None:
        """Folder, environment, umask and streams are the command's, and the status is the program's."""
        for spawn in (self.spawn, ReactorSpawner(IReactorFDSet(reactor))):
            with self.command() as command:
                self.assertEqual(exit_code(await run(spawn, command)), 7)
        said = await self.said(10)
        self.assertEqual(said[:5], ["/usr", "b=c-", "0027", "a line", "wrong"])
        self.assertEqual(said[5:], said[:5])

    async def test_ours_by_default(self) -> None:
        """Folder, environment and umask are ours where the command says nothing."""
        self.patch(os, "environ", os.environ | {"OURS": "here"})
        await self.shell('pwd; echo "$OURS"; umask; readlink /proc/self/fd/0').end()
        umask = os.umask(0o022)
        os.umask(umask)
        expected = [os.getcwd(), "here", f"{umask:04o}", os.devnull]
        self.assertEqual(await self.said(4), expected)

    async def test_no_descriptor_of_ours(self) -> None:
        """A program has nothing of ours or of the launcher's, only what we were started with."""
        await self.pid_of_a_launched_one()
        for spawn in (self.spawn, ReactorSpawner(IReactorFDSet(reactor))):
            with open(self.output, "ab") as file:
                argv = (sys.executable, "-S", "-c", LISTS_ITS_DESCRIPTORS)
                await spawn(Command(argv, stdout=file.fileno())).end()
        _, launched, in_place = await self.said(3)
        self.assertEqual(launched, in_place)

    async def test_what_cannot_be_started(self) -> None:
        """The error names program and reason, at once or as the end."""
        file = self.place()
        file.touch(mode=0o644)
        for command, reason in (
            (Command(("/no/such/compiler",)), "/no/such/compiler.*No such file"),
            (Command(("no-such-compiler",)), "no-such-compiler.*No such file"),
            (Command((str(file),)), "Permission denied"),
            (Command(("/bin/true",), directory="/no/such/folder"), "/bin/true.*No such file"),
            (Command(("/bin/true", "a\0b")), "null byte"),
            (Command(("/bin/true",), environ={"A": "b\0c"}), "null byte"),
        ):
            with self.assertRaisesRegex(CannotStartError, reason):
                await run(self.spawn, command)

    async def test_many_at_once(self) -> None:
        """Every status is its own program's, however often the numbers of descriptors come again."""
        for _ in range(LOOPS):
            ends = [self.spawn(Command(("/bin/true",))).end() for _ in range(AT_ONCE)]
            self.assertEqual({ended.status for ended in await gatherResults(ends)}, {0})

    async def test_ends_are_not_mixed_up(self) -> None:
        """Of programs that run together each has its own end."""
        ends = [self.shell(f"exit {code}").end() for code in range(20)]
        self.assertEqual([exit_code(ended) for ended in await gatherResults(ends)], list(range(20)))

    async def test_asking_late_and_twice(self) -> None:
        """Whoever asks after the end gets it too; one who stops waiting hurts nobody."""
        process = self.shell("exit 4")
        impatient = process.end()
        impatient.cancel()
        self.failureResultOf(impatient, CancelledError)
        first = await process.end()
        self.assertEqual(await process.end(), first)


class KillTests(LaunchingTestCase):
    async def test_cancelled(self) -> None:
        """Cancelling kills the whole process group, and waits for the end."""
        with open(self.output, "wb") as file:
            argv = ("/bin/sh", "-c", "trap '' TERM INT HUP; sleep 1000 & echo $!; wait")
            running = Deferred.fromCoroutine(run(self.spawn, Command(argv, stdout=file.fileno())))
        [child] = await self.said()
        running.cancel()
        with self.assertRaises(CancelledError):
            await running
        await until(lambda: not is_running(int(child)), "the child is gone")

    async def test_after_the_end(self) -> None:
        """Killing what has ended changes nothing, for it or for others."""
        process = self.shell("exit 0")
        ended = await process.end()
        process.kill()
        self.assertEqual(await process.end(), ended)
        self.assertEqual(exit_code(await self.shell("exit 3").end()), 3)

    async def test_what_could_not_be_started(self) -> None:
        """Killing what never ran changes nothing."""
        process = self.spawn(Command(("/no/such/compiler",)))
        process.kill()
        with self.assertRaises(CannotStartError):
            await process.end()

    async def test_through_a_full_socket(self) -> None:
        """A launcher that is far behind is told again."""
        launcher = parent(await self.pid_of_a_launched_one())
        os.kill(launcher, signal.SIGSTOP)
        others = [self.shell("exit 0") for _ in range(400)]
        self.lasting.kill()
        os.kill(launcher, signal.SIGCONT)
        self.assertEqual(exit_code(await self.lasting.end()), -signal.SIGKILL)
        await gatherResults([process.end() for process in others])


class EndTests(LaunchingTestCase):
    async def test_launcher_killed(self) -> None:
        """What it had started fails for us; the next command has a new launcher."""
        pid = await self.pid_of_a_launched_one()
        self.addCleanup(os.kill, pid, signal.SIGKILL)  # nobody is left who would
        launcher = parent(pid)
        os.kill(launcher, signal.SIGKILL)
        with self.assertRaisesRegex(CannotStartError, "/bin/sh: the launcher has ended"):
            await self.lasting.end()
        self.lasting.kill()
        self.assertEqual(exit_code(await self.shell("echo $PPID").end()), 0)
        self.assertNotIn((await self.said(2))[1], (str(launcher), str(os.getpid())))
        await until(lambda: not Path(f"/proc/{launcher}").exists(), "the launcher is reaped")

    async def test_launcher_killed_before_anybody_notices(self) -> None:
        """A command for a launcher that has just died is started in place."""
        launcher = parent(await self.pid_of_a_launched_one())
        os.kill(launcher, signal.SIGKILL)
        os.waitid(os.P_PID, launcher, os.WEXITED | os.WNOWAIT)
        self.assertEqual(exit_code(await self.shell("echo $PPID").end()), 0)
        pid, place = await self.said(2)
        self.addCleanup(os.kill, int(pid), signal.SIGKILL)
        self.assertEqual(place, str(os.getpid()))
        with self.assertRaises(CannotStartError):
            await self.lasting.end()

    async def test_close(self) -> None:
        """Closing kills what was launched, leaves no descriptor, and tells when the launcher is gone."""
        before = len(os.listdir("/proc/self/fd"))
        pid = await self.pid_of_a_launched_one()
        launcher = parent(pid)
        await self.spawn.close()
        self.assertFalse(Path(f"/proc/{launcher}").exists())
        with self.assertRaises(CannotStartError):
            await self.lasting.end()
        await until(lambda: not is_running(pid), "the program is gone")
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        await self.spawn.close()

    async def test_close_without_a_launcher(self) -> None:
        """Where nothing was launched, nothing is to be waited for."""
        self.successResultOf(self.spawn.close())

    async def test_no_descriptor_left_for_it(self) -> None:
        """A launcher that the descriptors do not suffice for is done without."""
        full = OSError(errno.EMFILE, "Too many open files")
        with patch("socket.socketpair", side_effect=full):
            self.assertEqual(exit_code(await self.shell("exit 3").end()), 3)


class OwnerTests(LiveTestCase):
    async def dies(self, number: signal.Signals) -> None:
        owner = self.start(sys.executable, "-c", OWNER)
        await until(lambda: owner.stdout.count(b"\n") == 6, "three programs run")
        pids = [int(word) for word in owner.stdout.split()]
        launcher = next(parent(pid) for pid in pids if parent(pid) not in pids)
        owner.signal(number)
        await owner.ended()
        for pid in (*pids, launcher):
            await until(lambda pid=pid: not is_running(pid), "everything is gone")

    async def test_killed(self) -> None:
        """Everything that was launched dies with a killed owner, children and all."""
        await self.dies(signal.SIGKILL)

    async def test_ends(self) -> None:
        """So it does with an owner whose reactor ends in good order."""
        await self.dies(signal.SIGTERM)
