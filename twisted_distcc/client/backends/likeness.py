"""What a host says about its compiler, and what that means for ours.

`read_answer` parses the answer to the question about a compiler (`doc/protocol.md`), and returns how the
host's compiler compares to ours, and where the host has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from twisted_distcc.client.backends.host_faults import (
    HostError,
    NoAnswerError,
    RefusedByHostError,
    Scope,
)
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_BAD_ARGUMENTS,
    EXIT_COMPILER_MISSING,
    EXIT_FAILURE,
    EXIT_PROTOCOL_ERROR,
)
from twisted_distcc.jobs.model import Reply
from twisted_distcc.wire.limits import KIB

_LONGEST_ANSWER: Final = 4 * KIB

# How servers refuse a question that they do not know: as a compiler that they do not have.
_WITHOUT_UNDERSTANDING: Final = frozenset(
    {*range(EXIT_FAILURE), EXIT_BAD_ARGUMENTS, EXIT_PROTOCOL_ERROR, EXIT_COMPILER_MISSING}
)


class Likeness(Enum):
    """How a host's compiler compares to ours, according to the host."""

    COMPLETE = auto()
    """As `EXACT`, and it makes all files that a command makes, not only the object."""
    EXACT = auto()
    """The same, and it preprocesses our files at our own paths."""
    BROUGHT = auto()
    """As `EXACT`, as it runs our own compiler, which we send along."""
    BROUGHT_COMPLETE = auto()
    """As `COMPLETE`, likewise."""
    HERMETIC = auto()
    """As `COMPLETE`, likewise, but all files have the same time there: an engine."""
    SAME = auto()
    """Ours."""
    OTHER = auto()
    """A different compiler."""
    UNKNOWN = auto()
    """The host itself cannot tell: it may be a script."""
    UNTOLD = auto()
    """The host does not know the question, like C distccd."""

    @property
    def is_exact(self) -> bool:
        """Whether it preprocesses our files at our own paths, with our compiler."""
        return self.is_complete or self in (Likeness.EXACT, Likeness.BROUGHT)

    @property
    def is_complete(self) -> bool:
        """Whether it also makes all files that a command makes, and takes all files that are read."""
        return self in (Likeness.COMPLETE, Likeness.BROUGHT_COMPLETE, Likeness.HERMETIC)

    @property
    def is_brought(self) -> bool:
        """Whether requests bring our own compiler along."""
        return self in (Likeness.BROUGHT, Likeness.BROUGHT_COMPLETE)

    @property
    def runs_ours(self) -> bool:
        """Whether it is our own compiler that runs, at the path that it has here."""
        return self.is_brought or self is Likeness.HERMETIC


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a host has a compiler.

    Attributes:
        called: the path by which it is run.
        real: the same without links.
    """

    called: str
    real: str


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer means.

    Attributes:
        likeness: how the host's compiler compares to ours.
        paths: where the host has it, if it says so.
        loads_plugins: whether the host takes our compiler with plugins of ours, whatever it has itself.
    """

    likeness: Likeness
    paths: Paths | None = None
    loads_plugins: bool = False


def read_answer(reply: Reply, digest: str) -> Told:
    """Parse an answer.

    Raises:
        RefusedByHostError: if the host understood the question and refused, or refuses everything.
    """
    match parsed_answer(reply, _LONGEST_ANSWER):
        case {"server": "twisted-distccd"} as told:
            if reply.exit_code == EXIT_COMPILER_MISSING and _takes_ours(told):
                return Told(_brought(told), loads_plugins=takes_plugins(told))
            if reply.status:
                raise _refusal(reply, told)
            return Told(_compared(told, digest), _paths(told), takes_plugins(told))
        case _ if reply.exit_code not in _WITHOUT_UNDERSTANDING:
            raise RefusedByHostError.of(reply)
        case _:
            return Told(Likeness.UNTOLD)


def _refusal(reply: Reply, told: Any) -> RefusedByHostError:
    """Return the refusal of this compiler's simplest job, which applies to all its others, too."""
    error = RefusedByHostError.of(reply)
    match told:
        case {"toolchains": "no", "why": str(why)} if reply.exit_code == EXIT_COMPILER_MISSING:
            error = error.because(_plain(why))
    error.scope = Scope.COMPILER
    return error


def _plain(words: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in words)


def _takes_ours(told: Any) -> bool:
    """Whether a host takes our compiler along."""
    match told:
        case {"toolchains": "taken"}:
            return True
        case _:
            return False


def takes_plugins(told: Any) -> bool:
    """Whether a host takes our compiler along with programs to load, and notices what these make."""
    match told:
        case {"toolchains": "taken", "programs": "taken", "outputs": "all"}:
            return True
        case _:
            return False


def _brought(told: Any) -> Likeness:
    """Return what a host does with our compiler, which it takes."""
    match told:
        case {"outputs": "all"}:
            return Likeness.BROUGHT_COMPLETE
        case _:
            return Likeness.BROUGHT


def _compared(told: Any, digest: str) -> Likeness:
    match told:
        case {"compiler": theirs, "toolchains": "taken"} if theirs != digest:
            return _brought(told)
        case {"compiler": str(theirs)} if theirs != digest:
            return Likeness.OTHER
        case {"compiler": str(), "preprocesses": "exact", "outputs": "all"}:
            return Likeness.COMPLETE
        case {"compiler": str(), "preprocesses": "exact"}:
            return Likeness.EXACT
        case {"compiler": str()}:
            return Likeness.SAME
        case _:
            return Likeness.UNKNOWN


def _paths(told: Any) -> Paths | None:
    match told:
        case {"path": str(called), "real_path": str(real)}:
            return Paths(called, real)
        case _:
            return None


def parsed_answer(reply: Reply, most: int) -> Any:
    """Return the JSON in an answer of at most `most` bytes; `None` if there is none."""
    if reply.stdout.length > most:
        return None
    try:
        return json.loads(reply.stdout.read())
    except (ValueError, RecursionError, OSError):
        return None


def scope_of(error: HostError, likeness: Likeness | None) -> Scope:
    """Return which jobs `error` is about, given what its host has said of its compiler."""
    is_told = likeness not in (None, Likeness.UNTOLD)
    if isinstance(error, NoAnswerError) and not is_told:  # as C distccd refuses
        return Scope.COMPILER
    if isinstance(error, RefusedByHostError) and error.exit_code == EXIT_ACCESS_DENIED and is_told:
        return Scope.JOB  # the simplest job of this compiler is not denied
    return error.scope
