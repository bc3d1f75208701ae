"""Digests of toolchains: read once for each compiler, as it lies there now."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.sandbox.toolchain import Toolchain
from twisted_distcc.execution.sandbox.toolchains import Toolchains


@dataclass
class Counted:
    """A toolchain whose digest is how often it was asked for, unless it cannot be read."""

    readable: bool = True
    asked: int = 0

    def digest(self) -> str:
        if not self.readable:
            raise PermissionError
        self.asked += 1
        return str(self.asked)


class DigestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())
        with open(self.path, "x"):
            pass
        self.readable = True
        self.toolchains = Toolchains(lambda _: cast(Toolchain, Counted(self.readable)))
        self.toolchains.learn(self.path)

    def test_once(self) -> None:
        """The programs are read the first time that somebody wants to know, and no second time."""
        self.assertEqual([self.toolchains.digest(self.path) for _ in range(3)], ["1"] * 3)

    def test_another_compiler_in_its_place(self) -> None:
        """One that was replaced is read again."""
        before = self.toolchains.get(self.path)
        self.toolchains.digest(self.path)
        os.utime(self.path, (1, 1))
        self.toolchains.learn(self.path)
        self.assertIsNot(self.toolchains.get(self.path), before)
        self.assertEqual(self.toolchains.digest(self.path), "1")
        self.assertEqual(cast(Counted, self.toolchains.get(self.path)).asked, 1)

    def test_unreadable(self) -> None:
        """Programs that can be started, and not read, have no digest, and fail nothing."""
        self.readable = False
        os.utime(self.path, (1, 1))
        self.toolchains.learn(self.path)
        self.assertIsNone(self.toolchains.digest(self.path))
