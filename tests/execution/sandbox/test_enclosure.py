"""What a job can see: where its folder is, and which links lead to it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.enclosure import ELSEWHERE, OBJECT, OUTPUT, Enclosure, folder_in
from twisted_distcc.toolchain.view import View

VIEW = View((("/bin", "usr/bin"),), ("/usr/bin/gcc", "/usr/lib"))


def enclosure(folder: str = "/home/ada", view: View = VIEW, root: str | None = None) -> Enclosure:
    """Return one whose other parts do not matter."""
    return Enclosure(view, Limits(), folder, folder, 1000, {OUTPUT: OBJECT}, root=root)


class LinksTests(SynchronousTestCase):
    def test_temporary_files(self) -> None:
        """`/tmp` leads to the job's folder, unless that or the compiler lies there."""
        self.assertEqual(enclosure().links, (("/bin", "usr/bin"), ("/tmp", "/home/ada")))
        self.assertEqual(enclosure("/tmp/build").links, (("/bin", "usr/bin"),))
        self.assertEqual(enclosure(view=View((), ("/tmp/gcc/bin/gcc",))).links, ())

    def test_a_tree(self) -> None:
        """A tree has its links already."""
        self.assertEqual(enclosure(root="/spool/tree").links, ())


class FolderTests(SynchronousTestCase):
    def test_the_clients_own(self) -> None:
        """The job is where the client is, unless that would hide or meet what is there already."""
        for wanted in ("/home/ada", "/usr/src/linux", "/tmp/build", "/process", "/devel", "/a b\xff"):
            self.assertEqual(folder_in(VIEW, wanted), wanted)
        for wanted in (
            None, "/", "/tmp", "/usr", "/usr/lib", "/usr/lib/x", "/bin", "/bin/x", "/proc", "/proc/self",
            "/dev", "/dev/shm",
        ):  # fmt: skip
            self.assertEqual(folder_in(VIEW, wanted), ELSEWHERE, wanted)
