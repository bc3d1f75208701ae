"""What hosts refuse of every unit of a kind, so that they are not asked for each.

In: a refusal that is about more than one unit, such as that a host lacks a compiler.  Out: for a while,
the same refusal, for all units of that kind, and for these alone: another compiler may be served.  A
host that fails as a host is `client.backoff`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.hosts import Host, RemoteHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler

# A user has some hosts and some compilers; what is forgotten is asked once more.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """Units that a host serves alike, as far as it is known beforehand.

    Attributes:
        compiler: what compiles them.
        is_assembler: whether their sources are assembler, which C distccd refuses.
        by_name: whether a compiler of the same name will do.
    """

    compiler: LocalCompiler
    is_assembler: bool
    by_name: bool


@dataclass(frozen=True, slots=True)
class _Note:
    at: float
    error: HostError


class Refusals:
    """The refusals that one process has met; `clock` tells how long ago."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._notes: dict[tuple[Host, Kind], _Note] = {}

    def note(self, host: RemoteHost, kind: Kind, error: HostError) -> None:
        """Remember that `host` has just refused units of `kind`."""
        if len(self._notes) >= _MOST:
            self._notes.clear()
        self._notes[host, kind] = _Note(self._clock.seconds(), error)

    def known(self, hosts: Iterable[Host], kind: Kind, period: float) -> dict[Host, HostError]:
        """Return those of `hosts` that refused `kind` within the last `period` seconds, and how."""
        notes = {host: note for host in hosts if (note := self._notes.get((host, kind)))}
        now = self._clock.seconds()
        return {host: note.error for host, note in notes.items() if now - note.at < period}
