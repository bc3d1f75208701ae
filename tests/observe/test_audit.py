"""The audit log: what a line says, and that no line is lost without a word."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_IO_ERROR
from twisted_distcc.observe.audit import AuditLog, NoAuditLogError
from twisted_distcc.observe.job_records import Content, JobRecord
from twisted_distcc.observe.recorders import RefusedConnection
from twisted_distcc.policy.peer import STDIO, Peer, tcp_peer
from twisted_distcc.policy.verdict import Refused

ALICE = Peer("tls:alice", tcp_peer("192.0.2.9", 1).address, 4000, ("CN=alice", "serial 17"))
JOB = JobRecord(
    peer=ALICE,
    verdict="done",
    version=2,
    compiler="/usr/bin/gcc",
    source="hello.c",
    status=0,
    trace=("rule 'users' allows it",),
    compiler_sha256="cc" * 32,
    source_content=Content("aa" * 32, 12),
    object_content=Content("bb" * 32, 345),
    duration=1.23456,
)


class Disk:
    """`os.write` on a disk with room for so many bytes; it takes what fits, then nothing."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._write(descriptor, bytes(data)[: self.room])
        self.room -= taken
        return taken


class AuditTestCase(SynchronousTestCase):
    """A log, a clock that the test sets, and what was complained of."""

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "audit.log")
        self.now = 1_800_000_000.25
        self.complaints: list[str] = []
        self.log = AuditLog(self.path, lambda: self.now, self.complaints.append)
        self.addCleanup(self.log.close)

    def lines(self, path: str | None = None) -> list[dict[str, Any]]:
        with open(path or self.path, "rb") as file:
            return [json.loads(line) for line in file.read().splitlines()]

    def tell(self, *sources: str) -> None:
        for source in sources:
            self.log.record(JobRecord(STDIO, "done", 1, "gcc", source=source))

    def sources(self, path: str | None = None) -> list[str]:
        return [line["source"] for line in self.lines(path)]


class LineTests(AuditTestCase):
    def test_a_job(self) -> None:
        """A line has who, what, what of, what came of it and why, in UTC and in digests."""
        self.log.record(JOB)
        self.assertEqual(
            self.lines(),
            [
                {
                    "time": "2027-01-15T08:00:00.250Z",
                    "event": "job",
                    "identity": "tls:alice",
                    "address": "192.0.2.9",
                    "port": 4000,
                    "names": ["CN=alice", "serial 17"],
                    "verdict": "done",
                    "reasons": ["rule 'users' allows it"],
                    "version": 2,
                    "compiler": "/usr/bin/gcc",
                    "compiler_sha256": "cc" * 32,
                    "source": "hello.c",
                    "input": {"sha256": "aa" * 32, "bytes": 12},
                    "outputs": {"object": {"sha256": "bb" * 32, "bytes": 345}},
                    "limits": [],
                    "status": 0,
                    "duration": 1.2346,
                }
            ],
        )
        told = datetime.fromisoformat(self.lines()[0]["time"])
        self.assertEqual(told, datetime.fromtimestamp(self.now, UTC))

    def test_dependencies(self) -> None:
        """A dependency file is an output like the object."""
        self.log.record(replace(JOB, dependencies_content=Content("dd" * 32, 6)))
        outputs = self.lines()[0]["outputs"]
        self.assertEqual(outputs["dependencies"], {"sha256": "dd" * 32, "bytes": 6})
        self.assertEqual(outputs["object"], {"sha256": "bb" * 32, "bytes": 345})

    def test_a_refusal(self) -> None:
        """All reasons are there: every rule that was tried, and what the client was told."""
        self.log.record(
            JobRecord(STDIO, "refused", 1, "gcc", trace=("rule 'a' does not match",), reason="no rule")
        )
        (line,) = self.lines()
        self.assertEqual(line["reasons"], ["rule 'a' does not match", "no rule"])
        self.assertEqual((line["verdict"], line["outputs"]), ("refused", {}))
        self.assertNotIn("status", line)
        self.assertNotIn("address", line)

    def test_a_connection(self) -> None:
        """Who may not connect is told of as well."""
        refusal = Refused(("not you",), EXIT_ACCESS_DENIED)
        self.log.record(RefusedConnection(tcp_peer("192.0.2.9", 4000), refusal))
        (line,) = self.lines()
        self.assertEqual(
            {name: line[name] for name in ("event", "identity", "verdict", "reasons")},
            {
                "event": "connection",
                "identity": "tcp:192.0.2.9",
                "verdict": "refused",
                "reasons": ["not you"],
            },
        )

    def test_nothing_can_be_forged(self) -> None:
        """Whatever a client sends stays within its line, in plain ASCII, and comes out as it was."""
        odd = 'x"}\n{"a": "\u2028\x85\r\0\udcff\U0001f600'
        self.log.record(JobRecord(Peer("tls:" + odd, names=(odd,)), "refused", 1, odd, source=odd))
        with open(self.path, "rb") as file:
            text = file.read()
        self.assertEqual((text.count(b"\n"), text[-1:]), (1, b"\n"))
        self.assertTrue(text.isascii())
        (line,) = self.lines()
        self.assertEqual((line["compiler"], line["names"], line["source"]), (odd, [odd], odd))

    def test_long_texts_are_cut(self) -> None:
        """A megabyte of name does not become a megabyte of log."""
        long = "x" * 1_000_000
        self.log.record(JobRecord(STDIO, "refused", 1, long, source=long, reason=long))
        self.assertLess(os.path.getsize(self.path), 20_000)


class OpeningTests(AuditTestCase):
    def test_its_owner_alone_may_read_it(self) -> None:
        """The file is made with mode 0600, whatever the umask leaves."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_what_is_there_stays(self) -> None:
        """A second server appends."""
        self.tell("a.c")
        other = AuditLog(self.path, lambda: self.now, self.complaints.append)
        self.addCleanup(other.close)
        other.record(JOB)
        self.tell("b.c")
        self.assertEqual(self.sources(), ["a.c", "hello.c", "b.c"])

    def test_what_is_no_file(self) -> None:
        """A folder, a pipe, a device and a path to nowhere are refused in a sentence, at once."""
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        for path in (self.folder, pipe, "/dev/null", "/no/such/audit.log"):
            with self.assertRaises(NoAuditLogError) as caught:
                AuditLog(path, lambda: self.now, self.complaints.append)
            self.assertIn(path, str(caught.exception))
            self.assertEqual(caught.exception.exit_code, EXIT_IO_ERROR)


class RotationTests(AuditTestCase):
    def test_reopened(self) -> None:
        """Asked to, it begins a new file, and the old one has every line before."""
        self.tell("a.c")
        os.rename(self.path, self.path + ".1")
        self.tell("b.c")
        self.log.renew()
        self.tell("c.c")
        self.assertEqual(self.sources(self.path + ".1"), ["a.c", "b.c"])
        self.assertEqual(self.sources(), ["c.c"])

    def test_moved_and_nobody_says_so(self) -> None:
        """It notices by itself, a second after its last look at the latest."""
        self.tell("a.c")
        os.rename(self.path, self.path + ".1")
        self.now += 0.99
        self.tell("b.c")
        self.now += 0.01
        self.tell("c.c")
        self.assertEqual(self.sources(self.path + ".1"), ["a.c", "b.c"])
        self.assertEqual(self.sources(), ["c.c"])

    def test_another_file_in_its_place(self) -> None:
        """So it does when there is another file of its name."""
        os.rename(self.path, self.path + ".1")
        with open(self.path, "x"):
            pass
        self.now += 1
        self.tell("a.c")
        self.assertEqual(self.sources(), ["a.c"])

    def test_cut_to_nothing(self) -> None:
        """A file that was copied and cut goes on from its beginning."""
        self.tell("a.c")
        os.truncate(self.path, 0)
        self.tell("b.c")
        self.assertEqual(self.sources(), ["b.c"])

    def test_a_clock_that_is_set_back(self) -> None:
        """It is no reason to look away for the time that is lived twice."""
        os.rename(self.path, self.path + ".1")
        self.now -= 3600
        self.tell("a.c")
        self.assertEqual(self.sources(), ["a.c"])

    def test_no_new_file_can_be_made(self) -> None:
        """Then it goes on in the old one, complains once, and begins the new one when it can."""
        os.rename(self.folder, self.folder + ".1")
        for source in ("a.c", "b.c"):
            self.now += 1
            self.tell(source)
        self.assertEqual(self.sources(self.folder + ".1/audit.log"), ["a.c", "b.c"])
        (complaint,) = self.complaints
        self.assertIn(self.path, complaint)
        os.mkdir(self.folder)
        self.now += 1
        self.tell("c.c")
        self.assertEqual(self.sources(), ["c.c"])


class FullDiskTests(AuditTestCase):
    def test_lines_are_lost_and_counted(self) -> None:
        """A disk without room fails nothing; one complaint, and a count when there is room again."""
        self.tell("a.c")
        with patch("os.write", Disk(0).write):
            self.tell("b.c", "c.c", "d.c")
        (complaint,) = self.complaints
        self.assertIn("takes no more: No space left on device", complaint)
        self.tell("e.c", "f.c")
        first, lost, *others = self.lines()
        self.assertEqual((lost["event"], lost["lines"]), ("lost", 3))
        self.assertEqual([first["source"], *(o["source"] for o in others)], ["a.c", "e.c", "f.c"])
        self.assertIn("3 lines are lost", self.complaints[1])
        self.assertEqual(len(self.complaints), 2)

    def test_a_torn_line(self) -> None:
        """A line of which half was written is lost, and does not take the next one with it."""
        with patch("os.write", Disk(10).write):
            self.tell("a.c")
        self.tell("b.c")
        with open(self.path, "rb") as file:
            torn, *others = file.read().splitlines()
        self.assertEqual(torn, b'{"time":"2')
        lost, whole = map(json.loads, others)
        self.assertEqual((lost["lines"], whole["source"]), (1, "b.c"))

    def test_a_torn_line_in_the_file_before(self) -> None:
        """The end of a torn line is not written into the next file."""
        with patch("os.write", Disk(10).write):
            self.tell("a.c")
        os.rename(self.path, self.path + ".1")
        self.log.renew()
        self.tell("b.c")
        self.assertEqual([line["event"] for line in self.lines()], ["lost", "job"])

    def test_short_writes_are_completed(self) -> None:
        """A line that the system takes in pieces is whole."""
        write = os.write
        with patch("os.write", lambda descriptor, data: write(descriptor, bytes(data)[:7])):
            self.tell("a.c")
        self.assertEqual(self.sources(), ["a.c"])
        self.assertEqual(self.complaints, [])

    def test_one_write_a_line(self) -> None:
        """Several servers may have one file: a line is given to the system whole."""
        written: list[bytes] = []
        with patch("os.write", lambda _, data: written.append(bytes(data)) or len(data)):
            self.tell("a.c", "b.c")
        self.assertEqual([text.count(b"\n") for text in written], [1, 1])
