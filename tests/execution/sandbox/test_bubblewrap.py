"""The command lines for bubblewrap, and what it says."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.bubblewrap import Bubblewrap
from twisted_distcc.execution.sandbox.enclosure import (
    DEPENDENCIES,
    OBJECT,
    OUTPUT,
    RULES,
    Enclosure,
)
from twisted_distcc.launcher.command import Ended
from twisted_distcc.toolchain.view import View

BUBBLEWRAP = Bubblewrap("/usr/bin/bwrap", "/bin/sh", "/bin/cat")
VIEW = View((("/bin", "usr/bin"),), ("/usr/bin/gcc", "/usr/lib"))
BEFORE_COMMAND = "--"
NAMESPACES = (
    "/usr/bin/bwrap --unshare-all --unshare-user --as-pid-1 --die-with-parent --new-session "
    "--cap-drop ALL --hostname sandbox --json-status-fd 3 "
)
DEVICES = "--dev-bind /dev/null /dev/null --dev-bind /dev/urandom /dev/urandom "
PLAIN = Enclosure(
    VIEW, Limits(), "/home/ada", "/home/ada", 1024, {OUTPUT: OBJECT}, source="source.i"
)  # fmt: skip
TREE = Enclosure(
    VIEW, Limits(), "/job", "/home/ada", 1024, {OUTPUT: OBJECT, DEPENDENCIES: RULES},
    root="/spool/tree", is_filtered=False, has_proc=True,
)  # fmt: skip


def argv(enclosure: Enclosure) -> list[str]:
    """Return the command line for a compiler."""
    return BUBBLEWRAP.argv(enclosure, ["/usr/bin/gcc", "-c", "--", "source.i"])


class ArgvTests(SynchronousTestCase):
    def assert_options(self, enclosure: Enclosure, options: str) -> None:
        made = argv(enclosure)
        end = made.index(BEFORE_COMMAND)
        self.assertEqual(" ".join(made[:end]), options)
        self.assertEqual(made[end + 1 : end + 3], ["/bin/sh", "-c"])
        self.assertEqual(made[end + 4 :], ["sh", "/usr/bin/gcc", "-c", "--", "source.i"])

    def test_empty_root(self) -> None:
        """Namespaces, what is shown, the folder with its size, the source, and no more."""
        self.assert_options(
            PLAIN,
            f"{NAMESPACES}--seccomp 4 "
            "--symlink usr/bin /bin --symlink /home/ada /tmp "
            f"--ro-bind /usr/bin/gcc /usr/bin/gcc --ro-bind /usr/lib /usr/lib {DEVICES}"
            "--size 1024 --tmpfs /home/ada "
            "--file 5 /home/ada/source.i --remount-ro / --chdir /home/ada",
        )

    def test_tree(self) -> None:
        """A tree is the root, read-only; no filter where there is none, a `/proc` for who needs it."""
        self.assert_options(
            TREE,
            f"{NAMESPACES}--ro-bind /spool/tree / "
            f"--ro-bind /usr/bin/gcc /usr/bin/gcc --ro-bind /usr/lib /usr/lib {DEVICES}"
            "--proc /proc --remount-ro /proc --size 1024 --tmpfs /job --chdir /home/ada",
        )

    def test_names_that_a_shell_reads(self) -> None:
        """A client's folder is no program for the shell."""
        folder = "/home/$(touch x)'s"
        made = Enclosure(VIEW, Limits(), folder, folder, 1024, {OUTPUT: OBJECT})
        script = argv(made)[argv(made).index(BEFORE_COMMAND) + 3]
        self.assertIn("""[ -f '/home/$(touch x)'"'"'s/output.o' ]""", script)


class AccountTests(SynchronousTestCase):
    """What bubblewrap and the shell are said to have said, where a job could write in their place."""

    ended = Ended(0, 1.0, 0.5)

    def test_costs(self) -> None:
        """The compiler's own time counts beside that of bubblewrap."""
        told = b"0m0.00s 0m0.01s\n1m2.50s 0m0.25s\n"
        self.assertEqual(BUBBLEWRAP.cost(self.ended, told), 1.5 + 62.75)

    def test_lies(self) -> None:
        """Numbers without end are no numbers, and take no time to read."""
        digits = b"9" * 60_000
        for times in (b"", digits, digits + b"m0.00s 0m0.00s\n", b"1m1.2.3s 0m0s\n", b" " * 60_000):
            self.assertEqual(BUBBLEWRAP.cost(self.ended, times), 1.5, times[:20])
        self.assertIsNone(BUBBLEWRAP.status(b'"exit-code": ' + digits))

    def test_statuses(self) -> None:
        """An exit code above 128 is a signal, as a shell has it."""
        for code, status in ((3, 3 << 8), (128, 128 << 8), (139, 11)):
            self.assertEqual(BUBBLEWRAP.status(b'{ "exit-code": %d }' % code), status)
        self.assertIsNone(BUBBLEWRAP.status(b'{ "child-pid": 3 }'))

    def test_failure(self) -> None:
        """What it said last is the reason."""
        self.assertEqual(BUBBLEWRAP.failure(b"", b"bwrap: one\nbwrap: two\n", self.ended), "bwrap: two")
        self.assertEqual(BUBBLEWRAP.failure(b"", b"", Ended(256, 0, 0)), "bubblewrap ended with 0x100")
