"""The live page of a real server in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.browser import NO_CHROMIUM, BrowserPage, start_browser
from tests.live import LiveServer, LiveTestCase, open_to_all, until
from tests.server.talk import Client, connect, request_bytes
from tests.server.test_live_stats import stats_port

NAME: Final = "<script>document.title='broken'</script><img src=x onerror=alert(1)>.c"
_JOBS: Final = "[...document.querySelectorAll('#lanes .lane li:not(.free)')].map(one => one.innerText)"
_COUNT: Final = (
    "[...document.querySelectorAll('#counts dl > div')]"
    ".find(one => one.firstChild.textContent === {label!r}).children[1].textContent"
)


class LivePageTests(LiveTestCase):
    if NO_CHROMIUM:
        skip = NO_CHROMIUM

    async def standing(self) -> tuple[LiveServer, Path]:
        """Start a server with one slot, whose compiler waits for the file `go` in a folder."""
        folder = self.place()
        folder.mkdir()
        open_to_all(folder)
        gcc = folder / "gcc"
        gcc.write_text(
            f"#!/bin/sh\ntouch {folder}/runs; until [ -e {folder}/go ]; do sleep 0.02; done\n"
            'for last; do :; done; echo object >"$last"\n'
        )
        gcc.chmod(0o755)
        server = await self.serve(
            "--stats", "--stats-port=0", "--jobs=1",
            environ={"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"},
        )  # fmt: skip
        return server, folder

    async def job(self, server: LiveServer, name: str) -> Client:
        client = await connect(server.port)
        client.send(request_bytes(("gcc", "-c", name, "-o", "x.o")))
        return client

    async def opened(self, server: LiveServer) -> BrowserPage:
        browser = await start_browser(self)
        page = await browser.open(f"http://127.0.0.1:{stats_port(server)}/")
        await page.until("document.getElementById('word').textContent === 'live'", "it is live")
        return page

    async def test_a_job(self) -> None:
        """A job appears with its name as text, another one waits, both finish, and are counted."""
        server, folder = await self.standing()
        page = await self.opened(server)
        self.assertTrue((await page.get("location.pathname")).endswith("/live"))
        first = await self.job(server, NAME)
        await until((folder / "runs").exists, "the compiler runs")
        second = await self.job(server, "next.c")
        await page.until("!document.getElementById('waiting').hidden", "a job waits")
        [shown] = await page.until(f"{_JOBS}.length && {_JOBS}", "a job is there")
        for part in (*NAME.split("/"), "tcp:127.0.0.1", "compiling"):
            self.assertIn(part, shown)
        self.assertIn("next.c", await page.get("document.getElementById('waiting').innerText"))
        self.assertEqual(await page.get(_COUNT.format(label="Running")), "1")
        (folder / "go").touch()
        await first.closed
        await second.closed
        await page.until(f"{_COUNT.format(label='Compiled')} === '2'", "both are counted")
        await page.until(f"{_JOBS}.length === 0", "none is in flight")
        self.assertIn(NAME.rpartition("/")[2], await page.get("document.body.innerText"))
        self.assertTrue((await page.get("document.title")).startswith("distccd on "))
        self.assertEqual(await page.get("document.querySelectorAll('img, script').length"), 1)
        self.assertEqual(page.complaints, [])

    async def test_the_end(self) -> None:
        """The page says when the server has gone; it can be paused with the keyboard alone."""
        server, _ = await self.standing()
        page = await self.opened(server)
        await page.press("Tab")
        self.assertEqual(await page.get("document.activeElement.id"), "pause")
        await page.press(" ")
        await page.until("document.getElementById('word').textContent === 'paused'", "it is paused")
        await page.press(" ")
        await page.until("document.getElementById('word').textContent === 'live'", "it goes on")
        await server.stop()
        await page.until("document.getElementById('status').dataset.state === 'lost'", "it says so")
