"""A user's hosts: a frozen `HostList`, as written in distcc's hosts grammar (see `hosts_grammar`).

A `TcpHost` is called over TCP, an `SshHost` by ssh, an `EngineHost` is a Remote Execution engine, and
`Localhost` is this machine.  Each is shown to people as they would write it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from twisted_distcc.client.settings import Notice
from twisted_distcc.errors import EXIT_BAD_HOSTS, DistccError

DEFAULT_PORT = 3632
DEFAULT_TLS_PORT = 3634

REMOTE_LIMIT = 4
"""The default limit on concurrent jobs of a server."""
_LOCAL_LIMIT = 2
_LOCAL_SLOTS = 4
_LOCAL_SLOTS_CPP = 8


class BadHostsError(DistccError):
    """A host list has an invalid word, and its reader does not tolerate that."""

    exit_code = EXIT_BAD_HOSTS


class _Written:
    """Mixin of hosts, which are shown to people as they would write them."""

    __slots__ = ()

    @property
    def spec(self) -> str:
        """The shortest word for this host."""
        return str(self)


@dataclass(frozen=True, slots=True)
class TcpHost(_Written):
    """A server that is called over TCP, with or without TLS.

    `name` is a host name or an address, without brackets; `limit` is how many jobs at once.
    """

    name: str
    port: int = DEFAULT_PORT
    limit: int = REMOTE_LIMIT
    compress: bool = False
    pump: bool = False
    tls: bool = False

    def __str__(self) -> str:
        usual = self.port == usual_port(tls=self.tls) and self.name != "localhost"
        port = "" if usual else f":{self.port}"
        options = _flags(lzo=self.compress, cpp=self.pump, tls=self.tls)
        return f"{_bracketed(self.name)}{port}{_slash(self.limit)}{options}"

    @property
    def lock_name(self) -> str:
        """The name of this host in distcc's lock files."""
        return f"tcp_{self.name}_{self.port}"


@dataclass(frozen=True, slots=True)
class SshHost(_Written):
    """A server that ssh starts: `command`, or the default, as `user`, or ssh's default user."""

    user: str | None
    name: str
    command: str | None = None
    limit: int = REMOTE_LIMIT
    compress: bool = False
    pump: bool = False

    def __str__(self) -> str:
        command = "" if self.command is None else f":{self.command}"
        options = _flags(lzo=self.compress, cpp=self.pump)
        return f"{self.user or ''}@{_bracketed(self.name)}{_slash(self.limit)}{command}{options}"

    @property
    def lock_name(self) -> str:
        """The name of this host in distcc's lock files, which omits the user."""
        return f"ssh_{self.name}"


@dataclass(frozen=True, slots=True)
class EngineHost(_Written):
    """An engine that speaks the Remote Execution API.

    Attributes:
        name: its host name or address, without brackets.
        port: its port.
        limit: how many jobs at once.
        tls: whether it is called with TLS.
        text: whether it gets preprocessed text, for the compiler that its workers have.
    """

    name: str
    port: int
    limit: int = REMOTE_LIMIT
    tls: bool = False
    text: bool = False

    def __str__(self) -> str:
        scheme = "grpcs" if self.tls else "grpc"
        return f"{scheme}://{self.authority}{_slash(self.limit)}{_flags(text=self.text)}"

    @property
    def authority(self) -> str:
        """Its name and port, as HTTP has them."""
        return f"{_bracketed(self.name)}:{self.port}"

    @property
    def lock_name(self) -> str:
        """The name of this host in lock files, as of a server at this place."""
        return f"tcp_{self.name}_{self.port}"

    @property
    def compress(self) -> bool:
        """Whether text is sent compressed, which is for distcc's protocol."""
        return False

    @property
    def pump(self) -> bool:
        """Whether its user vouches that it can preprocess, which is for servers of distcc."""
        return False


@dataclass(frozen=True, slots=True)
class Localhost(_Written):
    """The client's own machine, where the compiler is run directly."""

    limit: int = _LOCAL_LIMIT

    def __str__(self) -> str:
        return "localhost" if self.limit == _LOCAL_LIMIT else f"localhost/{self.limit}"

    @property
    def lock_name(self) -> str:
        """The name of this machine in distcc's lock files."""
        return "localhost"


RemoteHost = TcpHost | SshHost | EngineHost
Host = RemoteHost | Localhost


Discovered: TypeAlias = Literal["", "plain", "tls"]
"""Which servers that announce themselves are hosts: none, all, or those that take certificates."""


@dataclass(frozen=True, slots=True)
class HostList:
    """A complete host list: the hosts, in order of preference, and the options for all of them.

    `words` are the hosts as they were written, and `source` is where the list was found.  `down` are
    words for hosts that are set aside, `bad` those that are invalid, each with the reason.
    """

    hosts: tuple[Host, ...] = ()
    localslots: int = _LOCAL_SLOTS
    localslots_cpp: int = _LOCAL_SLOTS_CPP
    randomize: bool = False
    zeroconf: Discovered = ""
    down: tuple[str, ...] = ()
    bad: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Warnings for the user about what the list asks for and will not get."""
        source = f" in {self.source}" if self.source else ""
        return tuple(Notice(f'"{word}"{source} is ignored', reason) for word, reason in self.bad)

    @property
    def why_empty(self) -> str | None:
        """The reason why nothing can be distributed, in distcc's words; `None` if there are hosts."""
        if self.hosts:
            return None
        if self.zeroconf:
            return "+zeroconf has found no servers yet (the agent looks); can't distribute work"
        found = f"{self.source} contained no hosts" if self.source else "no hostlist is set"
        return f"{found}; can't distribute work"

    def with_more(self, hosts: Sequence[Host]) -> HostList:
        """Return this list with more hosts at its end."""
        words = (*self.words, *map(str, hosts))
        return replace(self, hosts=(*self.hosts, *hosts), words=words) if hosts else self

    @property
    def local_jobs(self) -> Localhost:
        """The client's machine, for jobs that cannot be distributed.

        distcc counts these, preprocessing and the compiles on a listed `localhost` with the same
        lock files, each up to its own limit, so that a machine is not loaded three times over.
        """
        return Localhost(self.localslots)

    @property
    def preprocessing(self) -> Localhost:
        """The client's machine, for preprocessing what will be compiled elsewhere."""
        return Localhost(self.localslots_cpp)


def usual_port(*, tls: bool) -> int:
    """Return the default port of a server."""
    return DEFAULT_TLS_PORT if tls else DEFAULT_PORT


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _slash(limit: int) -> str:
    return "" if limit == REMOTE_LIMIT else f"/{limit}"


def _flags(**flags: bool) -> str:
    return "".join(f",{name}" for name, is_set in flags.items() if is_set)
