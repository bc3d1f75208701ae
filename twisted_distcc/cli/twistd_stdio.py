"""`twistd-stdio`: serve one connection on standard input and output.

In: the streams that ssh, inetd or xinetd opened.  Out: one reply.  `ssh HOST twistd-stdio` needs no
option at all; behind a super-server, `--allow` says which addresses may connect.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.errors import EXIT_FAILURE, DistccError
from twisted_distcc.observe.lines import LEVELS
from twisted_distcc.policy.access import PRIVATE, AllowList
from twisted_distcc.server.config import ServerConfig, command_list, search_path

_NULL: Final = "/dev/null"


def parser() -> argparse.ArgumentParser:
    """Make the reader of the command line."""
    made = argparse.ArgumentParser(
        prog="twistd-stdio", description="Serve one distcc connection on standard input and output."
    )
    made.add_argument("--version", action="version", version=f"twisted_distcc {__version__}")
    made.add_argument("--inetd", action="store_true", help="accepted for distccd's sake")
    made.add_argument(
        "-a", "--allow", action="append", default=[], metavar="ADDRESS[/BITS]",
        help="behind a super-server: let clients connect from this network (repeatable)",
    )  # fmt: skip
    made.add_argument(
        "--allow-private", action="store_true", help="behind a super-server: all private networks"
    )
    made.add_argument(
        "--job-lifetime", type=int, metavar="SECONDS", help="how long the compiler may run"
    )
    made.add_argument("-N", "--nice", type=int, default=5, help="be so much nicer (5)")
    made.add_argument("--sysroot", default="", help="folder that compilers are looked for below")
    made.add_argument("--log-file", default=_NULL, help="file for log lines; without it there are none")
    made.add_argument(
        "--log-level", default="notice", choices=LEVELS, help="the least severe level to log"
    )
    made.add_argument("--verbose", action="store_true", help="log at level debug")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Serve, and exit."""
    options = parser().parse_args(argv)
    try:
        _serve(options)
    except (DistccError, OSError) as error:
        print(f"twistd-stdio: {error}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, DistccError) else EXIT_FAILURE)


def _serve(options: argparse.Namespace) -> None:
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred
    from twisted.internet.task import react
    from twisted.logger import globalLogBeginner

    from twisted_distcc.observe.logs import LogFile
    from twisted_distcc.server.stdio import serve_stdio

    level = "debug" if options.verbose else options.log_level
    observer = LogFile(options.log_file).from_level(level)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    config = _config(options)
    os.nice(config.nice)
    react(lambda _: Deferred.fromCoroutine(serve_stdio(config, reactor)))


def _config(options: argparse.Namespace) -> ServerConfig:
    private = PRIVATE if options.allow_private else ()
    return ServerConfig(
        allow=AllowList.parse((*options.allow, *private)),
        listen=(),
        port=0,
        jobs=1,
        folders=search_path(os.environ, options.sysroot),
        commands=command_list(os.environ),
        sysroot=options.sysroot.rstrip("/"),
        job_lifetime=options.job_lifetime,
        nice=options.nice,
    )


if __name__ == "__main__":
    main()
