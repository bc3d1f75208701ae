"""What `tdistcc` says of itself: `--help`, `--version`, `--show-hosts`, `-j`, `--scan-includes`.

In: an option of tdistcc's own.  Out: text, and an exit status.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted_distcc import __version__
from twisted_distcc.client.hosts import HostList, Localhost, find_hosts
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError

SCAN = "--scan-includes"
_HELP = """\
usage: tdistcc COMPILER [OPTIONS]     compile with COMPILER, on one of the hosts
       tdistcc [OPTIONS]              the same with cc
       gcc [OPTIONS]                  the same with gcc, where gcc is a link to tdistcc

       tdistcc --show-hosts           show the hosts, one a line
       tdistcc -j                     show how many jobs they take together
       tdistcc --scan-includes COMPILER [OPTIONS]
                                      show the files that a server would be sent
       tdistcc --version | --help

The hosts come from DISTCC_HOSTS, ~/.distcc/hosts or /etc/distcc/hosts, such as

       DISTCC_HOSTS='localhost/2 red:3632/8 blue/8,lzo @green'

DISTCC_VERBOSE=1 tells where each file is compiled, and why.
"""


def about(arguments: Sequence[str]) -> int:
    """Say what `arguments` asks for, and give the exit status."""
    option = arguments[0] if arguments else ""
    try:
        said = _scan_includes(arguments[1:]) if option == SCAN else _OPTIONS[option]()
    except KeyError:
        sys.stderr.write(_HELP)
        return EXIT_BAD_ARGUMENTS
    except DistccError as error:
        sys.stderr.write(f"tdistcc: {error}\n")
        return error.exit_code
    sys.stdout.write(said)
    sys.stdout.flush()
    return 0


def _hosts() -> HostList:
    return find_hosts(os.environ, _read_text)


def _read_text(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="surrogateescape")
    except OSError:
        return None


def _show_hosts() -> str:
    return "".join(f"{host}\n" for host in _hosts().hosts)


def _show_jobs() -> str:
    hosts = _hosts().hosts or (Localhost(),)
    return f"{sum(host.limit for host in hosts)}\n"


def _show_version() -> str:
    return f"tdistcc {__version__} (protocols 1, 2 and 3)\n"


def _show_principal() -> str:
    return "tdistcc knows no GSS-API principals\n"


def _scan_includes(command: Sequence[str]) -> str:
    from twisted_distcc.cli.scan_includes import scan_includes
    from twisted_distcc.cli.tdistcc import command_of

    return scan_includes(command_of(["tdistcc", *command]) or [])


_OPTIONS: dict[str, Callable[[], str]] = {
    "--help": lambda: _HELP,
    "--version": _show_version,
    "--show-hosts": _show_hosts,
    "--show-principal": _show_principal,
    "-j": _show_jobs,
}
