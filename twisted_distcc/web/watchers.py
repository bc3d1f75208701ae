"""Those who watch a live page, and get a snapshot each second as a server-sent event.

A snapshot is made once for all of them.  There is a bound on their number, and whoever takes no bytes
for some seconds is dropped: nothing piles up for a reader that is slow, or has gone to sleep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.http import SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from twisted_distcc.web.snapshot import Snapshot, as_json

MOST: Final = 16
"""How many may watch at a time, unless somebody says otherwise."""
PERIOD: Final = 1.0
"""Seconds between two snapshots."""
_PATIENCE: Final = 10
_KIND: Final = "text/event-stream; charset=utf-8"
_FULL: Final = b"As many watch as may; try again later.\n"


@implementer(IPushProducer)
class _Watcher:
    """One of them."""

    def __init__(self, request: Request) -> None:
        self._request: Any = request
        self._is_paused = False
        self._missed = 0
        request.registerProducer(self, True)

    @property
    def is_lost(self) -> bool:
        """Whether it has taken nothing for too long."""
        return self._missed > _PATIENCE

    def send(self, event: bytes) -> None:
        """Send `event`, unless there is no room for it."""
        if self._is_paused:
            self._missed += 1
        else:
            self._missed = 0
            self._request.write(event)

    def drop(self) -> None:
        """Close its connection at once."""
        self._request.channel.forceAbortClient()

    def pauseProducing(self) -> None:
        """Note that there is no room."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """Note that there is room again."""
        self._is_paused = False

    def stopProducing(self) -> None:
        """Do nothing: that the connection has gone is told elsewhere."""


class Watchers(Resource):
    """The resource that they ask for.

    Args:
        snapshot: returns what there is to see at this moment.
        reactor: tells the time.
        most: how many may watch at a time.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, snapshot: Callable[[], Snapshot], reactor: IReactorTime, most: int) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._most = most
        self._watchers: dict[_Watcher, None] = {}
        self._telling = LoopingCall(self._tell)
        self._telling.clock = reactor

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._watchers)

    def render_GET(self, request: Request) -> int | bytes:
        """Send snapshots until whoever asked has gone."""
        if len(self._watchers) >= self._most:
            request.setResponseCode(SERVICE_UNAVAILABLE)
            request.setHeader(b"Retry-After", b"10")
            return _FULL
        self._begin(request)
        watcher = _Watcher(request)
        self._watchers[watcher] = None
        request.notifyFinish().addBoth(lambda _: self._remove(watcher))
        watcher.send(self._event())
        if not self._telling.running:
            self._telling.start(PERIOD, now=False)
        return NOT_DONE_YET

    def render_HEAD(self, request: Request) -> bytes:
        """Say what would be sent."""
        self._begin(request)
        return b""

    def _begin(self, request: Request) -> None:
        request.responseHeaders.setRawHeaders("Content-Type", [_KIND])
        request.responseHeaders.setRawHeaders("X-Accel-Buffering", ["no"])

    def _event(self) -> bytes:
        return f"data: {as_json(self._snapshot())}\n\n".encode("ascii")

    def _tell(self) -> None:
        try:
            event = self._event()
        except Exception:
            self._log.failure("a snapshot could not be made")
            return
        for watcher in tuple(self._watchers):
            watcher.send(event)
            if watcher.is_lost:
                watcher.drop()

    def _remove(self, watcher: _Watcher) -> None:
        self._watchers.pop(watcher, None)
        if not self._watchers and self._telling.running:
            self._telling.stop()
