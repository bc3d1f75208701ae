"""Statistics of a real server, over HTTP: beside those of C distccd, under TLS, and for root."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from twisted.internet.threads import deferToThread

from tests.distccd import NO_DISTCCD, start_distccd
from tests.live import LiveServer, LiveTestCase, open_to_all, until
from tests.server.talk import ask, connect, request_bytes
from tests.sshd import answers, free_port

_STATS: Final = re.compile(r"statistics are on (\S+) port (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """What was answered."""

    status: int
    kind: str
    text: str
    url: str


def _page(url: str, headers: dict[str, str], context: ssl.SSLContext | None) -> Page:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            text = answer.read().decode()
            return Page(answer.status, answer.headers["Content-Type"], text, answer.url)
    except urllib.error.HTTPError as error:
        return Page(error.code, error.headers["Content-Type"], error.read().decode(), error.url)


async def page(url: str, context: ssl.SSLContext | None = None, **headers: str) -> Page:
    """Get a page."""
    found: Page = await deferToThread(_page, url, headers, context)
    return found


def stats_port(server: LiveServer) -> int:
    """Return the port of a server's statistics."""
    found = _STATS.search(server.log)
    assert found is not None, server.log
    return int(found[2])


def keys(text: str) -> list[str]:
    """Return the keys of distccd's page, in order."""
    return [line.split(" ")[0] for line in text.splitlines()]


def value(text: str, key: str) -> str:
    """Return the value of a key."""
    found = re.search(rf"^dcc_{key} (.*)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


class StatsTestCase(LiveTestCase):
    async def with_stats(
        self, *options: str, environ: Mapping[str, str] | None = None
    ) -> tuple[LiveServer, str]:
        """Start a server, and return it with the address of its statistics."""
        server = await self.serve("--stats", "--stats-port=0", *options, environ=environ)
        return server, f"http://127.0.0.1:{stats_port(server)}"


class DistccPageTests(StatsTestCase):
    async def test_beside_c(self) -> None:
        """C distccd and ours answer with the same keys in the same order, in values of one form."""
        port = free_port()
        await start_distccd(self, "--stats", "--stats-port", str(port))
        theirs = await page(f"http://127.0.0.1:{port}/")
        _, url = await self.with_stats()
        ours = await page(f"{url}/")
        self.assertEqual(keys(ours.text), keys(theirs.text))
        self.assertEqual(ours.kind.partition(";")[0], theirs.kind)
        for mine, other in zip(ours.text.splitlines(), theirs.text.splitlines(), strict=True):
            forms = [re.sub(r"[a-z]+", "a", re.sub(r"-?\d+", "0", line)) for line in (mine, other)]
            self.assertEqual(*forms)

    if NO_DISTCCD:
        test_beside_c.skip = NO_DISTCCD  # type: ignore[attr-defined]

    async def test_counts(self) -> None:
        """Jobs that succeed, find errors, or are refused, and what is no job, each count once."""
        server, url = await self.with_stats()
        self.assertEqual((await ask(server.port)).exit_code, 0)
        self.assertNotEqual((await ask(server.port, source=b"int f(\n")).exit_code, 0)
        await ask(server.port, ("gcc", "-fplugin=x.so", "-c", "hello.c", "-o", "hello.o"))
        client = await connect(server.port)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        await client.closed
        text = (await page(f"{url}/stats")).text
        counts = {key: int(value(text, key)) for key in ("compile_ok", "compile_error", "rej_bad_req")}
        self.assertEqual(counts, {"compile_ok": 1, "compile_error": 1, "rej_bad_req": 2})
        self.assertEqual(value(text, "tcp_accept"), "4")
        self.assertEqual(value(text, "longest_job"), "hello.c")
        self.assertEqual(value(text, "num_compiles1"), "2")

    async def test_browsers(self) -> None:
        """A program gets distccd's page at /, and a browser the live page."""
        _, url = await self.with_stats()
        self.assertIn("<distccstats>", (await page(f"{url}/", Accept="*/*")).text)
        self.assertEqual((await page(f"{url}/", Accept="text/html,*/*;q=0.8")).url, f"{url}/live")


class PortTests(StatsTestCase):
    async def test_probes(self) -> None:
        """A server that serves is healthy and ready."""
        _, url = await self.with_stats()
        self.assertEqual((await page(f"{url}/healthz")).text, "ok\n")
        self.assertEqual((await page(f"{url}/readyz")).text, "ready\n")
        self.assertEqual((await page(f"{url}/nothing")).status, 404)

    async def test_an_end(self) -> None:
        """The port is free before the last job has come to its end: the next server may begin."""
        folder = self.place()
        folder.mkdir()
        gcc = folder / "gcc"
        gcc.write_text(
            f"#!/bin/sh\ntouch {folder}/runs; until [ -e {folder}/go ]; do sleep 0.02; done\n"
        )
        gcc.chmod(0o755)
        open_to_all(folder)
        server, _ = await self.with_stats(environ={"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"})
        client = await connect(server.port)
        client.send(request_bytes())
        await until((folder / "runs").exists, "the compiler runs")
        port = stats_port(server)
        server.signal(signal.SIGTERM)
        await until(lambda: not answers(port), "the port is free")
        self.assertFalse(server.has_ended())
        (folder / "go").touch()
        await client.closed
        await server.ended()

    async def test_on_loopback_alone(self) -> None:
        """Without a word it is on loopback, whatever address jobs come to."""
        server, _ = await self.with_stats("--listen=0.0.0.0")
        self.assertEqual([host for host, _ in _STATS.findall(server.log)], ["127.0.0.1"])

    async def test_off(self) -> None:
        """A server without statistics loads nothing for them."""
        code = (
            "import sys, twisted_distcc.server.daemon.twistd_service as it;"
            "ours = ('web', 'server.stats', 'observe.statistics', 'observe.last_hour');"
            "rooms = ('twisted.web', 'prometheus_client', *map('twisted_distcc.'.__add__, ours));"
            "found = [name for name in sys.modules if name.startswith(rooms)];"
            "sys.exit(repr(found) if found else 0)"
        )
        child = self.start(sys.executable, "-c", code, stdin=subprocess.DEVNULL)
        self.assertEqual(await child.ended(), 0, child.stderr)
        server = await self.serve()
        await until(lambda: server.log, "the server has a log")
        self.assertNotRegex(server.log, _STATS)
