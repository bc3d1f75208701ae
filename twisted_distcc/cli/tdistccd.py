"""`tdistccd`: the server behind C distccd's own command line, so that an init script works unchanged.

It translates distccd's options for `twistd distccd`, or for `twistd-stdio` if a super-server started us.
An option that distccd has and this server lacks is refused with a message.  It detaches by itself, not
as twistd does: whoever starts it can read why it could not start, and gets distccd's exit status.
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
from twisted_distcc.server.options.table import (
    PORT_OPTIONS,
    SECTIONS,
    STREAM_OPTIONS,
    offered,
    words,
)

_GSS_API = "GSS-API is not supported; use TLS, with --tls-certificate and --allow-user"
# Options of distccd that we lack: whether they take a value, and what to do instead.
_NOT_BUILT: Final[Mapping[str, tuple[bool, str]]] = MappingProxyType(
    {
        "auth": (False, _GSS_API),
        "show-principal": (False, _GSS_API),
        "blacklist": (True, _GSS_API),
        "whitelist": (True, _GSS_API),
    }
)


class _Parser(argparse.ArgumentParser):
    """A parser that exits as distccd does when an option is wrong."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Print what is wrong in one sentence, and exit."""
        self.exit(EXIT_BAD_ARGUMENTS, f"{self.prog}: {message} (--help names all options)\n")


class _NotBuilt(argparse.Action):
    """An option that is recognised, but not supported."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Refuse the option in one sentence."""
        name = self.option_strings[0]
        parser.exit(EXIT_BAD_ARGUMENTS, f"{parser.prog}: {name}: {self.const}\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the version's line breaks, and starts with distccd's `Usage: `, which scripts look for."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")


def parser(program: str = "tdistccd") -> argparse.ArgumentParser:
    """Return the parser of distccd's command line, for a program called `program`."""
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
    mode.add_argument("--log-stderr", action="store_true", help="log to standard error")
    for title, options in SECTIONS:
        section = made.add_argument_group(title)
        for option in offered(PORT_OPTIONS, options):
            twistd_stdio.add_option(section, option)
    for name, (has_value, instead) in _NOT_BUILT.items():
        made.add_argument(
            f"--{name}", action=_NotBuilt, nargs=None if has_value else 0, const=instead,
            help=argparse.SUPPRESS,
        )  # fmt: skip
    return made


def is_inetd(options: argparse.Namespace) -> bool:
    """Return whether the connection is on standard input: by option, or because that is a socket."""
    if options.daemon or options.wizard:
        return False
    return bool(options.inetd) or stat.S_ISSOCK(os.fstat(0).st_mode)


def inetd_argv(options: argparse.Namespace) -> list[str]:
    """Return the arguments for `twistd-stdio`."""
    return words(vars(options), STREAM_OPTIONS)


def stays(options: argparse.Namespace) -> bool:
    """Return whether the server stays in the foreground."""
    return bool(options.no_detach or options.no_fork or options.wizard)


def logs_to_stderr(options: argparse.Namespace, syslog: bool) -> bool:
    """Return whether it logs to standard error: by option, or in the foreground without syslog."""
    if options.log_stderr or options.wizard:
        return True
    return not (_log_file(options) or syslog) and stays(options)


def twistd_argv(options: argparse.Namespace, syslog: bool) -> list[str]:
    """Return the arguments for `twistd`, which must not detach; `syslog` says whether there is one."""
    path = "-" if logs_to_stderr(options, syslog) else _log_file(options)
    to_syslog = [] if path else ["--syslog", "--prefix=distccd"]
    verbose = options.verbose or options.wizard
    given = {**vars(options), "log-file": path, "verbose": verbose}
    return ["--pidfile=", "--nodaemon", *to_syslog, "distccd", *words(given, PORT_OPTIONS)]


def _log_file(options: argparse.Namespace) -> str | None:
    return vars(options)["log-file"] or None


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
