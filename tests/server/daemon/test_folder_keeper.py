"""A server's folder for temporary files comes back when somebody has removed it."""

from __future__ import annotations

import os
import shutil
from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log
from twisted_distcc.server.daemon.folder_keeper import FolderKeeper


class FolderKeeperTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.parent = os.path.abspath(self.mktemp())
        os.mkdir(self.parent)
        self.workspaces = Workspaces(self.parent)
        self.addCleanup(self.workspaces.close)
        self.clock = Clock()
        self.said: list[str] = []
        self.keeper = FolderKeeper(self.clock, self.workspaces, cast(Log, self))

    def warn(self, format: str, **values: object) -> None:
        self.said.append(format.format(**values))

    error = warn

    def test_it_is_there_again(self) -> None:
        """It is made again soon, and the log says so."""
        self.clock.advance(60)
        shutil.rmtree(self.workspaces.path)
        self.clock.advance(60)
        self.assertTrue(os.path.isdir(self.workspaces.spool))
        self.assertEqual(len(self.said), 1)
        self.keeper.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nowhere(self) -> None:
        """Where it cannot be made, the log says so once, and it is tried again and again."""
        shutil.rmtree(self.parent)
        self.clock.pump([5] * 5)
        self.assertEqual(len(self.said), 1)
        os.mkdir(self.parent)
        self.clock.advance(5)
        self.assertTrue(os.path.isdir(self.workspaces.spool))
        self.keeper.stop()
