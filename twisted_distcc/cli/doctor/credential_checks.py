"""Checks of the user's certificate, its key, the authority and the list of revoked certificates."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from twisted_distcc.cli.doctor.findings import Finding, fault, warning
from twisted_distcc.client.backends.client_tls import credential_files
from twisted_distcc.client.backends.engine_access import is_open_to_others
from twisted_distcc.client.hosts import EngineHost, Host, TcpHost
from twisted_distcc.client.settings import EngineVariables, TlsPaths
from twisted_distcc.tls.certificate_names import holder
from twisted_distcc.tls.credentials import (
    BadCredentialsError,
    Credentials,
    MissingCredentialsError,
    day,
    load,
)

SOON: Final = timedelta(days=14)


def credentials(hosts: Iterable[Host], tls: TlsPaths, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with the credentials, if a host wants to see them."""
    if not any(isinstance(host, TcpHost) and host.tls for host in hosts):
        return
    try:
        loaded = load(credential_files(tls), now)
    except MissingCredentialsError as error:
        yield fault(
            f"{error}, which ,tls hosts want to see",
            "twisted-distcc certs user $USER    # where the authority is; then put its files into"
            f" {shlex.quote(tls.certificate.rpartition('/')[0])}",
        )
    except BadCredentialsError as error:
        yield fault(str(error), _mend(str(error), tls))
    else:
        yield from _ends(loaded, now)


def tokens(hosts: Iterable[Host], variables: EngineVariables) -> Iterator[Finding]:
    """Yield what is wrong with the file of what engines want to know, if there are engines."""
    engines = [host for host in hosts if isinstance(host, EngineHost)]
    if engines and is_open_to_others(variables.file):
        yield warning(
            f"others can read {variables.file}, which may have tokens in it",
            f"chmod 600 {shlex.quote(variables.file)}",
        )


def _mend(error: str, tls: TlsPaths) -> str:
    if "chmod 600" in error:
        return f"chmod 600 {shlex.quote(tls.key)}"
    if "list of revoked" in error:
        return "twisted-distcc certs crl    # where the authority is"
    if "expired" in error:
        return "twisted-distcc certs renew    # where the authority is"
    if "clock" in error:
        return "timedatectl set-ntp true"
    return "twisted-distcc certs show    # where the authority is"


def _ends(loaded: Credentials, now: datetime) -> Iterator[Finding]:
    """Yield what expires soon."""
    if (end := loaded.certificate.not_valid_after_utc) < now + SOON:
        who = holder(loaded.certificate)
        yield warning(
            f"your certificate, {who}, expires on {day(end)}",
            f"twisted-distcc certs renew {shlex.quote(who)}",
        )
    for authority in loaded.authorities:
        if (end := authority.not_valid_after_utc) < now + SOON:
            yield warning(
                f"the authority {holder(authority)} expires on {day(end)}",
                "twisted-distcc certs init    # and all certificates anew",
            )
    for crl in loaded.revocations:
        if crl.next_update_utc is not None and crl.next_update_utc < now + SOON:
            yield warning(
                f"the list of revoked certificates expires on {day(crl.next_update_utc)}",
                "twisted-distcc certs crl    # where the authority is",
            )
