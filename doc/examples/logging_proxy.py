"""A distcc server that passes each job on to another server, and logs the result.

python3 logging_proxy.py tcp:3632:interface=127.0.0.1 tcp:buildbox:3632
"""

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.task import react
from twisted.logger import Logger
from twisted.python.log import startLogging

from twisted_distcc.framework import (
    DistccClient,
    DistccServerFactory,
    HostError,
    Peer,
    Reply,
    Request,
    command_of,
    everyone,
)


class LoggingProxy:
    log = Logger()

    def __init__(self, client: DistccClient) -> None:
        self.client = client

    async def __call__(self, request: Request, peer: Peer) -> Reply:
        command = command_of(request)
        try:
            reply = await self.client.compile(request)
        except HostError as error:
            reply = Reply.sentence(error.exit_code, f"{error} (behind the proxy)")
        self.log.info("{peer} {code}: {command}", peer=peer, code=reply.exit_code, command=command)
        return reply


async def main(reactor: Any, listen_on: str, server: str) -> None:
    startLogging(sys.stdout)
    client = DistccClient(clientFromString(reactor, server), reactor, server=server)
    proxy = LoggingProxy(client)
    factory = DistccServerFactory(proxy, reactor, admit=everyone)
    port = await serverFromString(reactor, listen_on).listen(factory)
    proxy.log.info("listening on {address}", address=port.getHost())
    await Deferred()  # never fires: serve until stopped


if __name__ == "__main__":
    react(main, sys.argv[1:])
