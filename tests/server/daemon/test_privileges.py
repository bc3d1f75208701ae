"""Who root becomes, that nothing of root is left, and that whoever fails at it serves nobody."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.live import LiveTestCase
from tests.server.standing import by_default, given_away, require_root, standings
from twisted_distcc.errors import EXIT_PRIVILEGES
from twisted_distcc.policy.access import AllowList
from twisted_distcc.server.daemon.pid_file import PidFile
from twisted_distcc.server.daemon.privileges import (
    PrivilegeError,
    account,
    give_root_away,
    hand_over,
    numbered_account,
    unreadable,
)
from twisted_distcc.server.daemon.service import DistccService
from twisted_distcc.server.options.account import Account
from twisted_distcc.server.options.config import ServerConfig

ANOTHER = "games"  # a user of every Debian, with a group of its own

BECOME = """
import os, sys
from twisted_distcc.server.daemon import privileges
{before}
try:
    privileges.give_root_away({account})
except privileges.PrivilegeError as error:
    print(error)
    sys.exit(error.exit_code)
{after}
print(open("/proc/self/status").read())
"""


class ChoiceTests(SynchronousTestCase):
    """Whom root becomes; nothing is given away yet."""

    def setUp(self) -> None:
        require_root()

    def test_by_default(self) -> None:
        """Without a name it is the first of distccd, distcc and nobody that there is."""
        self.assertEqual(account(None), account(by_default()))

    def test_a_name(self) -> None:
        """A name gives what the user database has of it."""
        entry = pwd.getpwnam(ANOTHER)
        groups = frozenset(os.getgrouplist(ANOTHER, entry.pw_gid))
        expected = Account(ANOTHER, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)
        self.assertEqual(account(ANOTHER), expected)
        self.assertEqual(numbered_account(entry.pw_uid), expected)

    def test_what_is_nobody(self) -> None:
        """A name or a number that is no user's is refused in a sentence that names it."""
        self.assertIn("'no-such-user'", str(self.assertRaises(PrivilegeError, account, "no-such-user")))
        self.assertIn("987654", str(self.assertRaises(PrivilegeError, numbered_account, 987654)))

    def test_what_is_still_root(self) -> None:
        """Neither root nor root's group is anybody else, by name or by number."""
        self.assertRaises(PrivilegeError, account, "root")
        self.assertRaises(PrivilegeError, numbered_account, 0)
        self.assertRaises(PrivilegeError, numbered_account, pwd.getpwnam(ANOTHER).pw_uid, 0)

    def test_staying_root(self) -> None:
        """Root that would become nobody is refused, and is not changed by that."""
        self.assertRaises(PrivilegeError, give_root_away, None)
        self.assertEqual(os.geteuid(), 0)

    def test_a_service_that_is_root(self) -> None:
        """A service that was not told to give root away does not start."""
        service = DistccService(ServerConfig(AllowList.parse(()), (), 0, 1, ()), reactor)
        self.assertRaises(PrivilegeError, service.startService)


class GivingTests(LiveTestCase):
    """Root given away, by a process that ends after it."""

    def setUp(self) -> None:
        require_root()

    async def become(
        self, before: str = "", after: str = "", who: str = f"privileges.account({ANOTHER!r})",
        wrapper: tuple[str, ...] = (),
    ) -> tuple[int, str]:  # fmt: skip
        """Give the status and the words of a process that gives root away."""
        code = BECOME.format(before=before, after=after, account=who)
        child = await self.run_to_end(*wrapper, sys.executable, "-c", code)
        return await child.ended(), child.stdout.decode() + child.stderr

    async def test_nothing_is_left(self) -> None:
        """Every number and group is the other's, no capability is left, and none can come."""
        status, said = await self.become("os.setgroups([4, 27, 0])")
        self.assertEqual((status, standings(said)), (0, [given_away(ANOTHER)]))

    async def test_what_looks_for_a_home(self) -> None:
        """The environment names the new user, and its home."""
        _, said = await self.become(after="print(*map(os.environ.get, ('HOME', 'USER', 'LOGNAME')))")
        self.assertIn(f"{pwd.getpwnam(ANOTHER).pw_dir} {ANOTHER} {ANOTHER}\n", said)

    async def test_a_program_that_gives_root_to_whoever_runs_it(self) -> None:
        """A set-user-ID program does not: nothing that is started gains what was given away."""
        folder = self.place()
        folder.mkdir()
        program = folder / "id"
        program.write_bytes(Path("/usr/bin/id").read_bytes())
        program.chmod(0o4755)
        after = f"import subprocess; subprocess.run([{str(program)!r}, '-u'])"
        _, said = await self.become(after=after)
        self.assertIn(f"{pwd.getpwnam(ANOTHER).pw_uid}\n", said)

    async def test_who_dies_first(self) -> None:
        """What is started as expendable is so still: it dies before us when memory runs out."""
        after = (
            "from twisted_distcc.launcher.starting import start\n"
            "for expendable in (True, False, True):\n"
            "    argv = ['/bin/cat', '/proc/self/oom_score_adj']\n"
            "    os.waitpid(start(argv, {}, None, -1, (0, 1, 2), expendable), 0)"
        )
        _, said = await self.become(after=after)
        ours = Path("/proc/self/oom_score_adj").read_text()
        self.assertTrue(said.startswith(f"1000\n{ours}1000\n"), said)

    async def test_threads(self) -> None:
        """Threads that run already would keep what they have: that is refused."""
        before = "import threading; wait = threading.Event(); threading.Thread(target=wait.wait).start()"
        status, said = await self.become(f"{before}\nthreading._register_atexit(wait.set)")
        self.assertEqual(status, EXIT_PRIVILEGES)
        self.assertIn("threads are running", said)

    async def test_where_it_is_forbidden(self) -> None:
        """Where groups or users cannot be had, nobody is served."""
        status, said = await self.become(wrapper=("/usr/bin/unshare", "--user", "--map-root-user"))
        self.assertEqual(status, EXIT_PRIVILEGES)
        self.assertIn(f"cannot give up what {ANOTHER} must not have", said)

    async def test_each_step_that_does_nothing(self) -> None:
        """If a step fails without a word it is noticed afterwards."""
        for before, part in (
            ("os.setresuid = lambda *_: None", "could not fully switch"),
            ("os.setresgid = lambda *_: None", "could not fully switch"),
            ("os.setgroups([4]); os.setgroups = lambda _: None", "could not drop all groups"),
            ("os.setuid = lambda _: None", "could be regained"),
            (
                "from twisted_distcc.server.daemon import linux_capabilities\n"
                "linux_capabilities.gain_nothing = lambda: None",
                "could not drop all capabilities",
            ),
        ):
            status, said = await self.become(before)
            self.assertEqual((before, status), (before, EXIT_PRIVILEGES))
            self.assertIn(part, said)

    async def test_who_is_not_root(self) -> None:
        """Whoever is not root stays who it is, and gains nothing from now on either."""
        status, said = await self.become(
            "os.setgroups([4]); os.setresgid(5, 5, 5); os.setresuid(5, 5, 5)"
        )
        (standing,) = standings(said)
        self.assertEqual((status, standing.uids, standing.groups), (0, {5}, {4}))
        self.assertTrue(standing.no_new_privs)
        self.assertEqual(given_away("games").uids, {5})


class HandingOverTests(SynchronousTestCase):
    """Files that root opens, and that another user will open again."""

    def setUp(self) -> None:
        require_root()
        self.successor = account(ANOTHER)
        assert self.successor is not None
        os.mkdir(folder := self.mktemp())
        self.path = os.path.join(folder, "file")

    def handed(self, path: str) -> int:
        """Open a file, hand it over, and give whose it is."""
        with open(path, "a"):
            hand_over(path, self.successor)
        return os.stat(path).st_uid

    def test_a_file(self) -> None:
        """A file of root's becomes the other user's."""
        assert self.successor is not None
        self.assertEqual(self.handed(self.path), self.successor.uid)

    def test_nobody_to_hand_it_to(self) -> None:
        """Without another user it stays root's."""
        with open(self.path, "a"):
            hand_over(self.path, None)
        self.assertEqual(os.stat(self.path).st_uid, 0)

    def test_by_way_of_links(self) -> None:
        """What a link leads to, of either kind, is not given away; whoever planted it gains nothing."""
        with open(f"{self.path}.root", "w"):
            pass
        os.symlink(f"{os.path.abspath(self.path)}.root", self.path)
        self.assertEqual(self.handed(self.path), 0)
        os.unlink(self.path)
        os.link(f"{self.path}.root", self.path)
        self.assertEqual(self.handed(self.path), 0)

    def test_what_is_a_third_users(self) -> None:
        """A file that is not root's is not root's to give."""
        with open(self.path, "w"):
            os.chown(self.path, 3, 3)
        self.assertEqual(self.handed(self.path), 3)

    def test_a_pid_file_that_is_a_link(self) -> None:
        """Root does not write its number through a link."""
        with open(f"{self.path}.root", "w") as file:
            file.write("precious")
        os.symlink(f"{os.path.abspath(self.path)}.root", self.path)
        self.assertRaises(OSError, PidFile, self.path)
        self.assertEqual(Path(f"{self.path}.root").read_text(), "precious")


class ReadingTests(SynchronousTestCase):
    def test_what_cannot_be_read(self) -> None:
        """The first path that cannot be read is told, and nothing when all can be."""
        self.assertEqual(unreadable(__file__, "/no/such/file", "/nor/this"), "/no/such/file")
        self.assertIsNone(unreadable(__file__))
