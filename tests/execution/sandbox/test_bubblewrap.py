"""The words for bubblewrap."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.bubblewrap import ELSEWHERE, Programs, Walls
from twisted_distcc.toolchain.view import View

PROGRAMS = Programs("/usr/bin/bwrap", "/bin/sh", "/bin/cat")
VIEW = View((("/bin", "usr/bin"),), ("/usr/bin/gcc", "/usr/lib"))
BEFORE_COMMAND = "--"


def words(folder: str = "/home/ada", view: View = VIEW, **changes: bool) -> list[str]:
    walls = Walls(PROGRAMS, view, Limits(space=1000), **{"filtered": True, **changes})
    return walls.argv(folder, "source.i", 24, ["/usr/bin/gcc", "-c", "--", "source.i"])


class WordsTests(SynchronousTestCase):
    def test_all(self) -> None:
        """Namespaces, what is shown, the folder with its size, the source, and no more."""
        made = words()
        end = made.index(BEFORE_COMMAND)
        self.assertEqual(
            " ".join(made[:end]),
            "/usr/bin/bwrap --unshare-all --unshare-user --as-pid-1 --die-with-parent --new-session "
            "--cap-drop ALL --hostname sandbox --json-status-fd 3 --seccomp 4 "
            "--symlink usr/bin /bin --ro-bind /usr/bin/gcc /usr/bin/gcc --ro-bind /usr/lib /usr/lib "
            "--dev-bind /dev/null /dev/null --dev-bind /dev/urandom /dev/urandom "
            "--symlink /home/ada /tmp --size 1024 --tmpfs /home/ada "
            "--file 5 /home/ada/source.i --remount-ro / --chdir /home/ada",
        )
        self.assertEqual(made[end + 1 : end + 3], ["/bin/sh", "-c"])
        self.assertEqual(made[end + 4 :], ["sh", "/usr/bin/gcc", "-c", "--", "source.i"])

    def test_what_is_left_out(self) -> None:
        """No filter where there is none; a `/proc`, read-only, for whoever needs one."""
        self.assertNotIn("--seccomp", words(filtered=False))
        self.assertNotIn("--proc", words())
        made = words(has_proc=True)
        self.assertIn("--proc /proc --remount-ro /proc", " ".join(made))

    def test_temporary_files(self) -> None:
        """`/tmp` leads to the job's folder, unless that or the compiler lies there."""
        self.assertNotIn("/tmp", words(folder="/tmp/build"))
        self.assertNotIn("/tmp", words(view=View((), ("/tmp/gcc/bin/gcc",))))


class FolderTests(SynchronousTestCase):
    def test_the_clients_own(self) -> None:
        """The job is where the client is, unless that would hide or meet what is there already."""
        walls = Walls(PROGRAMS, VIEW, Limits(), filtered=True)
        for wanted in ("/home/ada", "/usr/src/linux", "/tmp/build", "/process", "/devel", "/a b\xff"):
            self.assertEqual(walls.folder(wanted), wanted)
        for wanted in (
            None, "/", "/tmp", "/usr", "/usr/lib", "/usr/lib/x", "/bin", "/bin/x", "/proc", "/proc/self",
            "/dev", "/dev/shm",
        ):  # fmt: skip
            self.assertEqual(walls.folder(wanted), ELSEWHERE, wanted)
