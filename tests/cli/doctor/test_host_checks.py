"""What is said of a host, given what it answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.doctor.findings import Finding, Severity, in_order, note, warning
from twisted_distcc.cli.doctor.host_checks import host
from twisted_distcc.cli.probing.host_reports import CompilerReport, HostReport, Status
from twisted_distcc.cli.probing.own_compilers import OwnCompiler
from twisted_distcc.client.backends.engine_way import MissingLibrariesError
from twisted_distcc.client.backends.host_faults import (
    AnotherCompilerError,
    BadReplyError,
    CannotConnectError,
    HostError,
    NoAnswerError,
    RefusedByHostError,
    SlowHostError,
    UntrustedError,
)
from twisted_distcc.client.hosts import EngineHost, SshHost, TcpHost
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING, EXIT_IO_ERROR

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GCC = OwnCompiler("gcc", "/usr/bin/gcc", "d1", {"program cc1": "1"}, "GCC 12.2.0 (Debian)")
RED = TcpHost("red", limit=8)
STATUS = Status("0.1.0", sandbox=True, slots=8, cpus=6, clock=1000.0)
SAME = CompilerReport("gcc", "d1", is_exact=True, version=GCC.version)
WELL = HostReport(RED, protocol=4, status=STATUS, asked_at=1000.0, compilers=(SAME,))


def refusal(code: int, said: str) -> HostError:
    error = RefusedByHostError(f"answered: {said}")
    error.exit_code = code
    return error


def findings(report: HostReport) -> list[Finding]:
    return list(host(report, (GCC,), NOW))


class HostTests(SynchronousTestCase):
    def says(self, report: HostReport, severity: Severity, text: str, mend: str) -> None:
        [finding] = findings(report)
        self.assertEqual(finding.severity, severity, finding)
        self.assertIn(text, finding.text)
        self.assertIn(mend, finding.mend)

    def test_well(self) -> None:
        """Of a host with which all is well nothing is said."""
        self.assertEqual(findings(WELL), [])

    def test_faults(self) -> None:
        """Each way in which a host cannot be asked has its own mend."""
        for fault, mend in (
            (CannotConnectError("cannot be reached: DNS lookup failed: no results"), "getent hosts red"),
            (CannotConnectError("cannot be reached in time"), "firewall let TCP port 3632 pass"),
            (CannotConnectError("cannot be reached: refused"), "twistd distccd --allow-private"),
            (UntrustedError("shows a certificate that has expired"), "certs renew red"),
            (UntrustedError("wants to know who you are"), "certs user"),
            (UntrustedError("is another server"), "certs show"),
            (SlowHostError("gave no reply within 5 seconds"), "ssh red systemctl restart"),
            (refusal(EXIT_ACCESS_DENIED, "192.0.2.7 is not allowed"), "--allow 192.0.2.7 "),
            (refusal(EXIT_ACCESS_DENIED, "2001:db8::7 is not allowed"), "--allow 2001:db8::7 "),
            (refusal(EXIT_ACCESS_DENIED, "you may not"), "--allow ADDRESS "),
            (refusal(EXIT_IO_ERROR, "No space left on device"), "ssh red df -h"),
            (NoAnswerError("hung up without an answer"), "distccd --daemon --allow"),
            (BadReplyError("sent a bad reply"), "as in red:3632"),
            (refusal(105, "out of memory"), "journalctl"),
        ):
            self.says(HostReport(RED, fault), Severity.FAULT, "red", mend)

    def test_engine(self) -> None:
        """What mends an engine is told of engines, not of servers; one with all well has no finding."""
        engine = EngineHost("red", 50051)
        well = HostReport(engine, compilers=(SAME,))
        self.assertEqual(findings(well), [])
        other = replace(SAME, fault=AnotherCompilerError("does not run our own compiler"))
        for report, severity, mend in (
            (
                HostReport(engine, CannotConnectError("cannot be reached")),
                Severity.FAULT,
                "nc -vz red 50051",
            ),
            (HostReport(engine, UntrustedError("does not let us in")), Severity.FAULT, "token"),
            (
                HostReport(engine, MissingLibrariesError("needs libraries")),
                Severity.FAULT,
                "pip install",
            ),
            (replace(well, compilers=(other,)), Severity.FAULT, "off the hosts list"),
            (replace(well, compilers=(CompilerReport("gcc"),)), Severity.WARNING, "command -v gcc"),
        ):
            self.says(report, severity, "red", mend)

    def test_wrong_port(self) -> None:
        """If one of the usual ports is open, the word to write is given."""
        report = HostReport(TcpHost("red", 9999), CannotConnectError("refused"), open_ports=(3632,))
        self.says(report, Severity.FAULT, "red:9999", "write red in the hosts list: port 3632")
        report = replace(report, open_ports=(3634,))
        self.says(report, Severity.FAULT, "red:9999", "write red,tls in the hosts list: port 3634")

    def test_ssh(self) -> None:
        """What ssh would ask for, or does not find, is told apart."""
        bob = SshHost("bob", "red")
        for said, mend in (
            ("Permission denied (publickey,password).", "ssh-copy-id bob@red"),
            ("Host key verification failed.", "ssh bob@red true"),
            ("bash: distccd: command not found", "write bob@red:/opt/twisted-distcc/bin/twistd-stdio"),
            ("kex_exchange_identification", "ssh -o BatchMode=yes bob@red true"),
        ):
            self.says(HostReport(bob, NoAnswerError(f"hung up ({said})")), Severity.FAULT, said, mend)

    def test_other_compiler(self) -> None:
        """Versions are compared where they differ, and the parts that differ are named."""
        other = replace(SAME, digest="d2", version="GCC 13.1.0 (Debian)", differs=("program cc1",))
        report = replace(WELL, compilers=(other,))
        self.says(
            report, Severity.FAULT, "GCC 13.1.0 (Debian) there, GCC 12.2.0 (Debian) here", "apt-get"
        )
        self.says(report, Severity.FAULT, "what differs: program cc1", "apt-get")
        patched = replace(other, version=GCC.version)
        self.says(replace(WELL, compilers=(patched,)), Severity.FAULT, "of the same version", "apt-get")
        unknown = replace(SAME, digest=None)
        self.says(replace(WELL, compilers=(unknown,)), Severity.WARNING, "cannot tell", "ssh red file")

    def test_no_compiler(self) -> None:
        """A compiler that is missing, and one that this user may not have, have other mends."""
        missing = CompilerReport("gcc", fault=refusal(EXIT_COMPILER_MISSING, "this server has no gcc"))
        self.says(replace(WELL, compilers=(missing,)), Severity.FAULT, "no gcc", "apt-get install gcc")
        denied = CompilerReport("gcc", fault=refusal(EXIT_ACCESS_DENIED, "a rule refuses it"))
        self.says(replace(WELL, compilers=(denied,)), Severity.FAULT, "a rule", "doctor --policy")

    def test_c_distccd(self) -> None:
        """C distccd says nothing of itself, which is a note, but shows its compiler's version."""
        silent = replace(WELL, status=None, protocol=1, compilers=(replace(SAME, digest=None),))
        self.says(silent, Severity.NOTE, "C distccd", "")
        other = replace(silent, compilers=(CompilerReport("gcc", version="GCC 13.1.0 (Debian)"),))
        self.assertEqual([one.severity for one in findings(other)], [Severity.FAULT, Severity.NOTE])

    def test_slots(self) -> None:
        """The limit in the list is held against the slots there, and those against the processors."""
        self.says(replace(WELL, host=TcpHost("red", limit=9)), Severity.WARNING, "9 jobs", "write red/8")
        self.says(replace(WELL, host=TcpHost("red", limit=5)), Severity.NOTE, "5 jobs", "write red/8")
        crowded = replace(WELL, status=replace(STATUS, slots=80))
        self.says(crowded, Severity.WARNING, "80 jobs at once on 6 processors", "--jobs 8")

    def test_sandbox(self) -> None:
        """A server of ours without a sandbox is warned of."""
        bare = replace(WELL, status=replace(STATUS, sandbox=False))
        self.says(bare, Severity.WARNING, "without a sandbox", "apt-get install bubblewrap")

    def test_clock(self) -> None:
        """A clock that is wrong by more than half a minute is, whichever way."""
        for clock, way in ((1031.0, "31 seconds ahead of"), (900.0, "100 seconds behind")):
            wrong = replace(WELL, status=replace(STATUS, clock=clock))
            self.says(wrong, Severity.WARNING, way, "timedatectl")
        self.assertEqual(findings(replace(WELL, status=replace(STATUS, clock=1020.0))), [])

    def test_certificate(self) -> None:
        """A certificate that expires within a fortnight is to be renewed."""
        soon = replace(WELL, certificate_end=NOW + timedelta(days=3))
        self.says(soon, Severity.WARNING, "2030-01-04", "certs renew red")
        self.assertEqual(findings(replace(WELL, certificate_end=NOW + timedelta(days=30))), [])


class OrderTests(SynchronousTestCase):
    def test_in_order(self) -> None:
        """The worst comes first, and nothing twice."""
        one, two = note("a"), warning("b", "c")
        self.assertEqual(in_order([one, two, one]), [two, one])
