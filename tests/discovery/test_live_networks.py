"""Servers that announce themselves, and clients that find them: ours and C distcc's, by a real Avahi.

The network is the test's own: two namespaces with a cable between them.  In one live Avahi and C distcc,
in the other our server and our client.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Final

from tests.agent.home import HELLO
from tests.distccd import DISTCCD
from tests.faults.apart import ApartTestCase
from tests.live import Child, LiveServer, until
from tests.tls.certificates import Authority, write
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.client.discovering import MOST_HOSTS

_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_MISSING: Final = [
    name
    for name in ("avahi-daemon", "dbus-daemon", "distccd", "ip")
    if not shutil.which(name, path=_PATH)
]
_NO_AVAHI: Final = (
    f"{', '.join(_MISSING)} missing (Debian: apt-get install avahi-daemon dbus distcc iproute2)"
    if _MISSING
    else None
)
THEIRS: Final = "10.99.0.1"
OURS: Final = "10.99.0.2"


class NetworkTestCase(ApartTestCase):
    skip = _NO_AVAHI

    def setUp(self) -> None:
        super().setUp()
        (self.work / "hello.c").write_text(HELLO)

    async def network(self) -> None:
        """Make both namespaces and the cable, and start Avahi at one end."""
        await self.be_apart()
        far = self.start("unshare", "--net", "sh", "-c", "echo far; exec sleep 1000")
        await until(lambda: far.stdout, "the other end is there")
        self.far = f"/proc/{far.pid}/ns/net"
        await self.does("ip", "link", "add", "name", "near", "type", "veth", "peer", "name", "far")
        await self.does("ip", "link", "set", "far", "netns", self.far)
        await self.does("ip", "address", "add", f"{THEIRS}/24", "dev", "near")
        await self.does("ip", "link", "set", "near", "up")
        for words in (f"address add {OURS}/24 dev far", "link set far up", "link set lo up"):
            await self.does("nsenter", f"--net={self.far}", "ip", *words.split())

    async def avahi(self) -> None:
        """Start Avahi, and the bus by which C distcc reaches it."""
        await self.does("mount", "-t", "tmpfs", "none", "/run")
        await self.does("mkdir", "-p", "/run/dbus", "/run/avahi-daemon")
        self.start("/usr/bin/dbus-daemon", "--system", "--nofork", "--nopidfile")
        bus = self.seen(Path("/run/dbus/system_bus_socket"))
        await until(bus.exists, "the bus is there")
        self.start("/usr/sbin/avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits")
        await until(self.seen(Path("/run/avahi-daemon/socket")).exists, "Avahi is there")

    def seen(self, path: Path) -> Path:
        """Return the path by which a file of the namespaces is seen from without."""
        return Path(f"{self.root}{path}")

    def at_the_far_end(self, *argv: str, **changes: str) -> Child:
        program, *words = argv
        return self.run_in_home(
            "nsenter", f"--net={self.far}", str(installed_command(program)), *words, **changes
        )

    async def our_server(self, *options: str) -> LiveServer:
        """Start our server at the far end."""
        server = self.start_server(
            "nsenter", f"--net={self.far}", str(installed_command("twistd")), "--nodaemon", "--pidfile=",
            "distccd", "--allow=10.99.0.0/24", "--zeroconf", "--jobs=5", "--sandbox=off",
            "--log-level=debug", "--log-file=log", *options,
        )  # fmt: skip
        await server.ready()
        return server

    async def shows(self, wanted: list[str], words: str, *, near: bool = False) -> None:
        """Wait until tdistcc finds these hosts, and never another."""
        run = self.run_in_home if near else self.at_the_far_end
        hosts: list[str] = []
        seen = set(wanted)
        while hosts != wanted:
            child = run("tdistcc", "--show-hosts", DISTCC_HOSTS=words)
            await child.ended()
            hosts = child.stdout.decode().split()
            self.assertEqual(set(hosts) - seen, set())
            self.assertLess(len(hosts), 3)

    async def shown(self, *argv: str, **changes: str) -> str:
        """Return what a command at the far end prints."""
        child = self.at_the_far_end(*argv, **changes)
        self.assertEqual(await child.ended(), 0, child.stderr)
        return child.stdout.decode()


class BothTests(NetworkTestCase):
    async def test_both_ways(self) -> None:
        """C distcc finds our server, our client finds C distccd and ours; both compile there."""
        await self.network()
        await self.avahi()
        distccd = self.start(
            str(DISTCCD), "--daemon", "--no-detach", "--log-stderr", "--user", "nobody", "--zeroconf",
            "--allow", "10.99.0.0/24", "--jobs", "7", environ={"TMPDIR": "/tmp"},
        )  # fmt: skip
        server = await self.our_server()
        await self.c_finds_ours(server)
        wanted = [f"{THEIRS}/7", f"{OURS}/5"]
        await self.shows(wanted, "+zeroconf")
        self.assertEqual(await self.shown("tdistcc", "-j", DISTCC_HOSTS="+zeroconf"), "12\n")
        await self.ours_compiles()
        self.assertFalse(distccd.has_ended(), distccd.stderr)
        # Our server says good-bye when it ends.
        await server.stop()
        await self.shows(wanted[:1], "+zeroconf")

    async def c_finds_ours(self, server: LiveServer) -> None:
        environ = {
            "DISTCC_HOSTS": "+zeroconf",
            "DISTCC_FALLBACK": "0",
            "DISTCC_DIR": str(self.home / "c"),
        }
        Path(environ["DISTCC_DIR"]).mkdir()
        said = ""
        while f"{OURS}:3632/5" not in said:
            child = self.run_in_home("/usr/bin/distcc", "--show-hosts", **environ)
            await child.ended()
            said = child.stdout.decode()
        # It may choose its neighbour first.
        while not server.jobs:
            compile = ("/usr/bin/distcc", "gcc", "-c", "hello.c", "-o", "hello.o")
            jobs = [self.run_in_home(*compile, **environ) for _ in range(8)]
            self.assertEqual([await job.ended() for job in jobs], [0] * 8, jobs[0].stderr)
        self.is_right()

    async def ours_compiles(self) -> None:
        """A build that may not stay here waits until a server is found."""
        self.environ |= {"DISTCC_HOSTS": "+zeroconf", "DISTCC_VERBOSE": "1"}
        (self.work / "hello.o").unlink()
        compile = ("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o")
        child = self.at_the_far_end(*compile, DISTCC_FALLBACK="0")
        self.assertEqual(await child.ended(), 0, child.stderr)
        self.assertRegex(child.stderr, rf"hello.c compiled on ({THEIRS}|{OURS})/")
        self.is_right()


class OwnTests(NetworkTestCase):
    async def test_tls(self) -> None:
        """With +zeroconf,tls a server is a host by its certificate, and one without TLS is none."""
        await self.network()
        authority = Authority()
        write(self.home / ".distcc" / "tls", authority.user("alice"), authority)
        files = write(self.home / "server", authority.server("localhost", OURS), authority)
        plain = await self.our_server()
        await self.our_server(
            "--port=3700", "--tls-port=3734", f"--tls-certificate={files.certificate}",
            f"--tls-key={files.key}", f"--tls-ca={files.ca}", "--allow-user=alice",
        )  # fmt: skip
        await self.shows([f"{OURS}/5", f"{OURS}:3700/5"], "+zeroconf")
        await self.shows([f"{OURS}:3734/5,tls"], "+zeroconf,tls")
        compile = ("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o")
        await self.succeeds(*compile, DISTCC_HOSTS="+zeroconf,tls", DISTCC_FALLBACK="0")
        self.is_right()
        self.assertEqual(plain.jobs, [])

    async def test_hostile(self) -> None:
        """Records that lead far away, or to loopback, are passed over; others are bounded."""
        await self.network()
        hostile = self.start(sys.executable, str(Path(__file__).parent / "hostile_responder.py"), THEIRS)
        await until(lambda: hostile.stdout, "it has announced all")
        hosts: list[str] = []
        while not hosts:
            child = self.at_the_far_end("tdistcc", "--show-hosts", DISTCC_HOSTS="+zeroconf")
            self.assertEqual(await child.ended(), 0, child.stderr)
            hosts = child.stdout.decode().split()
        self.assertLessEqual(len(hosts), MOST_HOSTS)
        for host in hosts:
            self.assertRegex(host, rf"^{re.escape(THEIRS)}:\d+$")  # the limit is the usual one

    async def test_elsewhere(self) -> None:
        """A server that listens on one network is not announced on another."""
        await self.network()
        await self.does("ip", "link", "add", "name", "near2", "type", "veth", "peer", "name", "far2")
        await self.does("ip", "link", "set", "far2", "netns", self.far)
        await self.does("ip", "address", "add", "10.98.0.1/24", "dev", "near2")
        await self.does("ip", "link", "set", "near2", "up")
        for words in ("address add 10.98.0.2/24 dev far2", "link set far2 up"):
            await self.does("nsenter", f"--net={self.far}", "ip", *words.split())
        await self.our_server("--listen=10.98.0.2")
        await self.shows(["10.98.0.2/5"], "+zeroconf", near=True)
