"""`twistd-stdio`: serve one connection on standard input and output.

In: the streams that ssh, inetd or xinetd opened.  Out: one reply.  `ssh HOST twistd-stdio` needs no
option at all; behind a super-server, `--allow` says which addresses may connect.  It starts once per
job: nothing here may import Twisted, or anything else that takes its time to load.
"""

from __future__ import annotations

import _socket
import argparse
import os
import stat
import sys
from collections.abc import Sequence
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.errors import EXIT_IO_ERROR, DistccError, sentence
from twisted_distcc.launcher.starting import hand_on_nothing
from twisted_distcc.observe.lines import LEVELS, LineFile, LineLog, Log
from twisted_distcc.policy.access import PRIVATE, AllowList
from twisted_distcc.policy.verdict import ALLOWED
from twisted_distcc.server.connection.peer_identity import is_network, stream_peer
from twisted_distcc.server.connection.streams import Streams, ToldToEndError
from twisted_distcc.server.daemon.preload import load_everything
from twisted_distcc.server.daemon.privileges import account, give_root_away
from twisted_distcc.server.daemon.stdio_service import serve_stdio
from twisted_distcc.server.daemon.termination import Ending
from twisted_distcc.server.job.policy_state import policy_of
from twisted_distcc.server.job.wiring import admit, make_recorders
from twisted_distcc.server.options.config import ServerConfig, command_list, search_path
from twisted_distcc.server.options.sandboxing import (
    JOB_LIFETIME,
    LIMIT_OPTIONS,
    MODES,
    SANDBOX_HELP,
    limits,
)

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2


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
    made.add_argument("--user", help="if started by root, become this user (distccd, distcc or nobody)")
    made.add_argument(
        "--identity", metavar="NAME", help="who it is that ssh lets in, where the account does not say"
    )
    made.add_argument(
        "--job-lifetime", type=int, default=JOB_LIFETIME, metavar="SECONDS",
        help=f"how long the compiler may run ({JOB_LIFETIME})",
    )  # fmt: skip
    made.add_argument(
        "-N", "--nice", type=int, default=5, help="nice level, added to the current one (5)"
    )
    made.add_argument("--compiler-root", default="", help="folder that compilers are looked for below")
    made.add_argument("--sysroot", help="accepted as distccd's; specs files are never taken")
    made.add_argument("--policy", metavar="FILE", help="rules: who may have what compiled")
    made.add_argument("--audit-log", metavar="FILE", help="file for an account of each job")
    made.add_argument("--log-file", help="file for log lines; without it there are none")
    made.add_argument(
        "--log-level", default="notice", choices=LEVELS, help="the least severe level to log"
    )
    made.add_argument("--verbose", action="store_true", help="log at level debug")
    made.add_argument("--sandbox", default="auto", choices=MODES, help=SANDBOX_HELP)
    for one in LIMIT_OPTIONS:
        made.add_argument(
            f"--{one.name}", type=one.read, default=one.default, metavar="N",
            help=f"{one.help} ({one.default})",
        )  # fmt: skip
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Serve, and exit."""
    say_nothing_to_the_client()
    options = parser().parse_args(argv)
    try:
        log = LineLog(LineFile(options.log_file or os.devnull), _level(options))
        _serve_or_log(options, log)
    except (DistccError, OSError) as error:
        print(f"twistd-stdio: {sentence(error)}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, DistccError) else EXIT_IO_ERROR)
    os._exit(0)  # whoever waits for our end need not wait for the interpreter's


def say_nothing_to_the_client() -> None:
    """Give standard error up where it is the connection itself, as super-servers make it."""
    stderr = os.fstat(_STDERR)
    if stat.S_ISSOCK(stderr.st_mode) and os.path.samestat(stderr, os.fstat(_STDIN)):
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nothing, _STDERR)
        os.close(nothing)


def _level(options: argparse.Namespace) -> str:
    return "debug" if options.verbose else options.log_level


def _serve_or_log(options: argparse.Namespace, log: Log) -> None:
    try:
        _serve(options, log)
    except (DistccError, OSError) as error:
        log.error("{error}", error=error)
        raise


def _serve(options: argparse.Namespace, log: Log) -> None:
    config = _config(options)
    hand_on_nothing()
    os.nice(config.nice)
    connection = _connection()
    peer = stream_peer(connection, options.identity, os.environ)
    # Whom ssh starts us for is let in already; whoever comes from a network is not.
    recorders = make_recorders(config, log)
    if os.geteuid() == 0:
        load_everything(config)
    # Nothing of the client's was read yet.
    give_root_away(account(options.user))
    verdict = admit(config, recorders, peer) if is_network(connection) else ALLOWED
    ending = Ending()
    try:
        streams = Streams(_STDIN, _STDOUT, ending.descriptor)
        serve_stdio(config, streams, peer, verdict, recorders, log)
    except ToldToEndError:
        ending.end()


def _connection() -> _socket.socket | None:
    """Give the socket that standard input is, if it is one."""
    if not stat.S_ISSOCK(os.fstat(_STDIN).st_mode):
        return None
    return _socket.socket(fileno=os.dup(_STDIN))


def _config(options: argparse.Namespace) -> ServerConfig:
    private = PRIVATE if options.allow_private else ()
    return ServerConfig(
        allow=AllowList.parse((*options.allow, *private)),
        listen=(),
        port=0,
        jobs=1,
        folders=search_path(os.environ, options.compiler_root),
        commands=command_list(os.environ),
        compiler_root=options.compiler_root.rstrip("/"),
        job_lifetime=options.job_lifetime,
        nice=options.nice,
        sandbox=options.sandbox,
        limits=limits({one.name: getattr(options, one.name.replace("-", "_")) for one in LIMIT_OPTIONS}),
        policy=policy_of(options.policy, ()),
        audit_log=options.audit_log and os.path.abspath(options.audit_log),
    )


if __name__ == "__main__":
    main()
