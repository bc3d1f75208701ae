"""`twisted-distcc SUBCOMMAND`: everything that is neither the server nor the compiler's stand-in.

This module knows the names of the subcommands and one sentence about each.  A subcommand's module is
imported when it is asked for, and parses its own options.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import twisted_distcc


@dataclass(frozen=True, slots=True)
class Subcommand:
    """The module of a subcommand, and one sentence about what it does.

    The module has a function `main(arguments)`, which returns the exit status.
    """

    module: str
    summary: str


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "certs": Subcommand(
        "twisted_distcc.cli.certs",
        "make, renew and revoke the certificates of a farm that speaks TLS",
    ),
    "demo": Subcommand(
        "twisted_distcc.cli.demo",
        "build a real C library alone and through a farm on this machine, and compare",
    ),
    "doctor": Subcommand(
        "twisted_distcc.cli.doctor",
        "find out what is wrong with a farm, and how to mend it; explain rules",
    ),
    "explain": Subcommand(
        "twisted_distcc.cli.explain",
        "say where a compile could be done, what it reads and makes, and why",
    ),
    "hosts": Subcommand(
        "twisted_distcc.cli.farm_hosts",
        "list the hosts, and ask each what it is and what it can do",
    ),
    "masquerade": Subcommand(
        "twisted_distcc.cli.masquerade",
        "make links named gcc, g++, clang, ... that send compiles to the farm",
    ),
    "monitor": Subcommand(
        "twisted_distcc.cli.monitor",
        "watch your compiles as they happen",
    ),
    "pump": Subcommand(
        "twisted_distcc.cli.pump",
        "run a build whose C distcc has its sources preprocessed by servers",
    ),
    "report": Subcommand(
        "twisted_distcc.cli.build_report",
        "say what happened in the last build, and what would help most",
    ),
    "stats": Subcommand(
        "twisted_distcc.cli.stats",
        "show how many compiles were sent to servers, and how that went",
    ),
    "toolchain": Subcommand(
        "twisted_distcc.cli.toolchain_command",
        "say what of a compiler is sent to servers that have none, and try it out",
    ),
    "verify": Subcommand(
        "twisted_distcc.cli.verify",
        "compile a build here and through the farm, and compare every byte",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand that `arguments` (default: the process's own) names; return its status."""
    parsed = _parser().parse_args(arguments)
    subcommand = SUBCOMMANDS[parsed.subcommand]
    status: int = import_module(subcommand.module).main(parsed.arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, SUBCOMMANDS))
    rows = (f"  {name:{width}}  {known.summary}" for name, known in SUBCOMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="twisted-distcc",
        usage="twisted-distcc SUBCOMMAND [OPTION]...",
        description="Share C and C++ compiles with other machines.",
        epilog="subcommands:\n" + "\n".join(rows) + "\n\nEach has a --help of its own.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"twisted-distcc {twisted_distcc.__version__}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("subcommand", choices=SUBCOMMANDS, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
