"""What an agent takes from a request besides the command: the installation, and when tdistcc began."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.agent.frames import pack_request
from twisted_distcc.agent.handed_over import HandedOver
from twisted_distcc.agent.handover import own_start

STAMP = b"1.0 8 15 42"


def handed_over(began: int) -> HandedOver:
    return HandedOver.parse(pack_request(STAMP, began, 0o22, b",", b"/", [b"gcc"], []))


class AgeTests(SynchronousTestCase):
    def test_age(self) -> None:
        """It is the time since tdistcc began, if that can be."""
        now = time.monotonic_ns() // 1000
        self.assertGreaterEqual(handed_over(now - 5_000_000).age, 5.0)
        for began in 0, -1, now + 10**9, 10**400:
            self.assertEqual(handed_over(began).age, 0.0)

    def test_own_start(self) -> None:
        """A process began before now, and after the system."""
        self.assertLess(0, own_start())
        self.assertLessEqual(own_start(), time.monotonic_ns() // 1000)

    def test_earlier_versions(self) -> None:
        """To an agent of an earlier version, which knows stamps alone, it is another installation."""
        payload = pack_request(STAMP, 1, 0o22, b",", b"/", [b"gcc"], [])
        self.assertEqual(payload.split(b"\0")[0], STAMP + b" 1")
        self.assertNotEqual(HandedOver.parse(payload.replace(b" 1\0", b"\0", 1)).stamp, STAMP)
