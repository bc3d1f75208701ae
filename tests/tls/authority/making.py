"""An authority in a folder of a test's, with a clock that the test sets."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.tls.authority import Authority
from twisted_distcc.tls.authority.scope import read_scope

SCOPE = read_scope([".example.org", "10.0.0.0/8"])


class Calendar:
    """A clock for days."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


class AuthorityTestCase(SynchronousTestCase):
    """Tests with a new authority each."""

    def setUp(self) -> None:
        self.calendar = Calendar()
        self.folder = self.place()
        self.authority = Authority.create(self.folder, SCOPE, self.calendar)

    def place(self) -> Path:
        """Give the path of something new, in a folder that is there."""
        return Path(os.path.abspath(self.mktemp()))
