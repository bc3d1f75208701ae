"""The server as twistd runs it: its service and its log, built from options.

`make_service` returns a service that has opened its ports already, or ends the process with distccd's
exit status and a message on standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from twisted.application.service import IService
from twisted.logger import ILogObserver
from twisted.python.components import Componentized

from twisted_distcc.errors import EXIT_IO_ERROR, DistccError, sentence
from twisted_distcc.observe.lines import SYSLOG
from twisted_distcc.observe.logs import LogFile, SystemLog
from twisted_distcc.server.daemon.detaching import ready
from twisted_distcc.server.daemon.privileges import (
    PrivilegeError,
    account,
    hand_over,
    is_root,
    numbered_account,
)
from twisted_distcc.server.daemon.service import DistccService
from twisted_distcc.server.options.account import Account
from twisted_distcc.server.options.parsing import log_level, server_config

_NO_SYSLOG: Final = f"no syslog listens at {SYSLOG}, so log lines are lost: name a file with --log-file"
_NOBODY_ELSE_WRITES: Final = 0o022
# How many characters twistd's first process reads from the one that has detached.
_WORD_LENGTH: Final = 100


class _LoggedService(DistccService):
    """The service, which adds its own log observer to the application that it becomes a part of."""

    observer: ILogObserver | None = None
    twistd: Mapping[str, Any] = MappingProxyType({})

    def privilegedStartService(self) -> None:
        """Open what needs root, and give up root; an error ends the process."""
        try:
            super().privilegedStartService()
        except (DistccError, OSError) as error:
            raise self._ended(error) from None

    def startService(self) -> None:
        """Serve; an error ends the process, for example if a sandbox is required but unavailable."""
        try:
            super().startService()
        except (DistccError, OSError) as error:
            raise self._ended(error) from None
        ready()

    def _ended(self, error: DistccError | OSError) -> SystemExit:
        """Log why we end, and return the exception that ends us.

        twistd's first process waits for a message from the one that has detached.  An exit would send
        none, and it would wait for ever: so it is told here, in as many characters as it reads.
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


def make_service(values: Mapping[str, Any], twistd: MutableMapping[str, Any]) -> IService:
    """Return the service, on the global reactor; its ports are open already.

    Args:
        values: the values of all server options.
        twistd: twistd's own options; those that choose a user are cleared.
    """
    os.umask(os.umask(0) | _NOBODY_ELSE_WRITES)  # twistd's pid file, say, tells root whom to kill
    try:
        service = _make_service(values, twistd)
        service.listen()
    except (DistccError, OSError) as error:
        raise _end(error) from None
    return service


def _end(error: DistccError | OSError) -> SystemExit:
    # When the service starts, twistd has replaced `sys.stderr` with its log.
    print(f"distccd: {sentence(error)}", file=sys.__stderr__)
    return SystemExit(getattr(error, "exit_code", EXIT_IO_ERROR))


def _account(user: str | None, twistd: MutableMapping[str, Any]) -> Account | None:
    """Return the user that root becomes, by our own option or twistd's.

    twistd's own switch verifies nothing afterwards, so we do it in its place.
    """
    if not is_root():
        return None
    uid, gid = twistd.get("uid"), twistd.get("gid")
    if uid is not None and user is not None:
        raise PrivilegeError("--user and twistd's --uid both name a user: leave one of them out")
    twistd["uid"] = twistd["gid"] = None
    chosen = account(user) if uid is None else numbered_account(uid)
    return chosen if chosen is None or gid is None else numbered_account(chosen.uid, gid)


def _make_service(values: Mapping[str, Any], twistd: MutableMapping[str, Any]) -> _LoggedService:
    from twisted.internet import reactor

    if values["user"] is not None and not is_root():
        _LoggedService.log.warn("--user is for a server that root starts, and was ignored")
    if values["sysroot"] is not None:
        _LoggedService.log.warn("--sysroot is for specs files, which are not used; see --compiler-root")
    config = replace(server_config(values, os.environ), account=_account(values["user"], twistd))
    path = _log_path(values, twistd)
    log = None if twistd.get("logger") and path is None else _log(path, twistd)
    service = _LoggedService(config, reactor, *(() if log is None else (log.reopen,)))
    if log is not None:
        service.observer = log.from_level(log_level(values))
    service.twistd = twistd
    for file in (path, config.audit_log):
        if file not in (None, "-"):
            hand_over(file, config.account)
    return service


def _log_path(values: Mapping[str, Any], twistd: Mapping[str, Any]) -> str | None:
    """Return the file to log to, `-` for standard error, or `None` for neither."""
    path: str | None = values["log-file"]
    if path is None and not (twistd.get("logger") or twistd.get("syslog")):
        path = twistd.get("logfile") or ("-" if twistd.get("nodaemon") else None)
    return path if path in (None, "-") else os.path.abspath(path)


def _log(path: str | None, twistd: Mapping[str, Any]) -> LogFile | SystemLog:
    """Open the log; by default a daemon logs to syslog, as C distccd does."""
    if path is not None:
        return LogFile(None if path == "-" else path)
    if not os.path.exists(SYSLOG):
        print(f"distccd: {_NO_SYSLOG}", file=sys.__stderr__)
    return SystemLog(twistd["prefix"] if twistd.get("syslog") else "distccd")
