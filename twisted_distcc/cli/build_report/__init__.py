"""`twisted-distcc report`: what happened in the last build, and what would help most."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from twisted_distcc.cli.build_report.advice import Advice, advice
from twisted_distcc.cli.build_report.picture import picture
from twisted_distcc.cli.build_report.trace_events import trace
from twisted_distcc.cli.journal_access import (
    PART_WORDS,
    NoJournalError,
    counted,
    duration,
    read_units,
    say,
    share,
    size,
)
from twisted_distcc.client.hosts import Localhost
from twisted_distcc.client.hosts_grammar import find_hosts
from twisted_distcc.client.inputs.candidate import read_text
from twisted_distcc.client.journal.builds import PAUSE, builds_of, most_at_once
from twisted_distcc.client.journal.totals import Totals, is_compile, seconds_saved
from twisted_distcc.client.journal.unit_record import UnitRecord
from twisted_distcc.errors import DistccError, sentence

_MOST_HOSTS = 4
_SLOWEST = 3


def main(arguments: Sequence[str]) -> int:
    """Report on the last build, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        units = _last_build(options.pause)
        if options.trace:
            text = json.dumps(trace(units), separators=(",", ":"))
            Path(options.trace).write_text(f"{text}\n", encoding="ascii")
        if options.svg:
            Path(options.svg).write_bytes(picture(units))
    except (DistccError, OSError) as error:
        print(f"twisted-distcc report: {sentence(error)}", file=sys.stderr)
        return 1
    totals = Totals.of(units)
    units = list(filter(is_compile, units))
    advised = advice(units, totals, _slots())
    if options.json:
        print(json.dumps({**asdict(totals), "advice": [asdict(one) for one in advised]}, indent=2))
    elif not (options.trace or options.svg):
        say(lines(units, totals, advised))
    return 0


def _last_build(pause: float) -> Sequence[UnitRecord]:
    """Return the last build that compiled anything.

    Raises:
        NoJournalError: if there is none.
    """
    builds = builds_of(read_units().units, pause)
    found = [build for build in builds if any(map(is_compile, build))]
    if not found:
        raise NoJournalError("no command in the journal has compiled anything")
    return found[-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc report",
        usage="twisted-distcc report [--json] [--pause SECONDS] [--trace FILE] [--svg FILE]",
        description="Say what happened in your last build, and what would have helped most.",
        epilog="A build is all units that ran in one folder, or were started from one command line, with"
        " no longer pause between them than SECONDS.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object, with times in seconds")
    parser.add_argument(
        "--pause",
        type=float,
        default=PAUSE,
        metavar="SECONDS",
        help=f"how long nothing may happen within a build (default: {PAUSE:g})",
    )
    parser.add_argument(
        "--trace", metavar="FILE", help="write a timeline for https://ui.perfetto.dev or Chrome"
    )
    parser.add_argument("--svg", metavar="FILE", help="write a picture of the timeline, for any browser")
    return parser


def _slots() -> int:
    """Return how many units the user's hosts take at once."""
    hosts = find_hosts(dict(os.environ), read_text).hosts
    return sum(host.limit for host in hosts if not isinstance(host, Localhost))


def lines(units: Sequence[UnitRecord], totals: Totals, advised: Sequence[Advice]) -> Iterator[str]:
    """Yield the report, for people."""
    yield _what(units, totals)
    yield _where(totals)
    yield _how_fast(units, totals)
    yield _parts(totals)
    if totals.remote:
        yield _hosts(totals)
        yield f"Sent {size(totals.sent)}, received {size(totals.received)}.{_saved(units, totals)}"
    yield _slowest(units)
    if advised:
        yield "What would help most:"
    for one in advised:
        yield f"  - {one.text}"


def _what(units: Sequence[UnitRecord], totals: Totals) -> str:
    began, ended = (time.strftime("%H:%M:%S", time.localtime(at)) for at in (totals.began, totals.ended))
    folder = os.path.commonpath([unit.folder for unit in units]) if _are_absolute(units) else ""
    where = f" in {folder}" if folder.strip("/") else ""
    return f"{counted(len(units), 'unit')}{where} from {began} to {ended}, {duration(totals.elapsed)}."


def _are_absolute(units: Sequence[UnitRecord]) -> bool:
    return all(unit.folder.startswith("/") for unit in units)


def _where(totals: Totals) -> str:
    became = totals.became
    text = became.get("text", 0)
    preprocessed = f"; {text} preprocessed here" if text else ""
    told = [f"{totals.remote} on servers ({share(totals.remote, totals.units)}{preprocessed})"]
    told += [f"{became['local']} on this machine"] if "local" in became else []
    told += [f"{became[name]} {name}" for name in ("failed", "interrupted") if name in became]
    return f"Compiled {', '.join(told)}."


def _how_fast(units: Sequence[UnitRecord], totals: Totals) -> str:
    average = sum(totals.parts.values()) / totals.elapsed if totals.elapsed else 1.0
    words = {"files": "on servers", "text": "preprocessed here", "local": "on this machine"}
    medians = [f"{duration(within[50])} {words[name]}" for name, within in totals.percentiles.items()]
    at_once = f"{average:.1f} at once on average, {most_at_once(units)} at most"
    return f"{at_once}{'; half took up to ' if medians else ''}{', '.join(medians)}."


def _parts(totals: Totals) -> str:
    spent = sum(totals.parts.values())
    most = sorted(totals.parts.items(), key=lambda part: -part[1])
    told = [
        f"{share(length, spent)} {PART_WORDS[name]}" for name, length in most if length >= 0.005 * spent
    ]
    return f"Their time: {'; '.join(told)}."


def _hosts(totals: Totals) -> str:
    told = [
        f"{host.host} {share(host.units, totals.remote)} at {duration(host.seconds)} a unit"
        for host in totals.hosts[:_MOST_HOSTS]
        if host.units
    ]
    more = [f"and {len(totals.hosts) - _MOST_HOSTS} more"] if len(totals.hosts) > _MOST_HOSTS else []
    return f"Hosts: {', '.join([*told, *more])}."


def _saved(units: Sequence[UnitRecord], totals: Totals) -> str:
    saved = seconds_saved(units, totals.elapsed, os.cpu_count() or 1)
    return f"  About {duration(saved)} saved." if saved >= 1 else ""


def _slowest(units: Sequence[UnitRecord]) -> str:
    slowest = sorted(units, key=lambda unit: -unit.took)[:_SLOWEST]
    told = (f"{unit.file} {duration(unit.took)} ({unit.host or unit.became})" for unit in slowest)
    return f"Slowest: {', '.join(told)}."
