"""TLS to engines, as for any service of the web.

Names and authorities are checked; the user's certificate is shown to engines that ask for one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)

from twisted_distcc.client.backends.engine_access import EngineTls
from twisted_distcc.client.backends.host_faults import UntrustedError

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def tls_endpoint(endpoint: IStreamClientEndpoint, name: str, paths: EngineTls) -> IStreamClientEndpoint:
    """Return an endpoint that speaks TLS with the engine called `name` on top of `endpoint`.

    Raises:
        UntrustedError: if a certificate of ours cannot be read.
    """
    try:
        options = optionsForClientTLS(
            name,
            trustRoot=_trusted(paths.ca) if paths.ca else platformTrust(),
            clientCertificate=_own(paths) if paths.certificate else None,
            acceptableProtocols=[b"h2"],
        )
    except (OSError, ValueError) as error:
        raise UntrustedError(f"is not contacted, as a certificate cannot be read: {error}") from None
    except (SSL.Error, crypto.Error):
        raise UntrustedError("is not contacted, as a certificate or its key is none") from None
    return wrapClientTLS(options, endpoint)


def _trusted(path: str) -> Any:
    found = _CERTIFICATE.findall(Path(path).read_bytes())
    if not found:
        raise ValueError(f"{path} has no certificate")
    return trustRootFromCertificates([Certificate.loadPEM(pem) for pem in found])


def _own(paths: EngineTls) -> PrivateCertificate:
    certificate = Path(paths.certificate).read_bytes()
    key = Path(paths.key).read_bytes() if paths.key else b""
    loaded: PrivateCertificate = PrivateCertificate.loadPEM(certificate + b"\n" + key)
    return loaded
