"""Policies as they are written: what is read, and what is refused, with file, rule and key."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS
from twisted_distcc.policy.reading import BadPolicyError, is_identity, parse_policy
from twisted_distcc.policy.rules import Policy, Rule, Terms

_ODD = "a\n\0\x85é\u2028\U0001f600\"\\'"
LEAST = '[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\n'


class ReadingTests(SynchronousTestCase):
    def test_every_key(self) -> None:
        """Each key reaches the field that it names."""
        text = """
            [[rule]]
            name = "users"
            who = ["tls:*", "stdio"]
            from = ["192.0.2.7/24", "2001:db8::1"]
            compilers = ["gcc*", "/opt/bin/*", "*clang"]
            options = ["-g*", "*"]
            only_options = ["-O2"]
            verdict = "allow"
            slots = 4
            priority = -10
            share = true
            toolchains = "any"
            reason = "they are ours"
            [[rule]]
            name = "others"
            who = ["*"]
            verdict = "refuse"
        """
        networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::1"))
        users = Rule(
            "users", ("tls:*", "stdio"), True, networks, ("gcc*", "/opt/bin/*", "*clang"), ("-g*", "*"),
            ("-O2",), Terms(4, -10, True, ("any",)), "they are ours",
        )  # fmt: skip
        others = Rule("others", ("*",), allow=False)
        self.assertEqual(parse_policy(text, "p.toml"), Policy((users, others), "p.toml"))

    def test_the_least(self) -> None:
        """A name, who, and a verdict make a rule; everything else is as if there were no rules."""
        self.assertEqual(parse_policy(LEAST, "p").rules, (Rule("all", ("*",), allow=True),))

    def test_identities(self) -> None:
        """An identity begins with its kind, so that a forgotten one is noticed."""
        for text in ("*", "stdio", "tls:a", "tls:*", "ssh:b", "uid:0", "tcp:[::1]"):
            self.assertTrue(is_identity(text), text)
        for text in ("", "alice", "tls:", "TLS:a", "stdio:", "tls", "a*"):
            self.assertFalse(is_identity(text), text)


class RefusingTests(SynchronousTestCase):
    def assert_refused(self, text: str, *parts: str) -> None:
        with self.assertRaises(BadPolicyError) as caught:
            parse_policy(text, "p.toml")
        said = str(caught.exception)
        self.assertTrue(said.startswith("p.toml: "), said)
        self.assertNotIn("\n", said)
        for part in parts:
            self.assertIn(part, said)
        self.assertEqual(caught.exception.exit_code, EXIT_BAD_ARGUMENTS)

    def test_no_toml(self) -> None:
        """What is no TOML is refused with the line that is wrong."""
        self.assert_refused("[[rule]]\nname = users\n", "no TOML", "line 2")

    def test_no_rules(self) -> None:
        """A file without rules would refuse everything, which nobody writes a file for."""
        for text in ("", "# nothing yet\n", "rule = []"):
            self.assert_refused(text, "no [[rule]]")

    def test_other_tables(self) -> None:
        """Nothing but [[rule]] is known, in two pairs of brackets."""
        self.assert_refused(LEAST + "[limits]\nmemory = 1\n", "'limits' is unknown")
        self.assert_refused('[rule]\nname = "x"', "[[rule]], in two pairs of brackets")
        self.assert_refused("rule = 1", "[[rule]]")
        self.assert_refused("rule = [1]", "[[rule]]")

    def test_missing_keys(self) -> None:
        """Every rule has a name, says who, and says what."""
        for line in ('name = "all"\n', 'who = ["*"]\n', 'verdict = "allow"\n'):
            key = line.split()[0]
            self.assert_refused(LEAST.replace(line, ""), f"key {key!r} is missing")
        self.assert_refused('[[rule]]\nname = "all"\n', "rule 'all'", "'who'")
        self.assert_refused(LEAST + '[[rule]]\nwho = ["*"]\n', "rule number 2", "'name'")

    def test_unknown_keys(self) -> None:
        """A key that is unknown is named, with those that are known."""
        self.assert_refused(LEAST + 'compiler = "gcc"', "rule 'all'", "key 'compiler'", "compilers")

    def test_two_of_one_name(self) -> None:
        """Names are what logs tell rules by."""
        self.assert_refused(LEAST + LEAST, "rule 'all'", "key 'name'", "another rule")

    def test_wrong_values(self) -> None:
        """A value of the wrong kind is refused, with its key, and with what to write."""
        for line, part in (
            ('from = "192.0.2.1"', "write a list"),
            ('from = ["192.0.2.1/33"]', "such as 192.0.2.0/24"),
            ('from = ["localhost"]', "localhost"),
            ("from = []", "leave the key out"),
            ("compilers = [1]", "in quotes"),
            ('compilers = ["bin/gcc"]', "absolute path"),
            ('options = ["g"]', "does not begin with '-'"),
            ('only_options = [""]', "in quotes"),
            ('slots = "4"', "whole number from 1 to"),
            ("slots = 0", "whole number from 1 to"),
            ("slots = 1.0", "whole number from 1 to"),
            ("slots = true", "whole number from 1 to"),
            ("priority = 1001", "from -1000 to 1000"),
            ("share = 1", "true or false"),
            ("toolchains = true", '"any", "none" or a list'),
            ("toolchains = []", "an empty list"),
            ('toolchains = ["gcc"]', "is not a digest"),
            ('reason = ""', "in quotes"),
            ('reason = "two\\nlines"', "one line"),
        ):
            key = line.split()[0]
            self.assert_refused(LEAST + line, "rule 'all'", f"key {key!r}", part)

    def test_wrong_necessities(self) -> None:
        """So is one of a key that every rule has."""
        for line, wrong, part in (
            ('who = ["*"]', 'who = "*"', "write a list"),
            ('who = ["*"]', 'who = ["alice"]', '"tls:alice"'),
            ('who = ["*"]', "who = []", "leave the key out"),
            ('verdict = "allow"', 'verdict = "yes"', '"allow" or "refuse"'),
            ('verdict = "allow"', "verdict = []", '"allow" or "refuse"'),
            ('name = "all"', "name = 1", "rule number 1"),
        ):
            self.assert_refused(LEAST.replace(line, wrong), f"key {wrong.split()[0]!r}", part)

    def test_terms_of_a_refusal(self) -> None:
        """A rule that refuses has no use for terms: whoever gives them means something else."""
        refusing = LEAST.replace("allow", "refuse")
        for line in ("slots = 1", "priority = 1", "share = true", 'toolchains = "none"'):
            self.assert_refused(refusing + line, f"key {line.split()[0]!r}", "refuses")

    @given(st.dictionaries(st.sampled_from(("name", "who", "from", "slots", "verdict", "x")), st.one_of(
        st.text(_ODD, max_size=5), st.integers(), st.booleans(), st.lists(st.text("tls:*/", max_size=5))
    )))  # fmt: skip
    def test_whatever_is_written(self, table: dict[str, object]) -> None:
        """Whatever a rule's values are, it is read, or refused with a sentence."""
        text = "[[rule]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
        try:
            self.assertIsInstance(parse_policy(text, "p"), Policy)
        except BadPolicyError as error:
            self.assertTrue(str(error).startswith("p: "))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08X}" for character in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)
