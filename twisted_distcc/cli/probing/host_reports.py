"""What a host has told about itself, bounded and checked: everything in it came from the host."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from twisted_distcc.client.backends.host_faults import HostError
from twisted_distcc.client.backends.likeness import parsed_answer
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.jobs.model import Reply

_LONGEST_ANSWER: Final = 64 * 1024
_LONGEST_WORD: Final = 100
_LONGEST_REASON: Final = 300
_MOST_PARTS: Final = 100
_MOST: Final = 1_000_000
# How compilers sign the objects that they make, in the section `.comment`.
_GCC: Final = re.compile(rb"GCC: \(([\x20-\x7e]{1,80})\) ([\x20-\x7e]{1,40})\0")
_CLANG: Final = re.compile(rb"[\x20-\x7e]{0,40}clang version [\x20-\x7e]{1,80}(?=\0)")


@dataclass(frozen=True, slots=True)
class Status:
    """What one of our servers says about itself.

    Attributes:
        version: of the server.
        sandbox: whether it runs compilers in a sandbox.
        slots: how many jobs it runs at once.
        cpus: how many processors it has.
        clock: its time, in seconds since the epoch.
    """

    version: str
    sandbox: bool
    slots: int
    cpus: int
    clock: float

    @classmethod
    def of(cls, told: Any) -> Status | None:
        """Parse an answer; `None` if it is not one."""
        match told:
            case {
                "version": str(version),
                "sandbox": bool(sandbox),
                "slots": int(slots),
                "cpus": int(cpus),
                "time": int() | float() as clock,
            } if 0 < slots < _MOST and 0 < cpus < _MOST and math.isfinite(clock):
                return cls(_word(version), sandbox, slots, cpus, float(clock))
            case _:
                return None


@dataclass(frozen=True, slots=True)
class CompilerReport:
    """What a host has said about its compiler of one name, and made with it.

    Attributes:
        name: the compiler's name.
        digest: what identifies it; `None` if the host cannot tell, or was not asked.
        is_exact: whether the host preprocesses our files at our own paths.
        version: how it signs the objects that it makes.
        differs: what differs from this machine's compiler, if it does.
        fault: why the host compiled nothing with it.
        seconds: how long a compile of a single line took.
        is_brought: whether it runs this machine's compiler, which is sent along, in place of its own.
        loads_plugins: whether that compiler may load plugins there, which are sent along as well.
    """

    name: str
    digest: str | None = None
    is_exact: bool = False
    version: str | None = None
    differs: tuple[str, ...] = ()
    fault: HostError | None = None
    seconds: float = 0.0
    is_brought: bool = False
    loads_plugins: bool = False


@dataclass(frozen=True, slots=True)
class HostReport:
    """What came of asking one host.

    Attributes:
        host: the host.
        fault: why it could not be asked; then there is nothing else.
        protocol: the newest version of the protocol that it speaks with us.
        status: what it says about itself; `None` if it does not know the question, as C distccd.
        round_trip: seconds from a question to its answer.
        asked_at: our time in the middle of that, in seconds since the epoch.
        compilers: what it said about each compiler.
        open_ports: of a host that could not be reached, the usual ports that are open there.
        certificate_end: when its certificate expires.
    """

    host: RemoteHost
    fault: HostError | None = None
    protocol: int = 0
    status: Status | None = None
    round_trip: float = 0.0
    asked_at: float = 0.0
    compilers: tuple[CompilerReport, ...] = ()
    open_ports: tuple[int, ...] = ()
    certificate_end: datetime | None = None


def parsed(reply: Reply) -> Any:
    """Return the JSON in an answer; `None` if there is none."""
    return parsed_answer(reply, _LONGEST_ANSWER)


def is_ours(told: Any) -> bool:
    """Whether an answer is that of a server of this project."""
    return isinstance(told, dict) and told.get("server") == "twisted-distccd"


def takes_ours(told: Any, digest: str | None) -> bool:
    """Whether a host that told this of its compiler runs ours, which has this `digest`, instead."""
    match told:
        case {"toolchains": "taken"}:
            return digest is not None and told.get("compiler") != digest
        case _:
            return False


def why_not_ours(told: Any) -> str | None:
    """Return why a host takes no compiler along, if it has said so."""
    match told:
        case {"toolchains": "no", "why": str(why)}:
            return "".join(one if one.isprintable() else "?" for one in why[:_LONGEST_REASON])
        case _:
            return None


def parts_told(told: Any) -> Mapping[str, str]:
    """Return the parts of a compiler in an answer; none if there are none."""
    match told:
        case {"parts": dict(parts)} if len(parts) <= _MOST_PARTS:
            return {_word(name): _word(str(digest)) for name, digest in parts.items()}
        case _:
            return {}


def signature(object_file: bytes) -> str | None:
    """Return how a compiler signed an object, such as `GCC 12.2.0 (Debian 12.2.0-14)`."""
    if (gcc := _GCC.search(object_file)) is not None:
        return f"GCC {gcc[2].decode('ascii')} ({gcc[1].decode('ascii')})"
    clang = _CLANG.search(object_file)
    return clang[0].decode("ascii").strip() if clang else None


def _word(text: str) -> str:
    """Return a host's word, short and printable."""
    return "".join(one if one.isprintable() else "?" for one in text[:_LONGEST_WORD])
