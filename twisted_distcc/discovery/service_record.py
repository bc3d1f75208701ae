"""The record by which a server is found, in the form that C distcc announces and looks for.

An instance of the service `_distcc._tcp` is called `distcc@HOST`.  Its TXT record has C distcc's keys::

    txtvers=1 cpus=8 jobs=10 distcc=3.4 cc_version=12 cc_machine=x86_64-linux-gnu

and further ones of ours, which C distcc passes over: `server`, `tls` (the port for clients with
certificates), `name` (the name in the server's certificate, if that lacks the address), and
`digest-gcc` and the like, for people and their scripts: a client asks the server itself.  C distcc looks
for a subtype that is made from its compiler's machine and version, as in
`_x86-64-linux-gnu--12._sub._distcc._tcp`.

Anybody on the network can announce anything: `Found.of` takes what is within bounds, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TYPE: Final = "_distcc._tcp.local."
_SERVER: Final = "twisted-distccd"
_MOST_JOBS: Final = 1000
_HIGHEST_PORT: Final = 65535
_LONGEST_LABEL: Final = 63
_LONGEST_VALUE: Final = 200
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.?)*")
_DEFAULT_JOBS: Final = 4
_PREFIX: Final = "digest-"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a server announces.

    Attributes:
        version: the server's version.
        jobs: how many jobs it runs at once.
        cpus: how many processors it has.
        machine, compiler_version: what `gcc -dumpmachine` and `gcc -dumpversion` say there, or "".
        digests: the digests of its compilers, by name.
        tls: the port for clients with certificates; 0 if there is none.
        name: the name in its certificate, if its address is not in it.
    """

    version: str
    jobs: int
    cpus: int
    machine: str = ""
    compiler_version: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    tls: int = 0
    name: str = ""

    def properties(self) -> dict[str, str]:
        """Return the keys of the TXT record, with their values, in the order of their importance."""
        told = {
            "txtvers": "1",
            "cpus": str(self.cpus),
            "jobs": str(self.jobs),
            "distcc": self.version,
            "cc_version": self.compiler_version,
            "cc_machine": self.machine,
            "server": _SERVER,
            "tls": str(self.tls) if self.tls else "",
            "name": self.name,
        }
        digests = {f"{_PREFIX}{name}": digest for name, digest in self.digests.items()}
        return {key: value for key, value in (told | digests).items() if value}

    @property
    def subtype(self) -> str | None:
        """The subtype that C distcc looks for; `None` if the compiler is unknown."""
        if not (self.machine and self.compiler_version):
            return None
        label = f"_{_label(self.machine)}--{_label(self.compiler_version)}"
        return f"{label[:_LONGEST_LABEL]}._sub.{TYPE}"


def instance(host: str) -> str:
    """Return the name of the instance on `host`, as C distcc forms it."""
    short = host.partition(".")[0].encode("ascii", "replace").decode()
    return f"distcc@{short or 'localhost'}"[:_LONGEST_LABEL] + f".{TYPE}"


@dataclass(frozen=True, slots=True)
class Found:
    """A server that was found.

    Attributes:
        address: its address, which is on a network of this machine.
        port: its port for plain TCP; 0 if it has none.
        jobs: how many jobs it says it runs at once.
        tls: its port for clients with certificates; 0 if it has none.
        name: the name in its certificate; "" means its address.
    """

    address: str
    port: int
    jobs: int
    tls: int = 0
    name: str = ""

    @classmethod
    def of(cls, address: str, port: int, properties: Mapping[bytes, bytes | None]) -> Found | None:
        """Parse a record; `None` if it is not one of a server that can be called."""
        told = dict(filter(None, map(_pair, properties.items())))
        tls = _number(told.get("tls", ""), _HIGHEST_PORT)
        if not 0 < port <= _HIGHEST_PORT:
            return None
        jobs = _number(told.get("jobs", ""), _MOST_JOBS) or _number(told.get("cpus", ""), _MOST_JOBS)
        name = told.get("name", "")
        return cls(
            address,
            0 if port == tls else port,
            jobs or _DEFAULT_JOBS,
            tls,
            name if tls and _NAME.fullmatch(name) else "",
        )


def _pair(item: tuple[bytes, bytes | None]) -> tuple[str, str] | None:
    """Return a key and a value as text; `None` if they are none, or too long."""
    key, value = item
    if value is None or len(value) > _LONGEST_VALUE or len(key) > _LONGEST_VALUE:
        return None
    try:
        return key.decode("ascii").lower(), value.decode("ascii")
    except UnicodeDecodeError:
        return None


def _number(text: str, most: int) -> int:
    """Return a whole number from 1 to `most`, or 0."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return 0
    number = int(text)
    return number if number <= most else 0


def _label(text: str) -> str:
    """Return `text` with all but letters and digits replaced, as C distcc does."""
    return re.sub(r"[^A-Za-z0-9]", "-", text)
