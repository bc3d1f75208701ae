"""Jails that wait for jobs: what a job finds there is what it finds in a jail of its own."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from unittest.mock import patch

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.execution.sandbox.test_confined import SOURCE
from tests.live import LiveTestCase, is_running, until
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.confined_job import ConfinedJob
from twisted_distcc.execution.sandbox.filters import filter_halves
from twisted_distcc.execution.sandbox.jail import PROGRAM
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.execution.sandbox.waiting_jail import place_of
from twisted_distcc.jobs.model import FOLDER_MARK, Reply
from twisted_distcc.jobs.plain_trees import pack_tree
from twisted_distcc.launcher.command import CannotStartError
from twisted_distcc.launcher.packets import (
    LARGEST,
    pack_failed,
    pack_kill,
    pack_ready,
    pack_start,
    unpack_ended,
)
from twisted_distcc.launcher.signals import ENDING, STRAY
from twisted_distcc.launcher.starting import INHERITED_UMASK, NOTHING, reap, start
from twisted_distcc.runtime.launching import LauncherSpawner
from twisted_distcc.runtime.processes import run
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.elf import needed
from twisted_distcc.toolchain.known_toolchains import Toolchains
from twisted_distcc.toolchain.view import View

PROGRAMS = ("/bin/sh", "/bin/cat", "/bin/ls", "/bin/sleep", "/usr/bin/stat", "/bin/mv", "/usr/bin/env")
# Folders of jobs: below a new one of the root, one of the compiler's, and that for temporary files.
FOLDERS = (None, "/client", "/home/ada/project", "/usr/src/linux/obj", "/tmp/deep/er")
# What a job can see, write, and use; /tmp is a link in one jail, and a mount in the other.
LOOKS = """
pwd; echo $$; env; umask; ulimit -a; echo ${TMPDIR}/*; cat source.i
for folder in / /etc /usr /usr/bin /dev . ..; do echo $folder; ls -A $folder; done
stat -c '%a %u %g %F' / . .. /usr /dev /dev/null source.i
for file in /x /usr/x /etc/x /dev/x ../x /home/x /proc/x /dev/null; do echo $file; (: >$file); done
: >file && mv file other && ls
: </dev/urandom && echo random
echo x >/tmp/y && cat /tmp/y $TMPDIR/y
cat source.i source.i >output.o
"""
TREE_LOOKS = """
pwd; env; ls -AR / | cat; cat /home/ada/a.c /usr/include/x/y.h /usr/local/x.h
for file in /x /usr/x a.c ../x /home/x /usr/include/x/y.h /.job-0/new /.trees; do
    echo $file; (: >$file)
done
cat a.c >$TMPDIR/output.o && echo rules >$TMPDIR/output.d
"""
# Does what its source says, but not outside of a jail.
COMPILER = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
    if (strncmp(getenv("TMPDIR"), "/.job", 5)) return 1;
    return execl("/bin/sh", "sh", "a.c", 0);
}
"""
LASTS = "sleep 1000 & : >begun; sleep 1000"


def toolchain(*programs: str) -> Toolchain:
    """Return one of these programs and no others."""
    libraries = (library for one in programs for library in needed(one))
    return Toolchain(programs, View.of([*programs, *libraries]), is_whole_system=False)


SEEN = toolchain(*PROGRAMS)


class PlaceTests(SynchronousTestCase):
    def test_places(self) -> None:
        """The first folder on the way that the compiler does not need, and no other name of a job's."""
        view = View((("/bin", "usr/bin"),), ("/opt/gcc/bin/gcc", "/usr/lib"))
        for folder, place in (
            ("/home/ada/project", "/home"), ("/build", "/build"), ("/usr/src/linux/obj", "/usr/src"),
            ("/opt/project", "/opt/project"), ("/opt/gcc/src/x", "/opt/gcc/src"),
            ("/opt/gcc/bin/src/x", "/opt/gcc/bin/src"), ("/optional", "/optional"),
        ):  # fmt: skip
            self.assertEqual(place_of(view, folder), place)


class WaitingTestCase(LiveTestCase):
    def setUp(self) -> Deferred[None]:
        spool = self.place("spool")
        spool.mkdir(parents=True)
        self.sandbox = build(Limits(), {"PATH": "/usr/bin:/bin"}, str(spool), program="jail")
        self.spawn = LauncherSpawner(IReactorFDSet(reactor))
        self.addCleanup(self.spawn.close)
        return deferLater(reactor, 0)

    def enclose(
        self, script: str, folder: str | None = None, seen: Toolchain = SEEN, argv: Sequence[str] = ()
    ) -> ConfinedJob:
        """Return a job, which lasts as long as the test."""
        context = self.sandbox.enclose(
            seen, argv or ["/bin/sh", "-c", script], "source.i", SOURCE, folder
        )
        job = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return job

    async def waited_for(self, job: ConfinedJob) -> Reply:
        """Run a job in a jail that waits for it, and in no other."""
        command = replace(job.command, argv=("/no/other",))
        while True:
            try:
                return job.collect(await run(self.spawn, command))
            except CannotStartError:  # it is not ready yet
                await deferLater(reactor, 0.01)

    async def ran(self, script: str, folder: str | None = None, seen: Toolchain = SEEN) -> Reply:
        return await self.waited_for(self.enclose(script, folder, seen))

    def jails(self) -> list[int]:
        """Return the jails of ours that wait."""
        children = map(int, Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
        return [pid for pid in children if b"--wait" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def jobs(self, jail: int) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{jail}/task/{jail}/children").read_text().split()]


class SameTests(WaitingTestCase):
    async def test_what_a_job_finds(self) -> None:
        """Files, environment, limits, standing, what it may write, and what leaves: all is the same."""
        for folder in FOLDERS:
            alone = attempt(self.enclose(LOOKS, folder))
            for _ in range(2):
                waited = await self.ran(LOOKS, folder)
                self.assertEqual(waited.stdout.read(), alone.stdout.read(), folder)
                self.assertEqual(waited.stderr.read(), alone.stderr.read(), folder)
                self.assertEqual(waited.status, alone.status)
                self.assertEqual(waited.object_file.read(), b"a source\n" * 2)

    async def test_how_it_ends(self) -> None:
        """Exit codes and signals are its own; a program that is not there is named."""
        for script, status in (("exit 3", 3 << 8), ("kill -SEGV $$", signal.SIGSEGV)):
            self.assertEqual((await self.ran(script)).status, status)
        with self.assertRaisesRegex(Exception, "/no/such: No such file or directory"):
            await self.waited_for(self.enclose("", argv=["/no/such"]))

    async def test_its_time(self) -> None:
        """The processor time of all its processes is told."""
        job = self.enclose("(i=0; while [ $i != 100000 ]; do i=$((i + 1)); done); exit 1")
        await self.ran("exit 1")
        ended = await run(self.spawn, replace(job.command, argv=("/no/other",)))
        self.assertGreater(job.cost(ended), 0.01)

    async def test_a_large_source(self) -> None:
        """The room of a job is counted from what it brings."""
        await self.ran("exit 1", "/client/a")
        script = "i=0; while : >f$i; do i=$((i + 1)); done; exit 1"
        self.sandbox = replace(self.sandbox, limits=Limits(space=1024 * 1024))
        reply = self.enclose(script, "/client/a")
        with self.assertRaisesRegex(Exception, "sandbox-space"):
            await self.waited_for(reply)


class TreeTests(WaitingTestCase):
    def setUp(self) -> Deferred[None]:
        done = super().setUp()
        self.compiler = self.place("bin") / "compiler"
        self.compiler.parent.mkdir(parents=True)
        source = self.compiler.with_suffix(".c")
        source.write_text(COMPILER)
        subprocess.run(["gcc", "-static", "-o", self.compiler, source], check=True)
        seen = toolchain(str(self.compiler), *PROGRAMS)
        self.sandbox = replace(self.sandbox, toolchains=Toolchains(lambda path: seen))
        self.sandbox.learn(str(self.compiler))
        return done

    @contextmanager
    def job(
        self, script: str, files: Iterable[bytes] = (), links: Mapping[bytes, bytes] | None = None
    ) -> Iterator[ConfinedJob]:
        """Prepare a job whose compiler does what a script says."""
        command = parse(["gcc", "-MD", "-c", "a.c", "-o", "a.o"], arrived=True, with_files=True)
        assert isinstance(command, Compilation)
        contents = {b"/home/ada/a.c": script.encode(), **dict.fromkeys(files, b"a file\n")}
        tree = pack_tree(b"/home/ada", contents, links or {})
        with self.sandbox.prepare_tree(str(self.compiler), command, tree, {"LC_ALL": "C"}, "ada") as job:
            yield job

    async def test_what_a_job_finds(self) -> None:
        """All that there is in the whole root, what may be written, and what leaves: all is the same."""
        for files, links in (
            ((), {}),
            ((b"/usr/include/x/y.h", b"/opt/z.h"), {}),
            ((b"/usr/local/include/" + FOLDER_MARK, b"/etc/x.h"), {}),
            ((b"/usr/local/x.h",), {b"/usr/local": b"../home", b"/usr/lib/away": b"/home"}),
        ):
            with self.job(TREE_LOOKS, files, links) as job:
                alone = attempt(job)
                alone_said = [body.read() for body in (alone.stdout, alone.stderr)]
            for _ in range(2):
                with self.job(TREE_LOOKS, files, links) as job:
                    waited = await self.waited_for(job)
                self.assertEqual([body.read() for body in (waited.stdout, waited.stderr)], alone_said)
                self.assertEqual(waited.status, 0)
                self.assertEqual(waited.object_file.read(), TREE_LOOKS.encode())
                self.assertEqual(waited.dependencies.read(), b"rules\n")

    async def test_other_trees(self) -> None:
        """Nobody sees where trees of others are, nor a way to them."""
        with self.job("exit 1") as job:
            await self.waited_for(job)
            with self.job("ls -Ad /.* / /tree*; cd /; ls -A . .. ../..; exit 1") as other:
                reply = await self.waited_for(other)
        self.assertNotIn(b"tree-", reply.stdout.read())
        self.assertEqual(len(self.jails()), 1)

    async def test_what_it_changes(self) -> None:
        """A job that may change its tree, for itself, has a jail of its own."""
        command = parse(
            ["gcc", "-save-temps", "-c", "a.c"], arrived=True, with_files=True, confined=True
        )
        assert isinstance(command, Compilation)
        tree = pack_tree(b"/home/ada", {b"/home/ada/a.c": b"exit 1"}, {})
        with self.sandbox.prepare_tree(str(self.compiler), command, tree, {}, "ada") as job:
            self.assertIsNone(job.command.standby)


class ApartTests(WaitingTestCase):
    async def test_what_one_leaves(self) -> None:
        """Files and processes of one job are gone when the next one begins, with its number and all."""
        left = "echo x >left; echo x >/tmp/left; (sleep 1000; echo >late) & echo $$ $PPID; exit 1"
        looks = "ls -A . /tmp /home /home/ada; echo $$ $PPID; exit 1"
        for _ in range(2):
            self.assertEqual((await self.ran(left, "/home/ada/one")).stdout.read(), b"2 1\n")
            reply = await self.ran(looks, "/home/ada/other")
            self.assertEqual(
                reply.stdout.read(),
                b".:\nsource.i\n\n/home:\nada\n\n/home/ada:\nother\n\n/tmp:\nsource.i\n2 1\n",
            )
        [jail] = self.jails()
        self.assertEqual(self.jobs(jail), [])

    async def test_names_of_others(self) -> None:
        """Nobody has a folder's name that only others have sent."""
        await self.ran("exit 1", "/home/ada/secret")
        reply = await self.ran("ls -A /; exit 1", "/work")
        self.assertNotIn(b"home", reply.stdout.read())

    async def test_namespaces(self) -> None:
        """Two jobs have in common an empty network and IPC that no call reaches, with nobody else."""
        await self.ran("exit 1")
        running = [Deferred.fromCoroutine(self.ran(LASTS)) for _ in range(2)]
        [jail] = self.jails()
        await until(lambda: len(self.jobs(jail)) == 2, "both run")
        one, other = self.jobs(jail)
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
            ours, theirs, host = (os.readlink(f"/proc/{pid}/ns/{name}") for pid in (one, other, "self"))
            self.assertNotEqual(ours, host, name)
            self.assertEqual(ours == theirs, name in ("ipc", "net"), name)
        for job in running:
            job.cancel()
            with self.assertRaises(CancelledError):
                await job

    async def test_standing(self) -> None:
        """A job has both filters and no privilege, and dies first; so may the jail."""
        await self.ran("exit 1")
        running = Deferred.fromCoroutine(self.ran(LASTS))
        [jail] = self.jails()
        await until(lambda: self.jobs(jail), "it runs")
        [first] = self.jobs(jail)
        children = Path(f"/proc/{first}/task/{first}/children")
        [compiler] = map(int, (await until(children.read_text, "its compiler runs")).split())
        cmdline = Path(f"/proc/{compiler}/cmdline")
        await until(lambda: b"sleep 1000" in cmdline.read_bytes(), "it has begun")
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{compiler}/status").read_text().splitlines()
        )
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual([status[name] for name in ("NoNewPrivs", "Seccomp")], ["1", "2"])
        for pid in (jail, first, compiler):
            self.assertEqual(Path(f"/proc/{pid}/oom_score_adj").read_text(), "1000\n")
        running.cancel()
        with self.assertRaises(CancelledError):
            await running
        await until(lambda: not is_running(compiler), "the compiler is gone")


class EndTests(WaitingTestCase):
    async def test_a_jail_that_dies(self) -> None:
        """Its jobs die with it, and are told of; the next ones have another jail."""
        await self.ran("exit 1")
        running = Deferred.fromCoroutine(run(self.spawn, self.enclose(LASTS).command))
        [jail] = self.jails()
        await until(lambda: self.jobs(jail), "it runs")
        pids = self.jobs(jail)
        os.kill(jail, signal.SIGKILL)
        with self.assertRaises(CannotStartError):
            await running
        await until(lambda: not any(map(is_running, pids)), "the job is gone")
        self.assertEqual((await self.ran("exit 3")).status, 3 << 8)
        self.assertNotIn(jail, self.jails())

    async def test_signals(self) -> None:
        """It takes no signal for its own that is sent to all processes of a service."""
        await self.ran("exit 1")
        [jail] = self.jails()
        for number in (*ENDING, *STRAY, signal.SIGPIPE):
            os.kill(jail, number)
        self.assertEqual((await self.ran("exit 3")).status, 3 << 8)
        self.assertEqual(self.jails(), [jail])

    async def test_closed(self) -> None:
        """It ends with its owner's interest, and so do its jobs."""
        await self.ran("exit 1")
        running = Deferred.fromCoroutine(run(self.spawn, self.enclose(LASTS).command))
        [jail] = self.jails()
        await until(lambda: self.jobs(jail), "it runs")
        pids = self.jobs(jail)
        await self.spawn.close()
        self.assertFalse(any(map(is_running, (jail, *pids))))
        self.failureResultOf(running, CannotStartError)
        self.assertEqual(self.jails(), [])

    async def test_many_at_once(self) -> None:
        """Every status is its own job's."""
        await self.ran("exit 1")
        replies = await gatherResults(
            [Deferred.fromCoroutine(self.ran(f"exit {code}")) for code in range(1, 41)]
        )
        self.assertEqual([reply.status >> 8 for reply in replies], list(range(1, 41)))
        self.assertEqual(len(self.jails()), 1)


class NonsenseTests(WaitingTestCase):
    """What no server of ours says."""

    def begin(self, *options: str) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        filters = filter_halves()
        assert filters is not None
        with theirs:
            streams = (theirs.fileno(), NOTHING, NOTHING, *filters)
            pid = start((PROGRAM, "--wait", "3", "4", *options), {}, None, INHERITED_UMASK, streams)
        self.addCleanup(reap, pid)
        self.addCleanup(ours.close)
        return ours

    def test_options(self) -> None:
        """It does not begin to wait unless it understands each word, and knows a place."""
        for options in ("", "--", "--nonsense --", "--show /no/such --place /x --", "--place"):
            self.assertEqual(self.begin(*options.split()).recv(LARGEST), b"", options)

    def test_packets(self) -> None:
        """A job that is not whole, or lacks a descriptor, is not started, and the next one is."""
        jail = self.begin("--place", "/x", "--")
        self.assertEqual(jail.recv(LARGEST), pack_ready())
        job = ("jail", "--report", "0", "--folder", "/x", "4096", "10", "--", "/no/such")
        words = [word.encode() for word in job]
        for packet, error in (
            (pack_start(7, 1, -1, b"", words, ()), errno.EMFILE),
            (pack_start(7, 99, -1, b"", words, ()), errno.EINVAL),
            (pack_start(7, 0, -1, b"", (), ())[:9] + b"0", errno.EINVAL),
            (pack_start(7, 0, -1, b"", (), ()), errno.EINVAL),
            (pack_start(7, 0, -1, b"", (), ())[:9] + b"0\x000\x000\x009\x00\x00a\x00b", errno.EINVAL),
        ):
            jail.send(packet)
            self.assertEqual(jail.recv(LARGEST), pack_failed(7, error), packet)
        jail.send(pack_kill(7))
        with TemporaryFile() as report:
            socket.send_fds(jail, [pack_start(8, 1, -1, b"", words, ())], [report.fileno()])
            self.assertEqual(unpack_ended(jail.recv(LARGEST))[0], 256)
            report.seek(0)
            self.assertEqual(report.read(), b"failed 2 /no/such\n")


class UpgradeTests(WaitingTestCase):
    async def test_another_program_in_its_place(self) -> None:
        """What is replaced is seen a second later; what is mounted below later is never seen."""
        program = self.place("bin") / "compiler"
        program.parent.mkdir(parents=True)
        shutil.copy("/bin/false", program)
        seen = toolchain(*PROGRAMS, str(program))
        self.assertEqual((await self.ran(f"{program}; exit $(($? + 10))", seen=seen)).status, 11 << 8)
        shutil.copy("/bin/true", program.with_name("new"))
        program.with_name("new").replace(program)
        later = time.monotonic() + 1
        with patch("time.monotonic", lambda: later):
            reply = await self.ran(f"{program}; exit $(($? + 10))", seen=seen)
        self.assertEqual(reply.status, 10 << 8)
        self.assertEqual(len(self.jails()), 2)
