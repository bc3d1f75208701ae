"""The live page, as a resource that a site has somewhere::

    root.putChild(b"live", LivePage(snapshot, reactor))
    reactor.listenTCP(3633, guarded_site(root, reactor), interface="127.0.0.1")

`snapshot` is a function that returns a `Snapshot` of this moment.  It is called once a second while
somebody watches, and not at all while nobody does.  All addresses within the page are relative to the
folder of the resource, so it may be at any path.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.template import Element, Tag, XMLString, flattenString, renderer

from twisted_distcc.web.answers import Answer, Answers
from twisted_distcc.web.snapshot import Snapshot
from twisted_distcc.web.watchers import MOST, Watchers

_ASSETS: Final = Path(__file__).parent / "assets"
_KINDS: Final = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_HTML: Final = "text/html; charset=utf-8"


class LivePage(Resource):
    """The page, what belongs to it, and the snapshots that keep it up to date.

    Args:
        snapshot: returns what the page shows at this moment.
        reactor: tells the time.
        most: how many may watch at a time.
    """

    def __init__(
        self, snapshot: Callable[[], Snapshot], reactor: IReactorTime, most: int = MOST
    ) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._page = Answers(self._answer)
        self._template = XMLString((_ASSETS / "page.html").read_text(encoding="utf-8"))
        self.watchers = Watchers(snapshot, reactor, most)
        """Those who have the page open."""
        for name, kind in _KINDS.items():
            self.putChild(name.encode(), _asset(name, kind))
        self.putChild(b"events", self.watchers)

    def render_GET(self, request: Request) -> int:
        """Answer with the page."""
        return self._page.render_GET(request)

    render_HEAD = render_GET

    def _answer(self, request: Request) -> Deferred[Answer]:
        shown = _Page(self._template, self._snapshot())
        return flattenString(request, shown).addCallback(
            lambda page: Answer(b"<!DOCTYPE html>\n" + page, _HTML)
        )


class _Page(Element):
    """The page before its script has run: a name, and what it is about."""

    def __init__(self, loader: XMLString, snapshot: Snapshot) -> None:
        super().__init__(loader)
        self._snapshot = snapshot

    @renderer
    def name(self, request: IRequest | None, tag: Tag) -> Tag:
        """Return the element with the page's name."""
        return tag(self._snapshot.name)

    @renderer
    def about(self, request: IRequest | None, tag: Tag) -> Tag:
        """Return the element with a few words more."""
        return tag(self._snapshot.about)


def _asset(name: str, kind: str) -> Resource:
    answer = Answer((_ASSETS / name).read_bytes(), kind)
    return Answers(lambda _: answer)
