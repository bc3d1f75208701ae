"""Variables that are almost right."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.doctor.findings import Finding, Severity
from twisted_distcc.cli.doctor.setting_checks import READ, hosts_list, misspelt_variables
from twisted_distcc.client.hosts_grammar import parse_hosts

PAGE = Path(__file__).parents[3] / "doc" / "client.md"


def found(*names: str) -> list[Finding]:
    return list(misspelt_variables(dict.fromkeys(names, "a b")))


class VariableTests(SynchronousTestCase):
    def test_all_that_are_read(self) -> None:
        """No variable that the pages name is called misspelt."""
        documented = re.findall(r"(?m)^\| `(DISTCC_[A-Z_]+)` \|", PAGE.read_text())
        self.assertEqual(set(documented) - READ, set())
        self.assertEqual(found(*READ), [])

    def test_near_misses(self) -> None:
        """Whatever slip it was, the variable that is meant is named, with the value to take along."""
        for name, meant in (
            ("DISTCC_HOST", "DISTCC_HOSTS"),
            ("DISTC_HOSTS", "DISTCC_HOSTS"),
            ("DISCC_HOSTS", "DISTCC_HOSTS"),
            ("TDISTCC_HOSTS", "DISTCC_HOSTS"),
            ("distcc_hosts", "DISTCC_HOSTS"),
            ("DISTCC_VERBSOE", "DISTCC_VERBOSE"),
            ("DISTCC_FALL_BACK", "DISTCC_FALLBACK"),
            ("DISTCC_TLS_CERT", "DISTCC_TLS_CRL"),
            ("DISTCC_IOTIMEOUT", "DISTCC_IO_TIMEOUT"),
        ):
            [finding] = found(name)
            self.assertEqual(finding.severity, Severity.FAULT, name)
            self.assertEqual(finding.mend, f"unset {name}; export {meant}='a b'")

    def test_far_misses(self) -> None:
        """What is nobody's is a note if it begins like ours; other programs' variables are not ours."""
        self.assertEqual(
            found("DISPLAY", "XDG_CURRENT_DESKTOP", "DIST_DIR", "_DISTCC_HOSTS", "HOME"), []
        )
        [finding] = found("DISTCC_COLOUR")
        self.assertEqual(finding.severity, Severity.NOTE)

    def test_variables_of_c_distcc(self) -> None:
        """What C distcc alone reads is not misspelt."""
        self.assertEqual(found("DISTCC_TCP_CORK", "DISTCC_PRINCIPAL"), [])


class HostsListTests(SynchronousTestCase):
    def texts(self, words: str) -> list[str]:
        return [finding.text for finding in hosts_list(parse_hosts(words))]

    def test_good(self) -> None:
        """A list with a server is well."""
        self.assertEqual(self.texts("localhost red/4"), [])

    def test_bad_words(self) -> None:
        """A word that is ignored is named with what to write instead."""
        [finding] = hosts_list(parse_hosts("red blue,auth"))
        self.assertIn('"blue,auth"', finding.text)
        self.assertIn("write ,tls in its place", finding.mend)

    def test_nobody(self) -> None:
        """A list of nobody, or of this machine alone, distributes nothing."""
        self.assertIn("everything is compiled here", self.texts("")[0])
        self.assertIn("this machine alone", self.texts("localhost/4")[0])
        self.assertIn("set aside", self.texts("red red,down")[0])

    def test_nobody_found(self) -> None:
        """A list that nobody was found for says so; one with a server, too, but that is enough."""
        self.assertIn("+zeroconf finds no servers", self.texts("+zeroconf")[0])
        self.assertIn("+zeroconf finds no servers", self.texts("localhost +zeroconf,tls")[0])
        self.assertEqual(self.texts("red +zeroconf"), [])
