"""A distcc server that compiles nothing, and returns one object for every source.

python3 any_object.py tcp:3632:interface=127.0.0.1
"""

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from twisted_distcc.framework import (
    Body,
    CompilerQuestion,
    DistccError,
    DistccServerFactory,
    Peer,
    Reply,
    Request,
    command_of,
    everyone,
)


async def compile(request: Request, peer: Peer) -> Reply:
    if isinstance(command_of(request), CompilerQuestion):
        raise DistccError("this server has no compilers")
    return Reply(0, object_file=Body.of(b"an object, so to speak\n"))


async def main(reactor: Any, listen_on: str) -> None:
    endpoint = serverFromString(reactor, listen_on)
    await endpoint.listen(DistccServerFactory(compile, reactor, admit=everyone))
    await Deferred()  # never fires: serve until stopped


if __name__ == "__main__":
    react(main, sys.argv[1:])
