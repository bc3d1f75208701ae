"""Say how a fault of a host is mended: the fault says what happened, this says what to do."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Final

from twisted_distcc.cli.doctor.findings import Finding, fault
from twisted_distcc.cli.probing.host_reports import HostReport
from twisted_distcc.client.backends.engine_way import MissingLibrariesError
from twisted_distcc.client.backends.host_faults import (
    AnotherCompilerError,
    BadReplyError,
    CannotConnectError,
    HostError,
    NoAnswerError,
    RefusedByHostError,
    SlowHostError,
    UntrustedError,
)
from twisted_distcc.client.hosts import (
    DEFAULT_PORT,
    DEFAULT_TLS_PORT,
    EngineHost,
    RemoteHost,
    SshHost,
    TcpHost,
)
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_IO_ERROR

_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\]?")
_START: Final = "twistd distccd --allow-private    # there: starts a server"


def mended(report: HostReport) -> Finding:
    """Return the finding for a host that could not be asked."""
    host, error = report.host, report.fault
    assert error is not None
    said = _said(error)
    if isinstance(host, SshHost):
        return fault(*_by_ssh(host, said))
    if isinstance(host, EngineHost):
        return fault(f"{host} {said}", _of_engine(host, error))
    why, mend = _by_tcp(report, host, error, said)
    return fault(f"{host} {said}{why}", mend)


def _by_tcp(report: HostReport, host: TcpHost, error: HostError, said: str) -> tuple[str, str]:
    """Return what is to be added to a fault of a host that is called over TCP, and what mends it."""
    why = ""
    mend = f"ssh {host.name} journalctl -u distccd    # says why"
    match error:
        case CannotConnectError():
            mend = _reach(report, host, said)
        case UntrustedError():
            mend = _trust(host, said)
        case SlowHostError():
            why = ": it accepts connections, and falls silent"
            mend = f"ssh {host.name} systemctl restart distccd    # or what listens on port {host.port}"
        case RefusedByHostError(exit_code=code) if code == EXIT_ACCESS_DENIED:
            mend = f"twistd distccd --allow {_address(said)}    # there: admits this machine"
        case RefusedByHostError(exit_code=code) if code == EXIT_IO_ERROR:
            mend = f"ssh {host.name} df -h /tmp    # its disk is full, or not writable"
        case NoAnswerError():
            why = ": so does C distccd to whom it does not allow, and what is no distcc server"
            mend = f"ssh {host.name} distccd --daemon --allow ADDRESS    # of this machine"
        case BadReplyError():
            why = f": what listens on port {host.port} is no distcc server"
            mend = f"write the port of the server after {host.name}, as in {host.name}:{DEFAULT_PORT}"
    return why, mend


def _of_engine(host: EngineHost, error: HostError) -> str:
    """Return what mends a fault of a Remote Execution engine."""
    match error:
        case MissingLibrariesError():
            return "pip install 'twisted_distcc[remote-execution]'    # where tdistcc is installed"
        case UntrustedError():
            return "renew the token or certificate for it: doc/remote-execution.md tells where they are"
        case AnotherCompilerError():
            return f"take {host} off the hosts list, or have its workers use the input root as their /"
        case _:
            return f"nc -vz {host.name} {host.port}    # does it listen, and is that the engine?"


def _said(error: HostError) -> str:
    """Return the fault without what Twisted says around it."""
    said = error.fault
    for wrapping in (
        "Connection to the other side was lost in a non-clean fashion: ",
        "Connection was refused by other side: ",
    ):
        said = said.replace(wrapping, "")
    return said.replace(": 111: Connection refused.", ": connection refused").rstrip(".")


def _reach(report: HostReport, host: TcpHost, said: str) -> str:
    if report.open_ports:
        port = report.open_ports[0]
        right = replace(host, port=port, tls=port == DEFAULT_TLS_PORT)
        return f"write {right} in the hosts list: port {port} is open there"
    if "lookup" in said or "no results" in said:
        return f"getent hosts {host.name}    # write a name that resolves, or an address"
    if "in time" in said:
        return f"ping {host.name}    # is it up, and does a firewall let TCP port {host.port} pass?"
    return _START


def _trust(host: TcpHost, said: str) -> str:
    if "expired" in said:
        return f"twisted-distcc certs renew {host.name}    # where the authority is; then copy it there"
    if "who you are" in said:
        return "twisted-distcc certs user $USER    # where the authority is"
    return "twisted-distcc certs show    # where the authority is"


def _address(said: str) -> str:
    found = _ADDRESS.search(said)
    return found[0].strip("[]") if found else "ADDRESS"


def _by_ssh(host: SshHost, said: str) -> tuple[str, str]:
    """Return what is wrong with a host that ssh leads to, and what mends it."""
    login = shlex.quote(f"{host.user}@{host.name}" if host.user else host.name)
    text = f"{host} {said}"
    if "Permission denied" in said:
        return (
            f"{host}: ssh asks for a password, and nobody is there to type it: {said}",
            f"ssh-copy-id {login}    # or ssh-add, if your key has a passphrase",
        )
    if "ost key verification failed" in said or "authenticity" in said:
        return f"{host}: ssh asks whether to trust its key: {said}", f"ssh {login} true    # answer once"
    if "not found" in said or "No such file" in said:
        right: RemoteHost = replace(host, command="/opt/twisted-distcc/bin/twistd-stdio")
        return text, f"write {right} in the hosts list: the path of the server there"
    return text, f"ssh -o BatchMode=yes {login} true    # has to end without a word"
