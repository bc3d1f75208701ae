"""Checks of the user's settings: misspelt variables, values that are not understood, the hosts list."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from twisted_distcc.cli.doctor.findings import Finding, fault, note, warning
from twisted_distcc.client.hosts import HostList, Localhost
from twisted_distcc.client.settings import Settings

READ: Final = frozenset(
    {
        "DISTCCD_PATH", "DISTCC_AGENT", "DISTCC_BACKOFF_PERIOD", "DISTCC_CMDLIST",
        "DISTCC_CMDLIST_NUMWORDS", "DISTCC_CONNECT_TIMEOUT", "DISTCC_DIR", "DISTCC_ENGINES",
        "DISTCC_ENGINE_CA", "DISTCC_ENGINE_CERTIFICATE", "DISTCC_ENGINE_HEADERS",
        "DISTCC_ENGINE_INSTANCE", "DISTCC_ENGINE_KEY", "DISTCC_ENGINE_PLATFORM", "DISTCC_FALLBACK",
        "DISTCC_HOSTS", "DISTCC_IO_TIMEOUT", "DISTCC_JOURNAL", "DISTCC_LOG", "DISTCC_PAUSE_TIME_MSEC",
        "DISTCC_PLUGINS", "DISTCC_POTENTIAL_HOSTS", "DISTCC_REMOTE_CPP", "DISTCC_SAVE_TEMPS",
        "DISTCC_SKIP_LOCAL_RETRY", "DISTCC_SSH",
        "DISTCC_TLS_CA", "DISTCC_TLS_CERTIFICATE", "DISTCC_TLS_CRL", "DISTCC_TLS_KEY",
        "DISTCC_TRUST_NAMES", "DISTCC_VERBOSE",
    }
)  # fmt: skip
"""The variables that a command of this project reads."""
_OF_DISTCC_ALONE: Final = frozenset(
    {
        "DISTCCD_PRINCIPAL", "DISTCC_CMDLIST_MATCHWORDS", "DISTCC_ENABLE_DISCREPANCY_EMAIL",
        "DISTCC_LOCATION", "DISTCC_MAX_DISCREPANCY", "DISTCC_NO_CROSS_REWRITE", "DISTCC_PRINCIPAL",
        "DISTCC_TCP_CORK", "DISTCC_TCP_DEFER_ACCEPT",
    }
)  # fmt: skip
_ALIKE: Final = 0.88
# `DISTC` and `TDISTCC`, but not `DIST`, which others use.
_STEM_ALIKE: Final = 0.85
_EXAMPLE: Final = "export DISTCC_HOSTS='localhost/2 buildbox.example.org/8'"


def misspelt_variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the variables that are almost one of ours, so that nobody heeds them."""
    for name in sorted(environ):
        if name in READ or name in _OF_DISTCC_ALONE or not _looks_like_ours(name):
            continue
        meant = get_close_matches(name.upper(), READ, n=1, cutoff=_ALIKE)
        if meant:
            value = shlex.quote(environ[name])
            yield fault(
                f"nobody reads {name}: {meant[0]} is probably meant",
                f"unset {name}; export {meant[0]}={value}",
            )
        elif name.startswith("DISTCC_"):
            yield note(f"nobody here reads {name}", f"unset {name}")


def _looks_like_ours(name: str) -> bool:
    stem = name.upper().partition("_")[0]
    return bool(get_close_matches(stem, ("DISTCC", "DISTCCD"), cutoff=_STEM_ALIKE))


def values(settings: Settings) -> Iterator[Finding]:
    """Yield the values that are not understood."""
    for notice in settings.notices:
        yield warning(str(notice), f"unset {notice.text.partition(' ')[0]}")


def hosts_list(hosts: HostList) -> Iterator[Finding]:
    """Yield what is wrong with the hosts list."""
    place = hosts.source or "the hosts list"
    for word, reason in hosts.bad:
        yield fault(f'"{word}" in {place} is ignored: {reason.partition("; ")[0]}', _instead(reason))
    for word in hosts.down:
        yield note(f"{word} in {place} is set aside by its ,down")
    if hosts.zeroconf and all(isinstance(host, Localhost) for host in hosts.hosts):
        yield warning(
            "+zeroconf finds no servers: none announces itself here, or a firewall keeps UDP port 5353",
            "twistd distccd --zeroconf --allow-private    # there: starts a server that does",
        )
    if not (hosts.hosts or hosts.zeroconf or hosts.bad):
        found = f"{hosts.source} contains no hosts" if hosts.source else "there is no hosts list"
        yield fault(f"{found}, so everything is compiled here", _EXAMPLE)
    elif hosts.hosts and all(isinstance(host, Localhost) for host in hosts.hosts) and not hosts.zeroconf:
        yield warning(f"{place} names this machine alone", _EXAMPLE)


def _instead(reason: str) -> str:
    """Return the advice in the reason why a word is ignored."""
    advice = reason.partition("; ")[2]
    return advice or _EXAMPLE


def choices(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Yield choices of the user's own that cost speed or exactness."""
    if environ.get("DISTCC_AGENT") == "0":
        yield warning(
            "DISTCC_AGENT=0: without the agent each compile connects anew and sends all its files",
            "unset DISTCC_AGENT",
        )
    if not settings.remote_cpp:
        yield note("DISTCC_REMOTE_CPP=0: everything is preprocessed here", "unset DISTCC_REMOTE_CPP")
    if settings.trust_names:
        yield note(
            "DISTCC_TRUST_NAMES=1: objects may be those of another compiler", "unset DISTCC_TRUST_NAMES"
        )
