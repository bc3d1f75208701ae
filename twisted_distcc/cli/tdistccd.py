"""`tdistccd`: the server behind C distccd's own command line, so that an init script works unchanged.

In: distccd's options.  Out: the same words said to `twistd distccd`, or to `twistd-stdio` when a
super-server started us.  What distccd has and this server has not is refused in a sentence.  It detaches
by itself, not as twistd does: whoever starts it reads why it could not start, and gets distccd's status.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any, Final

from twisted_distcc.cli import twistd_stdio
from twisted_distcc.cli.versions import version_lines
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS
from twisted_distcc.observe.lines import SYSLOG
from twisted_distcc.server.daemon.detaching import detached
from twisted_distcc.server.options.bounds import CLIENT_ROWS
from twisted_distcc.server.options.sandboxing import LIMIT_OPTIONS

_GSS_API = "GSS-API is not supported; use TLS, with --tls-certificate and --allow-user"
# Options of distccd's that are not built: whether they take a value, and what to do instead.
_NOT_BUILT: Final[Mapping[str, tuple[bool, str]]] = MappingProxyType(
    {
        "zeroconf": (False, "zeroconf is not built yet; name this server in hosts lists"),
        "stats": (False, "the statistics page is not built yet; each job has a line in the log"),
        "stats-port": (True, "the statistics page is not built yet; each job has a line in the log"),
        "auth": (False, _GSS_API),
        "show-principal": (False, _GSS_API),
        "blacklist": (True, _GSS_API),
        "whitelist": (True, _GSS_API),
    }
)
# Passed on as they are: to the server, and those of the second row to a server on streams too.
_FLAGS = ("allow_private", "verbose", "enable_tcp_insecure")
_DAEMON_VALUES = (
    "user", "port", "jobs", "nice", "pid_file", "lifetime", "log_level", "job_lifetime",
    "oom_score_adj", "compiler_root", "sysroot", "policy", "audit_log", "tls_port",
    "tls_certificate", "tls_key", "tls_ca", "tls_crl",
)  # fmt: skip
_INETD_VALUES = (
    "user", "nice", "job_lifetime", "log_level", "log_file", "compiler_root", "sysroot", "policy",
    "audit_log",
)  # fmt: skip
_SANDBOX = ("sandbox", *(one.name for one in LIMIT_OPTIONS))
_CLIENTS = tuple(str(row[0]) for row in CLIENT_ROWS)


class _Parser(argparse.ArgumentParser):
    """Exits as distccd does when an option is wrong."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Say what is wrong in one sentence, and exit."""
        self.exit(EXIT_BAD_ARGUMENTS, f"{self.prog}: {message} (--help names all options)\n")


class _NotBuilt(argparse.Action):
    """An option that is understood, and not built."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Refuse it in one sentence."""
        name = self.option_strings[0]
        parser.exit(EXIT_BAD_ARGUMENTS, f"{parser.prog}: {name}: {self.const}\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the version apart, and begins as distccd does, where scripts look for it."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")


def parser(program: str = "tdistccd") -> argparse.ArgumentParser:
    """Make the reader of distccd's command line, for who calls us `program`."""
    made = _Parser(
        prog=program,
        description="A distcc compile server.",
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    made.add_argument("--version", action="version", version=version_lines(program))
    mode = made.add_argument_group("mode")
    mode.add_argument("--daemon", action="store_true", help="listen on a port")
    mode.add_argument("--inetd", action="store_true", help="serve the connection on standard input")
    mode.add_argument("--no-detach", action="store_true", help="stay in the foreground")
    mode.add_argument("--no-fork", action="store_true", help="the same: this server never forks")
    mode.add_argument("--wizard", action="store_true", help="foreground, debug messages on stderr")
    mode.add_argument("--user", help="if started by root, become this user")
    mode.add_argument("--lifetime", metavar="SECONDS", help="end after so long")
    network = made.add_argument_group("network")
    network.add_argument("-a", "--allow", action="append", default=[], metavar="IP[/BITS]")
    network.add_argument("--allow-private", action="store_true", help="all private networks")
    network.add_argument("--listen", action="append", default=[], metavar="ADDRESS")
    network.add_argument("-p", "--port")
    network.add_argument("--enable-tcp-insecure", action="store_true", help="run any command")
    network.add_argument("--policy", metavar="FILE", help="rules: who may have what compiled")
    network.add_argument("--allow-user", action="append", default=[], metavar="NAME")
    tls = made.add_argument_group("TLS")
    tls.add_argument("--tls-port", metavar="PORT")
    for what in ("certificate", "key", "ca", "crl"):
        tls.add_argument(f"--tls-{what}", metavar="FILE")
    jobs = made.add_argument_group("jobs")
    jobs.add_argument("-j", "--jobs", metavar="LIMIT")
    jobs.add_argument("-N", "--nice", metavar="LEVEL")
    jobs.add_argument("--oom-score-adj", metavar="SCORE")
    jobs.add_argument("--job-lifetime", metavar="SECONDS")
    jobs.add_argument("--compiler-root", metavar="DIR", help="look for compilers below this folder")
    jobs.add_argument("--sysroot", metavar="DIR", help="accepted; specs files are never taken")
    for name in _SANDBOX:
        jobs.add_argument(f"--{name}", metavar="MODE" if name == "sandbox" else "N")
    for name in _CLIENTS:
        network.add_argument(f"--{name}", metavar="N")
    log = made.add_argument_group("log")
    log.add_argument("-P", "--pid-file", metavar="FILE")
    log.add_argument("--log-file", metavar="FILE")
    log.add_argument("--audit-log", metavar="FILE", help="an account of each job")
    log.add_argument("--log-stderr", action="store_true")
    log.add_argument("--log-level", metavar="LEVEL")
    log.add_argument("--verbose", action="store_true", help="log at level debug")
    for name, (has_value, instead) in _NOT_BUILT.items():
        made.add_argument(
            f"--{name}", action=_NotBuilt, nargs=None if has_value else 0, const=instead,
            help=argparse.SUPPRESS,
        )  # fmt: skip
    return made


def is_inetd(options: argparse.Namespace) -> bool:
    """Say whether the connection is on standard input: told so, or because it is a socket."""
    if options.daemon or options.wizard:
        return False
    return bool(options.inetd) or stat.S_ISSOCK(os.fstat(0).st_mode)


def inetd_argv(options: argparse.Namespace) -> list[str]:
    """Give the words for `twistd-stdio`."""
    flags = [name for name in _FLAGS if name != "enable_tcp_insecure"]
    return [
        *_values(options, (*_INETD_VALUES, *_SANDBOX)),
        *_flags(options, flags),
        *_repeated(options, "allow"),
    ]


def stays(options: argparse.Namespace) -> bool:
    """Say whether the server stays in the foreground."""
    return bool(options.no_detach or options.no_fork or options.wizard)


def logs_to_stderr(options: argparse.Namespace, syslog: bool) -> bool:
    """Say whether it logs to standard error: told so, or in the foreground where there is no syslog."""
    if options.log_stderr or options.wizard:
        return True
    return not (options.log_file or syslog) and stays(options)


def twistd_argv(options: argparse.Namespace, syslog: bool) -> list[str]:
    """Return the words for `twistd`, which is not to detach; `syslog` says whether there is one."""
    stderr = logs_to_stderr(options, syslog)
    argv = ["--pidfile=", "--nodaemon"]
    if not (stderr or options.log_file):
        argv += ["--syslog", "--prefix=distccd"]
    values = (*_DAEMON_VALUES, *_SANDBOX, *_CLIENTS)
    argv += ["distccd", *_values(options, values), *_flags(options, _FLAGS)]
    if options.wizard and not options.verbose:
        argv.append("--verbose")
    if stderr or options.log_file:
        argv.append(f"--log-file={'-' if stderr else options.log_file}")
    repeated = ("allow", "allow_user", "listen")
    return [*argv, *(word for name in repeated for word in _repeated(options, name))]


def _values(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    return [
        f"--{name.replace('_', '-')}={value}"
        for name in names
        if (value := getattr(options, name.replace("-", "_"))) is not None
    ]


def _flags(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in names if getattr(options, name)]


def _repeated(options: argparse.Namespace, name: str) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for value in getattr(options, name)]


def main(argv: Sequence[str] | None = None) -> None:
    """Become the server that the command line asks for."""
    twistd_stdio.say_nothing_to_the_client()
    options = parser(os.path.basename(sys.argv[0])).parse_args(argv)
    if is_inetd(options):
        twistd_stdio.main(inetd_argv(options))
        return
    syslog = os.path.exists(SYSLOG)
    sys.argv = ["tdistccd", *twistd_argv(options, syslog)]
    with nullcontext() if stays(options) else detached(keep_stderr=logs_to_stderr(options, syslog)):
        _run()


def _run() -> None:
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main()
