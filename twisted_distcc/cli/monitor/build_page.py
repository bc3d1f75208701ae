"""Serve the live page of a user's builds to a browser on this machine.

Every user of this machine can connect to a port of its own, and the page says what is compiled.  So its
address has a secret in it, which only the terminal shows.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner
from twisted.web.resource import Resource

from twisted_distcc.cli.journal_access import say
from twisted_distcc.cli.monitor.build_snapshot import build_snapshot
from twisted_distcc.cli.monitor.build_view import View
from twisted_distcc.cli.monitor.pace import pause_after
from twisted_distcc.cli.monitor.watching import Watcher
from twisted_distcc.errors import DistccError
from twisted_distcc.observe.logs import LogFile
from twisted_distcc.web.guarded_site import guarded_site
from twisted_distcc.web.live_page import LivePage
from twisted_distcc.web.snapshot import Snapshot

USUAL_PORT: Final = 3634
_LOOPBACK: Final = "127.0.0.1"
_SECRET_BYTES: Final = 12


class CannotServeError(DistccError):
    """The page cannot be served."""


class BuildPage:
    """The page of what `watcher` sees, which looks all the time: what C distcc does is soon over."""

    def __init__(self, watcher: Watcher, now: Callable[[], float] = time.time) -> None:
        self._watcher = watcher
        self._now = now
        self._view: View = watcher.look()[0]
        self._snapshot: Snapshot | None = None

    def look(self) -> None:
        """Look again."""
        self._view, _ = self._watcher.look()
        self._snapshot = None

    def snapshot(self) -> Snapshot:
        """Return what the page shows; it is made when somebody asks."""
        if self._snapshot is None:
            self._snapshot = build_snapshot(self._view, self._watcher.hour, self._now())
        return self._snapshot

    def site(self, secret: str, reactor: Any) -> IProtocolFactory:
        """Return the factory of the site, on which the page is at `/SECRET/live`."""
        root, folder = Resource(), Resource()
        root.putChild(secret.encode(), folder)
        folder.putChild(b"live", LivePage(self.snapshot, reactor))
        return guarded_site(root, reactor)


async def serve_page(reactor: Any, watcher: Watcher, port: int | None, interval: float) -> None:
    """Serve the page until something fails, or this process is interrupted.

    Args:
        reactor: serves.
        watcher: sees what there is to show.
        port: where to listen; `None` is the usual port, or any other if that is taken.
        interval: how often to look, in seconds.

    Raises:
        CannotServeError: if the port is taken.
        OSError: if the journal cannot be read any more.
    """
    globalLogBeginner.beginLoggingTo([LogFile(None).from_level("warning")], redirectStandardIO=False)
    page, secret = BuildPage(watcher), secrets.token_urlsafe(_SECRET_BYTES)
    listening = _listen(reactor, page.site(secret, reactor), port)
    say([f"http://{_LOOPBACK}:{listening.getHost().port}/{secret}/live"])
    sys.stdout.flush()
    while True:
        began = time.process_time()
        page.look()
        await deferLater(reactor, interval)
        await deferLater(reactor, pause_after(time.process_time() - began, interval) - interval)


def _listen(reactor: Any, factory: IProtocolFactory, port: int | None) -> Any:
    ports = (USUAL_PORT, 0) if port is None else (port,)
    for one in ports:
        try:
            return reactor.listenTCP(one, factory, interface=_LOOPBACK)
        except CannotListenError as error:
            taken = error
    raise CannotServeError(f"cannot listen on port {port}: {taken.socketError.strerror}")
