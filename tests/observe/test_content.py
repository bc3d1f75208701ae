"""Digests of bodies."""

from __future__ import annotations

import hashlib
import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.messages.body import IN_MEMORY, PIECE, Spool
from twisted_distcc.observe.content import content_of
from twisted_distcc.observe.jobs import Content


class ContentTests(SynchronousTestCase):
    def test_in_memory_and_on_disk(self) -> None:
        """The digest is that of all bytes, however large the body is."""
        folder = self.mktemp()
        os.mkdir(folder)
        for length in (0, 1, IN_MEMORY, IN_MEMORY + 1, 2 * PIECE + 1):
            spool, data = Spool(folder), os.urandom(length)
            spool.write(data)
            body = spool.finish()
            self.assertEqual(content_of(body), Content(hashlib.sha256(data).hexdigest(), length))
            self.assertEqual(body.read(), data)
            body.discard()
