"""What servers are told of the date, by what compilers say of it."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files
from twisted_distcc.client.inputs import dates_for_servers
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer
from twisted_distcc.client.inputs.dates_for_servers import DatesForServers
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.pump.unit import NotForServersError
from twisted_distcc.runtime.processes import ReactorSpawner

GCC = "/usr/bin/gcc"
LONG_AGO = '"Sep  9 2001" "01:46:40"'


class DateTests(SynchronousTestCase):
    """The time here, as it reads, is told as a time in UTC."""

    def setUp(self) -> None:
        self.files = Files({GCC: "", "/p/s.c": ""})
        self.now = '"Feb  9 2001" "03:04:05"'
        self.long_ago = LONG_AGO
        self.asked = 0
        self.patch(dates_for_servers, "ask", self.ask)
        self.dates = DatesForServers(self.files, ReactorSpawner(MemoryReactorClock()))
        self.candidate = Candidate.of(Invocation(("gcc", "-c", "s.c"), "/p", {"TZ": "x"}, 0o22), GCC)

    async def ask(
        self, _spawn: object, _compiler: str, _words: object, _called: object, environ: Mapping[str, str]
    ) -> Answer:
        """Answer as a compiler does that heeds the variable, or as one that does not."""
        self.asked += 1
        self.assertEqual(environ["TZ"], "x")
        said = self.long_ago if environ.get("SOURCE_DATE_EPOCH") == "1000000000" else self.now
        return Answer(0, f"\n{said}\n".encode(), b"")

    def said(self) -> str:
        return self.successResultOf(Deferred.fromCoroutine(self.dates.now(self.candidate)))

    def is_tellable(self) -> bool:
        return self.successResultOf(Deferred.fromCoroutine(self.dates.is_tellable(self.candidate)))

    def test_now(self) -> None:
        """It is asked for each time; before 1970 there is none that a server accepts."""
        self.assertEqual(self.said(), "981687845")
        self.now = '"Jan  1 1970" "00:00:00"'
        self.assertEqual(self.said(), "0")

    def test_no_date(self) -> None:
        """What is no date, or has no name in UTC, keeps a compile here."""
        unknown, leap_second = '"??? ?? ????" "??:??:??"', '"Jun 30 2015" "23:59:60"'
        for now in ("", unknown, '"Dec 31 1969" "23:59:59"', leap_second):
            self.now = now
            asking = Deferred.fromCoroutine(self.dates.now(self.candidate))
            self.failureResultOf(asking, NotForServersError)

    def test_tellable(self) -> None:
        """A compiler is asked once whether it heeds the variable, until it is another."""
        self.assertTrue(self.is_tellable())
        self.long_ago = self.now
        self.assertTrue(self.is_tellable())
        self.assertEqual(self.asked, 1)
        self.files.write(GCC, "another")
        self.assertFalse(self.is_tellable())
