"""Scopes: what people permit, what it covers, and the default."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.tls.authority.scope import PRIVATE_DOMAINS, read_scope, usual_scope
from twisted_distcc.tls.authority.subject_names import BadNameError


class ScopeTests(SynchronousTestCase):
    """`Scope`."""

    def covered(self, permitted: list[str], *hosts: str) -> list[str]:
        """Say which of `hosts` are covered."""
        scope = read_scope(permitted)
        assert scope is not None
        return [host for host in hosts if scope.covers(host)]

    def test_domains(self) -> None:
        """A domain covers itself and what is below it, with a dot in front or without."""
        hosts = [
            "example.org",
            "a.example.org",
            "a.b.example.org",
            "anexample.org",
            "org",
            "example.org.e",
        ]
        self.assertEqual(self.covered([".example.org"], *hosts), hosts[:3])
        self.assertEqual(self.covered(["Example.org"], *hosts), hosts[:3])

    def test_networks(self) -> None:
        """A network covers its addresses, of its own version."""
        hosts = ["10.1.2.3", "11.0.0.1", "::a01:203", "10.1.2.3.example.org"]
        self.assertEqual(self.covered(["10.0.0.0/8"], *hosts), ["10.1.2.3"])
        hosts = ["fd00::1", "10.0.0.5", "10.0.0.6"]
        self.assertEqual(self.covered(["fd00::/8", "10.0.0.5"], *hosts), hosts[:2])

    def test_users(self) -> None:
        """Only a user who looks like a host must be covered."""
        scope = read_scope(["example.org"])
        assert scope is not None
        names = ["alice", "alice.smith", "alice.smith@corp.com", "Alice.example.org"]
        self.assertEqual([n for n in names if not scope.covers_user(n)], ["alice.smith"])

    def test_any(self) -> None:
        """The word `any` takes all bounds away."""
        self.assertIsNone(read_scope([".example.org", "any"]))

    def test_bad(self) -> None:
        """What is neither a domain nor a network is refused."""
        for text in ["", ".", "..org", "*.org", "10.0.0.1/8", "10.0.0.0/33", "a/b", "http://a", "a b"]:
            self.assertRaises(BadNameError, read_scope, [text])

    def test_told(self) -> None:
        """A scope says what it covers."""
        scope = read_scope([".example.org", "10.0.0.0/8"])
        self.assertEqual(str(scope), "example.org and below, 10.0.0.0/8")


class UsualScopeTests(SynchronousTestCase):
    """What an authority may do when nobody said."""

    def own(self, name: str) -> list[str]:
        """Give what the name of this machine adds."""
        domains = usual_scope(name).domains
        self.assertEqual(len(set(domains)), len(domains))
        return [domain for domain in domains if domain not in PRIVATE_DOMAINS]

    def test_private(self) -> None:
        """Private names and addresses are covered, public ones are not."""
        scope = usual_scope("")
        private = [
            "a.lan",
            "b.home.arpa",
            "localhost",
            "10.0.0.1",
            "192.168.7.7",
            "127.0.0.1",
            "fd00::1",
        ]
        public = ["build1", "example.org", "8.8.8.8", "172.32.0.1", "2001:db8::1", "notlan", "lan.evil"]
        self.assertEqual([host for host in private + public if scope.covers(host)], private)

    def test_own_domain(self) -> None:
        """The domain of this machine is covered, never a whole top-level domain."""
        self.assertEqual(self.own("build1.farm.example.org"), ["farm.example.org"])
        self.assertEqual(self.own("example.org"), ["example.org"])
        self.assertEqual(self.own("desk"), ["desk"])

    def test_no_name(self) -> None:
        """A machine without a proper name adds nothing."""
        for name in ["", "localhost", "10.0.0.5", "::1", "not a name", "5b2f_$"]:
            self.assertEqual(self.own(name), [])
