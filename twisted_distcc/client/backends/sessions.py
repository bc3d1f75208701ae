"""The sessions of one process: one with each server, opened when it is wanted and kept warm.

    reply = await sessions.compile(key, endpoint, request, folder)

`key` says who calls which server, and how: whatever makes another connection makes another key.  A
server that does not speak protocol 4 hangs up on the greeting.  That is remembered for a while, and
`compile` returns `None`, so that the caller uses an earlier version.  When a session is opened, and how
soon after the last one was lost, is for `reconnecting` to say.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import deferLater

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.backends.connecting import connected
from twisted_distcc.client.backends.host_faults import (
    GoingAwayError,
    HostError,
    NoAnswerError,
    SlowHostError,
)
from twisted_distcc.client.backends.reconnecting import Event, Link, after
from twisted_distcc.client.backends.sent_files import SentFiles
from twisted_distcc.client.backends.session_client import ClientSession
from twisted_distcc.client.backends.session_inputs import SentContent
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.content.body import Folder
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.model import Reply, Request

# Seconds in which a server that was reached has to greet.
_GREETING: Final = 30.0
# Servers that are remembered, with what each has of us.
_MOST: Final = 1000


@dataclass(slots=True)
class _Server:
    """What is known of one server.

    Attributes:
        sent: what it has of us.
        session: the session with it that takes jobs, if there is one.
        link: what there is between us and it.
    """

    sent: SentContent
    session: ClientSession | None = None
    link: Link = field(default_factory=Link)


class Sessions:
    """Sessions with any number of servers.

    Args:
        clock: tells how long they have been idle.
        chance: returns a random number from 0 to 1, for the pauses between attempts to connect.
        files: keep what servers have of us for other processes, if there are any.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chance: Callable[[], float] = random.random,
        files: SentFiles | None = None,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._files = files
        self._servers: Bounded[Hashable, _Server] = Bounded(_MOST)
        self._folders = EncodedFolders()
        self._opening: Shared[Hashable, ClientSession] = Shared()

    async def compile(
        self,
        key: Hashable,
        endpoint: Callable[[], IStreamClientEndpoint],
        request: Request,
        folder: Folder,
        *,
        packing: Packing | None = None,
        traffic: Traffic | None = None,
    ) -> Reply | None:
        """Have `request` served on the session of `key`; it stays the caller's.

        Args:
            key: says which server, and who calls it.
            endpoint: returns what leads there, if a connection has to be made.
            request: what is asked.
            folder: where large bodies of the reply lie.
            packing: compresses blobs; `None` sends them as they are.
            traffic: counts what is sent, and the result.

        Returns:
            The reply; `None` if the server speaks earlier versions only.

        Raises:
            HostError: if the server does not do its part.
            OSError: if the disk here does not.
        """
        if not self.may_speak(key):
            return None
        is_warm = self._session(key) is not None
        try:
            return await self._compile(key, endpoint, request, folder, packing, traffic)
        except GoingAwayError:
            if not is_warm:
                raise
        # It was closed just as the job was sent: one that is opened for this job is not.
        return await self._compile(key, endpoint, request, folder, packing, traffic)

    def doubt(self, key: Hashable) -> None:
        """Send no more jobs on the session of `key`: its server has not answered in time."""
        if (session := self._session(key)) is not None:
            session.retire()

    def forget(self, key: Hashable) -> None:
        """Ask the server of `key` anew which protocol it speaks: it may be another one by now."""
        if (server := self._servers.get(key)) is not None:
            self._note(server, Event.FORGOTTEN)

    def may_speak(self, key: Hashable) -> bool:
        """Whether the server of `key` is not known to speak earlier versions only."""
        server = self._servers.get(key)
        return server is None or not server.link.is_older(self._clock.seconds())

    async def _compile(
        self,
        key: Hashable,
        endpoint: Callable[[], IStreamClientEndpoint],
        request: Request,
        folder: Folder,
        packing: Packing | None,
        traffic: Traffic | None,
    ) -> Reply | None:
        session = self._session(key)
        if session is None or not await session.is_there():
            try:
                session = await self._opening.get(key, lambda: self._open(key, endpoint))
            except NoAnswerError:
                return None
        reply = await session.compile(request, folder, packing, traffic)
        self._note(self._server(key), Event.SERVED)
        return reply

    async def _open(
        self,
        key: Hashable,
        endpoint: Callable[[], IStreamClientEndpoint],
    ) -> ClientSession:
        server = self._server(key)
        self._note(server, Event.WANTED)
        try:
            await self._pause(server)
            server.session = await self._begun(server, endpoint)
        except NoAnswerError:
            self._note(server, Event.HUNG_UP)
            raise
        except HostError:
            self._note(server, Event.UNREACHABLE)
            raise
        except BaseException:
            self._note(server, Event.GIVEN_UP)
            raise
        self._note(server, Event.GREETED)
        return server.session

    async def _pause(self, server: _Server) -> None:
        if pause := server.link.pause(self._clock.seconds()):
            await deferLater(self._clock, pause)
        self._note(server, Event.PAUSE_OVER)

    async def _begun(
        self, server: _Server, endpoint: Callable[[], IStreamClientEndpoint]
    ) -> ClientSession:
        """Return a session with `server`, which has greeted us."""
        leaves = partial(self._note, server)
        session = ClientSession(self._clock, server.sent, self._folders, leaves)
        await connected(endpoint(), session)
        try:
            await self._greeted(session)
        except BaseException:
            session.close()
            raise
        return session

    def _note(self, server: _Server, event: Event) -> None:
        server.link = after(server.link, event, self._clock.seconds(), self._chance())

    async def _greeted(self, session: ClientSession) -> None:
        greeted = session.greeted()
        late = self._clock.callLater(
            _GREETING, session.fail, SlowHostError(f"did not greet within {_GREETING:g} seconds")
        )
        try:
            await greeted
        finally:
            if late.active():
                late.cancel()

    def _session(self, key: Hashable) -> ClientSession | None:
        server = self._servers.get(key)
        session = None if server is None else server.session
        return session if session is not None and session.is_open else None

    def _server(self, key: Hashable) -> _Server:
        server = self._servers.get(key)
        if server is None:
            server = self._servers[key] = _Server(SentContent(self._files, repr(key)))
        return server
