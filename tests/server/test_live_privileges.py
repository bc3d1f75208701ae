"""A server that root starts: what it has become when it serves, and when it does not start at all."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
from pathlib import Path
from signal import SIGHUP, SIGTERM

import twisted_distcc
from tests.live import LiveServer, LiveTestCase, is_running, until
from tests.server.standing import (
    by_default,
    compiler_that_shows,
    given_away,
    require_root,
    standing_of,
    standings,
)
from tests.server.talk import ask
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import EXIT_PRIVILEGES

ANOTHER = "games"
ALLOW = ("--allow=127.0.0.1", "--listen=127.0.0.1", "--port=0", "--log-file=log")
DAEMON = ("tdistccd", "--daemon", *ALLOW)
TWISTD = ("twistd", "--nodaemon", "--pidfile=")
DISTCCD = ("distccd", *ALLOW, "--sandbox=off")


class RootTestCase(LiveTestCase):
    def setUp(self) -> None:
        require_root()

    async def served_by(self, server: LiveServer, name: str, pid: int = 0) -> None:
        """Assert that the server, and what it starts, is that user and nothing of root."""
        self.assertEqual(standing_of(pid or server.pid), given_away(name))
        shown = (await ask(server.port)).stderr
        self.assertEqual(standings(shown), [given_away(name)] * 2)


class BecomingTests(RootTestCase):
    """Nobody has connected yet when the server's standing is looked at."""

    async def test_by_default(self) -> None:
        """Without --user it is distcc, or else nobody; groups that root was in are gone too."""
        search = compiler_that_shows(self.place("bin"))
        server = self.start_server(
            "/usr/bin/setpriv", "--groups=4,27", str(installed_command("twistd")), *TWISTD[1:], *DISTCCD,
            environ={"DISTCCD_PATH": search},
        )  # fmt: skip
        await server.ready()
        await self.served_by(server, by_default())

    async def test_user(self) -> None:
        """With --user it is that user, whose environment it has, and whose folder for files."""
        search = compiler_that_shows(self.place("bin"))
        server = await self.serve(f"--user={ANOTHER}", environ={"DISTCCD_PATH": search})
        (folder,) = server.temporary.iterdir()
        self.assertEqual(folder.owner(), ANOTHER)
        await self.served_by(server, ANOTHER)

    async def test_an_installation_of_roots_own(self) -> None:
        """Where the successor may not read our files, it serves all the same, and says what it lacks."""
        private = self.place("private")
        private.mkdir(parents=True, mode=0o700)
        shutil.copytree(Path(twisted_distcc.__file__).parent, private / "twisted_distcc")
        server = await self.serve("--sandbox=require", environ={"PYTHONPATH": str(private)})
        for version in (1, 2):
            self.assertEqual((await ask(server.port, version=version)).exit_code, 0)
        await server.logged(f"may not read ({private}/twisted_distcc|{sys.executable})")

    async def test_the_command_line_of_distccd(self) -> None:
        """A daemon becomes the --user of C distccd's command line, and can remove its pid file."""
        server = self.start_server(*DAEMON, f"--user={ANOTHER}", "--pid-file=pid")
        self.assertEqual(await server.ended(), 0)
        await server.logged("looking for compilers")
        pid = int((server.folder / "pid").read_text())
        self.addCleanup(lambda: is_running(pid) and os.kill(pid, SIGTERM))
        self.assertEqual(standing_of(pid), given_away(ANOTHER))
        self.assertEqual((await ask(server.port)).exit_code, 0)
        os.kill(pid, SIGTERM)
        await until(lambda: not is_running(pid), "the daemon is gone")
        self.assertFalse((server.folder / "pid").exists())

    async def test_twistds_own_options(self) -> None:
        """twistd's --uid is as good as --user, and its --gid takes the place of the user's group."""
        entry, group = pwd.getpwnam(ANOTHER), grp.getgrnam("news").gr_gid
        server = self.start_server(*TWISTD, f"--uid={ANOTHER}", *DISTCCD)
        await server.ready()
        self.assertEqual(standing_of(server.pid), given_away(ANOTHER))
        server = self.start_server(*TWISTD, f"--gid={group}", *DISTCCD, f"--user={ANOTHER}")
        await server.ready()
        standing = standing_of(server.pid)
        self.assertEqual((standing.uids, standing.gids), ({entry.pw_uid}, {group}))
        self.assertTrue(standing.no_new_privs)

    async def test_chroot(self) -> None:
        """In a root of twistd's it finds who to become all the same."""
        server = self.start_server(*TWISTD, "--chroot=/", *DISTCCD, f"--user={ANOTHER}")
        await server.ready()
        self.assertEqual(standing_of(server.pid), given_away(ANOTHER))

    async def test_who_is_not_root(self) -> None:
        """Whoever else starts it serves as itself, gains nothing, and reads that --user is for root."""
        entry = pwd.getpwnam(ANOTHER)
        server = self.start_server(
            "/usr/bin/setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups",
            str(installed_command("twistd")), *TWISTD[1:], *DISTCCD, "--user=nobody",
        )  # fmt: skip
        await server.ready()
        standing = standing_of(server.pid)
        self.assertEqual((standing.uids, standing.no_new_privs), ({entry.pw_uid}, True))
        await server.logged(r"\[warn\] --user is for a server that root starts")


class RefusingTests(RootTestCase):
    """A server that would stay root does not start, and says why in its last line."""

    async def test_who_it_cannot_become(self) -> None:
        """Nobody's name, root's, or two names: status 112, whether or not it would detach."""
        cases = (
            ((*TWISTD, *DISTCCD, "--user=no-such-user"), "no user 'no-such-user'"),
            ((*DAEMON, "--user=no-such-user"), "no user 'no-such-user'"),
            ((*TWISTD, *DISTCCD, "--user=root"), "root is root"),
            ((*TWISTD, "--uid=0", *DISTCCD), "root is root"),
            ((*TWISTD, f"--uid={ANOTHER}", *DISTCCD, "--user=nobody"), "leave one of them out"),
        )
        children = [(self.start(*command), part) for command, part in cases]
        for child, part in children:
            self.assertEqual(await child.ended(), EXIT_PRIVILEGES)
            self.assertIn(part, child.stderr.splitlines()[-1])

    async def test_where_root_cannot_be_given_away(self) -> None:
        """Where the system forbids it, nobody is served."""
        nowhere = ("/usr/bin/unshare", "--user", "--map-root-user", str(installed_command("twistd")))
        for log, part in (("log", "cannot give"), ("-", "cannot give up")):
            child = await self.run_to_end(*nowhere, *TWISTD[1:], *DISTCCD, f"--log-file={log}")
            self.assertEqual(await child.ended(), EXIT_PRIVILEGES)
            self.assertIn(part, child.stderr.splitlines()[-1])
            self.assertNotIn("listening on", child.stderr)


class FileTests(RootTestCase):
    """Files that root opened, and that another user goes on with."""

    async def test_logs_and_pid_file(self) -> None:
        """They belong to who serves, and the log is opened anew where that user may."""
        server = await self.serve(f"--user={ANOTHER}", "--pid-file=pid", "--audit-log=audit")
        for name in ("log", "pid", "audit"):
            self.assertEqual((server.folder / name).owner(), ANOTHER)
        (server.folder / "log").rename(server.folder / "old")
        server.signal(SIGHUP)
        await until((server.folder / "log").exists, "there is a new log")
        self.assertEqual((server.folder / "log").owner(), ANOTHER)

    async def test_in_a_folder_of_roots(self) -> None:
        """There the log goes on in the old file and says so, and the pid file is left empty."""
        server = await self.serve(f"--user={ANOTHER}", "--pid-file=pid")
        server.folder.chmod(0o755)
        (server.folder / "log").rename(server.folder / "old")
        server.signal(SIGHUP)
        old = server.folder / "old"
        await until(lambda: "the log goes on in the old file" in old.read_text(), "it says so")
        await server.stop()
        self.assertIn("Server Shut Down", old.read_text())
        self.assertEqual((server.folder / "pid").read_text(), "")

    async def test_a_python_in_a_folder_of_roots(self) -> None:
        """A server that cannot start its own programs any more says where they belong."""
        folder = self.place()
        folder.mkdir(mode=0o700)
        (folder / "python").symlink_to(os.path.realpath(sys.executable))
        code = (
            f"import sys; sys.executable = {str(folder / 'python')!r};"
            "from twisted.scripts.twistd import run; run()"
        )
        server = self.start_server(sys.executable, "-c", code, *TWISTD[1:], *DISTCCD)
        await server.ready()
        await server.logged(rf"\[warn\] the server's user may not read {folder}/python: install")
