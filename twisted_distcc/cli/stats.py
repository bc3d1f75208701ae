"""`twisted-distcc stats`: what has become of the user's units so far, as `ccache -s` does."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from twisted_distcc.cli.journal_access import (
    PART_WORDS,
    counted,
    duration,
    own_directory,
    read_units,
    say,
    share,
    size,
)
from twisted_distcc.client.journal.journal_file import JournalFile, Units
from twisted_distcc.client.journal.totals import PERCENTS, Totals
from twisted_distcc.errors import DistccError, sentence

_WORDS = {
    "files": "on servers, from their files",
    "text": "on servers, preprocessed here",
    "local": "on this machine",
    "failed": "not at all: failed",
    "interrupted": "not at all: interrupted",
}
_MOST_REASONS = 12
_WIDTH = 38
_COLUMN = 12
_HOST_WIDTH = 30
_HOST_COLUMN = 10


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
    yield f"{counted(totals.units, 'unit')} since {since}{_others(totals)}"
    if units.damaged:
        yield f"{counted(units.damaged, 'line')} of the journal cannot be read"
    blocks = (_became(totals), _reasons(totals), _hosts(totals), _times(totals), _parts(totals))
    for block in blocks:
        rows = list(block)
        if len(rows) > 1:
            yield ""
            yield from rows


def _others(totals: Totals) -> str:
    others = counted(totals.others, "other command")
    return f", and {others} that compiled none" if totals.others else ""


def _became(totals: Totals) -> Iterator[str]:
    yield _row("Compiled", "units", "share")
    for name, count in totals.became.items():
        yield _row(f"  {_WORDS[name]}", str(count), share(count, totals.units))


def _reasons(totals: Totals) -> Iterator[str]:
    yield "Why on this machine"
    for reason, count in totals.reasons[:_MOST_REASONS]:
        yield f"  {count:6}  {reason}"
    if rest := sum(count for _, count in totals.reasons[_MOST_REASONS:]):
        yield f"  {rest:6}  for other reasons"


def _hosts(totals: Totals) -> Iterator[str]:
    width = max(_HOST_WIDTH, *(len(host.host) + 3 for host in totals.hosts), 0)
    names = ("units", "share", "per unit", "compiler", "failures")
    yield _row("Hosts", *names, width=width, column=_HOST_COLUMN)
    for host in totals.hosts:
        times = [duration(host.seconds), duration(host.compiler)] if host.units else ["-", "-"]
        part = share(host.units, totals.remote)
        values = (str(host.units), part, *times, str(host.failures))
        yield _row(f"  {host.host}", *values, width=width, column=_HOST_COLUMN)


def _times(totals: Totals) -> Iterator[str]:
    yield _row("Time of a unit, at most", *(f"for {percent} %" for percent in PERCENTS))
    for name, within in totals.percentiles.items():
        yield _row(f"  {_WORDS[name]}", *map(duration, within.values()))


def _parts(totals: Totals) -> Iterator[str]:
    spent = sum(totals.parts.values())
    yield _row("Time of all units", "time", "share")
    for name, seconds in totals.parts.items():
        yield _row(f"  {PART_WORDS[name]}", duration(seconds), share(seconds, spent))
    if totals.remote:
        yield ""
        yield _row("Servers' processor time", duration(totals.cpu))
        yield _row("Sent to servers", size(totals.sent))
        yield _row("Received from servers", size(totals.received))


def _row(name: str, *values: str, width: int = _WIDTH, column: int = _COLUMN) -> str:
    return f"{name:{width}}" + "".join(f"{value:>{column}}" for value in values)
