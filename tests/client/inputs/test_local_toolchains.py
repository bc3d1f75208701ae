"""Digests of this machine's compilers: found once for each state of a compiler's file."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_distcc.client.inputs import local_toolchains
from twisted_distcc.client.inputs.local_toolchains import HOLDS, LocalCompiler, LocalToolchains, finder
from twisted_distcc.toolchain.digest import digest_of
from twisted_distcc.toolchain.discovery import discover


class RememberingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(os.path.abspath(self.mktemp()))
        self.path.write_text("gcc")
        self.compiler = LocalCompiler(str(self.path), "gcc")
        self.clock = Clock()
        self.found: list[Deferred[str | None]] = []
        self.own = LocalToolchains(self.clock, self.find)

    def find(self, compiler: LocalCompiler) -> Deferred[str | None]:
        self.found.append(Deferred())
        return self.found[-1]

    def ask(self, compiler: LocalCompiler | None = None) -> Deferred[str | None]:
        return Deferred.fromCoroutine(self.own.digest(compiler or self.compiler))

    def asked(self, digest: str | None) -> None:
        """Ask, and have this digest found for it."""
        asked = self.ask()
        self.found[-1].callback(digest)
        self.assertEqual(self.successResultOf(asked), digest)

    def test_once(self) -> None:
        """It is found once, be it that nobody can tell, and all who wait share that."""
        for digest in ("digest", None):
            self.path.write_text(f"gcc {digest}")
            waiting = [self.ask(), self.ask()]
            self.found[-1].callback(digest)
            results = [self.successResultOf(one) for one in (*waiting, self.ask())]
            self.assertEqual(results, [digest] * 3)
        self.assertEqual(len(self.found), 2)

    def test_replaced(self) -> None:
        """A compiler that was replaced is another one, at once."""
        self.asked("old")
        self.path.write_text("another gcc")
        self.asked("new")

    def test_for_a_while(self) -> None:
        """What lies beside it may change as well, so it is looked at again after a while."""
        self.asked("old")
        self.clock.advance(HOLDS - 1)
        self.assertEqual(self.successResultOf(self.ask()), "old")
        self.clock.advance(1)
        self.asked("new")

    def test_another_path(self) -> None:
        """With another PATH it may find another assembler."""
        self.asked("one")
        self.ask(LocalCompiler.of(str(self.path), "gcc", {"PATH": "/opt/bin"}))
        self.assertEqual(len(self.found), 2)

    def test_a_bound(self) -> None:
        """An agent that lives long remembers no environment without end: it looks again."""
        self.patch(local_toolchains, "_MOST", 2)
        self.own = LocalToolchains(self.clock, self.find)
        for folder in "abca":
            asked = self.ask(LocalCompiler.of(str(self.path), "gcc", {"PATH": folder}))
            self.found[-1].callback(folder)
            self.assertEqual(self.successResultOf(asked), folder)
        self.assertEqual(len(self.found), 4)

    def test_gone(self) -> None:
        """A compiler that is not there has no digest, and nobody looks for one."""
        self.path.unlink()
        self.assertIsNone(self.successResultOf(self.ask()))
        self.assertEqual(self.found, [])


class FindingTests(TestCase):
    async def found(self, path: str) -> str | None:
        return await finder(reactor)(LocalCompiler.of(path, "gcc", {"PATH": "/usr/bin:/bin"}))

    async def test_gcc(self) -> None:
        """In a thread the same is found as by a server."""
        server = discover("/usr/bin/gcc", {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, ["/bin/sh"])
        self.assertEqual(await self.found("/usr/bin/gcc"), digest_of(server.parts()))

    async def test_no_compiler(self) -> None:
        """A script, a file that is no program and one that is missing have none, and fail nothing."""
        path = Path(os.path.abspath(self.mktemp()))
        path.write_text("#!/bin/sh\nexec gcc\n")
        path.chmod(0o755)
        for one in (str(path), "/etc/passwd", "/no/such/gcc"):
            self.assertIsNone(await self.found(one), one)
