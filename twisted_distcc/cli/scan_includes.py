"""`tdistcc --scan-includes COMPILER ARGS…`: list the files that a server would be sent.

The output has a line for each file, link and folder, in the form described in distcc(1).  Nothing is
compiled, and no server is contacted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from twisted_distcc.agent.handover import own_umask, working_directory, write_all
from twisted_distcc.cli.found_files import find_files
from twisted_distcc.cli.tdistcc_about import say
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere, compiler_of
from twisted_distcc.client.invocation import Invocation, Report
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.report import Reminders, make_report
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.pump.unit import NotForServersError


def main(command: Sequence[str], messages: int) -> int:
    """Print the lines for `command`, report to the descriptor `messages`, and return the exit status."""

    def tell(line: bytes) -> None:
        write_all(messages, line)

    report = make_report(os.environ, tell, Reminders(time.monotonic), UnitWatch(build=os.getpgrp()))
    return say(lambda: scan_includes(command, report))


def scan_includes(command: Sequence[str], report: Report) -> str:
    """Return the lines for `command`, and report the outcome to `report`.

    Raises:
        DistccError: if it would not be sent to a server; the text says why.
    """
    if not command:
        raise _error("--scan-includes wants a command: tdistcc --scan-includes gcc -c hello.c")
    invocation = Invocation(tuple(command), working_directory(), dict(os.environ), own_umask())
    report.say(f"scanning includes: {' '.join(command)}")
    try:
        found = find_files(Candidate.of(invocation, compiler_of(invocation)))
    except (StaysHere, NotForServersError) as reason:
        report.say(f"no server would be sent files: {reason}")
        raise _error(f"no server would be sent files: {reason}") from reason
    laid = found.laid
    report.say(
        f"{len(laid.files)} files, {len(laid.links)} links and {len(laid.folders)} folders would be sent"
    )
    lines = [
        *(f"FILE      {path}" for path in laid.files),
        *(f"SYMLINK   {path}" for path, _ in laid.links),
        *(f"DIRECTORY {path}" for path in laid.folders),
    ]
    return "".join(f"{_printable(line)}\n" for line in lines)


def _printable(line: str) -> str:
    return os.fsencode(line).decode(errors="replace")


def _error(text: str) -> DistccError:
    error = DistccError(text)
    error.exit_code = EXIT_BAD_ARGUMENTS
    return error
