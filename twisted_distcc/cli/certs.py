"""`twisted-distcc certs ...`: a certificate authority for a farm, from the command line.

Each command prints what it did and which commands to run next, and the process exits with 0, or 1 after
an error.  The work on certificates is done by `twisted_distcc.tls.authority`.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from twisted_distcc.cli import certs_words as words
from twisted_distcc.client.settings import distcc_directory, whole_number
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.tls.authority import AUTHORITY_LIFE, LIVES, Authority, utc_now
from twisted_distcc.tls.authority.issued import Role
from twisted_distcc.tls.authority.scope import read_scope, usual_scope


class NowhereError(DistccError):
    """The authority's folder is unknown."""

    exit_code = EXIT_BAD_ARGUMENTS


def main(arguments: Sequence[str]) -> int:
    """Run the command, print its output line by line, and return the exit status."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Path], Iterator[str]] = options.run
    try:
        for line in run(options, _folder(options.authority, os.environ)):
            print(line)
    except (DistccError, OSError) as error:
        print(f"twisted-distcc certs: {error}", file=sys.stderr)
        return 1
    return 0


def _init(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    scope = read_scope(options.permit) if options.permit else usual_scope(socket.getfqdn())
    return words.after_init(Authority.create(folder, scope))


def _server(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    return words.after_issue([Authority(folder).issue_server(options.hosts, options.days)])


def _user(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    return words.after_issue([Authority(folder).issue_user(options.name, options.days)])


def _show(_: argparse.Namespace, folder: Path) -> Iterator[str]:
    return words.overview(folder, Authority(folder).overview(), utc_now())


def _renew(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    return words.after_issue(Authority(folder).renew(options.which, options.within, options.days))


def _revoke(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    authority = Authority(folder)
    return words.after_revocation(authority, authority.revoke(options.which))


def _crl(_: argparse.Namespace, folder: Path) -> Iterator[str]:
    authority = Authority(folder)
    return words.after_list(authority, authority.renew_list())


def _folder(wanted: str | None, environ: Mapping[str, str]) -> Path:
    if wanted is None:
        directory = distcc_directory(environ)
        if directory is None:
            raise NowhereError("neither DISTCC_DIR nor HOME is set; say where with --authority DIR")
        wanted = os.path.join(directory, "authority")
    return Path(os.path.abspath(wanted))


_AUTHORITY: Final = "where the authority is (default: $DISTCC_DIR/authority, or ~/.distcc/authority)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc certs",
        description="Make, renew and revoke the certificates of a farm that speaks TLS.",
        allow_abbrev=False,
    )
    parser.add_argument("--authority", metavar="DIR", help=_AUTHORITY)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = _command(commands, "init", _init, "make the authority, once")
    command.add_argument(
        "--permit",
        metavar="NAME|NETWORK",
        action="append",
        help="a domain (.example.org), host, address or network (10.0.0.0/8) that it may sign"
        " certificates for; may be given again; `any` sets no bounds (default: private networks, and"
        " the domain of this machine)",
    )
    command = _command(commands, "server", _server, "make the certificate of one server")
    command.add_argument("hosts", metavar="HOST", nargs="+", help="all its names and addresses")
    _add_days(command, f"{LIVES[Role.SERVER].days}")
    command = _command(commands, "user", _user, "make the certificate of a user")
    command.add_argument("name", metavar="NAME", help="what servers know the user by")
    _add_days(command, f"{LIVES[Role.USER].days}")
    _command(commands, "show", _show, "list the certificates, and which expire soon")
    command = _command(commands, "renew", _renew, "make new certificates for those that expire soon")
    command.add_argument(
        "which", metavar="NAME|SERIAL", nargs="*", help="renew these, whenever they expire"
    )
    command.add_argument(
        "--within",
        metavar="DAYS",
        type=_days,
        help="what counts as soon (default: a quarter of the certificate's life, and 30 days at most)",
    )
    _add_days(command, "as long as the old ones")
    command = _command(commands, "revoke", _revoke, "revoke the certificates of a server or a user")
    command.add_argument(
        "which", metavar="NAME|SERIAL", help="all certificates of a name, or the one with that number"
    )
    _command(commands, "crl", _crl, "sign the list of revoked certificates again")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace, Path], Iterator[str]],
    summary: str,
) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}."
    command = commands.add_parser(name, help=summary, description=description, allow_abbrev=False)
    # A missing option here must not override one given before the command.
    command.add_argument("--authority", metavar="DIR", default=argparse.SUPPRESS, help=_AUTHORITY)
    command.set_defaults(run=run)
    return command


def _add_days(command: argparse.ArgumentParser, usual: str) -> None:
    command.add_argument("--days", type=_days, help=f"how long it is valid (default: {usual})")


def _days(text: str) -> timedelta:
    days = whole_number(text)
    if not days or days > AUTHORITY_LIFE.days:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days, 1 to {AUTHORITY_LIFE.days}")
    return timedelta(days=days)
