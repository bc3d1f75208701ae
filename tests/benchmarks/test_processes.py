"""What /proc says, checked on processes that the test itself starts."""

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import processes
from benchmarks.processes import (
    cpu_seconds,
    family_cpu_seconds,
    marked,
    memory,
    peak_memory,
    writing_to,
)
from tests.live import COMPUTES

_MEBIBYTE = 1024 * 1024
_GONE = 2**22 + 1  # above the highest process id that Linux gives out


def _process(*command: str, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


class MemoryTests(SynchronousTestCase):
    """Memory is that of a process and its children of the same program."""

    def test_children_of_the_same_program_count(self):
        """A server that forks for each connection is measured with its forks."""
        script = (
            "import os, sys\n"
            "if os.fork() == 0:\n"
            "    held = b'x' * (8 << 20)\n"
            "    print(flush=True)\n"
            "    sys.stdin.read()\n"
            "    os._exit(0)\n"
            "os.wait()\n"
        )
        alone = _process(sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()")
        forked = _process(sys.executable, "-c", script)
        for process in (alone, forked):
            self.addCleanup(process.communicate)
            assert process.stdout is not None
            process.stdout.readline()
        self.assertGreater(memory(forked.pid).rss - memory(alone.pid).rss, 7.0)

    def test_children_of_other_programs_do_not(self):
        """A compiler is no part of the server that started it."""
        child = f"{shlex.quote(sys.executable)} -c 'print(flush=True); input()'; :"
        process = _process("sh", "-c", child)
        self.addCleanup(process.communicate, b"\n")
        assert process.stdout is not None
        process.stdout.readline()
        self.assertLess(memory(process.pid).rss, 5.0)

    def test_a_child_that_is_just_starting_does_not(self):
        """Until it runs, a program that is started has the memory of who starts it: that counts once."""
        fifo = os.path.abspath(self.mktemp())
        os.mkfifo(fifo)
        script = (
            "import os, sys\n"
            "held = b'x' * (64 << 20)\n"
            "stdin = (os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)\n"
            "print(flush=True)\n"
            "os.wait() if os.posix_spawn('/bin/true', ['true'], {}, file_actions=[stdin]) else None\n"
        )
        process = _process(sys.executable, "-c", script, fifo)
        self.addCleanup(process.communicate)
        self.addCleanup(lambda: os.close(os.open(fifo, os.O_WRONLY)))  # lets the child go on
        assert process.stdout is not None
        process.stdout.readline()
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        while not Path(children).read_text():
            pass
        self.assertLess(memory(process.pid).rss, 100.0)

    def test_gone(self):
        """A process that is gone has no memory."""
        self.assertEqual((memory(_GONE).rss, memory(_GONE).pss), (0, 0))

    def test_peak_sees_what_was_freed(self):
        """Memory that the work took and gave back is in the peak."""
        before = memory(os.getpid()).rss
        looked = threading.Semaphore(0)

        def look(pid: int) -> processes.Memory:
            try:
                return memory(pid)
            finally:
                looked.release()

        def work() -> None:
            held = bytearray(b"x" * (64 * _MEBIBYTE))
            for _ in range(3):  # one look was before this, and another may have begun before
                looked.acquire()
            del held

        self.patch(processes, "memory", look)

        self.assertGreater(peak_memory(os.getpid(), work).rss - before, 32.0)


class CpuTests(SynchronousTestCase):
    """CPU time includes that of children that were waited for."""

    def test_waited_for_children(self):
        """A child that computed for a while shows in its parent's account."""
        before = cpu_seconds(os.getpid())
        subprocess.run([sys.executable, "-c", COMPUTES], check=True)
        self.assertGreater(cpu_seconds(os.getpid()) - before, 0.2)

    def test_family(self):
        """Of a family, a grandchild that still runs counts as well."""
        script = f"{COMPUTES}\nprint(flush=True)\ninput()"
        process = _process("sh", "-c", f"({sys.executable} -c {shlex.quote(script)}); :")
        self.addCleanup(process.communicate, b"\n")
        assert process.stdout is not None
        process.stdout.readline()
        alone = cpu_seconds(process.pid)
        self.assertGreater(family_cpu_seconds(process.pid) - alone, 0.2)

    def test_gone(self):
        """A process that is gone has used nothing."""
        self.assertEqual(cpu_seconds(_GONE), 0)


class MarkedTests(SynchronousTestCase):
    """Processes are found by a variable of their environment."""

    def test_whole_value(self):
        """Only the very value counts, not one that begins with it."""
        process = _process("cat", TD_TEST_MARK="one-more")
        self.addCleanup(process.communicate)
        self.assertEqual(marked("TD_TEST_MARK", "one-more"), [process.pid])
        self.assertEqual(marked("TD_TEST_MARK", "one"), [])


class LogTests(SynchronousTestCase):
    """Processes are found by their standard error."""

    def test_its_own_log(self):
        """A process counts whose standard error the file is, and no other."""
        log = Path(self.mktemp())
        self.assertEqual(writing_to(log), [])
        with log.open("wb") as file:
            process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stderr=file)
        self.addCleanup(process.communicate)
        self.assertEqual(writing_to(log), [process.pid])
