"""The monitor beside real compiles, ours and C distcc's: in terminals of two widths, and in a file."""

from __future__ import annotations

import json
import shutil
import subprocess
from signal import SIGTERM
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from twisted.internet.threads import deferToThread

from tests.agent.farm import FarmTestCase
from tests.browser import NO_CHROMIUM, start_browser
from tests.distccd import NO_DISTCCD, start_distccd
from tests.live import PATIENCE, Child, until

TMUX = shutil.which("tmux")


class MonitorTestCase(FarmTestCase):
    async def two_compiles(self) -> tuple[Child, Child]:
        """Start a compile of our client, and one of C distcc, neither of which ends."""
        await self.farm_that_stops()
        ours = self.tdistcc("gcc", "-c", "hello.c")
        await self.stopped()
        folder = self.home / "their-bin"
        folder.mkdir()
        for name in ("gcc", "x86_64-linux-gnu-gcc"):
            path = folder / name
            path.write_text("#!/bin/sh\nexec sleep 1000\n")
            path.chmod(0o755)
        _, port = await start_distccd(self, "--enable-tcp-insecure", PATH=f"{folder}:/usr/bin:/bin")
        (self.work / "theirs.c").write_text("int theirs;\n")
        theirs = self.run_in_home(
            "/usr/bin/distcc", "gcc", "-c", "theirs.c", DISTCC_HOSTS=f"127.0.0.1:{port}"
        )
        return ours, theirs


class PipedTests(MonitorTestCase):
    skip = NO_DISTCCD

    async def test_a_file(self) -> None:
        """Into a file it prints a line for each unit that ends, without any control characters."""
        ours, theirs = await self.two_compiles()
        monitor = self.run_in_home("twisted-distcc", "monitor", "--interval", "0.1")
        await self.until_shown("hello.c", "theirs.c")
        await ours.kill()
        await theirs.kill()
        await until(lambda: b"theirs.c" in monitor.stdout and b"hello.c" in monitor.stdout, "both end")
        said = monitor.stdout.decode()
        self.assertRegex(said, r"(?m)^\d\d:\d\d:\d\d  hello\.c  interrupted after [\d.]+ m?s$")
        self.assertRegex(
            said, r"(?m)^\d\d:\d\d:\d\d  theirs\.c  compiled on 127\.0\.0\.1 in .* \(by C distcc\)$"
        )
        self.assertEqual((said.count("\n"), said.replace("\n", "").isprintable()), (2, True))
        monitor.signal(SIGTERM)
        self.assertEqual((await monitor.ended(), monitor.stderr), (0, ""))

    async def until_shown(self, *names: str) -> None:
        for name in names:
            shown = ""
            while name not in shown:
                shown = (await self.succeeds("twisted-distcc", "monitor", "--once")).stdout.decode()


class WebTests(FarmTestCase):
    async def test_page(self) -> None:
        """A page on this machine shows a compile as it happens, to whoever knows its address."""
        await self.farm_that_stops()
        self.tdistcc("gcc", "-c", "hello.c")
        await self.stopped()
        monitor = self.run_in_home("twisted-distcc", "monitor", "--web", "--port=0", "--interval=0.1")
        await until(lambda: b"/live\n" in monitor.stdout, "it is served")
        url = monitor.stdout.decode().strip()
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/[\w-]{16}/live$")
        shown = None
        while not shown:
            [shown] = [
                [job["file"] for job in lane["jobs"]]
                for lane in await deferToThread(_event, f"{url}/events")
                if lane["slots"] == 4 and lane["name"] != "This machine"
            ]
        self.assertEqual(shown, ["hello.c"])
        without_secret = "/".join(url.split("/")[:3])
        for path in ("/", "/live", "/live/events"):
            with self.assertRaises(HTTPError):
                await deferToThread(_event, f"{without_secret}{path}")
        monitor.signal(SIGTERM)
        self.assertEqual((await monitor.ended(), monitor.stderr), (0, ""))


class BrowserTests(FarmTestCase):
    skip = NO_CHROMIUM

    async def test_a_unit(self) -> None:
        """In a browser a unit appears, with its name as text, ends, and is counted."""
        await self.farm_that_stops()
        name = "<img src=x onerror=alert(1)>.c"
        (self.work / "hello.c").rename(self.work / name)
        child = self.tdistcc("gcc", "-c", name)
        await self.stopped()
        monitor = self.run_in_home("twisted-distcc", "monitor", "--web", "--port=0", "--interval=0.1")
        await until(lambda: b"/live\n" in monitor.stdout, "it is served")
        page = await (await start_browser(self)).open(monitor.stdout.decode().strip())
        lanes = "document.getElementById('lanes').innerText"
        await page.until(f"{lanes}.includes({name!r})", "the unit is there")
        await child.kill()
        await page.until(f"!{lanes}.includes({name!r})", "it is there no more")
        counts = "document.getElementById('counts').innerText"
        await page.until(f"/Failed\\s+1\\s/.test({counts})", "it is counted")
        self.assertIn(name, await page.get("document.body.innerText"))
        self.assertEqual(await page.get("document.querySelectorAll('img').length"), 0)
        self.assertEqual(page.complaints, [])


def _event(url: str) -> list[dict[str, Any]]:
    """Return the lanes of the first snapshot that a page sends."""
    with urlopen(url, timeout=PATIENCE) as answer:
        lanes: list[dict[str, Any]] = json.loads(answer.readline().removeprefix(b"data: "))["lanes"]
        return lanes


class TerminalTests(MonitorTestCase):
    skip = NO_DISTCCD or (None if TMUX else "tmux is not installed (Debian: apt-get install tmux)")

    def tmux(self, *words: str) -> str:
        command = [str(TMUX), "-S", str(self.runtime / "tmux"), "-f", "/dev/null", *words]
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        ran = subprocess.run(
            command, check=False, env=self.environ, cwd=self.work, stdout=subprocess.PIPE, **quiet
        )
        return ran.stdout.decode()

    def terminal(self, name: str, width: int, height: int) -> None:
        """Start the monitor in a terminal of this size, which is left as it is when that ends."""
        size = ("-x", str(width), "-y", str(height))
        command = "twisted-distcc monitor; echo it has ended with $?; exec cat"
        self.tmux("new-session", "-d", "-s", name, *size, command)
        self.addCleanup(self.tmux, "kill-session", "-t", name)

    def rows(self, name: str) -> list[str]:
        return self.tmux("capture-pane", "-p", "-t", name).splitlines()

    async def until_shown(self, name: str, text: str) -> None:
        await until(lambda: any(text in row for row in self.rows(name)), f"{name} shows {text}")

    async def shows_both(self, name: str, beside: int) -> None:
        """Assert that a terminal shows both compiles, with so many hosts beside each other."""
        await self.until_shown(name, "hello.c")
        await self.until_shown(name, "theirs.c")
        rows = self.rows(name)
        self.assertEqual(rows[0].rstrip(), "No units have ended in the last minute; 2 in flight.")
        shown = [row for row in rows if "hello.c" in row or "theirs.c" in row]
        for row in shown:
            self.assertRegex(row, r"1  compiling +[\d.]+ m?s  \w+\.c")
        self.assertEqual(max(row.count(" done, ") for row in rows), beside)

    async def leaves_it_tidy(self, name: str) -> None:
        """Assert that Ctrl-C ends it, and that the build's summary stays."""
        self.tmux("send-keys", "-t", name, "C-c")
        await self.until_shown(name, "it has ended with 0")
        self.assertNotIn("compiling", "".join(self.rows(name)))
        self.assertIn("2 in flight.", self.rows(name)[0])

    async def test_two_widths(self) -> None:
        """At 80 and 200 columns it shows both compiles in their slots, and leaves a tidy terminal."""
        await self.two_compiles()
        self.terminal("narrow", 80, 24)
        self.terminal("wide", 200, 24)
        await self.shows_both("narrow", beside=1)
        await self.shows_both("wide", beside=3)
        await self.leaves_it_tidy("narrow")
        await self.leaves_it_tidy("wide")
