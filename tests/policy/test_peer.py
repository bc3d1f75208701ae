"""Names of those at the other end."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.peer import STDIO, certified_peer, tcp_peer
from twisted_distcc.policy.verdict import Refused


class PeerTests(SynchronousTestCase):
    def test_how_peers_are_shown(self) -> None:
        """A log line names the transport, the address, and the port."""
        for host, shown in (
            ("192.0.2.1", "tcp:192.0.2.1:99"),
            ("2001:db8::1", "tcp:[2001:db8::1]:99"),
            ("::ffff:192.0.2.1", "tcp:192.0.2.1:99"),
            ("fe80::1%eth0", "tcp:[fe80::1]:99"),
        ):
            self.assertEqual(str(tcp_peer(host, 99)), shown)
        self.assertEqual(str(STDIO), "stdio")

    def test_users_with_certificates(self) -> None:
        """A user is known by name, and shown with the address, which is no part of the identity."""
        for host, shown in (
            ("192.0.2.1", "tls:alice@192.0.2.1:99"),
            ("2001:db8::1", "tls:alice@[2001:db8::1]:99"),
            ("::ffff:192.0.2.1", "tls:alice@192.0.2.1:99"),
        ):
            peer = certified_peer("alice", ("CN=alice", "serial:1"), host, 99)
            self.assertEqual((str(peer), peer.identity), (shown, "tls:alice"))
            self.assertEqual(peer.address, tcp_peer(host, 99).address)

    def test_the_port_is_no_part_of_the_identity(self) -> None:
        """Two connections from one address are the same peer to a rule."""
        self.assertEqual(tcp_peer("192.0.2.1", 1).identity, tcp_peer("192.0.2.1", 2).identity)

    def test_mapped_addresses_are_unmapped(self) -> None:
        """An IPv4 address in an IPv6 one is itself."""
        self.assertEqual(tcp_peer("::ffff:192.0.2.1", 1).address, ip_address("192.0.2.1"))


class VerdictTests(SynchronousTestCase):
    def test_all_reasons_are_one_line(self) -> None:
        """A refusal tells every reason, not the first alone."""
        self.assertEqual(str(Refused(("too late", "too large"))), "too late; too large")
