"""What a client and a server say to each other about one job, whatever carries the bytes.

A `Conversation` takes the bytes of a request as they come, says what to do next, and in the end yields
the pieces of the reply.  `server_protocol` drives it with Twisted, and `stdio` waits in place::

    match conversation.feed(data):
        case Request() as request:                        # it is whole
            reply = await conversation.answer(request)
        case Refusal(reply):                              # answer now, and read no more
            ...
        case HangUp():                                    # it does not speak the protocol
            ...
        case None:                                        # read on
            ...

Whoever may not connect, breaks the protocol or asks for more room than there is, is told so in place of
a compiler's messages: as soon as the version of the protocol is known, and without reading the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import DistccError, RemoteProtocolError
from twisted_distcc.jobs.assembly import Assembly, reply_pieces
from twisted_distcc.jobs.compression import compress_reply, expand_request, packed_source
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.connection.job_answers import answered, sentence_on
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.holdings import CeilingMetError, Hold
from twisted_distcc.server.quotas.reserving import make_room_for
from twisted_distcc.wire.connection import Connection
from twisted_distcc.wire.events import Event, MessageEnd, Run
from twisted_distcc.wire.limits import Limits


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request is not served: `reply` is sent, and nothing more is read."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class HangUp:
    """The other end does not speak the protocol: nothing that we could say would reach anybody."""


Next: TypeAlias = Request | Refusal | HangUp | None
"""What is to be done when bytes have come; `None` is to wait for more."""


class Conversation:
    """One request and its reply.

    Args:
        peer: who sends the request.
        hold: what is held for the client.
        compile: serves the request.
        packing: expands the request and compresses the reply, and says where large bodies lie.
        limits: the ceilings on what a client may send.
        log: is told what goes wrong.
        cancelled: what is raised out of what is waited for when the client has gone.
    """

    def __init__(
        self,
        peer: Peer,
        hold: Hold,
        *,
        compile: Compile,
        packing: Packing,
        limits: Limits,
        log: Log,
        cancelled: type[Exception],
    ) -> None:
        self._peer = peer
        self._hold = hold
        self._compile = compile
        self._packing = packing
        self._limits = limits
        self._log = log
        self._cancelled = cancelled
        self._wire = Connection.server(limits)
        self._assembly = Assembly(packing.directory)
        self._refusal: Reply | None = None
        self.tokens: int = 0
        """Tokens of the request that have been taken so far."""

    @property
    def body_left(self) -> int:
        """Bytes of a body that are still to come before the next token; 0 outside of a body."""
        return self._wire.reader.body_left

    def feed(self, data: bytes) -> Next:
        """Take the next bytes of the request, and return what is to be done."""
        reader = self._wire.reader
        reader.feed(data)
        try:
            for event in reader.events():
                if isinstance(event, MessageEnd):
                    return self._whole()
                self._take(event)
                if self._refusal is not None and self._assembly.has_begun:
                    return Refusal(self._refusal)
        except RemoteProtocolError as error:
            return self._broken(error)
        return None

    def turn_away(self, verdict: Refused) -> None:
        """Refuse whatever is asked, for the reasons of `verdict`."""
        self._refuse(Reply.sentence(verdict.exit_code, str(verdict)))

    def discard(self) -> None:
        """Discard what has come of the request."""
        self._assembly.discard()

    async def answer(self, request: Request) -> Reply:
        """Have `request` served, and give it up; what goes wrong is a sentence in the reply."""
        peer, hold = self._peer, self._hold
        return await answered(self._served, request, peer, hold, self._log, self._cancelled)

    @asynccontextmanager
    async def pieces(self, reply: Reply) -> AsyncIterator[Iterator[bytes]]:
        """Lay `reply` out for the client, and give it up in the end."""
        version = self._assembly.version
        try:
            ready = await self._packed(reply, version)
            try:
                yield reply_pieces(self._wire.writer, ready, version)
            finally:
                ready.discard()
        finally:
            reply.discard()

    def _take(self, event: Event) -> None:
        self.tokens += len(event.tokens) if isinstance(event, Run) else 1
        try:
            make_room_for(event, self._hold)
            self._assembly.take(event)
        except (CeilingMetError, OSError) as error:
            self._log.error("the request of {peer} has no room: {error}", peer=self._peer, error=error)
            self._refuse(sentence_on(error))

    def _whole(self) -> Next:
        try:
            return self._assembly.request()
        except OSError as error:
            return Refusal(sentence_on(error))

    def _broken(self, error: RemoteProtocolError) -> Next:
        self._log.warn("{peer} broke the protocol: {error}", peer=self._peer, error=error)
        self._assembly.discard()
        if self._assembly.has_begun:
            return Refusal(Reply.sentence(error.exit_code, f"this server: {error}"))
        return HangUp()

    def _refuse(self, reply: Reply) -> None:
        self._refusal = reply
        self._assembly.pass_over()

    async def _served(self, request: Request, peer: Peer) -> Reply:
        expanded = await self._expanded(request)
        try:
            if packed_source(request) is not None:
                self._hold.store_bodies(expanded.source)
            return await self._compile(expanded, peer)
        finally:
            expanded.discard()

    async def _expanded(self, request: Request) -> Request:
        try:
            return await expand_request(self._packing, request, self._limits)
        except (DistccError, OSError) as error:
            self._log.warn("the request of {peer} is not expanded: {why}", peer=self._peer, why=error)
            raise

    async def _packed(self, reply: Reply, version: int) -> Reply:
        """Return `reply` compressed, or a sentence, which needs no room; give `reply` up early."""
        try:
            ready = await compress_reply(self._packing, reply, version)
        except (DistccError, OSError) as error:
            self._log.error("the reply to {peer} is not compressed: {why}", peer=self._peer, why=error)
            ready = await compress_reply(self._packing, sentence_on(error), version)
        if ready is not reply:
            reply.discard()
        return ready
