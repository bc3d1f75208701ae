"""A farm in memory: a real client joined to a real server, with a script in place of compilers.

A `MemoryFarm` takes a compile function, and has a `DistccClient` and a `DistccServerFactory` that talk
over a network in memory, driven by a `Clock`.  There are no sockets, threads or processes; bodies beyond
64 KiB are in temporary files, as always.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock

from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.content.lzo import compress, expand
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.model import InputLink, Reply, Request
from twisted_distcc.jobs.plain_trees import unpack_tree
from twisted_distcc.policy.access import everyone
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.processes import Command
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.testing.network import MemoryEndpoint
from twisted_distcc.testing.programs import FakeSpawner
from twisted_distcc.wire.limits import Limits


class MemoryFarm:
    """One client and one server, joined in memory::

        farm = MemoryFarm(ScriptedCompile(Reply(0, object_file=Body.of(b"object"))))
        request = Request((b"gcc", b"-c", b"a.c"), Body.of(b"int a;"))
        reply = self.successResultOf(farm.compile(request))

    Time is that of `clock`, which stands still until it is advanced.  Two farms with one clock can form
    a chain: the compile function of the first calls the client of the second.

    Args:
        compile: serves the requests.
        clock: the time of both ends and of the network; `None` makes a new one.
        directory: where large bodies are kept; `None` is the system's temporary folder.

    Attributes:
        clock: as above.
        bulk: compresses and expands the bodies of both ends; see `in_place_bulk`.
        server: the server; its settings may be changed between connections.
        endpoint: connects to it, and has the faults; anything that takes an endpoint can use it.
        client: the client.
    """

    def __init__(
        self, compile: Compile, clock: Clock | None = None, *, directory: str | None = None
    ) -> None:
        self.clock: Clock = clock or Clock()
        self.bulk: Bulk = in_place_bulk(directory)
        self.server: DistccServerFactory = DistccServerFactory(
            compile, self.clock, self.bulk, admit=everyone
        )
        self.endpoint: MemoryEndpoint = MemoryEndpoint(self.server, self.clock)
        self.client: DistccClient = DistccClient(self.endpoint, self.clock, self.bulk)

    def compile(self, request: Request) -> Deferred[Reply]:
        """Send `request`, as `DistccClient.compile` does, and let all happen that takes no time."""
        answer = self.client.compile(request)
        self.clock.advance(0)
        return answer


@dataclass(frozen=True, slots=True)
class Job:
    """A request as it reached a `ScriptedCompile`.

    Attributes:
        arguments: the command line.
        source: the whole source.
        version: the protocol version.
        peer: who sent it.
        files: the bytes of each file of its tree, by name.
        links: the target of each link of its tree, by name.
        directory: the client's working directory, if there is a tree.
    """

    arguments: tuple[bytes, ...]
    source: bytes
    version: int
    peer: Peer
    files: Mapping[bytes, bytes] = field(default_factory=dict)
    links: Mapping[bytes, bytes] = field(default_factory=dict)
    directory: bytes = b""

    @classmethod
    def of(cls, request: Request, peer: Peer) -> Job:
        """Read all of `request`."""
        job = cls(request.arguments, request.source.read(), request.version, peer)
        if (tree := request.tree) is None:
            return job
        files = {file.name: data for file, data in unpack_tree(tree, Limits().expanded)}
        links = {entry.name: entry.target for entry in tree.entries if isinstance(entry, InputLink)}
        return replace(job, files=files, links=links, directory=tree.directory)


Answer: TypeAlias = Reply | Exception | Deferred[Reply]
"""What a `ScriptedCompile` does about a job: return it, raise it, or wait for it."""


class ScriptedCompile:
    """A compile function that follows a script.

    Args:
        answers: one for each job, in this order: a reply, an exception to raise, or a Deferred to wait
            for.  A job without one is an `AssertionError`, and fails the test by way of the log.

    Attributes:
        jobs: the requests so far, oldest first.
    """

    def __init__(self, *answers: Answer) -> None:
        self.jobs: list[Job] = []
        self._answers = deque(answers)

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        """Return the next answer."""
        self.jobs.append(Job.of(request, peer))
        if not self._answers:
            raise AssertionError(f"the script has no answer for job {len(self.jobs)}")
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer


def in_place_bulk(directory: str | None = None) -> Bulk:
    """Return a `Bulk` that needs no reactor: its work is done before the call returns."""
    return Bulk(FakeSpawner(_filter), execute, directory)


def _filter(command: Command) -> int:
    """Stand in for `content.filter`, the program for bodies of many megabytes."""
    direction, ceiling = command.argv[-2:]
    with open(command.stdin, "rb", closefd=False) as file:
        body = file.read()
    try:
        result = compress(body) if direction == "compress" else expand(body, int(ceiling))
    except RemoteProtocolError:
        return 1 << 8
    with open(command.stdout, "wb", closefd=False) as file:
        file.write(result)
    return 0
