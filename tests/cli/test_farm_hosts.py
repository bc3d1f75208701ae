"""`twisted-distcc hosts`, with servers of ours, C distccd, and nobody."""

from __future__ import annotations

import json

from tests.agent.home import HomeTestCase
from tests.distccd import NO_DISTCCD, start_distccd
from tests.engine import start_engine
from tests.sshd import free_port
from twisted_distcc.errors import EXIT_BAD_HOSTS, EXIT_NO_HOSTS


class HostsTests(HomeTestCase):
    async def ask(self, status: int, *words: str) -> str:
        child = self.run_in_home("twisted-distcc", "hosts", "--compiler=gcc", *words)
        self.assertEqual(await child.ended(), status, child.stderr)
        return child.stdout.decode()

    async def test_table(self) -> None:
        """Each host has a line; one that does not answer has the reason, and makes the exit status."""
        server = await self.serve("--jobs=4")
        nobody = f"127.0.0.1:{free_port()}"
        self.environ["DISTCC_HOSTS"] = f"localhost 127.0.0.1:{server.port}/6 {nobody}"
        head, good, bad = (await self.ask(1)).splitlines()
        self.assertEqual(head.split()[:4], ["HOST", "PROTOCOL", "SLOTS", "SANDBOX"])
        self.assertEqual(good.split()[:4], [f"127.0.0.1:{server.port}/6", "4", "4", "no"])
        self.assertTrue(good.endswith(" same"), good)
        self.assertIn(f"{nobody}", bad)
        self.assertIn("cannot be reached", bad)

    async def test_json(self) -> None:
        """The same as JSON, for the hosts that are named."""
        server = await self.serve("--jobs=3")
        [told] = json.loads(await self.ask(0, "--json", f"127.0.0.1:{server.port}"))
        self.assertEqual((told["protocol"], told["slots"], told["limit"]), (4, 3, 4))
        self.assertEqual((told["sandbox"], told["fault"]), (False, None))
        [compiler] = told["compilers"]
        self.assertEqual((compiler["name"], len(compiler["digest"])), ("gcc", 64))

    async def test_toolchains(self) -> None:
        """A server without compilers takes this machine's, and plugins for it, if it may."""
        for rule, says in (
            ('toolchains = "any"', "takes yours"),
            ('toolchains = "any"\nprograms = true', "takes yours, plugins"),
            ('toolchains = "none"\nprograms = true', "none"),
        ):
            policy = self.place()
            policy.write_text(f'[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\n{rule}\n')
            environ = {"DISTCCD_PATH": str(self.place())}
            options = ("--sandbox=require", f"--policy={policy}")
            server = await self.serve(*options, environ=environ)
            _, line = (await self.ask(0, f"127.0.0.1:{server.port}")).splitlines()
            self.assertTrue(line.endswith(f" {says}"), line)

    async def test_engine(self) -> None:
        """A Remote Execution engine runs this machine's compiler, or says what keeps it from that."""
        engine = await start_engine(self)
        nobody = f"grpc://127.0.0.1:{free_port()}"
        _, good, bad = (await self.ask(1, engine.word, nobody, "--timeout=30")).splitlines()
        self.assertEqual(good.split()[:2], [engine.word.removesuffix("/4"), "engine"])
        self.assertTrue(good.endswith(" same"), good)
        self.assertIn("cannot be reached", bad)

    async def test_distccd(self) -> None:
        """C distccd compiles, and tells nothing; that it has our version shows in what it compiles."""
        _, port = await start_distccd(self)
        _, line = (await self.ask(0, f"127.0.0.1:{port},lzo")).splitlines()
        self.assertEqual(line.split(), [f"127.0.0.1:{port},lzo", "2", "?", "?", "?", "same", "version"])

    test_distccd.skip = NO_DISTCCD  # type: ignore[attr-defined]

    async def test_nobody(self) -> None:
        """Without hosts there is nothing to ask, and a word that is none is an error."""
        await self.ask(EXIT_NO_HOSTS)
        await self.ask(EXIT_BAD_HOSTS, "red:99999")
