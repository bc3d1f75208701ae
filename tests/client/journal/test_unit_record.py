"""Lines of the journal: what is written is read again, and nothing else is believed."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import HOSTILE, local, unit
from twisted_distcc.client.journal.unit_record import (
    LONGEST,
    PARTS,
    UnitRecord,
    bounded,
    bounded_faults,
    bounded_parts,
)

DAMAGED = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b'{"began":1,"file":"a.c"}',
    b'{"began":1,"file":"a.c","became":"eaten"}',
    b'{"began":1,"file":"a.c","became":[]}',
    b'{"began":1,"file":7,"became":"files"}',
    b'{"began":"1","file":"a.c","became":"files"}',
    b'{"began":NaN,"file":"a.c","became":"files"}',
    b'{"began":1e999,"file":"a.c","became":"files"}',
    b'{"began":true,"file":"a.c","became":"files"}',
    b'{"began":1,"file":"a.c","became":"files","parts":7}',
    b'{"began":1,"file":"a.c","became":"files","parts":[["lunch",1]]}',
    b'{"began":1,"file":"a.c","became":"files","parts":[["host",-2]]}',
    b'{"began":1,"file":"a.c","became":"files","faults":[["red"]]}',
    b"[" * 3000,
    b'{"began":1,"file":"' + b"9" * 100 + b'","became":"files","cpu":' + b"9" * 5000 + b"}",
)


class LineTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """A line is one line, however its unit is called, and gives the unit back."""
        faults = (("red", HOSTILE),)
        for record in (unit(), local(), unit(HOSTILE), unit(faults=faults, status=1, cpu=7)):
            line = record.line()
            self.assertEqual(line.count(b"\n"), 1)
            self.assertEqual(UnitRecord.parse(line), record)

    def test_damaged(self) -> None:
        """What is no unit is none, and harms nobody."""
        self.assertEqual([UnitRecord.parse(line) for line in DAMAGED], [None] * len(DAMAGED))

    def test_more(self) -> None:
        """What a later version adds to a line is passed over."""
        line = json.dumps({**json.loads(unit().line()), "x": 1})
        self.assertEqual(UnitRecord.parse(line.encode()), unit())

    def test_bounds(self) -> None:
        """The longest line is shorter than what is read of one."""
        long = bounded("\U0001f600" * 10_000)
        faults = bounded_faults([(HOSTILE * 1000, long)] * 100)
        parts = bounded_parts([(name, 1 << 40) for name in PARTS * 100])
        folder = bounded("\udcff" * 9999)
        record = unit(long, folder=folder, reason=long, host=long, faults=faults, parts=parts)
        self.assertEqual(UnitRecord.parse(record.line()), record)
        self.assertLess(len(record.line()), LONGEST)

    def test_parts_add_up(self) -> None:
        """Parts beyond those that are kept count in the last one."""
        parts = [(name, 3) for name in PARTS * 100]
        kept = bounded_parts(parts)
        self.assertEqual(sum(length for _, length in kept), 3 * len(parts))
        self.assertLess(len(kept), 100)
