"""What a server is told about TLS.

In: options.  Out: a frozen `TlsConfig`, or none where no certificate is given.  What is in the files is
read when the port is opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.tls.files import CredentialFiles

TLS_PORT: Final = 3634
"""The port of `,tls` hosts without another one."""

_FILES: Final = ("tls-certificate", "tls-key", "tls-ca", "tls-crl")


class IncompleteTlsError(DistccError):
    """The options give a part of what TLS takes."""

    exit_code = EXIT_BAD_ARGUMENTS


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """A port under TLS.

    Attributes:
        port: TCP port; 0 lets the system choose.
        files: what the server shows, and whom it trusts.
    """

    port: int
    files: CredentialFiles


def gives_tls(options: Mapping[str, Any]) -> bool:
    """Say whether the options have anything to do with TLS."""
    return any(options[name] for name in _FILES)


def tls_config(options: Mapping[str, Any]) -> TlsConfig | None:
    """Read `--tls-port`, `--tls-certificate`, `--tls-key`, `--tls-ca` and `--tls-crl`.

    Raises:
        IncompleteTlsError: naming the option that is missing.
    """
    if not gives_tls(options):
        return None
    certificate, key, ca, crl = (options[name] and os.path.abspath(options[name]) for name in _FILES)
    for name, given in zip(_FILES, (certificate, key, ca), strict=False):
        if not given:
            raise IncompleteTlsError(
                f"TLS takes --tls-certificate, --tls-key and --tls-ca: --{name} is missing"
            )
    return TlsConfig(options["tls-port"], CredentialFiles(certificate, key, ca, crl))
