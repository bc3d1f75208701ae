"""The line of a job: everything that is known, and nothing that a client could forge."""

from __future__ import annotations

import json
import os
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.policy.peer import tcp_peer

WHOLE = JobRecord(
    peer=tcp_peer("192.0.2.9", 4000),
    verdict="done",
    version=2,
    compiler="/usr/bin/gcc",
    source="a b.c",
    status=0,
    received=81233,
    sent=20184,
    waited=0.0003,
    ran=0.412,
    cpu=0.398,
)
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]+)(?: |$)')


def pairs(line: str) -> dict[str, str]:
    """Read a line as a program would; fails if anything of it is no pair."""
    word, _, rest = line.partition(" ")
    assert word == "job", line
    assert "".join(found.group() for found in _PAIR.finditer(rest)) == rest, line
    return {name: json.loads(value) if value[0] == '"' else value for name, value in _PAIR.findall(rest)}


class LineTests(SynchronousTestCase):
    def test_a_whole_line(self) -> None:
        """A job that was compiled tells all, in the order of the documentation."""
        self.assertEqual(
            WHOLE.line(),
            "job peer=tcp:192.0.2.9:4000 verdict=done version=2 compiler=/usr/bin/gcc"
            ' source="a b.c" status=0 received=81233 sent=20184 waited=0.0003 ran=0.4120 cpu=0.3980',
        )

    def test_what_is_not_known_is_left_out(self) -> None:
        """A job that never ran has no times; a status or a size of zero is known."""
        line = JobRecord("stdio", "refused", 1, "rm", received=0, reason="no compiler").line()
        self.assertEqual(
            line, 'job peer=stdio verdict=refused version=1 compiler=rm received=0 reason="no compiler"'
        )

    def test_nothing_can_be_forged(self) -> None:
        """A name with a line's end, quotes or pairs in it stays one value in one line."""
        for name in ("x\njob peer=evil", 'x" verdict="done', "x verdict=done", "\x1b[2J", "", "\\"):
            line = JobRecord("p", "refused", 1, name).line()
            self.assertEqual(pairs(line)["compiler"], name)
            self.assertEqual((line.count("\n"), line.isprintable()), (0, True))

    @settings(derandomize=True, deadline=None, database=None)
    @given(st.binary(max_size=40), st.text(st.characters(categories=("Cc", "Zl", "Zp"))))
    def test_whatever_the_text(self, name: bytes, reason: str) -> None:
        """Any name and any text can be read back from one printable line."""
        source = os.fsdecode(name)
        line = JobRecord("p", "failed", 1, "gcc", source=source, reason=reason).line()
        read = pairs(line)
        self.assertEqual((read["source"], read["reason"]), (source, reason))
        self.assertTrue(line.isascii() and line.isprintable())

    def test_long_values_are_cut(self) -> None:
        """A word of a hundred kilobytes does not fill the log."""
        self.assertLess(len(JobRecord("p", "refused", 1, "x" * 100_000).line()), 1100)
