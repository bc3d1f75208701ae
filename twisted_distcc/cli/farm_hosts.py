"""`twisted-distcc hosts`: list the hosts, and ask each what it is.

For each host it tells the protocol, how many jobs run at once, whether there is a sandbox, how long a
question takes, and about each compiler whether it is the one of this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any, Final

from twisted_distcc.cli.arguments import positive
from twisted_distcc.cli.probing.farm_view import Asking, FarmView
from twisted_distcc.cli.probing.host_probe import probe_all
from twisted_distcc.cli.probing.host_reports import CompilerReport, HostReport
from twisted_distcc.cli.probing.own_compilers import OwnCompiler, own_compiler, usual_compilers
from twisted_distcc.cli.reactor_run import run_to_end
from twisted_distcc.client.hosts import EngineHost
from twisted_distcc.errors import EXIT_BAD_HOSTS, EXIT_NO_HOSTS

_TIMEOUT: Final = 5
_SHORT: Final = 12


def main(arguments: Sequence[str]) -> int:
    """Print the table, and return the exit status."""
    options = _parser().parse_args(arguments)
    environ = dict(os.environ)
    if options.hosts:
        environ["DISTCC_HOSTS"] = " ".join(options.hosts)
    view = FarmView.of(environ, options.timeout)
    for warning in view.hosts.warnings:
        print(f"twisted-distcc hosts: Warning: {warning}", file=sys.stderr)
    if view.hosts.why_empty is not None:
        print(f"twisted-distcc hosts: {view.hosts.why_empty}", file=sys.stderr)
        return EXIT_BAD_HOSTS if view.hosts.bad else EXIT_NO_HOSTS
    names = options.compiler or usual_compilers(view.environ.get("PATH", os.defpath))
    compilers = tuple(filter(None, (own_compiler(name, view.environ) for name in names)))
    reports = ask(view, compilers)
    if options.json:
        print(json.dumps([as_json(report) for report in reports], indent=2))
    else:
        print(*table(reports, compilers), sep="\n")
    return 1 if view.hosts.bad or any(report.fault for report in reports) else 0


def ask(view: FarmView, compilers: tuple[OwnCompiler, ...]) -> list[HostReport]:
    """Ask all hosts of `view`; a process does this once."""
    with TemporaryDirectory(prefix="twisted-distcc-") as folder:
        return run_to_end(lambda reactor: probe_all(Asking(view, compilers, reactor, folder)))


def as_json(report: HostReport) -> dict[str, Any]:
    """Return a report as a JSON object."""
    status = report.status
    return {
        "host": str(report.host),
        "fault": None if report.fault is None else report.fault.fault,
        "protocol": report.protocol or None,
        "server": f"twisted-distccd {status.version}" if status else None,
        "slots": status.slots if status else None,
        "cpus": status.cpus if status else None,
        "limit": report.host.limit,
        "sandbox": status.sandbox if status else None,
        "round_trip_ms": round(report.round_trip * 1000, 1) if status else None,
        "certificate_end": report.certificate_end and report.certificate_end.isoformat(),
        "compilers": [
            {
                "name": one.name,
                "digest": one.digest,
                "version": one.version,
                "preprocesses": one.is_exact,
                "brought": one.is_brought,
                "programs": one.loads_plugins,
                "differs": list(one.differs),
                "fault": None if one.fault is None else one.fault.fault,
            }
            for one in report.compilers
        ],
    }


def table(reports: Iterable[HostReport], compilers: Sequence[OwnCompiler]) -> Iterator[str]:
    """Yield the lines of the table."""
    head = ["HOST", "PROTOCOL", "SLOTS", "SANDBOX", "ROUND TRIP", *(own.name for own in compilers)]
    rows = [head, *(_row(report, compilers) for report in reports)]
    cells = [row for row in rows if len(row) == len(head)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widths[0] = max(len(row[0]) for row in rows)
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def _row(report: HostReport, compilers: Sequence[OwnCompiler]) -> list[str]:
    name = str(report.host)
    if report.fault is not None:
        return [name, report.fault.fault]
    if isinstance(report.host, EngineHost):
        return [name, "engine", "?", "yes", "?", *map(_compiler, compilers, report.compilers)]
    status = report.status
    facts = (
        [str(status.slots), "yes" if status.sandbox else "no", f"{report.round_trip * 1000:.1f} ms"]
        if status
        else ["?", "?", "?"]
    )
    return [name, str(report.protocol), *facts, *map(_compiler, compilers, report.compilers)]


def _compiler(own: OwnCompiler, told: CompilerReport) -> str:
    if told.fault is not None:
        return "none"
    more = ", plugins" if told.loads_plugins else ""
    if told.is_brought:
        return f"takes yours{more}"
    if told.digest:
        return f"{told.digest[:_SHORT]} {'same' if told.digest == own.digest else 'OTHER'}{more}"
    return "same version" if told.version and told.version == own.version else "other version"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc hosts",
        description="List the hosts, and ask each what it is and what it can do.",
        epilog="exit status: 0 if all hosts compile, 1 if one does not answer or refuses, "
        f"{EXIT_NO_HOSTS} if there are none",
        allow_abbrev=False,
    )
    parser.add_argument(
        "hosts", metavar="HOST", nargs="*", default=(),
        help="ask these, written as in a hosts list (default: those of the hosts list)",
    )  # fmt: skip
    parser.add_argument(
        "--compiler", metavar="NAME", action="append",
        help="ask about this compiler; may be given again (default: gcc and g++, or clang and clang++)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print a JSON array, an object for each host"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=positive, default=_TIMEOUT,
        help=f"how long a host may take for an answer (default: {_TIMEOUT})",
    )  # fmt: skip
    return parser
