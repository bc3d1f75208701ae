"""Call a host, and tell a compiler's answer from a refusal.

`Calls` takes a host and a request, and returns the reply of a compiler there, or raises a `HostError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.client.backends.host_faults import BadReplyError, RefusedByHostError
from twisted_distcc.client.backends.transports import SecureWay, endpoint_to
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.settings import Settings
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.runtime.bulk import Bulk, Turns
from twisted_distcc.runtime.processes import Spawner
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.wire.limits import Limits

# Exit codes that no compiler uses: a server that answers with one has refused, or has a problem itself.
_SERVERS_OWN: Final = range(100, 128)


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one compile.

    Attributes:
        reactor, spawn, turns, secured: as in `Dispatcher`.
        settings: the user's settings.
        environ: the environment, for ssh.
        folder: where large bodies are kept.
    """

    reactor: Any
    spawn: Spawner
    turns: Turns
    secured: SecureWay
    settings: Settings
    environ: Mapping[str, str]
    folder: str

    async def reply(self, host: RemoteHost, request: Request, limits: Limits | None = None) -> Reply:
        """Return the answer of `host` to `request`, whatever it is, within `limits`.

        Raises:
            HostError: if it does not answer.
        """
        bulk = Bulk(self.spawn, ReactorThreads(self.reactor), self.folder, self.turns)
        endpoint = endpoint_to(host, self.settings, self.environ, self.reactor, self.spawn, self.secured)
        timeout = self.settings.io_timeout
        client = DistccClient(endpoint, self.reactor, bulk, limits=limits, io_timeout=timeout)
        return await client.compile(request)

    async def compiled(self, host: RemoteHost, request: Request, *, with_rules: bool = False) -> Reply:
        """Return a compiler's reply to `request`; `with_rules` requires a dependency file, too.

        Raises:
            HostError: if the server answers with a message of its own, or omits an output.
        """
        reply = await self.reply(host, request)
        if reply.exit_code in _SERVERS_OWN:
            raise RefusedByHostError.of(reply)
        if not reply.status:
            if not reply.object_file.length:
                raise BadReplyError("reported success, but sent no object file")
            if with_rules and not reply.dependencies.length:
                raise BadReplyError("reported success, but sent no dependency file")
        return reply
