"""Names, as people type them, and as somebody with ill intent does."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.tls.authority.subject_names import BadNameError, host_name, user_name

HOSTILE = [
    "", " ", ".", "..", "../alice", "a/b", "/etc", "a\nb", "alice\n", "a b", "a\0b", "-rf", "$(id)",
    "`id`", "a;b", "a*", "~root", "\udcff", "\u0430lice", "alice\u200b", "x" * 65,
]  # fmt: skip


LONGEST = ".".join(["x" * 63] * 3 + ["x" * 61])


class HostTests(SynchronousTestCase):
    """Names and addresses of hosts."""

    def test_good(self) -> None:
        """Names become lower case, and addresses what everybody writes."""
        good = {
            "build1": "build1", "Build1.Example.ORG": "build1.example.org", "my_b-1.lan": "my_b-1.lan",
            "1password.com": "1password.com", "10.0.0.5": "10.0.0.5", "FD00:0::0005": "fd00::5",
            "xn--bcher-kva.example": "xn--bcher-kva.example", LONGEST: LONGEST,
        }  # fmt: skip
        self.assertEqual({text: host_name(text) for text in good}, good)

    def test_bad(self) -> None:
        """What is no host is refused, with itself in the sentence, and nothing raw in it."""
        others = [
            "*.example.org", "10.0.0.256", "1.2.3", "build1.", ".build1", "a..b", "-a.b", "a-.b",
            "alice@b", "10.0.0.0/8", "[::1]", "fe80::1%eth0", "a:b", "x" * 64 + ".org",
        ]  # fmt: skip
        for text in HOSTILE + others:
            refusal = self.assertRaises(BadNameError, host_name, text)
            self.assertIn(repr(text), str(refusal))
            self.assertNotIn("\n", str(refusal))

    def test_other_scripts(self) -> None:
        """A name in other letters is told which form to take."""
        self.assertIn("xn--", str(self.assertRaises(BadNameError, host_name, "bücher.example")))

    def test_long(self) -> None:
        """A name that is too long is refused, and not repeated whole."""
        self.assertRaises(BadNameError, host_name, f"{LONGEST}x.x")
        for check in (host_name, user_name):
            self.assertLess(len(str(self.assertRaises(BadNameError, check, "x" * 100_000))), 500)


class UserTests(SynchronousTestCase):
    """Names of users."""

    def test_good(self) -> None:
        """A good name stays as it is."""
        for name in ["alice", "Alice", "bob.smith", "bob@example.org", "_ci-7", "7", "x" * 64]:
            self.assertEqual(user_name(name), name)

    def test_bad(self) -> None:
        """What could be a path, an option, a command or another letter is refused."""
        for text in [*HOSTILE, ".alice", "@alice", "a:b", "a,b", "a=b"]:
            self.assertIn(repr(text), str(self.assertRaises(BadNameError, user_name, text)))
