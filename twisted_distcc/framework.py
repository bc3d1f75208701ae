"""The public API, for programs of your own: a distcc server, a distcc client, and what they exchange.

These names, and `twisted_distcc.testing`, change only with a note in the changelog.  Everything else may
move from one version to the next.

A server is a `DistccServerFactory` around a function that gets a `Request` and its `Peer`, and returns a
`Reply`; `command_of` tells it which compiler is meant.  A client is a `DistccClient` around an endpoint;
its `compile` gets a `Request`, and returns a Deferred of a `Reply`.
"""

from __future__ import annotations

from warnings import warn

from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    CannotConnectError,
    HostError,
    LostConnectionError,
    SlowHostError,
)
from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.file_content import Contents, FileContent
from twisted_distcc.errors import DistccError, RemoteProtocolError
from twisted_distcc.jobs.commands import (
    CompileCommand,
    CompilerQuestion,
    NoCompilerError,
    RequestedCommand,
    command_of,
)
from twisted_distcc.jobs.model import (
    DEPENDENCIES,
    OBJECT,
    InputFile,
    InputLink,
    Reply,
    Request,
    Tree,
)
from twisted_distcc.jobs.plain_trees import pack_tree, unpack_tree
from twisted_distcc.policy.access import AllowList, everyone
from twisted_distcc.policy.peer import Address, Peer
from twisted_distcc.policy.verdict import ALLOWED, Allowed, Refused, Verdict
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.processes import (
    CannotStartError,
    Command,
    Ended,
    ReactorSpawner,
    RunningProcess,
    Spawner,
)
from twisted_distcc.runtime.threads import ReactorThreads, Threads
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Ceilings
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.wire.limits import Limits

__all__ = [
    "ALLOWED",
    "DEPENDENCIES",
    "EMPTY",
    "OBJECT",
    "Address",
    "Admission",
    "AllowList",
    "Allowed",
    "BadReplyError",
    "Body",
    "Bulk",
    "CannotConnectError",
    "CannotStartError",
    "Ceilings",
    "Command",
    "Compile",
    "CompileCommand",
    "CompilerQuestion",
    "Contents",
    "Deadlines",
    "DistccClient",
    "DistccError",
    "DistccServerFactory",
    "Ended",
    "FileContent",
    "HostError",
    "InputFile",
    "InputLink",
    "Limits",
    "LostConnectionError",
    "NoCompilerError",
    "Peer",
    "ReactorSpawner",
    "ReactorThreads",
    "Refused",
    "RemoteProtocolError",
    "Reply",
    "Request",
    "RequestedCommand",
    "RunningProcess",
    "SlowHostError",
    "Spawner",
    "Threads",
    "Tree",
    "Verdict",
    "command_of",
    "everyone",
    "pack_tree",
    "unpack_tree",
]

_RENAMED = {"TreeFile": InputFile, "TreeLink": InputLink}


def __getattr__(name: str) -> object:
    """Return what has been renamed by its old name, for one more release."""
    try:
        renamed = _RENAMED[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    warn(f"{name} is called {renamed.__name__} now", DeprecationWarning, stacklevel=2)
    return renamed
