"""The timeline of a real build: what it says of each unit is what happened to that unit's process."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

from tests.agent.test_live_sessions import SessionTestCase
from twisted_distcc.cli.journal_access import PART_WORDS
from twisted_distcc.client.journal.unit_record import COMPILER, START

UNITS = 100
SLACK = 0.001
"""Seconds by which two readings of a clock may differ that passes through several programs."""
# Each command's time is taken around its process, by a shell that does nothing else.  Ten stay here.
MAKEFILE = """\
SHELL = /bin/bash
all: $(patsubst %.c,%.o,$(wildcard unit*.c))
%.o: %.c
	@began=$$EPOCHREALTIME; tdistcc gcc -O1 -c $< -o $@; ended=$$EPOCHREALTIME; \\
	echo $< $$began $$ended >$@.took
unit1%.o: export DISTCC_HOSTS = localhost
"""


class TimelineTests(SessionTestCase):
    async def built(self) -> dict[str, tuple[float, float]]:
        """Build over two servers; return when each unit's process began and ended."""
        servers = [await self.serve("--jobs=4", "--sandbox=require") for _ in range(2)]
        hosts = " ".join(f"127.0.0.1:{server.port}/3" for server in servers)
        self.environ |= {"DISTCC_HOSTS": hosts, "PWD": str(self.work)}
        self.file("shared.h", "#include <stdio.h>\n#include <stdlib.h>\n")
        for number in range(UNITS):
            self.file(f"unit{number}.c", f'#include "shared.h"\nint f{number}(void) {{ return 1; }}\n')
        self.file("Makefile", MAKEFILE)
        await self.succeeds("make", "-j8")
        told = (path.read_text().split() for path in self.work.glob("*.took"))
        return {file: (float(began), float(ended)) for file, began, ended in told}

    async def test_adds_up(self) -> None:
        """Each unit's parts follow one another, add up to its time, and lie within its process's."""
        took = await self.built()
        await self.succeeds("twisted-distcc", "report", "--trace", "trace.json")
        trace = json.loads((self.work / "trace.json").read_text())
        events: list[dict[str, Any]] = trace["traceEvents"]
        units = {event["name"]: event for event in events if event.get("cat") == "unit"}
        self.assertEqual((len(took), units.keys()), (UNITS, took.keys()))
        first = trace["otherData"]["began"]
        for file, unit in units.items():
            began, ended = took[file]
            self.assertGreaterEqual(first + unit["ts"] / 1e6, began - SLACK)
            if unit["args"]["became"] == "files":  # else the agent learns of the end when it is over
                self.assertLessEqual(first + (unit["ts"] + unit["dur"]) / 1e6, ended + SLACK)
            self._parts_of(unit, events)
        became = Counter(unit["args"]["became"] for unit in units.values())
        self.assertEqual(became, {"files": UNITS - 10, "local": 10})

    def _parts_of(self, unit: dict[str, Any], events: list[dict[str, Any]]) -> None:
        """Assert that the parts of `unit` are those of a compile, without gap or overlap."""
        end = unit["ts"] + unit["dur"]
        parts = [
            event
            for event in events
            if event.get("cat") == "part"
            and event["tid"] == unit["tid"]
            and unit["ts"] <= event["ts"] < end
        ]
        names = [part["name"] for part in parts]
        self.assertEqual(names[0], PART_WORDS[START])
        self.assertIn(PART_WORDS[COMPILER], names)
        self.assertLessEqual(set(names), set(PART_WORDS.values()))
        self.assertEqual((parts[0]["ts"], parts[-1]["ts"] + parts[-1]["dur"]), (unit["ts"], end))
        for before, after in pairwise(parts):
            self.assertEqual(before["ts"] + before["dur"], after["ts"])
