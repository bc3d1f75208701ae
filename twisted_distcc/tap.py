"""`twistd distccd`: its options, made into a configuration, made into a service.

In: a command line and the environment.  Out: a service, and an observer that writes the log.  The
options are distccd's own by name and meaning; nothing below this module knows of options.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

from twisted.application.service import IService
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized

from twisted_distcc import __version__
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_IO_ERROR, DistccError, sentence
from twisted_distcc.observe.lines import LEVELS, SYSLOG
from twisted_distcc.observe.logs import LogFile, SystemLog
from twisted_distcc.policy.access import PRIVATE, AllowList
from twisted_distcc.server.daemon.detaching import ready
from twisted_distcc.server.daemon.privileges import (
    PrivilegeError,
    account,
    hand_over,
    is_root,
    numbered_account,
)
from twisted_distcc.server.daemon.service import DistccService
from twisted_distcc.server.job.policy_state import policy_of
from twisted_distcc.server.options.account import Account
from twisted_distcc.server.options.bounds import CLIENT_ROWS, ceilings, deadlines
from twisted_distcc.server.options.config import (
    PORT,
    ServerConfig,
    command_list,
    default_jobs,
    search_path,
)
from twisted_distcc.server.options.sandboxing import (
    JOB_LIFETIME,
    LIMIT_OPTIONS,
    SANDBOX_HELP,
    limits,
    mode,
)
from twisted_distcc.server.options.tls_config import TLS_PORT, gives_tls, tls_config

_NOBODY_MAY_CONNECT = (
    "nobody may connect yet: give --allow ADDRESS[/BITS], once for each network of clients, or "
    "--allow-private for this machine and all private networks, or --tls-certificate and its kin for "
    "clients with certificates"
)
_NOBODY_IS_NAMED = (
    "nobody may use the TLS port yet: give --allow-user NAME, once for each user ('*' for all whom the "
    "authority has certified), or --policy FILE"
)


def _number(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers between `least` and `most`."""

    def read(text: str) -> int:
        if not text.lstrip("-").isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return read


_NO_SYSLOG: Final = f"no syslog listens at {SYSLOG}, so log lines are lost: name a file by --log-file"
# Characters that twistd's first process reads of the one that has detached.
_NOBODY_ELSE_WRITES: Final = 0o022
_WORD_LENGTH = 100
_COUNT = _number(1, 100_000)


def _named(row: list[object]) -> list[object]:
    """Let the reader of an option say whose value it cannot read."""
    name, letter, default, about, *readers = row

    def read(text: str) -> object:
        (reader,) = readers
        assert callable(reader)
        try:
            return reader(text)
        except ValueError as error:
            raise usage.UsageError(f"--{name}: {error}") from None

    return [name, letter, default, about, read] if readers else row


_SANDBOX_ROWS: list[list[object]] = [
    [one.name, None, one.read(one.default), one.help, one.read] for one in LIMIT_OPTIONS
]


_ROWS: list[list[object]] = [
    ["port", "p", PORT, "TCP port to listen on.", _number(0, 65535)],
    ["jobs", "j", None, "Compilers that may run at a time [processors + 2].", _COUNT],
    ["nice", "N", 5, "Nice level, added to the one that it is started with.", _number(0, 20)],
    ["oom-score-adj", None, None, "OOM-killer score adjustment.", _number(-1000, 1000)],
    ["job-lifetime", None, JOB_LIFETIME, "Seconds that one compiler may run.", _COUNT],
    ["lifetime", None, None, "Seconds that this server lives.", _COUNT],
    ["log-file", None, None, "File for log lines [a daemon: syslog; else standard error]."],
    ["log-level", None, "notice", f"The least severe level to log: {', '.join(LEVELS)}."],
    ["user", None, None, "If started by root, become this user [distccd, distcc or nobody]."],
    ["pid-file", "P", None, "File for this server's process number."],
    ["policy", None, None, "File of rules: who may have what compiled, and on which terms."],
    ["audit-log", None, None, "File for an account of each job, one JSON object a line."],
    ["compiler-root", None, "", "Folder that compilers are looked for below."],
    ["sysroot", None, None, "Accepted as distccd's, whose specs files this server never takes."],
    ["sandbox", None, "auto", SANDBOX_HELP, mode],
    *CLIENT_ROWS,
    *_SANDBOX_ROWS,
    ["tls-port", None, TLS_PORT, "TCP port for clients with certificates.", _number(0, 65535)],
    ["tls-certificate", None, None, "File with this server's certificate; it opens the TLS port."],
    ["tls-key", None, None, "File with the certificate's key."],
    ["tls-ca", None, None, "File with the authority that clients' certificates come from."],
    ["tls-crl", None, None, "File with the certificates that the authority has revoked."],
]


class Options(usage.Options):
    """The options of `twistd distccd`."""

    synopsis = "[options]"
    longdesc = "Serve distcc compilations over TCP."
    optFlags: ClassVar[list[list[str | None]]] = [
        ["allow-private", None, "Let this machine and all private networks connect."],
        [
            "enable-tcp-insecure",
            None,
            "Run whatever command a client names, not compilers alone.  Whoever may connect can then"
            " do anything that this user can.",
        ],
        ["verbose", None, "Log at level debug."],
    ]
    optParameters: ClassVar[list[list[object]]] = [_named(row) for row in _ROWS]

    def __init__(self) -> None:
        super().__init__()
        self["allow"] = []
        self["listen"] = []
        self["allow-user"] = []

    def opt_allow(self, network: str) -> None:
        """Let clients connect from this address, or network such as 192.0.2.0/24 (repeatable)."""
        self["allow"].append(network)

    opt_a = opt_allow

    def opt_listen(self, address: str) -> None:
        """Listen on this IPv4 or IPv6 address (repeatable) [all addresses]."""
        self["listen"].append(address)

    def opt_allow_user(self, name: str) -> None:
        """Let whoever has a certificate of this name compile; `*` is any name (repeatable)."""
        self["allow-user"].append(name)

    def opt_version(self) -> None:
        """Show the version and exit."""
        print(f"twisted_distcc {__version__} (protocols 1, 2 and 3)")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; below twistd, say what is wrong with it in one sentence, and exit.

        Left to itself, twistd prints all options first.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            if self.parent is None:
                raise
            print(f"distccd: {error} (--help names all options)", file=sys.stderr)
            raise SystemExit(EXIT_BAD_ARGUMENTS) from None

    def postOptions(self) -> None:
        """Check what no single option can."""
        has_tls = gives_tls(self)
        if not (self["allow"] or self["allow-private"] or has_tls):
            raise usage.UsageError(_NOBODY_MAY_CONNECT)
        if has_tls and not (self["policy"] or self["allow-user"]):
            raise usage.UsageError(_NOBODY_IS_NAMED)
        if self["log-level"] not in LEVELS:
            raise usage.UsageError(f"--log-level is one of {', '.join(LEVELS)}")
        try:
            make_config(self, os.environ)
        except (DistccError, OSError) as error:
            raise usage.UsageError(str(error)) from None


def make_config(options: Mapping[str, Any], environ: Mapping[str, str]) -> ServerConfig:
    """Make a configuration of the options and of distccd's environment variables.

    Raises:
        DistccError: if a network, the policy or the command list is unusable.
        OSError: if the command list cannot be read.
    """
    private = PRIVATE if options["allow-private"] else ()
    return ServerConfig(
        allow=AllowList.parse((*options["allow"], *private)),
        listen=tuple(options["listen"]),
        port=options["port"],
        jobs=options["jobs"] or default_jobs(),
        folders=search_path(environ, options["compiler-root"]),
        commands=command_list(environ),
        any_command=bool(options["enable-tcp-insecure"]),
        compiler_root=options["compiler-root"].rstrip("/"),
        job_lifetime=options["job-lifetime"],
        lifetime=options["lifetime"],
        nice=options["nice"],
        oom_score_adj=options["oom-score-adj"],
        pid_file=options["pid-file"] and os.path.abspath(options["pid-file"]),
        sandbox=options["sandbox"],
        limits=limits(options),
        policy=policy_of(options["policy"], options["allow-user"]),
        audit_log=options["audit-log"] and os.path.abspath(options["audit-log"]),
        tls=tls_config(options),
        ceilings=ceilings(options),
        deadlines=deadlines(options),
    )


class _LoggedService(DistccService):
    """The service, which brings its own observer into the application that it becomes a part of."""

    observer: ILogObserver | None = None
    twistd: Mapping[str, Any] = MappingProxyType({})

    def privilegedStartService(self) -> None:
        """Take what root may take, and give root away; what fails ends us."""
        try:
            super().privilegedStartService()
        except (DistccError, OSError) as error:
            raise self._ended(error) from None

    def startService(self) -> None:
        """Serve; what fails ends us, as where a sandbox is required and cannot be made."""
        try:
            super().startService()
        except (DistccError, OSError) as error:
            raise self._ended(error) from None
        ready()

    def _ended(self, error: DistccError | OSError) -> SystemExit:
        """Log why we end, and give what ends us.

        twistd's first process waits for a word of the one that has detached.  It gets none of an exit,
        and would wait for ever: it is told here, in as many characters as it reads.
        """
        self.log.critical("{error}", error=sentence(error))
        if (pipe := self.twistd.get("statusPipe")) is not None:
            os.write(pipe, f"1 {sentence(error)}".encode("ascii", "backslashreplace")[:_WORD_LENGTH])
        return _end(error)

    def setServiceParent(self, parent: Any) -> None:
        """Become part of `parent`."""
        if self.observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.observer)
        super().setServiceParent(parent)


def makeService(options: Options) -> IService:
    """Make the service of `twistd distccd`, on the global reactor; it has its ports already."""
    os.umask(os.umask(0) | _NOBODY_ELSE_WRITES)  # twistd's pid file, for one, tells root whom to kill
    try:
        service = _make_service(options)
        service.listen()
    except (DistccError, OSError) as error:
        raise _end(error) from None
    return service


def _end(error: DistccError | OSError) -> SystemExit:
    # twistd has put its log in place of `sys.stderr` when the service starts.
    print(f"distccd: {sentence(error)}", file=sys.__stderr__)
    return SystemExit(getattr(error, "exit_code", EXIT_IO_ERROR))


def _account(user: str | None, twistd: MutableMapping[str, Any]) -> Account | None:
    """Give whom root becomes, by our own option or twistd's.

    twistd's own switch checks nothing afterwards: it is ours to do, and no more its.
    """
    if not is_root():
        return None
    uid, gid = twistd.get("uid"), twistd.get("gid")
    if uid is not None and user is not None:
        raise PrivilegeError("--user and twistd's --uid both name a user: leave one of them out")
    twistd["uid"] = twistd["gid"] = None
    chosen = account(user) if uid is None else numbered_account(uid)
    return chosen if chosen is None or gid is None else numbered_account(chosen.uid, gid)


def _make_service(options: Options) -> _LoggedService:
    from twisted.internet import reactor

    twistd: MutableMapping[str, Any] = options.parent or {}
    if options["user"] is not None and not is_root():
        _LoggedService.log.warn("--user is for a server that root starts, and was not looked at")
    if options["sysroot"] is not None:
        _LoggedService.log.warn("--sysroot is for specs files, which are not taken; see --compiler-root")
    config = replace(make_config(options, os.environ), account=_account(options["user"], twistd))
    path = _log_path(options, twistd)
    log = None if twistd.get("logger") and path is None else _log(path, twistd)
    service = _LoggedService(config, reactor, *(() if log is None else (log.reopen,)))
    if log is not None:
        service.observer = log.from_level("debug" if options["verbose"] else options["log-level"])
    service.twistd = twistd
    for file in (path, config.audit_log):
        if file not in (None, "-"):
            hand_over(file, config.account)
    return service


def _log_path(options: Options, twistd: Mapping[str, Any]) -> str | None:
    """Return the file to log to, or `-` for standard error; `None` if it is to be no file."""
    path: str | None = options["log-file"]
    if path is None and not (twistd.get("logger") or twistd.get("syslog")):
        path = twistd.get("logfile") or ("-" if twistd.get("nodaemon") else None)
    return path if path in (None, "-") else os.path.abspath(path)


def _log(path: str | None, twistd: Mapping[str, Any]) -> LogFile | SystemLog:
    """Open the log; a daemon that is told nothing else logs to syslog, as C distccd does."""
    if path is not None:
        return LogFile(None if path == "-" else path)
    if not os.path.exists(SYSLOG):
        print(f"distccd: {_NO_SYSLOG}", file=sys.__stderr__)
    return SystemLog(twistd["prefix"] if twistd.get("syslog") else "distccd")
