"""What the sessions of a server are served with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.execution.inputs.tool_shelf import ToolShelf
from twisted_distcc.jobs.model import Load
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.slices import Slices
from twisted_distcc.server.connection.session_blobs import ClientBlobs
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.wire.limits import Limits


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What one session is served with.

    Attributes:
        compile: serves each job.
        blobs: what this client has sent.
        bulk: says where large bodies lie, and does in threads what takes long.
        slices: does in slices what takes long, and has to be done here.
        limits: the ceilings on what a client may send.
        deadlines: how long a client may take.
        log: is told what goes wrong.
        hold: makes the hold of one stream on the server's quotas.
        load: tells how busy the server is.
        clock: tells when the client has been silent, or slow, for too long.
        close: closes the connection, when all that was written has gone.
        abort: closes it at once.
        shelf: has the toolchains of clients.
        traffic: counts what passes, if anybody wants to know.
    """

    compile: Compile
    blobs: ClientBlobs
    bulk: Bulk
    slices: Slices
    limits: Limits
    deadlines: Deadlines
    log: Log
    hold: Callable[[], Hold]
    load: Callable[[], Load]
    clock: IReactorTime
    close: Callable[[], None]
    abort: Callable[[], None]
    shelf: ToolShelf
    traffic: Traffic | None = None
