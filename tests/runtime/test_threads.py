"""The one seam to a reactor's threads."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import TestCase

import twisted_distcc
from tests.live import until
from twisted_distcc.runtime.threads import ReactorThreads


class ThreadsTests(TestCase):
    timeout = 30

    def setUp(self) -> None:
        self.threads = ReactorThreads(reactor)

    async def test_work(self) -> None:
        """Work is done in another thread, and what it returns or raises is had here."""
        self.assertIsNot(await self.threads(threading.current_thread), threading.current_thread())
        with self.assertRaises(ZeroDivisionError):
            await self.threads(lambda: 1 // 0)

    async def test_cancelled(self) -> None:
        """Whoever gives up waiting waits no longer, and the work goes on to its end."""
        may_end, ended = threading.Event(), threading.Event()
        self.addCleanup(may_end.set)

        def work() -> None:
            may_end.wait()
            ended.set()

        working = self.threads(work)
        working.cancel()
        with self.assertRaises(CancelledError):
            await working
        may_end.set()
        await until(ended.is_set, "the work has ended")

    def test_no_other_way(self) -> None:
        """Nothing else of the product uses Twisted's threads."""
        package = Path(twisted_distcc.__file__).parent
        way = re.compile(r"internet\.threads|internet import .*threads|callInThread")
        users = [path for path in package.rglob("*.py") if way.search(path.read_text())]
        self.assertEqual(users, [package / "runtime/threads.py"])
