"""A real launcher, spoken to by packets: what it starts, kills and tells, and what dies with it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live import COMPUTES, PATIENCE, is_running
from twisted_distcc.launcher.packets import (
    ENDED,
    FAILED,
    LARGEST,
    READY,
    kind_and_number,
    pack_kill,
    pack_start,
    unpack_ended,
    unpack_failed,
)
from twisted_distcc.launcher.signals import ENDING, STRAY

LAUNCHER = (sys.executable, "-P", "-m", "twisted_distcc.launcher.program")
LISTS_ITS_DESCRIPTORS = "import os; print(*sorted(os.listdir('/proc/self/fd')))"
LOOPS, AT_ONCE = 8, 200


def gone(pid: int) -> bool:
    """Wait until a process is gone: a signal takes its moment."""
    deadline = time.monotonic() + PATIENCE
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    return not is_running(pid)


class LauncherTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.launcher = subprocess.Popen(LAUNCHER, stdin=theirs)
        self.socket.settimeout(PATIENCE)
        self.addCleanup(self.launcher.wait, PATIENCE)
        self.addCleanup(self.socket.close)
        self.assertEqual(kind_and_number(self.socket.recv(LARGEST))[0], READY)
        self.output = Path(os.path.abspath(self.mktemp()))

    def start(
        self,
        number: int,
        *argv: str,
        directory: str = "/",
        umask: int = 0o022,
        variables: Sequence[str] = (),
        streams: int = 3,
    ) -> None:
        """Ask for a program, whose output goes to the file `self.output`."""
        packet = pack_start(
            number, 3, umask, directory.encode(), [word.encode() for word in argv],
            [variable.encode() for variable in variables],
        )  # fmt: skip
        with open(self.output, "ab") as output, open(os.devnull, "rb") as null:
            descriptors = [null.fileno(), output.fileno(), output.fileno()]
            socket.send_fds(self.socket, [packet], descriptors[:streams])

    def shell(self, number: int, script: str) -> None:
        self.start(number, "/bin/sh", "-c", script)

    def told(self) -> tuple[bytes, int, int]:
        """Give the kind of the next packet, its number, and its exit code or error."""
        packet = self.socket.recv(LARGEST)
        kind, number = kind_and_number(packet)
        if kind == FAILED:
            return kind, number, unpack_failed(packet)
        return kind, number, os.waitstatus_to_exitcode(unpack_ended(packet)[0])

    def said(self, lines: int) -> list[str]:
        """Wait until programs have said so many lines."""
        deadline = time.monotonic() + PATIENCE
        while (text := self.output.read_text()).count("\n") < lines:
            self.assertLess(time.monotonic(), deadline, f"they have said {text!r}")
            time.sleep(0.005)
        return text.split("\n")[:-1]


class ProgramTests(LauncherTestCase):
    def test_how_it_ended(self) -> None:
        """An exit code, and a signal, arrive with the number of their program."""
        self.shell(7, "exit 3")
        self.assertEqual(self.told(), (ENDED, 7, 3))
        self.shell(8, "kill -SEGV $$")
        self.assertEqual(self.told(), (ENDED, 8, -signal.SIGSEGV))

    def test_its_time(self) -> None:
        """The time that it and its children took is told."""
        self.start(1, "/bin/sh", "-c", f"{sys.executable} -c '{COMPUTES}'; true")
        _, user, system = unpack_ended(self.socket.recv(LARGEST))
        self.assertGreater(user + system, 0.2)

    def test_what_cannot_be_started(self) -> None:
        """Each failure is told by its own error, and the launcher goes on."""
        file = self.mktemp()
        Path(file).touch(mode=0o644)
        self.start(1, "/no/such/compiler")
        self.start(2, "/bin/true", directory="/no/such/folder")
        self.start(3, os.path.abspath(file))
        self.start(4, "/bin/true", variables=["NO_VALUE", "=x"], streams=2)
        self.shell(5, "exit 0")
        self.assertEqual(
            [self.told() for _ in range(5)],
            [
                (FAILED, 1, errno.ENOENT),
                (FAILED, 2, errno.ENOENT),
                (FAILED, 3, errno.EACCES),
                (FAILED, 4, errno.EMFILE),
                (ENDED, 5, 0),
            ],
        )

    def test_surroundings(self) -> None:
        """Folder, umask, environment and group are what was asked for."""
        script = (
            'pwd; umask; echo "$A-$HOME"; read x || echo empty; echo $$; cut -d " " -f 5 /proc/$$/stat'
        )
        self.start(1, "/bin/sh", "-c", script, directory="/usr", umask=0o027, variables=["A=b=c"])
        self.assertEqual(self.told(), (ENDED, 1, 0))
        *words, pid, group = self.said(6)
        self.assertEqual(words, ["/usr", "0027", "b=c-", "empty"])
        self.assertEqual(pid, group)

    def test_no_folder(self) -> None:
        """Without a folder it has the launcher's."""
        self.start(1, "/bin/pwd", directory="")
        self.assertEqual(self.told(), (ENDED, 1, 0))
        self.assertEqual(self.said(1), [os.getcwd()])

    def test_no_descriptor_but_its_own(self) -> None:
        """It has three streams; the fourth is the folder that it looks into itself."""
        self.shell(1, "sleep 1000")
        self.start(2, sys.executable, "-S", "-c", LISTS_ITS_DESCRIPTORS)
        self.assertEqual(self.told(), (ENDED, 2, 0))
        self.assertEqual(self.said(1), ["0 1 2 3"])

    def test_signals(self) -> None:
        """No signal is ignored that the launcher, being Python, ignores."""
        self.shell(1, "grep SigIgn /proc/self/status")
        self.assertEqual(self.told(), (ENDED, 1, 0))
        ignored = int(self.said(1)[0].split()[1], 16)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            self.assertEqual(ignored & 1 << number - 1, 0)


class ManyTests(LauncherTestCase):
    def test_at_once(self) -> None:
        """Each is told of once, and rightly, however often the numbers of descriptors come again."""
        for loop in range(LOOPS):
            numbers = range(loop * AT_ONCE, (loop + 1) * AT_ONCE)
            for number in numbers:
                self.start(number, "/bin/true")
            told = sorted(self.told() for _ in numbers)
            self.assertEqual(told, [(ENDED, number, 0) for number in numbers])


class KillTests(LauncherTestCase):
    def test_whole_group(self) -> None:
        """Killing reaches what the program started."""
        self.shell(1, "sleep 1000 & echo $!; wait")
        [child] = self.said(1)
        self.socket.send(pack_kill(1))
        self.assertEqual(self.told(), (ENDED, 1, -signal.SIGKILL))
        self.assertTrue(gone(int(child)))

    def test_what_is_left_behind(self) -> None:
        """A program that ends leaves nothing in its group."""
        self.shell(1, "sleep 1000 & echo $!")
        self.assertEqual(self.told(), (ENDED, 1, 0))
        self.assertTrue(gone(int(self.said(1)[0])))

    def test_who_does_not_run(self) -> None:
        """Killing what has ended, or never was, changes nothing."""
        self.shell(1, "exit 0")
        self.assertEqual(self.told(), (ENDED, 1, 0))
        self.socket.send(pack_kill(1))
        self.socket.send(pack_kill(2))
        self.shell(3, "exit 4")
        self.assertEqual(self.told(), (ENDED, 3, 4))


class SignalTests(LauncherTestCase):
    def test_what_is_sent_to_a_whole_service(self) -> None:
        """No signal but SIGKILL ends a launcher; what it starts finds each of them as it was."""
        self.shell(1, "exit 3")
        self.assertEqual(self.told(), (ENDED, 1, 3))
        for number in (*ENDING, *STRAY):
            self.launcher.send_signal(number)
        self.shell(2, "exec grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status")
        self.assertEqual(self.told(), (ENDED, 2, 0))
        masks = [int(line.split()[1], 16) for line in self.output.read_text().splitlines()]
        ours = sum(1 << number - 1 for number in (*ENDING, *STRAY))
        self.assertEqual([mask & ours for mask in masks], [0, 0, 0])


class EndTests(LauncherTestCase):
    def running(self) -> list[int]:
        """Start two programs with a child each; give all four."""
        for number in (1, 2):
            self.shell(number, "sleep 1000 & echo $$; echo $!; wait")
        return [int(pid) for pid in self.said(4)]

    def test_owner_goes(self) -> None:
        """Everything dies when the owner's end closes, and the launcher ends well."""
        pids = self.running()
        self.socket.close()
        self.assertEqual(self.launcher.wait(PATIENCE), 0)
        self.assertEqual([pid for pid in pids if not gone(pid)], [])

    def test_owner_goes_without_listening(self) -> None:
        """An owner that is killed has rarely read all that it was told."""
        pids = self.running()
        self.shell(3, "exit 0")
        self.socket.recv(1, socket.MSG_PEEK)
        self.socket.close()
        self.assertEqual(self.launcher.wait(PATIENCE), 0)
        self.assertEqual([pid for pid in pids if not gone(pid)], [])


# Is left all orphans, as the first process of a container, waits for none of them, and says who is left.
WAITS_FOR_NOBODY = """
import ctypes, os, socket, subprocess, sys
from twisted_distcc.launcher.packets import pack_start
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
launcher = subprocess.Popen(sys.argv[1:], stdin=theirs)
theirs.close()
script = b"sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & echo; wait') & wait"
reading, writing = os.pipe()
for number in (1, 2):
    packet = pack_start(number, 3, 0o022, b"/", [b"/bin/sh", b"-c", script], [b"PATH=/usr/bin:/bin"])
    socket.send_fds(ours, [packet], [os.open("/dev/null", os.O_RDONLY), writing, writing])
    os.read(reading, 1)
ours.close()
launcher.wait()
print(open("/proc/thread-self/children").read().split())
"""


class OrphanTests(SynchronousTestCase):
    def test_who_is_left(self) -> None:
        """A server that is killed leaves nothing of its launcher's jobs to whoever waits for nobody."""
        argv = [sys.executable, "-c", WAITS_FOR_NOBODY, *LAUNCHER]
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(ended.stdout, "[]\n", ended.stderr)


class ImportTests(SynchronousTestCase):
    def test_small(self) -> None:
        """It loads neither Twisted nor anything that comes with it: it is there beside each server."""
        script = "import sys; before = set(sys.modules); import twisted_distcc.launcher.program; "
        script += "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
        said = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, check=True)
        loaded = set(said.stdout.decode().split())
        self.assertIn("twisted_distcc", loaded)
        self.assertEqual(loaded & {"twisted", "zope", "asyncio", "logging", "subprocess", "ssl"}, set())
