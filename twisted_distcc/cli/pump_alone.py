"""An include server that outlives the command that started it: pump(1)'s `--startup` and `--shutdown`.

`exports` prints the variables by which a shell finds the server; `shut_down` ends it and shows what it
logged.  Only an include server is ever ended: its socket must belong to the process that the variables
name.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from twisted_distcc.runtime.peer_credentials import peer_credentials

SOCKET: Final = "socket"
_LOG: Final = "log"


def exports(pid: int, folder: str) -> str:
    """Return shell commands that set the variables of the server `pid`, as distcc's own pump does."""
    variables = {
        "INCLUDE_SERVER_PID": str(pid),
        "INCLUDE_SERVER_DIR": folder,
        "INCLUDE_SERVER_PORT": f"{folder}/{SOCKET}",
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def log_into(folder: str) -> None:
    """Redirect standard error to a file, which `shut_down` shows."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    log = os.open(f"{folder}/{_LOG}", flags, 0o600)
    os.dup2(log, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(log)


def shut_down(environ: Mapping[str, str]) -> int:
    """End the server that the variables lead to, show what it logged, and return the exit status.

    If it is gone already, that is no failure.
    """
    place = environ.get("INCLUDE_SERVER_PORT", "")
    pid = _pid_at(place)
    if pid is None or str(pid) != environ.get("INCLUDE_SERVER_PID"):
        _say("there is no include server where INCLUDE_SERVER_PORT and INCLUDE_SERVER_PID point")
        return 0
    with open(Path(place).with_name(_LOG), errors="replace") as log:
        _end(pid)
        sys.stderr.write(log.read())
    return 0


def _pid_at(path: str) -> int | None:
    """Return the process of this user that listens at `path`, if there is one."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(path)
        except OSError:
            return None
        server = peer_credentials(asking)
    return server.pid if server.uid == os.getuid() else None


def _end(pid: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    select.select([pidfd], [], [])
    os.close(pidfd)


def _say(text: str) -> None:
    print(f"pump: {text}", file=sys.stderr)
