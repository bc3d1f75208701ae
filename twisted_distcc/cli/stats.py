"""`twisted-distcc stats`: what has become of the user's units so far, as `ccache -s` does."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from twisted_distcc.cli.journal_access import (
    duration,
    own_directory,
    read_units,
    say,
    share,
    size,
)
from twisted_distcc.client.journal.journal_file import JournalFile, Units
from twisted_distcc.client.journal.totals import Totals
from twisted_distcc.errors import DistccError, sentence

_WORDS = {
    "files": "on servers, from their files",
    "text": "on servers, preprocessed here",
    "local": "on this machine",
    "failed": "failed without being compiled",
    "interrupted": "interrupted",
}
_MOST_REASONS = 12


def main(arguments: Sequence[str]) -> int:
    """Print the statistics, or set them to zero, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.zero:
            JournalFile(own_directory()).zero()
            return 0
        units = read_units()
    except (DistccError, OSError) as error:
        print(f"twisted-distcc stats: {sentence(error)}", file=sys.stderr)
        return 1
    totals = Totals.of(units.units)
    if options.json:
        print(json.dumps({**asdict(totals), "damaged": units.damaged}, indent=2))
    else:
        say(lines(totals, units))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc stats",
        usage="twisted-distcc stats [--json | --zero]",
        description="Show how many compiles were sent to servers, and how that went.",
        epilog="The numbers come from a journal in DISTCC_DIR (~/.distcc), which keeps the latest units."
        "  DISTCC_JOURNAL=0 records nothing.",
        allow_abbrev=False,
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true", help="print a JSON object, with times in seconds")
    either.add_argument("--zero", "-z", action="store_true", help="start counting anew")
    return parser


def lines(totals: Totals, units: Units) -> Iterator[str]:
    """Yield the statistics, for people."""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(totals.began))
    yield f"{totals.units} units since {since}"
    for name, count in totals.became.items():
        yield _row(_WORDS[name], str(count), share(count, totals.units))
    if units.damaged:
        yield _row("lines of the journal that cannot be read", str(units.damaged))
    yield from _reasons(totals)
    yield from _hosts(totals)
    yield from _times(totals)


def _reasons(totals: Totals) -> Iterator[str]:
    if not totals.reasons:
        return
    yield "reasons for compiling on this machine"
    for reason, count in totals.reasons[:_MOST_REASONS]:
        yield f"  {count:6}  {reason}"
    if rest := sum(count for _, count in totals.reasons[_MOST_REASONS:]):
        yield f"  {rest:6}  other reasons"


def _hosts(totals: Totals) -> Iterator[str]:
    if not totals.hosts:
        return
    width = max(len("host"), *(len(host.host) for host in totals.hosts))
    yield f"  {'host':{width}}   units   share  failures  seconds/unit  compiler"
    for host in totals.hosts:
        part = share(host.units, totals.remote)
        times = f"{host.seconds:12.3f} {host.compiler:9.3f}" if host.units else ""
        yield f"  {host.host:{width}}  {host.units:6}  {part:>6}  {host.failures:8}  {times}".rstrip()


def _times(totals: Totals) -> Iterator[str]:
    for name, within in totals.percentiles.items():
        shown = ", ".join(f"{percent} % within {duration(time)}" for percent, time in within.items())
        yield _row(f"time of a unit {_WORDS[name]}", shown)
    spent = sum(totals.parts.values())
    for name, seconds in totals.parts.items():
        yield _row(f"time spent: {name}", duration(seconds), share(seconds, spent))
    yield _row("processor time on servers", duration(totals.cpu))
    yield _row("sent to servers", size(totals.sent))
    yield _row("received from servers", size(totals.received))


def _row(name: str, *values: str) -> str:
    return f"  {name:48}  " + "  ".join(f"{value:>10}" for value in values)
