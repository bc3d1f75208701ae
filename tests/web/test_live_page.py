"""The live page in memory: what is sent to whom, when, and to how many."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from twisted_distcc.web import live_page
from twisted_distcc.web.guarded_site import guarded_site
from twisted_distcc.web.live_page import LivePage
from twisted_distcc.web.snapshot import Snapshot

ASSETS = Path(live_page.__file__).parent / "assets"


class Browser(StringTransport):
    """A connection of a browser, of which a test decides whether it reads."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True

    @property
    def events(self) -> list[Any]:
        """The snapshots that came, without the chunks that carry them."""
        return [json.loads(found) for found in re.findall(rb"^data: (.*)$", self.value(), re.MULTILINE)]


class PageTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked = 0
        root = Resource()
        self.page = LivePage(self.snapshot, self.clock, most=2)
        root.putChild(b"live", self.page)
        self.site = guarded_site(root, self.clock)

    def snapshot(self) -> Snapshot:
        self.asked += 1
        return Snapshot("<b>it</b>", "about \"it\" & 'more'", moment=self.asked, since=0.0)

    def ask(self, path: str, method: str = "GET") -> tuple[Browser, Callable[[], None]]:
        """Send a request; return the connection, and what loses it."""
        protocol = cast(Protocol, self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1)))
        browser = Browser()
        protocol.makeConnection(browser)
        protocol.dataReceived(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return browser, lambda: protocol.connectionLost(Failure(ConnectionDone()))


class HtmlTests(PageTestCase):
    def test_names_are_text(self) -> None:
        """What a name contains is escaped, in the page's title as well as in its heading."""
        text = self.ask("/live")[0].value().decode()
        self.assertIn("<title>&lt;b&gt;it&lt;/b&gt;</title>", text)
        self.assertIn('<h1 id="name">&lt;b&gt;it&lt;/b&gt;</h1>', text)
        self.assertNotIn("<b>", text)

    def test_nothing_from_outside(self) -> None:
        """The page asks for nothing but its own files, which are there; nothing is inline."""
        text = self.ask("/live")[0].value().decode()
        files = set(re.findall(r'(?:src|href)="([^"]+)"', text))
        self.assertEqual(files, {"live/page.css", "live/page.js", "live/icon.svg"})
        for file in files:
            self.assertIn(b" 200 OK", self.ask(f"/{file}")[0].value())
        self.assertNotRegex(text, r"<style|<script(?! src)| on\w+=| style=")
        script, style = ((ASSETS / name).read_text() for name in ("page.js", "page.css"))
        self.assertNotRegex(script, "innerHTML|outerHTML|insertAdjacentHTML|document.write|eval|fetch")
        self.assertNotRegex(style, r"url\(|@import")

    def test_head(self) -> None:
        """HEAD is answered without a body, and makes nobody a watcher."""
        for path in ("/live", "/live/events"):
            answer = self.ask(path, "HEAD")[0].value()
            self.assertIn(b" 200 OK", answer)
            self.assertEqual(answer.partition(b"\r\n\r\n")[2], b"")
        self.assertEqual(len(self.page.watchers), 0)


class EventsTests(PageTestCase):
    def moments(self, browser: Browser) -> list[float]:
        return [event["moment"] for event in browser.events]

    def test_as_they_come(self) -> None:
        """The first snapshot comes at once and one each second; all who watch get the same."""
        first, _ = self.ask("/live/events")
        self.assertIn(b"Content-Type: text/event-stream", first.value())
        self.assertEqual(self.moments(first), [1])
        second, _ = self.ask("/live/events")
        self.clock.advance(1)
        self.clock.advance(1)
        self.assertEqual((self.moments(first), self.moments(second)), ([1, 3, 4], [2, 3, 4]))

    def test_nobody_watches(self) -> None:
        """When all have gone, no snapshot is made."""
        _, lose = self.ask("/live/events")
        self.clock.advance(1)
        self.assertEqual(self.asked, 2)
        lose()
        self.clock.pump([1, 1, 1])
        self.assertEqual((self.asked, len(self.page.watchers)), (2, 0))

    def test_too_many(self) -> None:
        """Beyond their number one is told to come again, and may once another has gone."""
        _, lose = self.ask("/live/events")
        self.ask("/live/events")
        answer = self.ask("/live/events")[0].value()
        self.assertIn(b" 503 ", answer)
        self.assertIn(b"Retry-After: 10", answer)
        lose()
        self.assertIn(b" 200 OK", self.ask("/live/events")[0].value())

    def test_slow(self) -> None:
        """Whoever has no room gets nothing more, and after ten seconds is dropped; others go on."""
        slow, lose = self.ask("/live/events")
        good, _ = self.ask("/live/events")
        producer: Any = slow.producer
        producer.pauseProducing()
        length = len(slow.value())
        self.clock.pump([1] * 5)
        self.assertEqual(len(slow.value()), length)
        producer.resumeProducing()
        self.clock.pump([1] * 2)
        self.assertGreater(len(slow.value()), length)
        self.assertFalse(slow.aborted)
        producer.pauseProducing()
        self.clock.pump([1] * 11)
        self.assertTrue(slow.aborted)
        lose()
        self.assertEqual(len(self.page.watchers), 1)
        self.assertEqual(len(good.events), 19)

    def test_faults(self) -> None:
        """A snapshot that cannot be made is left out, and the next one comes."""
        browser, _ = self.ask("/live/events")
        self.page.watchers._snapshot = lambda: cast(Snapshot, 1 / 0)
        self.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.page.watchers._snapshot = self.snapshot
        self.clock.advance(1)
        self.assertEqual(self.moments(browser), [1, 2])
