"""A stopwatch for one unit, which is in one part of its way at any time.

Whoever carries a unit on says which part begins; what ends then needs no word, so that the parts add up
to the whole::

    watch = UnitWatch()
    watch.enter(HOST)       # what has passed until now were its inputs
    watch.at("red", slot=2)
    watch.enter(TRANSFER)

This is on the way of every unit: it only reads the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    INPUTS,
    QUEUE,
    START,
    TRANSFER,
    Became,
    UnitRecord,
    bounded,
    bounded_faults,
    bounded_parts,
)
from twisted_distcc.client.journal.unit_traffic import Traffic


class UnitWatch:
    """Measures one unit.

    Args:
        seconds: a clock that never goes back.
        build: the process group of its tdistcc.
        process: its tdistcc.
        age: for how many seconds there has been this tdistcc.
    """

    __slots__ = (
        "_parts", "_seconds", "_spent", "became", "began", "build", "cpu", "directory", "faults", "file",
        "host", "part", "process", "reason", "slot", "status", "traffic",
    )  # fmt: skip

    def __init__(
        self,
        seconds: Callable[[], float] = time.monotonic,
        *,
        build: int = 0,
        process: int = 0,
        age: float = 0.0,
    ) -> None:
        self._seconds = seconds
        self.began = seconds() - age
        self._parts: list[tuple[str, int]] = []
        self._spent = 0
        self._add((START, _microseconds(age)))
        self.part = INPUTS
        self.build = build
        self.process = process
        self.directory: str | None = None
        """The user's configuration directory, if the unit is to be recorded there."""
        self.file = ""
        self.became: Became = "failed"
        self.host = ""
        self.slot = -1
        self.reason = ""
        self.status: int | None = None
        self.cpu = 0
        self.traffic = Traffic()
        self.faults: list[tuple[str, str]] = []

    @property
    def age(self) -> float:
        """The seconds since it began."""
        return self._seconds() - self.began

    def enter(self, part: str) -> None:
        """Begin `part`, and end the one before."""
        self._end()
        self.part = part

    def at(self, host: str, slot: int) -> None:
        """Note which slot it has."""
        self.host, self.slot = host, slot

    def failed(self, fault: str) -> None:
        """Note how the host failed."""
        self.faults.append((self.host, fault))
        self.at("", -1)

    def compiled(self, became: Became, status: int) -> None:
        """Note how a server has compiled it."""
        self.became, self.status = became, status

    def served(self, part: str, waited: float, ran: float, cpu: float) -> None:
        """Begin `part`, as a server has answered that told where the time went, in seconds.

        What it did not have itself was the way there and back; half of that is told before it, and half
        after.
        """
        passed = self._passed()
        queue = min(_microseconds(waited), passed)
        compiler = min(_microseconds(ran), passed - queue)
        there = (passed - queue - compiler) // 2
        back = passed - queue - compiler - there
        self._add((TRANSFER, there), (QUEUE, queue), (COMPILER, compiler), (TRANSFER, back))
        self.part = part
        self.cpu += _microseconds(cpu)

    def record(self, now: Callable[[], float], folder: str) -> UnitRecord:
        """Return the record of the unit, which ends: `now` tells the time, `folder` is where it ran."""
        self._end()  # before the time is read: if we are held up in between, it began no earlier
        return UnitRecord(
            began=round(now() - self._spent / 1e6, 6),
            file=bounded(self.file),
            became=self.became,
            folder=bounded(folder),
            build=self.build,
            reason=bounded(self.reason),
            host=bounded(self.host),
            slot=self.slot,
            status=self.status,
            parts=bounded_parts(self._parts),
            cpu=self.cpu,
            sent=self.traffic.sent,
            received=self.traffic.received,
            faults=bounded_faults(self.faults),
        )

    def _end(self) -> None:
        self._add((self.part, self._passed()))

    def _passed(self) -> int:
        """Return the microseconds of this part so far; the parts before it have lost no fraction."""
        return max(_microseconds(self._seconds() - self.began) - self._spent, 0)

    def _add(self, *parts: tuple[str, int]) -> None:
        for name, length in parts:
            if not length:
                continue
            self._spent += length
            before = self._parts.pop()[1] if self._parts and self._parts[-1][0] == name else 0
            self._parts.append((name, before + length))


def _microseconds(seconds: float) -> int:
    return round(max(seconds, 0.0) * 1e6)
