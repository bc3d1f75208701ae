"""IP addresses with interfaces: what can be reached, and what rules and certificates say of a scope."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.addresses import is_loopback, reachable, socket_address
from twisted_distcc.policy.access import BadNetworkError, parse_network, without_scope
from twisted_distcc.tls.authority.scope import read_scope
from twisted_distcc.tls.authority.subject_names import BadNameError, host_name

LOOPBACK = socket.if_nametoindex("lo")


class ReachableTests(SynchronousTestCase):
    def test_interfaces(self) -> None:
        """An interface is known by name or number, and kept as a number."""
        for text in ("fe80::7%lo", f"fe80::7%{LOOPBACK}"):
            self.assertEqual(str(reachable(text)), f"fe80::7%{LOOPBACK}")
            self.assertEqual(
                socket_address(text, 3632), (socket.AF_INET6, ("fe80::7", 3632, 0, LOOPBACK))
            )

    def test_addresses_without_interfaces(self) -> None:
        """Any other address needs none, and may have one."""
        self.assertEqual(socket_address("192.0.2.7", 1), (socket.AF_INET, ("192.0.2.7", 1)))
        self.assertEqual(socket_address("::1", 1), (socket.AF_INET6, ("::1", 1, 0, 0)))
        self.assertEqual(socket_address("::1%lo", 1), (socket.AF_INET6, ("::1", 1, 0, LOOPBACK)))

    def test_what_is_wrong(self) -> None:
        """What cannot be reached is refused with a reason that says what to do."""
        for text, reason in (
            ("fe80::7", "as in fe80::7%eth0"),
            ("fe80::7%no-such", "no network interface no-such"),
            ("fe80::7%999999", "no network interface 999999"),
            ("fe80::7%", "does not appear to be"),
            ("192.0.2.7%lo", "does not appear to be"),
            ("localhost", "does not appear to be"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                reachable(text)


class LoopbackTests(SynchronousTestCase):
    def test_names(self) -> None:
        """What leads to this machine without a network is told apart from everything else."""
        here = ("localhost", "127.0.0.1", "127.9.9.9", "::1")
        there = ("red", "red.localhost.example", "192.0.2.7", "2001:db8::7", "127.0.0.1.example", "")
        self.assertEqual([name for name in (*here, *there) if is_loopback(name)], [*here])


class ScopelessTests(SynchronousTestCase):
    """Whoever goes by addresses alone would let a scope widen a rule in silence."""

    def test_networks(self) -> None:
        """A rule for one interface is refused, with the rule to write in its place."""
        for text, instead in (
            ("fe80::1%eth0", "write fe80::1,"),
            ("fe80::%eth0/64", "write fe80::/64,"),
            ("fe80::/64%eth0", "write fe80::/64,"),
            ("fe80::1%1", "write fe80::1,"),
        ):
            with self.assertRaisesRegex(BadNetworkError, instead):
                parse_network(text)

    def test_certificates(self) -> None:
        """A certificate is for an address on whichever interface, and so is an authority's scope."""
        with self.assertRaisesRegex(BadNameError, "write fe80::1$"):
            host_name("fe80::1%eth0")
        for text, instead in (("fe80::1%eth0", "fe80::1$"), ("fe80::%eth0/64", "fe80::/64$")):
            with self.assertRaisesRegex(BadNameError, f"write {instead}"):
                read_scope([text])

    def test_without_scope(self) -> None:
        """What has no scope stays as it is."""
        for text in ("fe80::/64", "192.0.2.7", "10.0.0.0/8"):
            self.assertEqual(without_scope(text), text)
