"""A distcc server that compiles nothing: whatever the source, the object is this."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from twisted_distcc.framework import Body, DistccServerFactory, Peer, Reply, Request


async def compile(request: Request, peer: Peer) -> Reply:
    return Reply(0, object_file=Body.of(b"an object, so to speak\n"))


async def main(reactor: Any) -> None:
    endpoint = serverFromString(reactor, "tcp:3632:interface=127.0.0.1")
    await endpoint.listen(DistccServerFactory(compile, reactor))
    await Deferred()  # which never fires: serve until somebody ends us


if __name__ == "__main__":
    react(main)
