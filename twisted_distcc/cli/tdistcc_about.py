"""What `tdistcc` prints about itself: `--help`, `--version`, `--show-hosts`, `-j`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted_distcc.cli.versions import version_lines
from twisted_distcc.client.hosts import HostList, Localhost
from twisted_distcc.client.hosts_grammar import find_hosts
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError

_HELP = """\
Usage:
   {0} [--scan-includes] [COMPILER] [COMPILER OPTIONS] -o OBJECT -c SOURCE
   {0} [--help|--version|--show-hosts|-j]

Options:
   COMPILER          "cc" if the first word is an option or a file
   --help            explain the usage, and exit
   --version         show the version, and exit
   --show-hosts      show the hosts, one a line, and exit
   -j                show how many jobs the hosts take together, and exit
   --scan-includes   show the files that a server would be sent, and exit

A link to tdistcc by a compiler's name, such as gcc, compiles with that compiler.

The hosts come from $DISTCC_HOSTS, $DISTCC_DIR/hosts (~/.distcc/hosts) or /etc/distcc/hosts:

   localhost         run here                 HOST:PORT/LIMIT   other port, number of jobs
   HOST              TCP, port 3632           USER@HOST, @HOST  over ssh
   HOST,lzo          compress                 HOST,lzo,cpp      preprocess there (pump)
   HOST,tls          TLS with certificates    --randomize       in any order

DISTCC_VERBOSE=1 tells where each file is compiled, and why; DISTCC_LOG=FILE writes that to a file.
"""
_NOTHING_ASKED = """\
{0}: no compiler or option is given
Try `{0} --help' for more information.
"""


def about(arguments: Sequence[str], program: str = "tdistcc") -> int:
    """Print what `arguments` asks for, as `program`, and return the exit status."""
    option = arguments[0] if arguments else ""
    if option not in _OPTIONS:
        sys.stderr.write(_NOTHING_ASKED.format(program))
        return EXIT_BAD_ARGUMENTS
    return say(lambda: _OPTIONS[option](program))


def say(what: Callable[[], str]) -> int:
    """Print what a function returns, or the error that it raises, and return the exit status."""
    try:
        said = what()
    except DistccError as error:
        sys.stderr.write(f"tdistcc: {error}\n")
        return error.exit_code
    sys.stdout.write(said)
    sys.stdout.flush()
    return 0


def _hosts() -> HostList:
    hosts = _with_found(find_hosts(os.environ, _read_text))
    for warning in (*hosts.warnings, *filter(None, (hosts.why_empty,))):
        sys.stderr.write(f"tdistcc: Warning: {warning}\n")
    return hosts


def _with_found(hosts: HostList) -> HostList:
    """Return the hosts with those that announce themselves now, if the list asks for them."""
    if not hosts.zeroconf:
        return hosts
    from twisted_distcc.client.discovering import found_now, with_found

    return with_found(hosts, found_now())


def _read_text(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="surrogateescape")
    except OSError:
        return None


def _show_hosts(_program: str) -> str:
    return "".join(f"{word}\n" for word in _hosts().words)


def _show_jobs(_program: str) -> str:
    hosts = _hosts().hosts or (Localhost(),)
    return f"{sum(host.limit for host in hosts)}\n"


def _show_principal(_program: str) -> str:
    return "Principal: none, as GSS-API is not supported\n"


_OPTIONS: dict[str, Callable[[str], str]] = {
    "--help": _HELP.format,
    "--version": version_lines,
    "--show-hosts": _show_hosts,
    "--show-principal": _show_principal,
    "-j": _show_jobs,
}
