"""What a server is told about TLS; only a server with a TLS port loads this."""

from __future__ import annotations

from dataclasses import dataclass

from twisted_distcc.tls.files import CredentialFiles


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """A port under TLS.

    Attributes:
        port: TCP port; 0 lets the system choose.
        files: what the server shows, and whom it trusts; they are read when the port is opened.
    """

    port: int
    files: CredentialFiles
