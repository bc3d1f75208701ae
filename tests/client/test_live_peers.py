"""tdistcc and servers that are not ours, or that ssh starts: distccd of C distcc, and a real sshd."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from signal import SIGINT

from tests.agent.farm import COMPILING, FarmTestCase
from tests.agent.home import HomeTestCase
from tests.distccd import DISTCCD, NO_DISTCCD, start_distccd
from tests.live import until
from tests.sshd import MISSING, start_sshd
from twisted_distcc.cli.installed import installed_command


class PeerTestCase(FarmTestCase):
    async def compiles_on(self, hosts: str, **changes: str) -> None:
        """Compile by these hosts alone: an object, its rules, and an error of the compiler."""
        self.environ |= {"DISTCC_HOSTS": hosts, "DISTCC_FALLBACK": "0", "DISTCC_BACKOFF_PERIOD": "0"}
        await self.compiles(**changes)
        command = ("gcc", "-MD", "-Wall", "-c", "hello.c", "-o", "2.o")
        child = await self.succeeds("tdistcc", *command, **changes)
        self.assertEqual(child.stderr, "")
        self.is_right("2.o")
        self.assertIn("hello.c", (self.work / "2.d").read_text())
        (self.work / "fails.c").write_text("int f(void) { return x; }\n")
        child = self.tdistcc("gcc", "-c", "fails.c", **changes)
        self.assertEqual(await child.ended(), 1)
        self.assertIn("undeclared", child.stderr)
        self.assertFalse((self.work / "fails.o").exists())
        self.assertEqual(os.listdir(self.tmp), [])


class DistccdTests(PeerTestCase):
    skip = NO_DISTCCD

    async def distccd(self) -> int:
        """Start C distccd; give its port."""
        return (await start_distccd(self, "--jobs", "2"))[1]

    async def test_plain(self) -> None:
        """C distccd compiles for us."""
        await self.compiles_on(f"127.0.0.1:{await self.distccd()}")

    async def test_compressed(self) -> None:
        """So it does for a host with ,lzo."""
        await self.compiles_on(f"127.0.0.1:{await self.distccd()},lzo")

    async def test_preprocessing(self) -> None:
        """For a host with ,lzo,cpp it preprocesses, too: the compiler here is never given the source."""
        called = self.home / "called"
        self.program("gcc", f'echo "$*" >> {called}; exec /usr/bin/gcc "$@"')
        hosts = f"127.0.0.1:{await self.distccd()},lzo,cpp"
        await self.compiles_on(hosts, DISTCC_TRUST_NAMES="1")
        self.assertNotIn(".c", called.read_text())

    async def test_a_script(self) -> None:
        """Nobody knows what a script makes: it compiles here, and by its name where the user vouches."""
        called = self.home / "called"
        self.program("gcc", f'echo "$*" >> {called}; exec /usr/bin/gcc "$@"')
        server, port = await start_distccd(self, "--jobs", "2")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{port}"
        twice = "tdistcc gcc -c hello.c -o a.o && tdistcc gcc -c hello.c -o b.o"
        child = await self.succeeds("/bin/sh", "-c", twice)
        self.is_right("a.o")
        self.is_right("b.o")
        self.assertEqual(child.stderr.count("is a script"), 1)
        self.assertNotIn("COMPILE", server.stderr)
        await self.compiles(DISTCC_TRUST_NAMES="1", DISTCC_FALLBACK="0")
        self.assertIn(" -E ", called.read_text())

    async def test_a_compiler_that_it_lacks(self) -> None:
        """A compiler that C distccd does not have is asked for once, and another one is served."""
        os.symlink("/usr/bin/gcc", self.bin / "our-gcc")
        server, port = await start_distccd(self, "--jobs", "2")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{port}"
        for name in "ab":
            await self.succeeds("tdistcc", "our-gcc", "-c", "hello.c", "-o", f"{name}.o")
        await self.compiles(DISTCC_FALLBACK="0")
        self.assertEqual(server.stderr.count("our-gcc not in"), 1)

    async def test_without_an_agent(self) -> None:
        """So it does without an agent."""
        await self.compiles_on(f"127.0.0.1:{await self.distccd()},lzo", DISTCC_AGENT="0")


class SshTests(PeerTestCase):
    skip = MISSING

    async def sshd(self) -> Path:
        """Start an sshd of this user's own; give the program that leads to it."""
        return await start_sshd(self, self.runtime / "ssh")

    async def compiles_over_ssh(self, host: str, **changes: str) -> None:
        await self.compiles_on(host, DISTCC_SSH=str(await self.sshd()), **changes)

    async def test_distccd(self) -> None:
        """C distccd, which ssh starts because it is the server that no command names, compiles."""
        if NO_DISTCCD:
            self.skipTest(NO_DISTCCD)
        await self.compiles_over_ssh("@127.0.0.1")

    async def test_distccd_compressed(self) -> None:
        """As a certain user, by its path, and with ,lzo, it does as well."""
        if NO_DISTCCD:
            self.skipTest(NO_DISTCCD)
        await self.compiles_over_ssh(f"{getpass.getuser()}@127.0.0.1/2:{DISTCCD},lzo")

    async def test_our_server(self) -> None:
        """Our own server on standard streams, named by its path, compiles."""
        await self.compiles_over_ssh(f"@127.0.0.1:{installed_command('twistd-stdio')}")

    async def test_our_server_compressed(self) -> None:
        """So it does with ,lzo, and without an agent."""
        host = f"@127.0.0.1:{installed_command('twistd-stdio')},lzo"
        await self.compiles_over_ssh(host, DISTCC_AGENT="0")

    async def test_no_such_server(self) -> None:
        """Where ssh finds no such command, its own words are told, and the compile is done here."""
        ssh = str(await self.sshd())
        self.environ |= {"DISTCC_HOSTS": "@127.0.0.1:/opt/missing", "DISTCC_SSH": ssh}
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c")
        self.is_right()
        self.assertIn("/opt/missing", child.stderr)
        self.assertIn("hung up without an answer", child.stderr)

    async def test_interrupted(self) -> None:
        """Ctrl-C ends ssh, and by that the compiler that our server runs on the other side."""
        folder = self.home / "server-bin"
        folder.mkdir()
        self.stops_once(folder / "gcc", COMPILING)
        serve = (
            f"DISTCCD_PATH={folder}:/usr/bin:/bin exec {installed_command('twistd-stdio')} --sandbox=off"
        )
        host = f"@127.0.0.1:{self.program('serve', serve)}"
        ssh = str(await self.sshd())
        child = self.tdistcc("gcc", "-c", "hello.c", DISTCC_HOSTS=host, DISTCC_SSH=ssh)
        compiler = await self.stopped()
        child.signal(SIGINT)
        self.assertEqual(await child.ended(), -SIGINT)
        await self.gone(compiler)
        await until(lambda: self.left() == ["hello.c"], "no file is left")


class NoSshTests(HomeTestCase):
    async def test_no_such_program(self) -> None:
        """A DISTCC_SSH that cannot be started is told, and the compile is done here."""
        changes = {"DISTCC_HOSTS": "@red", "DISTCC_SSH": "/opt/missing/ssh"}
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", **changes)
        self.is_right()
        self.assertIn("@red cannot be reached", child.stderr)
        self.assertIn("/opt/missing/ssh", child.stderr)

    async def test_no_server(self) -> None:
        """Where nothing there is called distccd, the word that would work is told."""
        ssh = self.program("ssh", "echo 'bash: line 1: distccd: command not found' >&2; exit 127")
        changes = {"DISTCC_HOSTS": "me@red/8", "DISTCC_SSH": str(ssh)}
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", **changes)
        self.is_right()
        advice = "name its server by a path, as in me@red/8:/opt/twisted-distcc/bin/twistd-stdio"
        self.assertIn(f"distccd: command not found; {advice}", child.stderr)

    async def test_words_of_its_own(self) -> None:
        """DISTCC_SSH may have options; a link named distccd to tdistccd is the server of `@host`."""
        self.program("login", '[ "$2" = "the key" ] || exit 2; shift 3; TMPDIR=/tmp exec "$@"')
        (self.bin / "distccd").symlink_to(installed_command("tdistccd"))
        ssh = {"DISTCC_SSH": "login -i 'the key'", "DISTCC_HOSTS": "@red", "DISTCC_FALLBACK": "0"}
        await self.compiles(**ssh)
