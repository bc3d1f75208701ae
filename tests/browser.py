"""A real browser without a window, driven by its DevTools protocol over a WebSocket.

browser = await start_browser(test)
page = await browser.open("http://127.0.0.1:3633/live", width=390, height=844, dark=True)
await page.until("document.querySelectorAll('li').length > 2", "a job is there")
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import urllib.request
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.web.websocket import WebSocketClientEndpoint, WebSocketTransport

from tests.live import PATIENCE, Child, LiveTestCase, until

CHROMIUM: Final = shutil.which("chromium")
NO_CHROMIUM: Final = (
    "chromium is not installed (Debian: apt-get install chromium)" if CHROMIUM is None else None
)
_PERIOD: Final = 0.05


class _DevTools:
    """One WebSocket: answers are matched to what was asked, and exceptions of pages are kept."""

    def __init__(self, url: str) -> None:
        self._numbers = count(1)
        self._asked: dict[int, Deferred[Any]] = {}
        self.complaints: list[str] = []

    @classmethod
    def buildProtocol(cls, url: str) -> _DevTools:
        return cls(url)

    def negotiationStarted(self, transport: WebSocketTransport) -> None:
        self.transport = transport

    def negotiationFinished(self) -> None:
        pass

    def textMessageReceived(self, message: str) -> None:
        told = json.loads(message)
        if "id" in told:
            self._asked.pop(told["id"]).callback(told)
        elif told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(message)

    def bytesMessageReceived(self, data: bytes) -> None:
        pass

    def pongReceived(self, payload: bytes) -> None:
        pass

    def connectionLost(self, reason: Any) -> None:
        pass

    def ask(self, method: str, **parameters: Any) -> Deferred[Any]:
        number = next(self._numbers)
        answer = self._asked[number] = Deferred()
        self.transport.sendTextMessage(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        return answer


class BrowserPage:
    """A page that is open."""

    def __init__(self, tools: _DevTools) -> None:
        self._tools = tools

    @property
    def complaints(self) -> list[str]:
        """Uncaught errors of scripts, and what the browser logged, such as blocked contents."""
        return self._tools.complaints

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Give a command of the protocol, and return its result."""
        told = await self._tools.ask(method, **parameters)
        assert "error" not in told, told
        return told["result"]

    async def get(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript."""
        result = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression: str, what: str) -> Any:
        """Wait until an expression is true, and return its value."""
        deadline = reactor.seconds() + PATIENCE
        while not (value := await self.get(expression)):
            if reactor.seconds() > deadline:
                body = await self.get("document.body.innerText")
                raise AssertionError(f"it did not come about that {what}; the page says: {body}")
            await deferLater(reactor, _PERIOD)
        return value

    async def barriers(self) -> list[str]:
        """Return what keeps people from using the page, as axe-core finds it: rule, element, reason."""
        axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        await self.ask("Runtime.evaluate", expression=axe)
        found = await self.get("axe.run().then(found => found.violations)")
        return [
            f"{rule['id']}: {node['html']}: {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    async def press(self, key: str) -> None:
        """Press and release a key, such as `Tab`."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        for kind in ("rawKeyDown", "char", "keyUp"):
            text = {"text": "\r" if key == "Enter" else key} if kind == "char" and key != "Tab" else {}
            if kind != "char" or text:
                await self.ask(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    windowsVirtualKeyCode=codes[key],
                    **text,
                )

    async def picture(self, path: Path) -> None:
        """Save what the page looks like, from its top to its end."""
        size = (await self.ask("Page.getLayoutMetrics"))["cssContentSize"]
        whole = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        taken = await self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=whole)
        path.write_bytes(base64.b64decode(taken["data"]))


class Browser:
    """A browser that runs."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(
        self, url: str, *, width: int = 1366, height: int = 768, dark: bool = False
    ) -> BrowserPage:
        """Open a page in a window of this size."""
        told = await deferToThread(self._new)
        tools = await WebSocketClientEndpoint.new(
            reactor, told["webSocketDebuggerUrl"].replace("localhost", "127.0.0.1")
        ).connect(_DevTools)
        page = BrowserPage(tools)
        for domain in ("Page", "Runtime", "Log"):
            await page.ask(f"{domain}.enable")
        await page.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.ask("Emulation.setEmulatedMedia", features=[scheme])
        await page.ask("Page.navigate", url=url)
        await page.until("document.readyState === 'complete'", "the page is loaded")
        return page

    def _new(self) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


async def start_browser(test: LiveTestCase) -> Browser:
    """Start a browser with a profile of its own, which ends with the test."""
    profile, home = test.place(), test.place()
    home.mkdir()
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    child: Child = test.start(
        str(CHROMIUM), "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}",
        "--remote-allow-origins=*", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
        "--ignore-certificate-errors", *sandbox, "about:blank",
        environ={"HOME": str(home), "TMPDIR": "/tmp"},  # its socket's path has to be short
    )  # fmt: skip
    found = profile / "DevToolsActivePort"
    text = await until(lambda: found.exists() and found.read_text(), f"chromium runs: {child.stderr}")
    return Browser(int(str(text).split()[0]))
