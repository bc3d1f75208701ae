"""Starting a program from where one may not be, and killing one that left its group."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.launcher.starting import INHERITED_UMASK, NOTHING, kill, start

NOBODY = 65534
# Where nobody may be, and without root: as a server that was started in root's home is.
FROM_A_CLOSED_FOLDER = f"""
import os, sys
from twisted_distcc.launcher.starting import start
os.chdir(sys.argv[1])
os.chmod(".", 0o700)
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid({NOBODY})
else:
    os.chmod(".", 0)
for directory in ("/usr", "/", None):
    pid = start(["/bin/sh", "-c", "exit 3"], {{}}, directory, 0o022, (0, 1, 2))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
LEAVES_ITS_GROUP = """
import os, time
os.setpgid(0, os.getpgid(os.getppid()))
print(flush=True)
time.sleep(1000)
"""

# Each is given the number of another one.
SWAPS_THREE_FILES = """
import os
from twisted_distcc.launcher.starting import start
for number in (3, 4, 5):
    file = os.memfd_create("file")
    os.dup2(file, number)
script = "echo three >&3; echo four >&4; exec >&5; echo five; ls /proc/$$/fd"
pid = start(["/bin/sh", "-c", script], {"PATH": "/bin"}, None, 0o022, (0, 1, 2, 5, 3, 4))
assert os.waitpid(pid, 0)[1] == 0
for number in (5, 3, 4):
    print(os.pread(number, 100, 0).decode().split())
"""


def begin(*argv: str, directory: str | None = None, umask: int = INHERITED_UMASK) -> int:
    return start(argv, dict(os.environ), directory, umask, (NOTHING, NOTHING, NOTHING))


class SurroundingsTests(SynchronousTestCase):
    def test_from_a_folder_that_is_closed_to_us(self) -> None:
        """Whoever gave root away in root's own folder can still start programs elsewhere, and there."""
        folder = Path(os.path.abspath(self.mktemp()))
        folder.mkdir()
        self.addCleanup(folder.chmod, 0o700)
        argv = [sys.executable, "-c", FROM_A_CLOSED_FOLDER, str(folder)]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual((ended.stdout, ended.stderr), ("3\n3\n3\n", ""))

    def test_we_stay_as_we_are(self) -> None:
        """Folder, umask and descriptors are ours again, whether or not the program could be started."""
        folder, umask, descriptors = os.getcwd(), os.umask(0o022), os.listdir("/proc/self/fd")
        self.addCleanup(os.umask, umask)
        os.waitpid(begin("/bin/true", directory="/", umask=0o077), 0)
        for argv, directory in (("/no/such", "/"), ("/bin/true", "/no/such"), ("a\0b", "/")):
            with self.assertRaises((OSError, ValueError)):
                begin(argv, directory=directory, umask=0o077)
        self.assertEqual(os.getcwd(), folder)
        self.assertEqual(os.umask(0o022), 0o022)
        self.assertEqual(os.listdir("/proc/self/fd"), descriptors)


class StreamTests(SynchronousTestCase):
    def test_none_overwrites_another(self) -> None:
        """The fourth stream becomes 3 and so on, whatever numbers they come from; none is left over."""
        argv = [sys.executable, "-c", SWAPS_THREE_FILES]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(ended.stderr, "")
        three, four, five = map(str.split, ended.stdout.replace("'", "").splitlines())
        self.assertEqual((three, four), (["[three]"], ["[four]"]))
        self.assertEqual([word.strip("[],") for word in five], ["five", *"012345"])


# Starts one program that is to die first, one that is not, and one that does not exist.
EXPENDS_ONE = """
import os
from twisted_distcc.launcher.starting import start
standing = "/proc/self/oom_score_adj"
before = open(standing).read()
for expendable in (True, False):
    pid = start(["/bin/cat", standing], {}, None, 0o022, (0, 1, 2), expendable)
    os.waitpid(pid, 0)
try:
    start(["/no/such"], {}, None, 0o022, (0, 1, 2), True)
except OSError:
    print(open(standing).read() == before)
"""
# Is started with a descriptor that whoever started it has left open.
HANDS_ON_NOTHING = """
import os, sys
from twisted_distcc.launcher.starting import hand_on_nothing, start
for number in (1, 2):
    pid = start(["/bin/ls", "/proc/self/fd"], {}, None, 0o022, (0, 1, 2))
    os.waitpid(pid, 0)
    hand_on_nothing()
os.fstat(int(sys.argv[1]))
"""


class StandingTests(SynchronousTestCase):
    def test_who_dies_first(self) -> None:
        """Who is expendable dies before us when memory runs out; we stay what we are."""
        ours = Path("/proc/self/oom_score_adj").read_text()
        argv = [sys.executable, "-c", EXPENDS_ONE]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual((ended.stdout, ended.stderr), (f"1000\n{ours}True\n", ""))


class InheritedTests(SynchronousTestCase):
    def test_what_we_were_given(self) -> None:
        """What whoever started us has left open is open for us alone."""
        inherited = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, inherited)
        argv = [sys.executable, "-c", HANDS_ON_NOTHING, str(inherited)]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False, pass_fds=(inherited,))
        self.assertEqual(ended.stderr, "")
        # `ls` itself opens one more.
        first, second = ended.stdout.split()[:5], ended.stdout.split()[5:]
        self.assertIn(str(inherited), first)
        self.assertEqual(second, ["0", "1", "2", "3"])


class KillTests(SynchronousTestCase):
    def test_who_left_the_group(self) -> None:
        """A program that joined another group is killed, and the other group is not."""
        output, end = os.pipe()
        argv = (sys.executable, "-c", LEAVES_ITS_GROUP)
        pid = start(argv, dict(os.environ), None, INHERITED_UMASK, (NOTHING, end, NOTHING))
        os.close(end)
        self.addCleanup(os.close, output)
        self.assertEqual(os.read(output, 1), b"\n")
        kill(pid)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -9)

    def test_who_is_gone(self) -> None:
        """Killing what nobody has reaped yet is no error."""
        pid = begin("/bin/true")
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        kill(pid)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)


# Has one program of its own and one child that it did not start, which is adopted for all it knows.
ADOPTS = """
import os
from twisted_distcc.launcher.starting import NOTHING, reap, reap_adopted, start
def await_end(pid):
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
def stranger():
    pid = os.fork()
    if not pid:
        os._exit(0)
    await_end(pid)
before = stranger()
print(reap_adopted())
own = start(["/bin/sh", "-c", "exit 3"], {}, None, 0o022, [NOTHING] * 3)
await_end(own)
after = stranger()
print(reap_adopted())
print(os.waitstatus_to_exitcode(reap(own)[0]))
print(reap_adopted())
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("none are left")
"""


class AdoptedTests(SynchronousTestCase):
    def test_who_waits_for_whom(self) -> None:
        """Those that nobody waits for are reaped; those that we started keep their exit status."""
        argv = [sys.executable, "-c", ADOPTS]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(ended.stdout.splitlines(), ["False", "True", "3", "False", "none are left"])
