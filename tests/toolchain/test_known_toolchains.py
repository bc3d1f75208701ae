"""Digests of toolchains: read once for each state of a compiler's files."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain import known_toolchains
from twisted_distcc.toolchain.digest import Part, digest_of
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.known_toolchains import Toolchains
from twisted_distcc.toolchain.view import View


class BoundTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        """A client who may name compilers by path fills no memory: what is forgotten is found again."""
        found: list[str] = []

        def discover(path: str) -> Toolchain:
            found.append(path)
            return Toolchain((path,), View((), ()), is_whole_system=False, own=())

        self.patch(known_toolchains, "_MOST_COMPILERS", 2)
        memory = Toolchains(discover)
        spellings = ["/bin" + "/." * dots + "/sh" for dots in range(3)]
        for path in (spellings[0], spellings[1], spellings[0], spellings[2]):
            memory.learn(path)
        self.assertEqual([memory.knows(path) for path in spellings], [True, False, True])
        self.assertEqual(memory.get(spellings[1]).compiler, spellings[1])
        self.assertEqual(found, [spellings[0], spellings[1], spellings[2], spellings[1]])


class DigestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        (self.folder / "include").mkdir(parents=True)
        for name in ("gcc", "include/stddef.h"):
            (self.folder / name).write_text(name)
        self.path = str(self.folder / "gcc")
        self.read = 0
        self.patch(known_toolchains, "digest_of", self.counted)
        self.toolchains = Toolchains(
            lambda path: Toolchain(
                (path,), View((), ()), is_whole_system=False, own=(str(self.folder / "include"),)
            )
        )
        self.toolchains.learn(self.path)

    def counted(self, found: tuple[Part, ...]) -> str:
        self.read += 1
        return digest_of(found)

    def digest(self) -> str | None:
        return self.toolchains.digest(self.path)

    def test_once(self) -> None:
        """The files are read the first time that somebody wants to know, and no second time."""
        self.assertEqual(len({self.digest() for _ in range(3)}), 1)
        self.assertEqual(self.read, 1)

    def test_a_part_is_replaced(self) -> None:
        """A header that was replaced makes another compiler of it, though the driver is as it was."""
        before = self.digest()
        (self.folder / "include/stddef.h").write_text("patched")
        self.assertTrue(self.toolchains.knows(self.path))
        self.assertNotEqual(self.digest(), before)
        self.assertEqual(self.read, 2)

    def test_another_compiler_in_its_place(self) -> None:
        """One that was replaced is read again."""
        before = self.digest()
        Path(self.path).write_text("another")
        self.toolchains.learn(self.path)
        self.assertNotEqual(self.digest(), before)

    def test_gone(self) -> None:
        """One that is gone has no digest, and fails nothing."""
        os.unlink(self.path)
        self.assertIsNone(self.digest())

    def test_unreadable(self) -> None:
        """Programs that can be started, and not read, have no digest, and fail nothing."""
        with patch.object(known_toolchains, "digest_of", side_effect=PermissionError):
            self.assertIsNone(self.digest())
        self.assertIsNotNone(self.digest())

    def test_not_understood(self) -> None:
        """A compiler of which nobody knows what it consists of has none."""
        (self.folder / "script").write_text("#!/bin/sh")
        path = str(self.folder / "script")
        memory = Toolchains(lambda path: Toolchain((path,), View((), ()), is_whole_system=True))
        memory.learn(path)
        self.assertIsNone(memory.digest(path))
