"""Remember which kinds of unit a host refuses, so that it is not asked again for each.

A refusal that is about more than one unit, for instance because a host lacks a compiler, is remembered
for a while, for units of that kind only: the host may well serve another compiler.
`client.scheduling.backoff` deals with hosts that fail altogether.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.hosts import Host, RemoteHost
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler

# A user has some hosts and some compilers; a host is asked again about what is forgotten.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of unit that a host either serves or refuses as a whole.

    Attributes:
        compiler: the compiler.
        is_assembler: whether the source is assembler, which C distccd refuses.
        by_name: whether any compiler of the same name will do.
    """

    compiler: LocalCompiler
    is_assembler: bool
    by_name: bool

    @classmethod
    def of(cls, candidate: Candidate, *, by_name: bool) -> Kind:
        """Return the kind of `candidate`."""
        return cls(candidate.local_compiler, candidate.compilation.language.is_assembler, by_name)


@dataclass(frozen=True, slots=True)
class _Note:
    at: float
    error: HostError


class Refusals:
    """The refusals that one process has met; `clock` tells their age."""

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
        if not self._notes:  # as nearly always, and a farm may have many hosts
            return {}
        notes = {host: note for host in hosts if (note := self._notes.get((host, kind)))}
        now = self._clock.seconds()
        return {host: note.error for host, note in notes.items() if now - note.at < period}
