"""`twistd-stdio`: serve one connection on standard input and output.

ssh, inetd or xinetd opens the streams.  `ssh HOST twistd-stdio` needs no option at all; behind a
super-server, `--allow` says which addresses may connect.  It starts once per job: nothing here may
import Twisted, or anything else that is slow to load.
"""

from __future__ import annotations

import _socket
import argparse
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted_distcc import __version__
from twisted_distcc.errors import EXIT_IO_ERROR, DistccError, sentence
from twisted_distcc.launcher.starting import hand_on_nothing
from twisted_distcc.observe.lines import LineFile, LineLog, Log
from twisted_distcc.policy.verdict import ALLOWED
from twisted_distcc.server.connection.peer_identity import is_network, stream_peer
from twisted_distcc.server.connection.streams import Streams, ToldToEndError
from twisted_distcc.server.daemon.preload import load_everything
from twisted_distcc.server.daemon.privileges import account, give_root_away
from twisted_distcc.server.daemon.stdio_service import serve_stdio
from twisted_distcc.server.daemon.termination import Ending
from twisted_distcc.server.job.wiring import admit, make_recorders
from twisted_distcc.server.options.parsing import log_level, server_config
from twisted_distcc.server.options.table import STREAM_OPTIONS, Option, offered, with_defaults

if TYPE_CHECKING:
    from argparse import _ActionsContainer

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2
# Any integer, without the bounds that the table sets for a server that listens.
_READERS: Final = {"nice": int, "job-lifetime": int}


def parser() -> argparse.ArgumentParser:
    """Return the command line parser."""
    made = argparse.ArgumentParser(
        prog="twistd-stdio",
        description="Serve one distcc connection on standard input and output.  "
        "Behind inetd or xinetd, --allow and --allow-private say who may connect.",
    )
    made.add_argument("--version", action="version", version=f"twisted_distcc {__version__}")
    made.add_argument("--inetd", action="store_true", help="accepted for compatibility with distccd")
    for option in offered(STREAM_OPTIONS):
        add_option(made, option, _READERS.get(option.name) or _typed(option.read))
    return made


def add_option(parser: _ActionsContainer, option: Option, read: Callable[[str], Any] = str) -> None:
    """Add `option` to `parser`; its value is what `read` returns, or `None` if it is not given."""
    names = [f"-{option.letter}"] if option.letter else []
    names.append(f"--{option.name}")
    if not option.value:
        parser.add_argument(*names, dest=option.name, action="store_true", help=option.about)
        return
    action = "append" if option.repeatable else "store"
    parser.add_argument(
        *names, dest=option.name, action=action, metavar=option.value, type=read, help=option.about
    )


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wrap `read` such that argparse shows its message for a value that it cannot read."""

    def wrapped(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return wrapped


def main(argv: Sequence[str] | None = None) -> None:
    """Serve, and exit."""
    say_nothing_to_the_client()
    values = with_defaults(vars(parser().parse_args(argv)))
    try:
        log = LineLog(LineFile(values["log-file"] or os.devnull), log_level(values))
        _serve_or_log(values, log)
    except (DistccError, OSError) as error:
        print(f"twistd-stdio: {sentence(error)}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, DistccError) else EXIT_IO_ERROR)
    os._exit(0)  # spares whoever waits for us the interpreter's shutdown


def say_nothing_to_the_client() -> None:
    """Give up standard error if it is the connection itself, as super-servers make it."""
    stderr = os.fstat(_STDERR)
    if stat.S_ISSOCK(stderr.st_mode) and os.path.samestat(stderr, os.fstat(_STDIN)):
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nothing, _STDERR)
        os.close(nothing)


def _serve_or_log(values: Mapping[str, Any], log: Log) -> None:
    try:
        _serve(values, log)
    except (DistccError, OSError) as error:
        log.error("{error}", error=error)
        raise


def _serve(values: Mapping[str, Any], log: Log) -> None:
    config = server_config(values, os.environ)
    hand_on_nothing()
    os.nice(config.nice)
    connection = _connection()
    peer = stream_peer(connection, values["identity"], os.environ)
    # A client that came by ssh has been let in already; one that came by network has not.
    recorders = make_recorders(config, log)
    if os.geteuid() == 0:
        load_everything(config)
    # Nothing that the client sent has been read yet.
    give_root_away(account(values["user"]))
    verdict = admit(config, recorders, peer) if is_network(connection) else ALLOWED
    ending = Ending()
    try:
        streams = Streams(_STDIN, _STDOUT, ending.descriptor)
        serve_stdio(config, streams, peer, verdict, recorders, log)
    except ToldToEndError:
        ending.end()


def _connection() -> _socket.socket | None:
    """Return standard input as a socket, if it is one."""
    if not stat.S_ISSOCK(os.fstat(_STDIN).st_mode):
        return None
    return _socket.socket(fileno=os.dup(_STDIN))


if __name__ == "__main__":
    main()
