"""The live page in a real browser, with more of everything than fits: for all eyes, ears and hands."""

from __future__ import annotations

import time
from typing import Any, Final

from twisted.internet import reactor
from twisted.web.resource import Resource

from tests.browser import NO_CHROMIUM, Browser, BrowserPage, start_browser
from tests.live import LiveTestCase, until
from twisted_distcc.web.guarded_site import guarded_site
from twisted_distcc.web.live_page import LivePage
from twisted_distcc.web.snapshot import Column, Count, Curve, JobShown, Lane, Snapshot, Table

_MARKUP: Final = "<script>document.title = 'broken'</script><img src=x onerror=alert(1)>"
_LONG: Final = "/a/folder/of/many/names" * 10 + "/with_a_long_name" * 10 + ".cpp"
_ODD: Final = (_MARKUP, _LONG, "", "\u202egpj.c", "a\nb.c", "\ud800.c")
_ROOM: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def _jobs(stage: str, number: int) -> tuple[JobShown, ...]:
    return tuple(
        JobShown(_ODD[place % len(_ODD)], "tls:" + "x" * place, stage, 1.7**place / 1000)
        for place in range(number)
    )


def full() -> Snapshot:
    """Return a snapshot with more of everything than there is room for."""
    points = (None, None, 1.0, 0.0, None, 7.5)
    return Snapshot(
        name=f"distccd on {_MARKUP}",
        about=_LONG,
        moment=time.time(),
        since=0.0,
        state="It is ending.",
        counts=(
            Count("Running", 3, note=_LONG), Count("Failed", 12_345_678, tone="bad"),
            Count("Memory", 2e10, "bytes", tone="good"), Count("Share", 99.5, "percent"),
            Count("Unknown", None),
        ),
        lanes=(
            Lane("Slots", 200, _jobs("compiling", 30) + _jobs("preparing", 30)),
            Lane(_MARKUP, 3, (), "avoided", "bad"),
        ),
        waiting=_jobs("waiting", 10),
        queue=10_000,
        curves=(
            Curve("Compiles", "per minute", 15.0, points, limit=20),
            Curve("Nothing yet", "bytes per minute", 15.0, (None,) * 6),
        ),
        tables=(
            Table("Clients", (Column("Client"), Column("Jobs", "count")), ((_MARKUP, 7), (_LONG, 8.0))),
            Table("Empty", (Column("Client"),)),
            Table(
                "Files",
                (Column("When", "time"), Column("Why", "sentence"), Column("What", "path")),
                tuple((0.0, _LONG, file) for file in _ODD * 10),
            ),
        ),
    )  # fmt: skip


class PageTests(LiveTestCase):
    if NO_CHROMIUM:
        skip = NO_CHROMIUM

    async def setUp(self) -> None:
        root = Resource()
        root.putChild(b"live", LivePage(full, reactor))
        site: Any = guarded_site(root, reactor)
        self.addCleanup(until, lambda: not site.connectionCount, "the browser has hung up")
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)

    async def shown(self, browser: Browser, width: int = 1366, *, dark: bool = False) -> BrowserPage:
        """Open the page, and wait for what it shows."""
        url = f"http://127.0.0.1:{self.port.getHost().port}/live"
        page = await browser.open(url, width=width, height=800, dark=dark)
        await page.until("document.getElementById('word').textContent === 'live'", "it is live")
        return page

    async def test_barriers(self) -> None:
        """axe-core finds nothing, neither by day nor by night, on a wide screen nor on a phone."""
        browser = await start_browser(self)
        grounds = []
        for width, dark in ((1366, False), (390, True), (1366, True), (390, False)):
            page = await self.shown(browser, width, dark=dark)
            self.assertEqual(await page.barriers(), [], f"{width}, {dark=}")
            grounds.append(await page.get("getComputedStyle(document.body).backgroundColor"))
        light, dark_ground, *_ = grounds
        self.assertEqual(grounds, [light, dark_ground, dark_ground, light])
        self.assertNotEqual(light, dark_ground)
        await page.get("document.documentElement.style.setProperty('--soft', '#aaa')")
        await page.get("document.getElementById('pause').textContent = ''")
        rules = {barrier.partition(":")[0] for barrier in await page.barriers()}
        self.assertEqual(rules, {"color-contrast", "button-name"})

    async def test_texts_of_peers(self) -> None:
        """Whatever the names are, they are text, and the browser has nothing to complain about."""
        page = await self.shown(await start_browser(self))
        self.assertEqual(await page.get("document.querySelectorAll('img, script').length"), 1)
        self.assertEqual(await page.get("document.title"), f"distccd on {_MARKUP}")
        rows = await page.get("[...document.querySelectorAll('#tables .path')].map(one => one.title)")
        self.assertEqual(rows[0], _MARKUP)
        self.assertEqual(page.complaints, [])

    async def test_widths(self) -> None:
        """From a small phone to a large screen nothing is wider than the screen."""
        browser = await start_browser(self)
        for width in (320, 600, 820, 1366, 2560):
            page = await self.shown(browser, width)
            self.assertEqual(await page.get(_ROOM), 0, width)

    async def test_keyboard(self) -> None:
        """Whatever scrolls can be reached by the keyboard, and what has the focus shows it."""
        page = await self.shown(await start_browser(self))
        reached = []
        for _ in range(4):
            await page.press("Tab")
            reached.append(
                await page.get(
                    "[document.activeElement.id || document.activeElement.getAttribute('aria-label'),"
                    " getComputedStyle(document.activeElement).outlineStyle].join(' ')"
                )
            )
        self.assertEqual(reached, ["pause solid", "Clients solid", "Empty solid", "Files solid"])
