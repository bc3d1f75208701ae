"""The ways to a server: which endpoint a host means, and what ssh is called with."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.in_memory import FakePreprocessor
from tests.tls.certificates import Authority, write
from twisted_distcc.client.backends.client_tls import TlsEndpoint
from twisted_distcc.client.backends.host_faults import CannotConnectError, UntrustedError
from twisted_distcc.client.backends.transports import (
    CommandEndpoint,
    SecureWay,
    endpoint_to,
    ssh_arguments,
    ssh_words,
)
from twisted_distcc.client.hosts import RemoteHost, SshHost, TcpHost
from twisted_distcc.client.hosts_grammar import parse_hosts
from twisted_distcc.client.settings import Settings


class EndpointTests(SynchronousTestCase):
    def endpoint(self, host: RemoteHost, **environ: str) -> IStreamClientEndpoint:
        settings = Settings.from_environ({"HOME": "/home/me", **environ})
        reactor = MemoryReactorClock()
        return endpoint_to(host, settings, environ, reactor, FakePreprocessor(), SecureWay())

    def test_names_are_looked_up(self) -> None:
        """A host's name is looked up, and each of its addresses is tried."""
        self.assertIsInstance(self.endpoint(TcpHost("red")), HostnameEndpoint)

    def test_addresses_are_not(self) -> None:
        """An address of either kind is called as it stands."""
        for address, kind in (
            ("192.0.2.1", TCP4ClientEndpoint),
            ("2001:db8::1", TCP6ClientEndpoint),
            ("fe80::1%lo", TCP6ClientEndpoint),
        ):
            self.assertIsInstance(self.endpoint(TcpHost(address)), kind)

    def test_interfaces(self) -> None:
        """An address whose interface is missing or unknown fails that host alone, with the reason."""
        for address, reason in (("fe80::1", "fe80::1%eth0"), ("fe80::1%no-such", "interface no-such")):
            with self.assertRaisesRegex(CannotConnectError, f"cannot be reached: .*{reason}"):
                self.endpoint(TcpHost(address))

    def test_connect_timeout(self) -> None:
        """The user says how long a host may take to accept a connection."""
        settings = Settings.from_environ({"HOME": "/", "DISTCC_CONNECT_TIMEOUT": "7"})
        reactor = MemoryReactorClock()
        host = TcpHost("192.0.2.1", 4000)
        endpoint_to(host, settings, {}, reactor, FakePreprocessor(), SecureWay()).connect(object())
        [(address, port, _, timeout, _)] = reactor.tcpClients
        self.assertEqual((address, port, timeout), ("192.0.2.1", 4000, 7))

    def test_tls(self) -> None:
        """A host with ,tls is called under TLS, at its own port, as whoever the settings name."""
        folder = Path(self.mktemp())
        write(folder / "tls", Authority().user("me"), Authority())
        endpoint = self.endpoint(TcpHost("red", 3634, tls=True), DISTCC_DIR=str(folder))
        assert isinstance(endpoint, TlsEndpoint)
        self.assertEqual((endpoint.name, endpoint.port), ("red", 3634))
        self.assertEqual(endpoint.identity.keyring.files.crl, f"{folder}/tls/crl.pem")

    def test_tls_without_a_list(self) -> None:
        """A list of revoked certificates is wanted where it is named, and used where it is."""
        folder = Path(self.mktemp())
        write(folder / "tls", Authority().user("me"), Authority(), crl=False)
        host = TcpHost("red", 3634, tls=True)
        endpoint = self.endpoint(host, DISTCC_DIR=str(folder))
        assert isinstance(endpoint, TlsEndpoint)
        self.assertIsNone(endpoint.identity.keyring.files.crl)
        with self.assertRaisesRegex(UntrustedError, "/no/list"):
            self.endpoint(host, DISTCC_DIR=str(folder), DISTCC_TLS_CRL="/no/list")

    def test_tls_without_a_certificate(self) -> None:
        """A host with ,tls is never called in plain: without a certificate there is no endpoint."""
        with self.assertRaisesRegex(UntrustedError, r"certs user NAME"):
            self.endpoint(TcpHost("red", 3634, tls=True))

    def test_ssh(self) -> None:
        """An ssh host is reached by the program that DISTCC_SSH names, in the user's environment."""
        endpoint = self.endpoint(SshHost("me", "red"), DISTCC_SSH="/opt/ssh -4", SSH_AUTH_SOCK="/s")
        assert isinstance(endpoint, CommandEndpoint)
        self.assertEqual(endpoint.argv, ("/opt/ssh", "-4", "-l", "me", "red", "distccd", "--inetd"))
        self.assertEqual(endpoint.environ["SSH_AUTH_SOCK"], "/s")


class SshTests(SynchronousTestCase):
    def argv(self, word: str) -> list[str]:
        [host] = parse_hosts(word).hosts
        assert isinstance(host, SshHost)
        return ["ssh", *ssh_arguments(host)]

    def test_words(self) -> None:
        """Whatever a host list says, ssh gets a host, perhaps a user, and a server's command."""
        for word, words in (
            ("@red", "ssh red distccd --inetd"),
            ("me@red/8", "ssh -l me red distccd --inetd"),
            ("@red:/opt/distccd", "ssh red /opt/distccd --inetd"),
            ("me@red:twistd-stdio,lzo", "ssh -l me red twistd-stdio --inetd"),
            ("@[::1]", "ssh ::1 distccd --inetd"),
        ):
            self.assertEqual(self.argv(word), words.split(), word)

    def test_the_words_of_ssh_itself(self) -> None:
        """A program may have spaces in its path; anything else is split as a shell would split it."""
        folder = Path(self.mktemp())
        folder.mkdir()
        program = folder / "my ssh"
        program.touch()
        for said, words in (
            ("ssh", ["ssh"]),
            ("ssh -i ~/key -p 22", ["ssh", "-i", "~/key", "-p", "22"]),
            ("ssh -o 'ProxyCommand=nc -q0 %h 22'", ["ssh", "-o", "ProxyCommand=nc -q0 %h 22"]),
            (str(program), [str(program)]),
            (f"'{program}' -4", [str(program), "-4"]),
            ("it's", ["it's"]),
            (" ", [" "]),
        ):
            self.assertEqual(ssh_words(said), words, said)

    def test_no_options_of_ssh(self) -> None:
        """No host's name and no user's is an option of ssh."""
        for word in ("@-oProxyCommand=x", "-l@red", "-oX@red"):
            self.assertEqual(parse_hosts(word).hosts, (), word)

    def test_the_allow_list_stays_on(self) -> None:
        """The server is not told to run whatever it is asked to."""
        self.assertNotIn("--enable-tcp-insecure", self.argv("@red"))
