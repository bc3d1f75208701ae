"""Requests and replies as the program sees them."""

from __future__ import annotations

import signal

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.jobs.model import Reply


class ReplyTests(SynchronousTestCase):
    def test_exit_codes(self) -> None:
        """A wait status is an exit code, or 128 and the signal that killed."""
        for status, code in ((0, 0), (1 << 8, 1), (116 << 8, 116), (signal.SIGKILL, 137)):
            self.assertEqual(Reply(status).exit_code, code)

    def test_a_core_dump_is_a_signal_too(self) -> None:
        """The bit that tells of a core dump does not hide the signal."""
        self.assertEqual(Reply(signal.SIGSEGV | 0x80).exit_code, 128 + signal.SIGSEGV)

    def test_a_sentence(self) -> None:
        """A sentence stands where a compiler's messages would, one line, with its exit code."""
        reply = Reply.sentence(110, "no \udcff compiler")
        self.assertEqual(reply.exit_code, 110)
        self.assertEqual(reply.stderr.read(), b"no \xff compiler\n")
        self.assertEqual((reply.stdout.length, reply.object_file.length), (0, 0))
