"""A farm of two servers that several clients share: jobs go where places are free."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.agent.farm import FarmTestCase
from tests.client.in_memory import Told
from tests.live import LiveServer, plain_environment, until
from tests.wire.independent_peer import Peer, Result
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.invocation import Finished, Invocation
from twisted_distcc.client.scheduling import loads
from twisted_distcc.runtime.processes import ReactorSpawner

# A gcc of which some compiles last for ever, and some until they are released.
GCC = """\
#!/bin/sh
case " $* " in
*seed=ever*) echo > {marks}/ever.$$; exec sleep 1000;;
*seed=held*) echo > {marks}/held.$$; until [ -e {marks}/released ]; do sleep 0.02; done;;
esac
exec /usr/bin/gcc "$@"
"""
TEXT = b"int f(void) { return 4; }\n"
NOTHING = hashlib.sha256(b"").digest()


class SharedFarmTests(FarmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(loads, "BELIEVED", 1e6)
        dispatcher = Dispatcher.on(reactor, ReactorSpawner(reactor), lambda: str(self.tmp))
        self.sessions = Sessions(reactor)
        self.dispatcher = replace(dispatcher, sessions=self.sessions)
        self.addCleanup(self.hang_up)

    async def hang_up(self) -> None:
        """Close the sessions; the reactor needs a turn to forget them."""
        for server in self.sessions._servers.values():
            if server.session is not None:
                server.session.close()
        await deferLater(reactor, 0)

    async def server(self, *options: str) -> LiveServer:
        """Start a server with that gcc, for whose name the user vouches."""
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        self.marks = self.home / "marks"
        folder = self.home / "server-bin"
        if not folder.exists():
            self.marks.mkdir()
            self.marks.chmod(0o777)
            folder.mkdir()
            (folder / "gcc").write_text(GCC.format(marks=self.marks))
            (folder / "gcc").chmod(0o755)
        return await self.serve(*options, environ={"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"})

    def compile(self, *words: str) -> Deferred[None]:
        """Compile in this process, whose news of servers do not grow old."""
        environ = plain_environment(**self.environ)
        invocation = Invocation(("gcc", "-c", "hello.c", *words), str(self.work), environ, 0o022)
        return Deferred.fromCoroutine(self.dispatcher.run(invocation, Told())).addCallback(
            self.assertEqual, Finished(0)
        )

    def begun(self, seed: str) -> int:
        """Return how many compiles with this seed have begun."""
        return len(list(self.marks.glob(f"{seed}.*")))

    def occupy(self, peer: Peer) -> None:
        """Send a job that never ends, for another client."""
        digest = peer.keep(TEXT)
        peer.upload([digest])
        peer.ask(("gcc", "-frandom-seed=ever", "-c", "a.c", "-o", "a.o"), text=digest)

    def told(self, peer: Peer) -> Result:
        """Ask the server something, so that it says how busy it is."""
        return peer.result(peer.ask(("twisted-distccd", "about", "gcc"), text=NOTHING))

    async def test_a_server_that_others_keep_busy(self) -> None:
        """It is listed first, and yet jobs go to the other one as long as they would wait there."""
        red, green = await self.server("--jobs=2"), await self.server("--jobs=4")
        hosts = f"127.0.0.1:{red.port}/8", f"127.0.0.1:{green.port}/8"
        self.environ |= {"DISTCC_HOSTS": " ".join(hosts), "DISTCC_FALLBACK": "0"}
        held = self.compile("-frandom-seed=held", "-o", "held.o")
        await until(lambda: self.begun("held"), "the job is on the server")
        with Peer.connected("127.0.0.1", red.port) as others:
            for _ in range(3):
                self.occupy(others)
            waiting = {"FREE": 0, "BUSY": 2}
            await until(lambda: waiting.items() <= self.told(others).numbers.items(), "two jobs wait")
            (self.marks / "released").touch()
            await held
            await gatherResults([self.compile("-o", f"{number}.o") for number in range(3)])
            for number in range(3):
                self.is_right(f"{number}.o")
            self.assertEqual(len([job for job in green.jobs if "verdict=done" in job]), 3, green.log)

    async def test_news(self) -> None:
        """A server tells of its places by what others do there as well."""
        red = await self.server("--jobs=2")
        with Peer.connected("127.0.0.1", red.port) as others:
            self.assertEqual(self.told(others).numbers["FREE"], 2)
            for _ in range(2):
                self.occupy(others)
            await until(lambda: self.begun("ever") == 2, "both places are taken")
            numbers = self.told(others).numbers
            self.assertEqual((numbers["FREE"], numbers["BUSY"]), (0, 0))
            self.assertIn("server", json.loads(self.told(others).stdout))
