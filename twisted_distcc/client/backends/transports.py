"""Transports to a server: TCP, plain or with TLS, and a command such as ssh that leads to one.

`endpoint_to` turns a host of the hosts list into an endpoint.
"""

from __future__ import annotations

import os
import shlex
import socket
import tempfile
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import IO, TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, execute
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.addresses import reachable
from twisted_distcc.client.backends.engine_access import engine_access
from twisted_distcc.client.backends.host_faults import CannotConnectError
from twisted_distcc.client.hosts import EngineHost, RemoteHost, SshHost, TcpHost
from twisted_distcc.client.settings import EngineVariables, Settings, TlsPaths
from twisted_distcc.client.terminal import shown
from twisted_distcc.runtime.processes import CannotStartError, Command, Ended, RunningProcess, Spawner

if TYPE_CHECKING:
    from twisted_distcc.client.backends.client_tls import Identities

# The default command on ssh hosts; it serves its standard streams.
_SERVER: Final = "distccd"
_SERVE_STREAMS: Final = "--inetd"
_INSTALLED: Final = "/opt/twisted-distcc/bin/twistd-stdio"
# How shells report that a command does not exist.
_NOT_FOUND: Final = ("not found", "Unknown command")
_LAST_WORDS: Final = 300
# Variables by which one ssh is another one's equal, or is not.
_HEEDED: Final = frozenset({"HOME", "USER", "LOGNAME", "PATH", "DISPLAY", "WAYLAND_DISPLAY"})
_HEEDED_PREFIXES: Final = ("SSH_", "KRB5", "XDG_", "DBUS_", "GPG_")


def endpoint_to(
    host: RemoteHost,
    settings: Settings,
    environ: Mapping[str, str],
    reactor: Any,
    spawn: Spawner,
    secured: SecureWay,
) -> IStreamClientEndpoint:
    """Return an endpoint for `host`; `reactor` provides `IReactorTCP` and `IReactorSocket`.

    Raises:
        UntrustedError: if the host requires a certificate, and there is none to present.
        CannotConnectError: if its address names an interface that this machine does not have, or must
            name one.
    """
    match host:
        case TcpHost(name, port, tls=True):
            endpoint = _tcp(name, port, settings.connect_timeout, reactor)
            return secured.to(host, endpoint, settings, reactor)
        case TcpHost(name, port):
            return _tcp(name, port, settings.connect_timeout, reactor)
        case EngineHost(name, port):
            endpoint = _tcp(name, port, settings.connect_timeout, reactor)
            return secured.to_engine(host, endpoint, settings.engines) if host.tls else endpoint
        case SshHost():
            argv = (*ssh_words(settings.ssh), *ssh_arguments(host))
            return CommandEndpoint(argv, environ, reactor, spawn, "" if host.command else _hint(host))


def session_key(host: RemoteHost, settings: Settings, environ: Mapping[str, str]) -> Hashable:
    """Return what tells a connection to `host` from those that other users or settings would make."""
    match host:
        case TcpHost(tls=True):
            return host, settings.tls, _stamps(settings.tls)
        case TcpHost() | EngineHost():
            return host
        case SshHost():
            heeded = ((name, environ[name]) for name in sorted(environ) if _is_heeded(name))
            return host, settings.ssh, tuple(heeded)


def _stamps(tls: TlsPaths) -> tuple[tuple[int, int] | None, ...]:
    """Return what tells credentials from those that were in the same files before."""
    return tuple(_stamp(path) for path in (tls.certificate, tls.key, tls.ca, tls.crl))


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _is_heeded(name: str) -> bool:
    """Whether ssh, or a program that it starts to connect or to ask, heeds the variable `name`."""
    return name in _HEEDED or name.startswith(_HEEDED_PREFIXES)


class SecureWay:
    """Connects to `,tls` hosts, and keeps their sessions.

    The modules that TLS needs are imported on first use: most users have no such hosts.
    """

    def __init__(self) -> None:
        self._identities: Identities | None = None

    def to(
        self, host: TcpHost, endpoint: IStreamClientEndpoint, settings: Settings, reactor: Any
    ) -> IStreamClientEndpoint:
        """Return a TLS endpoint for `host` on top of `endpoint`, or raise `UntrustedError`."""
        from twisted_distcc.client.backends.client_tls import Identities, TlsEndpoint, credential_files

        if self._identities is None:
            self._identities = Identities(time.time)
        identity = self._identities.of(credential_files(settings.tls))
        return TlsEndpoint(endpoint, host.name, host.port, identity, reactor)

    @staticmethod
    def to_engine(
        host: EngineHost, endpoint: IStreamClientEndpoint, variables: EngineVariables
    ) -> IStreamClientEndpoint:
        """Return a TLS endpoint for an engine on top of `endpoint`, or raise `UntrustedError`."""
        from twisted_distcc.client.backends.engine_tls import tls_endpoint

        return tls_endpoint(endpoint, host.name, engine_access(host, variables).tls)


def ssh_words(ssh: str) -> list[str]:
    """Split the value of `DISTCC_SSH` as a shell would, unless it is the path of a program."""
    if os.path.exists(ssh):
        return [ssh]
    try:
        return shlex.split(ssh) or [ssh]
    except ValueError:  # such as a quotation mark that stands alone
        return [ssh]


def ssh_arguments(host: SshHost) -> list[str]:
    """Return the ssh arguments that start a server on `host`."""
    user = ["-l", host.user] if host.user else []
    return [*user, host.name, host.command or _SERVER, _SERVE_STREAMS]


def _hint(host: SshHost) -> str:
    return f"name its server by a path, as in {replace(host, command=_INSTALLED)}"


def _tcp(name: str, port: int, timeout: float, reactor: Any) -> IStreamClientEndpoint:
    if not _is_address(name):
        return HostnameEndpoint(reactor, name, port, timeout)
    try:
        address = reachable(name)
    except ValueError as error:
        raise CannotConnectError(f"cannot be reached: {error}") from None
    endpoint = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
    return endpoint(reactor, str(address), port, timeout)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@implementer(IStreamClientEndpoint)
@dataclass(frozen=True, slots=True)
class CommandEndpoint:
    """Connects to a command, through a socket that serves as its standard input and output.

    Attributes:
        argv: the command.
        environ: its environment.
        reactor: provides `IReactorSocket`.
        spawn: starts it.
        hint: advice for the case that a shell at the other end finds no server.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    reactor: Any
    spawn: Spawner
    hint: str = ""

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Start the command, and connect a protocol of `protocolFactory` to it."""
        return execute(self._connect, protocolFactory)

    def _connect(self, factory: IProtocolFactory) -> IProtocol:
        ours, theirs = socket.socketpair()
        stderr = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the connection)
        with ours, theirs:
            command = Command(
                self.argv,
                self.environ,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=stderr.fileno(),
            )
            try:
                process = self.spawn(command)
            except CannotStartError as error:
                stderr.close()
                raise ConnectError(string=str(error)) from error
            wrapper = _CommandFactory(factory, process, stderr, self.hint)
            ours.setblocking(False)
            self.reactor.adoptStreamConnection(ours.fileno(), ours.family, wrapper)
        return wrapper.connected


class _CommandFactory(WrappingFactory):
    """Builds the one protocol that talks to a command."""

    noisy = False
    connected: IProtocol

    def __init__(
        self, factory: IProtocolFactory, process: RunningProcess, stderr: IO[bytes], hint: str
    ) -> None:
        super().__init__(factory)
        self.process = process
        self.stderr = stderr
        self.hint = hint

    def buildProtocol(self, addr: IAddress | None) -> _CommandProtocol:
        """Build the protocol, and keep the one that it wraps."""
        connected = self.wrappedFactory.buildProtocol(addr)
        self.connected = connected
        return _CommandProtocol(self, connected)  # type: ignore[arg-type]


class _CommandProtocol(ProtocolWrapper):
    """Ends the command with the connection, and reports the last lines of its standard error."""

    factory: _CommandFactory

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Wait for the command to end; only then does a launcher report that it could not be started."""
        self.factory.process.kill()
        self.factory.process.end().addBoth(self._ended, reason)

    def _ended(self, ended: Ended | Failure, reason: Failure) -> None:
        with self.factory.stderr as stderr:
            stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _LAST_WORDS))
            words = shown(stderr.read(), utf_8=True).decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(words) if line.strip()), "")
        if self.factory.hint and any(sign in said for sign in _NOT_FOUND):
            said = f"{said}; {self.factory.hint}"
        if isinstance(ended, Failure):
            reason = Failure(CannotConnectError(f"cannot be reached: {ended.getErrorMessage()}"))
        elif said:
            reason = Failure(ConnectionLost(said))
        super().connectionLost(reason)
