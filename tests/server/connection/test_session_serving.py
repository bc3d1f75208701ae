"""Jobs of sessions, for statistics: how long their files took to come, and their results to go."""

from __future__ import annotations

from hashlib import sha256

from tests.hostile.test_sessions import HELLO, data, job, upload
from tests.server.in_memory import ConnectionTestCase
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply
from twisted_distcc.observe.histogram import Histogram
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.wire.session_frames import STOP, WIND, frame

SOURCE = b"int main() {}\n"


class TransferTests(ConnectionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.traffic = self.factory.traffic = Traffic()

    def assert_took(self, found: Histogram, *seconds: float) -> None:
        self.assertEqual((sum(found.counts), found.total), (len(seconds), sum(seconds)))

    def test_files_that_are_asked_for(self) -> None:
        """A job whose source is lacking has it when its upload is whole; one that is known, at once."""
        protocol, _ = self.connect()
        protocol.dataReceived(HELLO + data(1, job(sha256(SOURCE).digest())))
        self.assert_took(self.traffic.receiving)
        self.clock.advance(2)
        protocol.dataReceived(data(3, upload(SOURCE)))
        self.assert_took(self.traffic.receiving, 2.0)
        protocol.dataReceived(data(5, job(sha256(SOURCE).digest())))
        self.assert_took(self.traffic.receiving, 2.0, 0.0)
        self.assertEqual(self.compile.sources, [SOURCE] * 2)

    def test_results(self) -> None:
        """A result is sent when the client has let the last of it come, and not when it gives up."""
        protocol, _ = self.connect()
        protocol.dataReceived(HELLO + data(1, job()) + data(3, job()))
        for answer in self.compile.answers:
            answer.callback(Reply(0, object_file=Body.of(b"x" * 2_000_000)))
        self.clock.advance(4)
        protocol.dataReceived(frame(STOP, 3, 0))
        self.assert_took(self.traffic.sending)
        protocol.dataReceived(frame(WIND, 1, 2_000_000))
        self.assert_took(self.traffic.sending, 4.0)
