"""Jobs one after the other over TLS, or not, by the project's own client: a program of its own.

What enters: `python -m benchmarks.secure_load HOW PORT FOLDER JOBS SOURCE`, where HOW is `plain`, `new`
(each job begins with a whole handshake) or `resumed`, and FOLDER holds the user's certificate.
What leaves: one line of JSON: the median of the jobs' times, and the CPU time that this took here.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import react

from benchmarks.servers import LOOPBACK
from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.client.backends.client_tls import Identities, Identity, TlsEndpoint
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Request
from twisted_distcc.tls.files import CredentialFiles

_ARGUMENTS = (b"gcc", b"-c", b"source.i", b"-o", b"source.o")
_WARM = 3


@dataclass(frozen=True, slots=True)
class _Way:
    """How the server is called."""

    how: str
    port: int
    identity: Identity
    reactor: Any

    def endpoint(self) -> IStreamClientEndpoint:
        bare = TCP4ClientEndpoint(self.reactor, LOOPBACK, self.port)
        if self.how == "plain":
            return bare
        if self.how == "new":
            self.identity.context.sessions.clear()
        return TlsEndpoint(bare, LOOPBACK, self.port, self.identity, self.reactor)


async def _load(way: _Way, jobs: int, source: Path) -> None:
    copy = shutil.copyfile(source, f"{tempfile.mkdtemp(dir=source.parent)}/source")
    body = Body.adopt(copy)  # a large body lies in a file, as it does for the agent
    times = []
    for number in range(_WARM + jobs):
        if number == _WARM:
            cpu = time.process_time()
        began = time.perf_counter()
        client = DistccClient(way.endpoint(), way.reactor)
        reply = await client.compile(Request(_ARGUMENTS, body, 1))
        reply.discard()
        times.append(time.perf_counter() - began)
    used = (time.process_time() - cpu) / jobs
    print(json.dumps({"wall_ms": 1000 * median(times[_WARM:]), "cpu_ms": 1000 * used}))


def main() -> None:
    how, port, folder, jobs, source = sys.argv[1:]
    paths = (os.path.join(folder, f"{name}.pem") for name in ("certificate", "key", "ca", "crl"))
    identity = Identities(time.time).of(CredentialFiles(*paths))

    def run(reactor: Any) -> Deferred[None]:
        way = _Way(how, int(port), identity, reactor)
        return Deferred.fromCoroutine(_load(way, int(jobs), Path(source)))

    react(run)


if __name__ == "__main__":
    main()
