"""What a server is put together of: who is told of its events, and who may connect."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.observe.audit import NoAuditLogError
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.policy.access import AllowList
from twisted_distcc.policy.peer import tcp_peer
from twisted_distcc.policy.verdict import ALLOWED, Refused
from twisted_distcc.server.job.wiring import admit, make_recorders
from twisted_distcc.server.options.config import ServerConfig

DONE = JobRecord(tcp_peer("192.0.2.1", 1), "done", 1, "gcc")


class Said:
    """A log that keeps what it is told, by level."""

    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def info(self, format: str, **values: object) -> None:
        self.infos.append(format.format(**values))

    def warn(self, format: str, **values: object) -> None:
        self.warnings.append(format.format(**values))

    def error(self, format: str, **values: object) -> None:
        self.errors.append(format.format(**values))

    def failure(self, format: str, **values: object) -> None:
        raise AssertionError(format)


class RecordersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.log = Said()

    def recorders(self, audit_log: str | None = None) -> Recorders:
        self.config = ServerConfig(AllowList.parse(("192.0.2.0/24",)), (), 0, 1, (), audit_log=audit_log)
        made = make_recorders(self.config, self.log)
        self.addCleanup(made.close)
        return made

    def test_in_the_log(self) -> None:
        """A job is one line, and a warning where somebody should know."""
        recorders = self.recorders()
        self.assertFalse(recorders.wants_digests)
        for verdict in ("done", "cancelled", "refused", "failed"):
            recorders.record(replace(DONE, verdict=verdict))
        self.assertEqual((len(self.log.infos), len(self.log.warnings)), (2, 2))
        self.assertEqual(self.log.infos[0], DONE.line())

    def test_in_the_audit_log(self) -> None:
        """Jobs are recorded there as well, and connections that are refused, and no others."""
        path = os.path.abspath(self.mktemp())
        recorders = self.recorders(path)
        self.assertTrue(recorders.wants_digests)
        recorders.record(DONE)
        self.assertEqual(admit(self.config, recorders, tcp_peer("192.0.2.1", 1)), ALLOWED)
        self.assertIsInstance(admit(self.config, recorders, tcp_peer("198.51.100.1", 1)), Refused)
        self.assertEqual(_told(path), [("job", "192.0.2.1"), ("connection", "198.51.100.1")])
        self.assertEqual(self.log.infos, [DONE.line()])

    def test_rotated(self) -> None:
        """Renewing begins a new file."""
        path = os.path.abspath(self.mktemp())
        recorders = self.recorders(path)
        os.rename(path, f"{path}.1")
        recorders.renew()
        recorders.record(DONE)
        self.assertEqual((len(_told(path)), _told(f"{path}.1")), (1, []))

    def test_what_goes_wrong(self) -> None:
        """An audit log that cannot be opened is an error, and one that cannot be renewed a loud line."""
        with self.assertRaises(NoAuditLogError):
            self.recorders("/no/such/log")
        path = os.path.abspath(self.mktemp())
        recorders = self.recorders(path)
        os.unlink(path)
        os.mkdir(path)
        recorders.renew()
        (error,) = self.log.errors
        self.assertIn(path, error)


def _told(path: str) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [(line["event"], line["address"]) for line in lines]
