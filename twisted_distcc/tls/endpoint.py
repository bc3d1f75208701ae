"""Server endpoints with mutual TLS, for any Twisted program.

`mutual_tls_endpoint` makes one from the fields of an endpoint string, such as
`distcc-tls:3634:certificate=server/certificate.pem:key=server/key.pem:ca=server/ca.pem:crl=server/crl.pem`.
Twisted's own `ssl:` cannot ask a client for its certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from zope.interface import implementer

from twisted_distcc.tls.files import CredentialFiles
from twisted_distcc.tls.keyring import Keyring
from twisted_distcc.tls.serving import MutualTlsFactory, server_keyring


@implementer(IStreamServerEndpoint)
@dataclass(frozen=True, slots=True)
class MutualTlsEndpoint:
    """Listens at `endpoint` for clients that `keyring` trusts; see `MutualTlsFactory`."""

    endpoint: IStreamServerEndpoint
    keyring: Keyring
    reactor: Any

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen, and serve with the protocols of `protocolFactory`."""
        return self.endpoint.listen(MutualTlsFactory(self.keyring, protocolFactory, self.reactor))


def mutual_tls_endpoint(
    reactor: Any,
    port: str,
    certificate: str,
    key: str,
    ca: str,
    crl: str | None = None,
    interface: str = "",
    backlog: str = "50",
) -> MutualTlsEndpoint:
    """Return the endpoint that the fields of an endpoint string describe.

    Raises:
        BadCredentialsError: if the files cannot be used.
        ValueError: if the port or the backlog is not a number.
    """
    kind = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
    endpoint = kind(reactor, int(port), int(backlog), interface)
    files = CredentialFiles(certificate, key, ca, crl)
    return MutualTlsEndpoint(endpoint, server_keyring(files, reactor.seconds), reactor)
