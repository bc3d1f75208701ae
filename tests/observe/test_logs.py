"""The log: which lines, where, and whose."""

from __future__ import annotations

import os
import re
import syslog

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.observe.lines import LEVELS
from twisted_distcc.observe.logs import LogFile, SystemLog


class LogFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()
        self.file = LogFile(self.path)

    def log(self, observer: ILogObserver | None = None) -> Logger:
        return Logger("test", observer=observer or self.file)

    def lines(self, path: str | None = None) -> list[str]:
        with open(path or self.path, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_a_line(self) -> None:
        """A line has its time, its level and its text, and is in the file at once."""
        self.log().warn("{what} happens", what="it")
        (line,) = self.lines()
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[warn\] it happens$")

    def test_nothing_but_the_first_line_looks_like_one(self) -> None:
        """Text of several lines is set in, so that no peer can write a line of the log."""
        forged = "x\n2026-01-01T00:00:00+0000 [info] job peer=evil"
        self.log().warn("{text}", text=forged)
        self.assertEqual([line[0] == "\t" for line in self.lines()], [False, True])

    def test_what_a_terminal_obeys(self) -> None:
        """Nothing that moves a cursor, or that some reader takes for the end of a line, is written."""
        self.log().warn("{text}", text="a\rb\x1b[2Jc\u2028d\x85e\tf")
        (line,) = self.lines()
        self.assertTrue(line.endswith("a\\rb\\x1b[2Jc\\u2028d\\x85e\tf"), ascii(line))

    def test_a_traceback_is_set_in_too(self) -> None:
        """So is a traceback, with the message of the exception in it."""
        try:
            raise ValueError("x\njob peer=evil")
        except ValueError:
            self.log().failure("it failed", failure=Failure())
        lines = self.lines()
        self.assertIn("it failed", lines[0])
        self.assertIn("\tjob peer=evil", lines)
        self.assertEqual([line for line in lines[1:] if not line.startswith("\t")], [])

    def test_text_that_cannot_be_encoded(self) -> None:
        """A name with undecodable bytes is written with escapes, and breaks nothing."""
        self.log().warn("{name}", name="x\udcff")
        self.assertIn("x\\udcff", self.lines()[0])

    def test_reopened(self) -> None:
        """After a rotation lines go into a new file of the old name."""
        self.log().warn("before")
        os.rename(self.path, rotated := self.mktemp())
        self.log().warn("between")
        self.file.reopen()
        self.log().warn("after")
        self.assertEqual([line.split()[-1] for line in self.lines(rotated)], ["before", "between"])
        self.assertEqual([line.split()[-1] for line in self.lines()], ["after"])

    def test_reopening_where_nothing_can_be_opened(self) -> None:
        """If the new file cannot be opened, the old one goes on."""
        folder = self.mktemp()
        os.mkdir(folder)
        path = os.path.join(folder, "log")
        file = LogFile(path)
        os.rename(folder, moved := self.mktemp())
        self.assertRaises(OSError, file.reopen)
        self.log(file).warn("still here")
        self.assertEqual(len(self.lines(os.path.join(moved, "log"))), 1)

    def test_levels(self) -> None:
        """Each of distccd's levels lets its own kind through, and nothing less severe."""
        kinds = ["debug", "info", "warn", "error", "critical"]
        for name, level in LEVELS.items():
            path = self.mktemp()
            log = self.log(LogFile(path).from_level(name))
            for kind in kinds:
                log.emit(LogLevel.levelWithName(kind), "x")
            written = [re.findall(r"\[(\w+)\]", line)[0] for line in self.lines(path)]
            self.assertEqual(written, kinds[kinds.index(level) :], name)


class SystemLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.entries: list[tuple[int, str]] = []
        self.syslog = SystemLog("distccd", lambda *entry: self.entries.append(entry))

    def test_levels(self) -> None:
        """A line has syslog's own priority for its level, and what is less severe is left out."""
        log = Logger("test", observer=self.syslog.from_level("notice"))
        for kind in ("debug", "info", "warn", "error", "critical"):
            log.emit(LogLevel.levelWithName(kind), "{what} happens", what=kind)
        priorities = (syslog.LOG_INFO, syslog.LOG_WARNING, syslog.LOG_ERR, syslog.LOG_CRIT)
        kinds = ("info", "warn", "error", "critical")
        expected = [(number, f"{kind} happens") for number, kind in zip(priorities, kinds, strict=True)]
        self.assertEqual(self.entries, expected)

    def test_lines(self) -> None:
        """Each line is an entry of its own; no text of a peer's looks like the beginning of one."""
        Logger("test", observer=self.syslog).warn("{text}", text="a\x1b[2J\njob peer=evil")
        self.assertEqual([line for _, line in self.entries], ["a\\x1b[2J", "\tjob peer=evil"])
