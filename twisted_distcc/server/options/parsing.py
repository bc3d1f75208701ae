"""Check the values of all options against each other, and make a `ServerConfig` from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.policy.access import PRIVATE, AllowList
from twisted_distcc.server.options.config import (
    ServerConfig,
    command_list,
    default_jobs,
    policy_of,
    search_path,
)
from twisted_distcc.server.options.table import SANDBOX_LIMITS
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Ceilings

if TYPE_CHECKING:
    from twisted_distcc.server.options.stats_config import StatsConfig
    from twisted_distcc.server.options.tls_config import TlsConfig

_TLS_FILES: Final = ("tls-certificate", "tls-key", "tls-ca", "tls-crl")
_NOBODY_MAY_CONNECT: Final = (
    "nobody may connect yet: give --allow ADDRESS[/BITS], once for each network of clients, or "
    "--allow-private for this machine and all private networks, or --tls-certificate, --tls-key and "
    "--tls-ca for clients with certificates"
)
_NOBODY_IS_NAMED: Final = (
    "nobody may use the TLS port yet: give --allow-user NAME, once for each user ('*' for everyone with "
    "a certificate of the authority), or --policy FILE"
)
_TWO_POLICIES: Final = (
    "--allow-user cannot be combined with --policy: add a rule to the policy file instead"
)


class BadOptionsError(DistccError):
    """Options contradict each other, or one is missing."""

    exit_code = EXIT_BAD_ARGUMENTS


def check_listening(values: Mapping[str, Any]) -> None:
    """Raise `BadOptionsError` if nobody may connect to a server that listens."""
    has_tls = _has_tls(values)
    if not (values["allow"] or values["allow-private"] or has_tls):
        raise BadOptionsError(_NOBODY_MAY_CONNECT)
    if has_tls and not (values["policy"] or values["allow-user"]):
        raise BadOptionsError(_NOBODY_IS_NAMED)


def server_config(values: Mapping[str, Any], environ: Mapping[str, str]) -> ServerConfig:
    """Return the configuration for options and environment variables.

    Args:
        values: the values of all options, as returned by `table.with_defaults`.
        environ: the environment, with distccd's variables.

    Raises:
        DistccError: if a network, the policy, the command list or a combination is unusable.
        OSError: if the command list cannot be read.
    """
    if values["policy"] and values["allow-user"]:
        raise BadOptionsError(_TWO_POLICIES)
    root = (values["compiler-root"] or "").rstrip("/")
    transfer = values["transfer-timeout"]
    return ServerConfig(
        allow=AllowList.parse((*values["allow"], *(PRIVATE if values["allow-private"] else ()))),
        listen=tuple(values["listen"]),
        port=values["port"],
        jobs=values["jobs"] or default_jobs(),
        folders=search_path(environ, root),
        commands=command_list(environ),
        any_command=bool(values["enable-tcp-insecure"]),
        compiler_root=root,
        job_lifetime=values["job-lifetime"],
        lifetime=values["lifetime"],
        nice=values["nice"],
        oom_score_adj=values["oom-score-adj"],
        pid_file=_absolute(values["pid-file"]),
        sandbox=values["sandbox"],
        sandbox_program=values["sandbox-program"],
        limits=Limits(**{_limit(option.name): values[option.name] for option in SANDBOX_LIMITS}),
        policy=policy_of(values["policy"], values["allow-user"]),
        audit_log=_absolute(values["audit-log"]),
        tls=_tls_config(values),
        zeroconf=bool(values["zeroconf"]),
        stats=_stats_config(values),
        ceilings=Ceilings(
            connections=values["max-connections"],
            stored=values["max-stored"],
            toolchains=values["max-toolchains"],
        ),
        deadlines=Deadlines(idle=values["idle-timeout"], receive=transfer, send=transfer),
    )


def log_level(values: Mapping[str, Any]) -> str:
    """Return the least severe level to log."""
    return "debug" if values["verbose"] else str(values["log-level"])


def _absolute(path: str | None) -> str | None:
    return path and os.path.abspath(path)


def _limit(name: str) -> str:
    return name.removeprefix("sandbox-").replace("-", "_")


def _has_tls(values: Mapping[str, Any]) -> bool:
    return any(values[name] for name in _TLS_FILES)


def _tls_config(values: Mapping[str, Any]) -> TlsConfig | None:
    if not _has_tls(values):
        return None
    missing = [name for name in _TLS_FILES[:-1] if not values[name]]
    if missing:
        raise BadOptionsError(
            f"TLS takes --tls-certificate, --tls-key and --tls-ca: --{missing[0]} is missing"
        )
    # Not at the top: twistd-stdio starts once per job, and has no TLS.
    from twisted_distcc.server.options.tls_config import TlsConfig
    from twisted_distcc.tls.files import CredentialFiles

    certificate, key, ca = (os.path.abspath(values[name]) for name in _TLS_FILES[:-1])
    files = CredentialFiles(certificate, key, ca, _absolute(values["tls-crl"]))
    return TlsConfig(values["tls-port"], files)


def _stats_config(values: Mapping[str, Any]) -> StatsConfig | None:
    if not values["stats"]:
        return None
    # Not at the top: twistd-stdio starts once per job, and has no statistics.
    from twisted_distcc.server.options.stats_config import LOOPBACK, StatsConfig

    listen = tuple(values["stats-listen"]) or LOOPBACK
    return StatsConfig(values["stats-port"], listen, tuple(values["stats-name"]))
