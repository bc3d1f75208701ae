"""Where words about a compile go."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.report import make_report


class ReportTests(SynchronousTestCase):
    def test_a_stream_of_the_caller(self) -> None:
        """A log that is a stream of the caller goes to the caller, and a file is written to."""
        said: list[bytes] = []
        make_report({"DISTCC_LOG": "/dev/stderr"}, said.append).warn("careful")
        self.assertEqual(b"".join(said).count(b"careful"), 1)
        log = Path(self.mktemp())
        make_report({"DISTCC_LOG": str(log)}, said.append).warn("once more")
        self.assertEqual(log.read_bytes().count(b"once more"), 1)
        self.assertEqual(len(said), 1)
