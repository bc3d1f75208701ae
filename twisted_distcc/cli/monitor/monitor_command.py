"""The command line of `twisted-distcc monitor`, and its loops."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Final

from twisted_distcc.cli.interrupted import interrupted_by_sigterm
from twisted_distcc.cli.journal_access import own_directory, say
from twisted_distcc.cli.monitor.pace import pause_after
from twisted_distcc.cli.monitor.watching import Watcher, limits_of
from twisted_distcc.cli.reactor_run import run_to_end
from twisted_distcc.errors import DistccError, sentence

_INTERVAL: Final = 0.5
_SHORTEST: Final = 0.1
_LONGEST: Final = 3600.0


def main(arguments: Sequence[str]) -> int:
    """Watch until it is interrupted, and return the exit status."""
    options = _options(arguments)
    try:
        watcher = Watcher(own_directory(), limits_of(os.environ))
        with interrupted_by_sigterm(), suppress(KeyboardInterrupt):
            (_serve if options.web else _watch)(watcher, options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be written is nobody's business
    except (DistccError, OSError) as error:
        print(f"twisted-distcc monitor: {sentence(error)}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc monitor",
        usage="twisted-distcc monitor [--once | --web [--port PORT]] [--interval SECONDS]",
        description="Watch your compiles, those of C distcc as well: what each slot of each host does,"
        " what is compiled on this machine and why, and how far the build is.",
        epilog="In a terminal it fills the screen until you press Ctrl-C.  Otherwise it prints a line"
        " for each unit that ends.",
        allow_abbrev=False,
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--once", action="store_true", help="print what happens now, and exit")
    either.add_argument(
        "--web",
        action="store_true",
        help="serve a live page to browsers on this machine, and print its address",
    )
    parser.add_argument(
        "--port",
        type=int,
        choices=range(65536),
        metavar="PORT",
        help="where to serve the page (default: 3634, or any port if that is taken)",
    )
    parser.add_argument(
        "--interval",
        type=seconds,
        default=_INTERVAL,
        metavar="SECONDS",
        help=f"how often to look (default: {_INTERVAL:g})",
    )
    return parser


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.port is not None and not options.web:
        parser.error("--port is of use only with --web")
    return options


def seconds(word: str) -> float:
    """Return the interval that a word of the command line means."""
    interval = float(word)
    if not _SHORTEST <= interval <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{word} is not between {_SHORTEST:g} and {_LONGEST:g}")
    return interval


def _watch(watcher: Watcher, options: argparse.Namespace) -> None:
    if options.once:
        _show_once(watcher)
    elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        _show_screen(watcher, options.interval)
    else:
        _show_lines(watcher, options.interval)


def _serve(watcher: Watcher, options: argparse.Namespace) -> None:
    from twisted_distcc.cli.monitor.build_page import serve_page

    run_to_end(lambda reactor: serve_page(reactor, watcher, options.port, options.interval))


def _show_once(watcher: Watcher) -> None:
    from twisted_distcc.cli.monitor.build_screen import lines_of

    say(lines_of(watcher.look()[0]))


def _show_lines(watcher: Watcher, interval: float) -> None:
    from twisted_distcc.cli.monitor.build_screen import line_of

    while True:
        began = time.process_time()
        say(line_of(unit) for unit in watcher.look()[1])
        sys.stdout.flush()
        time.sleep(pause_after(time.process_time() - began, interval))


def _show_screen(watcher: Watcher, interval: float) -> None:
    """Fill the screen; when it is given back, what became of the build stays there."""
    from rich.console import Console
    from rich.live import Live

    from twisted_distcc.cli.monitor.build_screen import drawn, summary

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what the terminal's character set lacks
    console = Console(highlight=False, markup=False, emoji=False)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                began = time.process_time()
                view, _ = watcher.look()
                live.update(drawn(view, *console.size), refresh=True)
                time.sleep(pause_after(time.process_time() - began, interval))
    finally:
        say(summary(watcher.look()[0]))
