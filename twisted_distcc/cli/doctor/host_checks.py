"""Checks of one host, from what it answered: pure functions of a `HostReport`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from twisted_distcc.cli.doctor.credential_checks import SOON
from twisted_distcc.cli.doctor.findings import Finding, fault, note, warning
from twisted_distcc.cli.doctor.host_faults_mended import mended
from twisted_distcc.cli.probing.host_reports import CompilerReport, HostReport
from twisted_distcc.cli.probing.own_compilers import OwnCompiler
from twisted_distcc.client.backends.host_faults import NoAnswerError
from twisted_distcc.client.hosts import EngineHost, SshHost
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING
from twisted_distcc.tls.credentials import day

_MOST_SKEW: Final = 30.0
_MOST_NAMED: Final = 6
_PACKAGE: Final = re.compile(r"[\w.+-]+")


def host(report: HostReport, compilers: tuple[OwnCompiler, ...], now: datetime) -> Iterator[Finding]:
    """Yield everything that is wrong with a host."""
    if report.fault is not None:
        yield mended(report)
        return
    if isinstance(report.host, EngineHost):
        yield from _engine(report)
        return
    for own, told in zip(compilers, report.compilers, strict=True):
        yield from _compiler(report, own, told)
    yield from _sandbox(report)
    yield from _slots(report)
    yield from _clock(report)
    yield from _certificate(report, now)


def where(report: HostReport) -> str:
    """Return the command that runs another on a host."""
    match report.host:
        case SshHost(user, name):
            return f"ssh {user}@{name}" if user else f"ssh {name}"
        case _:
            return f"ssh {report.host.name}"


def _engine(report: HostReport) -> Iterator[Finding]:
    for told in report.compilers:
        if told.fault is not None:
            yield mended(replace(report, fault=told.fault))
        elif told.digest is None:
            yield warning(
                f"{told.name} cannot be sent to {report.host}: it is a script, or starts a compiler",
                f"file $(command -v {told.name})    # has to be the compiler itself",
            )


# Compilers.


def _compiler(report: HostReport, own: OwnCompiler, told: CompilerReport) -> Iterator[Finding]:
    if told.fault is not None:
        yield _no_compile(report, told)
    elif told.digest is not None:
        if own.digest is not None and told.digest != own.digest:
            yield _another(report, own, told)
    elif report.status is not None:
        yield warning(
            f"{report.host} cannot tell what its {own.name} is (a script?), so it gets no jobs for it",
            f"{where(report)} file $(command -v {own.name})    # has to be the compiler itself",
        )
    elif told.version != own.version:
        yield _another(report, own, told)


def _no_compile(report: HostReport, told: CompilerReport) -> Finding:
    assert told.fault is not None
    text = f"{report.host} does not compile with {told.name}: it {told.fault.fault}"
    if told.fault.exit_code == EXIT_ACCESS_DENIED:
        return fault(text, "twisted-distcc doctor --policy FILE --as WHO -- gcc -c x.c    # there")
    if told.fault.exit_code == EXIT_COMPILER_MISSING or isinstance(told.fault, NoAnswerError):
        package = told.name if _PACKAGE.fullmatch(told.name) else "gcc"
        return fault(text, f"{where(report)} apt-get install {package}")
    return fault(text, f"{where(report)} journalctl -u distccd    # says why")


def _another(report: HostReport, own: OwnCompiler, told: CompilerReport) -> Finding:
    text = f"{report.host} has another {own.name}{_versions(own, told)}{_parts(told.differs)}"
    return fault(text, f"{where(report)} apt-get install {own.name}    # the version that is here")


def _versions(own: OwnCompiler, told: CompilerReport) -> str:
    if told.version is None or told.version == own.version:
        return " of the same version" if told.version else ""
    return f": {told.version} there, {own.version or 'none'} here"


def _parts(differs: tuple[str, ...]) -> str:
    if not differs:
        return ""
    more = len(differs) - _MOST_NAMED
    named = ", ".join(differs[:_MOST_NAMED])
    return f"; what differs: {named}{f' and {more} more' if more > 0 else ''}"


# The rest.


def _sandbox(report: HostReport) -> Iterator[Finding]:
    if report.status is None:
        yield note(
            f"{report.host} is C distccd or an earlier version of ours: it gets preprocessed text, and"
            " says nothing about itself"
        )
    elif not report.status.sandbox:
        yield warning(
            f"{report.host} runs compilers without a sandbox: clients can do there what its user can,"
            " and everything is preprocessed here",
            f"{where(report)} apt-get install bubblewrap    # then start it with --sandbox=require",
        )


def _slots(report: HostReport) -> Iterator[Finding]:
    status, limit = report.status, report.host.limit
    if status is None:
        return
    suited = replace(report.host, limit=status.slots)
    if status.slots > 2 * status.cpus + 2:
        yield warning(
            f"{report.host} runs {status.slots} jobs at once on {status.cpus} processors",
            f"start its server with --jobs {status.cpus + 2}",
        )
    elif limit > status.slots:
        yield warning(
            f"{report.host} is given {limit} jobs at once, and runs {status.slots}: the others wait",
            f"write {suited} in the hosts list",
        )
    elif limit < status.cpus:
        yield note(
            f"{report.host} is given {limit} jobs at once, and could run {status.slots}",
            f"write {suited} in the hosts list",
        )


def _clock(report: HostReport) -> Iterator[Finding]:
    if report.status is None:
        return
    skew = report.status.clock - report.asked_at
    if abs(skew) > _MOST_SKEW:
        way = "ahead of" if skew > 0 else "behind"
        yield warning(
            f"the clock of {report.host} is {abs(skew):.0f} seconds {way} this machine's, which"
            " certificates do not survive for long",
            f"{where(report)} timedatectl set-ntp true",
        )


def _certificate(report: HostReport, now: datetime) -> Iterator[Finding]:
    end = report.certificate_end
    if end is not None and end < now + SOON:
        yield warning(
            f"the certificate of {report.host} expires on {day(end)}",
            f"twisted-distcc certs renew {report.host.name}    # where the authority is",
        )
