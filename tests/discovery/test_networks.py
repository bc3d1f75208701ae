"""Where a server announces itself, and which addresses of a record are called."""

from __future__ import annotations

from ipaddress import ip_interface

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.discovery.announcer import on_link
from twisted_distcc.discovery.networks import Adapter, Link, callable_address, links
from twisted_distcc.discovery.plan import Plan
from twisted_distcc.discovery.service_record import Announcement

LOOPBACK = Adapter("lo", 1, (ip_interface("127.0.0.1/8"), ip_interface("::1/128")))
LAN = Adapter("eth0", 2, (ip_interface("192.0.2.7/24"), ip_interface("fe80::7/64")))
OTHER = Adapter("eth1", 3, (ip_interface("198.51.100.7/24"),))
ADAPTERS = (LOOPBACK, LAN, OTHER)


class LinkTests(SynchronousTestCase):
    def test_everywhere(self) -> None:
        """A server of all addresses is announced on all networks, but not to itself."""
        self.assertEqual(
            links(ADAPTERS, [("0.0.0.0", 3632)], []),
            (Link("eth0", ("192.0.2.7",), 3632, 0), Link("eth1", ("198.51.100.7",), 3632, 0)),
        )
        self.assertEqual(links(ADAPTERS, [("::", 3632)], []), (Link("eth0", ("fe80::7",), 3632, 0),))

    def test_one(self) -> None:
        """A server of one address is announced there alone, with its port for TLS."""
        heard = [("198.51.100.7", 3700)], [("198.51.100.7", 3634), ("192.0.2.7", 3635)]
        self.assertEqual(
            links(ADAPTERS, *heard),
            (Link("eth0", ("192.0.2.7",), 0, 3635), Link("eth1", ("198.51.100.7",), 3700, 3634)),
        )

    def test_none(self) -> None:
        """A server of addresses that are not there is announced nowhere."""
        self.assertEqual(links(ADAPTERS, [("203.0.113.1", 3632)], []), ())

    def test_name(self) -> None:
        """The name in the certificate is announced if the address is not in it."""
        common = Announcement("0.1", 5, 2)
        link = Link("eth0", ("192.0.2.7",), 3632, 3634)
        plan = Plan((), (), 5, {}, {}, ("*.farm.example", "red.farm.example"))
        self.assertEqual(on_link(plan, common, link).name, "red.farm.example")
        plan = Plan((), (), 5, {}, {}, ("red.farm.example",), ("192.0.2.7",))
        told = on_link(plan, common, link)
        self.assertEqual((told.name, told.tls), ("", 3634))
        self.assertEqual(on_link(plan, common, Link("eth0", ("192.0.2.7",), 3632, 0)), common)

    def test_plan(self) -> None:
        """A plan survives the way to the announcer."""
        plan = Plan((("0.0.0.0", 1),), (("::", 2),), 5, {"gcc": "/usr/bin/gcc"}, {"PATH": "/"}, ("a",))
        told = Plan.from_json(plan.to_json())
        self.assertEqual((told.plain, told.tls, told.compilers), (plan.plain, plan.tls, plan.compilers))


class CallableTests(SynchronousTestCase):
    def test_near(self) -> None:
        """An address on a network of this machine is called, and that of IPv4 first."""
        self.assertEqual(callable_address(["fe80::9%2", "192.0.2.9"], ADAPTERS), "192.0.2.9")
        self.assertEqual(callable_address(["fe80::9%2"], ADAPTERS), "fe80::9%2")

    def test_hostile(self) -> None:
        """A record leads neither to this machine's loopback, nor far away, nor to everybody."""
        for address in (
            "127.0.0.1", "127.8.8.8", "::1", "203.0.113.9", "0.0.0.0", "::", "224.0.0.251", "ff02::fb%2",
            "fe80::9", "fe80::9%1", "fe80::9%7", "red", "192.0.2.9;id", "",
        ):  # fmt: skip
            self.assertIsNone(callable_address([address], ADAPTERS), address)
