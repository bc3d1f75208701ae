"""Toolchains in an attacker's hands, brought to a server that has an honest compiler of its own.

In: the files of a toolchain, or deeds for the exploited compiler.  Out: what the server answered.
Beside every attack an honest job is compiled, as in `exploits`.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol

from tests.hostile.exploits import ExploitTestCase, compilers
from tests.live import LiveServer
from tests.server.talk import Answer, answered
from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.backends.session_client import ClientSession
from twisted_distcc.client.backends.session_inputs import SentContent
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.content.merkle import EncodedFolders, merkle
from twisted_distcc.jobs.model import InputFile, Request, Tools, Tree

GCC = "/usr/bin/gcc"
WORDS = (GCC.encode(), b"-c", b"attack.c")
POLICY = '[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\ntoolchains = "{}"\n'
SHARING = POLICY.format("any").replace('"all"', '"some"').replace("*", "{}") + "share = true\n"


@functools.cache
def exploited() -> bytes:
    """Return a static program that does what its source says."""
    path = compilers() / "static"
    source = str(__file__).replace("brought.py", "exploited.c")
    subprocess.run(["/usr/bin/gcc", "-O1", "-w", "-static", "-o", path, source], check=True)
    return path.read_bytes()


def toolchain(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Tools:
    """Return a toolchain of these files and links."""
    nodes = [(name.encode(), sha256(data).digest(), len(data)) for name, data in files.items()]
    made = merkle(nodes, [(one.encode(), to.encode()) for one, to in (links or {}).items()])
    blobs = {sha256(data).digest(): data for data in files.values()}
    return Tools(made.root, {**blobs, **made.nodes})


async def bring(
    server: LiveServer,
    tools: Tools,
    *deeds: str,
    words: Sequence[bytes] = WORDS,
    host: str = "127.0.0.1",
) -> Answer | str:
    """Have a job compiled by `tools`, by the server as `host`; return the answer, or the refusal."""
    request = replace(request_of(*deeds), arguments=tuple(words), tools=tools)
    session = await session_with(server, host)
    try:
        return answered(await session.compile(request, str(server.temporary)))
    except HostError as error:
        return str(error)
    finally:
        session.close()


def request_of(*deeds: str) -> Request:
    """Return a request for these deeds, which lacks a compiler."""
    source = "\n".join(deeds).encode() + b"\n"
    tree = Tree(b"/attack", (InputFile(b"/attack/attack.c", LocalContent(source)),))
    return Request(WORDS, version=3, tree=tree)


async def session_with(server: LiveServer, host: str = "127.0.0.1") -> ClientSession:
    """Return a session with the server as `host`."""
    session = ClientSession(reactor, SentContent(), EncodedFolders())
    endpoint = HostnameEndpoint(reactor, "127.0.0.1", server.port, bindAddress=host)
    await connectProtocol(endpoint, session)
    await session.greeted()
    return session


class BroughtTestCase(ExploitTestCase):
    """Servers that take toolchains, and have none of their own that is exploited."""

    async def serve_exploited(self, *options: str, **environ: str) -> LiveServer:
        """Start a server with an honest compiler; it has run the exploited one."""
        more = ("--policy", self.policy(), *options)
        server = await self.serve("--sandbox=require", "--allow=127.0.0.2", *more, environ=environ)
        await self.attack(server, "exit 1")
        return server

    def policy(self, toolchains: str = "any", sharing: str = "") -> str:
        """Return the path of a policy by which all may bring `toolchains`, and `sharing` shares."""
        policy = self.place()
        policy.write_text((SHARING.format(sharing) if sharing else "") + POLICY.format(toolchains))
        return str(policy)

    async def attack(self, server: LiveServer, *deeds: str, words: Sequence[bytes] = WORDS) -> Answer:
        """Have the deeds done by a compiler that comes with the job, beside an honest job."""
        tools = toolchain({GCC: exploited()})
        answers = await gatherResults(
            [
                Deferred.fromCoroutine(bring(server, tools, *deeds, words=words)),
                Deferred.fromCoroutine(self.honest(server)),
            ],
            consumeErrors=True,
        )
        answer = answers[0]
        assert isinstance(answer, Answer), answer
        return answer
