"""A server's TLS settings; only a server with a TLS port loads this module."""

from __future__ import annotations

from dataclasses import dataclass

from twisted_distcc.tls.files import CredentialFiles


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """A TLS port.

    Attributes:
        port: TCP port; 0 lets the system choose.
        files: the server's certificate and key, and whom it trusts; they are read when the port is
        opened.
    """

    port: int
    files: CredentialFiles
