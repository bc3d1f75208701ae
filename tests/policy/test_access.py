"""Which addresses may connect, and how networks are written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import EXIT_ACCESS_DENIED
from twisted_distcc.policy.access import PRIVATE, AllowList, BadNetworkError
from twisted_distcc.policy.peer import STDIO, certified_peer, tcp_peer
from twisted_distcc.policy.verdict import ALLOWED, Refused


def allowed(address: str, *networks: str) -> bool:
    return AllowList.parse(networks).judge(tcp_peer(address, 1)) == ALLOWED


class AllowListTests(SynchronousTestCase):
    def test_nobody_by_default(self) -> None:
        """An empty list lets no address in."""
        self.assertFalse(allowed("127.0.0.1"))

    def test_networks(self) -> None:
        """A network lets in what is inside, to its borders, and nothing else."""
        for address, network, expected in (
            ("192.0.2.0", "192.0.2.0/25", True),
            ("192.0.2.127", "192.0.2.0/25", True),
            ("192.0.2.128", "192.0.2.0/25", False),
            ("192.0.2.7", "192.0.2.7", True),
            ("192.0.2.8", "192.0.2.7", False),
            ("192.0.2.9", "192.0.2.7/24", True),
            ("198.51.100.1", "0.0.0.0/0", True),
            ("2001:db8::1", "2001:db8::/32", True),
            ("2001:db9::1", "2001:db8::/32", False),
            ("2001:db8::1", "0.0.0.0/0", False),
            ("192.0.2.1", "::/0", False),
        ):
            self.assertEqual(allowed(address, network), expected, (address, network))

    def test_any_of_several(self) -> None:
        """One network that matches is enough."""
        self.assertTrue(allowed("2001:db8::1", "192.0.2.0/24", "2001:db8::/32"))

    def test_mapped_addresses_are_ipv4(self) -> None:
        """An IPv4 client of an IPv6 socket is held to the rules for IPv4, both ways."""
        self.assertTrue(allowed("::ffff:192.0.2.1", "192.0.2.0/24"))
        self.assertFalse(allowed("::ffff:192.0.2.1", "::/0"))

    def test_private_networks(self) -> None:
        """`--allow-private` stands for loopback, link-local and private addresses, no public one."""
        for address in ("10.1.2.3", "127.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.9.9", "::1"):
            self.assertTrue(allowed(address, *PRIVATE), address)
        for address in ("fe80::1%eth0", "fd00::1", "169.254.1.1"):
            self.assertTrue(allowed(address, *PRIVATE), address)
        for address in ("172.32.0.1", "11.0.0.1", "192.0.2.1", "2001:db8::1", "192.169.0.1"):
            self.assertFalse(allowed(address, *PRIVATE), address)

    def test_streams_are_let_in(self) -> None:
        """Whoever comes without an address was let in by somebody else."""
        self.assertEqual(AllowList(()).judge(STDIO), ALLOWED)

    def test_certificates_are_let_in(self) -> None:
        """Who has shown a trusted certificate comes from anywhere: the list is for the bare port."""
        peer = certified_peer("alice", ("CN=alice",), "192.0.2.1", 1)
        self.assertEqual(AllowList(()).judge(peer), ALLOWED)

    def test_the_sentence(self) -> None:
        """A refusal names the address, and who can do something about it."""
        verdict = AllowList(()).judge(tcp_peer("192.0.2.1", 1))
        assert isinstance(verdict, Refused)
        self.assertEqual(verdict.exit_code, EXIT_ACCESS_DENIED)
        self.assertIn("192.0.2.1", str(verdict))
        self.assertIn("administrator", str(verdict))

    def test_bad_networks(self) -> None:
        """What is no network is named, with an example of one."""
        for text in ("", "localhost", "192.0.2.0/33", "192.0.2.256", "192.0.2.0/24,10.0.0.0/8"):
            with self.assertRaisesRegex(BadNetworkError, "such as 192.0.2.0/24") as caught:
                AllowList.parse((text,))
            self.assertIn(text, str(caught.exception))
