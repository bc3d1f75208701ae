"""`twisted-distcc report`: its lines, its timeline and its picture."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

from tests.cli.journals import JournalTestCase
from tests.client.journal.units import HOSTILE, local, unit
from twisted_distcc.cli.build_report import main
from twisted_distcc.cli.build_report.picture import step_of
from twisted_distcc.client.journal.unit_record import UnitRecord


class ReportTests(JournalTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(os, "environ", {**os.environ, "DISTCC_HOSTS": "red/4 blue/4", "TZ": "UTC"})

    def lines(self, *arguments: str) -> list[str]:
        status, said, error = self.run_command(main, *arguments)
        self.assertEqual((status, error), (0, ""))
        return said.splitlines()

    def test_lines(self) -> None:
        """Ten lines or so say what happened to the last build, and what would help."""
        self.record([unit("old.c")])
        build = [unit(f"{number}.c", 1000 + number / 10) for number in range(20)]
        self.record([*build, local("here.c", after=1003)])
        lines = self.lines()
        self.assertRegex(lines[0], r"^21 units in /w from \d\d:\d\d:\d\d to \d\d:\d\d:\d\d, 3\.5 s\.$")
        self.assertEqual(lines[1], "Compiled 20 on servers (95 %), 1 on this machine.")
        self.assertTrue(lines[3].startswith("Their time: 71 % compiling; 20 % sending and receiving; "))
        self.assertRegex(lines[-1], "1 unit stayed here .*--coverage writes")
        self.assertLess(len(lines), 13)

    def test_pause(self) -> None:
        """What counts as one build is the user's choice."""
        self.record([unit("a.c"), unit("b.c", after=100)])
        self.assertIn("1 unit in", self.lines()[0])
        self.assertIn("2 units in", self.lines("--pause", "200")[0])

    def test_saved(self) -> None:
        """It says what servers have saved, if that is anything."""
        self.patch(os, "cpu_count", lambda: 2)
        self.record([unit(f"{n}.c", cpu=30_000_000) for n in range(4)])
        self.assertIn("  About 59.2 s saved.", "\n".join(self.lines()))

    def test_json(self) -> None:
        """The same for programs."""
        self.record([unit(), local()])
        told = json.loads("\n".join(self.lines("--json")))
        self.assertEqual((told["units"], len(told["advice"])), (2, 1))

    def test_hostile(self) -> None:
        """Names with control characters are shown without them."""
        self.record([unit(HOSTILE, host=HOSTILE, folder=HOSTILE, faults=((HOSTILE, HOSTILE),))])
        self.is_harmless(self.run_command(main)[1])

    def test_no_journal(self) -> None:
        """Without a journal it says so, and writes nothing."""
        path = str(self.folder / "trace")
        status, said, error = self.run_command(main, "--trace", path)
        self.assertEqual((status, said, os.path.exists(path)), (1, "", False))
        self.assertIn("no units are recorded", error)

    def test_nowhere_to_write(self) -> None:
        """A file that cannot be written is an error of its own."""
        self.record([unit()])
        status, said, error = self.run_command(main, "--svg", "/nonexistent/x.svg")
        self.assertEqual((status, said), (1, ""))
        self.assertIn("/nonexistent/x.svg", error)


class TimelineTestCase(JournalTestCase):
    def units(self) -> list[UnitRecord]:
        """Return a build whose units overlap, one of which has a hostile name."""
        units = [unit(f"{number}.c", number / 3, slot=number % 3) for number in range(30)]
        return [*units, local("here.c", after=2), unit(HOSTILE, 3.1, host=HOSTILE)]


class TraceTests(TimelineTestCase):
    def events(self) -> list[dict[str, Any]]:
        self.record(self.units())
        path = self.folder / "trace.json"
        self.assertEqual(self.run_command(main, "--trace", str(path)), (0, "", ""))
        text = path.read_text(encoding="ascii")
        events: list[dict[str, Any]] = json.loads(text)["traceEvents"]
        return events

    def slices(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event.get("cat") == kind]

    def test_parts(self) -> None:
        """The parts of each unit follow one another within it, and add up to the whole of it."""
        events = self.events()
        wholes = [event for event in events if event.get("cat") == "unit"]
        self.assertEqual(len(wholes), 32)
        parts = [event for event in events if event.get("cat") == "part"]
        for whole in wholes:
            end = whole["ts"] + whole["dur"]
            own = [
                part for part in parts if part["tid"] == whole["tid"] and whole["ts"] <= part["ts"] < end
            ]
            self.assertEqual(sum(part["dur"] for part in own), whole["dur"])
            self.assertEqual(own[0]["ts"], whole["ts"])
            for before, after in pairwise(own):
                self.assertEqual(before["ts"] + before["dur"], after["ts"])

    def test_rows(self) -> None:
        """No two units of one row overlap, which no viewer could show."""
        rows = defaultdict(list)
        for event in self.slices("unit"):
            rows[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        self.assertLess(len(rows), 7)
        for row in rows.values():
            row.sort()
            self.assertTrue(all(one[1] <= other[0] for one, other in pairwise(row)))

    def test_form(self) -> None:
        """Each event has what the format asks for."""
        for event in self.events():
            self.assertIn(event["ph"], ("X", "M"))
            self.assertTrue(isinstance(event["pid"], int) and isinstance(event["tid"], int))
            if event["ph"] == "X":
                self.assertTrue(event["ts"] >= 0 and event["dur"] > 0)
            else:
                self.assertIsInstance(event["args"]["name"], str)

    def test_slots(self) -> None:
        """Each slot of each host has a row with the units that it had."""
        self.assertEqual(len(self.slices("slot")), 32)


class PictureTests(TimelineTestCase):
    def test_picture(self) -> None:
        """It is well-formed, has a group for each unit, and shows every name as text."""
        self.record(self.units())
        path = self.folder / "build.svg"
        self.assertEqual(self.run_command(main, "--svg", str(path)), (0, "", ""))
        root = ET.fromstring(path.read_bytes())
        space = "{http://www.w3.org/2000/svg}"
        titles = [title.text or "" for title in root.iterfind(f"{space}g/{space}title")]
        self.assertEqual(len(titles), 32)
        self.is_harmless("\n".join(titles))
        self.assertEqual([element.tag for element in root.iter() if element.tag.endswith("script")], [])

    def test_axis(self) -> None:
        """The ticks of its axis are at round numbers, and there are neither few nor many of them."""
        for elapsed in (0.003, 0.9, 1.0, 12.0, 59.1, 600.0, 86_400.0):
            step = step_of(elapsed)
            self.assertTrue(4 <= elapsed / step < 12)
            self.assertIn(f"{step:e}"[0], "125")
