"""The framework on real connections: the page's programs between real peers, and the defaults."""

from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint

from tests.distccd import start_distccd
from tests.framework.examples import ANY_OBJECT, BUILD, EXAMPLES, PROXY, header_command, load, runnable
from tests.live import Child, LiveTestCase, until
from tests.sshd import answers, free_port
from twisted_distcc.framework import (
    Body,
    CannotConnectError,
    CompilerQuestion,
    DistccClient,
    DistccServerFactory,
    Peer,
    Reply,
    Request,
    everyone,
    pack_tree,
)

C_DISTCC: Final = "/usr/bin/distcc"
GCC: Final = shutil.which("gcc") or "gcc"
SOURCE: Final = '#include <stdio.h>\nint main(void) { return printf("%d\\n", 42) < 0; }\n'
_LISTENING: Final = re.compile(r"listening on IPv4Address\(.*port=(\d+)\)")


class ProxyTestCase(LiveTestCase):
    """C distcc, the logging proxy, and whatever is behind it."""

    if not os.access(C_DISTCC, os.X_OK):
        skip = "C distcc is not installed: apt-get install distcc"

    async def proxy_to(self, port: int) -> Child:
        changes = (("tcp:3632", "tcp:0"), ("buildbox:3632", f"127.0.0.1:{port}"))
        proxy = self.start(*runnable(header_command(PROXY), *changes), directory=EXAMPLES)
        await until(lambda: _LISTENING.search(said(proxy)) or proxy.has_ended(), "the proxy listens")
        self.assertFalse(proxy.has_ended(), proxy.stderr)
        return proxy

    async def distcc(self, proxy: Child, options: str = "") -> tuple[Child, int]:
        """Build `a.o` by C distcc through `proxy`, and nowhere else, by the page's command."""
        match = _LISTENING.search(said(proxy))
        assert match is not None
        folder = self.folder_with_source()
        (folder / "Makefile").write_text("CFLAGS = -O1\na.o: a.c\n")
        build = BUILD.replace("127.0.0.1", f"127.0.0.1:{match[1]}{options}")
        environ = {
            "PATH": f"{os.path.dirname(C_DISTCC)}:{os.environ['PATH']}",
            "DISTCC_DIR": str(folder),
            "DISTCC_FALLBACK": "0",
            "DISTCC_SKIP_LOCAL_RETRY": "1",
        }
        client = self.start("sh", "-c", build, environ=environ, directory=folder)
        return client, await client.ended()

    def folder_with_source(self) -> Path:
        self.folder = self.place()
        self.folder.mkdir()
        (self.folder / "a.c").write_text(SOURCE)
        return self.folder

    async def local_object(self) -> bytes:
        folder = self.folder_with_source()
        await self.start(GCC, "-O1", "-c", "a.c", directory=folder).ended()
        return (folder / "a.o").read_bytes()


def said(proxy: Child) -> str:
    """Give what `proxy` has logged so far."""
    return proxy.stdout.decode()


class ProxyTests(ProxyTestCase):
    """The page's logging proxy, as a process."""

    async def test_real_compile(self) -> None:
        """C distcc's object is a local one's, plain and compressed, and the proxy's log has the jobs."""
        expected = await self.local_object()
        server = await self.serve()
        proxy = await self.proxy_to(server.port)
        for options in ("", ",lzo"):
            client, status = await self.distcc(proxy, options)
            self.assertEqual((status, client.stderr), (0, ""))
            self.assertEqual((self.folder / "a.o").read_bytes(), expected)
        lines = re.findall(r"tcp:127\.0\.0\.1:\d+ 0: \S*gcc -O1 -c -o a\.o a\.c\n", said(proxy))
        self.assertEqual(len(lines), 2, said(proxy))
        await until(lambda: len(server.jobs) == 2, "the server logs both jobs")

    async def test_server_gone(self) -> None:
        """When nobody is behind the proxy, the person at C distcc reads so."""
        server = await self.serve()
        port = server.port
        await server.stop()
        client, status = await self.distcc(await self.proxy_to(port))
        self.assertEqual(status, 2)
        self.assertIn("Error 103", client.stderr)
        self.assertIn(f"tcp:127.0.0.1:{port} cannot be reached", client.stderr)


class FilesTests(ProxyTestCase):
    """A C distccd, whose job's files come from our client, with the page's proxy between them."""

    async def distccd(self) -> int:
        """Start C distccd; give its port."""
        return (await start_distccd(self))[1]

    async def compile(self, port: int, source: bytes) -> Reply:
        files = {b"/project/src/a.c": source, b"/project/include/a.h": b"int answer(void);\n"}
        tree = pack_tree(b"/project/src", files, {b"/project/src/a.h": b"../include/a.h"})
        words = (b"gcc", b"-O1", b"-c", b"a.c", b"-o", b"a.o")
        client = DistccClient(TCP4ClientEndpoint(reactor, "127.0.0.1", port), reactor)
        reply = await client.compile(Request(words, version=3, tree=tree))
        self.addCleanup(reply.discard)
        return reply

    async def test_real_compile(self) -> None:
        """Files, links and dependencies pass between our client and C distccd, and through a proxy."""
        port = await self.distccd()
        proxy = await self.proxy_to(port)
        match = _LISTENING.search(said(proxy))
        assert match is not None
        for way in (port, int(match[1])):
            reply = await self.compile(way, b'#include "a.h"\nint answer(void) { return 42; }\n')
            self.assertEqual((reply.status, reply.stderr.read()), (0, b""))
            self.assertTrue(reply.object_file.read().startswith(b"\x7fELF"))
            rules = reply.dependencies.read().replace(b"\\\n", b"").split()
            self.assertEqual(rules, [b"a.o:", b"a.c", b"a.h"])

    async def test_what_does_not_compile(self) -> None:
        """A compile that failed has no object and no dependencies, from C distccd as from ours."""
        reply = await self.compile(await self.distccd(), b'#include "a.h"\nint answer;\n')
        self.assertEqual(
            (reply.exit_code, reply.object_file.length, reply.dependencies.length), (1, 0, 0)
        )
        self.assertIn(b"redeclared", reply.stderr.read())


class ReactorAloneTests(LiveTestCase):
    """A server and a client that were made of the reactor, and of nothing else."""

    async def listen(self, compile: Any) -> int:
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        factory = DistccServerFactory(compile, reactor, admit=everyone)
        port = await endpoint.listen(factory)
        self.addCleanup(factory.drained)
        self.addCleanup(port.stopListening)
        return port.getHost().port

    def client(self, port: int) -> DistccClient:
        return DistccClient(TCP4ClientEndpoint(reactor, "127.0.0.1", port), reactor)

    async def test_any_object(self) -> None:
        """The page's server in a few lines, run as its header says, does any job, and no question."""
        port = free_port()
        command = runnable(header_command(ANY_OBJECT), ("3632", str(port)))
        server = self.start(*command, directory=EXAMPLES)
        await until(lambda: answers(port) or server.has_ended(), "the server listens")
        client = self.client(port)
        reply = await client.compile(Request((b"gcc",), Body.of(b"int a;\n")))
        self.assertEqual((reply.status, reply.object_file.read()), (0, b"an object, so to speak\n"))
        refusal = await client.compile(CompilerQuestion(b"gcc").request())
        self.assertEqual(refusal.stderr.read(), b"this server has no compilers\n")

    async def test_large_bodies(self) -> None:
        """Large compressed bodies, which have a thread, go there and back."""
        text = random.Random(3).randbytes(200_000)

        async def give_back(request: Request, _: Peer) -> Reply:
            return Reply(0, object_file=Body.of(request.source.read()))

        port = await self.listen(give_back)
        reply = await self.client(port).compile(Request((b"gcc",), Body.of(text), 2))
        self.addCleanup(reply.discard)
        self.assertTrue(reply.object_file.read() == text)

    async def test_nobody_listens(self) -> None:
        """A port that nobody listens on cannot be connected to."""
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            DistccServerFactory(load(ANY_OBJECT)["compile"], reactor, admit=everyone)
        )
        number = port.getHost().port
        await port.stopListening()
        asked = self.client(number).compile(Request((b"gcc",), Body.of(b"")))
        await self.assertFailure(asked, CannotConnectError)
