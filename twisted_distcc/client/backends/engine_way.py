"""The way to engines: the modules that call them need libraries which are an optional extra.

They are imported on first use: most users have no such hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted_distcc.client.backends.brought_tools import BroughtTools
from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.hosts import RemoteHost

if TYPE_CHECKING:
    from twisted_distcc.client.backends.engines import Engines

_EXTRA: Final = "needs libraries that are not installed: `pip install twisted_distcc[remote-execution]`"


class MissingLibrariesError(HostError):
    """An engine cannot be called with what is installed."""


class EngineWay:
    """Leads to the engines of one process, if any are wanted.

    Attributes:
        tools: the compilers here that hosts are sent, engines and others.
    """

    def __init__(self) -> None:
        self.tools = BroughtTools()
        self._engines: Engines | None = None

    def engines(self, reactor: Any) -> Engines:
        """Return the engines.

        Raises:
            MissingLibrariesError: if the libraries for them are not installed.
        """
        if self._engines is None:
            try:
                from twisted_distcc.client.backends.engines import Engines
            except ImportError:
                raise MissingLibrariesError(_EXTRA) from None
            self._engines = Engines(reactor, self.tools.toolchains(reactor))
        return self._engines

    def doubt(self, host: RemoteHost) -> None:
        """Make no more calls on connections to `host`: it has not answered in time."""
        if self._engines is not None:
            self._engines.doubt(host)
