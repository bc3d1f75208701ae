"""Keep a server's folder for temporary files: whoever cleans up around it must not end its work."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log

_SECONDS: Final = 5.0


class FolderKeeper:
    """Makes the folder again if it is gone; jobs that miss it meanwhile are done elsewhere.

    Args:
        clock: says when to look.
        workspaces: the folder.
        log: is told.
    """

    def __init__(self, clock: IReactorTime, workspaces: Workspaces, log: Log) -> None:
        self._workspaces = workspaces
        self._log = log
        self._has_failed = False
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self._looking.start(_SECONDS, now=False)

    def stop(self) -> None:
        """Look no more."""
        self._looking.stop()

    def _look(self) -> None:
        try:
            is_new = self._workspaces.restore()
        except OSError as error:
            if not self._has_failed:  # say it once
                self._log.error("there is no folder for temporary files: {error}", error=error)
            self._has_failed = True
            return
        self._has_failed = False
        if is_new:
            path = self._workspaces.path
            self._log.warn("the folder {path} was gone; there is a new one", path=path)
