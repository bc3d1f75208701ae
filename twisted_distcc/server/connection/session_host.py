"""What all sessions of one server share: the memory of what clients have sent, and its terms."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime, ITransport

from twisted_distcc import __version__
from twisted_distcc.content.blob_store import BlobStore
from twisted_distcc.content.body import temporary_folder
from twisted_distcc.execution.inputs.tool_shelf import ToolShelf
from twisted_distcc.execution.sandbox.enclosure import DEVICES
from twisted_distcc.jobs.model import Load
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.policy.peer import Peer
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.slices import Slices
from twisted_distcc.server.connection.session_blobs import ClientBlobs, KnownTrees
from twisted_distcc.server.connection.session_parts import SessionParts
from twisted_distcc.server.connection.session_server import ServerSession
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.wire.greeting import Terms
from twisted_distcc.wire.limits import Limits

_FRAME: Final = 64 * 1024
_WINDOW: Final = 256 * 1024
# A job may have an upload beside it.
_STREAMS_PER_JOB: Final = 2
# Bytes of small blobs, most of them headers, that are kept for all clients.
_MOST_IN_MEMORY: Final = 128 * 1024 * 1024


class SessionHost:
    """Makes the server's ends of sessions.

    Args:
        compile: serves each job.
        clock: tells when a client has been silent for too long.
        bulk: says where large bodies lie, and does in threads what takes long.
        admission: says how many jobs there may be, and what is held for clients.
        limits: the ceilings on what a client may send.
        deadlines: how long a client may take.
        log: is told what goes wrong.
    """

    def __init__(
        self,
        compile: Compile,
        clock: IReactorTime,
        bulk: Bulk,
        admission: Admission,
        limits: Limits,
        deadlines: Deadlines,
        log: Log,
    ) -> None:
        self._compile = compile
        self._clock = clock
        self._bulk = bulk
        self._admission = admission
        self._limits = limits
        self._deadlines = deadlines
        self._log = log
        self._blobs: BlobStore | None = None
        self._trees = KnownTrees()
        self._shelf: ToolShelf | None = None
        self._slices = Slices(clock)

    @property
    def _folder(self) -> str:
        return os.fspath(self._bulk.directory or temporary_folder())

    @property
    def kept(self) -> tuple[int, int, int]:
        """The bytes that blobs take in memory, and on disk, and those of toolchains."""
        blobs = (0, 0) if self._blobs is None else self._blobs.used
        return *blobs, 0 if self._shelf is None else self._shelf.used

    @property
    def blobs(self) -> BlobStore:
        """What clients have sent; it is made for the first session."""
        if self._blobs is None:
            folder = f"{self._folder}/blobs-{os.urandom(6).hex()}"
            most_on_disk = self._admission.holdings.stored.ceiling // 4
            self._blobs = BlobStore(folder, _MOST_IN_MEMORY, most_on_disk)
        return self._blobs

    @property
    def shelf(self) -> ToolShelf:
        """The toolchains of clients; it is made for the first session."""
        if self._shelf is None:
            folder = f"{self._folder}/toolchains-{os.urandom(6).hex()}"
            self._shelf = ToolShelf(folder, self._admission.holdings.toolchains, DEVICES)
        return self._shelf

    def session(
        self,
        peer: Peer,
        transport: ITransport,
        abort: Callable[[], None],
        traffic: Traffic | None = None,
    ) -> ServerSession:
        """Return the server's end of a session on `transport`; `abort` closes that at once."""
        admission, identity = self._admission, peer.identity
        parts = SessionParts(
            compile=self._compile,
            blobs=ClientBlobs(self.blobs, identity, self._bulk.directory, self._trees),
            bulk=self._bulk.on_behalf_of(identity),
            slices=self._slices,
            limits=self._limits,
            deadlines=self._deadlines,
            log=self._log,
            hold=lambda: Hold(admission.holdings, identity),
            load=lambda: Load(max(0, admission.jobs - admission.running), admission.waiting),
            clock=self._clock,
            close=transport.loseConnection,
            abort=abort,
            shelf=self.shelf,
            traffic=traffic,
        )
        terms = Terms(
            frame=_FRAME,
            window=_WINDOW,
            jobs=_STREAMS_PER_JOB * (admission.jobs + admission.queue),
            know=self.blobs.name,
            name=f"twisted_distcc {__version__}",
        )
        return ServerSession(peer, transport, parts, terms)
