"""The agent's memory of servers that announce themselves, and the hosts that it makes of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.discovering import MOST_HOSTS, Discovery, known_hosts, with_found
from twisted_distcc.client.hosts import HostList, TcpHost
from twisted_distcc.client.hosts_grammar import parse_hosts
from twisted_distcc.discovery.service_record import Found

RED = Found("192.0.2.7", 3632, 5)
BLUE = Found("192.0.2.8", 3632, 4000, 3634, "blue")
GREEN = Found("192.0.2.9", 0, 2, 3634)


class _Looks(Discovery):
    """A memory whose looks are the test's to answer, with servers or a failure."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, _no_spawn)
        self.looks: list[Deferred[tuple[Found, ...]]] = []

    async def looked(self) -> tuple[Found, ...]:
        self.looks.append(look := Deferred())
        return await look


def _no_spawn(command: object) -> Callable[[], None]:
    raise AssertionError(command)


class MemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.discovery = _Looks(self.clock)

    def test_no_waiting(self) -> None:
        """What is known is returned at once, while one look, and no second, goes on."""
        self.assertEqual((self.discovery.found(), self.discovery.found()), ((), ()))
        [look] = self.discovery.looks
        look.callback((BLUE, RED))
        self.assertEqual(self.discovery.found(), (RED, BLUE))
        self.assertEqual(len(self.discovery.looks), 1)

    def test_again(self) -> None:
        """After a minute there is another look; who is missing twice is forgotten."""
        self.discovery.found()
        self.discovery.looks[0].callback((RED, BLUE))
        self.clock.advance(60)
        self.assertEqual(self.discovery.found(), (RED, BLUE))
        self.discovery.looks[1].callback((replace(BLUE, jobs=3),))
        self.assertEqual(self.discovery.found(), (RED, replace(BLUE, jobs=3)))
        self.clock.advance(60)
        self.discovery.found()
        self.discovery.looks[2].callback((BLUE,))
        self.assertEqual(self.discovery.found(), (BLUE,))

    def test_nothing(self) -> None:
        """While there is nothing, or a look fails, the next one comes sooner."""
        self.discovery.found()
        self.discovery.looks[0].errback(OSError("no network"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.discovery.found()
        self.assertEqual(len(self.discovery.looks), 1)
        self.clock.advance(10)
        self.discovery.found()
        self.assertEqual(len(self.discovery.looks), 2)


class HostTests(SynchronousTestCase):
    def names(self, words: str, *found: Found) -> list[str]:
        return [str(host) for host in with_found(parse_hosts(words), found).hosts]

    def test_plain(self) -> None:
        """+zeroconf takes all that serve plain TCP, with their slots, after those that are listed."""
        self.assertEqual(
            self.names("other +zeroconf", RED, BLUE, GREEN),
            ["other", "192.0.2.7/5", "192.0.2.8/200"],
        )

    def test_tls(self) -> None:
        """+zeroconf,tls takes those that have to prove who they are, by the name that they prove."""
        self.assertEqual(
            self.names("+zeroconf,tls", RED, BLUE, GREEN), ["blue/200,tls", "192.0.2.9/2,tls"]
        )

    def test_listed(self) -> None:
        """Who is listed is no second host; without the word nobody is added."""
        self.assertEqual(self.names("192.0.2.7/1 +zeroconf", RED), ["192.0.2.7/1"])
        self.assertEqual(self.names("192.0.2.1/1", RED), ["192.0.2.1/1"])

    def test_most(self) -> None:
        """A network that announces servers without end adds a bounded number."""
        many = [replace(RED, port=port) for port in range(1, 1000)]
        self.assertEqual(len(self.names("+zeroconf", *many)), MOST_HOSTS)


class WaitingTests(SynchronousTestCase):
    def asked(self, words: str, may_stay: bool) -> tuple[_Looks, Deferred[HostList]]:
        discovery = _Looks(Clock())
        hosts = known_hosts(parse_hosts(words), discovery, may_stay)
        return discovery, Deferred.fromCoroutine(hosts)

    def test_may_stay(self) -> None:
        """A compile that may stay here does not wait, and neither does one that has a host."""
        for words, may_stay in (("+zeroconf", True), ("red +zeroconf", False)):
            discovery, hosts = self.asked(words, may_stay)
            self.assertEqual(self.successResultOf(hosts).zeroconf, "plain")
            self.assertEqual(len(discovery.looks), 1)

    def test_may_not_stay(self) -> None:
        """One that may not stay waits for the first look, also in vain."""
        for found in ((RED,), ()):
            discovery, hosts = self.asked("+zeroconf", may_stay=False)
            self.assertNoResult(hosts)
            discovery.looks[0].callback(found)
            expected = tuple(TcpHost("192.0.2.7", limit=5) for _ in found)
            self.assertEqual(self.successResultOf(hosts).hosts, expected)

    def test_nobody_asked(self) -> None:
        """Without the word nobody looks."""
        discovery, hosts = self.asked("red", may_stay=False)
        self.assertEqual(len(self.successResultOf(hosts).hosts), 1)
        self.assertEqual(discovery.looks, [])


class ImportTests(SynchronousTestCase):
    def test_not_imported(self) -> None:
        """Neither an agent nor a server imports the library: programs of their own do."""
        code = (
            "import twisted_distcc.agent.main, twisted_distcc.server.daemon.service, sys;"
            "print({'zeroconf', 'ifaddr'} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
        self.assertEqual(done.stdout, "set()\n")
