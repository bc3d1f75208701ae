"""What a live page is told: bounded, plain ASCII, and whatever a peer has sent as it is."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.web.snapshot import (
    LONGEST,
    MOST,
    Column,
    Count,
    Curve,
    JobShown,
    Lane,
    Snapshot,
    Table,
    as_json,
)


def shown(**parts: Any) -> Any:
    """Return what the page gets of a snapshot with these parts."""
    line = as_json(Snapshot("a server", "", moment=2.0, since=1.0, **parts))
    assert line.isascii()
    assert "\n" not in line
    return json.loads(line)


class JsonTests(SynchronousTestCase):
    def test_all_of_it(self) -> None:
        """Every part has its place, by the names of the fields."""
        job = JobShown("a.c", "tls:alice", "compiling", 1.25)
        found = shown(
            counts=(Count("Running", 1, note="of 2 slots"),),
            lanes=(Lane("Slots", 2, (job,)),),
            curves=(Curve("Jobs", "per minute", 15.0, (1.0, None), limit=2),),
            tables=(Table("Slowest", (Column("File"), Column("Time", "seconds")), (("a.c", 4.1),)),),
        )
        self.assertEqual(found["counts"][0]["note"], "of 2 slots")
        self.assertEqual(
            found["lanes"][0]["jobs"],
            [{"file": "a.c", "who": "tls:alice", "stage": "compiling", "age": 1.25}],
        )
        self.assertEqual(found["curves"][0]["points"], [1.0, None])
        self.assertEqual(found["tables"][0]["rows"], [["a.c", 4.1]])

    def test_texts_of_peers(self) -> None:
        """Line ends, markup and bytes that are no text stay within their string."""
        for name in ("a\n\ndata: b", "<script>alert(1)</script>", os.fsdecode(b"\xff.c"), "\u2028"):
            [lane] = shown(lanes=(Lane("", 1, (JobShown(name, "", "", 0.0),)),))["lanes"]
            self.assertEqual(lane["jobs"][0]["file"], name)

    def test_bounds(self) -> None:
        """Long texts and lists are cut, and numbers that JSON lacks are unknown."""
        jobs = (JobShown("x" * 5000, "", "", math.inf),) * 5000
        found = shown(waiting=jobs, queue=5000)
        self.assertEqual((len(found["waiting"]), found["queue"]), (MOST, 5000))
        [job] = found["waiting"][:1]
        self.assertEqual((len(job["file"]), job["age"]), (LONGEST, None))
