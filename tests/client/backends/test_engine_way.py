"""The way to engines, whose libraries need not be installed."""

from __future__ import annotations

import sys
from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.engine_way import EngineWay, MissingLibrariesError
from twisted_distcc.client.hosts import TcpHost


class WayTests(SynchronousTestCase):
    def test_not_installed(self) -> None:
        """Without the libraries an engine is a host that fails, and the message says what to install."""
        way = EngineWay()
        way.doubt(TcpHost("red"))
        name = "twisted_distcc.client.backends.engines"
        with patch.dict(sys.modules, {name: None}), self.assertRaises(MissingLibrariesError) as caught:
            way.engines(Clock())
        self.assertIn("twisted_distcc[remote-execution]", str(caught.exception))
