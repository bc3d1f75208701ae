"""Room for what a request brings: words and names in memory, bodies on disk."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import meant
from twisted_distcc.content.body import IN_MEMORY
from twisted_distcc.server.quotas.holdings import CeilingMetError, Ceilings, Hold, Holdings
from twisted_distcc.server.quotas.reserving import make_room_for
from twisted_distcc.wire.events import BodyEnd, BodyStart, Event, MessageEnd, Number, Run, Text

PER_WORD = 96
RUN = Run(((b"NAME", b"/a"), (b"FILE", b"int a;"), (b"NAME", b"/b"), (b"LINK", b"a")))


class RoomTests(SynchronousTestCase):
    def taken(self, *events: Event) -> tuple[int, int]:
        """Give what is taken of words and of the disk for `events`."""
        holdings = Holdings(Ceilings(words=1_000_000, stored=1_000_000))
        hold = Hold(holdings, "ada")
        for event in events:
            make_room_for(event, hold)
        return holdings.words._total, holdings.stored._total

    def test_words(self) -> None:
        """A word, a name and a link cost their bytes and what Python adds, one by one or in a run."""
        self.assertEqual(self.taken(Text(b"ARGV", b"gcc")), (PER_WORD + 3, 0))
        self.assertEqual(self.taken(Run(((b"ARGV", b"gcc"), (b"ARGV", b"-c")))), (2 * PER_WORD + 5, 0))

    def test_files(self) -> None:
        """The bytes of files are on disk from the first one on: many small ones make one large body."""
        self.assertEqual(self.taken(RUN), (4 * PER_WORD + 5, 6))
        self.assertEqual(self.taken(*meant(RUN)), self.taken(RUN))

    def test_bodies(self) -> None:
        """Other bodies need the disk once they are large."""
        self.assertEqual(self.taken(BodyStart(b"DOTI", IN_MEMORY)), (0, 0))
        self.assertEqual(self.taken(BodyStart(b"DOTI", IN_MEMORY + 1)), (0, IN_MEMORY + 1))

    def test_nothing(self) -> None:
        """What is only said costs nothing."""
        self.assertEqual(self.taken(Number(b"NFIL", 100_000), BodyEnd(b"DOTI"), MessageEnd()), (0, 0))

    def test_no_room(self) -> None:
        """Too many names, and too many bytes, are refused with a sentence for the client."""
        for ceilings, sentence in (
            (Ceilings(words=2 * 4 * PER_WORD), "too many files"),
            (Ceilings(stored=10), "no room for 6 bytes more"),
        ):
            hold = Hold(Holdings(ceilings), "ada")
            error = self.assertRaises(CeilingMetError, make_room_for, RUN, hold)
            self.assertIn(sentence, str(error))
