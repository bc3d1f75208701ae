"""Mutual TLS in memory: a server with a certificate, and users with theirs.

Code whose decisions depend on who a user is has to be tested with certificates, and tests with a socket,
an authority and some waiting are slow.  Here the handshakes are real, over a `MemoryEndpoint`::

    farm = MemoryFarm(ScriptedCompile(Reply(0)))
    tls = MemoryTls(farm.server, "authority", farm.clock)
    alice = DistccClient(tls.endpoint("alice"), tls.clock, farm.bulk)
    answer = alice.compile(request)
    tls.run()
    # The compile function was called with the peer `tls:alice`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock

from twisted_distcc.client.backends.client_tls import Identities, TlsEndpoint
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.daemon.tls_listener import identify
from twisted_distcc.testing.network import SERVER_ADDRESS, MemoryEndpoint
from twisted_distcc.tls.authority import Authority
from twisted_distcc.tls.authority.ledger import AUTHORITY, CERTIFICATE, KEY, REVOKED
from twisted_distcc.tls.files import CredentialFiles
from twisted_distcc.tls.serving import MutualTlsFactory, server_keyring

_TURNS = 50
"""Turns of the clock: a handshake takes four, and a job some more."""


class MemoryTls:
    """Puts mutual TLS in front of a server.

    Args:
        server: serves users with trusted certificates.  A `DistccServerFactory` identifies them by the
            names in these from then on.
        folder: created, for a new authority and everything that it issues.
        clock: delivers all bytes, and is the time of both ends; `None` makes a new one.
        name: the server's name, in its certificate and to users.

    Attributes:
        authority: issues the certificates; it is the one behind `twisted-distcc certs`.
        clock: as above.  Certificates become valid a little before now, and expire by this clock.
        network: connects to the server, without TLS; it has the faults.
    """

    def __init__(
        self,
        server: IProtocolFactory,
        folder: str,
        clock: Clock | None = None,
        *,
        name: str = "server.example.org",
    ) -> None:
        self.clock: Clock = clock or Clock()
        self._begins = datetime.now(UTC) - timedelta(seconds=self.clock.seconds())
        self.authority: Authority = Authority.create(Path(folder).absolute(), None, self._now)
        self._name = name
        self._users: dict[str, CredentialFiles] = {}
        self._identities = Identities(self._seconds)
        if isinstance(server, DistccServerFactory):
            server.identify = identify
        keyring = server_keyring(_files(self.authority.issue_server([name]).folder), self._seconds)
        self._server = MutualTlsFactory(keyring, server, self.clock)
        self._server.doStart()
        self.network: MemoryEndpoint = MemoryEndpoint(self._server, self.clock)

    def endpoint(self, user: str, server: str | None = None) -> IStreamClientEndpoint:
        """Return an endpoint for `user`, who expects the server to be called `server`, if given.

        The user's certificate is issued when it is first needed.  Connecting fails with a `HostError`
        if the two do not trust each other.
        """
        if user not in self._users:
            self._users[user] = _files(self.authority.issue_user(user).folder)
        identity = self._identities.of(self._users[user])
        return TlsEndpoint(self.network, server or self._name, SERVER_ADDRESS.port, identity, self.clock)

    def revoke(self, user: str) -> None:
        """Revoke the certificate of `user`; the server learns at once, and endpoints stay unchanged."""
        self.authority.revoke(user)
        self._server.renew()

    def run(self, seconds: float = 0.0) -> None:
        """Let `seconds` pass, and then let everything happen that takes no time."""
        self.clock.pump([seconds] + [0.0] * _TURNS)

    def _now(self) -> datetime:
        return self._begins + timedelta(seconds=self.clock.seconds())

    def _seconds(self) -> float:
        return self._now().timestamp()


def _files(bundle: Path) -> CredentialFiles:
    certificate, key, ca, crl = (str(bundle / name) for name in (CERTIFICATE, KEY, AUTHORITY, REVOKED))
    return CredentialFiles(certificate, key, ca, crl)
