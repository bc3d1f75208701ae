"""Who is let in, who is not, and what is said of it at both ends."""

from __future__ import annotations

from datetime import timedelta

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from tests.tls.both_ends import SERVER_NAME, STRANGERS, BothEndsTestCase
from tests.tls.certificates import CLIENT, DAY, SERVER, Authority, files_in, replace, write
from twisted_distcc.client.backends.client_tls import Identities
from twisted_distcc.client.backends.host_faults import CannotConnectError, UntrustedError
from twisted_distcc.testing.network import MemoryEndpoint, Slow
from twisted_distcc.tls.contexts import Connection
from twisted_distcc.tls.faults import shows_nothing, what_it_says
from twisted_distcc.tls.handshake import HANDSHAKE

A, B, C = (IPv4Address("TCP", f"192.0.2.{number}", 4000) for number in (5, 6, 7))


class TrustTests(BothEndsTestCase):
    def test_both_trust_each_other(self) -> None:
        """What is written arrives, and the server knows who the client is, and where it calls from."""
        self.serve()
        talk = self.connected()
        [served] = self.served.made
        self.assertEqual(served.heard, b"hello")
        assert served.peer is not None
        self.assertEqual(served.peer.identity, "tls:alice")
        self.assertEqual(str(served.peer.address), "192.0.2.1")
        self.assertEqual(served.peer.names[0], "CN=alice")
        self.assertRegex(served.peer.names[-1], "^serial:[0-9a-f]+$")
        served.tls.write(b"welcome")
        self.run_clock()
        self.assertEqual(talk.heard, b"welcome")

    def test_tls_1_3(self) -> None:
        """No older version is spoken."""
        self.serve()
        self.assertEqual(self.connected().tls.getHandle().get_protocol_version_name(), "TLSv1.3")
        older = SSL.Context(SSL.TLS_METHOD)
        older.set_max_proto_version(SSL.TLS1_2_VERSION)
        caller, called = SSL.Connection(older), Connection(self.keyring.context)
        caller.set_connect_state()
        called.set_accept_state()
        self.assertRaises(SSL.WantReadError, caller.do_handshake)
        called.bio_write(caller.bio_read(65536))
        self.assertIn("unsupported protocol", str(self.assertRaises(SSL.Error, called.do_handshake)))

    def test_half_a_connection(self) -> None:
        """An end that sends no more has sent all that it wrote, and still takes what comes."""
        self.serve()
        talk = self.connected()
        [served] = self.served.made
        served.tls.write(b"last words")
        served.tls.loseWriteConnection()
        self.run_clock()
        self.assertEqual(talk.heard, b"last words")


class RefusedClientTests(BothEndsTestCase):
    """The server's log and the client's error say why."""

    def assert_refused(self, logged: str, heard: str) -> None:
        self.assertIn(f"does not trust us: {heard}", self.refused_by_server())
        self.assert_logged("192.0.2.1:", "is not trusted: ", logged)

    def test_revoked(self) -> None:
        """A certificate on the server's list."""
        alice = self.authority.user("alice")
        self.authority.revoked.append(alice.certificate)
        self.shows(alice)
        # The user's own list would keep the user from calling; it is about servers.
        replace(self.folder / "server" / "crl.pem", self.authority.revocations())
        self.serve()
        self.assert_refused("the certificate of alice was revoked", "our certificate was revoked")

    def test_expired(self) -> None:
        """A certificate whose end has come by the server's clock."""
        self.shows(self.authority.user("alice", ends=-DAY))
        self.serve()
        self.later = -2 * DAY  # by which it is good: the client would not call with it otherwise
        self.assert_refused("the certificate of alice expired on", "our certificate has expired")

    def test_of_another_authority(self) -> None:
        """A certificate that another farm's authority has made."""
        self.shows(Authority("another farm").user("alice"))
        self.serve()
        self.assert_refused(
            "the certificate of alice was not issued by an authority that is trusted here",
            "our certificate was not issued by the authority",
        )

    def test_forged(self) -> None:
        """A certificate of an authority that has the same name and another key."""
        self.shows(Authority(self.authority.name).user("alice"))
        self.serve()
        self.assert_refused("the certificate of alice", "our certificate")

    def test_a_servers(self) -> None:
        """A server's certificate makes nobody a user."""
        self.shows(self.authority.make("alice", SERVER, [SERVER_NAME]))
        self.serve()
        self.assert_refused("alice is not for a user", "our certificate is for another purpose")

    def test_for_nothing(self) -> None:
        """Nor does one that does not say what it is for, which OpenSSL itself would take."""
        self.shows(self.authority.make("alice", None))
        self.serve()
        self.assert_refused(
            "alice is not for a user", "our certificate is not accepted there: its names or"
        )

    def test_odd_names(self) -> None:
        """A name that could be taken for another, or break a line, is nobody's."""
        for name in ("a b", "alice\nbob", "al:ice", "\u0430lice", "*", "../alice"):
            self.shows(self.authority.make(name, CLIENT))
            self.serve()
            self.assert_refused("names nobody", "our certificate is not accepted there: its names or")

    def test_a_list_of_another_authority(self) -> None:
        """Where nobody can tell what was revoked, nothing is taken for good."""
        other = Authority("another farm")
        replace(self.folder / "server" / "crl.pem", other.revocations())
        self.serve()
        self.assert_refused("cannot be checked: the list", "our certificate was not issued by")

    def test_a_list_that_has_ended(self) -> None:
        """Nor when the list has come to its end while the server ran."""
        replace(self.folder / "server" / "crl.pem", self.authority.revocations(ends=-DAY))
        self.later = -2 * DAY
        self.serve()
        self.assert_refused("certs crl", "our certificate has expired there, or its list of revoked")


class RefusedServerTests(BothEndsTestCase):
    """The client's error and the server's log say why; the client has sent nothing."""

    def assert_refused(self, said: str, name: str = SERVER_NAME) -> None:
        sentence = self.refused_by_client(name)
        self.assertIn("is not trusted: ", sentence)
        self.assertIn(said, sentence)
        self.assertEqual((self.calling.made, self.served.made), ([], []))
        self.assert_logged("does not trust us: our certificate")

    def test_another_name(self) -> None:
        """A good certificate of another server's, which is what a thief of one machine has."""
        self.serve()
        for name in ("blue.example.org", "example.org", "192.0.2.2", "2001:db8::1"):
            self.assert_refused(f"is that of {SERVER_NAME}, and not of {name}", name)

    def test_addresses(self) -> None:
        """A server that is called by its address has that in its certificate."""
        self.serve()
        self.connected("192.0.2.1")

    def test_a_man_in_the_middle(self) -> None:
        """A certificate of the right name by an authority of one's own."""
        other = Authority("somebody")
        self.server_files = write(self.folder / "server", other.server(SERVER_NAME), other)
        self.serve()
        self.assert_refused("was not issued by an authority that is trusted here")

    def test_a_users(self) -> None:
        """A user's certificate makes nobody a server, whatever names it has."""
        made = self.authority.make(SERVER_NAME, CLIENT, [SERVER_NAME])
        self.server_files = write(self.folder / "server", made, self.authority)
        self.serve()
        self.assert_refused("is not for a server")

    def test_expired(self) -> None:
        """A certificate that has ended since the server was started."""
        made = self.authority.server(SERVER_NAME, ends=-DAY)
        self.server_files = write(self.folder / "server", made, self.authority)
        self.later = -2 * DAY
        self.serve()
        self.assert_refused(f"the certificate of {SERVER_NAME} expired on")

    def test_revoked(self) -> None:
        """A certificate on the client's list."""
        made = self.authority.server(SERVER_NAME)
        self.server_files = write(self.folder / "server", made, self.authority)
        self.serve()
        self.authority.revoked.append(made.certificate)
        replace(self.folder / "alice" / "crl.pem", self.authority.revocations())
        self.assert_refused(f"the certificate of {SERVER_NAME} was revoked")


class OwnFilesTests(BothEndsTestCase):
    """What a client finds out without calling anybody."""

    def assert_not_called(self, *parts: str) -> None:
        sentence = str(self.assertRaises(UntrustedError, self.identities.of, self.user_files))
        for part in parts:
            self.assertIn(part, sentence)

    def test_missing(self) -> None:
        """The sentence names the file, and the command that makes it."""
        (self.folder / "alice" / "certificate.pem").unlink()
        self.assert_not_called("alice/certificate.pem", "`twisted-distcc certs user NAME`")

    def test_expired_meanwhile(self) -> None:
        """A certificate that ends while an agent runs is not shown any more, and says so."""
        self.identities.of(self.user_files)
        self.later = 11 * DAY
        self.assert_not_called("the certificate of alice expired on", "renew")

    def test_mended(self) -> None:
        """Files that were of no use are read again when they may be."""
        key = self.folder / "alice" / "key.pem"
        key.chmod(0o644)
        self.assert_not_called("chmod 600")
        key.chmod(0o600)
        self.identities.of(self.user_files)

    def test_no_such_name(self) -> None:
        """A name that no server can have is said to be none."""
        self.serve()
        calling = self.call("red..example.org")
        self.failureResultOf(calling, CannotConnectError)


class StrangerTests(BothEndsTestCase):
    """Those who speak no TLS, or not to the end."""

    def stranger(self) -> ITransport:
        """Connect one, and give what it writes to."""
        protocol = self.successResultOf(self.network.connect(Factory.forProtocol(Protocol)))
        assert isinstance(protocol, Protocol)
        assert protocol.transport is not None
        return protocol.transport

    def test_bare_distcc(self) -> None:
        """A bare request to the port for TLS ends at once, and the log says what it was."""
        self.serve()
        self.stranger().write(b"DIST00000001ARGC00000001")
        self.run_clock()
        self.assert_logged("192.0.2.1:", "does not speak TLS there")
        self.assertEqual((self.served.made, self.factory.protocols), ([], {}))

    def test_silence(self) -> None:
        """Who does not greet is let go after ten seconds, and held nothing but a connection."""
        self.serve()
        self.stranger()
        self.run_clock(HANDSHAKE - 1)
        self.assertEqual(len(self.factory.protocols), 1)
        self.run_clock(1)
        self.assertEqual((self.served.made, self.factory.protocols), ([], {}))
        self.assert_logged("did not finish the TLS handshake within 10 seconds")

    def test_slow_greeting(self) -> None:
        """Bytes now and then do not put the end off."""
        self.serve()
        stranger = self.stranger()
        for byte in (b"\x16", b"\x03", b"\x01", b"\x01", b"\x00", b"\x01"):
            stranger.write(byte)
            self.run_clock(2)
        self.assertEqual(self.factory.protocols, {})

    def test_too_many_strangers(self) -> None:
        """Of one address half of the places go to who is not known yet, and each comes back."""
        self.serve()
        factory = self.factory
        self.assertEqual([bool(factory.buildProtocol(A)) for _ in range(3)], [True, True, False])
        self.assertEqual([bool(factory.buildProtocol(B)) for _ in range(3)], [True, True, False])
        self.assertIsNone(factory.buildProtocol(C))
        self.assert_logged("192.0.2.7:", "too many TLS handshakes in progress")

    def test_strangers_of_one_link(self) -> None:
        """All addresses of one link are one: whoever is there can have as many as there are."""
        self.serve()
        hosts = ("2001:db8::1", "2001:db8::f00", "2001:db8::5", "2001:db8:0:1::1", "::ffff:192.0.2.5")
        addresses = [IPv6Address("TCP", host, 4000) for host in hosts]
        made = [bool(self.factory.buildProtocol(address)) for address in addresses]
        self.assertEqual(made, [True, True, False, True, True])

    def test_places_of_strangers(self) -> None:
        """Who is known, and who has gone, takes no place among the strangers."""
        self.serve()
        for _ in range(STRANGERS):
            self.connected()
            self.stranger().abortConnection()
            self.run_clock()
        self.assertEqual(len(self.factory.protocols), STRANGERS)
        self.assertEqual(len(self.served.made), STRANGERS)
        self.assertTrue(self.factory.strangers.take("192.0.2.1", STRANGERS // 2))

    def test_no_certificate(self) -> None:
        """Who shows none is told that one is required."""
        self.serve()
        caller, called = SSL.Connection(SSL.Context(SSL.TLS_METHOD)), Connection(self.keyring.context)
        caller.set_connect_state()
        called.set_accept_state()
        self.assertRaises(SSL.WantReadError, caller.do_handshake)
        called.bio_write(caller.bio_read(65536))
        self.assertRaises(SSL.WantReadError, called.do_handshake)
        caller.bio_write(called.bio_read(65536))
        caller.do_handshake()
        called.bio_write(caller.bio_read(65536))
        error = self.assertRaises(SSL.Error, called.do_handshake)
        self.assertTrue(shows_nothing(error.args[0]))
        caller.bio_write(called.bio_read(65536))
        error = self.assertRaises(SSL.Error, caller.recv, 1)
        self.assertEqual(what_it_says(error.args[0]), "we showed no certificate")

    def test_who_ends_tls_alone(self) -> None:
        """Who says that TLS is over, and keeps the connection, has ten seconds to hang up."""
        self.serve()
        talk = self.connected()
        IPushProducer(talk.tls).pauseProducing()
        talk.tls.loseConnection()
        self.run_clock()
        self.run_clock(9)
        self.assertEqual(len(self.factory.protocols), 1)
        self.run_clock(1)
        self.assertEqual(self.factory.protocols, {})

    def test_who_does_not_hang_up(self) -> None:
        """Who was refused has ten seconds to read why; the server takes no more words meanwhile."""
        self.serve()
        stranger = self.stranger()
        IPushProducer(stranger).pauseProducing()  # it does not hear that the server hung up
        stranger.write(b"DIST00000001ARGC00000001")
        self.run_clock(9)
        stranger.write(b"ARGV00000001")
        self.assertEqual(len(self.factory.protocols), 1)
        self.run_clock(1)
        self.assertEqual((self.served.made, self.factory.protocols), ([], {}))

    def test_an_end_of_the_server(self) -> None:
        """A server that ends begins nothing with who has not finished."""
        self.serve()
        self.stranger()
        self.factory.doStop()
        self.run_clock()
        self.assertEqual(self.factory.protocols, {})

    def test_a_server_that_speaks_no_tls(self) -> None:
        """A client that greets a bare port says so of it, whether that answers or hangs up."""
        self.serve()
        for answer in (b"DONE00000001", b""):
            self.network = _bare_server(answer, self.clock)
            self.assertIn("does not speak TLS there", self.refused_by_client())

    def test_a_server_that_says_nothing(self) -> None:
        """A client waits ten seconds for the handshake, and no longer."""
        self.serve()
        self.network = _bare_server(None, self.clock)
        calling = self.call()
        self.run_clock(HANDSHAKE)
        self.failureResultOf(calling, UntrustedError)

    def test_giving_up(self) -> None:
        """A job that is given up in the middle of the handshake leaves no connection."""
        self.serve()
        calling = self.call()
        calling.cancel()
        self.failureResultOf(calling)
        self.run_clock()
        self.assertEqual((self.served.made, self.factory.protocols), ([], {}))


class SessionTests(BothEndsTestCase):
    def test_resumption(self) -> None:
        """The second connection goes on with the session of the first, and knows who it is."""
        self.serve()
        for expected in (False, True, True):
            talk = self.connected()
            self.assertEqual(self.resumed(talk), expected)
            self.hang_up(talk)
        self.assertEqual(
            {str(talk.peer.identity) for talk in self.served.made if talk.peer}, {"tls:alice"}
        )

    def test_not_with_another_server(self) -> None:
        """A session is that of one name: another name of the same machine begins anew."""
        self.serve()
        self.hang_up(self.connected())
        self.assertFalse(self.resumed(self.connected("192.0.2.1")))

    def test_not_for_another_user(self) -> None:
        """Other files begin anew, though they lie where the first lay."""
        self.serve()
        self.hang_up(self.connected())
        self.shows(self.authority.user("bob"))
        talk = self.connected()
        self.assertFalse(self.resumed(talk))
        peer = self.served.made[-1].peer
        assert peer is not None
        self.assertEqual(peer.identity, "tls:bob")

    def test_no_longer_than_a_certificate(self) -> None:
        """A session does not outlive the certificate that it began with."""
        self.shows(self.authority.user("alice", ends=timedelta(hours=1)))
        self.serve()
        self.hang_up(self.connected())
        self.served.made.clear()
        identity = self.identities.of(self.user_files)
        self.later = timedelta(hours=2)
        self.identities = type("Fixed", (), {"of": lambda *_: identity})()
        self.connected()
        self.assertEqual(self.served.made, [])
        self.assert_logged("is not trusted", "the certificate of alice expired on")

    def test_no_longer_than_a_list(self) -> None:
        """A session is not resumed after the list of revoked certificates has ended at the server."""
        ending = self.authority.revocations(ends=timedelta(minutes=30))
        replace(self.folder / "server" / "crl.pem", ending)
        self.serve()
        self.hang_up(self.connected())
        self.served.made.clear()
        self.later = timedelta(minutes=31)
        self.connected()
        self.assertEqual(self.served.made, [])
        self.assert_logged("is not trusted", "the list of revoked certificates has expired")

    def test_no_longer_than_a_list_of_the_client(self) -> None:
        """A client resumes no session after its own list of revoked certificates has ended."""
        ending = self.authority.revocations(ends=timedelta(minutes=30))
        replace(self.folder / "alice" / "crl.pem", ending)
        self.serve()
        self.hang_up(self.connected())
        identity = self.identities.of(self.user_files)
        self.later = timedelta(minutes=31)
        self.identities = type("Fixed", (), {"of": lambda *_: identity})()
        self.assertIn("the list of revoked certificates has expired", self.refused_by_client())

    def test_what_lies_between(self) -> None:
        """A session outlives no certificate of an authority that only the client has shown."""
        team = self.authority.below("the team", ends=timedelta(minutes=5))
        self.shows(team.user("alice"))
        with open(self.user_files.certificate, "ab") as file:
            file.write(team.own.certificate_pem)
        self.server_files = files_in(self.folder / "server", crl=False)
        self.serve()
        found = []
        for minutes in (0, 4, 6):
            self.later = timedelta(minutes=minutes)
            talk = self.connected()
            found.append(self.resumed(talk))
            self.hang_up(talk)
        self.assertEqual(found, [False, True, False])

    def test_a_chain_ends(self) -> None:
        """However often it is resumed, a session ends an hour after its first, full handshake."""
        self.serve()
        found = []
        for minutes in range(0, 130, 10):
            self.later = timedelta(minutes=minutes)
            talk = self.connected()
            found.append(self.resumed(talk))
            self.hang_up(talk)
        full = [number for number, resumed in enumerate(found) if not resumed]
        self.assertEqual(full, [0, 7])

    def test_a_chain_ends_whatever_a_client_keeps(self) -> None:
        """A client that keeps its sessions longer than it should is served by a full handshake."""
        self.serve()
        began = self.seconds()
        self.identities = Identities(lambda: began)
        self.hang_up(self.connected())
        self.later = timedelta(minutes=61)
        self.assertTrue(self.identities.of(self.user_files).context.sessions)
        self.assertFalse(self.resumed(self.connected()))

    def test_a_clock_that_is_set_back(self) -> None:
        """A session is not resumed at a time before the one at which it began."""
        self.serve()
        self.hang_up(self.connected())
        self.later = -timedelta(minutes=1)
        self.assertFalse(self.resumed(self.connected()))

    def test_a_session_belongs_to_its_context(self) -> None:
        """The session of a connection that lives longer than its context is not resumed."""
        self.serve()
        talk = self.connected()
        self.later = timedelta(minutes=61)
        identity = self.identities.of(self.user_files)
        self.assertTrue(identity.context.is_current(identity.keyring.now()))
        self.hang_up(talk)
        self.assertEqual(identity.context.sessions, {})


class RenewalTests(BothEndsTestCase):
    def renew(self, seconds: float = 0.5) -> None:
        """Let the server look at its files."""
        self.run_clock(seconds)

    def revoke_alice(self) -> None:
        identity = self.identities.of(self.user_files)
        self.authority.revoked.append(identity.keyring.credentials.certificate)
        replace(self.folder / "server" / "crl.pem", self.authority.revocations())

    def test_revocation_ends_sessions(self) -> None:
        """Within half a second a revoked user has no session to go on with, and is refused."""
        self.serve()
        self.hang_up(self.connected())
        self.served.made.clear()
        self.revoke_alice()
        self.renew()
        self.assertIn("our certificate was revoked", self.refused_by_server())

    def test_handshakes(self) -> None:
        """Whose handshake began before the revocation, and ends after it, is not served."""
        self.serve()
        self.network.on_reply = Slow(1)
        self.call()
        self.clock.advance(0)
        self.revoke_alice()
        self.renew()
        self.network.on_reply = None
        for _ in range(10):
            self.run_clock(0.5)
        self.assertEqual(self.served.made, [])
        self.assert_logged("is not trusted: the certificate of alice was revoked")

    def test_open_connections(self) -> None:
        """Those of a revoked user are told to stop, and nobody else's."""
        self.serve()
        self.connected()
        alice = self.served.made[0]
        files = self.user_files
        self.user_files = write(self.folder / "bob", self.authority.user("bob"), self.authority)
        bob = self.connected()
        self.user_files = files
        self.revoke_alice()
        self.renew()
        self.assertEqual(self.retired, [alice])
        self.assertIsNone(bob.reason)
        bob.tls.write(b" again")
        self.run_clock()
        self.assertEqual(self.served.made[1].heard, b"hello again")

    def retired_at(self, *minutes: int) -> list[bool]:
        """Say of each of those minutes whether alice, who stays connected, is told to stop then."""
        self.serve()
        self.connected()
        found = []
        for minute in minutes:
            self.later = timedelta(minutes=minute)
            self.retired.clear()
            self.renew()
            found.append(self.retired == self.served.made)
        return found

    def test_an_open_connection_whose_certificate_ends(self) -> None:
        """Nobody goes on by a certificate that has expired since the handshake."""
        self.shows(self.authority.user("alice", ends=timedelta(minutes=30)))
        self.assertEqual(self.retired_at(0, 29, 31), [False, False, True])

    def test_an_open_connection_whose_list_ends(self) -> None:
        """Nor when nobody can tell any more what was revoked."""
        ending = self.authority.revocations(ends=timedelta(minutes=30))
        replace(self.folder / "server" / "crl.pem", ending)
        self.assertEqual(self.retired_at(29, 31), [False, True])

    def test_an_open_connection_whose_authority_ends(self) -> None:
        """Nor by the certificate of an authority that has expired, though it ends later itself."""
        team = self.authority.below("the team", ends=timedelta(minutes=30))
        self.shows(team.user("alice"))
        self.server_files = files_in(self.folder / "server", crl=False)
        with open(self.server_files.ca, "ab") as file:
            file.write(team.own.certificate_pem)
        self.assertEqual(self.retired_at(29, 31), [False, True])
        self.assertIn("expired", self.keyring.objection(self.served.made[0].tls.certificate))

    def test_an_open_connection_and_what_lies_between(self) -> None:
        """Nor by an authority in between that only the client has shown."""
        team = self.authority.below("the team", ends=timedelta(minutes=30))
        self.shows(team.user("alice"))
        with open(self.user_files.certificate, "ab") as file:
            file.write(team.own.certificate_pem)
        self.server_files = files_in(self.folder / "server", crl=False)
        self.assertEqual(self.retired_at(29, 31), [False, True])

    def test_an_open_connection_by_a_list_that_was_renewed(self) -> None:
        """A list that was renewed in time counts for those who are connected already."""
        crl = self.folder / "server" / "crl.pem"
        replace(crl, self.authority.revocations(ends=timedelta(minutes=30)))
        self.assertEqual(self.retired_at(29), [False])
        replace(crl, self.authority.revocations(ends=timedelta(minutes=90)))
        self.renew()
        for minutes, expected in ((31, []), (91, self.served.made)):
            self.later = timedelta(minutes=minutes)
            self.renew()
            self.assertEqual(self.retired, expected)

    def test_an_authority_that_is_trusted_no_more(self) -> None:
        """Whoever was let in by one that has left the file is told to stop."""
        other = Authority("another farm")
        ca = self.folder / "server" / "ca.pem"
        replace(ca, self.authority.own.certificate_pem + other.own.certificate_pem)
        self.serve()
        self.connected()
        replace(ca, self.authority.own.certificate_pem)
        self.renew()
        self.assertEqual(self.retired, [])
        write(self.folder / "server", other.server(SERVER_NAME), other)
        self.renew()
        self.assertEqual(self.retired, self.served.made)

    def test_what_cannot_be_used(self) -> None:
        """Files that are of no use leave the old ones in place, and that is said once."""
        self.serve()
        (self.folder / "server" / "key.pem").unlink()
        self.renew()
        self.renew()
        self.assert_logged("the old certificates stay in use", "server/key.pem")
        self.assertEqual(len(self.log), 1)
        self.connected()

    def test_a_new_certificate(self) -> None:
        """Who connects after a renewal sees the new certificate, and who was connected stays so."""
        self.serve()
        before = self.connected()
        write(self.folder / "server", self.authority.server(SERVER_NAME), self.authority)
        self.renew()
        after = self.connected()
        self.assertNotEqual(before.tls.certificate, after.tls.certificate)
        self.assertIsNone(before.reason)

    def test_by_signal(self) -> None:
        """`renew` reads the files though they look the same."""
        self.serve()
        context = self.keyring.context
        self.factory.renew()
        self.assertIsNot(self.keyring.context, context)

    def test_no_list(self) -> None:
        """A server without a list of revoked certificates says that it has none."""
        self.server_files = write(
            self.folder / "server", self.authority.server(SERVER_NAME), self.authority, crl=False
        )
        self.serve()
        self.assert_logged("no list of revoked certificates")

    def test_the_end(self) -> None:
        """A server that ended looks at no files."""
        self.serve()
        self.factory.doStop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


def _bare_server(answer: bytes | None, clock: Clock) -> MemoryEndpoint:
    """Give the way to a server that answers whatever it hears with `answer`, and hangs up."""

    class Bare(Protocol):
        def dataReceived(self, data: bytes) -> None:
            assert self.transport is not None
            if answer is not None:
                self.transport.write(answer)
                self.transport.loseConnection()

    return MemoryEndpoint(Factory.forProtocol(Bare), clock)
