"""Examine everything that lies between a user's compile and the farm, and say what is wrong.

Checks of this machine are made first; then the agent and all hosts are asked at the same time, each with
a deadline.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any, Final

from twisted.internet.defer import Deferred

from twisted_distcc.cli.arguments import positive, split_command
from twisted_distcc.cli.doctor import (
    agent_checks,
    credential_checks,
    host_checks,
    machine_checks,
    path_checks,
    policy_answers,
    setting_checks,
)
from twisted_distcc.cli.doctor.findings import Finding, Severity, in_order, note, warning
from twisted_distcc.cli.probing.farm_view import Asking, FarmView
from twisted_distcc.cli.probing.host_probe import probe_all
from twisted_distcc.cli.probing.host_reports import HostReport
from twisted_distcc.cli.probing.own_compilers import (
    USUAL,
    OwnCompiler,
    installed,
    own_compiler,
    usual_compilers,
)
from twisted_distcc.cli.reactor_run import run_to_end
from twisted_distcc.client.scheduling.farm import Farms
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.finding import not_found

_TIMEOUT: Final = 5


def main(arguments: Sequence[str]) -> int:
    """Examine, print what was found, and return the exit status."""
    words, _ = split_command(arguments)
    if any(word.partition("=")[0] in ("--policy", "--as", "--from") for word in words) or words != list(
        arguments
    ):
        return policy_answers.main(arguments)
    options = _parser().parse_args(words)
    view = FarmView.of(os.environ, options.timeout)
    names = tuple(options.compilers) or usual_compilers(view.environ.get("PATH", os.defpath))
    compilers = tuple(filter(None, (own_compiler(name, view.environ) for name in names)))
    reports, asked = _ask(view, compilers)
    findings = in_order([*local_findings(view, names, compilers), *asked])
    if options.json:
        print(json.dumps(as_json(findings), indent=2))
    else:
        print(*in_words(findings, view, compilers, reports), sep="\n")
    return 1 if any(finding.severity is not Severity.NOTE for finding in findings) else 0


def local_findings(
    view: FarmView, names: Sequence[str], compilers: Sequence[OwnCompiler]
) -> Iterator[Finding]:
    """Yield what is wrong on this machine."""
    yield from setting_checks.misspelt_variables(view.environ)
    yield from setting_checks.values(view.settings)
    yield from setting_checks.hosts_list(view.hosts)
    yield from setting_checks.choices(view.environ, view.settings)
    yield from path_checks.compilers_on_path(view.environ, (*dict.fromkeys((*names, *USUAL)),))
    yield from path_checks.prefixes(view.environ)
    yield from credential_checks.tokens(view.hosts.hosts, view.settings.engines)
    yield from machine_checks.room(view.settings)
    yield from machine_checks.slots_here(view.hosts)
    yield from machine_checks.homeless(view.environ, view.settings)
    yield from credential_checks.credentials(view.hosts.hosts, view.settings.tls, datetime.now(UTC))
    yield from _compilers_here(view, names, compilers)


def _compilers_here(
    view: FarmView, names: Sequence[str], compilers: Sequence[OwnCompiler]
) -> Iterator[Finding]:
    """Yield the compilers that are missing here, or that nobody could have the same of."""
    if not names:
        yield warning("there is no compiler on PATH", "apt-get install gcc g++")
    found = {own.name for own in compilers}
    for name in (name for name in names if name not in found):
        if not installed([name], view.environ.get("PATH", os.defpath)):
            yield warning(not_found(name), f"apt-get install {name}")
    for own in compilers:
        if own.digest is None:
            yield warning(
                f"{own.path} is a script or starts another compiler, so its compiles stay here",
                f"export CC='tdistcc {own.name}'    # with the compiler itself on PATH",
            )


def _ask(view: FarmView, compilers: tuple[OwnCompiler, ...]) -> tuple[list[HostReport], list[Finding]]:
    """Ask the agent and the hosts."""
    with TemporaryDirectory(prefix="twisted-distcc-", dir=_roomy(view)) as folder:
        return run_to_end(lambda reactor: _asked(view, compilers, reactor, folder))


def _roomy(view: FarmView) -> str | None:
    """Return the folder for large answers; if that takes no files, which is found elsewhere, any."""
    return view.settings.tmpdir if os.access(view.settings.tmpdir, os.W_OK) else None


async def _asked(
    view: FarmView, compilers: tuple[OwnCompiler, ...], reactor: Any, folder: str
) -> tuple[list[HostReport], list[Finding]]:
    asking = Asking(view, compilers, reactor, folder)
    agent = Deferred.fromCoroutine(_agent(view, reactor))
    reports = await probe_all(asking)
    agents = await agent
    now = datetime.now(UTC)
    hosts = [finding for report in reports for finding in host_checks.host(report, compilers, now)]
    return reports, [*agents, *hosts, *_avoided(view, reactor)]


async def _agent(view: FarmView, reactor: Any) -> list[Finding]:
    if view.environ.get("DISTCC_AGENT") == "0":
        return []
    return await agent_checks.agent(reactor, view.timeout)


def _avoided(view: FarmView, reactor: Any) -> Iterator[Finding]:
    """Yield the hosts that are avoided because they failed lately."""
    try:
        farm = Farms(reactor, lambda: "").of(view.settings)
    except (DistccError, OSError):
        return
    for host in view.remote_hosts:
        if farm.backoff.is_avoided(host):
            yield note(farm.backoff.why(host), f"rm {farm.directory}/backoff_{host.lock_name}_0")


def in_words(
    findings: Sequence[Finding],
    view: FarmView,
    compilers: Sequence[OwnCompiler],
    reports: Sequence[HostReport],
) -> Iterator[str]:
    """Yield the lines for people: what is well, then what is not."""
    good = [report for report in reports if report.fault is None]
    if reports:
        slots = sum(report.host.limit for report in good)
        yield f"{len(good)} of {len(reports)} hosts answer, with {slots} slots: {_protocols(good)}"
    if compilers:
        yield f"compilers here: {', '.join(map(_compiler, compilers))}"
    for finding in findings:
        yield from finding.lines()
    if not any(finding.mend and finding.severity is not Severity.NOTE for finding in findings):
        yield "Nothing to mend."


def _compiler(own: OwnCompiler) -> str:
    return f"{own.name} ({own.version or 'makes no object'})"


def _protocols(reports: Iterable[HostReport]) -> str:
    told = [f"{report.host} {_kind(report)}" for report in reports]
    return ", ".join(told) or "none"


def _kind(report: HostReport) -> str:
    return f"speaks protocol {report.protocol}" if report.protocol else "is an engine"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as a JSON object."""
    rows = [
        {"severity": one.severity.value, "text": one.text, "mend": one.mend or None} for one in findings
    ]
    return {"healthy": all(one.severity is Severity.NOTE for one in findings), "findings": rows}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc doctor",
        usage="twisted-distcc doctor [--json] [--timeout SECONDS] [COMPILER]...\n"
        "       twisted-distcc doctor --policy FILE [--as IDENTITY [--from ADDRESS] -- COMMAND...]",
        description="Find out what is wrong with a farm, and how to mend it: settings, PATH, disk,"
        " agent, certificates, and every host of the hosts list. With --policy, check the rules of a"
        " server, and explain what they make of a command (see doctor --policy --help).",
        epilog="exit status: 0 if there is nothing to mend, otherwise 1",
        allow_abbrev=False,
    )
    parser.add_argument(
        "compilers", metavar="COMPILER", nargs="*",
        help="the compilers of your build (default: gcc and g++, or clang and clang++)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON object")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=positive, default=_TIMEOUT,
        help=f"how long a host, or the agent, may take for an answer (default: {_TIMEOUT})",
    )  # fmt: skip
    return parser
