"""The pages of a server's statistics, by their paths.

| Path | What is there |
|---|---|
| `/` | for programs, distccd's own page; browsers are sent to `/live` |
| `/stats` | distccd's own page, for everybody |
| `/metrics` | metrics, for Prometheus |
| `/healthz` | whether the server answers at all |
| `/readyz` | whether it takes jobs |
| `/live` | the live page |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.http import SEE_OTHER, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.server.stats.distcc_figures import Disks, distcc_figures
from twisted_distcc.server.stats.distcc_page import distcc_page
from twisted_distcc.server.stats.server_metrics import metrics_answer, server_registry
from twisted_distcc.server.stats.server_snapshot import server_snapshot
from twisted_distcc.server.stats.server_view import ServerView
from twisted_distcc.web.answers import Answer, Answers
from twisted_distcc.web.live_page import LivePage

_HTML = "text/html"


def stats_site(view: ServerView, reactor: Any) -> Resource:
    """Return the root of the pages about the server that `view` shows."""
    page = _distcc_page(view, reactor)
    registry = server_registry(view)
    root = Resource()
    root.putChild(b"", Answers(lambda request: _to_browsers(request) or page(request)))
    root.putChild(b"stats", Answers(page))
    root.putChild(b"metrics", Answers(lambda request: metrics_answer(registry, request)))
    root.putChild(b"healthz", Answers(lambda _: Answer(b"ok\n")))
    root.putChild(b"live", LivePage(lambda: server_snapshot(view), reactor))
    root.putChild(b"readyz", Answers(lambda _: _readiness(view)))
    return root


def _distcc_page(view: ServerView, reactor: Any) -> Callable[[Request], Deferred[Answer]]:
    """Return what makes distccd's page: in a thread, as there may be thousands of processes."""
    disks = Disks(view.now)
    in_thread = ReactorThreads(reactor)

    def page(_: Request) -> Deferred[Answer]:
        return in_thread(lambda: Answer(distcc_page(distcc_figures(view, disks)).encode()))

    return page


def _to_browsers(request: Request) -> Answer | None:
    """Return what sends a browser to the live page; `None` for anything that wants no HTML."""
    accepted = request.requestHeaders.getRawHeaders("Accept", [""])[0]
    request.responseHeaders.setRawHeaders("Vary", ["Accept"])
    if _HTML not in accepted:
        return None
    request.responseHeaders.setRawHeaders("Location", ["live"])
    return Answer(b"The live page is at /live, distccd's own at /stats.\n", status=SEE_OTHER)


def _readiness(view: ServerView) -> Answer:
    if view.is_ending():
        return Answer(b"the server is ending\n", status=SERVICE_UNAVAILABLE)
    return Answer(b"ready\n")
