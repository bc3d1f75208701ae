"""Servers that answer rubbish, all through a build."""

from __future__ import annotations

from twisted.internet import reactor

from tests.faults.building import FaultTestCase
from tests.faults.rubbish import GIANT, HALF, HTTP, NOISE, RubbishFactory

# What a server can is asked once, without a word to the user where the answer is none; half an answer is
# a fault, of which all hear who wait for it.
_QUESTION = 1


class RubbishTests(FaultTestCase):
    def rubbish(self, said: bytes) -> tuple[RubbishFactory, int]:
        """Start a server that says this; give it, and its port."""
        factory = RubbishFactory(said)
        port = reactor.listenTCP(0, factory, interface=self.address)
        self.addCleanup(port.stopListening)
        return factory, port.getHost().port

    async def test_another_server(self) -> None:
        """Beside servers of rubbish of all kinds, a good one does it all, and nothing is done here."""
        good = await self.serve("--jobs=4")
        kinds = [self.rubbish(said) for said in (HTTP, NOISE, GIANT, HALF)]
        self.hosts(*(port for _, port in kinds), good.port)
        self.environ |= {"DISTCC_FALLBACK": "0", "DISTCC_BACKOFF_PERIOD": "0"}
        build = self.make()
        await self.is_built(build)
        for factory, port in kinds:
            self.assertGreater(factory.told, 1)
            failure = "hung up in the middle" if factory.rubbish is HALF else "sent a bad reply: "
            said = [line for line in build.stderr.splitlines() if f"{self.address}:{port} " in line]
            asked = len(said) if factory.rubbish is HALF else len(said) + _QUESTION
            # Each may have been asked first whether it speaks protocol 4.
            self.assertLessEqual(factory.told, 2 * asked, build.stderr)
            self.assertEqual([line for line in said if failure not in line], [])
        self.assertEqual(len(good.jobs), 16)
        await self.leaves_nothing(good)

    async def test_no_other_server(self) -> None:
        """Where servers answer nothing but rubbish, the build is done here, and each gets one job."""
        kinds = [self.rubbish(said) for said in (HTTP, NOISE, GIANT, HALF)]
        self.hosts(*(port for _, port in kinds), limit=1)
        build = self.make()
        await self.is_built(build)
        self.assertEqual(
            [factory.told for factory, _ in kinds], [*[2 * (_QUESTION + 1)] * 3, 2 * _QUESTION]
        )
