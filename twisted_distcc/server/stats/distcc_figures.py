"""The figures of distccd's own page, of a server of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from twisted_distcc.observe.statistics import Statistics
from twisted_distcc.server.stats import machine_facts
from twisted_distcc.server.stats.distcc_page import DistccFigures
from twisted_distcc.server.stats.server_view import ServerView

_WINDOWS: Final = (60, 300, 900)
_TIMEOUTS: Final = ("job-lifetime", "sandbox-cpu")


class Disks:
    """How busy the disks were since the last time that somebody asked."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sectors: int | None = None
        self._asked = 0.0

    def rate(self) -> int:
        """Return sectors per second; -1 at first."""
        now, sectors = self._now(), machine_facts.sectors()
        before, self._sectors = self._sectors, sectors
        seconds, self._asked = now - self._asked, now
        if before is None:
            return -1
        return max(0, int((sectors - before) / max(seconds, 1.0)))


def distcc_figures(view: ServerView, disks: Disks) -> DistccFigures:
    """Return the figures; this reads all of `/proc`, and so takes some milliseconds."""
    statistics, traffic = view.statistics, view.statistics.traffic
    longest = statistics.longest
    load = machine_facts.load()
    processes = machine_facts.processes()
    one, five, fifteen = _WINDOWS
    timeouts = _timeouts(statistics)
    return DistccFigures(
        tcp_accept=traffic.connections,
        rej_bad_req=statistics.count("refused") + traffic.broken + traffic.refused.get("address", 0),
        rej_overload=traffic.refused.get("max-connections", 0),
        compile_ok=statistics.count("ok"),
        compile_error=statistics.count("error", "crash"),
        compile_timeout=timeouts,
        cli_disconnect=statistics.count("cancelled"),
        other=statistics.count("failed") - timeouts,
        longest_job=None if longest is None else longest.source,
        longest_job_compiler=None if longest is None else os.path.basename(longest.compiler),
        longest_job_seconds=None if longest is None else longest.seconds,
        max_kids=view.admission.jobs,
        avg_kids=(view.running(one), view.running(five), view.running(fifteen)),
        current_load=load.current,
        loads=load.averages,
        num_compiles=(view.finished(one), view.finished(five), view.finished(fifteen)),
        num_procstate_d=processes.waiting,
        max_rss=processes.largest,
        max_rss_name=processes.name,
        io_rate=disks.rate(),
        free_space=machine_facts.free_space(view.folder),
    )


def _timeouts(statistics: Statistics) -> int:
    return sum(statistics.limits.get(limit, 0) for limit in _TIMEOUTS)
